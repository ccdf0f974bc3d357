//! The call graph: requests come to an end, and everything is reached.

use std::collections::VecDeque;

use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use crate::diag::{Code, Diagnostic, Diagnostics, Location, quote};
use crate::index::{Idx, IndexVec};
use crate::input::Draft;
use crate::input::draft::{ActionDraft, CallDraft, StepDraft};
use crate::units::Ratio;

use super::super::scenario::{
    Action, Call, OperationIdx, Service, ServiceIdx, SourceIdx, Step, TrafficSource,
};

/// Expected calls of one request.
const MAX_CALLS: f64 = 1e6;

/// Expected calls above which there is no end to be hoped for.
const INFINITE: f64 = 1e12;

/// Circles that are reported; each takes its time.
const MAX_CIRCLES: usize = 10;

/// Edges looked at until a circle of calls must have come to rest.
const MAX_WORK: usize = 20_000_000;

/// Every operation is a node; every call an edge with how often it is made, on average.
struct CallGraph {
    graph: DiGraph<(ServiceIdx, OperationIdx), f64>,
    /// The node of each service's first operation.
    first: IndexVec<ServiceIdx, usize>,
}

/// Checks that every request ends, and warns of what no request reaches.
pub(super) fn check(
    draft: &Draft,
    services: &IndexVec<ServiceIdx, Service>,
    sources: &IndexVec<SourceIdx, TrafficSource>,
    diagnostics: &mut Diagnostics,
) {
    let calls = CallGraph::new(services);
    let Some(expected) = calls.expected(draft, services, diagnostics) else { return };
    for source in sources {
        let total = expected[calls.node(source.service, source.operation).index()];
        if total > MAX_CALLS {
            let message = format!(
                "a request of {} makes {total:.0} calls on average, more than {MAX_CALLS:.0}",
                quote(&source.name)
            );
            let written = draft.sources.iter().find(|written| written.name.value == source.name);
            let diagnostic = Diagnostic::error(Code::EndlessCalls, message);
            diagnostics.push(match written {
                Some(written) => diagnostic.at(written.service.location),
                None => diagnostic,
            });
        }
    }
    if !diagnostics.has_errors() {
        calls.warn_of_unreached(draft, services, sources, diagnostics);
    }
}

impl CallGraph {
    fn new(services: &IndexVec<ServiceIdx, Service>) -> Self {
        let mut graph = DiGraph::new();
        let mut first = IndexVec::new();
        for (service, row) in services.iter_enumerated() {
            first.push(graph.node_count());
            for (operation, _) in row.operations.iter_enumerated() {
                graph.add_node((service, operation));
            }
        }
        let mut calls = Self { graph, first };
        for (service, row) in services.iter_enumerated() {
            for (operation, body) in row.operations.iter_enumerated() {
                let from = calls.node(service, operation);
                for call in all_calls(&body.script) {
                    let to = calls.node(call.service, call.operation);
                    let average = call.probability.value() * f64::from(call.count);
                    if average > 0.0 {
                        calls.graph.add_edge(from, to, average);
                    }
                }
            }
        }
        calls
    }

    fn node(&self, service: ServiceIdx, operation: OperationIdx) -> NodeIndex {
        NodeIndex::new(self.first[service] + operation.position())
    }

    /// How many calls one request for each node makes in all, on average; `None` if some never end.
    ///
    /// It is the least solution of t(x) = Σ over calls x→y of n(x→y) · (1 + t(y)), which is finite exactly if
    /// requests end. Components come callees first, so only within a circle there is anything to iterate.
    fn expected(
        &self,
        draft: &Draft,
        services: &IndexVec<ServiceIdx, Service>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Vec<f64>> {
        let mut totals = vec![0.0; self.graph.node_count()];
        let mut circles = 0;
        // Not Tarjan's algorithm, which recurses as deep as the graph.
        for component in kosaraju_scc(&self.graph) {
            if self.settle(&component, &mut totals) {
                continue;
            }
            circles += 1;
            let circle = self.circle(&component);
            let names: Vec<_> = circle.iter().map(|node| self.name(*node, services)).collect();
            let message = format!("calls go round without an end: {}", names.join(" → "));
            let diagnostic = Diagnostic::error(Code::EndlessCalls, message).hint(
                "each round must make less than one further round on average: lower a call's probability",
            );
            diagnostics.push(diagnostic.at(self.place_of_call(circle[0], circle[1], draft, services)));
            if circles == MAX_CIRCLES {
                break;
            }
        }
        (circles == 0).then_some(totals)
    }

    /// Fills in the totals of one component; false if they grow without an end.
    fn settle(&self, component: &[NodeIndex], totals: &mut [f64]) -> bool {
        let mut work = 0;
        loop {
            let mut change: f64 = 0.0;
            for node in component {
                let calls = self.graph.edges(*node);
                let total: f64 = calls
                    .map(|call| {
                        work += 1;
                        call.weight() * (1.0 + totals[call.target().index()])
                    })
                    .sum();
                change = change.max((total - totals[node.index()]).abs() / total.max(1.0));
                totals[node.index()] = total;
            }
            let circle = component.len() > 1 || self.graph.contains_edge(component[0], component[0]);
            if !circle || change < 1e-9 {
                return true;
            }
            if work > MAX_WORK || component.iter().any(|node| totals[node.index()] > INFINITE) {
                return false;
            }
        }
    }

    /// A shortest way from the component's first node back to it, with that node at both ends.
    fn circle(&self, component: &[NodeIndex]) -> Vec<NodeIndex> {
        let start = component.iter().copied().min().expect("a component has a node");
        let mut came_from = vec![None; self.graph.node_count()];
        let mut queue = VecDeque::from([start]);
        while let Some(node) = queue.pop_front() {
            let mut next: Vec<_> = self.graph.neighbors(node).collect();
            next.sort_unstable();
            for target in next {
                if target == start {
                    let back = std::iter::successors(Some(node), |node| came_from[node.index()]);
                    let mut path: Vec<_> = std::iter::once(start).chain(back).collect();
                    path.reverse();
                    return path;
                }
                if came_from[target.index()].is_none() {
                    came_from[target.index()] = Some(node);
                    queue.push_back(target);
                }
            }
        }
        unreachable!("every node of a component that does not settle lies on a circle")
    }

    /// `service`, or `service.operation` where it has several.
    fn name(&self, node: NodeIndex, services: &IndexVec<ServiceIdx, Service>) -> String {
        let (service, operation) = self.graph[node];
        let service = &services[service];
        if service.operations.len() == 1 {
            return quote(&service.name);
        }
        quote(&format!("{}.{}", service.name, service.operations[operation].name))
    }

    /// Where `from` calls `to` in the user's text; if that cannot be told, where the calling service is.
    fn place_of_call(
        &self,
        from: NodeIndex,
        to: NodeIndex,
        draft: &Draft,
        services: &IndexVec<ServiceIdx, Service>,
    ) -> Location {
        let (service, operation) = self.graph[from];
        let written = &draft.services[service.position()];
        let resolved = &services[service].operations[operation].script;
        let calls: Vec<_> = all_written_calls(&written.operations[operation.position()].script).collect();
        // Calls that could not be resolved are missing from the resolved script, and then nothing lines up.
        let lines_up = calls.len() == all_calls(resolved).count();
        let call = all_calls(resolved).position(|call| (call.service, call.operation) == self.graph[to]);
        match call {
            Some(position) if lines_up => calls[position].service.location,
            _ => written.name.location,
        }
    }

    fn warn_of_unreached(
        &self,
        draft: &Draft,
        services: &IndexVec<ServiceIdx, Service>,
        sources: &IndexVec<SourceIdx, TrafficSource>,
        diagnostics: &mut Diagnostics,
    ) {
        if sources.is_empty() {
            return;
        }
        let mut reached = vec![false; self.graph.node_count()];
        let mut open: Vec<_> =
            sources.iter().map(|source| self.node(source.service, source.operation)).collect();
        while let Some(node) = open.pop() {
            if !std::mem::replace(&mut reached[node.index()], true) {
                open.extend(self.graph.neighbors(node));
            }
        }
        let mut warn = |message: String, location| {
            diagnostics.push(Diagnostic::warning(Code::Unreachable, message).at(location));
        };
        for (service, written) in services.indexes().zip(&draft.services) {
            let reached = &reached[self.first[service]..][..written.operations.len()];
            if !reached.contains(&true) {
                let message = format!("no request ever reaches {}", quote(&written.name.value));
                warn(message, written.name.location);
                continue;
            }
            for (operation, reached) in written.operations.iter().zip(reached) {
                if !reached {
                    let name = format!("{}.{}", written.name.value, operation.name.value);
                    warn(format!("no request ever reaches {}", quote(&name)), operation.name.location);
                }
                for call in
                    all_written_calls(&operation.script).filter(|call| call.probability == Ratio::ZERO)
                {
                    let message = format!(
                        "{} is never called here: the probability is zero",
                        quote(&call.service.value)
                    );
                    warn(message, call.service.location);
                }
            }
        }
    }
}

fn all_calls(script: &[Step]) -> impl Iterator<Item = &Call> {
    script.iter().flat_map(|step| match step {
        Step::Call(call) => vec![call],
        Step::Sleep(_) => Vec::new(),
        Step::Parallel(actions) => actions
            .iter()
            .filter_map(|action| match action {
                Action::Call(call) => Some(call),
                Action::Sleep(_) => None,
            })
            .collect(),
    })
}

fn all_written_calls(script: &[StepDraft]) -> impl Iterator<Item = &CallDraft> {
    let actions = script.iter().flat_map(|step| match step {
        StepDraft::One(action) => std::slice::from_ref(action),
        StepDraft::Parallel(actions) => actions,
    });
    actions.filter_map(|action| match action {
        ActionDraft::Call(call) => Some(call),
        ActionDraft::Sleep(_) => None,
    })
}
