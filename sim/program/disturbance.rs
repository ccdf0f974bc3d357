//! What goes on for a while and is no doing of pods or of configuration: surges, and a network that is worse than usual.

use crate::kernel::dist::Dist;
use crate::mesh::scenario::{Between, Event, EventKind, Scenario, SourceIdx};
use crate::policy::arrival::{Surge, Surges};
use crate::units::{SimTime, Span};

use super::happening::Happening;
use super::{PodIdx, Program};

/// Something that goes on for a while, once or again and again.
#[derive(Clone, Debug)]
pub struct Disturbance {
    /// Its name, and when it begins.
    pub when: Happening,
    /// For how long it goes on; `None` is from then on.
    pub lasts: Option<Span>,
    /// What it does to the network, if anything.
    pub network: Option<Network>,
}

/// What messages between pods suffer.
#[derive(Clone, Debug)]
pub struct Network {
    /// What a leg takes longer, in nanoseconds.
    pub delay: Dist,
    /// The odds that a message is lost.
    pub loss: f64,
    /// Which messages.
    pub between: Between,
}

impl Disturbance {
    /// Whether it goes on at a time.
    pub fn is_on(&self, time: SimTime) -> bool {
        self.when.is_on(time, self.lasts)
    }

    /// When it begins first, and when it is over for good: at `end` at the latest.
    pub fn span(&self, end: SimTime) -> (SimTime, SimTime) {
        (self.when.first, self.lasts.map_or(end, |lasts| (self.when.last() + lasts).min(end)))
    }
}

impl Program {
    /// What the network does at a time to messages between two pods, with the position of each such thing; `None` of pods is
    /// whoever is in the cluster.
    pub fn disturbed(
        &self,
        time: SimTime,
        ends: Option<[PodIdx; 2]>,
    ) -> impl Iterator<Item = (usize, &Network)> {
        let all = self.disturbances.iter().enumerate().filter(move |(_, one)| one.is_on(time));
        all.filter_map(|(position, one)| Some((position, one.network.as_ref()?)))
            .filter(move |(_, network)| self.concerns(network.between, ends))
    }

    /// Messages from and to the outside go over another network.
    fn concerns(&self, between: Between, ends: Option<[PodIdx; 2]>) -> bool {
        let Some(ends) = ends else { return between == Between::All };
        let [Some(one), Some(other)] = ends.map(|pod| self.zone(pod)) else { return false };
        between.concerns(one, other)
    }
}

/// What goes on in a scenario, in its order.
pub(super) fn all(scenario: &Scenario, end: SimTime) -> Vec<Disturbance> {
    let disturbance = |event: &Event| {
        let (lasts, network) = match &event.kind {
            EventKind::Surge(surge) => (surge.lasts, None),
            EventKind::Network(network) => (
                network.lasts,
                Some(Network { delay: network.delay.clone(), loss: network.loss, between: network.between }),
            ),
            _ => return None,
        };
        Some(Disturbance { when: Happening::of(event, end), lasts, network })
    };
    scenario.events.iter().filter_map(disturbance).collect()
}

/// By what the traffic of a source is multiplied.
pub(super) fn surges(scenario: &Scenario, source: SourceIdx, end: SimTime) -> Surges {
    let of_event = |event: &Event| {
        let EventKind::Surge(surge) = &event.kind else { return Vec::new() };
        if surge.sources.binary_search(&source).is_err() {
            return Vec::new();
        }
        let one = |number| {
            let from = event.time(number).since(SimTime::ZERO);
            Surge { from, until: surge.lasts.map(|lasts| from + lasts), factor: surge.factor }
        };
        (0..event.times(end.since(SimTime::ZERO))).map(one).collect()
    };
    let surges: Vec<Surge> = scenario.events.iter().flat_map(of_event).collect();
    Surges::new(&surges)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on_for_a_while_each_time() {
        let at = |seconds: u64| SimTime::ZERO + Span::from_seconds(seconds);
        let mut one = Disturbance {
            when: Happening {
                first: at(10),
                every: Span::from_seconds(10),
                times: 2,
                ..Happening::never("slow".to_owned())
            },
            lasts: Some(Span::from_seconds(3)),
            network: None,
        };
        let on = |one: &Disturbance| -> Vec<u64> { (0..40).filter(|&time| one.is_on(at(time))).collect() };
        assert_eq!(on(&one), [10, 11, 12, 20, 21, 22]);
        assert_eq!(one.span(at(60)), (at(10), at(23)));
        (one.when.times, one.when.every) = (1, Span::ZERO);
        assert_eq!(on(&one), [10, 11, 12]);
        one.lasts = None;
        assert_eq!(on(&one), (10..40).collect::<Vec<_>>());
        assert_eq!(one.span(at(60)), (at(10), at(60)));
    }
}
