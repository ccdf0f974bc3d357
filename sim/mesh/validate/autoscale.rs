//! What decides how many pods services have.

use crate::diag::{Code, Diagnostic, Diagnostics, quote};
use crate::index::{Idx, IndexVec};
use crate::input::Draft;
use crate::input::draft::{AutoscaleDraft, ServiceDraft};
use crate::vocabulary::autoscale::{Metric, Of, Target};

use super::super::scenario::{Service, ServiceIdx};

/// Reports what no autoscaler can be told.
pub(super) fn check(draft: &Draft, diagnostics: &mut Diagnostics) {
    for service in &draft.services {
        if let Some(autoscale) = &service.autoscale {
            check_bounds(autoscale, diagnostics);
            check_versions(service, autoscale, diagnostics);
        }
    }
}

fn check_bounds(AutoscaleDraft { min, max, .. }: &AutoscaleDraft, diagnostics: &mut Diagnostics) {
    if min.value > max.value {
        let message = format!("at least {} pods are more than at most {}", min.value, max.value);
        let problem = Diagnostic::error(Code::InvalidValue, message).at(max.location);
        diagnostics.push(problem.related(min.location, "the fewest"));
    }
}

/// Each workload has an autoscaler of its own.
fn check_versions(service: &ServiceDraft, autoscale: &AutoscaleDraft, diagnostics: &mut Diagnostics) {
    if !service.versions.is_empty() {
        let message = format!("{} has versions and cannot be scaled as a whole", quote(&service.name.value));
        let problem = Diagnostic::error(Code::InvalidValue, message).at(autoscale.location);
        diagnostics.push(problem.hint("write its versions as services of their own, or leave it out"));
    }
}

/// Warns of metrics that have no value under any mesh.
pub(super) fn warn(draft: &Draft, services: &IndexVec<ServiceIdx, Service>, diagnostics: &mut Diagnostics) {
    for (index, service) in services.iter_enumerated() {
        let written = &draft.services[index.position()].autoscale;
        for metric in written.iter().flat_map(|autoscale| &autoscale.metrics) {
            if let Some((reason, hint)) = has_no_value(metric.value, service) {
                let message =
                    format!("{reason}: Kubernetes says FailedGetResourceMetric and lets the replicas be");
                let problem = Diagnostic::warning(Code::NotModelled, message).at(metric.location);
                diagnostics.push(problem.hint(hint));
            }
        }
    }
}

/// Why a metric has no value, and what helps. What a mesh's proxies request only the mesh says.
fn has_no_value(metric: Metric, service: &Service) -> Option<(String, &'static str)> {
    let name = quote(&service.name);
    let resources = &service.application.resources;
    let is_silent = resources.cpu_request.or(resources.cpu_limit).is_none();
    match (metric.of, metric.target) {
        (Of::Proxy, _) if !service.injected => {
            Some((format!("{name} has no proxy to look at"), "look at the application"))
        }
        (Of::Pod | Of::Application, Target::Utilization(percent)) if is_silent => Some((
            format!("{name} requests no CPU of which {percent}% could be used"),
            "write `resources: {cpu_request: 500m}`, or a target in CPU, as 300m",
        )),
        _ => None,
    }
}
