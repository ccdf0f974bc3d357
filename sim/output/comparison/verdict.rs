//! The answer in one or two sentences, as far as the model intervals allow one.

use crate::metrics::{Estimate, Place, Results, Scope, Statistic, Unit, places};
use crate::output::busiest::busiest_entry;
use crate::output::human::{Scale, printable};

use super::Comparison;

/// What is asked of every mesh: a number that should be small.
struct Question<'q> {
    /// Completes "… adds least to".
    what: String,
    scope: Scope,
    name: &'q str,
    metric: &'static str,
    statistic: Statistic,
    unit: Unit,
}

impl Question<'_> {
    fn answer(&self, results: &Results) -> Option<Estimate> {
        results.get(self.scope, self.name, self.metric, self.statistic).copied()
    }
}

/// A sentence about the tail of the busiest entry and one about CPU.
pub(in crate::output) fn verdict(comparison: &Comparison<'_>) -> String {
    let entry = busiest_entry(comparison.runs[comparison.baseline].results);
    let questions = [
        entry.map(|entry| about_time(comparison, entry)),
        Some(Question {
            what: "the CPU of proxies".to_owned(),
            scope: Scope::Scenario,
            name: comparison.scenario(),
            metric: "proxy_cpu_added",
            statistic: Statistic::Total,
            unit: Unit::Cores,
        }),
    ];
    let sentences = questions.iter().flatten().filter_map(|question| sentence(comparison, question));
    sentences.collect::<Vec<_>>().join(" ")
}

/// The highest quantile, or else the mean, that has the deciding interval under every mesh; the p99 if none has.
fn about_time<'q>(comparison: &Comparison<'_>, entry: &'q str) -> Question<'q> {
    let question = |statistic: Statistic| Question {
        what: format!("the {statistic} of {}", printable(entry)),
        scope: Scope::Entry,
        name: entry,
        metric: "response_time_added",
        statistic,
        unit: Unit::Seconds,
    };
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
    let answers: Vec<(&Results, Estimate)> =
        comparison.compared().filter_map(|results| Some((results, question.answer(results)?))).collect();
    let numbers: Vec<Estimate> = answers.iter().map(|(_, number)| *number).collect();
    if numbers.is_empty() {
        return None;
    }
    let scale = Scale::of(numbers.iter(), question.unit);
    let places = places(&numbers, comparison.is_by_model());
    let mesh = |index: usize| printable(&answers[index].0.mesh);
    let shown = |index: usize| format!("{} ({})", mesh(index), scale.in_words(&numbers[index]));
    let what = &question.what;
    if let [only] = numbers.as_slice() {
        return Some(format!("{} adds to {what}: {}.", mesh(0), scale.in_words(only)));
    }
    let with = |is: fn(&Place) -> bool| -> Vec<usize> {
        (0..places.len()).filter(|&index| is(&places[index])).collect()
    };
    let (least, most) = (with(|place| place.first == 1), with(|place| place.last == place.of));
    Some(match (least.as_slice(), most.as_slice()) {
        (&[least], &[most]) if numbers.len() == 2 => {
            format!("{} adds less to {what} than {}.", shown(least), shown(most))
        }
        (&[least], &[most]) => format!("{} adds least to {what}, {} most.", shown(least), shown(most)),
        (&[least], several) => format!(
            "{} adds least to {what}; cannot tell which adds most: {}.",
            shown(least),
            list(several, shown)
        ),
        (several, &[most]) if numbers.len() > 2 => {
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
