//! From what a scenario says of autoscalers to what they are told and see.

use crate::diag::quote;
use crate::mesh::model::{MeshModel, ProxyModel};
use crate::mesh::scenario::{Scenario, Service};
use crate::policy::autoscale::Settings;
use crate::policy::autoscale::replicas::{Metric, Of, Target};
use crate::units::{Cores, Span};

use super::super::workload::{Beside, Workloads};
use super::Autoscaler;

/// Time between two looks at what pods have used: metrics-server's manifests and its Helm chart both set
/// `--metric-resolution=15s` since version 0.5; the flag alone would be 60 s.
pub(in super::super) const SCRAPE: Span = Span::from_seconds(15);

/// The autoscaler of a service, if it has one.
pub(super) fn autoscaler(service: &Service, beside: Beside<'_>) -> Option<Autoscaler> {
    let spec = service.autoscale.clone()?;
    let proxy = proxy(beside).and_then(|proxy| request(proxy.cpu_request, proxy.cpu_limit));
    Some(Autoscaler {
        spec,
        settings: Settings::default(),
        scrape: SCRAPE,
        requests: [application(service), proxy],
    })
}

/// What the application requests, in thousandths of a core. Nothing is assumed here: an autoscaler sees what is written.
fn application(service: &Service) -> Option<u64> {
    let resources = &service.application.resources;
    request(resources.cpu_request, resources.cpu_limit)
}

/// The API server takes the limit for the request where only that is written.
fn request(request: Option<Cores>, limit: Option<Cores>) -> Option<u64> {
    request.or(limit).map(Cores::millicores)
}

/// The proxy in the pod; that of a node is in none of its pods.
const fn proxy(beside: Beside<'_>) -> Option<&ProxyModel> {
    match beside {
        Beside::Pod(proxy) => Some(proxy),
        Beside::Node(_) | Beside::Nothing => None,
    }
}

/// What keeps autoscalers from scaling under this mesh, a sentence each.
pub(in super::super) fn notes(
    scenario: &Scenario,
    mesh: &MeshModel,
    workloads: &Workloads<'_>,
) -> Vec<String> {
    let mut notes = Vec::new();
    for (workload, body) in workloads.serving() {
        let service = &scenario.services[body.service];
        let metrics = service.autoscale.iter().flat_map(|spec| &spec.metrics);
        let reasons =
            metrics.filter_map(|metric| without_value(*metric, service, workloads.beside[workload]));
        notes.extend(reasons.map(|reason| {
            let name = quote(&workloads.all[workload].name);
            format!(
                "the autoscaler of {name} never makes its pods fewer, and without another metric not more either: {reason} \
                 under {} (FailedGetResourceMetric)",
                mesh.name
            )
        }));
    }
    notes
}

/// Why a metric has no value because of the mesh. What is wrong under all of them has been said of the scenario.
fn without_value(metric: Metric, service: &Service, beside: Beside<'_>) -> Option<String> {
    let is_share = matches!(metric.target, Target::Utilization(_));
    let requests = |proxy: &ProxyModel| request(proxy.cpu_request, proxy.cpu_limit).is_some();
    match (metric.of, proxy(beside)) {
        (Of::Proxy, None) if service.injected => Some("its pods have no proxy to look at".to_owned()),
        (Of::Proxy, Some(proxy)) if is_share && !requests(proxy) => {
            Some("the proxy requests no CPU, so its usage is no share of anything".to_owned())
        }
        (Of::Pod, Some(proxy)) if is_share && application(service).is_some() && !requests(proxy) => {
            Some("the proxy requests no CPU, so whole pods have no utilization".to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::{self, Options};
    use crate::mesh::profile::find;
    use crate::mesh::validate;
    use crate::policy::autoscale::behavior::Behavior;
    use crate::program::{Program, compile};

    /// A service without events, of which more is said.
    fn program(mesh: &str, says: &str) -> Program {
        let text = format!(
            "version: 1\nservices: [{{name: web, service_time: 1ms{says}}}]\n\
             traffic: [{{service: web, from: outside, rate: 1/s}}]\n"
        );
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("scenario.yaml");
        std::fs::write(&file, text).expect("a writable temporary folder");
        let (draft, _, mut diagnostics) = input::load(&[file], &Options::default());
        let scenario = validate(&draft, &mut diagnostics).expect("a valid scenario");
        compile(&scenario, &find(mesh, None).expect("a shipped profile").model(4))
    }

    fn setup(program: &Program) -> Option<&Autoscaler> {
        program.lifecycle.as_ref()?.lives.iter().next()?.autoscaler.as_ref()
    }

    #[test]
    fn requests_are_those_that_the_api_server_has() {
        for (mesh, says, expected) in [
            ("none", "", [None, None]),
            ("none", ", resources: {cpu_request: 100m, cpu_limit: 1}", [Some(100), None]),
            ("none", ", resources: {cpu_limit: 1.0001}", [Some(1001), None]),
            ("none", ", resources: {cpu_request: 0}", [Some(0), None]),
            ("istio-sidecar", ", resources: {cpu_request: 0.3}", [Some(300), Some(100)]),
            ("istio-sidecar", ", proxies: {istio-proxy: {cpu_request: 50m}}", [None, Some(50)]),
            ("istio-sidecar", ", proxies: {istio-proxy: {cpu_limit: 2}}", [None, Some(2000)]),
            ("istio-sidecar", ", proxies: {istio-proxy: {memory_limit: 64MiB}}", [None, None]),
            ("istio-sidecar", ", proxies: {linkerd-proxy: {cpu_request: 50m}}", [None, Some(100)]),
            ("istio-ambient", ", resources: {cpu_request: 1}", [Some(1000), None]),
            ("linkerd", "", [None, None]),
            ("linkerd@ha", "", [None, Some(100)]),
        ] {
            let program = program(mesh, &format!(", autoscale: {{max: 3, target: 1m}}{says}"));
            assert_eq!(setup(&program).expect("it has one").requests, expected, "{mesh}{says}");
        }
    }

    #[test]
    fn an_autoscaler_makes_pods_mortal_and_has_places_for_all() {
        let quiet = program("none", "");
        assert!(quiet.lifecycle.is_none() && quiet.control.is_none());
        let scaled = program("none", ", autoscale: {min: 2, max: 6, target: 30m, up: {stabilization: 1m}}");
        assert!(scaled.control.is_some(), "somebody is told of its endpoints");
        let web = scaled.workloads.iter().next().expect("one service");
        // Six, six that end, and a quarter of six, rounded up.
        assert_eq!((web.wanted, web.pods), (2, 14));
        let setup = setup(&scaled).expect("it has one");
        assert_eq!((setup.scrape, setup.settings.sync), (Span::from_seconds(15), Span::from_seconds(15)));
        let mut behavior = Behavior::default();
        behavior.up.stabilization = Some(Span::from_seconds(60));
        assert_eq!((setup.spec.min, setup.spec.max, &setup.spec.behavior), (2, 6, &Some(behavior)));
    }

    #[test]
    fn notes_name_what_only_the_mesh_keeps_from_scaling() {
        let notes = |mesh: &str, says: &str| {
            let notes = program(mesh, &format!(", {says}")).machines.notes;
            notes.into_iter().filter(|note| note.contains("the autoscaler of `default/web`")).count()
        };
        let requested = "resources: {cpu_request: 1}";
        assert_eq!(notes("linkerd", &format!("{requested}, autoscale: {{max: 3}}")), 1);
        assert_eq!(notes("linkerd@ha", &format!("{requested}, autoscale: {{max: 3}}")), 0);
        assert_eq!(notes("linkerd", &format!("{requested}, autoscale: {{max: 3, of: application}}")), 0);
        assert_eq!(notes("linkerd", "autoscale: {max: 3}"), 0, "which it would under no mesh");
        assert_eq!(notes("istio-ambient", "autoscale: {max: 3, target: 50m, of: proxy}"), 1);
        assert_eq!(notes("istio-sidecar", "autoscale: {max: 3, target: 50m, of: proxy}"), 0);
    }
}
