//! Which routes each proxy has been told of: requests take those, whatever has been written since.

use crate::index::{Idx, IndexVec};
use crate::program::control::{Control as Setup, SubscriberIdx};
use crate::program::route::{Later, RouteIdx};
use crate::program::{Program, ProxyIdx};

use super::Control;

/// How many of the events that apply routes something has happened of: all before this number.
type Count = u32;

/// The routes that each proxy has been told of, by service: a proxy may be told of one service before another.
#[derive(Debug)]
pub(super) struct Told {
    /// Services of which some event changes the routes, ascending.
    services: Vec<u32>,
    /// Of all others and of each of them: what was written to the API server, ...
    written: Vec<Count>,
    /// ... what control planes have heard of, ...
    heard: Vec<Count>,
    /// ... and what each subscriber has, those of one subscriber one after the other.
    has: Vec<Count>,
    subscribers: IndexVec<ProxyIdx, Option<SubscriberIdx>>,
    /// Measured calls on routes that change, and those of them that took older routes than were written.
    calls: [u64; 2],
}

impl Told {
    /// `None` where no event says what routes are.
    pub(super) fn new(program: &Program, setup: &Setup) -> Option<Self> {
        let applying = || setup.changes.iter().filter(|change| change.applies.is_some());
        applying().next()?;
        let mut services: Vec<u32> = applying().flat_map(|change| change.services.iter().copied()).collect();
        services.sort_unstable();
        services.dedup();
        let mut subscribers = IndexVec::filled(None, program.proxies.len());
        for (subscriber, one) in setup.subscribers.iter_enumerated() {
            subscribers[one.proxy] = Some(subscriber);
        }
        Some(Self {
            written: vec![0; services.len() + 1],
            heard: vec![0; services.len() + 1],
            has: vec![0; (services.len() + 1) * setup.subscribers.len()],
            services,
            subscribers,
            calls: [0; 2],
        })
    }

    /// Where a service stands; the first place is that of all others, as of hosts that are no service.
    fn slot(&self, service: u32) -> usize {
        self.services.binary_search(&service).map_or(0, |position| position + 1)
    }

    fn slots(&self, services: &[u32]) -> impl Iterator<Item = usize> + use<> {
        let slots: Vec<usize> = services.iter().map(|&service| self.slot(service)).collect();
        std::iter::once(0).chain(slots)
    }

    const fn row(&self) -> usize {
        self.services.len() + 1
    }

    /// Routes of services are written to the API server.
    pub(super) fn write(&mut self, applied: u32, services: &[u32]) {
        for slot in self.slots(services) {
            self.written[slot] = applied + 1;
        }
    }

    /// Control planes hear of it.
    pub(super) fn hear(&mut self, applied: u32, services: &[u32]) {
        for slot in self.slots(services) {
            self.heard[slot] = applied + 1;
        }
    }

    /// A proxy has the routes of these services.
    pub(super) fn learn(&mut self, subscriber: SubscriberIdx, applied: u32, services: &[u32]) {
        let first = subscriber.position() * self.row();
        for slot in self.slots(services) {
            let has = &mut self.has[first + slot];
            *has = (*has).max(applied + 1);
        }
    }

    /// A new proxy is told of all that its control plane has heard of.
    pub(super) fn learn_all(&mut self, subscriber: SubscriberIdx) {
        let row = self.row();
        self.has[subscriber.position() * row..][..row].copy_from_slice(&self.heard);
    }

    /// Measured calls on routes that change, and those of them that took older routes than were written.
    pub(super) const fn calls(&self) -> [u64; 2] {
        self.calls
    }

    /// Nobody has what nobody has heard of.
    pub(super) fn check(&self) {
        for has in self.has.chunks_exact(self.row()) {
            let is_right = has
                .iter()
                .zip(&self.heard)
                .zip(&self.written)
                .all(|((has, heard), written)| has <= heard && heard <= written);
            assert!(is_right, "routes are written, heard of and told in this order");
        }
    }
}

impl Control<'_> {
    /// The last of these routes, in the order of time, that a proxy has been told of; `None` is none of them.
    pub(in crate::engine) fn latest(
        &mut self,
        later: &[Later],
        proxy: ProxyIdx,
        is_measured: bool,
    ) -> Option<RouteIdx> {
        let told = self.shared.told.as_mut()?;
        let slot = told.slot(later.first()?.service.0);
        let subscriber = told.subscribers[proxy]?;
        let has = told.has[subscriber.position() * told.row() + slot];
        let among = |count: Count| later.partition_point(|one| one.applied < count);
        let (taken, newest) = (among(has), among(told.written[slot]));
        if is_measured {
            told.calls[0] += 1;
            told.calls[1] += u64::from(taken < newest);
        }
        Some(later[taken.checked_sub(1)?].route)
    }
}
