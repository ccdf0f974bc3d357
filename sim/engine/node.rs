//! Cores that the containers of a node share.
//!
//! Every 100 ms each container's demand (CPU work it took up since, and what of earlier work did not get done) is held
//! against the cores of its node. Where the sum is larger, the cores are divided by the containers' weights, as CFS does
//! it: whoever wants less than its share gets what it wants, the others split the rest. The CPU work that a container
//! takes up in the next 100 ms takes longer by demand over share; what it could not do is its backlog. So no node works
//! more than its cores, but for what one interval of surprise adds. A proxy's wake-ups count, and stretch its jobs as
//! they were in the interval before. A CPU quota is charged for stretched time.

use crate::index::{Idx, IndexVec};
use crate::placement::NodeIdx;
use crate::program::{PodIdx, Program, ProxyIdx, Serving};
use crate::units::{SimTime, Span};

use super::proxy::Proxies;
use super::{Engine, Event};

/// How often demand is held against cores: the period of CFS quotas.
const TICK: Span = Span::from_millis(100);

/// The containers of all nodes: applications by pod, then proxies.
#[derive(Debug)]
pub(super) struct NodeCores {
    /// Core-nanoseconds that a node has between two ticks.
    capacity: f64,
    containers: Vec<Container>,
    /// Position of the first proxy.
    first_proxy: usize,
    /// By node, the containers that wanted anything lately.
    busy: IndexVec<NodeIdx, Vec<u32>>,
    /// Nodes with such containers.
    active: Vec<NodeIdx>,
}

/// A container, in core-nanoseconds.
#[derive(Clone, Copy, Debug)]
struct Container {
    node: Option<NodeIdx>,
    weight: f64,
    /// The most it can use between two ticks: as many cores as it has threads.
    limit: f64,
    /// CPU work taken up since the last tick, wake-ups apart.
    taken_up: f64,
    /// All CPU of a proxy until the last tick.
    used: f64,
    /// All CPU over that of the work alone: what wake-ups add.
    overhead: f64,
    backlog: f64,
    stretch: f64,
    listed: bool,
}

impl NodeCores {
    /// `None` where every container always finds a free core.
    pub(super) fn new(program: &Program) -> Option<Self> {
        if !program.machines.shared {
            return None;
        }
        let applications = program.pods.iter().map(|pod| {
            let workload = &program.workloads[pod.workload];
            let threads = match workload.serving {
                Serving::Unlimited => f64::INFINITY,
                Serving::Limited { workers, .. } => f64::from(workers),
            };
            Container::new(pod.node, workload.cpu_weight, threads)
        });
        let on = program.nodes_of_proxies();
        let proxies = program.proxies.iter_enumerated().map(|(index, proxy)| {
            let group = &program.groups[proxy.group];
            Container::new(on[index], group.cpu_weight, f64::from(group.workers))
        });
        Some(Self {
            capacity: program.machines.cores * TICK.nanos() as f64,
            containers: applications.chain(proxies).collect(),
            first_proxy: program.pods.len(),
            busy: IndexVec::filled(Vec::new(), program.machines.nodes.len()),
            active: Vec::new(),
        })
    }

    /// How many times as long as its CPU the work takes that an application takes up now.
    pub(super) fn stretch_of_application(&self, pod: PodIdx) -> f64 {
        self.containers[pod.position()].stretch
    }

    /// The application of a pod takes up work of `cpu` nanoseconds.
    pub(super) fn application_takes_up(&mut self, pod: PodIdx, cpu: f64) {
        self.take_up(pod.position(), cpu);
    }

    /// A proxy takes up a job of `cpu` nanoseconds: how much longer than that it takes.
    pub(super) fn proxy_takes_up(&mut self, proxy: ProxyIdx, cpu: f64) -> f64 {
        let position = self.first_proxy + proxy.position();
        self.take_up(position, cpu);
        let container = &self.containers[position];
        cpu * container.overhead * (container.stretch - 1.0)
    }

    fn take_up(&mut self, position: usize, cpu: f64) {
        let container = &mut self.containers[position];
        let Some(node) = container.node else { return };
        container.taken_up += cpu;
        if !container.listed {
            container.listed = true;
            if self.busy[node].is_empty() {
                self.active.push(node);
            }
            self.busy[node].push(position as u32);
        }
    }

    /// Divides the cores anew.
    fn tick(&mut self, proxies: &Proxies, now: SimTime) {
        let Self { containers, busy, active, capacity, first_proxy } = self;
        active.retain(|&node| {
            let listed = &mut busy[node];
            for &position in listed.iter() {
                if let Some(proxy) = (position as usize).checked_sub(*first_proxy) {
                    let used = proxies.cpu_used(ProxyIdx::at(proxy), now).nanos();
                    containers[position as usize].add_wake_ups(used as f64);
                }
            }
            let demands: Vec<(f64, f64)> = listed
                .iter()
                .map(|&position| {
                    let container = &containers[position as usize];
                    (container.weight, container.demand())
                })
                .collect();
            let shares = divide(*capacity, &demands);
            for ((&position, (_, demand)), share) in listed.iter().zip(demands).zip(shares) {
                containers[position as usize].settle(demand, share);
            }
            listed.retain(|&position| {
                let container = &mut containers[position as usize];
                container.listed = container.taken_up > 0.0 || container.stretch > 1.0;
                container.taken_up = 0.0;
                container.listed
            });
            !listed.is_empty()
        });
    }
}

impl Container {
    fn new(node: Option<NodeIdx>, weight: f64, threads: f64) -> Self {
        let limit = threads * TICK.nanos() as f64;
        Self {
            node,
            weight,
            limit,
            taken_up: 0.0,
            used: 0.0,
            overhead: 1.0,
            backlog: 0.0,
            stretch: 1.0,
            listed: false,
        }
    }

    /// A proxy has used so much CPU since the start.
    fn add_wake_ups(&mut self, used: f64) {
        let all = used - self.used;
        self.used = used;
        if self.taken_up > 0.0 {
            self.overhead = (all / self.taken_up).max(1.0);
        }
        self.taken_up *= self.overhead;
    }

    fn demand(&self) -> f64 {
        (self.taken_up + self.backlog).min(self.limit)
    }

    fn settle(&mut self, demand: f64, share: f64) {
        self.backlog = (demand - share).max(0.0);
        self.stretch = if self.backlog > 0.0 { demand / share } else { 1.0 };
    }
}

/// Weighted max-min fair shares of `capacity` for (weight, demand): nobody gets more than it wants, and who gets less
/// has no smaller share by weight than anybody else.
fn divide(capacity: f64, demands: &[(f64, f64)]) -> Vec<f64> {
    let mut shares: Vec<f64> = demands.iter().map(|&(_, demand)| demand).collect();
    if shares.iter().sum::<f64>() <= capacity {
        return shares;
    }
    let mut order: Vec<usize> = (0..demands.len()).collect();
    let level = |row: usize| demands[row].1 / demands[row].0;
    order.sort_by(|&left, &right| level(left).total_cmp(&level(right)));
    let mut left = capacity;
    let mut weights: f64 = demands.iter().map(|&(weight, _)| weight).sum();
    for row in order {
        let (weight, demand) = demands[row];
        shares[row] = demand.min(left * weight / weights);
        left -= shares[row];
        weights -= weight;
    }
    shares
}

impl Engine<'_> {
    pub(super) fn start_nodes(&mut self) {
        if self.node_cores.is_some() {
            self.schedule.after(TICK, Event::NodeTick);
        }
    }

    /// Demand is held against cores.
    pub(super) fn tick_nodes(&mut self) {
        if let Some(cores) = &mut self.node_cores {
            cores.tick(&self.proxies, self.schedule.now());
            self.schedule.after(TICK, Event::NodeTick);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn shares_go_by_weight_and_what_is_left_to_those_who_want_it() {
        for (demands, expected) in [
            (&[(1.0, 2.0), (1.0, 2.0)][..], &[1.0, 1.0][..]),
            (&[(3.0, 2.0), (1.0, 2.0)], &[1.5, 0.5]),
            (&[(1.0, 0.5), (1.0, 9.0)], &[0.5, 1.5]),
            (&[(1.0, 0.5), (1.0, 1.0)], &[0.5, 1.0]),
            (&[(1.0, 9.0), (2.0, 9.0), (1.0, 0.2)], &[0.6, 1.2, 0.2]),
        ] {
            let shares = divide(2.0, demands);
            for (share, expected) in shares.iter().zip(expected) {
                assert!((share - expected).abs() < 1e-9, "{demands:?}: {shares:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn shares_are_fair_and_use_all_there_is(
            demands in prop::collection::vec((0.01..4.0, 0.0..4.0), 1..20),
            capacity in 0.5..20.0,
        ) {
            let shares = divide(capacity, &demands);
            let wanted: f64 = demands.iter().map(|row| row.1).sum();
            prop_assert!((shares.iter().sum::<f64>() - wanted.min(capacity)).abs() < 1e-9);
            // Whoever gets less than it wants is at the highest level of all.
            let levels = || shares.iter().zip(&demands).map(|(share, (weight, _))| share / weight);
            let highest = levels().fold(0.0, f64::max);
            for ((share, (_, demand)), level) in shares.iter().zip(&demands).zip(levels()) {
                prop_assert!(*share <= demand + 1e-9);
                prop_assert!(*share >= demand - 1e-9 || level >= highest - 1e-6);
            }
        }
    }
}
