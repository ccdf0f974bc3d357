//! A message's pass through a proxy: a CPU job, then whatever comes after it.

use crate::program::{PassCost, ProxyIdx};
use crate::units::{SimTime, Span};

use super::call::{CallId, Part};
use super::connection::ConnectionId;
use super::hop::LEG_OUTSIDE_RESPONSE;
use super::{Engine, Event, draw};
use crate::kernel::station::Visit;

/// A message's pass; the numbers address draws.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Pass {
    OutboundRequest = 0,
    InboundRequest = 1,
    InboundResponse = 2,
    OutboundResponse = 3,
}

/// What a proxy's worker does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Work {
    /// For a call.
    Pass(CallId, Pass),
    /// The connecting side's part of a handshake.
    Connect(ConnectionId),
    /// The accepting side's part of a handshake.
    Accept(ConnectionId),
    /// Closing a connection, which nobody waits for.
    Close,
}

/// A job: of which proxy, what, and since when it waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Job {
    pub(super) proxy: ProxyIdx,
    pub(super) work: Work,
    pub(super) arrived: SimTime,
}

impl Engine<'_> {
    /// A request or response enters a proxy.
    pub(super) fn pass(&mut self, id: CallId, proxy: ProxyIdx, cost: &PassCost, pass: Pass) {
        self.pass_after(id, proxy, cost, pass, 0.0);
    }

    /// The same, after so many nanoseconds of CPU for something else.
    pub(super) fn pass_after(
        &mut self,
        id: CallId,
        proxy: ProxyIdx,
        cost: &PassCost,
        pass: Pass,
        before: f64,
    ) {
        let fixed = if matches!(pass, Pass::OutboundRequest | Pass::InboundRequest) {
            cost.request
        } else {
            cost.response
        };
        let call = &self.calls[id];
        let mut nanos = fixed + cost.per_byte * call.payload as f64;
        if let Some(variation) = self.proxies.variation(proxy) {
            let number = draw::of_hop(pass as u32, call.hop);
            nanos *= variation.sample(&mut call.key.draws(draw::PROXY_JOB, call.path, number, 0));
        }
        let worker = match pass {
            Pass::OutboundRequest | Pass::OutboundResponse => call.worker,
            Pass::InboundRequest | Pass::InboundResponse => call.server_worker,
        };
        self.give_to_worker(proxy, worker, Work::Pass(id, pass), Span::from_nanos_f64(nanos + before));
    }

    /// Gives a job to the worker that the connection belongs to.
    pub(super) fn give_to_worker(&mut self, proxy: ProxyIdx, worker: u32, work: Work, demand: Span) {
        let job = Job { proxy, work, arrived: self.schedule.now() };
        let demand = self.stretch_job(&job, demand);
        match self.proxies.work(proxy, worker, demand, job) {
            Some(visit) => self.worked(job, visit),
            None => self.arm_processor(proxy),
        }
    }

    /// The time that a job takes where the node's cores are shared.
    fn stretch_job(&mut self, job: &Job, demand: Span) -> Span {
        let Some(cores) = &mut self.node_cores else { return demand };
        let longer = Span::from_nanos_f64(cores.proxy_takes_up(job.proxy, demand.nanos() as f64));
        self.proxies.stretched(job.proxy, job.arrived, longer);
        demand + longer
    }

    fn arm_processor(&mut self, proxy: ProxyIdx) {
        if let Some(alarm) = self.proxies.next_alarm(proxy) {
            self.schedule.at(alarm.at, Event::ProxyDone { proxy, generation: alarm.generation });
        }
    }

    /// A proxy under a quota, or one that shares its core, may have finished some jobs.
    pub(super) fn proxy_done(&mut self, proxy: ProxyIdx, generation: u32) {
        let now = self.schedule.now();
        let mut done = std::mem::take(&mut self.jobs_done);
        self.proxies.ring(proxy, now, generation, &mut done);
        self.arm_processor(proxy);
        for departure in done.drain(..) {
            self.worked(departure.token, Visit { start: departure.start, done: now });
        }
        self.jobs_done = done;
    }

    /// The job's time is known, though it may lie ahead: what follows is scheduled.
    fn worked(&mut self, job: Job, visit: Visit) {
        let Job { proxy, work, arrived } = job;
        let (id, pass) = match work {
            Work::Pass(id, pass) => (id, pass),
            Work::Connect(connection) => return self.knock(connection, visit.done),
            Work::Accept(connection) => return self.welcome(connection, visit.done),
            Work::Close => return,
        };
        let left = visit.done + self.proxies.pass_delay(proxy);
        let call = &mut self.calls[id];
        let part = match pass {
            Pass::OutboundRequest | Pass::OutboundResponse if call.at_waypoint => Part::Waypoint,
            Pass::OutboundRequest | Pass::OutboundResponse => Part::Outbound,
            Pass::InboundRequest | Pass::InboundResponse => Part::Inbound,
        };
        call.spend(Part::Queueing, visit.wait(arrived));
        call.spend(part, left.since(visit.start));
        let spent = left.since(arrived).nanos();
        call.proxy_time += spent;
        if part == Part::Outbound {
            call.outbound_time += spent;
        }
        let (reached, begun) = (call.reached, call.begun);
        match pass {
            Pass::OutboundRequest => self.schedule.at(left, Event::OutboundDone(id)),
            Pass::InboundRequest => self.schedule.at(left, Event::AtInstance(id)),
            Pass::InboundResponse => {
                self.proxies.request_ended(proxy, reached, left);
                self.send_back(id, left);
            }
            Pass::OutboundResponse => {
                self.proxies.request_ended(proxy, begun, left);
                self.leave_client(id, left);
            }
        }
    }

    /// The response leaves the calling proxy; a gateway's still has to reach the outside.
    fn leave_client(&mut self, id: CallId, left: SimTime) {
        let call = &self.calls[id];
        let outside = if call.entry && self.program.sources[call.source].gateway {
            self.outside_delay(id, LEG_OUTSIDE_RESPONSE)
        } else {
            Span::ZERO
        };
        self.calls[id].spend(Part::Network, outside);
        self.schedule.at(left + outside, Event::Returned(id));
    }
}
