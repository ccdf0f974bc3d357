//! Nodes whose rules lead to endpoints: kube-proxy, for the pods that no told proxy stands beside.

use crate::index::{Idx, IndexVec};
use crate::kernel::Schedule;
use crate::kernel::rng::{Key, extend_path, hash_name};
use crate::policy::kube_proxy::{KubeProxy, Next};
use crate::program::Program;
use crate::program::lifecycle::{LifeIdx, Lifecycle};
use crate::units::Span;

use super::members::{ClientIdx, Learned};
use super::{Event, Shared, draw};

/// All nodes, and a last one for whoever is outside the cluster.
#[derive(Debug)]
pub(super) struct Rules {
    nodes: Vec<Node>,
    /// How many nodes each life's endpoints concern.
    concerned: IndexVec<LifeIdx, u32>,
    first_client: u32,
}

#[derive(Debug)]
struct Node {
    proxy: KubeProxy,
    /// Whose endpoints its pods ask for, ascending.
    calls: Vec<LifeIdx>,
    /// Number of the first change that it has not heard of, that is not in the rules being written, that it does not have.
    heard: u32,
    writing: u32,
    has: u32,
    /// How often its rules were written.
    written: u32,
}

impl Rules {
    /// `calls` says whose endpoints are asked for through each node.
    pub(super) fn new(setup: &Lifecycle, calls: Vec<Vec<LifeIdx>>, first_client: u32) -> Self {
        let mut concerned = IndexVec::filled(0, setup.lives.len());
        for life in calls.iter().flatten() {
            concerned[*life] += 1;
        }
        let node = |calls| Node {
            proxy: KubeProxy::new(setup.rules.least),
            calls,
            heard: 0,
            writing: 0,
            has: 0,
            written: 0,
        };
        Self { nodes: calls.into_iter().map(node).collect(), concerned, first_client }
    }

    /// How many nodes a life's endpoints concern.
    pub(super) fn concerned(&self, life: LifeIdx) -> u32 {
        self.concerned[life]
    }

    /// Endpoints have changed: the nodes have heard of it.
    pub(super) fn change(
        &mut self,
        life: LifeIdx,
        number: u32,
        shared: &Shared<'_>,
        schedule: &mut Schedule<Event>,
    ) {
        for position in 0..self.nodes.len() {
            let node = &mut self.nodes[position];
            if node.calls.binary_search(&life).is_ok() {
                node.heard = number + 1;
                let next = node.proxy.on_change(schedule.now());
                self.follow(position as u32, next, shared, schedule);
            }
        }
    }

    /// The timer of a node goes off.
    pub(super) fn on_timer(&mut self, node: u32, shared: &Shared<'_>, schedule: &mut Schedule<Event>) {
        let next = self.nodes[node as usize].proxy.on_timer(schedule.now());
        self.follow(node, next, shared, schedule);
    }

    /// The rules of a node are written: it has what there was when that began.
    pub(super) fn on_written(
        &mut self,
        position: u32,
        shared: &mut Shared<'_>,
        schedule: &mut Schedule<Event>,
        learned: &mut Vec<Learned>,
    ) {
        let now = schedule.now();
        let node = &mut self.nodes[position as usize];
        let client = ClientIdx(self.first_client + position);
        for number in node.has.max(shared.changes.first())..node.writing {
            // What has reached everybody meanwhile is forgotten.
            if number < shared.changes.first() {
                continue;
            }
            if let Some((life, version)) = shared.changes.get(number).endpoints
                && node.calls.binary_search(&life).is_ok()
            {
                if shared.members.as_mut().is_some_and(|members| members.learn(client, life, version)) {
                    learned.push((client, life));
                }
                shared.changes.reach(number, now);
            }
        }
        node.has = node.writing;
        let next = node.proxy.on_written(now);
        self.follow(position, next, shared, schedule);
    }

    fn follow(&mut self, position: u32, next: Next, shared: &Shared<'_>, schedule: &mut Schedule<Event>) {
        let node = &mut self.nodes[position as usize];
        match next {
            Next::Nothing => {}
            Next::Wait(until) => schedule.at(until, Event::RulesTimer(position)),
            Next::Write => {
                node.writing = node.heard;
                let length = shared.write_time(position, node.written);
                node.written += 1;
                schedule.after(length, Event::RulesWritten(position));
            }
        }
    }

    /// Nodes whose pods ask for these endpoints.
    pub(super) fn listening(&self, life: LifeIdx) -> impl Iterator<Item = u32> + '_ {
        (0..).zip(&self.nodes).filter(move |(_, node)| node.calls.contains(&life)).map(|(node, _)| node)
    }

    /// How many nodes do not have a change of these endpoints.
    pub(super) fn missing(&self, number: u32, life: LifeIdx) -> u32 {
        let misses = |node: &&Node| node.has <= number && node.calls.binary_search(&life).is_ok();
        self.nodes.iter().filter(misses).count() as u32
    }
}

impl Shared<'_> {
    fn write_time(&self, node: u32, number: u32) -> Span {
        let Some(setup) = &self.program.lifecycle else { return Span::ZERO };
        let identity = extend_path(hash_name("node"), u64::from(node));
        let key = Key::new(&[self.program.seed, u64::from(self.replication), identity]);
        Span::from_nanos_f64(setup.rules.write.sample(&mut key.draws(draw::RULES, 0, number, 0)))
    }
}

/// Through which node's rules each life's endpoints are asked for: by pods beside which no proxy is told.
pub(super) fn calls_by_node(
    program: &Program,
    setup: &Lifecycle,
    is_told: impl Fn(crate::program::PodIdx) -> bool,
) -> Vec<Vec<LifeIdx>> {
    let outside = program.machines.nodes.len();
    let mut calls = vec![Vec::new(); outside + 1];
    for edge in &program.edges {
        let lives: Vec<LifeIdx> = setup.lives_of(program, edge).map(|(life, _)| life).collect();
        if lives.is_empty() {
            continue;
        }
        let workload = &program.workloads[edge.caller];
        let first = workload.first_pod.position();
        for pod in (first..first + workload.pods as usize).map(crate::program::PodIdx::at) {
            if !is_told(pod) {
                let node = program.pods[pod].node.map_or(outside, Idx::position);
                calls[node].extend_from_slice(&lives);
            }
        }
    }
    for lives in &mut calls {
        lives.sort_unstable();
        lives.dedup();
    }
    calls
}
