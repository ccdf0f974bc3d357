//! The proxies: CPU jobs on workers and cores, connections, requests in flight, memory.

use std::collections::VecDeque;

use crate::index::{Idx, IndexVec};
use crate::kernel::dist::Dist;
use crate::kernel::station::processor::GroupIdx as ThreadGroup;
use crate::kernel::station::{Alarm, CoreIdx, Departure, ProcessIdx, Processor, Visit, Window, Workers};
use crate::mesh::model::Dispatch;
use crate::metrics::record::{NodeRecord, ProxyRecord};
use crate::program::{GroupIdx, Program, Proxy, ProxyGroup, ProxyIdx};
use crate::units::{SimTime, Span};

use super::pass::Job;

/// All proxies of a run. The proxy at a position is the process at the same position.
#[derive(Debug)]
pub(super) struct Proxies {
    workers: Workers,
    /// Proxies whose workers share a quota that may bind, with whoever shares their core, and those that share several
    /// cores: event-driven.
    processors: Vec<Processor<Job>>,
    window: Window,
    states: IndexVec<ProxyIdx, State>,
    /// What proxies are like: those of most groups are alike.
    kinds: Vec<Kind>,
    /// Proxies that have passed their memory limit.
    above_limit: Vec<ProxyIdx>,
}

/// What a proxy is like, as far as each job asks.
#[derive(Clone, Debug, PartialEq)]
struct Kind {
    workers: u32,
    dispatch: Dispatch,
    variation: Option<Dist>,
    pass_delay: u64,
    memory_per_used_target: f64,
    memory_per_used_endpoint: f64,
    memory_per_connection: f64,
    memory_per_request: f64,
}

impl Kind {
    fn of(group: &ProxyGroup) -> Self {
        Self {
            workers: group.workers,
            dispatch: group.dispatch,
            variation: group.variation.clone(),
            pass_delay: group.pass_delay,
            memory_per_used_target: group.memory_per_used_target,
            memory_per_used_endpoint: group.memory_per_used_endpoint,
            memory_per_connection: group.memory_per_connection,
            memory_per_request: group.memory_per_request,
        }
    }
}

/// What one proxy holds and has done.
#[derive(Clone, Debug)]
struct State {
    /// Position among the kinds.
    kind: u32,
    /// Position among the event-driven ones, and its threads there.
    processor: Option<(u32, ThreadGroup)>,
    connections: u32,
    /// Requests in the proxy, those included that will have left by a known time ...
    in_flight: u32,
    /// ... and those times, ascending.
    leaving: VecDeque<SimTime>,
    jobs: u64,
    /// CPU asked for by jobs that arrived in the window, wake-ups apart.
    demand: u64,
    /// How much longer jobs took because others used the cores, which is no CPU of its own: all, and of those that
    /// arrived in the window.
    stretched: u64,
    stretched_in_window: u64,
    /// Bytes of everything but requests in flight, and since when.
    bytes: f64,
    since: SimTime,
    /// Integrals over the window, in byte-nanoseconds, request-nanoseconds and connection-nanoseconds.
    byte_nanos: f64,
    request_nanos: u64,
    connection_nanos: u64,
    peak_bytes: f64,
    /// The proxy is killed above so many.
    limit: f64,
}

impl Proxies {
    pub(super) fn new(program: &Program) -> Self {
        let mut workers = Workers::new(program.window);
        let mut processors: Vec<Processor<Job>> = Vec::new();
        let mut uses = core_uses(program);
        for _ in &program.cores {
            workers.add_core();
        }
        let mut kinds: Vec<Kind> = Vec::new();
        let of_groups: IndexVec<GroupIdx, u32> = program
            .groups
            .iter()
            .map(|group| {
                let kind = Kind::of(group);
                let known = kinds.iter().position(|other| *other == kind);
                known.unwrap_or_else(|| {
                    kinds.push(kind);
                    kinds.len() - 1
                }) as u32
            })
            .collect();
        let states = program
            .proxies
            .iter()
            .map(|proxy| {
                let group = &program.groups[proxy.group];
                let cores = cores_of(program, *proxy);
                let process = workers.add_process(group.wake, cores);
                let mut state = State::new(of_groups[proxy.group], group.static_memory);
                let core = &mut uses[cores[0]];
                match group.quota {
                    None if !core.limited && core.count == 1 => {}
                    Some(quota) if group.workers == 1 && !core.shared && core.count == 1 => {
                        workers.limit(process, quota);
                    }
                    _ => {
                        let position = *core.processor.get_or_insert_with(|| {
                            let apart = cores.iter().filter(|&&other| other != cores[0]).count() as u32;
                            processors.push(Processor::new(core.count + apart, program.window));
                            (processors.len() - 1) as u32
                        });
                        let processor = &mut processors[position as usize];
                        let threads = processor.add_group(group.wake, group.workers, group.quota);
                        state.processor = Some((position, threads));
                    }
                }
                state
            })
            .collect();
        let above_limit = Vec::new();
        Self { workers, processors, window: program.window, states, kinds, above_limit }
    }

    /// Worker threads of a proxy.
    pub(super) fn workers(&self, proxy: ProxyIdx) -> u32 {
        self.kind(proxy).workers
    }

    pub(super) fn variation(&self, proxy: ProxyIdx) -> Option<&Dist> {
        self.kind(proxy).variation.as_ref()
    }

    pub(super) fn pass_delay(&self, proxy: ProxyIdx) -> Span {
        Span::from_nanos(self.kind(proxy).pass_delay)
    }

    fn kind(&self, proxy: ProxyIdx) -> &Kind {
        &self.kinds[self.states[proxy].kind as usize]
    }

    /// A CPU job: on the worker that the connection belongs to, or on any. `None` if its end is not known yet.
    #[inline]
    pub(super) fn work(&mut self, proxy: ProxyIdx, worker: u32, demand: Span, job: Job) -> Option<Visit> {
        let now = job.arrived;
        let state = &mut self.states[proxy];
        if self.window.contains(now) {
            state.jobs += 1;
            state.demand += demand.nanos();
        }
        let dispatch = self.kinds[state.kind as usize].dispatch;
        if let Some((position, threads)) = state.processor {
            let processor = &mut self.processors[position as usize];
            match dispatch {
                Dispatch::Pinned => processor.offer(now, processor.thread(threads, worker), demand, job),
                Dispatch::Shared => processor.offer_shared(now, threads, demand, job),
            };
            return None;
        }
        let process = ProcessIdx(proxy.0);
        Some(match dispatch {
            Dispatch::Pinned => self.workers.offer(now, self.workers.worker(process, worker), demand),
            Dispatch::Shared => self.workers.offer_shared(now, process, demand).1,
        })
    }

    /// A job that arrives `now` takes so much longer than its CPU because others use the cores.
    pub(super) fn stretched(&mut self, proxy: ProxyIdx, now: SimTime, longer: Span) {
        let state = &mut self.states[proxy];
        state.stretched += longer.nanos();
        if self.window.contains(now) {
            state.stretched_in_window += longer.nanos();
        }
    }

    /// CPU of a proxy since the start, that of jobs it has committed to included.
    pub(super) fn cpu_used(&self, proxy: ProxyIdx, now: SimTime) -> Span {
        let state = &self.states[proxy];
        let busy = match state.processor {
            None => self.workers.cpu_used(ProcessIdx(proxy.0)),
            Some((position, threads)) => self.processors[position as usize].cpu_used(threads, now),
        };
        busy.saturating_sub(Span::from_nanos(state.stretched))
    }

    /// When an event-driven proxy wants to be called next, if that has changed.
    pub(super) fn next_alarm(&mut self, proxy: ProxyIdx) -> Option<Alarm> {
        let (position, _) = self.states[proxy].processor?;
        self.processors[position as usize].next_alarm()
    }

    /// Calls an event-driven proxy.
    pub(super) fn ring(
        &mut self,
        proxy: ProxyIdx,
        now: SimTime,
        generation: u32,
        done: &mut Vec<Departure<Job>>,
    ) {
        if let Some((position, _)) = self.states[proxy].processor {
            self.processors[position as usize].ring(now, generation, done);
        }
    }

    pub(super) fn request_began(&mut self, proxy: ProxyIdx, now: SimTime) {
        let state = &mut self.states[proxy];
        state.advance_requests(now);
        state.in_flight += 1;
        if state.peak(&self.kinds[state.kind as usize]) {
            self.above_limit.push(proxy);
        }
    }

    /// A request that entered a proxy at `began` leaves it at `left`, which may lie ahead.
    pub(super) fn request_ended(&mut self, proxy: ProxyIdx, began: SimTime, left: SimTime) {
        let state = &mut self.states[proxy];
        state.request_nanos += self.window.overlap(began, left).nanos();
        // Nearly always it is the last to leave.
        if state.leaving.back().is_none_or(|&last| last <= left) {
            return state.leaving.push_back(left);
        }
        let place = state.leaving.iter().rposition(|&other| other <= left).map_or(0, |last| last + 1);
        state.leaving.insert(place, left);
    }

    /// A connection ends at this proxy from now on.
    pub(super) fn opened(&mut self, proxy: ProxyIdx, now: SimTime) {
        let state = &mut self.states[proxy];
        let kind = &self.kinds[state.kind as usize];
        state.advance(self.window, now);
        state.connections += 1;
        state.bytes += kind.memory_per_connection;
        state.advance_requests(now);
        if state.peak(kind) {
            self.above_limit.push(proxy);
        }
    }

    pub(super) fn closed(&mut self, proxy: ProxyIdx, now: SimTime) {
        let state = &mut self.states[proxy];
        state.advance(self.window, now);
        state.connections -= 1;
        state.bytes -= self.kinds[state.kind as usize].memory_per_connection;
    }

    /// A connection to an endpoint of an edge is opened: it ends at both pods' proxies.
    pub(super) fn connection_opened(&mut self, ends: [Option<ProxyIdx>; 2], now: SimTime) {
        for proxy in ends.into_iter().flatten() {
            self.opened(proxy, now);
        }
    }

    pub(super) fn connection_closed(&mut self, ends: [Option<ProxyIdx>; 2], now: SimTime) {
        for proxy in ends.into_iter().flatten() {
            self.closed(proxy, now);
        }
    }

    /// The proxy is killed above so many bytes, until it is.
    pub(super) fn limit_memory(&mut self, proxy: ProxyIdx, bytes: f64) {
        self.states[proxy].limit = bytes;
    }

    #[inline]
    pub(super) fn is_above_limit(&self) -> bool {
        !self.above_limit.is_empty()
    }

    /// A proxy that has passed its limit.
    pub(super) fn next_above_limit(&mut self) -> Option<ProxyIdx> {
        self.above_limit.pop()
    }

    /// The proxy is there no longer; what its connections hold goes with them.
    pub(super) fn stop(&mut self, proxy: ProxyIdx, now: SimTime) {
        self.rest(proxy, 0.0, now);
    }

    /// A new proxy is in this one's place.
    pub(super) fn start(&mut self, proxy: ProxyIdx, memory: f64, now: SimTime) {
        self.rest(proxy, memory, now);
    }

    /// The proxy holds so much beside its connections.
    fn rest(&mut self, proxy: ProxyIdx, memory: f64, now: SimTime) {
        let state = &mut self.states[proxy];
        state.advance(self.window, now);
        let kind = &self.kinds[state.kind as usize];
        state.bytes = memory + f64::from(state.connections) * kind.memory_per_connection;
        state.advance_requests(now);
        if state.peak(kind) {
            self.above_limit.push(proxy);
        }
    }

    /// The proxy hears of a service it had not called before.
    pub(super) fn learn_target(&mut self, proxy: ProxyIdx, endpoints: u32, now: SimTime) {
        let state = &mut self.states[proxy];
        let kind = &self.kinds[state.kind as usize];
        state.advance(self.window, now);
        state.bytes += kind.memory_per_used_target;
        state.bytes += kind.memory_per_used_endpoint * f64::from(endpoints.saturating_sub(1));
        state.advance_requests(now);
        if state.peak(kind) {
            self.above_limit.push(proxy);
        }
    }

    /// The records of all groups; what they used is added to `nodes`. Of proxies that come and go `there` says for which
    /// share of the window they were.
    ///
    /// # Panics
    /// When a worker was busy for longer than the window.
    pub(super) fn finish(
        mut self,
        program: &Program,
        end: SimTime,
        nodes: &mut [NodeRecord],
        there: &IndexVec<ProxyIdx, f64>,
    ) -> Vec<ProxyRecord> {
        let window = self.window.length().nanos();
        let on = program.nodes_of_proxies();
        let mut records = vec![ProxyRecord::default(); program.groups.len()];
        let mut instances = vec![0.0_f64; records.len()];
        for (proxy, state) in self.states.iter_mut().enumerate() {
            state.advance(self.window, end);
            let group = program.proxies[ProxyIdx::at(proxy)].group;
            let there = there.get(ProxyIdx::at(proxy)).copied().unwrap_or(1.0);
            let (record_of, record) = (group, &mut records[group.position()]);
            let group = &program.groups[group];
            let used = match state.processor {
                None => self.workers.cpu_used_in_window(ProcessIdx::at(proxy)),
                Some((position, threads)) => {
                    self.processors[position as usize].cpu_used_in_window(threads, end)
                }
            };
            let used = used.nanos();
            assert!(used <= window * u64::from(group.workers), "a worker is busy at most all the time");
            instances[record_of.position()] += there;
            (record.memory_request, record.memory_limit) = (group.memory_request, group.memory_limit);
            // Busy, but not on a core.
            let cpu = used.saturating_sub(state.stretched_in_window)
                + (group.idle_cpu * window as f64 * there) as u64;
            record.cpu += cpu;
            record.wake_cpu += used.saturating_sub(state.demand);
            record.jobs += state.jobs;
            let memory =
                (state.byte_nanos + state.request_nanos as f64 * group.memory_per_request) / window as f64;
            record.memory_mean += memory;
            if let Some(node) = on[ProxyIdx::at(proxy)] {
                nodes[node.position()].cpu += cpu;
                nodes[node.position()].memory_mean += memory;
            }
            record.memory_max = record.memory_max.max(state.peak_bytes);
            record.connections_mean += state.connection_nanos as f64 / window as f64;
        }
        for (record, (group, there)) in records.iter_mut().zip(program.groups.iter().zip(instances)) {
            record.instances = there.round() as u64;
            record.workers = record.instances * u64::from(group.workers);
        }
        records
    }
}

/// Who runs on a core.
#[derive(Clone, Copy, Debug, Default)]
struct CoreUse {
    /// How many cores it stands for.
    count: u32,
    tenant: Option<ProxyIdx>,
    /// By several proxies.
    shared: bool,
    /// One of them at least has a quota that may bind.
    limited: bool,
    /// The event-driven processor that stands for it.
    processor: Option<u32>,
}

fn core_uses(program: &Program) -> IndexVec<CoreIdx, CoreUse> {
    let mut uses: IndexVec<CoreIdx, CoreUse> =
        program.cores.iter().map(|&count| CoreUse { count, ..CoreUse::default() }).collect();
    for (index, proxy) in program.proxies.iter_enumerated() {
        for &core in cores_of(program, *proxy) {
            let core: &mut CoreUse = &mut uses[core];
            core.shared |= core.tenant.is_some_and(|tenant| tenant != index);
            core.tenant = Some(index);
            core.limited |= program.groups[proxy.group].quota.is_some();
        }
    }
    uses
}

/// The core of each worker. Proxies that share one core share all of them: there is only that one.
fn cores_of(program: &Program, proxy: Proxy) -> &[CoreIdx] {
    let first = proxy.first_worker.position();
    &program.workers.as_slice()[first..first + program.groups[proxy.group].workers as usize]
}

impl State {
    fn new(kind: u32, bytes: f64) -> Self {
        Self {
            kind,
            processor: None,
            connections: 0,
            in_flight: 0,
            leaving: VecDeque::new(),
            jobs: 0,
            demand: 0,
            stretched: 0,
            stretched_in_window: 0,
            bytes,
            since: SimTime::ZERO,
            byte_nanos: 0.0,
            request_nanos: 0,
            connection_nanos: 0,
            peak_bytes: bytes,
            limit: f64::INFINITY,
        }
    }

    /// Adds what was held since the last change.
    fn advance(&mut self, window: Window, now: SimTime) {
        let nanos = window.overlap(self.since, now).nanos();
        self.byte_nanos += self.bytes * nanos as f64;
        self.connection_nanos += u64::from(self.connections) * nanos;
        self.since = self.since.max(now);
    }

    /// Takes out the requests that have left by now.
    fn advance_requests(&mut self, now: SimTime) {
        while self.leaving.front().is_some_and(|&left| left <= now) {
            self.leaving.pop_front();
            self.in_flight -= 1;
        }
    }

    /// Returns whether it has passed its limit: once.
    #[inline]
    fn peak(&mut self, kind: &Kind) -> bool {
        let bytes = self.bytes + f64::from(self.in_flight) * kind.memory_per_request;
        self.peak_bytes = self.peak_bytes.max(bytes);
        let is_above = bytes > self.limit;
        if is_above {
            self.limit = f64::INFINITY;
        }
        is_above
    }
}
