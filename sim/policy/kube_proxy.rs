//! When kube-proxy writes its rules anew: how endpoints get to the nodes without a mesh.
//!
//! Follows pkg/util/async (now pkg/proxy/runner) `BoundedFrequencyRunner` with a burst of one, as pkg/proxy/iptables uses
//! it: a change has the rules written at once if that was last begun so long ago (`minSyncPeriod`), else so long after
//! it was last ended. What changes meanwhile is written the next time. What is written is all there is when it begins.

use crate::units::{SimTime, Span};

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing.
    Nothing,
    /// Call [`KubeProxy::on_timer`] at that time.
    Wait(SimTime),
    /// Write the rules, and call [`KubeProxy::on_written`] then.
    Write,
}

/// The proxy of one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KubeProxy {
    /// Least time between two times it writes.
    min: Span,
    begun: Option<SimTime>,
    ended: SimTime,
    is_writing: bool,
    has_changed: bool,
    timer: Option<SimTime>,
}

impl Default for KubeProxy {
    /// With a second between.
    fn default() -> Self {
        Self::new(Span::from_seconds(1))
    }
}

impl KubeProxy {
    /// One that has not written yet.
    pub const fn new(min: Span) -> Self {
        let ended = SimTime::ZERO;
        Self { min, begun: None, ended, is_writing: false, has_changed: false, timer: None }
    }

    /// Its node has heard of a change.
    pub fn on_change(&mut self, now: SimTime) -> Next {
        if self.is_writing {
            self.has_changed = true;
            return Next::Nothing;
        }
        self.try_to_write(now)
    }

    /// The timer has gone off. A timer that another one has replaced does nothing.
    pub fn on_timer(&mut self, now: SimTime) -> Next {
        if self.timer == Some(now) && !self.is_writing { self.try_to_write(now) } else { Next::Nothing }
    }

    /// The rules are written.
    pub fn on_written(&mut self, now: SimTime) -> Next {
        debug_assert!(self.is_writing, "it writes");
        self.is_writing = false;
        self.ended = now;
        if std::mem::take(&mut self.has_changed) { self.try_to_write(now) } else { Next::Nothing }
    }

    fn try_to_write(&mut self, now: SimTime) -> Next {
        let is_timer = self.timer == Some(now);
        if is_timer || self.begun.is_none_or(|begun| begun + self.min <= now) {
            (self.begun, self.is_writing, self.timer) = (Some(now), true, None);
            return Next::Write;
        }
        let next = self.ended + self.min;
        if self.timer == Some(next) {
            return Next::Nothing;
        }
        self.timer = Some(next);
        Next::Wait(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn millis(millis: u64) -> SimTime {
        SimTime::ZERO + Span::from_millis(millis)
    }

    /// When rules are begun to be written, each for so long, after changes at these times.
    fn written(changes: &[u64], length: u64) -> Vec<u64> {
        let mut proxy = KubeProxy::default();
        let (mut timer, mut end, mut begun) = (None, None, Vec::new());
        let mut changes = changes.iter().copied().peekable();
        while let Some(now) = [changes.peek().copied(), timer, end].into_iter().flatten().min() {
            let next = if end == Some(now) {
                end = None;
                proxy.on_written(millis(now))
            } else if timer == Some(now) {
                timer = None;
                proxy.on_timer(millis(now))
            } else {
                changes.next();
                proxy.on_change(millis(now))
            };
            match next {
                Next::Nothing => {}
                Next::Wait(until) => timer = Some(until.nanos() / 1_000_000),
                Next::Write => {
                    begun.push(now);
                    end = Some(now + length);
                }
            }
        }
        begun
    }

    #[test]
    fn rules_are_written_a_second_apart() {
        assert_eq!(written(&[5], 100), [5]);
        assert_eq!(written(&[0, 1000], 100), [0, 1000]);
        // Too early: a second after the end, with all that has come by then.
        assert_eq!(written(&[0, 300, 900, 1050], 100), [0, 1050]);
        assert_eq!(written(&[0, 300, 600], 100), [0, 1100]);
        // What comes while it writes is not in it.
        assert_eq!(written(&[0, 50], 100), [0, 1100]);
        assert_eq!(written(&[0, 50], 1500), [0, 1500]);
    }

    proptest! {
        #[test]
        fn times_are_those_of_the_twin_that_looks_every_millisecond(
            gaps in prop::collection::vec(prop_oneof![3 => 1_u64..200, 1 => 1_u64..3000], 1..60),
            length in 1_u64..2500,
        ) {
            let changes: Vec<u64> = gaps.iter().scan(0, |time, gap| { *time += gap; Some(*time) }).collect();
            // The twin knows what is not written yet, and looks whether it may be.
            let (mut expected, mut waits, mut last, mut was_refused) = (Vec::new(), false, None, false);
            let times = 0..changes.last().expect("a change") + 10_000;
            // Of one instant, what ends or is due comes before what changes.
            for (now, is_change) in times.flat_map(|now| [(now, false), (now, true)]) {
                let is_free = last.is_none_or(|(_, end)| end <= now);
                let comes = is_change && changes.binary_search(&now).is_ok();
                waits |= comes;
                let asks = comes || (!is_change && last.is_some_and(|(_, end)| end == now));
                let is_due = |(begun, end)| (asks && begun + 1000 <= now) || (was_refused && end + 1000 == now);
                if waits && is_free && last.is_none_or(is_due) {
                    expected.push(now);
                    (last, waits, was_refused) = (Some((now, now + length)), false, false);
                } else if waits && is_free {
                    was_refused = true;
                }
            }
            prop_assert_eq!(written(&changes, length), expected);
        }
    }
}
