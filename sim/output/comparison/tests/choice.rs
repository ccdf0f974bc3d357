//! What the report says of the choice: each sentence where its premise holds, and nowhere else.

use super::*;
use crate::metrics::record::{EdgeRecord, ServiceRecord};
use crate::metrics::{EdgeLabel, VersionLabel};

/// The section of a report under this title, without its heading; empty if there is none.
fn section<'r>(report: &'r str, title: &str) -> &'r str {
    let Some((_, rest)) = report.split_once(&format!("\n## {title}\n")) else { return "" };
    rest.split("\n## ").next().unwrap_or_default().trim()
}

/// The report of meshes with these numbers, with more said of the comparison.
fn report(made: &Made, more: &Comparison<'_>) -> String {
    let mut files = made.with(more, |comparison| (OUTPUTS[0].render)(comparison));
    String::from_utf8(files.remove(0).bytes).expect("text")
}

/// What is said of the choice where constants vary by a factor.
fn choice(spread: f64) -> String {
    let (origin, written) = (origin(), plain());
    let report = report(&Made::new(&MESHES, spread), &bare(&origin, &written));
    section(&report, "Which mesh for this scenario").to_owned()
}

/// What is said for and against a mesh.
fn of_mesh<'t>(text: &'t str, mesh: &str) -> (&'t str, &'t str) {
    let after = |start: String| {
        text.split_once(&start).map_or("", |(_, rest)| rest.split("\n\n**").next().unwrap_or(rest))
    };
    let reasons = after(format!("**Choose {mesh} if**\n"));
    let reasons = reasons.split("\nBut with ").next().unwrap_or(reasons);
    (reasons, after(format!("ith {mesh}:\n")))
}

const TAIL: &str = "the p90 of web decides";

#[test]
fn what_adds_least_is_a_reason_and_what_adds_most_a_cost() {
    let text = choice(1.2);
    let (sidecar, linkerd) = (of_mesh(&text, "istio-sidecar"), of_mesh(&text, "linkerd"));
    assert!(linkerd.0.contains(&format!("{TAIL}: it adds least, ")), "{text}");
    assert!(!linkerd.1.contains("the p90 of web"), "{text}");
    assert!(sidecar.1.contains("the p90 of web: it adds most, "), "{text}");
    assert!(!sidecar.0.contains("the p90 of web"), "{text}");
    assert!(!text.contains("the p90 of web: a close call"), "{text}");
}

#[test]
fn where_model_intervals_overlap_it_is_a_close_call_and_nobodys_reason() {
    let text = choice(3.0);
    assert!(text.contains("the p90 of web: a close call, the intervals overlap: istio-sidecar ("), "{text}");
    for mesh in ["istio-sidecar", "linkerd"] {
        let (reasons, costs) = of_mesh(&text, mesh);
        assert!(!reasons.contains(TAIL) && !costs.contains("the p90 of web"), "{text}");
    }
}

#[test]
fn objectives_speak_where_one_is_missed_and_another_mesh_meets_its_own() {
    let (origin, written) = (origin(), plain());
    let judged = |mesh: &str, met| Judgement {
        mesh: mesh.to_owned(),
        entry: "web".to_owned(),
        met,
        text: "p99 is 24 ms, at most 23.5 ms".to_owned(),
    };
    let said = |met: bool| {
        let objectives = [judged("istio-sidecar", met), judged("linkerd", true)];
        let more = Comparison { objectives: &objectives, ..bare(&origin, &written) };
        section(&report(&Made::new(&MESHES, 1.2), &more), "Which mesh for this scenario").to_owned()
    };
    let (missed, all_met) = (said(false), said(true));
    assert!(
        of_mesh(&missed, "linkerd").0.contains("it meets the objective; istio-sidecar does not."),
        "{missed}"
    );
    assert!(
        of_mesh(&missed, "istio-sidecar").1.contains("an objective of web is missed: p99 is 24 ms"),
        "{missed}"
    );
    assert!(!all_met.contains("objective"), "{all_met}");
}

#[test]
fn capabilities_speak_where_the_scenario_asks_for_them_and_meshes_differ() {
    let (origin, written) = (origin(), plain());
    let features: Vec<_> =
        FEATURES.iter().filter(|feature| ["mirror", "mtls"].contains(&feature.name)).collect();
    let more = Comparison { features: &features, ..bare(&origin, &written) };
    let text = report(&Made::new(&MESHES, 1.2), &more);
    let text = section(&text, "Which mesh for this scenario");
    let (reasons, costs) = of_mesh(text, "istio-sidecar");
    assert!(reasons.contains("`mirror` (none and linkerd do not)"), "{text}");
    assert!(reasons.contains("`mtls` (none does not)") && !costs.contains("you get no"), "{text}");
    assert!(of_mesh(text, "linkerd").1.contains("you get no `mirror`: "), "{text}");
    assert!(
        of_mesh(text, "none")
            .0
            .contains("you can do without what it does not do by itself: `mirror`, `mtls`."),
        "{text}"
    );
    assert!(!choice(1.2).contains("`mirror`"), "nobody asked for it");
}

const SPLIT: &str = "routes:\n- name: canary\n  host: back\n  rules:\n  \
     - to: [{service: back, subset: v1, weight: 90}, {service: back, subset: v2, weight: 10}]\n";

/// Of a thousand calls in each replication `hundreds` hundred go to v2.
fn routed(hundreds: u64) -> Made {
    let mut made = Made::new(&MESHES, 1.2);
    for mesh in 0..MESHES.len() {
        let labels = &mut made.labels[mesh];
        labels.versions = ["v1", "v2"]
            .map(|version| VersionLabel { name: format!("default/back@{version}"), service: 1 })
            .to_vec();
        labels.edges[1].callee = "default/back@v1".to_owned();
        labels.edges.push(EdgeLabel { callee: "default/back@v2".to_owned(), ..labels.edges[1].clone() });
        for record in &mut made.records[mesh] {
            let calls = [1000 - 100 * hundreds, 100 * hundreds];
            let edge = record.edges[1].clone();
            record.edges[1].calls = calls[0];
            record.edges.push(EdgeRecord { calls: calls[1], ..edge });
            let version = |visits| ServiceRecord { visits, ..record.services[1].clone() };
            record.versions = calls.map(version).to_vec();
            record.timeline.versions = record.timeline.services.clone();
        }
        made.results[mesh] = estimate(labels, &made.records[mesh]);
    }
    made
}

#[test]
fn routes_and_versions_have_a_section_of_their_own() {
    let origin = origin();
    let (split, plain) = (written(SPLIT), plain());
    let of = |made: &Made, scenario: &Scenario| {
        section(&report(made, &bare(&origin, scenario)), "Routing").to_owned()
    };
    assert_eq!(of(&Made::new(&MESHES, 1.2), &plain), "", "there is nothing to say");
    insta::assert_snapshot!(of(&routed(1), &split));
    // The measured share is that of the calls, whatever is written.
    assert!(
        of(&routed(3), &split).contains("| default/back@v2 | 10.0 | 30.0 ±0.9 |"),
        "{}",
        of(&routed(3), &split)
    );
    let other_weights = written(&SPLIT.replace("weight: 90", "weight: 30"));
    assert!(of(&routed(1), &other_weights).contains("| default/back@v2 | 25.0 | 10.0 ±"));
    // Behind a condition, a weight is not one of all requests.
    let conditional = written(&SPLIT.replace("- to:", "- match: {path: {prefix: /a}}\n    to:"));
    assert!(!of(&routed(1), &conditional).contains("| written |"));
}

#[test]
fn the_number_of_objects_speaks_where_there_are_routes_and_a_mesh_can_have_them() {
    let origin = origin();
    let said = |sections: &str| {
        let written = written(sections);
        let text = report(&Made::new(&MESHES, 1.2), &bare(&origin, &written));
        section(&text, "Which mesh for this scenario").to_owned()
    };
    let objects = "the number of objects that say these routes and policies";
    assert!(!said("").contains(objects));
    // A VirtualService and a DestinationRule; an HTTPRoute and a Service for each of two subsets.
    let text = said(SPLIT);
    assert!(
        of_mesh(&text, "istio-sidecar")
            .0
            .contains(&format!("{objects} decides: it takes least, 2; linkerd, next, takes 3.")),
        "{text}"
    );
    let mirrored =
        SPLIT.replace("  rules:", "  rules:\n  - {match: {path: {exact: /a}}, mirror: {service: back}}");
    let text = said(&mirrored);
    assert!(
        of_mesh(&text, "istio-sidecar").1.contains(&format!("{objects}: it takes 2.")),
        "linkerd has no mirrors: {text}"
    );
}
