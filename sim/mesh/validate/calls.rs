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

/// Edges looked at until a circle of calls must have come to rest; large circles get [`MIN_ROUNDS`] nevertheless.
const MAX_WORK: usize = 2_000_000;

/// Rounds after which a circle of any size must have come to rest: enough where a round makes 0.99 further rounds.
const MIN_ROUNDS: usize = 2_000;

/// Every operation is a node; every call an edge with how often it is made, on average.
struct CallGraph {
    graph: DiGraph<(ServiceIdx, OperationIdx), f64>,
    /// The node of each service's first operation.
    first: IndexVec<ServiceIdx, usize>,
}

/// Checks that every request ends, and warns of what no request reaches. Returns how many calls a request of each source
/// makes on average, the source's own included; `None` if some never end.
pub(super) fn check(
    draft: &Draft,
    services: &IndexVec<ServiceIdx, Service>,
    sources: &IndexVec<SourceIdx, TrafficSource>,
    diagnostics: &mut Diagnostics,
) -> Option<IndexVec<SourceIdx, f64>> {
    let calls = CallGraph::new(services);
    let expected = calls.expected(draft, services, diagnostics)?;
    let mut totals = IndexVec::new();
    for source in sources {
        let total = expected[calls.node(source.service, source.operation).index()];
        totals.push(1.0 + total);
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
    Some(totals)
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
            let message = format!("calls go round without an end: {}", self.path(&circle, services));
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
        let circle = component.len() > 1 || self.graph.contains_edge(component[0], component[0]);
        let edges: usize = component.iter().map(|node| self.graph.edges(*node).count()).sum();
        for _ in 0..MIN_ROUNDS.max(MAX_WORK / edges.max(1)) {
            let mut change: f64 = 0.0;
            for node in component {
                let calls = self.graph.edges(*node);
                let total: f64 =
                    calls.map(|call| call.weight() * (1.0 + totals[call.target().index()])).sum();
                change = change.max((total - totals[node.index()]).abs() / total.max(1.0));
                totals[node.index()] = total;
            }
            if !circle || change < 1e-9 {
                return true;
            }
            if component.iter().any(|node| totals[node.index()] > INFINITE) {
                break;
            }
        }
        // Reported as it is; whoever calls it shall not be reported for the same reason.
        for node in component {
            totals[node.index()] = 0.0;
        }
        false
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

    /// The names along a way, the middle of a long one left out.
    fn path(&self, way: &[NodeIndex], services: &IndexVec<ServiceIdx, Service>) -> String {
        const SHOWN: usize = 8;
        let mut names: Vec<_> = way.iter().take(SHOWN).map(|node| self.name(*node, services)).collect();
        if way.len() > SHOWN {
            names.push(format!("… {} more …", way.len() - SHOWN - 1));
            names.push(self.name(way[way.len() - 1], services));
        }
        names.join(" → ")
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A graph of `nodes` services with one operation each.
    fn graph(nodes: usize, edges: &[(usize, usize, f64)]) -> CallGraph {
        let mut calls = CallGraph { graph: DiGraph::new(), first: IndexVec::new() };
        for node in 0..nodes {
            calls.first.push(node);
            calls.graph.add_node((ServiceIdx::at(node), OperationIdx(0)));
        }
        for (from, to, average) in edges {
            calls.graph.add_edge(NodeIndex::new(from % nodes), NodeIndex::new(to % nodes), *average);
        }
        calls
    }

    /// The totals, component by component; `None` if some do not end.
    fn settled(calls: &CallGraph) -> Option<Vec<f64>> {
        let mut totals = vec![0.0; calls.graph.node_count()];
        kosaraju_scc(&calls.graph)
            .iter()
            .all(|component| calls.settle(component, &mut totals))
            .then_some(totals)
    }

    /// The slow obvious twin: walks all ways of growing length until nobody is left on the way.
    fn walked(nodes: usize, edges: &[(usize, usize, f64)]) -> Option<Vec<f64>> {
        let mut totals = vec![0.0; nodes];
        let mut last = vec![1.0; nodes];
        for _ in 0..20_000 {
            let mut next = vec![0.0; nodes];
            for (from, to, average) in edges {
                next[from % nodes] += average * last[to % nodes];
            }
            for (total, made) in totals.iter_mut().zip(&next) {
                *total += made;
            }
            if next.iter().all(|made| *made < 1e-12) {
                return Some(totals);
            }
            if next.iter().any(|made| *made > 1e12) {
                return None;
            }
            last = next;
        }
        None
    }

    #[test]
    fn circles_end_if_each_round_makes_less_than_one_more() {
        assert_eq!(settled(&graph(2, &[(0, 1, 1.0), (1, 0, 1.0)])), None);
        assert_eq!(settled(&graph(1, &[(0, 0, 1.0)])), None);
        assert_eq!(settled(&graph(2, &[(0, 1, 2.0), (1, 0, 0.5)])), None);
        let totals = settled(&graph(2, &[(0, 1, 1.0), (1, 0, 0.5)])).unwrap();
        // t(a) = 1 + t(b), t(b) = (1 + t(a))/2.
        assert!((totals[0] - 3.0).abs() < 1e-6 && (totals[1] - 2.0).abs() < 1e-6, "{totals:?}");
    }

    #[test]
    fn a_long_chain_is_no_deep_recursion() {
        let edges: Vec<_> = (0..200_000).map(|node| (node, node + 1, 1.0)).collect();
        assert_eq!(settled(&graph(200_001, &edges)).unwrap()[0], 200_000.0);
    }

    proptest! {
        #[test]
        fn totals_are_those_of_walking_all_ways(
            nodes in 1_usize..6,
            edges in prop::collection::vec(
                (0_usize..6, 0_usize..6, prop::sample::select(vec![0.1, 0.3, 0.5, 1.0, 2.0])), 0..9),
        ) {
            let calls = graph(nodes, &edges);
            match (settled(&calls), walked(nodes, &edges)) {
                (None, None) => {}
                (Some(fast), Some(slow)) => {
                    for (fast, slow) in fast.iter().zip(&slow) {
                        prop_assert!((fast - slow).abs() <= 1e-6 * slow.max(1.0), "{fast} {slow}");
                    }
                }
                (fast, slow) => prop_assert!(false, "{fast:?} {slow:?}"),
            }
        }

        #[test]
        fn a_circle_is_a_way_back(
            nodes in 1_usize..6,
            edges in prop::collection::vec((0_usize..6, 0_usize..6, Just(1.0)), 0..12),
        ) {
            let calls = graph(nodes, &edges);
            for component in kosaraju_scc(&calls.graph) {
                if calls.settle(&component, &mut vec![0.0; nodes]) {
                    continue;
                }
                let circle = calls.circle(&component);
                prop_assert_eq!(circle[0], circle[circle.len() - 1]);
                for step in circle.windows(2) {
                    prop_assert!(calls.graph.contains_edge(step[0], step[1]));
                }
            }
        }
    }
}
