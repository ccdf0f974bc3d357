//! Which mesh for this scenario: for each mesh what speaks for it and against it.
//!
//! Every sentence is there because a number of the comparison, or an answer of a profile, makes it true.

mod capabilities;
mod criteria;
mod objects;

use std::fmt::Write as _;

use super::super::comparison::{Comparison, Standing};
use super::escape;
use criteria::{Criterion, criteria};

/// What the numbers cannot answer.
const QUESTIONS: [&str; 6] = [
    "Skills: who has to find a fault in the mesh at night, and which of these proxies and objects do they know already?",
    "Dashboards: which metrics, traces and alerts of a mesh do you look at, and who would build them again for another?",
    "Support: must somebody answer for it under contract, for how long for one version, and at what price?",
    "Upgrades: may every pod be restarted when a proxy has a security fix, and within how many days?",
    "Rules: which certificates or standards must the encryption meet, and who audits them?",
    "What comes next: which features will you need in two years that this scenario does not ask for?",
];

pub(super) fn section(comparison: &Comparison<'_>) -> String {
    if comparison.compared().next().is_none() {
        return String::new();
    }
    let all = criteria(comparison);
    let mut text = "What is said here follows from the numbers above and from the profiles' answers. Numbers are what a \
                    mesh adds to "
        .to_owned();
    let _ = writeln!(
        text,
        "{}. The start of a pod is the sum of its profile's steps, and of their ranges.",
        escape(comparison.baseline_name())
    );
    let common = paragraph(&common(&all));
    if !common.is_empty() {
        let _ = write!(text, "\n**Whichever you choose**\n\n{common}");
    }
    for (mesh, results) in comparison.results().enumerate() {
        let name = escape(&results.mesh);
        let (reasons, costs) = if mesh == comparison.baseline {
            (reasons_for_baseline(comparison, &all), Vec::new())
        } else {
            of_mesh(&all, &results.mesh)
        };
        let reasons: Vec<String> = reasons
            .into_iter()
            .chain(met(comparison, mesh))
            .chain(capabilities::reason(comparison, mesh))
            .collect();
        let costs: Vec<String> = costs
            .into_iter()
            .chain(missed(comparison, mesh))
            .chain(capabilities::costs(comparison, mesh))
            .collect();
        if reasons.is_empty() {
            let _ = write!(text, "\n**Nothing here speaks for {name}**\n");
        } else {
            let _ = write!(text, "\n**Choose {name} if**\n\n{}", paragraph(&reasons));
        }
        if !costs.is_empty() {
            let with = if reasons.is_empty() { "With" } else { "But with" };
            let _ = write!(text, "\n{with} {name}:\n\n{}", paragraph(&costs));
        }
    }
    let questions: Vec<String> = QUESTIONS.map(str::to_owned).to_vec();
    let _ = write!(text, "\n**What no simulation can tell**\n\n{}", paragraph(&questions));
    text
}

/// A list of sentences.
fn paragraph(sentences: &[String]) -> String {
    let mut text = String::new();
    for sentence in sentences {
        let _ = writeln!(text, "- {sentence}");
    }
    text
}

/// Where there is nothing to choose between the meshes.
fn common(all: &[Criterion<'_>]) -> Vec<String> {
    let sentence = |criterion: &Criterion<'_>| {
        let standing = &criterion.standing;
        let what = escape(&criterion.what);
        if standing.meshes.len() < 2 {
            return None;
        }
        if standing.is_same_for_all() {
            return Some(format!(
                "{what}: the same under each of {}, {}.",
                list(&standing.meshes),
                criterion.shown(0)
            ));
        }
        if standing.lowest().len() < standing.meshes.len() {
            return None;
        }
        let each: Vec<String> = (0..standing.meshes.len())
            .map(|index| format!("{} ({})", escape(standing.meshes[index]), criterion.shown(index)))
            .collect();
        let why = if standing.is_decidable() {
            "a close call, the intervals overlap"
        } else {
            "cannot be told, not every number has the interval that decides"
        };
        Some(format!("{what}: {why}: {}.", each.join(", ")))
    };
    all.iter().filter_map(sentence).collect()
}

/// What speaks for a mesh and against it, among those that are compared with the baseline.
fn of_mesh(all: &[Criterion<'_>], mesh: &str) -> (Vec<String>, Vec<String>) {
    let (mut reasons, mut costs) = (Vec::new(), Vec::new());
    for criterion in all {
        let standing = &criterion.standing;
        let Some(own) = standing.position(mesh) else { continue };
        let (what, verb, number) = (escape(&criterion.what), criterion.verb, criterion.shown(own));
        let of = standing.meshes.len();
        let (lowest, highest) = (standing.lowest(), standing.highest());
        if of == 1 {
            costs.push(format!("{what}: it {verb} {number}."));
        } else if standing.is_same_for_all() || lowest.len() == of {
            // That is said once, of all.
        } else if lowest == [own] {
            let next = standing.next_to(own).map_or_else(String::new, |next| {
                format!("; {}, next, {verb} {}", escape(standing.meshes[next]), criterion.shown(next))
            });
            reasons.push(format!("{what} decides: it {verb} least, {number}{next}."));
        } else if lowest.contains(&own) {
            let others = among(standing, &lowest, own);
            let call = if criterion.is_exact { "as little as" } else { "a close call with" };
            reasons.push(format!("{what} decides, {call} {others}: it {verb} {number}."));
        } else if highest == [own] {
            costs.push(format!("{what}: it {verb} most, {number}."));
        } else if highest.contains(&own) {
            let others = among(standing, &highest, own);
            costs.push(if criterion.is_exact {
                format!("{what}: it {verb} most, as much as {others}: {number}.")
            } else {
                format!("{what}: a close call with {others} at the upper end, it {verb} {number}.")
            });
        }
    }
    (reasons, costs)
}

fn among(standing: &Standing<'_>, indexes: &[usize], own: usize) -> String {
    let others: Vec<&str> =
        indexes.iter().filter(|&&index| index != own).map(|&index| standing.meshes[index]).collect();
    list(&others)
}

/// Names in a sentence.
fn list(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| escape(name)).collect();
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => names.join(""),
    }
}

/// What all others add to the baseline.
fn reasons_for_baseline(comparison: &Comparison<'_>, all: &[Criterion<'_>]) -> Vec<String> {
    let mut reasons = Vec::new();
    for criterion in all.iter().filter(|criterion| criterion.is_against_baseline) {
        let standing = &criterion.standing;
        let what = escape(&criterion.what);
        let is_told = |index: &usize| standing.is_positive(*index);
        let told: Vec<usize> = (0..standing.meshes.len()).filter(is_told).collect();
        let Some(&least) = told
            .iter()
            .min_by(|&&left, &&right| standing.numbers[left].value.total_cmp(&standing.numbers[right].value))
        else {
            continue;
        };
        if told.len() < standing.meshes.len() {
            continue;
        }
        let (mesh, number) = (escape(standing.meshes[least]), criterion.shown(least));
        reasons.push(match told.len() {
            1 => format!("{what} decides: {mesh} adds to it, {number}."),
            _ if standing.is_same_for_all() => {
                format!("{what} decides: every other mesh adds to it, {number} each.")
            }
            _ if standing.lowest() == [least] => {
                format!("{what} decides: every other mesh adds to it, {mesh} least of them: {number}.")
            }
            // Which adds least is a close call.
            _ => format!("{what} decides: every other mesh adds to it, {mesh} for one {number}."),
        });
    }
    let lacking = capabilities::lacking(comparison, comparison.baseline);
    if !lacking.is_empty() {
        reasons.push(format!("you can do without what it does not do by itself: {}.", lacking.join(", ")));
    }
    reasons
}

/// That a mesh meets all objectives, where another one misses some.
fn met(comparison: &Comparison<'_>, mesh: usize) -> Option<String> {
    let name = &comparison.runs[mesh].results.mesh;
    let own = comparison.objectives.iter().filter(|one| one.mesh == *name);
    let (met, missed): (Vec<_>, Vec<_>) = own.partition(|one| one.met);
    let misses = |other: &&str| comparison.objectives.iter().any(|one| one.mesh == *other && !one.met);
    let failing: Vec<&str> = comparison
        .results()
        .map(|results| results.mesh.as_str())
        .filter(|other| other != name)
        .filter(misses)
        .collect();
    let all =
        if met.len() == 1 { "the objective".to_owned() } else { format!("all {} objectives", met.len()) };
    (missed.is_empty() && !met.is_empty() && !failing.is_empty())
        .then(|| format!("your objectives must hold: it meets {all}; {} not.", does(&failing)))
}

fn does(names: &[&str]) -> String {
    format!("{} {}", list(names), if names.len() == 1 { "does" } else { "do" })
}

/// The objectives that a mesh misses.
fn missed(comparison: &Comparison<'_>, mesh: usize) -> Vec<String> {
    let name = &comparison.runs[mesh].results.mesh;
    let missed = comparison.objectives.iter().filter(|one| one.mesh == *name && !one.met);
    missed
        .map(|one| format!("an objective of {} is missed: {}.", escape(&one.entry), escape(&one.text)))
        .collect()
}
