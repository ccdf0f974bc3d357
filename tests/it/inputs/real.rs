//! Real files, where they are at hand: each is read without an error, and means what its authors mean by it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use sim::diag::Style;
use sim::experiment::labels;
use sim::input::Options;
use sim::mesh::Scenario;
use sim::mesh::profile;
use sim::mesh::scenario::{Backend, Route, ServiceIdx};
use sim::metrics::RunRecord;
use sim::program::{Program, compile};
use sim::units::Span;
use sim::vocabulary::routing::{RequestMatch, Resource, Rule, RuleAction, Setting};

use super::read;

pub(super) const REAL: &str = "../shared/data/inputs";
const BOOKINFO: &str = "../shared/data/inputs/istio/bookinfo";

/// What manifests do not say: who calls whom, and who asks.
pub(super) const CALLS: &str = r"version: 1
services:
  - {name: productpage, service_time: 1ms, script: [call: details, call: reviews]}
  - {name: details, service_time: 1ms}
  - name: reviews
    service_time: 1ms
    script: [call: ratings]
    versions: [{name: v1, script: []}, {name: v2}, {name: v3}]
  - {name: ratings, service_time: 1ms}
traffic:
  - {name: users, service: productpage, from: meshed_client, arrivals: {constant: 500/s}, headers: {end-user: {shares: {jason: 20%, anna: 50%}}}}
  - {name: jason, service: productpage, from: meshed_client, arrivals: {constant: 100/s}, headers: {end-user: jason}}
  - {name: anna, service: productpage, from: meshed_client, arrivals: {constant: 100/s}, headers: {end-user: anna}}
run: {warm_up: 0s, duration: 4s, replications: 1}
";

/// Bookinfo's manifests with [`CALLS`], files that are named from its folder and other texts; `None` without them.
fn bookinfo(files: &[&str], texts: &[&str]) -> Option<Scenario> {
    if !Path::new(BOOKINFO).exists() {
        return None;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut paths: Vec<String> = ["bookinfo.yaml", "destination-rule-all.yaml"]
        .iter()
        .filter(|file| **file != "destination-rule-all.yaml" || !files.contains(&"bookinfo-versions.yaml"))
        .chain(files)
        .map(|file| format!("{BOOKINFO}/{file}"))
        .collect();
    for (number, text) in [CALLS].iter().chain(texts).enumerate() {
        let path = folder.path().join(format!("{number}.yaml"));
        fs::write(&path, text).expect("a writable folder");
        paths.push(path.to_string_lossy().into_owned());
    }
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    Some(read(&paths, &Options::default()))
}

/// As a mesh has it, compiled, and run.
fn run(scenario: &Scenario, mesh: &str) -> (Program, RunRecord) {
    let profile = profile::find(mesh, None).unwrap_or_else(|problem| panic!("{}", problem.message));
    let program = compile(&profile.possible(scenario), &profile.model(4));
    let record = sim::engine::run(&program, 0, &AtomicBool::new(false)).expect("nothing stops it");
    (program, record)
}

/// Requests that reached each version of the reviews.
fn reviews(scenario: &Scenario, mesh: &str) -> [u64; 3] {
    let (program, record) = run(scenario, mesh);
    let names = labels(&program).versions;
    let visits = |name: &str| {
        let position = names.iter().position(|label| label.name.ends_with(name)).expect("a version");
        record.versions[position].visits
    };
    ["v1", "v2", "v3"].map(visits)
}

/// A count of so many tries of which each counts with this probability, within four standard deviations.
#[track_caller]
fn assert_share(count: u64, of: u64, share: f64) {
    let deviation = (count as f64 - of as f64 * share).abs();
    let allowed = 4.0 * (of as f64 * share * (1.0 - share)).sqrt();
    assert!(deviation <= allowed, "{count} of {of} is not a share of {share}");
}

fn service(scenario: &Scenario, name: &str) -> ServiceIdx {
    let found = scenario.services.iter_enumerated().find(|(_, service)| service.name == name);
    found.unwrap_or_else(|| panic!("there is no {name}")).0
}

fn route<'s>(scenario: &'s Scenario, name: &str) -> &'s Route {
    let found = scenario.routes.iter().find(|route| route.name == format!("default/{name}"));
    found.unwrap_or_else(|| panic!("there is no route {name}"))
}

/// A rule's backends: weight, service and the versions whose pods they are.
type Backends = Vec<(f64, String, Vec<String>)>;

fn backends(scenario: &Scenario, action: &RuleAction<Backend>) -> Backends {
    let RuleAction::Forward(all) = action else { panic!("it is forwarded: {action:?}") };
    let sum: f64 = all.iter().map(|one| one.weight).sum();
    let of = |backend: &Backend| {
        let Backend::Service { service, subset, .. } = backend else { panic!("{backend:?}") };
        let service = &scenario.services[*service];
        let versions = subset.map_or_else(Vec::new, |subset| service.subsets[subset].versions.clone());
        let name = |version| service.versions.get(version).map_or("all", |version| version.name.as_str());
        (service.full_name(), versions.into_iter().map(|version| name(version).to_owned()).collect())
    };
    let row = |(weight, (service, versions)): (f64, (String, Vec<String>))| (weight, service, versions);
    all.iter().map(|one| row((one.weight / sum, of(&one.backend)))).collect()
}

/// Files that are no input, and why.
const NO_INPUT: [(&str, &str); 1] = [("NOTICE", "it says whose the others are")];

/// Every real file, folder by folder; none where they are not at hand.
pub(super) fn files() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = Vec::new();
    let mut folders = vec![PathBuf::from(REAL)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.expect("a readable folder").path();
            if path.is_dir() {
                folders.push(path);
            } else if !NO_INPUT.iter().any(|(name, _)| path == Path::new(REAL).join(name)) {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

#[test]
fn every_real_file_is_read_without_an_error() {
    let files = files();
    assert!(files.len() > 25 || !Path::new(REAL).exists(), "{files:?}");
    for file in files {
        let (draft, sources, diagnostics) =
            sim::input::load(std::slice::from_ref(&file), &Options::default());
        let text = diagnostics.render(&sources, Style::Plain);
        assert_eq!(diagnostics.errors(), 0, "{}: {text}", file.display());
        // Services without the pods behind them are named one by one.
        let named = text.matches("selects no pods that were read").count();
        let read = draft.services.len() + draft.routes.len() + draft.subsets.len() + named;
        assert!(read > 0, "{}: {text}", file.display());
    }
}

#[test]
fn bookinfos_manifests_are_four_services_and_three_versions() {
    let Some(scenario) = bookinfo(&[], &[]) else { return };
    let names: Vec<_> = scenario.services.iter().map(sim::mesh::scenario::Service::full_name).collect();
    let mut sorted = names.clone();
    sorted.sort();
    assert_eq!(sorted, ["default/details", "default/productpage", "default/ratings", "default/reviews"]);
    assert!(scenario.services.iter().all(|service| service.port == Some(9080)));
    let reviews = &scenario.services[service(&scenario, "reviews")];
    let versions: Vec<_> =
        reviews.versions.iter().map(|version| (version.name.as_str(), version.replicas)).collect();
    assert_eq!(versions, [("v1", 1), ("v2", 1), ("v3", 1)]);
    // The rules for destinations name a part for each of them, and parts of the ratings that nobody is in.
    let subsets = |name: &str| {
        let service = &scenario.services[service(&scenario, name)];
        service.subsets.iter().map(|subset| (subset.name.as_str(), subset.versions.len())).collect::<Vec<_>>()
    };
    assert_eq!(subsets("reviews"), [("v1", 1), ("v2", 1), ("v3", 1)]);
    assert_eq!(subsets("ratings"), [("v1", 1), ("v2", 0), ("v2-mysql", 0), ("v2-mysql-vm", 0)]);
    // Without a route a mesh's proxies go to all of them, and so does kube-proxy.
    let [v1, v2, v3] = reviews_of(&scenario);
    assert!(v1.min(v2).min(v3) > 500, "{v1}, {v2}, {v3}");
}

fn reviews_of(scenario: &Scenario) -> [u64; 3] {
    reviews(scenario, "istio-sidecar")
}

#[test]
fn everything_goes_to_version_one() {
    let Some(scenario) = bookinfo(&["virtual-service-all-v1.yaml"], &[]) else { return };
    for name in ["productpage", "reviews", "ratings", "details"] {
        let route = route(&scenario, name);
        assert_eq!(
            (route.resource, &route.services),
            (Resource::VirtualService, &vec![service(&scenario, name)])
        );
        let [rule] = &route.rules[..] else { panic!("one rule") };
        assert!(rule.matches.is_empty());
        let [(share, host, versions)] = &backends(&scenario, &rule.action)[..] else { panic!("one backend") };
        assert_eq!((*share, host), (1.0, &format!("default/{name}")));
        assert_eq!(versions.len(), 1);
    }
    let [v1, v2, v3] = reviews_of(&scenario);
    assert_eq!((v1, v2, v3), (2800, 0, 0));
}

#[test]
fn the_gateway_lets_through_what_its_rule_names() {
    let Some(scenario) = bookinfo(
        &["bookinfo-gateway.yaml"],
        &[
            "version: 1\ntraffic:\n- {name: page, service: productpage, from: 'gateway:bookinfo-gateway', host: bookinfo.example.com, arrivals: {constant: 100/s}, headers: {':path': {shares: {/productpage: 60%, /static/a.css: 20%, /admin: 20%}}}}\n",
        ],
    ) else {
        return;
    };
    let route = route(&scenario, "bookinfo");
    assert_eq!((route.hosts.as_slice(), route.mesh), (["*".to_owned()].as_slice(), false));
    assert!(route.gateways.iter().any(|name| name.ends_with("bookinfo-gateway")), "{:?}", route.gateways);
    assert_eq!((route.rules.len(), route.rules[0].matches.len()), (1, 5));
    let (program, record) = run(&scenario, "istio-sidecar");
    let entry = labels(&program).entries.iter().position(|one| one.name == "page").expect("an entry");
    let failed = record.entries[entry].failed.len();
    assert_eq!(record.entries[entry].arrived, 400);
    assert_share(failed, 400, 0.2);
}

#[test]
fn ninety_to_ten_is_a_measured_share() {
    let Some(scenario) = bookinfo(&["virtual-service-reviews-90-10.yaml"], &[]) else { return };
    let rule = &route(&scenario, "reviews").rules[0];
    assert_eq!(
        backends(&scenario, &rule.action),
        [(0.9, "default/reviews", "v1"), (0.1, "default/reviews", "v2")].map(|(share, service, version)| (
            share,
            service.to_owned(),
            vec![version.to_owned()]
        ))
    );
    assert_eq!((&rule.timeout, &rule.retries), (&Setting::Inherit, &Setting::Inherit));
    let [v1, v2, v3] = reviews_of(&scenario);
    assert_eq!((v1 + v2, v3), (2800, 0));
    assert_share(v2, 2800, 0.1);
}

#[test]
fn jason_sees_version_two_and_nobody_else_does() {
    let Some(scenario) = bookinfo(&["virtual-service-reviews-test-v2.yaml"], &[]) else { return };
    let [v1, v2, v3] = reviews_of(&scenario);
    assert_eq!((v1 + v2, v3), (2800, 0));
    // All 400 of the one who is Jason, none of Anna's, and a fifth of the 2000 of all users.
    assert!((400..2400).contains(&v2), "{v2}");
    assert_share(v2 - 400, 2000, 0.2);
}

#[test]
fn ratings_are_late_for_the_user_that_is_named_alone() {
    let Some(scenario) = bookinfo(&["virtual-service-ratings-test-delay.yaml"], &[AT_RANDOM]) else {
        return;
    };
    let (program, record) = run(&scenario, "istio-sidecar");
    let late = |name: &str| {
        let entry = labels(&program).entries.iter().position(|one| one.name == name).expect("an entry");
        let times = &record.entries[entry].succeeded;
        let after = Span::from_seconds(7).nanos();
        (
            times
                .iter_recorded()
                .filter(|bar| bar.value_iterated_to() >= after)
                .map(|bar| bar.count_at_value())
                .sum::<u64>(),
            times.len(),
        )
    };
    // Two of three versions ask for ratings.
    let (late_for_jason, all) = late("jason");
    assert_eq!(all, 400);
    assert_share(late_for_jason, all, 2.0 / 3.0);
    assert_eq!(late("anna"), (0, 400));
    let (late_for_some, all) = late("users");
    assert_share(late_for_some, all, 0.2 * 2.0 / 3.0);
    // ratings:v1 is the only part with pods, and all calls reach it.
    let ratings = service(&scenario, "ratings");
    let rules = &route(&scenario, "ratings").rules;
    assert_eq!((rules.len(), rules[0].delay.is_some(), rules[1].delay.is_some()), (2, true, false));
    assert!(record.services[sim::index::Idx::position(ratings)].visits > 1000);
}

/// Proxies that do not look at which version is busy, for one that waits for late ratings is.
const AT_RANDOM: &str = "version: 1\npolicies: [{service: reviews, balancing: random}]\n";

/// The same canary, as SMI has it.
const SPLIT: &str = r"apiVersion: split.smi-spec.io/v1alpha2
kind: TrafficSplit
metadata: {name: reviews}
spec:
  service: reviews
  backends:
  - {service: reviews-v1, weight: 900m}
  - {service: reviews-v2, weight: 100m}
";

/// What a scenario says of requests: of each route the services, and of each rule the matches and backends.
type Table = Vec<(Vec<String>, Vec<(Vec<RequestMatch>, Backends)>)>;

/// The routes of a scenario, about which nothing else is said. That a request is for the only port of a service is no
/// condition: `HTTPRoute`s name the port, the other objects leave it out.
fn table(scenario: &Scenario) -> Table {
    let of = |route: &Route| {
        let services: Vec<_> = route.services.iter().map(|service| &scenario.services[*service]).collect();
        let unconditional = |of: &RequestMatch| {
            let is_only = of.port.is_some() && services.iter().all(|service| service.port == of.port);
            RequestMatch { port: of.port.filter(|_| !is_only), ..of.clone() }
        };
        let rule = |rule: &Rule<Backend>| {
            let plain = Rule { matches: Vec::new(), ..Rule::of(rule.action.clone()) };
            assert_eq!(Rule { matches: Vec::new(), ..rule.clone() }, plain, "unset fields inherit");
            let matches = rule.matches.iter().map(unconditional);
            let matches = matches.filter(|of| *of != RequestMatch::default()).collect();
            (matches, backends(scenario, &rule.action))
        };
        (services.iter().map(|service| service.full_name()).collect(), route.rules.iter().map(rule).collect())
    };
    scenario.routes.iter().map(of).collect()
}

#[test]
fn a_canary_is_the_same_whoever_writes_it_down() {
    let Some(istio) = bookinfo(&["virtual-service-reviews-90-10.yaml"], &[]) else { return };
    let smi = bookinfo(&["bookinfo-versions.yaml"], &[SPLIT]).expect("the files are there");
    let route = "../../gateway-api/bookinfo-route-reviews-90-10.yaml";
    let gateway_api = bookinfo(&["bookinfo-versions.yaml", route], &[]).expect("the files are there");
    let spellings = [
        (&istio, Resource::VirtualService),
        (&smi, Resource::TrafficSplit),
        (&gateway_api, Resource::HttpRoute),
    ];
    let reviews = |version: &str| ("default/reviews".to_owned(), vec![version.to_owned()]);
    let share = |share: f64, version: &str| (share, reviews(version).0, reviews(version).1);
    let expected =
        vec![(vec!["default/reviews".to_owned()], vec![(vec![], vec![share(0.9, "v1"), share(0.1, "v2")])])];
    for (scenario, resource) in spellings {
        assert_eq!(scenario.routes[0].resource, resource);
        assert_eq!(table(scenario), expected, "{resource:?}");
    }
    for mesh in ["istio-sidecar", "istio-ambient-waypoint", "linkerd"] {
        let [one, others @ ..] =
            spellings.map(|(scenario, _)| format!("{:?}", comparable(run(scenario, mesh).1)));
        for (other, (_, resource)) in others.iter().zip(&spellings[1..]) {
            assert!(one == *other, "under {mesh} a {} is another thing", resource.kind());
        }
    }
    let [v1, v2, _] = self::reviews(&smi, "linkerd");
    assert_share(v2, v1 + v2, 0.1);
}

/// A record without the memory that proxies take: they are told of more services where there are some for the versions.
fn comparable(record: RunRecord) -> RunRecord {
    RunRecord { proxies: Vec::new(), nodes: Vec::new(), ..record }
}

/// The files that this test looks at are all that are there: a new one wants facts of its own.
#[test]
fn no_real_file_of_bookinfo_is_forgotten() {
    if !Path::new(BOOKINFO).exists() {
        return;
    }
    let text = fs::read_to_string(file!()).expect("this file");
    for file in super::files_in(BOOKINFO) {
        let name = PathBuf::from(file.file_name().expect("a name"));
        assert!(text.contains(&*name.to_string_lossy()), "{}", name.display());
    }
}
