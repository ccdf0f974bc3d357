//! Who calls whom.

/// A graph of services in which whoever calls has a smaller number than whom it calls.
#[derive(Clone, Debug, Default)]
pub(super) struct Graph {
    /// Of each service, whom it calls: each once, in ascending order.
    pub(super) callees: Vec<Vec<u32>>,
    /// Services that requests from outside come to, in ascending order.
    pub(super) entries: Vec<u32>,
    /// Of each service, its namespace.
    pub(super) namespaces: Vec<u32>,
}

impl Graph {
    pub(super) fn services(&self) -> usize {
        self.callees.len()
    }

    /// Pairs of caller and callee.
    pub(super) fn edges(&self) -> usize {
        self.callees.iter().map(Vec::len).sum()
    }

    /// Services on the longest way of a request.
    pub(super) fn depth(&self) -> usize {
        let mut below = vec![1_usize; self.services()];
        for caller in (0..self.services()).rev() {
            let deepest = self.callees[caller].iter().map(|&callee| below[callee as usize]).max();
            below[caller] = 1 + deepest.unwrap_or(0);
        }
        self.entries.iter().map(|&entry| below[entry as usize]).max().unwrap_or(0)
    }

    /// The fan-outs of all who call, in ascending order.
    pub(super) fn fan_outs(&self) -> Vec<usize> {
        let mut sizes: Vec<usize> = self.callees.iter().map(Vec::len).filter(|&size| size > 0).collect();
        sizes.sort_unstable();
        sizes
    }
}
