//! One service out of what several kinds of files say of it: manifests say what it runs on, measurements what it does, and
//! a scenario what its author wants otherwise.

use std::collections::{BTreeMap, BTreeSet};

use crate::diag::{Code, Diagnostic, Diagnostics, quote};
use crate::vocabulary::{Application, PodLife, Resources};

use super::defaults::VERSION_LABEL;
use super::draft::{Draft, LIFECYCLE, Origins, ServiceDraft, VersionDraft};

/// Keys of a scenario that say what a service does.
const OPERATIONS: [&str; 7] =
    ["operations", "service_time", "cpu_time", "request_size", "response_size", "error_ratio", "script"];

/// Puts services of the same name and of different origins together, each at the place of the first. Those of the same
/// origin stay apart, for validation to report.
pub(super) fn merge(draft: &mut Draft, diagnostics: &mut Diagnostics) {
    let services = std::mem::take(&mut draft.services);
    let names = names(&services);
    let mut groups: Vec<Vec<ServiceDraft>> = Vec::new();
    let mut group_of: BTreeMap<String, usize> = BTreeMap::new();
    for service in services {
        let name = known_as(&service, &names);
        let group = *group_of.entry(name).or_insert(groups.len());
        if group == groups.len() {
            groups.push(Vec::new());
        }
        groups[group].push(service);
    }
    for mut group in groups {
        let mut kept: Vec<ServiceDraft> = Vec::new();
        // What is written by hand has the last word.
        group.sort_by_key(|service| rank(&service.origin));
        for service in group {
            match kept.pop() {
                Some(base) if rank(&base.origin) < rank(&service.origin) => {
                    kept.push(together(base, service, diagnostics));
                }
                Some(other) => kept.extend([other, service]),
                None => kept.push(service),
            }
        }
        draft.services.extend(kept);
    }
}

const fn rank(origin: &Origins) -> u8 {
    match origin {
        Origins::Manifest => 0,
        Origins::Observed => 1,
        Origins::Scenario(_) => 2,
    }
}

/// Full names of services by each name they have.
struct Names {
    /// `namespace/name` and other names.
    full: BTreeMap<String, String>,
    /// Those that manifests give.
    manifests: BTreeSet<String>,
    /// Where only one namespace has such a name.
    short: BTreeMap<String, Option<String>>,
}

fn names(services: &[ServiceDraft]) -> Names {
    let mut names = Names { full: BTreeMap::new(), manifests: BTreeSet::new(), short: BTreeMap::new() };
    for service in services.iter().filter(|service| service.namespace.is_some()) {
        names.add(&service.name.value, service);
    }
    for service in services {
        if service.origin == Origins::Manifest {
            names.manifests.insert(service.full_name());
        }
        names.full.entry(service.full_name()).or_insert_with(|| service.full_name());
    }
    for service in services {
        for alias in service.aliases.iter().filter(|alias| alias.subset.is_none()) {
            names.add(&alias.name.value, service);
        }
    }
    names
}

impl Names {
    fn add(&mut self, name: &str, service: &ServiceDraft) {
        let full = service.full_name();
        self.full.entry(format!("{}/{name}", service.namespace())).or_insert_with(|| full.clone());
        let only = self.short.entry(name.to_owned()).or_insert_with(|| Some(full.clone()));
        if only.as_ref() != Some(&full) {
            *only = None;
        }
    }
}

/// The full name that a service goes by. One whose namespace nobody wrote is that of its name in whatever namespace there
/// is just one.
fn known_as(service: &ServiceDraft, names: &Names) -> String {
    let full = service.full_name();
    let by_full = names.full.get(&full).cloned();
    if service.namespace.is_none()
        && !names.manifests.contains(&full)
        && let Some(Some(only)) = names.short.get(&service.name.value)
    {
        return only.clone();
    }
    by_full.unwrap_or(full)
}

/// `base`, with what `over` says of it.
fn together(base: ServiceDraft, over: ServiceDraft, diagnostics: &mut Diagnostics) -> ServiceDraft {
    let mut one = base;
    let observed = Origins::Observed;
    let keys = match &over.origin {
        Origins::Scenario(keys) => keys.clone(),
        _ => Vec::new(),
    };
    let written = |key: &str| keys.iter().any(|written| written == key);
    if over.origin == observed || OPERATIONS.iter().any(|key| written(key)) {
        one.operations = operations(&one, &over, &written);
        for version in &mut one.versions {
            let own = over.versions.iter().find(|own| own.name.value == version.name.value);
            version.operations = own.map(|own| own.operations.clone()).unwrap_or_default();
        }
    }
    if written("versions") {
        one.versions = versions(&one, &over.versions);
        one.replicas = over.replicas.clone();
    }
    if written("replicas") && !written("versions") {
        if one.versions.is_empty() {
            one.replicas = over.replicas.clone();
        } else {
            let name = quote(&one.full_name());
            let message = format!("{name} has several workloads, whose own replicas hold");
            let diagnostic = Diagnostic::warning(Code::NotModelled, message).at(over.replicas.location);
            diagnostics.push(diagnostic.hint("write `versions` instead"));
        }
    }
    if written("labels") {
        one.labels.clone_from(&over.labels);
    }
    if written("ports") {
        one.ports.clone_from(&over.ports);
    }
    if written("autoscale") {
        one.autoscale.clone_from(&over.autoscale);
    }
    let own = over.application;
    apply(&mut one.application, &own, &written);
    for version in one.versions.iter_mut().filter(|_| !written("versions")) {
        apply(&mut version.application, &own, &written);
        version.proxies.splice(0..0, over.proxies.iter().copied());
    }
    one.aliases.extend(over.aliases);
    // Of one kind the first one holds.
    one.proxies.splice(0..0, over.proxies);
    // From here on it stands where its author wrote of it.
    one.name.location = over.name.location;
    one.namespace = one.namespace.or(over.namespace);
    one.origin = over.origin;
    one
}

/// The versions of a scenario. Where manifests have a version of the same name its pods keep their labels, by which
/// Services and subsets pick, and their proxies.
fn versions(base: &ServiceDraft, over: &[VersionDraft]) -> Vec<VersionDraft> {
    let mut versions = over.to_vec();
    for version in &mut versions {
        let name = version.name.value.clone();
        let known = base.versions.iter().find(|known| known.name.value == name);
        version.proxies.extend(known.map_or(&base.proxies, |known| &known.proxies));
        let Some(known) = known else { continue };
        let written = std::mem::replace(&mut version.labels, known.labels.clone());
        for (key, value) in written {
            match version.labels.iter_mut().find(|(known, _)| *known == key) {
                // Every version has this one by itself.
                Some(_) if key == VERSION_LABEL && value == name => {}
                Some((_, known)) => *known = value,
                None => version.labels.push((key, value)),
            }
        }
    }
    versions
}

/// What a service does: as written, but what a scenario leaves open is as it was measured, where it has one operation.
fn operations(
    base: &ServiceDraft,
    over: &ServiceDraft,
    written: &impl Fn(&str) -> bool,
) -> Vec<super::draft::OperationDraft> {
    let mut operations = over.operations.clone();
    if written("operations") || over.origin == Origins::Observed {
        return operations;
    }
    if let (Some(one), Some(measured)) = (operations.first_mut(), base.operations.first()) {
        if !written("service_time") {
            one.service_time = measured.service_time.clone();
        }
        if !written("cpu_time") {
            one.cpu_time = measured.cpu_time.clone();
        }
        if !written("request_size") {
            one.request_size = measured.request_size.clone();
        }
        if !written("response_size") {
            one.response_size = measured.response_size.clone();
        }
        if !written("error_ratio") {
            one.error_ratio = measured.error_ratio;
            one.error_status = measured.error_status;
        }
        if !written("script") {
            one.script.clone_from(&measured.script);
        }
    }
    operations
}

/// Replaces what is written of the application.
fn apply(application: &mut Application, own: &Application, written: &impl Fn(&str) -> bool) {
    if written("protocol") {
        application.protocol = own.protocol;
    }
    if written("workers") {
        application.workers = own.workers;
    }
    if written("hold_workers") {
        application.hold_workers = own.hold_workers;
    }
    if written("discipline") {
        application.discipline = own.discipline;
    }
    if written("queue_limit") {
        application.queue_limit = own.queue_limit;
    }
    if written("memory") {
        application.memory = own.memory;
    }
    if written("client") {
        application.client.clone_from(&own.client);
    }
    life(&mut application.lifecycle, &own.lifecycle, &|key| written(&format!("{LIFECYCLE}{key}")));
    if written("resources") {
        let (new, old) = (own.resources, application.resources);
        application.resources = Resources {
            cpu_request: new.cpu_request.or(old.cpu_request),
            cpu_limit: new.cpu_limit.or(old.cpu_limit),
            memory_request: new.memory_request.or(old.memory_request),
            memory_limit: new.memory_limit.or(old.memory_limit),
        };
    }
}

/// Replaces what is written of the life of pods.
fn life(life: &mut PodLife, own: &PodLife, written: &impl Fn(&str) -> bool) {
    if written("image_pull") {
        life.image_pull.clone_from(&own.image_pull);
    }
    if written("start") {
        life.start.clone_from(&own.start);
    }
    if written("readiness") {
        life.readiness = own.readiness;
    }
    if written("pre_stop") {
        life.pre_stop = own.pre_stop;
    }
    if written("shutdown") {
        life.shutdown = own.shutdown;
    }
    if written("grace") {
        life.grace = own.grace;
    }
    if written("strategy") {
        life.strategy = own.strategy;
    }
    if written("min_ready") {
        life.min_ready = own.min_ready;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::{Location, Sources};
    use crate::input::draft::OperationDraft;
    use crate::input::tree::Located;
    use crate::kernel::dist::Dist;
    use crate::units::Cores;
    use crate::vocabulary::Protocol;

    fn text(text: &str) -> Located<String> {
        let file = Sources::default().add("a.yaml", "");
        Located::new(text.to_owned(), Location::new(file, 0, 0))
    }

    fn service(namespace: Option<&str>, name: &str, origin: Origins) -> ServiceDraft {
        ServiceDraft { namespace: namespace.map(text), ..ServiceDraft::of(text(name), origin) }
    }

    fn merged(services: Vec<ServiceDraft>) -> Vec<ServiceDraft> {
        let mut draft = Draft { services, ..Draft::default() };
        merge(&mut draft, &mut Diagnostics::default());
        draft.services
    }

    fn scenario(keys: &[&str]) -> Origins {
        Origins::Scenario(keys.iter().map(|key| (*key).to_owned()).collect())
    }

    #[test]
    fn a_scenario_adds_behaviour_and_overrides_what_it_writes() {
        let mut manifest = service(Some("shop"), "cart", Origins::Manifest);
        manifest.replicas.value = 3;
        manifest.application.protocol = Protocol::Grpc;
        manifest.application.resources.cpu_request = Cores::new(0.2).ok();
        manifest.application.resources.cpu_limit = Cores::new(0.3).ok();
        let mut written = service(None, "cart", scenario(&["name", "service_time", "workers", "resources"]));
        written.application.workers = Some(4);
        written.application.resources.cpu_limit = Cores::new(1.0).ok();
        written.operations = vec![OperationDraft {
            service_time: Dist::constant(1e6).unwrap(),
            ..OperationDraft::of(text("default"))
        }];
        for services in [vec![manifest.clone(), written.clone()], vec![written, manifest]] {
            let all = merged(services);
            let [one] = &all[..] else { panic!("{all:?}") };
            assert_eq!((one.full_name().as_str(), one.replicas.value), ("shop/cart", 3));
            assert_eq!((one.application.protocol, one.application.workers), (Protocol::Grpc, Some(4)));
            let resources = one.application.resources;
            assert_eq!(resources.cpu_request.map(Cores::value), Some(0.2));
            assert_eq!(resources.cpu_limit.map(Cores::value), Some(1.0));
            assert_eq!(one.operations[0].service_time.mean(), 1e6);
        }
    }

    #[test]
    fn measurements_give_what_a_scenario_leaves_open() {
        let mut manifest = service(None, "cart", Origins::Manifest);
        manifest.replicas.value = 3;
        let mut observed = service(None, "cart", Origins::Observed);
        observed.replicas.value = 9;
        observed.operations = vec![OperationDraft {
            service_time: Dist::constant(2e6).unwrap(),
            response_size: Dist::constant(99.0).unwrap(),
            ..OperationDraft::of(text("default"))
        }];
        let both = merged(vec![observed.clone(), manifest.clone()]);
        assert_eq!((both.len(), both[0].replicas.value), (1, 3));
        assert_eq!(both[0].operations[0].service_time.mean(), 2e6);
        let mut written = service(None, "cart", scenario(&["name", "service_time"]));
        written.operations = vec![OperationDraft::of(text("default"))];
        let all = merged(vec![written, observed, manifest]);
        let operation = &all[0].operations[0];
        assert_eq!((all.len(), all[0].replicas.value), (1, 3));
        assert_eq!((operation.service_time.mean(), operation.response_size.mean()), (0.0, 99.0));
    }

    #[test]
    fn equal_origins_and_ambiguous_names_stay_apart() {
        let two = vec![service(None, "a", scenario(&[])), service(None, "a", scenario(&[]))];
        assert_eq!(merged(two.clone()), two);
        let ambiguous = vec![
            service(Some("x"), "a", Origins::Manifest),
            service(Some("y"), "a", Origins::Manifest),
            service(None, "a", scenario(&[])),
        ];
        assert_eq!(merged(ambiguous).len(), 3);
        // `a` is `default/a` where there is such a one.
        let there = vec![
            service(Some("x"), "a", Origins::Manifest),
            service(None, "a", Origins::Manifest),
            service(None, "a", scenario(&[])),
        ];
        let there = merged(there);
        assert_eq!(there.iter().map(ServiceDraft::namespace).collect::<Vec<_>>(), ["x", "default"]);
        let elsewhere =
            vec![service(Some("x"), "a", Origins::Manifest), service(Some("y"), "a", scenario(&[]))];
        assert_eq!(merged(elsewhere).len(), 2);
    }
}
