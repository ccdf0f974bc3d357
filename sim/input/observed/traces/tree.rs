//! The spans of one trace as a tree, whatever they claim: some are lost, some come twice, some are their own ancestors.

use std::collections::BTreeMap;

use super::span::{Kind, Span};

/// Spans with their children; a span is named by its row.
pub(super) struct Tree<'s> {
    pub(super) spans: Vec<&'s Span>,
    pub(super) parents: Vec<Option<usize>>,
    /// Whether its parent waited for it.
    pub(super) waits: Vec<bool>,
    /// Every row after its parent's.
    pub(super) order: Vec<usize>,
    /// Spans that came a second time.
    pub(super) repeated: usize,
}

impl<'s> Tree<'s> {
    /// Of the spans of one trace.
    pub(super) fn of(all: &[&'s Span]) -> Self {
        let mut spans: Vec<&Span> = Vec::new();
        let mut ids: BTreeMap<&str, [Option<usize>; 2]> = BTreeMap::new();
        for span in all {
            // Zipkin's client and server share an identifier.
            let known = &mut ids.entry(&span.id).or_default()[usize::from(span.is_server())];
            if known.is_none() {
                *known = Some(spans.len());
                spans.push(span);
            }
        }
        let mut tree = Self {
            parents: vec![None; spans.len()],
            waits: vec![true; spans.len()],
            order: Vec::with_capacity(spans.len()),
            repeated: all.len() - spans.len(),
            spans,
        };
        for row in 0..tree.spans.len() {
            let span = tree.spans[row];
            if let (true, Some([Some(client), _])) = (span.is_server(), ids.get(span.id.as_str())) {
                tree.parents[row] = Some(*client);
                continue;
            }
            for parent in span.parents.iter().filter(|parent| parent.trace == span.trace) {
                let [client, server] = ids.get(parent.id.as_str()).copied().unwrap_or_default();
                if let Some(found) = server.or(client).filter(|found| *found != row) {
                    tree.parents[row] = Some(found);
                    tree.waits[row] = parent.waits;
                    break;
                }
            }
        }
        tree.cut_circles();
        tree.sort();
        tree
    }

    /// A span that is its own ancestor has no parent.
    fn cut_circles(&mut self) {
        // The walk in which a span was met.
        let mut met = vec![usize::MAX; self.spans.len()];
        for start in 0..self.spans.len() {
            let mut here = start;
            while met[here] == usize::MAX {
                met[here] = start;
                let Some(parent) = self.parents[here] else { break };
                if met[parent] == start {
                    self.parents[here] = None;
                    break;
                }
                here = parent;
            }
        }
    }

    fn sort(&mut self) {
        let mut children: Vec<Vec<usize>> = vec![Vec::new(); self.spans.len()];
        for (row, parent) in self.parents.iter().enumerate() {
            match parent {
                Some(parent) => children[*parent].push(row),
                None => self.order.push(row),
            }
        }
        let mut next = 0;
        while let Some(row) = self.order.get(next).copied() {
            self.order.append(&mut children[row]);
            next += 1;
        }
    }
}

impl Span {
    const fn is_server(&self) -> bool {
        matches!(self.kind, Kind::Server | Kind::Consumer)
    }
}
