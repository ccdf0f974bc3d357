//! Kubernetes' rules all together against twins that keep everything.

use std::collections::BTreeMap;

use super::behavior::{Behavior, Change, Policy, Rules, Select};
use super::replicas::{Container, Phase, Pod};
use super::tests::{Course, NOW, cpu, missing, pod, recommend, unready};
use crate::units::Span;
use proptest::prelude::*;

/// The obvious twin of a recommendation: usage by pod, as Kubernetes keeps it.
fn obvious(target: u32, current: u32, pods: &[Pod]) -> Option<u32> {
    let mut usage: BTreeMap<usize, u64> = BTreeMap::new();
    let (mut without, mut not_ready) = (Vec::new(), Vec::new());
    for (name, pod) in pods.iter().enumerate() {
        match (pod.phase, pod.sample.is_some(), pod.is_ready) {
            (Phase::Ending, ..) => {}
            (Phase::Running, false, _) => without.push(name),
            (Phase::Running, true, true) => drop(usage.insert(name, pod.application.usage)),
            _ => not_ready.push(name),
        }
    }
    if usage.is_empty() {
        return None;
    }
    let ratio = |usage: &BTreeMap<usize, u64>| {
        let requests: u64 = usage.keys().map(|&name| pods[name].application.request.unwrap_or(0)).sum();
        (usage.values().sum::<u64>() * 100 / requests) as f64 / f64::from(target)
    };
    let is_close = |ratio: f64| (0.9..=1.1).contains(&ratio);
    let before = ratio(&usage);
    let is_plain = without.is_empty() && (not_ready.is_empty() || before <= 1.0);
    let fill = u64::from(before < 1.0) * u64::from(target.max(100));
    if before != 1.0 {
        usage.extend(
            without.iter().map(|&name| (name, pods[name].application.request.unwrap_or(0) * fill / 100)),
        );
    }
    if before > 1.0 {
        usage.extend(not_ready.iter().map(|&name| (name, 0)));
    }
    let after = ratio(&usage);
    let replicas = (after * usage.len() as f64).ceil() as u32;
    let turns = (before < 1.0 && (after > 1.0 || replicas > current))
        || (before > 1.0 && (after < 1.0 || replicas < current));
    Some(if is_close(after) || (turns && !is_plain) { current } else { replicas })
}

/// The obvious twin of what holds back: everything that ever was.
struct Log {
    behavior: Option<Behavior>,
    recommendations: Vec<(u64, u32)>,
    /// When, how many more or fewer.
    changes: Vec<(u64, i64)>,
}

impl Log {
    fn hold(&mut self, current: u32, recommended: u32, now: u64) -> u32 {
        let before = self.recommendations.clone();
        self.recommendations.push((now, recommended));
        let Some(behavior) = &self.behavior else {
            let recent = before.iter().filter(|(at, _)| now - at <= 300).map(|(_, replicas)| *replicas);
            return recent.fold(recommended, u32::max).clamp(1, 100.min(4.max(2 * current)));
        };
        let seconds = |span: Option<Span>| span.map_or(300, |span| span.seconds() as u64);
        let recent =
            |window: u64| before.iter().filter(move |(at, _)| now - at < window).map(|(_, count)| *count);
        let lowest = recent(seconds(behavior.up.stabilization)).fold(recommended, u32::min);
        let highest = recent(seconds(behavior.down.stabilization)).fold(recommended, u32::max);
        let stable = if current < lowest { lowest } else { current.min(highest) };
        let at_start = |period: Span| {
            let recent = self.changes.iter().filter(|(at, _)| now - at < period.seconds() as u64);
            (i64::from(current) - recent.map(|(_, change)| change).sum::<i64>()) as f64
        };
        let (is_up, rules) = if stable > current { (true, &behavior.up) } else { (false, &behavior.down) };
        let sign = if is_up { 1.0 } else { -1.0 };
        let mut reached: Vec<f64> = Vec::new();
        for policy in &rules.policies {
            let start = at_start(policy.period);
            reached.push(match policy.change {
                Change::Pods(pods) => start + sign * f64::from(pods),
                Change::Percent(percent) if is_up => (start * (1.0 + f64::from(percent) / 100.0)).ceil(),
                Change::Percent(percent) => (start * (1.0 - f64::from(percent) / 100.0)).trunc(),
            });
        }
        reached.sort_by(f64::total_cmp);
        let farthest = if (rules.select == Select::Max) == is_up { reached.last() } else { reached.first() };
        let farthest = match (rules.select, farthest) {
            (Select::Disabled, _) | (_, None) => current,
            (_, Some(&farthest)) => farthest.max(0.0) as u32,
        };
        if is_up {
            stable.min(farthest.max(current).min(100))
        } else {
            stable.max(farthest.min(current).max(1))
        }
    }
}

fn some_rules() -> impl Strategy<Value = Rules> {
    let change = prop_oneof![(1_u32..9).prop_map(Change::Pods), (5_u32..150).prop_map(Change::Percent)];
    let period = prop::sample::select(vec![15_u64, 30, 60, 100]).prop_map(Span::from_seconds);
    let policy = (change, period).prop_map(|(change, period)| Policy { change, period });
    let select = prop::sample::select(vec![Select::Max, Select::Max, Select::Min, Select::Disabled]);
    let window = prop::sample::select(vec![None, Some(0_u64), Some(30), Some(75)]);
    (prop::collection::vec(policy, 1..4), select, window).prop_map(|(policies, select, window)| {
        // Changes are kept for the longest period of their own direction: with one period for all, nothing is lost.
        let period = policies[0].period;
        let policies = policies.into_iter().map(|policy| Policy { period, ..policy }).collect();
        Rules { policies, select, stabilization: window.map(Span::from_seconds), tolerance: None }
    })
}

proptest! {
    #[test]
    fn recommendations_are_those_of_the_obvious_twin(
        target in 20_u32..150,
        spare in 0_u32..3,
        pods in prop::collection::vec((0_u64..2000, 1_u64..1500, 0_u8..8), 1..12),
    ) {
        let pods: Vec<Pod> = pods.into_iter().map(|(usage, request, kind)| {
            let application = Container { request: Some(request), usage };
            match kind {
                0 => Pod { application, ..unready(0) },
                1 => Pod { application, ..missing() },
                2 => Pod { application, phase: Phase::Pending, sample: None, ..pod(0) },
                3 => Pod { application, phase: Phase::Ending, ..pod(0) },
                _ => Pod { application, ..pod(0) },
            }
        }).collect();
        let current = pods.len() as u32 + spare;
        prop_assert_eq!(recommend(cpu(target), current, &pods).ok(), obvious(target, current, &pods));
    }

    #[test]
    fn replicas_are_those_of_the_twin_that_forgets_nothing(
        rules in prop::option::of((some_rules(), some_rules())),
        start in 1_u32..40,
        looks in prop::collection::vec((0_u64..60, 1_u64..5), 1..120),
    ) {
        let behavior = rules.map(|(mut up, down)| {
            up.stabilization = up.stabilization.or(Some(Span::ZERO));
            let period = up.policies[0].period.max(down.policies[0].period);
            let even = |rules: Rules| Rules {
                policies: rules.policies.into_iter().map(|policy| Policy { period, ..policy }).collect(),
                ..rules
            };
            Behavior { up: even(up), down: even(down) }
        });
        let mut course = Course::new(behavior.clone(), start);
        let mut log = Log { behavior, recommendations: vec![(NOW, start)], changes: Vec::new() };
        for (cores, wait) in looks {
            let (before, now) = (course.replicas, course.now.seconds() as u64);
            let each = cores * 1000 / u64::from(before);
            let recommended = obvious(100, before, &vec![pod(each); before as usize]).expect("pods with samples");
            let (replicas, _) = course.look(cores);
            prop_assert_eq!(replicas, log.hold(before, recommended, now));
            if replicas != before {
                log.changes.push((now, i64::from(replicas) - i64::from(before)));
            }
            course.now += Span::from_seconds(15 * (wait - 1));
        }
    }
}
