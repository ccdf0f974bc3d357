//! Scripts and call sites.

use crate::index::{Idx, IndexVec};
use crate::kernel::rng::{extend_path, hash_name};
use crate::mesh::scenario::{self, Call, CpuTime, Operation, Scenario, ServiceIdx};

use crate::units::Span;

use super::edge::Edges;
use super::workload::Body;
use super::{Action, ActionIdx, Code, CodeIdx, Site, SiteIdx, Step, StepIdx, WorkloadIdx};

/// Collects the scripts of all workloads.
pub(super) struct Calls<'a> {
    scenario: &'a Scenario,
    pub(super) codes: IndexVec<CodeIdx, Code>,
    pub(super) steps: IndexVec<StepIdx, Step>,
    pub(super) actions: IndexVec<ActionIdx, Action>,
    pub(super) sites: IndexVec<SiteIdx, Site>,
}

impl<'a> Calls<'a> {
    pub(super) fn new(scenario: &'a Scenario) -> Self {
        Self {
            scenario,
            codes: IndexVec::new(),
            steps: IndexVec::new(),
            actions: IndexVec::new(),
            sites: IndexVec::new(),
        }
    }

    /// Adds the operations of a workload; to be called in the workloads' order.
    pub(super) fn add_scripts(&mut self, caller: WorkloadIdx, body: Body<'_>, edges: &mut Edges<'_>) {
        let timeout = body.application.client.timeout;
        for operation in body.operations {
            // Calls are told apart by whom they call and how often that was called before in the script: a call added
            // elsewhere in it leaves their random numbers alone.
            let mut script = Script { caller, timeout, seen: Vec::new() };
            let first_step = self.steps.next_index();
            for step in &operation.script {
                self.add_step(step, &mut script, edges);
            }
            let steps = (self.steps.len() - first_step.position()) as u32;
            self.codes.push(code_of(operation, first_step, steps));
        }
    }

    fn add_step(&mut self, step: &scenario::Step, script: &mut Script, edges: &mut Edges<'_>) {
        let first_action = self.actions.next_index();
        let repeat = match step {
            scenario::Step::Call(call) => {
                self.add_call(call, 1, script, edges);
                call.count
            }
            scenario::Step::Sleep(time) => {
                let place = script.place("sleep", "");
                self.actions.push(Action::Sleep { time: time.clone(), place });
                1
            }
            scenario::Step::Parallel(actions) => {
                for action in actions {
                    match action {
                        scenario::Action::Call(call) => self.add_call(call, call.count, script, edges),
                        scenario::Action::Sleep(time) => {
                            let place = script.place("sleep", "");
                            self.actions.push(Action::Sleep { time: time.clone(), place });
                        }
                    }
                }
                1
            }
        };
        let actions = (self.actions.len() - first_action.position()) as u32;
        self.steps.push(Step { first_action, actions, repeat });
    }

    fn add_call(&mut self, call: &Call, copies: u32, script: &mut Script, edges: &mut Edges<'_>) {
        let callee = &self.scenario.services[call.service];
        let operation = &callee.operations[call.operation];
        let site = Site {
            edge: edges.between(script.caller, call.service),
            operation: call.operation,
            probability: call.probability.value(),
            request_size: call.request_size.as_ref().unwrap_or(&operation.request_size).clone(),
            timeout: call.timeout.or(script.timeout).map_or(u64::MAX, Span::nanos),
            optional: call.optional,
            place: script.place(&callee.full_name(), &operation.name),
            relay: None,
        };
        let site = self.add_site(site, script.caller, call.service, edges);
        self.actions.push(Action::Call { site, copies });
    }

    /// Adds a call site, and the waypoint's in turn if there is one on the way.
    pub(super) fn add_site(
        &mut self,
        site: Site,
        caller: WorkloadIdx,
        callee: ServiceIdx,
        edges: &mut Edges<'_>,
    ) -> SiteIdx {
        let relay = edges.waypoint(caller, callee).map(|waypoint| {
            let edge = edges.between(waypoint, callee);
            let unconditional = Site { probability: 1.0, timeout: u64::MAX, optional: false, ..site.clone() };
            self.sites.push(Site { edge, ..unconditional })
        });
        self.sites.push(Site { relay, ..site })
    }
}

/// The script being compiled.
struct Script {
    caller: WorkloadIdx,
    /// Of calls that have none of their own.
    timeout: Option<Span>,
    /// What it has called so far.
    seen: Vec<u64>,
}

impl Script {
    /// The static place of the next action on this callee and operation.
    fn place(&mut self, callee: &str, operation: &str) -> u64 {
        let name = extend_path(hash_name(callee), hash_name(operation));
        let before = self.seen.iter().filter(|&&seen| seen == name).count() as u64;
        self.seen.push(name);
        extend_path(name, before)
    }
}

fn code_of(operation: &Operation, first_step: StepIdx, steps: u32) -> Code {
    let (cpu_share, cpu_time) = match &operation.cpu_time {
        CpuTime::Share(share) => (share.value(), None),
        CpuTime::Own(law) => (0.0, Some(law.clone())),
    };
    Code {
        service_time: operation.service_time.clone(),
        cpu_share,
        cpu_time,
        response_size: operation.response_size.clone(),
        error_ratio: operation.error_ratio.value(),
        first_step,
        steps,
    }
}
