//! Service-level objectives: what the scenario limits, mesh by mesh.

use crate::experiment::Outcome;
use crate::mesh::Scenario;
use crate::mesh::scenario::{Objective, Slo};
use crate::metrics::{Kind, Labels, RunRecord, entry_quantile};
use crate::output::comparison::Judgement;

use super::Exit;

/// Every objective at every entry it concerns, under every mesh.
pub(super) fn check(scenario: &Scenario, labels: &[Labels], outcome: &Outcome) -> Vec<Judgement> {
    let mut verdicts = Vec::new();
    for slo in &scenario.slos {
        for (mesh, records) in labels.iter().zip(&outcome.records) {
            for (entry, label) in mesh.entries.iter().enumerate() {
                if slo.source.is_none_or(|source| source.0 as usize == entry) {
                    let (met, text) = judge(slo, records, entry);
                    let (mesh, entry) = (mesh.mesh.clone(), label.name.clone());
                    verdicts.push(Judgement { mesh, entry, met, text });
                }
            }
        }
    }
    verdicts
}

fn judge(slo: &Slo, records: &[RunRecord], entry: usize) -> (bool, String) {
    match &slo.objective {
        Objective::ResponseTime { quantile, limit } => match entry_quantile(records, entry, *quantile) {
            None => (false, "no request was measured".to_owned()),
            Some(estimate) => {
                let met = estimate.kind == Kind::Exact && estimate.value <= limit.seconds();
                (
                    met,
                    format!(
                        "p{} is {:.3} ms, at most {} ms",
                        quantile * 100.0,
                        estimate.value * 1e3,
                        limit.seconds() * 1e3
                    ),
                )
            }
        },
        Objective::ErrorRatio(limit) => {
            let ratio = error_ratio(records, entry);
            let percent = limit.value() * 100.0;
            (ratio <= limit.value(), format!("errors are {:.4} %, at most {percent} %", ratio * 100.0))
        }
    }
}

/// Requests that failed or had no answer, of all that were answered or waited.
fn error_ratio(records: &[RunRecord], entry: usize) -> f64 {
    let sum = |count: fn(&crate::metrics::record::EntryRecord) -> u64| {
        records.iter().map(|record| count(&record.entries[entry])).sum::<u64>() as f64
    };
    let bad = sum(|entry| entry.failed.len() + entry.unfinished);
    bad / sum(|entry| entry.arrived).max(1.0)
}

/// The verdicts for the terminal; nothing when there are none.
pub(super) fn render(verdicts: &[Judgement]) -> String {
    if verdicts.is_empty() {
        return String::new();
    }
    let line = |verdict: &Judgement| {
        let word = if verdict.met { "met   " } else { "MISSED" };
        format!("{word} {} under {}: {}", verdict.entry, verdict.mesh, verdict.text)
    };
    let lines: Vec<String> = verdicts.iter().map(line).collect();
    format!("\nObjectives\n  {}\n\n", lines.join("\n  "))
}

/// How a command ends whose runs were all made or not.
pub(super) fn exit(is_unfinished: bool, verdicts: &[Judgement]) -> Exit {
    if is_unfinished {
        Exit::Unfinished
    } else if verdicts.iter().any(|verdict| !verdict.met) {
        Exit::SloMissed
    } else {
        Exit::Done
    }
}
