//! Proxies that come and go as the control plane's clients, and which of them, or which node, tells a pod of endpoints.

use crate::index::{Idx, IndexVec};
use crate::kernel::Schedule;
use crate::policy::available::Available;
use crate::program::control::{Control as Setup, SubscriberIdx};
use crate::program::lifecycle::{LifeIdx, Lifecycle};
use crate::program::{Edge, EdgeIdx, PodIdx, Program};

use super::super::{Engine, Event};
use super::members::{ClientIdx, Learned};
use super::rules::{Rules, calls_by_node};
use super::{Control, Plane, Shared};

/// Who tells each pod of endpoints.
#[derive(Debug, Default)]
pub(in crate::engine) struct Clients {
    of_pods: IndexVec<PodIdx, ClientIdx>,
    /// The pods of each client.
    pods: Vec<Vec<PodIdx>>,
    /// A pod of each subscriber: its own, if it has just one.
    of_subscribers: IndexVec<SubscriberIdx, Option<PodIdx>>,
}

impl Clients {
    pub(super) fn new(program: &Program, setup: &Setup) -> Self {
        if program.lifecycle.is_none() {
            return Self::default();
        }
        let mut subscriber_of = IndexVec::filled(None, program.proxies.len());
        for (subscriber, one) in setup.subscribers.iter_enumerated() {
            subscriber_of[one.proxy] = Some(subscriber);
        }
        let first_node = setup.subscribers.len();
        let outside = program.machines.nodes.len();
        let mut this = Self {
            of_pods: IndexVec::new(),
            pods: vec![Vec::new(); first_node + outside + 1],
            of_subscribers: IndexVec::filled(None, first_node),
        };
        for (index, pod) in program.pods.iter_enumerated() {
            let subscriber = pod.proxy.and_then(|proxy| subscriber_of[proxy]);
            let client = subscriber.map_or_else(
                || first_node + pod.node.map_or(outside, Idx::position),
                SubscriberIdx::position,
            );
            this.of_pods.push(ClientIdx(client as u32));
            this.pods[client].push(index);
            let is_its_own = program.workloads[pod.workload].group.is_some();
            if let Some(subscriber) = subscriber.filter(|_| is_its_own) {
                this.of_subscribers[subscriber] = Some(index);
            }
        }
        this
    }

    pub(super) fn count(&self) -> u32 {
        self.pods.len() as u32
    }

    pub(super) fn rules(&self, program: &Program, setup: &Lifecycle) -> Rules {
        let first_node = self.of_subscribers.len() as u32;
        let is_told = |pod| self.of_pods[pod].0 < first_node;
        Rules::new(setup, calls_by_node(program, setup, is_told), first_node)
    }

    /// Whether a proxy is there when the run begins: its pod is.
    pub(super) fn is_there(&self, program: &Program, subscriber: SubscriberIdx) -> bool {
        let pod = self.of_subscribers.get(subscriber).copied().flatten();
        pod.is_none_or(|pod| {
            let workload = &program.workloads[program.pods[pod].workload];
            pod.0 - workload.first_pod.0 < workload.wanted
        })
    }

    /// The subscriber that is a pod's own proxy.
    fn subscriber(&self, pod: PodIdx) -> Option<SubscriberIdx> {
        let client = self.of_pods[pod].0 as usize;
        let subscriber = (client < self.of_subscribers.len()).then(|| SubscriberIdx::at(client))?;
        (self.of_subscribers[subscriber] == Some(pod)).then_some(subscriber)
    }
}

impl Shared<'_> {
    /// A proxy has a change; if it is about endpoints, it picks others from now on.
    /// Where it is told of one service at a time, it has that of `service` alone.
    pub(super) fn learn(
        &mut self,
        number: u32,
        service: Option<u32>,
        subscriber: SubscriberIdx,
        learned: &mut Vec<Learned>,
    ) {
        let open = self.changes.get(number);
        let change = &self.setup.changes[open.change];
        if let (Some(told), Some(applied)) = (&mut self.told, change.applies) {
            told.learn(subscriber, applied, service.as_ref().map_or(&change.services, std::slice::from_ref));
        }
        let Some((life, version)) = open.endpoints else { return };
        let client = ClientIdx(subscriber.0);
        if self.members.as_mut().is_some_and(|members| members.learn(client, life, version)) {
            learned.push((client, life));
        }
    }
}

impl Control<'_> {
    /// A new pod's proxy asks for its configuration. Returns whether it is told when that is made.
    pub(in crate::engine) fn ask(&mut self, pod: PodIdx, schedule: &mut Schedule<Event>) -> bool {
        let (Some(subscriber), Plane::Push(_)) = (self.clients.subscriber(pod), &self.plane) else {
            return false;
        };
        self.shared.receivers[subscriber].asks = true;
        self.try_session(subscriber, schedule);
        true
    }

    /// A pod's proxy has its first configuration, which is what the control plane knows.
    pub(in crate::engine) fn connect(&mut self, pod: PodIdx, schedule: &mut Schedule<Event>) {
        if let Some(members) = &mut self.shared.members {
            // A node's pods share its rules, which are there already.
            if self.clients.subscriber(pod).is_some() {
                members.learn_all(self.clients.of_pods[pod]);
            }
        }
        let Some(subscriber) = self.clients.subscriber(pod) else { return };
        let receiver = &mut self.shared.receivers[subscriber];
        debug_assert!(!receiver.is_connected && receiver.lost == 0, "it was not there");
        receiver.is_connected = true;
        receiver.has = self.shared.changes.next();
        if let Some(told) = &mut self.shared.told {
            told.learn_all(subscriber);
        }
        self.connected[self.shared.setup.subscribers[subscriber].audience] += 1;
        if let Plane::Stream(destination) = &mut self.plane {
            receiver.asks = true;
            destination.welcome(subscriber);
            self.try_session(subscriber, schedule);
        }
    }

    /// A pod's proxy is gone: what it has not been told does not concern it any more.
    pub(in crate::engine) fn disconnect(&mut self, pod: PodIdx, schedule: &mut Schedule<Event>) {
        let Some(subscriber) = self.clients.subscriber(pod) else { return };
        self.end_session(subscriber, schedule);
        let shared = &mut self.shared;
        let receiver = &mut shared.receivers[subscriber];
        receiver.asks = false;
        if !std::mem::take(&mut receiver.is_connected) {
            return;
        }
        receiver.lost += std::mem::take(&mut receiver.under_way);
        let has = receiver.has;
        self.connected[shared.setup.subscribers[subscriber].audience] -= 1;
        match &mut self.plane {
            Plane::Nobody => {}
            Plane::Push(_) => {
                for number in has.max(shared.changes.first())..shared.changes.next() {
                    if shared.is_concerned(shared.changes.get(number).change, subscriber) {
                        shared.changes.release(number);
                    }
                }
                shared.changes.close();
            }
            Plane::Stream(destination) => {
                destination.disconnect(subscriber);
                shared.changes.release_parts(subscriber);
            }
        }
    }

    /// Whether nothing is under way to the proxy that was in a pod's place.
    pub(in crate::engine) fn is_clear(&self, pod: PodIdx) -> bool {
        let subscriber = self.clients.subscriber(pod);
        subscriber.is_none_or(|subscriber| self.shared.receivers[subscriber].lost == 0)
    }

    /// What a pod takes for the endpoints of a workload.
    pub(in crate::engine) fn known(&self, pod: PodIdx, life: LifeIdx) -> Option<&Available> {
        Some(self.shared.members.as_ref()?.known(self.clients.of_pods[pod], life))
    }

    /// Once everything written has reached everybody, all that endpoints concern know them as they are.
    pub(super) fn check_members(&self) {
        let (Some(members), Some(setup)) = (&self.shared.members, &self.shared.program.lifecycle) else {
            return;
        };
        if !self.unheard.is_empty() || self.shared.changes.open().next().is_some() {
            return;
        }
        let first_node = self.clients.of_subscribers.len() as u32;
        for (life, one) in setup.lives.iter_enumerated() {
            let told = self.shared.receivers.iter_enumerated().filter(|(subscriber, receiver)| {
                receiver.is_connected && self.shared.is_concerned(one.endpoints, *subscriber)
            });
            let nodes = self.rules.iter().flat_map(|rules| rules.listening(life));
            let clients = told.map(|(subscriber, _)| subscriber.0).chain(nodes.map(|node| first_node + node));
            for client in clients {
                assert_eq!(
                    members.known(ClientIdx(client), life),
                    members.latest(life),
                    "nobody ends with older endpoints than were last sent"
                );
            }
        }
    }
}

impl Engine<'_> {
    /// A workload's endpoints are others from now on.
    pub(in crate::engine) fn publish(&mut self, life: LifeIdx, endpoints: Available) {
        let Some(setup) = &self.program.lifecycle else { return };
        let Some(control) = &mut self.control else { return };
        let Some(members) = &mut control.shared.members else { return };
        let version = members.publish(life, endpoints);
        control.write(setup.lives[life].endpoints, Some((life, version)), &mut self.schedule);
    }

    /// All that a new proxy asks for is made.
    pub(super) fn configuration_made(&mut self, subscriber: SubscriberIdx) {
        let pod = self.control.as_ref().and_then(|control| control.clients.of_subscribers[subscriber]);
        if let Some(pod) = pod {
            self.configure(pod);
        }
    }

    /// Proxies or nodes have been told something.
    pub(super) fn after_learning(&mut self) {
        let Some(control) = &mut self.control else { return };
        let mut learned = std::mem::take(&mut control.learned);
        for (client, life) in learned.drain(..) {
            self.renew_views(client, life);
        }
        if let Some(control) = &mut self.control {
            control.learned = learned;
        }
        self.finished |= self.is_settled();
    }

    /// What a pod takes for the endpoints of an edge; `None` is all.
    pub(in crate::engine) fn known_of(&self, pod: PodIdx, edge: EdgeIdx) -> Option<Available> {
        let (lifecycle, control) = (self.lifecycle.as_ref()?, self.control.as_ref()?);
        let leads_to = lifecycle.leads_to(edge);
        if leads_to.is_empty() {
            return None;
        }
        let mut known = Available::all(self.program.edges[edge].targets.len());
        for &(life, first) in leads_to {
            for &place in control.known(pod, life)?.out() {
                known.remove(first + place);
            }
        }
        (!known.is_all()).then_some(known)
    }

    fn renew_view(&mut self, pod: PodIdx, index: EdgeIdx) {
        let edge = &self.program.edges[index];
        let position = (self.program.pods[pod].first_view + edge.slot) as usize;
        if self.views[position].is_none() {
            return;
        }
        let known = self.known_of(pod, index);
        let now = self.schedule.now();
        if let Some(view) = &mut self.views[position] {
            view.renew(edge, known, now);
        }
        self.look_whether_ready(position);
    }

    /// All pods of a client pick among other endpoints of a workload from now on.
    fn renew_views(&mut self, client: ClientIdx, life: LifeIdx) {
        let Some(lifecycle) = &self.lifecycle else { return };
        let Some(control) = &self.control else { return };
        let edges: Vec<_> = lifecycle.edges_to(life).to_vec();
        for pod in control.clients.pods[client.0 as usize].clone() {
            let workload = self.program.pods[pod].workload;
            for &index in &edges {
                let edge: &Edge = &self.program.edges[index];
                if edge.caller == workload {
                    self.renew_view(pod, index);
                }
            }
        }
    }
}
