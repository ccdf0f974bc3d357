//! Properties of generated graphs, on presets and on random options.

use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;
use crate::diag::{Diagnostics, Sources};
use crate::input::tree::{Node, Value, parse};
use crate::units::{Rate, Ratio};

fn generated(options: &Options) -> Topology {
    let settings = options.settings().unwrap_or_else(|problems| panic!("{options:?}: {problems:?}"));
    Topology::generate(&settings).unwrap_or_else(|problem| panic!("{options:?}: {problem:?}"))
}

fn text(options: &Options) -> String {
    generated(options).scenario(&options.command())
}

/// What holds for every graph.
fn check(options: &Options) {
    let topology = generated(options);
    let (graph, settings) = (&topology.graph, &topology.settings);
    let mut reached = vec![false; settings.services];
    graph.entries.iter().for_each(|&entry| reached[entry as usize] = true);
    for (caller, callees) in graph.callees.iter().enumerate() {
        assert!(callees.windows(2).all(|pair| pair[0] < pair[1]), "each callee once");
        // With this order there can be no circle, and whoever is reached has been reached before its turn.
        assert!(callees.iter().all(|&callee| callee as usize > caller), "callers stand before callees");
        assert!(reached[caller], "service {caller} is never called");
        for &callee in callees {
            reached[callee as usize] = true;
        }
    }
    assert_eq!(
        graph.namespaces.iter().max(),
        Some(&(settings.namespaces as u32 - 1)),
        "each namespace is used"
    );
    let pods: u64 = topology.replicas.iter().map(|&count| u64::from(count)).sum();
    if let Some(asked) = options.pods {
        assert_eq!(pods, asked);
    }
    for service in 0..settings.services {
        assert!(topology.replicas[service] > 0);
        assert!(topology.utilization(service) <= settings.utilization.value() + 1e-9, "service {service}");
    }
    if settings.shape == Shape::Layers {
        assert_eq!((graph.depth(), graph.entries.len()), (settings.depth, settings.entries));
    }
    assert!(
        (topology.calls.per_request - expected_calls(&topology)).abs()
            < 1e-9 * expected_calls(&topology).max(1.0)
    );
}

/// Calls of a request the other way round, callees first: t(x) = Σ over calls x→y of p · (1 + t(y)).
fn expected_calls(topology: &Topology) -> f64 {
    let graph = &topology.graph;
    let mut totals = vec![0.0; graph.services()];
    for caller in (0..graph.services()).rev() {
        let calls = graph.callees[caller].iter().map(|&callee| 1.0 + totals[callee as usize]);
        totals[caller] = topology.calls.chances[caller] * calls.sum::<f64>();
    }
    let sum: f64 = graph.entries.iter().map(|&entry| totals[entry as usize]).sum();
    sum / graph.entries.len() as f64
}

prop_compose! {
    fn any_options()(
        preset in prop::sample::select(PRESETS.map(|preset| preset.name).to_vec()),
        services in 1_u32..300,
        namespaces in 1_u32..20,
        more_pods in prop::option::of(0_u64..2000),
        entries in prop::option::of(1_u32..20),
        fan_out in prop::option::of(prop::sample::select(vec!["1", "2", "50", "p50:2,p99:40", "p10:1,p90:9"])),
        replicas in prop::option::of(prop::sample::select(vec!["1", "3", "p50:2,p90:20"])),
        calls in prop::option::of(0.001..500.0),
        seed: u64,
    ) -> Options {
        let tree = matches!(preset, "tree" | "load-mesh");
        let law = |text: Option<&str>| text.map(|text| Law::parse(text).unwrap());
        Options {
            services: Some(services),
            namespaces: Some(namespaces.min(services)),
            // Enough for any traffic at a rate this low: every visit keeps a worker busy for some milliseconds.
            pods: more_pods.map(|more| u64::from(services) + 60 + more),
            load: Some(Load::Entries(Rate::per_second(1.0).unwrap())),
            entries: entries.filter(|_| !tree).map(|entries| entries.min(services)),
            fan_out: law(fan_out),
            replicas: law(replicas),
            calls_per_request: calls,
            seed,
            ..Options::of(preset)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_graph_ends_reaches_all_and_has_the_pods_asked_for(options in any_options()) {
        check(&options);
    }

    #[test]
    fn a_depth_that_is_possible_comes_out(services in 2_u32..200, entries in 1_u32..50, depth in 2_u32..60, seed: u64) {
        let entries = entries.min(services - 1);
        let depth = depth.min(services - entries + 1);
        let options = Options { services: Some(services), entries: Some(entries), depth: Some(depth), seed, ..Options::of("meta") };
        check(&Options { load: Some(Load::Entries(Rate::per_second(1.0).unwrap())), ..options });
    }
}

#[test]
fn every_preset_works_at_any_size() {
    for preset in PRESETS {
        for services in [1, 2, 3, 10, 100, 3000] {
            check(&Options { services: Some(services), ..Options::of(preset.name) });
        }
    }
}

fn near(value: f64, wanted: f64, tolerance: f64) {
    assert!((value / wanted - 1.0).abs() <= tolerance, "{value} instead of {wanted}");
}

#[test]
fn quantiles_come_out_as_asked_for() {
    let options = Options {
        services: Some(5000),
        replicas: Some(Law::parse("p50:8,p90:60,p99:400").unwrap()),
        ..Options::of("meta")
    };
    let topology = generated(&options);
    let fan_outs = topology.graph.fan_outs();
    let mut replicas = topology.replicas.clone();
    replicas.sort_unstable();
    // One value from each equal part of the law: only the rounding to whole numbers and the scale of the sum remain.
    for (quantile, fan_out, pods) in [(0.5, 4.0, 8.0), (0.9, 23.0, 60.0), (0.99, 252.0, 400.0)] {
        near(fan_outs[(quantile * fan_outs.len() as f64) as usize] as f64, fan_out, 0.05);
        near(f64::from(replicas[(quantile * replicas.len() as f64) as usize]), pods, 0.05);
    }
    let leaves = topology.graph.callees.iter().filter(|callees| callees.is_empty()).count();
    near(leaves as f64, 0.39 * 5000.0, 0.01);
}

#[test]
fn fan_in_is_as_uneven_as_published() {
    let topology = generated(&Options { services: Some(7483), ..Options::of("meta") });
    let mut fan_ins = vec![0_u32; 7483];
    topology.graph.callees.iter().flatten().for_each(|&callee| fan_ins[callee as usize] += 1);
    fan_ins.sort_unstable();
    // Published: p50 1, p99 201. Nothing is unreachable here and a callee counts once per caller, so the middle is higher.
    assert!(fan_ins[7483 / 2] <= 4, "{}", fan_ins[7483 / 2]);
    let p99 = fan_ins[7483 * 99 / 100];
    assert!((100..400).contains(&p99), "{p99}");
}

#[test]
fn a_request_makes_as_many_calls_as_asked_for() {
    for wanted in [0.1, 1.0, 20.0, 300.0] {
        let options =
            Options { services: Some(2000), calls_per_request: Some(wanted), ..Options::of("meta") };
        let calls = generated(&options).calls.per_request;
        assert!((calls - wanted).abs() <= 0.01 * wanted, "{calls} instead of {wanted}");
    }
    // More than there can be: every call is always made.
    let all = Options { services: Some(3), calls_per_request: Some(1000.0), ..Options::of("tree") };
    assert_eq!(generated(&all).calls.per_request, 2.0);
}

#[test]
fn traffic_is_counted_at_the_entries_or_everywhere() {
    let rate = Rate::per_second(1000.0).unwrap();
    let sum = |load| -> (f64, f64) {
        let topology = generated(&Options { load: Some(load), ..Options::of("alibaba") });
        let entries = topology.calls.entry_rate * topology.graph.entries.len() as f64;
        (entries, topology.calls.rates.iter().sum())
    };
    // A rate is written with four digits.
    near(sum(Load::Entries(rate)).0, 1000.0, 1e-3);
    near(sum(Load::Services(rate)).1, 1000.0, 1e-3);
    near(sum(Load::Entries(rate)).1, 51_000.0, 0.01);
}

#[test]
fn a_seed_gives_the_same_bytes_and_another_one_others() {
    for preset in ["meta", "alibaba"] {
        let options = Options { services: Some(200), ..Options::of(preset) };
        assert_eq!(text(&options), text(&options));
        let body = |options: &Options| text(options).split("\nservices:").nth(1).map(str::to_owned);
        assert_ne!(body(&options), body(&Options { seed: 2, ..options.clone() }));
    }
}

#[test]
fn graphs_stay_what_they_are() {
    let digests: Vec<String> = PRESETS
        .iter()
        .map(|preset| {
            let hash = Sha256::digest(text(&Options::of(preset.name)).as_bytes());
            let start = u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]);
            format!("{} {start:08x}", preset.name)
        })
        .collect();
    assert_eq!(digests, GOLDEN);
}

const GOLDEN: [&str; 4] = ["tree 57b30b75", "load-mesh 43108895", "meta c52a53c9", "alibaba 3708e248"];

#[test]
fn what_cannot_be_is_refused_with_all_its_problems() {
    let base = Options::of("meta");
    let rate = |value| Some(Load::Entries(Rate::per_second(value).unwrap()));
    for (problems, options) in [
        (1, Options { services: Some(0), ..base.clone() }),
        (1, Options { services: Some(u32::MAX), ..base.clone() }),
        (1, Options { pods: Some(0), ..base.clone() }),
        (1, Options { pods: Some(999), ..base.clone() }),
        (1, Options { pods: Some(u64::MAX), ..base.clone() }),
        (1, Options { namespaces: Some(1001), ..base.clone() }),
        (1, Options { depth: Some(0), ..base.clone() }),
        (1, Options { depth: Some(u32::MAX), ..base.clone() }),
        (1, Options { entries: Some(1000), depth: Some(2), ..base.clone() }),
        (1, Options { entries: Some(0), ..base.clone() }),
        (1, Options { calls_per_request: Some(f64::NAN), ..base.clone() }),
        (1, Options { load: rate(0.0), ..base.clone() }),
        (1, Options { utilization: Some(Ratio::ONE), ..base.clone() }),
        (1, Options { services: Some(50_000), fan_out: Some(Law::parse("5000").unwrap()), ..base.clone() }),
        (1, Options::of("mata")),
        (2, Options { depth: Some(3), entries: Some(3), ..Options::of("tree") }),
        (3, Options { pods: Some(1), namespaces: Some(0), load: rate(0.0), ..base.clone() }),
    ] {
        let found = options.settings().expect_err(&format!("{options:?}"));
        assert_eq!(found.len(), problems, "{options:?}: {found:?}");
    }
    for options in [
        Options { pods: Some(1000), load: rate(1e6), ..base.clone() },
        Options { load: rate(1e12), ..base.clone() },
        Options { services: Some(30_000), fan_out: Some(Law::parse("33").unwrap()), ..base },
    ] {
        let settings = options.settings().expect("each option by itself is possible");
        Topology::generate(&settings).expect_err(&format!("{options:?}"));
    }
}

#[test]
fn what_is_generated_can_be_read() {
    for options in [Options::of("load-mesh"), Options { services: Some(500), ..Options::of("meta") }] {
        let (text, mut sources, mut diagnostics) =
            (text(&options), Sources::default(), Diagnostics::default());
        let file = sources.add("generated", text.clone());
        let nodes = parse(&text, file, &mut diagnostics);
        assert!(!diagnostics.has_errors(), "{}", diagnostics.render(&sources, crate::diag::Style::Plain));
        let values: usize = nodes.iter().map(count).sum();
        let estimate = values_of(&generated(&options).graph);
        assert!(values <= estimate && estimate < values * 3 / 2, "{values} values, estimated as {estimate}");
    }
}

fn count(node: &Node) -> usize {
    1 + match &node.value {
        Value::Map(entries) => entries.iter().map(|(key, value)| count(key) + count(value)).sum(),
        Value::List(elements) => elements.iter().map(count).sum(),
        Value::Null | Value::Scalar { .. } => 0,
    }
}
