//! What became of the jobs that arrived.

/// Counts of an event-driven station since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Jobs that arrived.
    pub arrivals: u64,
    /// Jobs turned away because the queue was full.
    pub rejected: u64,
    /// Jobs withdrawn before they were done.
    pub withdrawn: u64,
    /// Jobs done.
    pub completed: u64,
}

impl Tally {
    /// How many jobs must still be there: what came less what left.
    pub const fn present(&self) -> u64 {
        self.arrivals - self.rejected - self.withdrawn - self.completed
    }
}
