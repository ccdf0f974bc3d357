//! The numbers by which meshes are chosen.

use crate::metrics::{Estimate, Kind, Results, Scope, Statistic, Unit};
use crate::output::busiest::busiest_entry;
use crate::output::comparison::{Comparison, Judged, Question, Standing, about_time, whole};
use crate::output::human::printable;

use super::objects;

/// A number that should be small, and how the meshes stand by it.
pub(super) struct Criterion<'a> {
    /// Completes "… decides".
    pub(super) what: String,
    /// What a mesh does with it.
    pub(super) verb: &'static str,
    /// It is against the baseline, for which it is zero.
    pub(super) is_against_baseline: bool,
    /// No chance is in it.
    pub(super) is_exact: bool,
    /// Of the meshes that are compared with the baseline.
    pub(super) standing: Standing<'a>,
}

impl Criterion<'_> {
    /// The number of a mesh, in words.
    pub(super) fn shown(&self, index: usize) -> String {
        if self.verb == ADDS { self.standing.added(index) } else { self.standing.plain(index) }
    }
}

const ADDS: &str = "adds";

/// All that can be told of this comparison.
pub(super) fn criteria<'a>(comparison: &Comparison<'a>) -> Vec<Criterion<'a>> {
    let baseline = comparison.runs[comparison.baseline].results;
    let mut all = Vec::new();
    if let Some(entry) = busiest_entry(baseline) {
        let mut quantiles = vec![Statistic::P50, about_time(comparison, entry).statistic, Statistic::P99];
        quantiles.dedup();
        for statistic in quantiles {
            all.extend(added(comparison, &Question::of_time(entry, statistic)));
        }
        all.extend(fails(comparison, entry));
    }
    all.extend(added(
        comparison,
        &Question::of_whole(comparison, "the CPU of proxies", "proxy_cpu_added", Unit::Cores),
    ));
    all.extend(memory(comparison));
    all.extend(machines(comparison));
    all.extend(start_up(comparison));
    all.extend(objects(comparison));
    all.retain(|criterion| !is_nothing(criterion));
    all
}

/// The share of requests that fails. How many do is chance as well, whatever the constants.
fn fails<'a>(comparison: &Comparison<'a>, entry: &str) -> Option<Criterion<'a>> {
    let question = errors(entry);
    let mut all: Vec<(&str, Estimate)> = answers(comparison, |results| question.answer(results)).collect();
    // Where the same requests fail there is no chance in the difference.
    if all.iter().any(|(_, number)| number.interval.is_some()) {
        for (_, number) in all.iter_mut().filter(|(_, number)| number.value == 0.0) {
            number.interval = number.interval.or(Some((0.0, 0.0)));
        }
    }
    of_added(question.what.clone(), all.into_iter(), question.unit, Judged::BySimulation)
}

fn errors(entry: &str) -> Question<'_> {
    Question {
        what: format!("the share of {} that fails", printable(entry)),
        scope: Scope::Entry,
        name: entry,
        metric: "error_ratio_added",
        statistic: Statistic::Mean,
        unit: Unit::Ratio,
    }
}

/// Whether every mesh has zero: nothing to speak of.
fn is_nothing(criterion: &Criterion<'_>) -> bool {
    criterion.standing.numbers.iter().all(|number| number.value == 0.0)
}

fn added<'a>(comparison: &Comparison<'a>, question: &Question<'_>) -> Option<Criterion<'a>> {
    let answers = answers(comparison, |results| question.answer(results));
    of_added(question.what.clone(), answers, question.unit, comparison.judged())
}

fn of_added<'a>(
    what: String,
    answers: impl Iterator<Item = (&'a str, Estimate)>,
    unit: Unit,
    judged: Judged,
) -> Option<Criterion<'a>> {
    let standing = Standing::new(answers, unit, judged)?;
    let is_exact = judged == Judged::Exactly;
    Some(Criterion { what, verb: ADDS, is_against_baseline: true, is_exact, standing })
}

/// The number of each mesh that has one.
fn answers<'a>(
    comparison: &Comparison<'a>,
    answer: impl Fn(&Results) -> Option<Estimate>,
) -> impl Iterator<Item = (&'a str, Estimate)> {
    comparison.compared().filter_map(move |results| Some((results.mesh.as_str(), answer(results)?)))
}

/// Memory of all proxies, shared out among the pods of services.
fn memory<'a>(comparison: &Comparison<'a>) -> Option<Criterion<'a>> {
    let record = comparison.runs[comparison.baseline].records.first()?;
    let pods: u64 = record.services.iter().map(|service| service.instances).sum();
    if pods == 0 {
        return None;
    }
    let shared = |(low, high): (f64, f64)| (low / pods as f64, high / pods as f64);
    let per_pod = |number: Estimate| Estimate {
        value: number.value / pods as f64,
        interval: number.interval.map(shared),
        model: number.model.map(shared),
        kind: number.kind,
    };
    let answer = |results: &Results| whole(results, "proxy_memory_added").map(|(number, _)| per_pod(number));
    let what = format!("memory of proxies for each of {pods} pods");
    of_added(what, answers(comparison, answer), Unit::Bytes, comparison.judged())
}

/// Machines, and their price where there is one.
fn machines<'a>(comparison: &Comparison<'a>) -> Vec<Criterion<'a>> {
    let number = |what: String, metric: &'static str, unit: Unit| {
        let answer = |results: &Results| whole(results, metric).map(|(number, _)| number);
        of_added(what, answers(comparison, answer), unit, Judged::Exactly)
    };
    let money =
        comparison.compared().find_map(|results| whole(results, "cost_reserved_added")).map(|(_, unit)| unit);
    let nodes = number("the number of nodes".to_owned(), "nodes_added", Unit::Count);
    let cost = money.and_then(|unit| {
        number(format!("the price of what is reserved ({unit})"), "cost_reserved_added", unit)
    });
    nodes.into_iter().chain(cost).collect()
}

/// The time that a pod starts later.
fn start_up<'a>(comparison: &Comparison<'a>) -> Option<Criterion<'a>> {
    let services = comparison.written.services.len();
    let number = |mesh: usize| {
        let (value, low, high) = comparison.profiles[mesh].start_up(services)?;
        Some(Estimate { value, interval: None, model: Some((low, high)), kind: Kind::Exact })
    };
    let what = "the start of a pod".to_owned();
    let is_known = comparison.profiles[comparison.baseline].start_up(services).is_none();
    let criterion = of_added(what, by_profile(comparison, number), Unit::Seconds, Judged::ByModel)?;
    Some(Criterion { is_against_baseline: is_known, ..criterion })
}

/// How many objects say the scenario's routes and policies, where a mesh can have all of them.
fn objects<'a>(comparison: &Comparison<'a>) -> Option<Criterion<'a>> {
    let number = |mesh: usize| {
        let count = objects::count(&comparison.profiles[mesh], comparison.written)?;
        Some(Estimate { value: count as f64, interval: None, model: None, kind: Kind::Exact })
    };
    let what = "the number of objects that say these routes and policies".to_owned();
    let standing = Standing::new(by_profile(comparison, number), Unit::Count, Judged::Exactly)?;
    Some(Criterion { what, verb: "takes", is_against_baseline: false, is_exact: true, standing })
}

/// What the profile of each compared mesh says.
fn by_profile<'a>(
    comparison: &Comparison<'a>,
    number: impl Fn(usize) -> Option<Estimate>,
) -> impl Iterator<Item = (&'a str, Estimate)> {
    let baseline = comparison.baseline;
    let meshes = comparison.results().enumerate().filter(move |&(mesh, _)| mesh != baseline);
    meshes.filter_map(move |(mesh, results)| Some((results.mesh.as_str(), number(mesh)?)))
}
