//! The answer in one or two sentences, as far as the model intervals allow one.

use crate::metrics::{Estimate, Kind, Results, Scope, Statistic, Unit};
use crate::output::busiest::busiest_entry;
use crate::output::human::{Scale, printable};

use super::Comparison;
use super::standing::Standing;

/// Shares of failed requests so far apart make times of answered ones hard to compare.
const FAILURES_APART: f64 = 0.01;

/// What is asked of every mesh: a number that should be small.
pub(in crate::output) struct Question<'q> {
    /// Completes "… adds least to".
    pub(in crate::output) what: String,
    pub(in crate::output) scope: Scope,
    pub(in crate::output) name: &'q str,
    pub(in crate::output) metric: &'static str,
    pub(in crate::output) statistic: Statistic,
    pub(in crate::output) unit: Unit,
}

impl<'q> Question<'q> {
    /// What is added to a statistic of an entry's response time.
    pub(in crate::output) fn of_time(entry: &'q str, statistic: Statistic) -> Self {
        Self {
            what: format!("the {statistic} of {}", printable(entry)),
            scope: Scope::Entry,
            name: entry,
            metric: "response_time_added",
            statistic,
            unit: Unit::Seconds,
        }
    }

    /// What is added to a total of the whole scenario.
    pub(in crate::output) fn of_whole(
        comparison: &Comparison<'q>,
        what: &str,
        metric: &'static str,
        unit: Unit,
    ) -> Self {
        let (name, statistic) = (comparison.scenario(), Statistic::Total);
        Self { what: what.to_owned(), scope: Scope::Scenario, name, metric, statistic, unit }
    }

    /// The number of one mesh.
    pub(in crate::output) fn answer(&self, results: &Results) -> Option<Estimate> {
        results.get(self.scope, self.name, self.metric, self.statistic).copied()
    }
}

/// A sentence about the tail of the busiest entry and one about CPU.
pub(in crate::output) fn verdict(comparison: &Comparison<'_>) -> String {
    let entry = busiest_entry(comparison.runs[comparison.baseline].results);
    let questions = [
        entry.map(|entry| about_time(comparison, entry)),
        Some(Question::of_whole(comparison, "the CPU of proxies", "proxy_cpu_added", Unit::Cores)),
    ];
    let sentences = questions.iter().flatten().filter_map(|question| sentence(comparison, question));
    let mut sentences: Vec<String> = sentences.collect();
    sentences.extend(entry.and_then(|entry| failures(comparison, entry)));
    sentences.join(" ")
}

/// What else there is to know of times, where meshes fail requests that others answer: failed ones have none.
fn failures(comparison: &Comparison<'_>, entry: &str) -> Option<String> {
    let share = |results: &Results| {
        results.get(Scope::Entry, entry, "error_ratio", Statistic::Mean).map(|estimate| estimate.value)
    };
    let shares: Vec<(&str, f64)> =
        comparison.results().filter_map(|results| Some((results.mesh.as_str(), share(results)?))).collect();
    let least = shares.iter().map(|(_, share)| *share).fold(f64::INFINITY, f64::min);
    let is_apart = shares.iter().any(|(_, share)| *share > least + FAILURES_APART);
    is_apart.then(|| {
        let scale = Scale::of(std::iter::empty(), Unit::Ratio);
        let each = shares.iter().map(|(mesh, share)| {
            let share = Estimate { value: *share, interval: None, model: None, kind: Kind::Exact };
            format!("{} {} %", printable(mesh), scale.estimate(&share))
        });
        let each: Vec<String> = each.collect();
        format!(
            "Times are those of answered requests, but meshes do not fail alike; of {} fail: {}.",
            printable(entry),
            each.join(", ")
        )
    })
}

/// The highest quantile, or else the mean, that has the deciding interval under every mesh; the p99 if none has.
pub(in crate::output) fn about_time<'q>(comparison: &Comparison<'_>, entry: &'q str) -> Question<'q> {
    let question = |statistic| Question::of_time(entry, statistic);
    let decides = |number: Estimate| {
        let interval = if comparison.is_by_model() { number.model } else { number.interval };
        interval.is_some()
    };
    let is_decided =
        |of: &Question<'_>| comparison.compared().all(|results| of.answer(results).is_some_and(decides));
    [Statistic::P99, Statistic::P90, Statistic::P50, Statistic::Mean]
        .map(question)
        .into_iter()
        .find(is_decided)
        .unwrap_or_else(|| question(Statistic::P99))
}

fn sentence(comparison: &Comparison<'_>, question: &Question<'_>) -> Option<String> {
    let answers =
        comparison.compared().filter_map(|results| Some((results.mesh.as_str(), question.answer(results)?)));
    let standing = Standing::new(answers, question.unit, comparison.judged())?;
    let shown = |index: usize| standing.shown(index);
    let what = &question.what;
    if let [only] = standing.meshes.as_slice() {
        return Some(format!("{} adds to {what}: {}.", printable(only), standing.added(0)));
    }
    Some(match (standing.lowest().as_slice(), standing.highest().as_slice()) {
        (&[least], &[most]) if standing.meshes.len() == 2 => {
            format!("{} adds less to {what} than {}.", shown(least), shown(most))
        }
        (&[least], &[most]) => format!("{} adds least to {what}, {} most.", shown(least), shown(most)),
        (&[least], several) => format!(
            "{} adds least to {what}; cannot tell which adds most: {}.",
            shown(least),
            list(several, shown)
        ),
        (several, &[most]) if standing.meshes.len() > 2 => {
            format!(
                "Cannot tell which adds least to {what}: {}; {} adds most.",
                list(several, shown),
                shown(most)
            )
        }
        (several, _) => format!("Cannot tell which adds least to {what}: {}.", list(several, shown)),
    })
}

fn list(indexes: &[usize], shown: impl Fn(usize) -> String) -> String {
    let all: Vec<String> = indexes.iter().map(|&index| shown(index)).collect();
    match all.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => all.join(""),
    }
}
