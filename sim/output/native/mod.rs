//! A draft as the text of a scenario, which is read as the same draft; every guess stands beside what it was put for.

mod autoscale;
mod lifecycle;
mod policies;
mod quantity;
mod routes;
mod services;
mod setting;
mod traffic;
mod yaml;

use std::fmt::Write as _;

use crate::diag::Location;
use crate::input::Draft;
use crate::input::draft::{ExternalDraft, GatewayDraft, ScopeDraft, ServiceDraft, SubsetDraft};
use crate::vocabulary::routing::Resource;

use yaml::{Map, Yaml, comment};

/// The text of a scenario.
pub fn scenario(draft: &Draft) -> String {
    let mut guesses = Guesses { draft, said: vec![false; draft.guesses.len()] };
    let mut map = Map::default();
    map.put("version", Yaml::plain(1));
    map.maybe("name", draft.name.as_ref().map(|name| Yaml::text(&name.value)));
    map.some("services", draft.services.iter().map(|row| services::service(row, &mut guesses)).collect());
    map.some("subsets", draft.subsets.iter().map(subset).collect());
    map.some("traffic", draft.sources.iter().map(|row| traffic::source(row, &mut guesses)).collect());
    map.some("gateways", draft.gateways.iter().map(gateway).collect());
    map.some("routes", draft.routes.iter().map(routes::route).collect());
    map.some("policies", draft.policies.iter().map(policies::policy).collect());
    map.some("scopes", draft.scopes.iter().map(scope).collect());
    map.some("external", draft.external.iter().map(external).collect());
    setting::sections(draft, &mut map);
    let unsaid = draft.guesses.iter().zip(&guesses.said).filter(|(_, said)| !**said);
    let head: String = unsaid.map(|(guess, _)| comment(&format!("guess: {}", guess.value), 0)).collect();
    format!("{head}{}{}", map.document(), open(draft))
}

/// What nothing says and the user has to, as comments to be filled in.
fn open(draft: &Draft) -> String {
    let mut text = String::new();
    let calls = |service: &ServiceDraft| {
        let versions = service.versions.iter().flat_map(|version| &version.operations);
        service.operations.iter().chain(versions).any(|operation| !operation.script.is_empty())
    };
    let names: Vec<&str> = draft.services.iter().map(|service| service.name.value.as_str()).collect();
    if let [one, other, ..] = names[..]
        && !draft.services.iter().any(calls)
    {
        let said = comment("Nothing says who calls whom. Give services that call others a script:", 0);
        let _ = writeln!(text, "\n{said}#   - {{name: {one}, …, script: [call: {other}]}}");
    }
    if let ([name, ..], true) = (&names[..], draft.sources.is_empty()) {
        let said = comment("Nothing says who sends requests. Write where they enter, and how many:", 0);
        let _ = writeln!(text, "\n{said}# traffic:\n#   - {{service: {name}, from: outside, rate: 100/s}}");
    }
    text
}

/// Guesses, and which of them have been said.
struct Guesses<'d> {
    draft: &'d Draft,
    said: Vec<bool>,
}

impl Guesses<'_> {
    /// Says above a map what was guessed at one of these places.
    fn say(&mut self, places: &[Location], map: &mut Map) {
        for (guess, said) in self.draft.guesses.iter().zip(&mut self.said) {
            if !*said && places.contains(&guess.location) {
                map.comment(&format!("guess: {}", guess.value));
                *said = true;
            }
        }
    }
}

fn subset(subset: &SubsetDraft) -> Yaml {
    let mut map = Map::default();
    map.put("service", Yaml::text(&subset.service.value));
    map.put("name", Yaml::text(&subset.name.value));
    resource(subset.resource, &mut map);
    map.maybe("namespace", subset.namespace.as_deref().map(Yaml::text));
    map.put("labels", labels(&subset.labels));
    map.into()
}

fn gateway(gateway: &GatewayDraft) -> Yaml {
    let mut map = Map::default();
    map.put("name", Yaml::text(&gateway.name.value));
    map.maybe("namespace", gateway.namespace.as_deref().map(Yaml::text));
    map.put("hosts", Yaml::texts(gateway.hosts.iter().map(|host| host.value.as_str())));
    map.into()
}

fn scope(scope: &ScopeDraft) -> Yaml {
    let mut map = Map::default();
    map.put("name", Yaml::text(&scope.name.value));
    map.maybe("namespace", scope.namespace.as_deref().map(Yaml::text));
    if !scope.selector.is_empty() {
        map.put("labels", labels(&scope.selector));
    }
    map.put("hosts", Yaml::texts(scope.hosts.iter().map(|host| host.value.as_str())));
    map.into()
}

fn external(external: &ExternalDraft) -> Yaml {
    let mut map = Map::default();
    map.put("host", Yaml::text(&external.host.value));
    map.maybe("namespace", external.namespace.as_deref().map(Yaml::text));
    map.some("ports", external.ports.iter().map(Yaml::plain).collect());
    if external.endpoints > 0 {
        map.put("endpoints", Yaml::plain(external.endpoints));
    }
    map.maybe("visible_in", external.export_to.as_ref().map(|to| Yaml::texts(to.iter().map(String::as_str))));
    map.into()
}

fn labels(labels: &[(String, String)]) -> Map {
    let mut map = Map::default();
    for (name, value) in labels {
        map.put(name, Yaml::text(value));
    }
    map
}

/// Which kind of object said so, if it was not a scenario.
fn resource(resource: Resource, map: &mut Map) {
    if resource != Resource::Scenario {
        map.put("resource", Yaml::text(word(crate::input::native::routes::RESOURCES, &resource)));
    }
}

/// The word for a value in a table of the format.
fn word<T: PartialEq>(table: &[(&'static str, T)], value: &T) -> &'static str {
    table.iter().find(|(_, row)| row == value).map(|(word, _)| *word).expect("the table has every value")
}

#[cfg(test)]
mod tests;
