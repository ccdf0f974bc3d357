//! Comparisons of made-up records: as snapshots, and what the verdict says of intervals that overlap or not.

use super::*;
use crate::diag::Style;
use crate::experiment::load::AtLoad;
use crate::experiment::model::{Effect, Guess, Moved, Sensitivity};
use crate::experiment::vary::{AtSetting, Variation};
use crate::input::{self, Options};
use crate::mesh::profile::{FEATURES, find};
use crate::mesh::validate;
use crate::metrics::synthetic::{full_labels, full_record};
use crate::metrics::{Drawn, Labels, RunRecord, Scope, Statistic, Values, difference, estimate};
use crate::units::Span;

mod choice;

/// What it takes to make a comparison.
struct Made {
    labels: Vec<Labels>,
    records: Vec<Vec<RunRecord>>,
    results: Vec<Results>,
    profiles: Vec<Profile>,
    used: Vec<Vec<Assumption>>,
}

/// A replication whose requests take `extra` nanoseconds more each, in proxies that take `cpu` nanoseconds a request.
fn record(number: u64, extra: u64, cpu: u64) -> RunRecord {
    let mut record = full_record(number, 1000, cpu > 0);
    let entry = &mut record.entries[0];
    let mut succeeded = hdrhistogram::Histogram::new(3).expect("three digits are allowed");
    for value in entry.succeeded.iter_recorded() {
        let time = value.value_iterated_to() + extra;
        succeeded.record_n(time, value.count_since_last_iteration()).expect("it resizes itself");
    }
    entry.succeeded = succeeded;
    entry.parts[2] += 1000 * extra;
    entry.halves = entry.halves.map(|(count, sum)| (count, sum + count * extra));
    for proxy in &mut record.proxies {
        proxy.cpu = 1000 * cpu;
    }
    record
}

impl Made {
    /// Meshes by name, extra time and CPU; with a factor that the draws' constants vary by, up and down.
    fn new(meshes: &[(&str, u64, u64)], spread: f64) -> Self {
        let labels: Vec<Labels> = meshes.iter().map(|(name, _, cpu)| full_labels(name, *cpu > 0)).collect();
        let records: Vec<Vec<RunRecord>> = meshes
            .iter()
            .map(|&(_, extra, cpu)| (0..10).map(|number| record(number, extra, cpu)).collect())
            .collect();
        let drawn: Vec<Drawn> = meshes
            .iter()
            .zip(&labels)
            .map(|(&(_, extra, cpu), labels)| {
                let scaled = |factor: f64| {
                    let times = |number: u64| (number as f64 * factor) as u64;
                    Values::of(labels, &record(0, times(extra), times(cpu)))
                };
                Drawn { nominal: scaled(1.0), draws: vec![scaled(1.0 / spread), scaled(spread)] }
            })
            .collect();
        let results = (0..meshes.len())
            .map(|mesh| {
                let results = estimate(&labels[mesh], &records[mesh]);
                if mesh == 0 {
                    return results.with_model(&labels[0], &drawn[0], None);
                }
                let added = difference(&labels[mesh], &records[mesh], &records[0]);
                results.with_baseline(meshes[0].0, added).with_model(
                    &labels[mesh],
                    &drawn[mesh],
                    Some(&drawn[0]),
                )
            })
            .collect();
        let profiles: Vec<Profile> = ["none", "istio-sidecar", "linkerd"]
            .iter()
            .map(|name| find(name, None).expect("shipped"))
            .collect();
        let assumed = |profile: &Profile| profile.assumptions().into_iter().take(2).collect();
        let used = profiles.iter().map(assumed).collect();
        Self { labels, records, results, profiles, used }
    }

    fn with<T>(&self, more: &Comparison<'_>, show: impl FnOnce(&Comparison<'_>) -> T) -> T {
        let runs: Vec<Run<'_>> = (0..self.results.len())
            .map(|mesh| Run {
                labels: &self.labels[mesh],
                records: &self.records[mesh],
                results: &self.results[mesh],
            })
            .collect();
        show(&Comparison { runs: &runs, profiles: &self.profiles, used: &self.used, ..*more })
    }
}

fn origin() -> Origin {
    Origin {
        version: "0.1.0".to_owned(),
        command: ["sim", "compare", "my shop.yaml", "--seed", "7"].map(str::to_owned).to_vec(),
        seed: 7,
        inputs: vec![FileHash::new("my shop.yaml", b"version: 1\n")],
    }
}

/// The scenario that the records could be of, with these sections at its end.
fn written(sections: &str) -> Scenario {
    const SERVICES: &str = "version: 1\nname: shop\nservices:\n\
         - {name: front, service_time: 1ms, script: [call: back]}\n\
         - {name: back, service_time: 1ms, versions: [{name: v1}, {name: v2}]}\n\
         traffic: [{name: web, service: front, from: outside, rate: 1000/s}]\n";
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("shop.yaml");
    std::fs::write(&file, format!("{SERVICES}{sections}")).expect("a writable folder");
    let (draft, sources, mut diagnostics) = input::load(&[file], &Options::default());
    let scenario = validate(&draft, &mut diagnostics);
    scenario.unwrap_or_else(|| panic!("{}", diagnostics.render(&sources, Style::Plain)))
}

/// Without routes and policies.
fn plain() -> Scenario {
    written("")
}

/// A comparison of nothing, to be filled.
fn bare<'a>(origin: &'a Origin, written: &'a Scenario) -> Comparison<'a> {
    Comparison {
        runs: &[],
        baseline: 0,
        profiles: &[],
        draws: 16,
        used: &[],
        sensitivities: None,
        written,
        features: &[],
        load: None,
        vary: None,
        objectives: &[],
        warnings: &[],
        origin,
    }
}

const MESHES: [(&str, u64, u64); 3] =
    [("none", 0, 0), ("istio-sidecar", 1_000_000, 80_000), ("linkerd", 400_000, 50_000)];

fn verdict_of(meshes: &[(&str, u64, u64)], spread: f64) -> String {
    let (origin, written) = (origin(), plain());
    Made::new(meshes, spread).with(&bare(&origin, &written), verdict)
}

#[test]
fn the_verdict_is_told_where_intervals_lie_apart_and_refused_where_they_overlap() {
    let four = [MESHES[0], MESHES[1], ("linkerd", 400_000, 70_000), ("istio-ambient", 450_000, 20_000)];
    let verdicts = [
        verdict_of(&MESHES, 1.2),
        verdict_of(&MESHES, 2.0),
        verdict_of(&MESHES[..2], 1.2),
        verdict_of(&four, 1.2),
    ];
    insta::assert_snapshot!(verdicts.join("\n"));
}

/// Everything there is, with names that mean something in Markdown.
fn full<T>(show: impl FnOnce(&Comparison<'_>) -> T) -> T {
    let made = Made::new(&MESHES, 1.2);
    let (origin, written) = (origin(), plain());
    let effect =
        |mesh| Effect { mesh, mean: (-0.0001, 0.0002), tail: (-0.000_15, 0.0003), cpu: (-0.001, 0.002) };
    let constant = Moved::Constant(made.used[1][0].clone());
    let guess = Moved::Guess(Guess {
        identity: "service_time default/front.main".to_owned(),
        mean: 0.005,
        range: (0.0025, 0.01),
    });
    let sensitivities = Sensitivities {
        entry: "web".to_owned(),
        tail: Statistic::P99,
        windows: [Span::from_seconds(1), Span::from_seconds(10)],
        rows: vec![
            Sensitivity { moved: constant, effects: vec![effect(1), effect(2)] },
            Sensitivity { moved: guess, effects: vec![effect(2)] },
        ],
    };
    let at = |factor: f64| AtLoad {
        factor,
        offered: vec![Some(1000.0 * factor)],
        results: made.results.clone(),
        drawn: Vec::new(),
    };
    let loads = Loads { replications: 2, draws: 0, points: vec![at(0.5), at(1.0)] };
    let with = |setting: &str| AtSetting::new(setting, made.results.clone());
    let variation = Variation {
        key: "services.front.replicas".to_owned(),
        replications: 2,
        points: vec![with("1"), with("5")],
    };
    let judgement = |mesh: &str, met| Judgement {
        mesh: mesh.to_owned(),
        entry: "web".to_owned(),
        met,
        text: "p99 is 24 ms, at most 23.5 ms".to_owned(),
    };
    let more = Comparison {
        sensitivities: Some(&sensitivities),
        features: &FEATURES.iter().filter(|feature| feature.name == "balance_ring_hash").collect::<Vec<_>>(),
        load: Some(&loads),
        vary: Some(&variation),
        objectives: &[judgement("none", true), judgement("linkerd", false)],
        warnings: &["shop.yaml:3:1: `<b>|_x_|` is not modelled".to_owned()],
        ..bare(&origin, &written)
    };
    made.with(&more, show)
}

#[test]
fn the_terminal_says_the_verdict_first() {
    let text = full(terminal);
    for line in text.lines() {
        assert!(line.chars().count() <= 100 || line.starts_with("note: "), "{line}");
        assert_eq!(line.trim_end(), line);
    }
    insta::assert_snapshot!(text);
}

/// One output of the full comparison.
fn file(path: &str) -> String {
    let output = OUTPUTS.iter().find(|output| output.file == path).unwrap_or_else(|| panic!("no {path}"));
    let mut files = full(output.render);
    assert_eq!((files.len(), files[0].path.as_str()), (1, path));
    String::from_utf8(files.remove(0).bytes).expect("text")
}

#[test]
fn the_report_puts_it_together() {
    insta::assert_snapshot!(file("report.md"));
}

#[test]
fn comparison_csv_has_a_row_per_headline_number() {
    let text = file("comparison.csv");
    let rows: Vec<_> =
        ::csv::Reader::from_reader(text.as_bytes()).into_records().map(Result::unwrap).collect();
    assert!(rows.iter().all(|row| row.len() == 19));
    let kept = text
        .lines()
        .enumerate()
        .filter(|(line, text)| *line == 0 || text.contains(",p50,") || text.contains(",total,"));
    insta::assert_snapshot!(kept.map(|(_, line)| line).collect::<Vec<_>>().join("\n"));
}

#[test]
fn load_csv_has_a_row_per_load_mesh_and_number() {
    let text = file("load.csv");
    let p99 = text.lines().filter(|line| line.contains(",response_time,p99,")).count();
    assert_eq!(p99, 6, "two loads of three meshes");
    assert_eq!(
        text.lines().next(),
        Some(
            "scenario,load_factor,mesh,scope,name,metric,statistic,value,unit,ci_low,ci_high,model_low,model_high"
        )
    );
}

#[test]
fn vary_csv_has_a_row_per_value_mesh_and_number() {
    let text = file("vary.csv");
    let rows = |metric: &str| text.lines().filter(|line| line.contains(metric)).count();
    assert_eq!(rows(",response_time,p99,"), 6, "two values of three meshes");
    assert_eq!(rows(",largest_proxy_memory,max,"), 4, "without a mesh there are no proxies");
    // A row for each of two groups of two meshes and two values.
    assert_eq!(rows(",memory,max,"), 8);
    assert_eq!(rows(",proxy_memory,total,"), 6);
    assert_eq!(
        text.lines().next(),
        Some(
            "scenario,key,setting,mesh,scope,name,metric,statistic,value,unit,ci_low,ci_high,model_low,model_high"
        )
    );
    let setting =
        |line: &&str| line.split(',').nth(2) == Some("5") && line.contains(",services.front.replicas,");
    assert_eq!(text.lines().filter(setting).count(), (text.lines().count() - 1) / 2);
}

#[test]
fn the_report_shows_every_picture() {
    let report = file("report.md");
    let pictures: Vec<String> =
        full(|comparison| comparison.pictures().iter().map(|picture| picture.name.clone()).collect());
    assert!(pictures.len() >= 4, "{pictures:?}");
    for name in &pictures {
        assert!(report.contains(&format!("](plots/{name}.svg)")), "no {name}");
    }
    assert_eq!(report.matches("](plots/").count(), pictures.len());
}

#[test]
fn machines_are_shown_when_they_are_known() {
    let (origin, written) = (origin(), plain());
    let mut made = Made::new(&MESHES, 1.2);
    let shown = |made: &Made| made.with(&bare(&origin, &written), terminal);
    assert!(!shown(&made).contains("nodes"));
    for results in &mut made.results {
        let mut row = results.rows[0].clone();
        assert_eq!(row.scope, Scope::Scenario);
        (row.metric, row.value.value) = ("nodes", 3.0);
        results.extend([row]);
    }
    assert!(shown(&made).contains("What it all runs on\n mesh           nodes"), "{}", shown(&made));
}
