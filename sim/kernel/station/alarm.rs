//! Wake-up calls that an event-driven station asks for.
//!
//! A station does not know the schedule. After every call that may change it, its owner asks [`next_alarm`] and
//! schedules what it gets; when that event happens, the station is told the generation, and does nothing when the
//! alarm has been replaced by an earlier one since.
//!
//! [`next_alarm`]: super::Sharing::next_alarm

use crate::units::SimTime;

/// Call the station at `at`, with this generation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "a station that is not called stands still"]
pub struct Alarm {
    /// When.
    pub at: SimTime,
    /// Which call; an older one than the last one asked for is void.
    pub generation: u32,
}

/// The alarm that is outstanding. An alarm that rings too early is cheaper than a new one, so only an earlier time makes
/// a new alarm.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outstanding {
    at: Option<SimTime>,
    generation: u32,
}

impl Outstanding {
    /// The alarm to schedule, given when something is to happen next.
    pub(crate) fn arm(&mut self, next: Option<SimTime>) -> Option<Alarm> {
        let at = next?;
        if self.at.is_some_and(|outstanding| outstanding <= at) {
            return None;
        }
        self.generation = self.generation.wrapping_add(1);
        self.at = Some(at);
        Some(Alarm { at, generation: self.generation })
    }

    /// Whether this generation is the outstanding one; if so, none is outstanding any more.
    pub(crate) fn rings(&mut self, generation: u32) -> bool {
        let current = self.at.is_some() && self.generation == generation;
        if current {
            self.at = None;
        }
        current
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_earliest_alarm_rings() {
        let at = |nanos| Some(SimTime::from_nanos(nanos));
        let mut outstanding = Outstanding::default();
        let first = outstanding.arm(at(10)).expect("nothing is outstanding");
        assert_eq!(outstanding.arm(at(12)), None);
        let second = outstanding.arm(at(5)).expect("it is earlier");
        assert!(!outstanding.rings(first.generation));
        assert!(outstanding.rings(second.generation));
        assert!(!outstanding.rings(second.generation));
        assert!(outstanding.arm(at(12)).is_some());
    }
}
