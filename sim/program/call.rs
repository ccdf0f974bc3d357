//! Scripts and call sites.

use crate::index::{Idx, IndexVec};
use crate::kernel::rng::{extend_path, hash_name};
use crate::mesh::model::MeshModel;
use crate::mesh::scenario::{self, Call, Client, CpuTime, Operation, Scenario};

use crate::units::Span;

use super::edge::Edges;
use super::route::{Caller, Hop, Routes};
use super::workload::Body;
use super::{Action, ActionIdx, Code, CodeIdx, Site, SiteIdx, Step, StepIdx, WorkloadIdx};

/// Collects the scripts of all workloads.
pub(super) struct Calls<'a> {
    scenario: &'a Scenario,
    pub(super) codes: IndexVec<CodeIdx, Code>,
    pub(super) steps: IndexVec<StepIdx, Step>,
    pub(super) actions: IndexVec<ActionIdx, Action>,
    pub(super) sites: IndexVec<SiteIdx, Site>,
    pub(super) routes: Routes<'a>,
}

impl<'a> Calls<'a> {
    pub(super) fn new(scenario: &'a Scenario, mesh: &'a MeshModel) -> Self {
        Self {
            scenario,
            routes: Routes::new(scenario, mesh.retries.as_ref()),
            codes: IndexVec::new(),
            steps: IndexVec::new(),
            actions: IndexVec::new(),
            sites: IndexVec::new(),
        }
    }

    /// Adds the operations of a workload; to be called in the workloads' order.
    pub(super) fn add_scripts(&mut self, workload: WorkloadIdx, body: Body<'_>, edges: &mut Edges<'_>) {
        let caller = Caller::Service(body.service, body.version);
        let client = &body.application.client;
        for operation in body.operations {
            // Calls are told apart by whom they call and how often that was called before in the script: a call added
            // elsewhere in it leaves their random numbers alone.
            let mut script = Script { caller, workload, client, seen: Vec::new() };
            let first_step = self.steps.next_index();
            for step in &operation.script {
                self.add_step(step, &mut script, edges);
            }
            let steps = (self.steps.len() - first_step.position()) as u32;
            self.codes.push(code_of(operation, first_step, steps));
        }
    }

    fn add_step(&mut self, step: &scenario::Step, script: &mut Script<'_>, edges: &mut Edges<'_>) {
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

    fn add_call(&mut self, call: &Call, copies: u32, script: &mut Script<'_>, edges: &mut Edges<'_>) {
        let callee = &self.scenario.services[call.service];
        let operation = &callee.operations[call.operation];
        let site = Site {
            edge: edges.between(script.workload, call.service),
            operation: call.operation,
            probability: call.probability.value(),
            request_size: call.request_size.as_ref().unwrap_or(&operation.request_size).clone(),
            timeout: call.timeout.or(script.client.timeout).map_or(u64::MAX, Span::nanos),
            optional: call.optional,
            place: script.place(&callee.full_name(), &operation.name),
            retries: script.client.retries,
            relay: None,
            route: None,
        };
        let hop = Hop {
            caller: script.caller,
            enforcer: script.workload,
            service: call.service,
            operation: call.operation,
        };
        let site = self.add_site(site, hop, edges);
        self.actions.push(Action::Call { site, copies });
    }

    /// Adds a call site, and the waypoint's in turn if there is one on the way. Routes are those of the first proxy on the
    /// way that looks at requests.
    pub(super) fn add_site(&mut self, site: Site, hop: Hop, edges: &mut Edges<'_>) -> SiteIdx {
        let Some(waypoint) = edges.waypoint(hop.enforcer, hop.service) else {
            let route = edges.looks_at_requests(hop.enforcer).then(|| self.routes.of(hop, edges)).flatten();
            return self.sites.push(Site { route, ..site });
        };
        let edge = edges.between(waypoint, hop.service);
        let route = self.routes.of(Hop { enforcer: waypoint, ..hop }, edges);
        let unconditional =
            Site { probability: 1.0, timeout: u64::MAX, optional: false, retries: 0, ..site.clone() };
        let relay = Some(self.sites.push(Site { edge, route, ..unconditional }));
        self.sites.push(Site { relay, ..site })
    }
}

/// The script being compiled.
struct Script<'a> {
    caller: Caller,
    workload: WorkloadIdx,
    /// How it calls.
    client: &'a Client,
    /// What it has called so far.
    seen: Vec<u64>,
}

impl Script<'_> {
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
        error_status: operation.error_status,
        first_step,
        steps,
    }
}
