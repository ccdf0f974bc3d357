//! The scenario format of `sim` itself: YAML with `version: 1`.
//!
//! ```yaml
//! version: 1
//! name: shop
//! services:
//!   - name: web
//!     replicas: 2
//!     service_time: {lognormal: {p50: 2ms, p99: 30ms}}
//!     script:
//!       - call: {service: stock, probability: 80%}
//!       - [{call: prices}, {call: reviews}] # at once
//!   - {name: stock, service_time: 1ms}
//!   - {name: prices, service_time: 1ms}
//!   - {name: reviews, service_time: {exponential: 3ms}}
//! traffic:
//!   - {service: web, from: outside, rate: 200/s}
//! ```
//!
//! Unknown keys are errors. What may be left out, and what then holds, is the table [`super::defaults::DEFAULTS`].

use crate::diag::{Code, Diagnostic, Diagnostics, quote};

use super::draft::Draft;
use super::fields::{self, Fields, each, located};
use super::tree::Node;

mod application;
pub(crate) mod autoscale;
mod certificates;
mod cluster;
mod distribution;
mod events;
pub(crate) mod lifecycle;
mod matches;
mod mesh;
mod operation;
pub(crate) mod policies;
pub(crate) mod routes;
pub(crate) mod rules;
pub(crate) mod run;
mod script;
mod service;
mod telemetry;
mod told;
mod traffic;

/// The version of the format that this release reads.
pub(crate) const VERSION: u32 = 1;

/// Top-level keys, to tell a scenario whose version was forgotten from an isotope graph.
pub(crate) const SECTIONS: &[&str] = &[
    "version",
    "traffic",
    "routes",
    "policies",
    "mesh",
    "cluster",
    "events",
    "run",
    "telemetry",
    "certificates",
    "slo",
];

/// Adds what `node` says to `draft`.
pub(crate) fn decode(node: &Node, draft: &mut Draft, diagnostics: &mut Diagnostics) {
    let mut scenario = Fields::new(node, "a scenario", diagnostics);
    if !scenario.has("version") {
        let message = "a scenario says which version of the format it is written in";
        let diagnostic = Diagnostic::error(Code::MissingKey, message).at(scenario.location());
        scenario.report(diagnostic.hint(format!("begin with `version: {VERSION}`")));
    }
    if let Some(version) = scenario.read("version", located(fields::u32))
        && version.value != VERSION
    {
        let message = format!("this release reads version {VERSION} of the format, not {}", version.value);
        scenario.report(Diagnostic::error(Code::InvalidValue, message).at(version.location));
    }
    if let Some(name) = once("name", &mut scenario, draft, located(fields::text)) {
        draft.name = Some(name);
    }
    draft.services.extend(scenario.read("services", each(service::service)).unwrap_or_default());
    draft.sources.extend(scenario.read("traffic", each(traffic::source)).unwrap_or_default());
    draft.policies.extend(scenario.read("policies", each(policies::policy)).unwrap_or_default());
    draft.routes.extend(scenario.read("routes", each(routes::route)).unwrap_or_default());
    draft.subsets.extend(scenario.read("subsets", each(routes::subset)).unwrap_or_default());
    draft.gateways.extend(scenario.read("gateways", each(routes::gateway)).unwrap_or_default());
    draft.scopes.extend(scenario.read("scopes", each(told::scope)).unwrap_or_default());
    draft.external.extend(scenario.read("external", each(told::external)).unwrap_or_default());
    if let Some(decoded) = once("mesh", &mut scenario, draft, mesh::mesh) {
        draft.mesh = decoded;
    }
    if let Some(decoded) = once("cluster", &mut scenario, draft, cluster::cluster) {
        draft.cluster = decoded;
    }
    if let Some(decoded) = once("run", &mut scenario, draft, run::run) {
        draft.run = decoded;
    }
    if let Some(decoded) = once("telemetry", &mut scenario, draft, telemetry::telemetry) {
        draft.telemetry = decoded;
    }
    if let Some(decoded) = once("certificates", &mut scenario, draft, certificates::certificates) {
        draft.certificates = Some(decoded);
    }
    draft.events.extend(scenario.read("events", each(events::event)).unwrap_or_default());
    let slos = scenario.read("slo", each(run::slo)).unwrap_or_default();
    draft.slos.extend(slos.into_iter().flatten());
    scenario.finish();
}

/// Reads a section that only one file may have.
fn once<T>(
    key: &'static str,
    scenario: &mut Fields<'_, '_>,
    draft: &mut Draft,
    reader: impl FnOnce(&Node, &mut Diagnostics) -> Option<T>,
) -> Option<T> {
    let location = scenario.take(key)?.location;
    if let Some((_, first)) = draft.given.iter().find(|(section, _)| *section == key) {
        let message = format!("{} is given a second time", quote(key));
        let diagnostic = Diagnostic::error(Code::DuplicateSection, message).at(location);
        scenario.report(diagnostic.related(*first, "first here"));
    }
    draft.given.push((key, location));
    scenario.read(key, reader)
}
