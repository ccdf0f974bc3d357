//! Changes that have not reached every proxy they concern.
//!
//! Changes are numbered in the order in which they happen. Proxies take them over in that order, so that what a proxy
//! has is a number: that of the first change it does not have.

use std::collections::VecDeque;

use crate::index::IndexVec;
use crate::metrics::record::ChangeRecord;
use crate::program::control::{ChangeIdx, SubscriberIdx};
use crate::program::lifecycle::LifeIdx;
use crate::units::SimTime;

/// The changes under way, and what became of the others.
#[derive(Debug)]
pub(super) struct Changes {
    open: VecDeque<Open>,
    /// Number of the first of them.
    first: u32,
    /// Those among them that are measured.
    measured: u32,
    records: IndexVec<ChangeIdx, ChangeRecord>,
    /// Rows of proxies, kept for their memory.
    spare: Vec<Vec<u32>>,
}

/// A change that some proxy does not have yet.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) change: ChangeIdx,
    /// The version of whose endpoints it is, if it is about endpoints.
    pub(super) endpoints: Option<(LifeIdx, u32)>,
    at: SimTime,
    is_measured: bool,
    /// Proxies that it concerns and has not reached.
    pub(super) pending: u32,
    /// Parts of it that each proxy does not have yet, where it comes in parts; else empty.
    parts: Vec<u32>,
}

/// Something that has changed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written {
    pub(super) change: ChangeIdx,
    /// The version of whose endpoints it is, if it is about endpoints.
    pub(super) endpoints: Option<(LifeIdx, u32)>,
    /// When it was written to the API server.
    pub(super) at: SimTime,
    pub(super) is_measured: bool,
}

impl Changes {
    pub(super) fn new(changes: usize) -> Self {
        let records = IndexVec::filled(ChangeRecord::default(), changes);
        Self { open: VecDeque::new(), first: 0, measured: 0, records, spare: Vec::new() }
    }

    /// The number of the next change, and of the first that is under way.
    pub(super) fn next(&self) -> u32 {
        self.first + self.open.len() as u32
    }

    pub(super) const fn first(&self) -> u32 {
        self.first
    }

    /// All that are under way, with their numbers.
    pub(super) fn open(&self) -> impl Iterator<Item = (u32, &Open)> {
        (self.first..).zip(&self.open)
    }

    pub(super) fn get(&self, number: u32) -> &Open {
        &self.open[(number - self.first) as usize]
    }

    /// Every measured change has arrived.
    pub(super) const fn are_settled(&self) -> bool {
        self.measured == 0
    }

    /// Something has changed, which concerns so many proxies and nodes; each is to be told with [`Self::reach`] once.
    pub(super) fn begin(&mut self, written: Written, pending: u32) -> u32 {
        let number = self.next();
        let Written { change, endpoints, at, is_measured } = written;
        self.measured += u32::from(is_measured);
        self.open.push_back(Open { change, endpoints, at, is_measured, pending, parts: Vec::new() });
        if is_measured {
            self.records[change].times += 1;
            self.records[change].concerned += u64::from(pending);
        }
        self.close();
        number
    }

    /// As [`Self::begin`], of a change that comes in parts to proxies: `parts` names the proxy of each. `others` are
    /// told as a whole.
    pub(super) fn begin_in_parts(
        &mut self,
        written: Written,
        others: u32,
        proxies: usize,
        parts: impl Iterator<Item = SubscriberIdx>,
    ) -> u32 {
        let mut missing = self.spare.pop().unwrap_or_default();
        missing.resize(proxies, 0);
        let mut pending = others;
        for proxy in parts {
            pending += u32::from(missing[proxy.0 as usize] == 0);
            missing[proxy.0 as usize] += 1;
        }
        if pending == others {
            self.spare.push(missing);
            return self.begin(written, others);
        }
        let number = self.begin(written, pending);
        self.open[(number - self.first) as usize].parts = missing;
        number
    }

    /// A proxy is gone that a change has not reached: it concerns that proxy no longer.
    pub(super) fn release(&mut self, number: u32) {
        let open = &mut self.open[(number - self.first) as usize];
        open.pending -= 1;
        if open.is_measured {
            self.records[open.change].concerned -= 1;
        }
    }

    /// As [`Self::release`], of all changes that come in parts.
    pub(super) fn release_parts(&mut self, proxy: SubscriberIdx) {
        for open in &mut self.open {
            let Some(parts) = open.parts.get_mut(proxy.0 as usize).filter(|parts| **parts > 0) else {
                continue;
            };
            *parts = 0;
            open.pending -= 1;
            if open.is_measured {
                self.records[open.change].concerned -= 1;
            }
        }
        self.close();
    }

    /// A part of a change has reached a proxy.
    pub(super) fn reach_part(&mut self, number: u32, proxy: SubscriberIdx, now: SimTime) {
        let parts = &mut self.open[(number - self.first) as usize].parts[proxy.0 as usize];
        assert!(*parts > 0, "a part of a change reaches a proxy once");
        *parts -= 1;
        if *parts == 0 {
            self.reach(number, now);
        }
    }

    /// A change has reached one more proxy.
    pub(super) fn reach(&mut self, number: u32, now: SimTime) {
        let open = &mut self.open[(number - self.first) as usize];
        assert!(open.pending > 0, "a change reaches each proxy that it concerns once");
        open.pending -= 1;
        let nanos = now.since(open.at).nanos();
        if open.is_measured {
            let record = &mut self.records[open.change];
            record.convergence_time.record(nanos);
            if open.pending == 0 {
                record.last_proxy.record(nanos);
            }
        }
        self.close();
    }

    /// Forgets what has reached everybody.
    pub(super) fn close(&mut self) {
        while let Some(open) = self.open.front_mut().filter(|open| open.pending == 0) {
            self.measured -= u32::from(open.is_measured);
            let mut parts = std::mem::take(&mut open.parts);
            if parts.capacity() > 0 {
                parts.clear();
                self.spare.push(parts);
            }
            self.open.pop_front();
            self.first += 1;
        }
    }

    /// What became of every change; how many proxies some have not reached is among it.
    pub(super) fn finish(mut self) -> Vec<ChangeRecord> {
        for open in self.open.iter().filter(|open| open.is_measured) {
            self.records[open.change].unreached += u64::from(open.pending);
        }
        let records: Vec<ChangeRecord> = self.records.iter().cloned().collect();
        for record in &records {
            assert_eq!(
                record.concerned,
                record.convergence_time.count() + record.unreached,
                "a change reaches each proxy that it concerns, or is on its way there"
            );
        }
        records
    }
}
