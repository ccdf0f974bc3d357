//! Which fields of which objects mean what here: one table, from which warnings and documentation follow.

use crate::input::foreign::Row;
use crate::input::foreign::Treatment::{self, Irrelevant, Modelled, Named};

use crate::input::linkerd::annotations;
const PROXY_START: Treatment = Named("every pod's proxy starts as its mesh is installed");
const PLACEMENT: Treatment = Named("pods are placed by their requests and zones alone");
const OTHER_METRIC: Treatment = Named("autoscalers look at CPU only");

/// Of every object.
const HEAD: &[Row] = &[
    ("apiVersion", Modelled),
    ("kind", Modelled),
    ("metadata.name", Modelled),
    ("metadata.generateName", Irrelevant),
    ("metadata.namespace", Modelled),
    // Annotations have a table of their own.
    ("metadata.annotations", Modelled),
    ("metadata.labels", Modelled),
    ("metadata.ownerReferences", Modelled),
    ("metadata.creationTimestamp", Irrelevant),
    ("metadata.deletionTimestamp", Irrelevant),
    ("metadata.deletionGracePeriodSeconds", Irrelevant),
    ("metadata.finalizers", Irrelevant),
    ("metadata.generation", Irrelevant),
    ("metadata.managedFields", Irrelevant),
    ("metadata.resourceVersion", Irrelevant),
    ("metadata.selfLink", Irrelevant),
    ("metadata.uid", Irrelevant),
];

/// Of a pod's `spec`, wherever it stands; containers have a table of their own.
const POD: &[Row] = &[
    ("ephemeralContainers", Irrelevant),
    ("hostNetwork", Modelled),
    ("nodeName", Modelled),
    ("affinity", PLACEMENT),
    ("nodeSelector", PLACEMENT),
    ("tolerations", Irrelevant),
    ("topologySpreadConstraints", PLACEMENT),
    ("priority", Irrelevant),
    ("priorityClassName", Irrelevant),
    ("preemptionPolicy", Irrelevant),
    ("schedulerName", Irrelevant),
    ("schedulingGates", Irrelevant),
    ("overhead", Named("what the container runtime takes is not counted")),
    ("resources", Named("requests and limits are those of containers")),
    ("resourceClaims", Named("devices are not modelled")),
    ("runtimeClassName", Named("every container runtime is alike")),
    ("readinessGates", Named("a pod is ready when its containers are")),
    ("restartPolicy", Irrelevant),
    ("terminationGracePeriodSeconds", Modelled),
    ("activeDeadlineSeconds", Named("no pod ends during a run")),
    ("dnsConfig", Named("looking up names takes no time")),
    ("dnsPolicy", Irrelevant),
    ("automountServiceAccountToken", Irrelevant),
    ("enableServiceLinks", Irrelevant),
    ("hostAliases", Irrelevant),
    ("hostIPC", Irrelevant),
    ("hostPID", Irrelevant),
    ("hostUsers", Irrelevant),
    ("hostname", Irrelevant),
    ("imagePullSecrets", Irrelevant),
    ("os", Irrelevant),
    ("securityContext", Irrelevant),
    ("serviceAccount", Irrelevant),
    ("serviceAccountName", Irrelevant),
    ("setHostnameAsFQDN", Irrelevant),
    ("shareProcessNamespace", Irrelevant),
    ("subdomain", Irrelevant),
    ("volumes", Irrelevant),
];

/// Of a container.
const CONTAINER: &[Row] = &[
    ("name", Modelled),
    ("args", Modelled),
    ("command", Modelled),
    ("env[].name", Modelled),
    ("env[].value", Modelled),
    ("env[].valueFrom.configMapKeyRef", Modelled),
    ("env[].valueFrom", Irrelevant),
    ("envFrom[].configMapRef", Modelled),
    ("envFrom[].secretRef", Irrelevant),
    ("envFrom[].prefix", Irrelevant),
    ("ports[].name", Modelled),
    ("ports[].containerPort", Modelled),
    ("ports[].protocol", Irrelevant),
    ("ports[].hostPort", Irrelevant),
    ("ports[].hostIP", Irrelevant),
    ("resources.requests.cpu", Modelled),
    ("resources.requests.memory", Modelled),
    ("resources.limits.cpu", Modelled),
    ("resources.limits.memory", Modelled),
    ("resources.requests.ephemeral-storage", Irrelevant),
    ("resources.limits.ephemeral-storage", Irrelevant),
    ("resources.requests.*", Named("nodes have CPU and memory only")),
    ("resources.limits.*", Named("nodes have CPU and memory only")),
    ("resources.claims", Named("devices are not modelled")),
    ("resizePolicy", Irrelevant),
    ("restartPolicy", Modelled),
    ("restartPolicyRules", Irrelevant),
    ("readinessProbe.periodSeconds", Modelled),
    ("readinessProbe.initialDelaySeconds", Modelled),
    ("readinessProbe.successThreshold", Named("the first success counts")),
    ("readinessProbe", Irrelevant),
    (
        "startupProbe",
        Named("an application is probed for readiness alone; how long it starts is the scenario's"),
    ),
    ("livenessProbe", Named("no container is restarted")),
    ("lifecycle.preStop", Modelled),
    ("lifecycle.postStart", Named("a hook after the start takes no time")),
    ("lifecycle.stopSignal", Irrelevant),
    ("image", Irrelevant),
    ("imagePullPolicy", Irrelevant),
    ("securityContext", Irrelevant),
    ("stdin", Irrelevant),
    ("stdinOnce", Irrelevant),
    ("terminationMessagePath", Irrelevant),
    ("terminationMessagePolicy", Irrelevant),
    ("tty", Irrelevant),
    ("volumeDevices", Irrelevant),
    ("volumeMounts", Irrelevant),
    ("workingDir", Irrelevant),
];

/// Of Deployments, StatefulSets, DaemonSets and ReplicaSets, the pods' template apart.
const WORKLOAD: &[Row] = &[
    ("spec.replicas", Modelled),
    ("spec.selector", Irrelevant),
    ("spec.template.metadata", Modelled),
    ("spec.serviceName", Irrelevant),
    ("spec.minReadySeconds", Modelled),
    ("spec.strategy", Modelled),
    ("spec.updateStrategy.rollingUpdate.partition", Named("all pods are replaced")),
    ("spec.updateStrategy", Modelled),
    ("spec.podManagementPolicy", Named("pods start whenever there is room for them")),
    ("spec.paused", Irrelevant),
    ("spec.progressDeadlineSeconds", Irrelevant),
    ("spec.revisionHistoryLimit", Irrelevant),
    ("spec.ordinals", Irrelevant),
    ("spec.persistentVolumeClaimRetentionPolicy", Irrelevant),
    ("spec.volumeClaimTemplates", Irrelevant),
    ("status.desiredNumberScheduled", Modelled),
    ("status", Irrelevant),
];

/// Of Services.
const SERVICE: &[Row] = &[
    ("spec.selector", Modelled),
    ("spec.ports[].name", Modelled),
    ("spec.ports[].port", Modelled),
    ("spec.ports[].targetPort", Modelled),
    ("spec.ports[].appProtocol", Modelled),
    ("spec.ports[].protocol", Modelled),
    ("spec.ports[].nodePort", Irrelevant),
    ("spec.type", Modelled),
    ("spec.clusterIP", Modelled),
    ("spec.externalName", Modelled),
    ("spec.clusterIPs", Irrelevant),
    ("spec.externalIPs", Irrelevant),
    ("spec.ipFamilies", Irrelevant),
    ("spec.ipFamilyPolicy", Irrelevant),
    ("spec.allocateLoadBalancerNodePorts", Irrelevant),
    ("spec.healthCheckNodePort", Irrelevant),
    ("spec.loadBalancerClass", Irrelevant),
    ("spec.loadBalancerIP", Irrelevant),
    ("spec.loadBalancerSourceRanges", Irrelevant),
    ("spec.publishNotReadyAddresses", Named("only a pod that is ready is an endpoint")),
    ("spec.externalTrafficPolicy", Named("requests from outside come by no node")),
    ("spec.internalTrafficPolicy", Named("a caller's node gets no preference")),
    ("spec.trafficDistribution", Named("a caller's zone gets no preference without a policy")),
    ("spec.sessionAffinity", Named("callers do not stick to one pod without a policy")),
    ("spec.sessionAffinityConfig", Named("callers do not stick to one pod without a policy")),
    ("status", Irrelevant),
];

/// Of HorizontalPodAutoscalers.
const AUTOSCALER: &[Row] = &[
    ("spec.scaleTargetRef.apiVersion", Irrelevant),
    ("spec.scaleTargetRef.kind", Modelled),
    ("spec.scaleTargetRef.name", Modelled),
    ("spec.minReplicas", Modelled),
    ("spec.maxReplicas", Modelled),
    ("spec.targetCPUUtilizationPercentage", Modelled),
    ("spec.metrics[].type", Modelled),
    ("spec.metrics[].resource.name", Modelled),
    ("spec.metrics[].resource.target.type", Irrelevant),
    ("spec.metrics[].resource.target.averageUtilization", Modelled),
    ("spec.metrics[].resource.target.averageValue", Modelled),
    ("spec.metrics[].resource.targetAverageUtilization", Modelled),
    ("spec.metrics[].resource.targetAverageValue", Modelled),
    ("spec.metrics[].containerResource.name", Modelled),
    ("spec.metrics[].containerResource.container", Modelled),
    ("spec.metrics[].containerResource.target.type", Irrelevant),
    ("spec.metrics[].containerResource.target.averageUtilization", Modelled),
    ("spec.metrics[].containerResource.target.averageValue", Modelled),
    ("spec.metrics[].containerResource.targetAverageUtilization", Modelled),
    ("spec.metrics[].containerResource.targetAverageValue", Modelled),
    ("spec.metrics[].pods", OTHER_METRIC),
    ("spec.metrics[].object", OTHER_METRIC),
    ("spec.metrics[].external", OTHER_METRIC),
    ("spec.behavior.scaleUp.stabilizationWindowSeconds", Modelled),
    ("spec.behavior.scaleUp.selectPolicy", Modelled),
    ("spec.behavior.scaleUp.policies[].type", Modelled),
    ("spec.behavior.scaleUp.policies[].value", Modelled),
    ("spec.behavior.scaleUp.policies[].periodSeconds", Modelled),
    ("spec.behavior.scaleUp.tolerance", Modelled),
    ("spec.behavior.scaleDown.stabilizationWindowSeconds", Modelled),
    ("spec.behavior.scaleDown.selectPolicy", Modelled),
    ("spec.behavior.scaleDown.policies[].type", Modelled),
    ("spec.behavior.scaleDown.policies[].value", Modelled),
    ("spec.behavior.scaleDown.policies[].periodSeconds", Modelled),
    ("spec.behavior.scaleDown.tolerance", Modelled),
    ("status", Irrelevant),
];

/// Of Namespaces and Pods, beside what all objects have.
const NAMESPACE: &[Row] = &[("spec", Irrelevant), ("status", Irrelevant)];
const STATUS: &[Row] = &[("status.phase", Modelled), ("status", Irrelevant)];

/// Annotations of a mesh; others change nothing here.
pub(super) const ANNOTATIONS: &[Row] = &[
    ("sidecar.istio.io/inject", Modelled),
    ("sidecar.istio.io/proxyCPU", Modelled),
    ("sidecar.istio.io/proxyCPULimit", Modelled),
    ("sidecar.istio.io/proxyMemory", Modelled),
    ("sidecar.istio.io/proxyMemoryLimit", Modelled),
    ("proxy.istio.io/config", Named("of a proxy's configuration only `concurrency` counts")),
    ("ambient.istio.io/redirection", Modelled),
    ("sidecar.istio.io/status", Irrelevant),
    ("sidecar.istio.io/rewriteAppHTTPProbers", Irrelevant),
    ("sidecar.istio.io/logLevel", Irrelevant),
    ("sidecar.istio.io/componentLogLevel", Irrelevant),
    ("sidecar.istio.io/interceptionMode", Irrelevant),
    ("sidecar.istio.io/nativeSidecar", PROXY_START),
    ("prometheus.istio.io/merge-metrics", Irrelevant),
    ("istio.io/rev", Irrelevant),
    ("linkerd.io/inject", Modelled),
    ("config.linkerd.io/proxy-cpu-request", Modelled),
    ("config.linkerd.io/proxy-cpu-limit", Modelled),
    ("config.linkerd.io/proxy-memory-request", Modelled),
    ("config.linkerd.io/proxy-memory-limit", Modelled),
    ("config.linkerd.io/proxy-enable-native-sidecar", PROXY_START),
    ("config.linkerd.io/admin-port", Irrelevant),
    ("config.linkerd.io/control-port", Irrelevant),
    ("config.linkerd.io/inbound-port", Irrelevant),
    ("config.linkerd.io/outbound-port", Irrelevant),
    ("config.linkerd.io/image-pull-policy", Irrelevant),
    ("config.linkerd.io/proxy-image", Irrelevant),
    ("config.linkerd.io/proxy-log-format", Irrelevant),
    ("config.linkerd.io/proxy-log-level", Irrelevant),
    ("config.linkerd.io/proxy-uid", Irrelevant),
    ("config.linkerd.io/proxy-version", Irrelevant),
    ("config.linkerd.io/opaque-ports", Named("a port speaks the same under every mesh")),
    ("retry.linkerd.io/http", Modelled),
    ("retry.linkerd.io/grpc", Modelled),
    ("retry.linkerd.io/limit", Modelled),
    ("retry.linkerd.io/timeout", Modelled),
    ("timeout.linkerd.io/request", Modelled),
    ("timeout.linkerd.io/response", Named(annotations::RESPONSE)),
    ("timeout.linkerd.io/idle", Named(annotations::IDLE)),
    ("balancer.linkerd.io/failure-accrual", Modelled),
    ("balancer.linkerd.io/failure-accrual-consecutive-max-failures", Modelled),
    ("balancer.linkerd.io/failure-accrual-consecutive-max-penalty", Modelled),
    ("balancer.linkerd.io/failure-accrual-consecutive-min-penalty", Modelled),
    ("balancer.linkerd.io/failure-accrual-consecutive-jitter-ratio", Modelled),
    ("linkerd.io/created-by", Irrelevant),
    ("linkerd.io/proxy-version", Irrelevant),
    ("linkerd.io/trust-root-sha256", Irrelevant),
];

/// Whose annotations are looked at.
pub(super) const MESHES: [&str; 2] = ["istio.io", "linkerd.io"];

/// The rows of a kind of object: full paths.
pub fn fields(shape: Shape) -> Vec<(String, Treatment)> {
    let mut rows = Vec::new();
    let mut add = |prefix: &str, table: &[Row]| {
        rows.extend(table.iter().map(|(path, treatment)| (format!("{prefix}{path}"), *treatment)));
    };
    let mut pod = |prefix: &str| {
        for list in ["containers[].", "initContainers[]."] {
            add(&format!("{prefix}{list}"), CONTAINER);
        }
        add(prefix, POD);
    };
    match shape {
        Shape::Workload => {
            pod("spec.template.spec.");
            add("", WORKLOAD);
        }
        Shape::Pod => {
            pod("spec.");
            add("", STATUS);
        }
        Shape::Service => add("", SERVICE),
        Shape::Namespace => add("", NAMESPACE),
        Shape::Autoscaler => add("", AUTOSCALER),
    }
    add("", HEAD);
    rows
}

/// Objects that have the same fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A set of pods from one template.
    Workload,
    /// A pod.
    Pod,
    /// A Service.
    Service,
    /// A Namespace.
    Namespace,
    /// A HorizontalPodAutoscaler.
    Autoscaler,
}
