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
const SCRAPE: Span = Span::from_seconds(15);

/// The autoscaler of a service, if it has one.
pub(super) fn autoscaler(service: &Service, beside: Beside<'_>) -> Option<Autoscaler> {
    let spec = service.autoscale.clone()?;
    let proxy = proxy(beside).and_then(|proxy| request(proxy.cpu_request, proxy.cpu_limit));
    Some(Autoscaler { spec, settings: Settings::default(), scrape: SCRAPE, requests: [application(service), proxy] })
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
pub(in super::super) fn notes(scenario: &Scenario, mesh: &MeshModel, workloads: &Workloads<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    for (workload, body) in workloads.serving() {
        let service = &scenario.services[body.service];
        let metrics = service.autoscale.iter().flat_map(|spec| &spec.metrics);
        let reasons = metrics.filter_map(|metric| without_value(*metric, service, workloads.beside[workload]));
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
