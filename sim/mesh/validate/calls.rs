//! The call graph: requests come to an end, and everything is reached.

use std::collections::{BTreeMap, VecDeque};

use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use crate::diag::{Code, Diagnostic, Diagnostics, Location, quote};
use crate::index::{Idx, IndexVec};
use crate::input::Draft;
use crate::input::draft::{ActionDraft, CallDraft, OperationDraft, ServiceDraft, StepDraft, VersionDraft};
use crate::units::Ratio;
use crate::vocabulary::routing::{Rule, RuleAction};

use super::super::scenario::{
    Action, Backend, Call, Operation, OperationIdx, Route, Service, ServiceIdx, SourceIdx, Step,
    TrafficSource,
};
use super::names::misspelt;

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
    /// Where routes may send requests for a node instead, or copies of them: the largest share that a rule sends.
    elsewhere: BTreeMap<NodeIndex, Vec<(NodeIndex, f64)>>,
}

/// Checks that every request ends, and warns of what no request reaches. Returns how many calls a request of each source
/// makes on average, the source's own included; `None` if some never end.
pub(super) fn check(
    draft: &Draft,
    services: &IndexVec<ServiceIdx, Service>,
    sources: &IndexVec<SourceIdx, TrafficSource>,
    routes: &[Route],
    diagnostics: &mut Diagnostics,
) -> Option<IndexVec<SourceIdx, f64>> {
    let calls = CallGraph::new(services, routes);
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

/// Where a rule sends requests, or copies of them, and which share of them.
fn shares(rule: &Rule<Backend>) -> Vec<(&Backend, f64)> {
    let mut shares: Vec<(&Backend, f64)> =
        rule.mirrors.iter().map(|mirror| (&mirror.backend, mirror.ratio.value())).collect();
    if let RuleAction::Forward(backends) = &rule.action {
        let total: f64 = backends.iter().map(|one| one.weight).sum();
        shares.extend(
            backends.iter().map(|one| (&one.backend, if total > 0.0 { one.weight / total } else { 0.0 })),
        );
    }
    shares
}

impl CallGraph {
    fn new(services: &IndexVec<ServiceIdx, Service>, routes: &[Route]) -> Self {
        let mut graph = DiGraph::new();
        let mut first = IndexVec::new();
        for (service, row) in services.iter_enumerated() {
            first.push(graph.node_count());
            for (operation, _) in row.operations.iter_enumerated() {
                graph.add_node((service, operation));
            }
        }
        let mut calls = Self { graph, first, elsewhere: BTreeMap::new() };
        for route in routes {
            calls.follow(route, services);
        }
        for (service, row) in services.iter_enumerated() {
            for (operation, body) in row.operations.iter_enumerated() {
                let from = calls.node(service, operation);
                let edges = if row.versions.is_empty() {
                    calls.of(&body.script)
                } else {
                    calls.of_versions(row, operation)
                };
                for (to, average) in edges {
                    calls.graph.add_edge(from, to, average);
                    for (other, share) in calls.elsewhere.get(&to).into_iter().flatten() {
                        calls.graph.add_edge(from, *other, average * share);
                    }
                }
            }
        }
        calls
    }

    /// Notes where a route may send requests. Which of its rules hold is not looked at: any may.
    fn follow(&mut self, route: &Route, services: &IndexVec<ServiceIdx, Service>) {
        for &service in &route.services {
            let mut most: BTreeMap<ServiceIdx, f64> = BTreeMap::new();
            for (backend, share) in route.rules.iter().flat_map(shares) {
                if let Backend::Service { service: other, .. } = backend
                    && *other != service
                    && share > 0.0
                {
                    let most = most.entry(*other).or_default();
                    *most = most.max(share);
                }
            }
            for (other, share) in most {
                for (operation, asked) in services[service].operations.iter_enumerated() {
                    let to = self.node(other, services[other].counterpart(asked));
                    self.elsewhere.entry(self.node(service, operation)).or_default().push((to, share));
                }
            }
        }
    }

    /// Whom a script calls, and how often on average.
    fn of(&self, script: &[Step]) -> Vec<(NodeIndex, f64)> {
        all_calls(script)
            .map(|call| {
                let average = call.probability.value() * f64::from(call.count);
                (self.node(call.service, call.operation), average)
            })
            .filter(|(_, average)| *average > 0.0)
            .collect()
    }

    /// The same of an operation that versions do in their own ways. Routes may send any share of the requests to any of
    /// them, so of each callee the version counts that calls it most.
    fn of_versions(&self, service: &Service, operation: OperationIdx) -> Vec<(NodeIndex, f64)> {
        let mut most: BTreeMap<NodeIndex, f64> = BTreeMap::new();
        for body in service.bodies(operation) {
            let mut sums: BTreeMap<NodeIndex, f64> = BTreeMap::new();
            for (to, average) in self.of(&body.script) {
                *sums.entry(to).or_default() += average;
            }
            for (to, sum) in sums {
                let most = most.entry(to).or_default();
                *most = most.max(sum);
            }
        }
        most.into_iter().collect()
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
                "each round must make less than one further round on average: lower a call's probability, or look where routes lead",
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
        let place = |(body, resolved): (&OperationDraft, &Operation)| {
            let calls: Vec<_> = all_written_calls(&body.script).collect();
            // Calls that could not be resolved are missing from the resolved script, and then nothing lines up.
            let lines_up = calls.len() == all_calls(&resolved.script).count();
            let position = all_calls(&resolved.script)
                .position(|call| (call.service, call.operation) == self.graph[to])?;
            lines_up.then(|| calls[position].service.location)
        };
        let bodies = written_bodies(written, operation).zip(services[service].bodies(operation));
        bodies.into_iter().find_map(place).unwrap_or(written.name.location)
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
        let entries = sources.iter().map(|source| self.node(source.service, source.operation));
        let led_on = |entry: NodeIndex| {
            let others = self.elsewhere.get(&entry).into_iter().flatten();
            std::iter::once(entry).chain(others.map(|(other, _)| *other))
        };
        let mut open: Vec<_> = entries.flat_map(led_on).collect();
        while let Some(node) = open.pop() {
            if !std::mem::replace(&mut reached[node.index()], true) {
                open.extend(self.graph.neighbors(node));
            }
        }
        let mut warn = |message: String, location, near| {
            diagnostics.push(Diagnostic::warning(Code::Unreachable, message).at(location).suggest(near));
        };
        for (service, written) in services.indexes().zip(&draft.services) {
            let reached = &reached[self.first[service]..][..written.operations.len()];
            if !reached.contains(&true) {
                let message = format!("no request ever reaches {}", quote(&written.name.value));
                warn(message, written.name.location, misspelt(draft, written));
                continue;
            }
            for (operation, reached) in written.operations.iter().zip(reached) {
                if !reached {
                    let name = format!("{}.{}", written.name.value, operation.name.value);
                    warn(format!("no request ever reaches {}", quote(&name)), operation.name.location, None);
                }
                let own = written.versions.iter().flat_map(|version| &version.operations);
                let own = own
                    .filter(|own| own.name.value == operation.name.value && own.script != operation.script);
                let calls =
                    std::iter::once(operation).chain(own).flat_map(|body| all_written_calls(&body.script));
                for call in calls.filter(|call| call.probability == Ratio::ZERO) {
                    let message = format!(
                        "{} is never called here: the probability is zero",
                        quote(&call.service.value)
                    );
                    warn(message, call.service.location, None);
                }
            }
        }
    }
}

/// As [`Service::bodies`], in the user's text.
fn written_bodies(service: &ServiceDraft, operation: OperationIdx) -> impl Iterator<Item = &OperationDraft> {
    let common = &service.operations[operation.position()];
    let whole = service.versions.is_empty().then_some(common);
    let own = |version: &'_ VersionDraft| {
        version.operations.iter().position(|own| own.name.value == common.name.value)
    };
    whole.into_iter().chain(
        service
            .versions
            .iter()
            .map(move |version| own(version).map_or(common, |place| &version.operations[place])),
    )
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
mod tests;
