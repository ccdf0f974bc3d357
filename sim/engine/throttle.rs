//! Applications under a CPU limit: CFS stops all threads of an instance that has used up its quota until the next period.
//!
//! A visit first does its CPU work, at most as long as its service time, on one of the instance's threads: as many of
//! its workers as the node has cores run at once. What remains of the service time follows without CPU.

use crate::kernel::station::processor::GroupIdx;
use crate::kernel::station::{Departure, Processor, WakeModel};
use crate::mesh::scenario::Discipline;
use crate::program::{Pod, PodIdx, Program, Serving};
use crate::units::Span;

use super::call::CallId;
use super::{Engine, Event};

/// The threads of an instance and their quota.
#[derive(Debug)]
pub(super) struct Throttle {
    processor: Processor<CallId>,
    threads: GroupIdx,
}

impl Throttle {
    /// `None` where no limit can bind. An instance that shares its workers among all requests is slower instead, on
    /// average as much.
    pub(super) fn new(program: &Program, pod: &Pod) -> Option<Box<Self>> {
        let workload = &program.workloads[pod.workload];
        let limit = workload.cpu_limit.as_ref()?;
        if matches!(workload.serving, Serving::Limited { discipline: Discipline::ProcessorSharing, .. }) {
            return None;
        }
        let mut processor = Processor::new(limit.threads, program.window);
        let threads = processor.add_group(WakeModel::FREE, limit.threads, Some(limit.quota));
        Some(Box::new(Self { processor, threads }))
    }
}

impl Engine<'_> {
    /// A worker is on the request from now on; with what other containers of the node do, it would take `taken`.
    pub(super) fn start_throttled(&mut self, id: CallId, demand: Span, taken: Span) {
        let now = self.schedule.now();
        let cpu = self.cpu_of_visit(id, demand) + taken.saturating_sub(demand);
        let pod = self.calls[id].callee;
        self.calls[id].since = now;
        let Some(throttle) = &mut self.throttles[pod] else { return };
        throttle.processor.offer_shared(now, throttle.threads, cpu, id);
        self.arm_throttle(pod);
    }

    /// CPU work that a visit of length `demand` does before the rest of it.
    fn cpu_of_visit(&self, id: CallId, demand: Span) -> Span {
        Span::from_nanos_f64(self.cpu_time(id, demand)).min(demand)
    }

    fn arm_throttle(&mut self, pod: PodIdx) {
        if let Some(throttle) = &mut self.throttles[pod]
            && let Some(alarm) = throttle.processor.next_alarm()
        {
            self.schedule.at(alarm.at, Event::SharedDone { pod, generation: alarm.generation });
        }
    }

    /// An instance under a quota may have done the CPU work of some requests.
    pub(super) fn throttle_done(&mut self, pod: PodIdx, generation: u32) {
        let now = self.schedule.now();
        let mut done: Vec<Departure<CallId>> = Vec::new();
        if let Some(throttle) = &mut self.throttles[pod] {
            throttle.processor.ring(now, generation, &mut done);
        }
        self.arm_throttle(pod);
        for Departure { token: id, .. } in done {
            let demand = self.service_time(id);
            let rest = demand - self.cpu_of_visit(id, demand);
            let start = self.calls[id].since;
            self.account_work(id, start, demand, now.since(start) + rest);
            self.schedule.after(rest, Event::ServiceDone(id));
        }
    }
}
