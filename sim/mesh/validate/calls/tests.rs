//! Circles of calls, and whether they end.

use proptest::prelude::*;

use super::*;

/// A graph of `nodes` services with one operation each.
fn graph(nodes: usize, edges: &[(usize, usize, f64)]) -> CallGraph {
    let mut calls = CallGraph { graph: DiGraph::new(), first: IndexVec::new(), elsewhere: BTreeMap::new() };
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
    kosaraju_scc(&calls.graph).iter().all(|component| calls.settle(component, &mut totals)).then_some(totals)
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
