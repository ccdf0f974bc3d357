//! One replication of a program: every request, event by event.
//!
//! The engine never reads a file, never looks at a clock, never starts a thread and never looks at a name. The way of a
//! call is in `hop`, what the calling proxy's rules make of it in `route`, `attempt` and `mirror`, its endpoint and
//! connection in `connect`, the proxies' work on it in `pass`, what the callee does about it in `instance`, and what becomes
//! of it when its caller will not wait any longer in `give_up`; where requests come from is in `source`.

mod attempt;
mod call;
mod connect;
mod connection;
mod control;
mod draw;
mod endpoints;
mod event;
mod give_up;
mod guard;
mod hop;
mod instance;
mod lifecycle;
mod limits;
mod links;
mod mirror;
mod network;
mod node;
mod occupancy;
mod pass;
mod pool;
mod proxy;
mod ready;
mod recorder;
mod route;
mod selector;
mod source;
mod telemetry;
mod throttle;
mod timeline;
mod trace;
mod usage;
mod view;

use std::sync::atomic::{AtomicBool, Ordering};

use crate::index::{Idx, IndexVec};
use crate::kernel::Schedule;
use crate::kernel::station::Departure;
use crate::mesh::scenario::SourceIdx;
use crate::metrics::RunRecord;
use crate::policy::available::Available;
use crate::program::{Edge, EdgeIdx, PodIdx, Program};

use call::{CallId, Calls};
use connection::Connections;
use control::Control;
pub use event::Event;
use instance::Instance;
use lifecycle::Lifecycle;
use node::NodeCores;
use pass::Job;
use proxy::Proxies;
use recorder::Recorder;
use source::SourceState;
use throttle::Throttle;
pub use trace::{Difference, Step, Trace};
use view::View;

/// Events between two looks at the stop flag.
const STOP_CHECK_EVENTS: u64 = 1 << 16;

/// Runs one replication. Equal programs and replication numbers give equal records, on any machine.
///
/// Returns `None` when `stop` was set before the end.
///
/// # Panics
/// When a conservation law is broken: that is a bug in the engine.
pub fn run(program: &Program, replication: u32, stop: &AtomicBool) -> Option<RunRecord> {
    let mut engine = Engine::new(program, replication);
    engine.start();
    while engine.advance(STOP_CHECK_EVENTS, |_| {}) {
        if stop.load(Ordering::Relaxed) {
            return None;
        }
    }
    Some(engine.finish())
}

/// The state of a run.
struct Engine<'p> {
    program: &'p Program,
    replication: u32,
    schedule: Schedule<Event>,
    calls: Calls,
    connections: Connections,
    /// Per pod and edge, see [`crate::program::Pod::first_view`].
    views: Vec<Option<Box<View>>>,
    instances: IndexVec<PodIdx, Instance>,
    /// Of instances whose CPU limit may bind.
    throttles: IndexVec<PodIdx, Option<Box<Throttle>>>,
    proxies: Proxies,
    /// `None` where every container always finds a free core.
    node_cores: Option<NodeCores>,
    sources: IndexVec<SourceIdx, SourceState>,
    recorder: Recorder,
    /// `None` where no configuration changes.
    control: Option<Box<Control<'p>>>,
    /// `None` where no pods come and go.
    lifecycle: Option<Box<Lifecycle<'p>>>,
    /// Scratch: requests that a processor-sharing instance has finished.
    done: Vec<CallId>,
    /// Scratch: jobs that a proxy with a shared quota has finished.
    jobs_done: Vec<Departure<Job>>,
    /// Measured requests without an answer.
    unanswered: u64,
    window_over: bool,
    finished: bool,
}

impl<'p> Engine<'p> {
    fn new(program: &'p Program, replication: u32) -> Self {
        Self {
            program,
            replication,
            schedule: Schedule::new(),
            calls: Calls::new(),
            connections: Connections::default(),
            views: (0..program.views()).map(|_| None).collect(),
            throttles: program.pods.iter().map(|pod| Throttle::new(program, pod)).collect(),
            instances: program.pods.iter().map(|pod| Instance::new(program, pod)).collect(),
            proxies: Proxies::new(program),
            node_cores: NodeCores::new(program),
            sources: program
                .sources
                .iter()
                .map(|source| SourceState::new(program, source, replication))
                .collect(),
            recorder: Recorder::new(program),
            control: Control::new(program, replication),
            lifecycle: Lifecycle::new(program),
            done: Vec::new(),
            jobs_done: Vec::new(),
            unanswered: 0,
            window_over: false,
            finished: false,
        }
    }

    fn start(&mut self) {
        self.schedule.at(self.program.window.end(), Event::WindowEnd);
        self.schedule.at(self.program.drain_limit, Event::DrainEnd);
        self.start_nodes();
        self.start_changes();
        self.start_certificates();
        self.start_incidents();
        for source in self.program.sources.indexes() {
            self.start_source(source);
        }
        self.schedule_interval_end();
    }

    /// The last interval ends with the window.
    fn schedule_interval_end(&mut self) {
        let end = self.recorder.timeline.open_end();
        if end < self.program.window.end() {
            self.schedule.at(end, Event::IntervalEnd);
        }
    }

    fn close_interval(&mut self) {
        let now = self.schedule.now();
        let busy = self.program.workloads.iter().take(self.program.serving).map(|workload| {
            let first = workload.first_pod.position();
            let pods = first..first + workload.pods as usize;
            pods.map(|pod| self.instances[PodIdx::at(pod)].busy_until(now)).sum::<Option<u64>>()
        });
        let in_flight = self.sources.iter().map(|source| source.in_flight.present());
        self.recorder.timeline.close(in_flight, busy);
        if let Some(control) = &mut self.control {
            control.sample(now);
        }
        self.count_pods();
    }

    /// The next event, which is to be handled; `None` when the run is over.
    #[inline]
    fn next_event(&mut self) -> Option<Event> {
        if self.proxies.is_above_limit() {
            self.kill_proxies();
        }
        if self.finished { None } else { self.schedule.next() }
    }

    /// The next event, once it is handled; `None` when the run is over.
    fn step(&mut self) -> Option<Event> {
        let mut last = None;
        self.advance(1, |event| last = Some(event));
        last
    }

    /// Handles so many events, or all that are left, and tells of each; false when the run is over.
    #[inline(never)]
    fn advance(&mut self, most: u64, mut handled: impl FnMut(Event)) -> bool {
        for _ in 0..most {
            let Some(event) = self.next_event() else { return false };
            self.handle(event);
            handled(event);
        }
        true
    }

    /// Does what an event asks for. Part of the loop of a run: a call for each event would cost a few per cent.
    #[expect(clippy::inline_always, reason = "measured, see above")]
    #[inline(always)]
    fn handle(&mut self, event: Event) {
        match event {
            Event::Arrival(source) => self.arrive(source),
            Event::Send { source, user } => self.send_next(source, user),
            Event::AtGateway(call) => self.begin(call),
            Event::OutboundDone(call) => self.outbound_done(call),
            Event::Handshake(connection) => self.accept(connection),
            Event::Connected(connection) => self.connected(connection),
            Event::ConnectTimeout(connection) => self.give_up_connection(connection),
            Event::AtServer(call) => self.reach(call),
            Event::AtInstance(call) => self.serve(call),
            Event::ServiceDone(call) => self.service_done(call),
            Event::SharedDone { pod, generation } => self.shared_done(pod, generation),
            Event::ProxyDone { proxy, generation } => self.proxy_done(proxy, generation),
            Event::SleepDone(call) => self.sleep_done(call),
            Event::AtClient(call) => self.response_at_client(call),
            Event::Returned(call) => self.returned(call),
            Event::Timeout(call) => self.time_out(call),
            Event::Resumed(call) => self.resume(call),
            Event::Deadline(call) => self.run_out(call),
            Event::Sweep { view } => self.sweep(view),
            Event::Probe { view, endpoint } => self.probe(view, endpoint),
            Event::Reconnect { view, endpoint } => self.reconnect(view, endpoint),
            Event::FailFast { view } => self.fail_fast(view),
            Event::Change(change) => self.change(change),
            Event::Heard => self.hear(),
            Event::RulesTimer(node) => self.rules_timer(node),
            Event::RulesWritten(node) => self.rules_written(node),
            Event::Incident(incident) => self.incident(incident),
            Event::Scrape(life) => self.scrape(life),
            Event::Autoscale(life) => self.autoscale(life),
            Event::PodStage { pod, incarnation, stage } => self.pod_stage(pod, incarnation, stage),
            Event::Wave(upgrade) => self.next_wave(upgrade),
            Event::NodeProxyGone(node) => self.cut_connections(node),
            Event::Node { node, stage } => self.node_stage(node, stage),
            Event::PushWindow(replica) => self.push_window(replica),
            Event::PushCpuDone { replica, generation } => self.push_cpu_done(replica, generation),
            Event::PushSent { subscriber, ticket } => self.push_sent(subscriber, ticket),
            Event::PushApplied { subscriber, changes } => self.push_applied(subscriber, changes),
            Event::UpdateMade { instance, number } => self.update_made(instance, number),
            Event::UpdateApplied { stream, version } => self.update_applied(stream, version),
            Event::Certificate { holder, incarnation, step } => self.certificate(holder, incarnation, step),
            Event::AuthorityDone { instance, generation } => self.authority_done(instance, generation),
            Event::Session { subscriber, number } => self.plane_session(subscriber, number),
            Event::InstanceReady(instance) => self.instance_ready(instance),
            Event::PlaneIncident(incident) => self.plane_incident(incident),
            Event::PlaneRelief(incident) => self.plane_relief(incident),
            Event::PlaneScrape => self.plane_scrape(),
            Event::PlaneAutoscale => self.plane_autoscale(),
            Event::NodeTick => self.tick_nodes(),
            Event::IntervalEnd => {
                self.close_interval();
                self.schedule_interval_end();
            }
            Event::WindowEnd => {
                self.close_interval();
                self.window_over = true;
                self.finished = self.is_settled();
            }
            Event::DrainEnd => self.finished = true,
        }
    }

    /// The edge a call goes over.
    fn edge(&self, call: CallId) -> (EdgeIdx, &'p Edge) {
        let edge = self.calls[call].edge;
        (edge, &self.program.edges[edge])
    }

    /// The edge whose connections the calling application uses: it knows nothing of what its proxy makes of the call.
    fn link_edge(&self, call: CallId) -> &'p Edge {
        &self.program.edges[self.program.sites[self.calls[call].site].edge]
    }

    /// Where what the calling pod knows of the edge is kept, once it is.
    #[inline]
    fn position_of(&self, caller: PodIdx, edge: &Edge) -> usize {
        (self.program.pods[caller].first_view + edge.slot) as usize
    }

    /// What the calling pod knows of the edge; made on first use.
    fn view_position(&mut self, caller: PodIdx, edge: &Edge) -> usize {
        let position = self.position_of(caller, edge);
        if self.views[position].is_none() {
            let pod = &self.program.pods[caller];
            let workers = pod.proxy.map_or(1, |proxy| self.proxies.workers(proxy));
            let zone = self.program.zone(caller);
            let mut view = Box::new(View::new(edge, zone, workers, self.schedule.now()));
            if self.lifecycle.is_some() {
                view.known = self.known_by_slot(caller, edge).map(Box::new);
            }
            self.views[position] = Some(view);
            if let Some(proxy) = pod.proxy {
                self.proxies.learn_target(proxy, edge.targets.len(), self.schedule.now());
            }
        }
        position
    }

    /// What a pod takes for the endpoints of one of its edges.
    fn known_by_slot(&self, caller: PodIdx, edge: &Edge) -> Option<Available> {
        let edges = self.lifecycle.as_ref()?.edges_of(edge.caller);
        self.known_of(caller, edges[edge.slot as usize])
    }

    fn finish(self) -> RunRecord {
        self.check_conservation();
        let end = self.schedule.now().max(self.program.window.end());
        let window = self.program.window.length().nanos();
        let owed: Vec<u64> = self.sources.indexes().map(|source| self.owed(source)).collect();
        let met = self.met();
        let mut recorder = self.recorder;
        let tallies = std::mem::take(&mut recorder.tallies);
        for (pod, instance) in self.instances.iter_enumerated() {
            recorder.busy(self.program.pods[pod].workload, instance.busy(end));
        }
        let there = self.lifecycle.as_ref().map(|lifecycle| lifecycle.shares(self.program, end));
        let lifecycle = self.lifecycle.map(|lifecycle| lifecycle.finish(self.program, end, &mut recorder));
        let mut record = recorder.finish(self.program, window);
        for ((source, state), owed) in self.sources.iter_enumerated().zip(owed) {
            let entry = &mut record.entries[source.position()];
            entry.arrived += owed;
            entry.unfinished = state.unanswered + owed;
        }
        for service in record.services.iter().chain(&record.versions) {
            let capacity = service.workers.map(|workers| workers * window);
            // Where pods come and go, their mean number is rounded.
            assert!(
                lifecycle.is_some() || capacity.is_none_or(|most| service.busy <= most),
                "no worker is busy more than all the time"
            );
        }
        let there = there.unwrap_or_default();
        record.proxies = self.proxies.finish(self.program, end, &mut record.nodes, &there);
        record.lives = lifecycle;
        if let Some(control) = self.control {
            let (control, certificates) = control.finish(end, &mut record.proxies, &mut record.nodes);
            record.control = Some(Box::new(control));
            record.certificates = certificates.map(Box::new);
        }
        record.telemetry =
            Some(Box::new(telemetry::count(self.program, &record.edges, &tallies, &met, window)));
        record.events = self.schedule.handled();
        record.requests = self.sources.iter().map(|source| source.sent).sum();
        record
    }

    /// Requests sent = answered + in flight, no call is lost, and Little's law holds of every source and every service.
    fn check_conservation(&self) {
        let end = self.schedule.now();
        let mut asked = vec![Vec::new(); self.sources.len()];
        let mut visiting = vec![Vec::new(); self.recorder.visits.len()];
        for call in self.calls.iter() {
            if call.is_awaited_by_user() {
                asked[call.source.position()].push(call.started);
            }
            if call.visiting {
                visiting[self.program.pods[call.callee].workload.position()].push(call.served);
            }
        }
        for (source, asked) in self.sources.iter().zip(asked) {
            let in_flight = source.in_flight;
            assert_eq!(source.sent, source.answered + in_flight.present(), "requests are conserved");
            assert!(in_flight.balances(end, asked.into_iter()), "Little's law holds of a source");
        }
        for (visits, visiting) in self.recorder.visits.iter().zip(visiting) {
            assert!(visits.balances(end, visiting.into_iter()), "Little's law holds of a service");
        }
        self.check_limits();
        if let Some(control) = &self.control {
            control.check(end);
        }
        assert_eq!(
            self.recorder.calls_made,
            self.recorder.calls_over + self.calls.live() as u64,
            "calls are conserved"
        );
    }
}
