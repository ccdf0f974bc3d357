//! Which pods' proxies have met: in expectation from how many calls there were, or from the connections that are open.

use std::collections::{BTreeMap, BTreeSet};

use crate::index::Idx;
use crate::program::{EdgeIdx, GroupIdx, PodIdx, Program, ProxyIdx, WorkloadIdx};

use super::super::Engine;

/// Calling and called pods that have a connection, where endpoints are chosen per connection and connections kept.
pub(in crate::engine) type Met = Vec<(PodIdx, PodIdx)>;

/// The proxies of a workload's pods.
pub(super) struct Proxies {
    pub(super) group: GroupIdx,
    /// Each pod has its own, which reads requests; else they are the nodes'.
    pub(super) is_own: bool,
    /// Each proxy's share of the pods.
    pub(super) cells: Cells,
}

impl Proxies {
    /// `None` where there are none.
    pub(super) fn of(program: &Program, workload: WorkloadIdx) -> Option<Self> {
        let this = &program.workloads[workload];
        let first = program.pods[this.first_pod].proxy?;
        let (group, pods) = (program.proxies[first].group, f64::from(this.pods));
        if this.group.is_some() {
            return Some(Self { group, is_own: true, cells: Cells(vec![(pods, 1.0 / pods)]) });
        }
        let mut of_proxies: BTreeMap<ProxyIdx, u32> = BTreeMap::new();
        let from = this.first_pod.position();
        for pod in from..from + this.pods as usize {
            *of_proxies.entry(program.pods[PodIdx::at(pod)].proxy?).or_default() += 1;
        }
        let mut alike: BTreeMap<u32, f64> = BTreeMap::new();
        for pods in of_proxies.into_values() {
            *alike.entry(pods).or_default() += 1.0;
        }
        let cells = alike.into_iter().map(|(own, proxies)| (proxies, f64::from(own) / pods)).collect();
        Some(Self { group, is_own: false, cells: Cells(cells) })
    }
}

/// Combinations of labels: how many there may be of a kind, and the share of the calls that each of them takes.
#[derive(Clone, Debug)]
pub(super) struct Cells(Vec<(f64, f64)>);

impl Cells {
    /// Each split into so many alike.
    pub(super) fn of_each(&self, parts: f64) -> Self {
        Self(self.0.iter().map(|(count, share)| (count * parts, share / parts)).collect())
    }

    /// Each split into parts of these shares; not at all if there are none.
    pub(super) fn of_shares(&self, shares: &[f64]) -> Self {
        if shares.is_empty() {
            return self.clone();
        }
        let split = |&(count, own): &(f64, f64)| shares.iter().map(move |share| (count, own * share));
        Self(self.0.iter().flat_map(split).collect())
    }
}

/// The expected number of combinations that have come up: of a traffic's part, a share of `n` calls each.
pub(super) fn distinct(cells: &Cells, traffic: &[(f64, u64)]) -> f64 {
    let expected = |&(count, own): &(f64, f64)| {
        let never: f64 = traffic
            .iter()
            .filter(|(_, calls)| *calls > 0)
            .map(|(share, calls)| libm::log1p(-(own * share).min(1.0)) * *calls as f64)
            .sum();
        -count * libm::expm1(never)
    };
    cells.0.iter().map(expected).sum()
}

/// The proxies among `met` that have reached the pods of `callee`, or were reached there, each once, or once for each of
/// the pods.
pub(super) fn distinct_of(
    program: &Program,
    met: &[(PodIdx, PodIdx)],
    callee: WorkloadIdx,
    is_sent: bool,
    is_by_pod: bool,
) -> f64 {
    let there = met.iter().filter(|(_, to)| program.pods[*to].workload == callee);
    let combination = |&(from, to): &(PodIdx, PodIdx)| {
        (program.pods[if is_sent { from } else { to }].proxy, is_by_pod.then_some(to))
    };
    there.map(combination).collect::<BTreeSet<_>>().len() as f64
}

/// The workloads that edges lead to, each with the share of every edge's endpoints.
pub(super) fn shares(program: &Program, edges: &[EdgeIdx]) -> Vec<(WorkloadIdx, Vec<(EdgeIdx, f64)>)> {
    let mut of_workloads: BTreeMap<WorkloadIdx, Vec<(EdgeIdx, f64)>> = BTreeMap::new();
    for &index in edges {
        let edge = &program.edges[index];
        let endpoints = edge.targets.len();
        let mut endpoint = 0;
        while endpoint < endpoints {
            // Those of a workload stand side by side, and an edge leads to all of them.
            let workload = program.pods[edge.endpoints.pod(endpoint)].workload;
            let pods = program.workloads[workload].pods.min(endpoints - endpoint);
            let share = f64::from(pods) / f64::from(endpoints);
            of_workloads.entry(workload).or_default().push((index, share));
            endpoint += pods;
        }
    }
    of_workloads.into_iter().collect()
}

impl Engine<'_> {
    /// Of each edge whose endpoints are chosen per connection, the pods that have met.
    pub(in crate::engine) fn met(&self) -> Vec<Met> {
        let of = |edge: &crate::program::Edge| {
            let is_reported = edge.outbound.is_some() || edge.inbound.is_some();
            if !(edge.pool.per_connection && edge.pool.keep_alive && is_reported) {
                return Met::new();
            }
            let caller = &self.program.workloads[edge.caller];
            let first = caller.first_pod.position();
            let mut met = Met::new();
            for pod in (first..first + caller.pods as usize).map(PodIdx::at) {
                let position = (self.program.pods[pod].first_view + edge.slot) as usize;
                let Some(view) = &self.views[position] else { continue };
                let open = view.pools.iter().flat_map(|pool| &pool.connections);
                met.extend(open.map(|&id| (pod, self.program.callee(edge, self.connections[id].endpoint))));
            }
            met.sort_unstable();
            met.dedup();
            met
        };
        self.program.edges.iter().map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_calls_come_up_in_few_combinations_and_many_in_all() {
        let pods = Cells(vec![(10.0, 0.1)]);
        assert!(distinct(&pods, &[]).abs() < 1e-12);
        assert!((distinct(&pods, &[(1.0, 1)]) - 1.0).abs() < 1e-12, "one call is one pod's");
        assert!((distinct(&pods, &[(1.0, 2)]) - 1.9).abs() < 1e-12, "two are one pod's once in ten");
        assert!((distinct(&pods, &[(1.0, 10_000)]) - 10.0).abs() < 1e-9);
        let split = pods.of_each(3.0);
        assert!((distinct(&split, &[(1.0, 1)]) - 1.0).abs() < 1e-12);
        assert!((distinct(&split, &[(1.0, 100_000)]) - 30.0).abs() < 1e-9);
        let uneven = pods.of_shares(&[0.9, 0.1]);
        assert!((distinct(&uneven, &[(1.0, 100_000)]) - 20.0).abs() < 1e-6);
        assert!((distinct(&Cells(vec![(1.0, 1.0)]), &[(1.0, 1)]) - 1.0).abs() < 1e-12, "the only pod");
    }

    #[test]
    fn it_grows_with_calls_and_never_beyond_the_combinations() {
        let cells = Cells(vec![(4.0, 0.2), (1.0, 0.2)]);
        let mut last = 0.0;
        for calls in 0..200 {
            let now = distinct(&cells, &[(0.5, calls), (1.0, 3)]);
            assert!(now >= last && now <= 5.0, "{calls}: {now}");
            last = now;
        }
    }
}
