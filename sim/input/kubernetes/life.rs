//! How pods start, end and are replaced, as manifests say it.

use crate::diag::{Code, Diagnostic, Diagnostics};
use crate::input::fields;
use crate::input::native::lifecycle::{amount, rolling_update};
use crate::input::tree::Node;
use crate::units::Span;
use crate::vocabulary::{Amount, PodLife, Readiness, UpdateStrategy};

use super::object::{at, elements_at, text_at};
use super::pod::Template;

/// Shells in which a hook may sleep.
const SHELLS: [&str; 3] = ["sh", "bash", "ash"];

/// What a container says of its pod's life.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ContainerLife {
    /// Its readiness probe.
    pub(super) readiness: Option<Readiness>,
    /// Length of its preStop hook.
    pub(super) pre_stop: Span,
}

impl ContainerLife {
    pub(super) fn read(node: &Node, diagnostics: &mut Diagnostics) -> Self {
        let readiness = node.get("readinessProbe").filter(|probe| !probe.is_null()).map(|probe| {
            let silent = Readiness::default();
            let period =
                seconds(probe, &["periodSeconds"], diagnostics).filter(|period| *period > Span::ZERO);
            let delay = seconds(probe, &["initialDelaySeconds"], diagnostics);
            Readiness { period: period.unwrap_or(silent.period), delay: delay.unwrap_or(silent.delay) }
        });
        let hook = at(node, &["lifecycle", "preStop"]);
        Self { readiness, pre_stop: hook.map_or(Span::ZERO, |hook| pre_stop(hook, diagnostics)) }
    }
}

/// The length of a hook that sleeps; of others nobody can say it.
fn pre_stop(hook: &Node, diagnostics: &mut Diagnostics) -> Span {
    if at(hook, &["sleep", "seconds"]).is_some() {
        return seconds(hook, &["sleep", "seconds"], diagnostics).unwrap_or_default();
    }
    let command = elements_at(hook, &["exec", "command"], diagnostics);
    let words: Vec<&str> = command.iter().filter_map(Node::text).collect();
    slept(&words).unwrap_or_else(|| {
        let message = "this preStop hook takes no time here: only one that sleeps is modelled";
        let problem = Diagnostic::warning(Code::NotModelled, message).at(hook.location);
        diagnostics.push(problem.hint("say how long it takes as `lifecycle: {pre_stop: 5s}` of the service"));
        Span::ZERO
    })
}

/// How long a command sleeps that does nothing else: `sleep 5`, `/bin/sh -c "sleep 5"`.
fn slept(words: &[&str]) -> Option<Span> {
    let name = |word: &str| word.rsplit('/').next().map(str::to_owned);
    match words {
        [shell, "-c", script] if SHELLS.contains(&name(shell)?.as_str()) => {
            slept(&script.trim().trim_end_matches(';').split_whitespace().collect::<Vec<_>>())
        }
        ["exec", rest @ ..] => slept(rest),
        [sleep, time] if name(sleep)? == "sleep" => {
            let is_number = time.parse::<f64>().is_ok();
            Span::parse(&if is_number { format!("{time}s") } else { (*time).to_owned() }).ok()
        }
        _ => None,
    }
}

/// What a workload says of how its pods are replaced.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Replacement {
    strategy: UpdateStrategy,
    min_ready: Span,
}

impl Replacement {
    pub(super) fn read(node: &Node, diagnostics: &mut Diagnostics) -> Self {
        Self {
            strategy: strategy(node, diagnostics),
            min_ready: seconds(node, &["spec", "minReadySeconds"], diagnostics).unwrap_or_default(),
        }
    }
}

fn strategy(node: &Node, diagnostics: &mut Diagnostics) -> UpdateStrategy {
    // A StatefulSet replaces one pod after the other, a DaemonSet one in place of the other.
    let one_by_one = (Amount::Pods(0), Amount::Pods(1));
    let (key, surge, unavailable) = match text_at(node, "kind") {
        "StatefulSet" | "DaemonSet" => ("updateStrategy", one_by_one.0, one_by_one.1),
        _ => ("strategy", Amount::Percent(25), Amount::Percent(25)),
    };
    let Some(written) = at(node, &["spec", key]) else {
        return UpdateStrategy::RollingUpdate { max_surge: surge, max_unavailable: unavailable };
    };
    if text_at(written, "type") == "Recreate" {
        return UpdateStrategy::Recreate;
    }
    let mut read = |key| at(written, &["rollingUpdate", key]).and_then(|node| amount(node, diagnostics));
    let (max_surge, max_unavailable) = (read("maxSurge"), read("maxUnavailable"));
    let amounts = (max_surge.unwrap_or(surge), max_unavailable.unwrap_or(unavailable));
    rolling_update(amounts, written.location, diagnostics)
}

/// The life of a pod of this template: it is ready when all its containers are, and each has its own hook.
pub(super) fn pod_life(template: &Template, replacement: Replacement) -> PodLife {
    let lives = || template.application().map(|container| container.life);
    let silent = PodLife::default();
    let probes = || lives().filter_map(|life| life.readiness);
    let readiness = probes().reduce(|one, other| Readiness {
        period: one.period.max(other.period),
        delay: one.delay.max(other.delay),
    });
    PodLife {
        readiness,
        pre_stop: lives().map(|life| life.pre_stop).max().unwrap_or_default(),
        grace: template.grace.unwrap_or(silent.grace),
        strategy: replacement.strategy,
        min_ready: replacement.min_ready,
        ..silent
    }
}

/// A whole number of seconds.
pub(super) fn seconds(node: &Node, path: &[&str], diagnostics: &mut Diagnostics) -> Option<Span> {
    let seconds = fields::u32(at(node, path)?, diagnostics)?;
    Some(Span::from_seconds(u64::from(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_that_only_sleeps_has_a_length() {
        for (words, expected) in [
            (&["sleep", "5"][..], Some(5_000)),
            (&["/bin/sleep", "0.5"], Some(500)),
            (&["sleep", "2m"], Some(120_000)),
            (&["/bin/sh", "-c", "sleep 15"], Some(15_000)),
            (&["bash", "-c", " exec /bin/sleep 3s; "], Some(3_000)),
            (&["sh", "-c", "sleep 5 && nginx -s quit"], None),
            (&["sh", "-c", "nginx -s quit; sleep 5"], None),
            (&["python", "-c", "sleep 5"], None),
            (&["sleep"], None),
            (&["sleep", "soon"], None),
            (&[], None),
        ] {
            assert_eq!(slept(words), expected.map(Span::from_millis), "{words:?}");
        }
    }
}
