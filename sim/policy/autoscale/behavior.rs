//! What holds a recommendation back: what was recommended lately, and how fast replicas may change.
//!
//! Follows pkg/controller/podautoscaler/horizontal.go. Without a `behavior`, replicas become fewer only when every
//! recommendation of the last 300 s says so, and more at most by the larger of doubling and four in all. With one
//! (autoscaling/v2), each direction has its window and its policies, which count changes within their period.

use super::Reason;
use crate::units::{SimTime, Span};

pub use crate::vocabulary::autoscale::{Behavior, Change, Policy, Rules, Select};

/// Between which numbers the replicas may be, and how many they are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) min: u32,
    pub(super) max: u32,
    pub(super) current: u32,
}

/// A number and when it was.
type Entry = (SimTime, u32);

/// What was recommended and done lately. It grows to what fits in the longest window and no further.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct History {
    recommendations: Vec<Entry>,
    /// Replicas that were added, and taken away.
    added: Vec<Entry>,
    removed: Vec<Entry>,
}

impl History {
    /// Before the first look.
    pub(super) fn start(&mut self, current: u32, now: SimTime) {
        if self.recommendations.is_empty() {
            self.recommendations.push((now, current));
        }
    }

    /// Remembers a change.
    pub(super) fn scaled(&mut self, behavior: &Behavior, from: u32, to: u32, now: SimTime) {
        // Policies of both directions look at changes of both; kept is what the own direction's look at.
        let (entries, rules) =
            if to > from { (&mut self.added, &behavior.up) } else { (&mut self.removed, &behavior.down) };
        let longest = rules.policies.iter().map(|policy| policy.period).max().unwrap_or(Span::ZERO);
        put(entries, (now, from.abs_diff(to)), |at| at + longest < now);
    }

    /// Without a `behavior`.
    pub(super) fn limit_by_default(
        &mut self,
        bounds: Bounds,
        recommended: u32,
        window: Span,
        now: SimTime,
    ) -> (u32, Reason) {
        let recent = self.recommendations.iter().filter(|(at, _)| *at + window >= now).map(|entry| entry.1);
        let stable = recent.max().map_or(recommended, |highest| highest.max(recommended));
        put(&mut self.recommendations, (now, recommended), |at| at + window < now);
        let most = bounds.current.saturating_mul(2).max(4);
        let (most, reason) =
            if bounds.max > most { (most, Reason::ScaleUpLimit) } else { (bounds.max, Reason::TooMany) };
        match stable {
            _ if stable < bounds.min => (bounds.min, Reason::TooFew),
            _ if stable > most => (most, reason),
            _ => (stable, Reason::Recommended),
        }
    }

    /// What is left of a recommendation that others were made shortly before.
    pub(super) fn stabilize(
        &mut self,
        behavior: &Behavior,
        current: u32,
        recommended: u32,
        default: Span,
        now: SimTime,
    ) -> u32 {
        let up = behavior.up.stabilization.unwrap_or(Span::ZERO);
        let down = behavior.down.stabilization.unwrap_or(default);
        let (mut lowest, mut highest) = (recommended, recommended);
        for &(at, replicas) in &self.recommendations {
            if at + up > now {
                lowest = lowest.min(replicas);
            }
            if at + down > now {
                highest = highest.max(replicas);
            }
        }
        put(&mut self.recommendations, (now, recommended), |at| at + up < now && at + down < now);
        // Not `clamp`: `lowest` is never above `highest`, but this is the order that counts.
        current.max(lowest).min(highest)
    }

    /// How far replicas may go towards a number.
    pub(super) fn limit(
        &self,
        behavior: &Behavior,
        bounds: Bounds,
        wanted: u32,
        now: SimTime,
    ) -> (u32, Reason) {
        let Bounds { min, max, current } = bounds;
        if wanted > current {
            let limit = self.bound(&behavior.up, true, current, now).max(i64::from(current));
            let (most, reason) = if i64::from(max) > limit {
                (limit as u32, Reason::ScaleUpLimit)
            } else {
                (max, Reason::TooMany)
            };
            if wanted > most {
                return (most, reason);
            }
        } else if wanted < current {
            let limit = self.bound(&behavior.down, false, current, now).min(i64::from(current));
            let (least, reason) = if i64::from(min) < limit {
                (limit as u32, Reason::ScaleDownLimit)
            } else {
                (min, Reason::TooFew)
            };
            if wanted < least {
                return (least, reason);
            }
        }
        (wanted, Reason::Recommended)
    }

    /// The number that the policies of a direction end at.
    fn bound(&self, rules: &Rules, is_up: bool, current: u32, now: SimTime) -> i64 {
        let proposals = rules.policies.iter().map(|policy| {
            let within = |entries: &[Entry]| -> i64 {
                let recent = entries.iter().filter(|(at, _)| *at + policy.period > now);
                recent.map(|&(_, change)| i64::from(change)).sum()
            };
            let start = i64::from(current) - within(&self.added) + within(&self.removed);
            match (policy.change, is_up) {
                (Change::Pods(pods), true) => start + i64::from(pods),
                (Change::Pods(pods), false) => start - i64::from(pods),
                (Change::Percent(percent), true) => {
                    (start as f64 * (1.0 + f64::from(percent) / 100.0)).ceil() as i64
                }
                (Change::Percent(percent), false) => {
                    (start as f64 * (1.0 - f64::from(percent) / 100.0)) as i64
                }
            }
        });
        let bound = match (rules.select, is_up) {
            (Select::Disabled, _) => None,
            (Select::Max, true) | (Select::Min, false) => proposals.max(),
            (Select::Min, true) | (Select::Max, false) => proposals.min(),
        };
        bound.unwrap_or(i64::from(current))
    }
}

/// Adds an entry in the place of the last one that is too old, if there is any.
fn put(entries: &mut Vec<Entry>, entry: Entry, is_old: impl Fn(SimTime) -> bool) {
    match entries.iter().rposition(|&(at, _)| is_old(at)) {
        Some(position) => entries[position] = entry,
        None => entries.push(entry),
    }
}
