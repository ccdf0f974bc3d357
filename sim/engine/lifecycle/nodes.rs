//! Nodes that come and go: which of them take pods, and what becomes of the pods on those that go.
//!
//! On a node that is drained pods are deleted as ever; the node's proxy stays. One that is lost says nothing: what is sent
//! there is never answered, so callers wait until they have waited for long enough, and connections that stand go on
//! being used until then. Kubernetes notices after a while, takes the pods for not ready and their endpoints out, and
//! replaces them later still; the places on the node are of no use any more.

use crate::index::IndexVec;
use crate::mesh::scenario::NodesWhat;
use crate::placement::{NodeIdx, Request};
use crate::program::lifecycle::{LifeIdx, Nodes as Setup};
use crate::program::{PodIdx, Program, ProxyIdx};
use crate::units::{SimTime, Span};
use crate::vocabulary::failure::Cause;

use super::super::call::{CallId, Progress};
use super::super::connection::ConnectionId;
use super::super::{Engine, Event};
use super::pod::Phase;
use super::stages::PodStage;

/// From when nothing is acknowledged any more until TCP gives a connection up: Linux's `tcp_retries2` of 15 (924.6 s).
const TCP_GIVES_UP: Span = Span::from_millis(924_600);
/// The same of a connection that was never open: `tcp_syn_retries` of 6 (1 + 2 + 4 + ... + 64 s).
const SYN_GIVES_UP: Span = Span::from_seconds(127);

/// What Kubernetes does about a node that is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeStage {
    /// Its pods count as not ready.
    NotReady,
    /// Its pods are replaced.
    Evicted,
}

/// The nodes of a run in which some come and go.
#[derive(Debug)]
pub(super) struct Nodes<'p> {
    setup: &'p Setup,
    states: IndexVec<NodeIdx, State>,
}

#[derive(Clone, Copy, Debug)]
struct State {
    /// It takes pods.
    is_open: bool,
    /// What its pods ask for, and how many there are.
    taken: Request,
    pods: u32,
    /// Its own proxy, which goes with it unless pods that stay need it.
    proxy: Option<ProxyIdx>,
    /// From when until when it is there.
    there: (SimTime, SimTime),
}

impl<'p> Nodes<'p> {
    pub(super) fn new(program: &'p Program, setup: &'p Setup) -> Self {
        let state = |node: &crate::placement::Node| State {
            is_open: true,
            taken: node.reserved,
            pods: node.pods,
            proxy: None,
            there: (SimTime::ZERO, SimTime::MAX),
        };
        let mut states: IndexVec<NodeIdx, State> = program.machines.nodes.iter().map(state).collect();
        for &node in &setup.added {
            (states[node].is_open, states[node].there.0) = (false, SimTime::MAX);
        }
        let mut is_needed = IndexVec::filled(false, states.len());
        for pod in &program.pods {
            let workload = &program.workloads[pod.workload];
            if let (Some(node), Some(proxy), None) = (pod.node, pod.proxy, workload.group) {
                states[node].proxy = Some(proxy);
                is_needed[node] |= workload.service.is_none();
            }
        }
        for (node, _) in is_needed.iter_enumerated().filter(|(_, is_needed)| **is_needed) {
            states[node].proxy = None;
        }
        Self { setup, states }
    }

    /// Whether a node takes a pod that asks for so much.
    pub(super) fn takes(&self, node: Option<NodeIdx>, request: Request) -> bool {
        let Some(state) = node.map(|node| &self.states[node]) else { return true };
        let has_room = |(room, pods): (Request, u32)| {
            let sum = state.taken.plus(request);
            state.pods < pods && sum.nanocores <= room.nanocores && sum.bytes <= room.bytes
        };
        state.is_open && self.setup.room.is_none_or(has_room)
    }

    /// A pod that asks for so much has come to a node.
    pub(super) fn take(&mut self, node: Option<NodeIdx>, request: Request) {
        if let Some(state) = node.map(|node| &mut self.states[node]) {
            state.taken = state.taken.plus(request);
            state.pods += 1;
        }
    }

    /// A pod that asked for so much has gone.
    pub(super) fn free(&mut self, node: Option<NodeIdx>, request: Request) {
        if let Some(state) = node.map(|node| &mut self.states[node]) {
            state.taken.nanocores -= request.nanocores;
            state.taken.bytes -= request.bytes;
            state.pods -= 1;
        }
    }

    /// Whether pods may have to wait for others to go.
    pub(super) const fn is_limited(&self) -> bool {
        self.setup.room.is_some()
    }

    /// The proxies of nodes that come or go, each with the share of the window for which it was there.
    pub(super) fn shares(&self, program: &Program, end: SimTime) -> impl Iterator<Item = (ProxyIdx, f64)> {
        let window = program.window;
        self.states.iter().filter_map(move |state| {
            let (from, until) = state.there;
            let there = window.overlap(from.min(end), until.min(end)).nanos();
            Some((state.proxy?, there as f64 / window.length().nanos() as f64))
        })
    }
}

impl Engine<'_> {
    /// Proxies of nodes that are not there yet have not begun.
    pub(super) fn start_without_new_nodes(&mut self) {
        let Some(nodes) = self.lifecycle.as_ref().and_then(|lifecycle| lifecycle.nodes.as_ref()) else {
            return;
        };
        for &node in &nodes.setup.added {
            if let Some(proxy) = nodes.states[node].proxy {
                self.proxies.stop(proxy, SimTime::ZERO);
            }
        }
    }

    /// Nodes come or go.
    pub(super) fn change_nodes(&mut self, what: NodesWhat, concerned: &[NodeIdx]) {
        let now = self.schedule.now();
        for (number, &node) in (0..).zip(concerned) {
            let Some(nodes) = self.lifecycle.as_mut().and_then(|lifecycle| lifecycle.nodes.as_mut()) else {
                return;
            };
            let (setup, state) = (nodes.setup, &mut nodes.states[node]);
            state.is_open = what == NodesWhat::Add;
            let proxy = state.proxy;
            match what {
                NodesWhat::Drain => self.empty(node),
                NodesWhat::Lose => {
                    state.there.1 = now;
                    let later = Span::from_nanos(setup.eviction_pace.nanos() * number);
                    self.schedule.after(setup.grace, Event::Node { node, stage: NodeStage::NotReady });
                    let evicted = setup.grace + setup.eviction + later;
                    self.schedule.after(evicted, Event::Node { node, stage: NodeStage::Evicted });
                    for (life, place) in self.places_on(node) {
                        self.lose_pod(life, place);
                    }
                    if let Some(proxy) = proxy {
                        self.proxies.stop(proxy, now);
                    }
                }
                NodesWhat::Add => {
                    state.there.0 = now;
                    if let Some(proxy) = proxy {
                        let group = self.program.proxies[proxy].group;
                        self.proxies.start(proxy, self.program.groups[group].static_memory, now);
                    }
                }
            }
        }
        self.look_everywhere();
    }

    /// The places on a node that a pod is in.
    fn places_on(&self, node: NodeIdx) -> Vec<(LifeIdx, u32)> {
        let Some(lifecycle) = &self.lifecycle else { return Vec::new() };
        let all = lifecycle.places.iter_enumerated().flat_map(|(life, places)| {
            (0..)
                .zip(places)
                .filter(|(_, place)| place.holds_a_pod())
                .map(move |(position, _)| (life, position))
        });
        all.filter(|&(life, place)| self.program.pods[self.pod_at(life, place)].node == Some(node)).collect()
    }

    /// All pods on a node are deleted.
    fn empty(&mut self, node: NodeIdx) {
        for (life, place) in self.places_on(node) {
            // One may have gone with another.
            if self.lifecycle.as_ref().is_some_and(|of| of.places[life][place as usize].is_active()) {
                self.end_pod(life, place);
            }
        }
    }

    /// A pod is gone with its node. Nobody knows, and what was to happen to it does not.
    fn lose_pod(&mut self, life: LifeIdx, place: u32) {
        let now = self.schedule.now();
        let pod = self.pod_at(life, place);
        let Some(lifecycle) = &mut self.lifecycle else { return };
        let state = &mut lifecycle.places[life][place as usize];
        if state.is_lost || !state.holds_a_pod() {
            return;
        }
        lifecycle.records[life].killed += u64::from(self.program.window.contains(now));
        (state.accepts, state.is_reachable, state.serves, state.is_lost) = (false, false, false, true);
        (state.plan, state.configured) = (None, None);
        state.incarnation = state.incarnation.wrapping_add(1);
        self.abandon_own(pod);
        if let Some(control) = &mut self.control {
            control.disconnect(pod, &mut self.schedule);
            control.forget_certificate(pod);
        }
        self.stop_proxy(pod);
    }

    /// Kubernetes does something about a node that is lost.
    pub(in super::super) fn node_stage(&mut self, node: NodeIdx, stage: NodeStage) {
        let now = self.schedule.now();
        for (life, place) in self.places_on(node) {
            match stage {
                NodeStage::Evicted => self.write_off(life, place),
                NodeStage::NotReady => {
                    let pod = self.pod_at(life, place);
                    let Some(lifecycle) = &mut self.lifecycle else { return };
                    let delay = lifecycle.nodes.as_ref().map_or(Span::ZERO, |nodes| nodes.setup.endpoint);
                    let state = &mut lifecycle.places[life][place as usize];
                    if state.phase == Phase::Ready {
                        state.phase = Phase::Starting;
                    }
                    (state.ready, state.is_available) = (None, false);
                    let incarnation = state.incarnation;
                    self.stage_at(now + delay, pod, incarnation, PodStage::EndpointRemoved);
                }
            }
        }
        self.look_everywhere();
    }

    /// A pod on a node that is lost is counted no more, and nobody is in its place again.
    pub(super) fn write_off(&mut self, life: LifeIdx, place: u32) {
        let now = self.schedule.now();
        let window = self.program.window;
        self.write_endpoint(life, place, false);
        if let Some(lifecycle) = &mut self.lifecycle {
            let state = &mut lifecycle.places[life][place as usize];
            state.leave(window, now);
            (state.phase, state.is_lost) = (Phase::Lost, true);
        }
    }

    /// Whether a pod is gone with its node, so that it does not even say that it is.
    #[inline]
    pub(in super::super) fn is_lost(&self, pod: PodIdx) -> bool {
        let Some(lifecycle) = &self.lifecycle else { return false };
        lifecycle.nodes.is_some() && lifecycle.place(self.program, pod).is_some_and(|place| place.is_lost)
    }

    /// The call is in a pod that is lost, or on its way there: it is never answered. Whoever has not given it up does when
    /// he will not wait any longer, or when TCP does.
    pub(in super::super) fn vanish(&mut self, id: CallId) {
        if self.calls[id].progress != Progress::Sent {
            return self.forget(id);
        }
        self.calls[id].has_vanished = true;
        if self.calls[id].timer.is_none() {
            let timer = self.schedule.timer(TCP_GIVES_UP, Event::Timeout(id));
            self.calls[id].timer = Some(timer);
        }
    }

    /// Why a call is given up whose time is over.
    pub(in super::super) fn cause_of_timeout(&self, id: CallId) -> Cause {
        let call = &self.calls[id];
        let has_timeout = self.program.sites[call.site].timeout != u64::MAX;
        if call.is_attempt() {
            Cause::AttemptTimeout
        } else if call.has_vanished && !has_timeout {
            Cause::Reset
        } else {
            Cause::CallerTimeout
        }
    }

    /// Nobody answers to a handshake: it ends when it is given up.
    pub(in super::super) fn wait_in_vain(&mut self, id: ConnectionId) {
        let Some(opening) = &mut self.connections[id].opening else { return };
        opening.is_unanswered = true;
        if opening.is_given_up {
            return self.connected(id);
        }
        if opening.timer.is_none() {
            opening.timer = Some(self.schedule.timer(SYN_GIVES_UP, Event::ConnectTimeout(id)));
        }
    }
}
