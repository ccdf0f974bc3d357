//! How often each operation was asked, so that what comes in goes on: entries and calls add up, every operation is reached
//! from an entry, and calls that go round come to an end.

use std::collections::{BTreeMap, BTreeSet};

use crate::diag::quote;
use crate::input::tree::Located;

use super::graph::{Call, Entrance, Observed, Target};

/// Requests of all operations.
pub(super) struct Flow {
    requests: BTreeMap<Target, f64>,
    /// Requests from outside, those included that were assumed.
    pub(super) entries: BTreeMap<Target, BTreeMap<Entrance, f64>>,
    /// Operations whose requests nobody saw.
    pub(super) assumed: BTreeSet<Target>,
    /// Calls that close a circle which nothing enters.
    left_out: BTreeSet<(Target, Target)>,
}

impl Flow {
    /// Of a graph; what had to be assumed is added to `guesses`.
    pub(super) fn of(observed: &Observed, guesses: &mut Vec<Located<String>>) -> Self {
        let mut flow = Self {
            requests: BTreeMap::new(),
            entries: BTreeMap::new(),
            assumed: BTreeSet::new(),
            left_out: BTreeSet::new(),
        };
        let targets = observed.targets();
        let mut callers: BTreeMap<Target, Vec<Target>> = BTreeMap::new();
        for target in &targets {
            let operation = observed.at(*target);
            let entered = operation.entered();
            *flow.requests.entry(*target).or_default() += entered;
            if entered > 0.0 {
                flow.entries.insert(*target, operation.entries.clone());
            }
            for (to, call) in made(observed, *target) {
                *flow.requests.entry(to).or_default() += call.calls;
                callers.entry(to).or_default().push(*target);
            }
        }
        flow.assume_roots(observed, &targets, guesses);
        flow.enter_circles(observed, &targets, &callers, guesses);
        flow
    }

    /// How often it was asked.
    pub(super) fn requests(&self, target: Target) -> f64 {
        self.requests.get(&target).copied().unwrap_or(0.0)
    }

    /// The calls it makes.
    pub(super) fn calls<'o>(
        &self,
        observed: &'o Observed,
        from: Target,
    ) -> impl Iterator<Item = (Target, &'o Call)> {
        made(observed, from).filter(move |(to, _)| !self.left_out.contains(&(from, *to)))
    }

    /// Whoever calls and is not called gets requests itself.
    fn assume_roots(&mut self, observed: &Observed, targets: &[Target], guesses: &mut Vec<Located<String>>) {
        for target in
            targets.iter().filter(|target| self.requests(**target) == 0.0).copied().collect::<Vec<_>>()
        {
            let most =
                made(observed, target).max_by(|(_, one), (_, other)| one.calls.total_cmp(&other.calls));
            let Some((to, call)) = most else { continue };
            self.requests.insert(target, call.calls);
            self.assumed.insert(target);
            self.entries.insert(target, BTreeMap::from([(Entrance::Outside, call.calls)]));
            let (own, callee) = (observed.written(target.service), observed.written(to.service));
            let text = format!(
                "nothing tells how often {} is asked: as often as it calls {}",
                quote(&own),
                quote(&callee)
            );
            guesses.push(Located::new(text, observed.at(target).name.location));
        }
    }

    /// Opens circles that no entry leads to.
    fn enter_circles(
        &mut self,
        observed: &Observed,
        targets: &[Target],
        callers: &BTreeMap<Target, Vec<Target>>,
        guesses: &mut Vec<Located<String>>,
    ) {
        let mut reached = BTreeSet::new();
        for start in self.entries.keys() {
            reach(observed, *start, &mut reached);
        }
        for target in targets {
            while self.requests(*target) > 0.0 && !reached.contains(target) {
                let entry = on_a_circle(*target, callers, &reached);
                for caller in callers.get(&entry).into_iter().flatten() {
                    self.left_out.insert((*caller, entry));
                }
                let requests = self.requests(entry);
                self.entries.insert(entry, BTreeMap::from([(Entrance::Outside, requests)]));
                reach(observed, entry, &mut reached);
                let name = quote(&observed.written(entry.service));
                let text = format!(
                    "{name} is asked from outside instead of by its callers: their calls go round, and nothing enters"
                );
                guesses.push(Located::new(text, observed.at(entry).name.location));
            }
        }
    }
}

/// Calls that were made at all.
fn made(observed: &Observed, from: Target) -> impl Iterator<Item = (Target, &Call)> {
    observed.at(from).calls.iter().filter(|(_, call)| call.calls > 0.0).map(|(to, call)| (*to, call))
}

fn reach(observed: &Observed, start: Target, reached: &mut BTreeSet<Target>) {
    let mut open = vec![start];
    while let Some(target) = open.pop() {
        if reached.insert(target) {
            open.extend(made(observed, target).map(|(to, _)| to));
        }
    }
}

/// The first operation that one comes to twice on the way from callee to caller, among those not reached: each of them
/// has such a caller.
fn on_a_circle(start: Target, callers: &BTreeMap<Target, Vec<Target>>, reached: &BTreeSet<Target>) -> Target {
    let mut seen = BTreeSet::new();
    let mut here = start;
    while seen.insert(here) {
        let of = callers.get(&here).into_iter().flatten();
        here = of.copied().find(|caller| !reached.contains(caller)).unwrap_or(here);
    }
    here
}
