//! Named parts of services' endpoints: each version by its name, and what objects pick by labels.

use crate::diag::{Code, Diagnostic, Diagnostics, quote};
use crate::index::{Idx, IndexVec};
use crate::input::Draft;
use crate::input::draft::SubsetDraft;
use crate::vocabulary::routing::Resource;

use super::super::scenario::{Service, ServiceIdx, Subset, SubsetIdx, Version, VersionIdx};
use super::hosts::Hosts;
use super::names::Directory;

/// Writes subsets into the services. One that an object defines goes before the version of the same name.
pub(super) fn resolve(
    draft: &Draft,
    directory: &Directory<'_>,
    services: &mut IndexVec<ServiceIdx, Service>,
    diagnostics: &mut Diagnostics,
) {
    for service in services.iter_mut() {
        let of_version = |(index, version): (VersionIdx, &Version)| Subset {
            name: version.name.clone(),
            resource: Resource::Scenario,
            versions: vec![index],
        };
        service.subsets = service.versions.iter_enumerated().map(of_version).collect();
    }
    let mut given: Vec<(ServiceIdx, SubsetIdx, &SubsetDraft)> = Vec::new();
    let of_subsets = find(draft, directory, services, diagnostics);
    for of_one in of_subsets.chunk_by(|(one, _), (next, _)| std::ptr::eq(*one, *next)) {
        // A host that begins with `*` speaks of services that have no such part, too.
        let is_empty = |service: &Service| with_labels(service, &of_one[0].0.labels).is_empty();
        if of_one.iter().all(|(_, index)| is_empty(&services[*index])) {
            diagnostics.push(nobody(of_one[0].0, &services[of_one[0].1]));
        }
    }
    for &(written, index) in &of_subsets {
        let service = &mut services[index];
        let subset = Subset {
            name: written.name.value.clone(),
            resource: written.resource,
            versions: with_labels(service, &written.labels),
        };
        let named = |(_, known): &(SubsetIdx, &Subset)| known.name == subset.name;
        let known = service.subsets.iter_enumerated().find(named).map(|(known, _)| known);
        let earlier = given.iter().find(|&&(of, place, _)| (of, Some(place)) == (index, known));
        if let Some((.., earlier)) = earlier {
            if earlier.labels != written.labels {
                diagnostics.push(second(written, earlier));
            }
            continue;
        }
        let place = match known {
            None => service.subsets.push(subset),
            Some(place) => {
                service.subsets[place] = subset;
                place
            }
        };
        given.push((index, place, written));
    }
}

/// Each subset with each service of which it is one: a host may begin with `*`, and of several objects for a service the
/// one whose host fits best holds. Objects may speak of services that are not there; nobody asks for them then.
fn find<'d>(
    draft: &'d Draft,
    directory: &Directory<'_>,
    services: &IndexVec<ServiceIdx, Service>,
    diagnostics: &mut Diagnostics,
) -> Vec<(&'d SubsetDraft, ServiceIdx)> {
    let hosts = Hosts::new(draft, directory, services);
    let mut rows = Vec::new();
    for written in &draft.subsets {
        let (found, is_known) =
            hosts.of(written.resource, &written.service.value, written.namespace.as_deref());
        if !is_known {
            let message = format!(
                "there is no service {}: its subset {} is of no use",
                quote(&written.service.value),
                quote(&written.name.value)
            );
            diagnostics.push(Diagnostic::warning(Code::Unreachable, message).at(written.service.location));
        }
        rows.extend(found.into_iter().map(|service| (written, service)));
    }
    rows
}

/// The versions whose pods have all these labels.
fn with_labels(service: &Service, labels: &[(String, String)]) -> Vec<VersionIdx> {
    let has_all = |of_pods: &[(String, String)]| labels.iter().all(|label| of_pods.contains(label));
    if service.versions.is_empty() {
        return if has_all(&service.labels) { vec![VersionIdx::at(0)] } else { Vec::new() };
    }
    let all = service.versions.iter_enumerated();
    all.filter(|(_, version)| has_all(&version.labels)).map(|(index, _)| index).collect()
}

fn nobody(written: &SubsetDraft, service: &Service) -> Diagnostic {
    let labels: Vec<String> = written.labels.iter().map(|(key, value)| format!("{key}: {value}")).collect();
    let message = format!(
        "no pod of {} has the labels of the subset {} ({})",
        quote(&service.name),
        quote(&written.name.value),
        labels.join(", ")
    );
    let diagnostic = Diagnostic::warning(Code::Unreachable, message).at(written.name.location);
    diagnostic.hint("requests that are sent to it fail")
}

fn second(written: &SubsetDraft, earlier: &SubsetDraft) -> Diagnostic {
    let message = format!(
        "there is a second subset {} of {}, with other labels: the first one counts",
        quote(&written.name.value),
        quote(&written.service.value)
    );
    Diagnostic::warning(Code::DuplicateName, message)
        .at(written.name.location)
        .related(earlier.name.location, "the first one")
}

#[cfg(test)]
mod tests {
    use super::super::validate;
    use super::*;
    use crate::diag::Style;
    use crate::input::tree::Located;
    use crate::input::{self, Options};
    use crate::mesh::Scenario;

    const TEXT: &str = "
version: 1
services:
  - name: web
    namespace: shop
    labels: {app: web}
    service_time: 1ms
    versions:
      - {name: v1}
      - {name: v2, labels: {track: canary}}
      - {name: v3, labels: {version: three, track: canary}}
  - {name: plain, namespace: shop, labels: {app: plain}, service_time: 1ms}
traffic: [{service: web, from: outside, rate: 1/s}, {service: plain, from: outside, rate: 1/s}]
";

    /// Service, name and labels of a subset.
    type Written<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);

    /// The scenario with these subsets, and what is said of them.
    fn with(subsets: &[Written<'_>]) -> (Scenario, String) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("scenario.yaml");
        std::fs::write(&file, TEXT).expect("a writable temporary folder");
        let (mut draft, sources, mut diagnostics) = input::load(&[file], &Options::default());
        let location = draft.services[0].name.location;
        let subset = |(service, name, labels): &Written<'_>| SubsetDraft {
            resource: Resource::DestinationRule,
            namespace: Some("shop".to_owned()),
            service: Located::new((*service).to_owned(), location),
            name: Located::new((*name).to_owned(), location),
            labels: labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        };
        draft.subsets = subsets.iter().map(subset).collect();
        let scenario =
            validate(&draft, &mut diagnostics).expect("subsets are no reason to refuse a scenario");
        (scenario, diagnostics.render(&sources, Style::Plain))
    }

    /// Name and versions of each subset of a service.
    fn subsets(scenario: &Scenario, service: u32) -> Vec<(&str, Vec<u32>)> {
        let subsets = scenario.services[ServiceIdx(service)].subsets.iter();
        subsets
            .map(|subset| (subset.name.as_str(), subset.versions.iter().map(|version| version.0).collect()))
            .collect()
    }

    #[test]
    fn subsets_are_the_versions_with_all_their_labels() {
        let (scenario, said) = with(&[
            ("web", "canary", &[("app", "web"), ("track", "canary")]),
            ("web.shop.svc.cluster.local", "all", &[]),
            ("web", "v3", &[("version", "three")]),
            ("plain", "all", &[("app", "plain")]),
        ]);
        let expected = [
            ("v1", vec![0]),
            ("v2", vec![1]),
            ("v3", vec![2]),
            ("canary", vec![1, 2]),
            ("all", vec![0, 1, 2]),
        ];
        assert_eq!(subsets(&scenario, 0), expected);
        assert_eq!(subsets(&scenario, 1), [("all", vec![0])]);
        assert_eq!(said, "");
    }

    #[test]
    fn an_object_goes_before_a_version_of_the_same_name() {
        let (scenario, said) = with(&[("web", "v1", &[("track", "canary")])]);
        assert_eq!(subsets(&scenario, 0), [("v1", vec![1, 2]), ("v2", vec![1]), ("v3", vec![2])]);
        assert_eq!(
            scenario.services[ServiceIdx(0)].subsets[SubsetIdx(0)].resource,
            Resource::DestinationRule
        );
        assert_eq!(said, "");
    }

    #[test]
    fn what_nobody_has_and_what_comes_twice_is_warned_of() {
        let (scenario, said) = with(&[
            ("web", "v9", &[("version", "v9"), ("app", "web")]),
            ("plain", "v1", &[("version", "v1")]),
            ("web", "canary", &[("track", "canary")]),
            ("web", "canary", &[("track", "canary")]),
            ("web", "canary", &[("app", "web")]),
            ("elsewhere", "v1", &[]),
        ]);
        assert_eq!(subsets(&scenario, 0)[3..], [("v9", vec![]), ("canary", vec![1, 2])]);
        assert_eq!(subsets(&scenario, 1), [("v1", vec![])]);
        for text in [
            "no pod of `web` has the labels of the subset `v9` (version: v9, app: web)",
            "no pod of `plain` has the labels of the subset `v1` (version: v1)",
            "there is a second subset `canary` of `web`, with other labels: the first one counts",
            "there is no service `elsewhere`: its subset `v1` is of no use",
        ] {
            assert_eq!(said.matches(text).count(), 1, "{text} in\n{said}");
        }
        assert_eq!(said.matches("warning[").count(), 4, "{said}");
    }
}
