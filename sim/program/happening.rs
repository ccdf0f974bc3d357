//! When an event of the scenario happens.

use crate::mesh::scenario::Event;
use crate::units::{SimTime, Span};

/// An event: its name, and when it happens before the window ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    /// Its name.
    pub name: String,
    /// When it happens first, ...
    pub first: SimTime,
    /// ... after how long again, ...
    pub every: Span,
    /// ... and how often.
    pub times: u64,
}

impl Happening {
    /// Of an event, in a window that ends at `end`.
    pub(super) fn of(event: &Event, end: SimTime) -> Self {
        Self {
            name: event.name.clone(),
            first: event.time(0),
            every: event.repeated.map_or(Span::ZERO, |repeated| repeated.every),
            times: event.times(end.since(SimTime::ZERO)),
        }
    }

    /// Of something that happens at no time known beforehand.
    pub(super) const fn never(name: String) -> Self {
        Self { name, first: SimTime::ZERO, every: Span::ZERO, times: 0 }
    }

    /// When it happens last.
    pub fn last(&self) -> SimTime {
        self.first + Span::from_nanos(self.every.nanos() * self.times.saturating_sub(1))
    }

    /// After how long it happens again, having happened so often.
    pub fn again(&self, happened: u64) -> Option<Span> {
        (happened < self.times).then_some(self.every)
    }

    /// Whether it goes on at a time, where it does so for a while each time; `None` is from then on.
    pub fn is_on(&self, time: SimTime, lasts: Option<Span>) -> bool {
        if time < self.first || self.times == 0 {
            return false;
        }
        let since = time.since(self.first).nanos();
        let number = since.checked_div(self.every.nanos()).unwrap_or(0).min(self.times - 1);
        lasts.is_none_or(|lasts| since - number * self.every.nanos() < lasts.nanos())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on_from_each_time_on_for_so_long() {
        let on = |every: u64, times: u64, lasts: Option<u64>| -> Vec<u64> {
            let at = |seconds: u64| SimTime::ZERO + Span::from_seconds(seconds);
            let one = Happening {
                first: at(10),
                every: Span::from_seconds(every),
                times,
                ..Happening::never(String::new())
            };
            (0..40).filter(|&time| one.is_on(at(time), lasts.map(Span::from_seconds))).collect()
        };
        assert_eq!(on(0, 1, Some(3)), [10, 11, 12]);
        assert_eq!(on(10, 2, Some(3)), [10, 11, 12, 20, 21, 22]);
        assert_eq!(on(20, 2, Some(2)), [10, 11, 30, 31]);
        assert_eq!(on(2, 3, Some(3)), (10..17).collect::<Vec<_>>(), "they overlap");
        assert_eq!(on(0, 1, None), (10..40).collect::<Vec<_>>());
        assert!(on(0, 0, Some(3)).is_empty(), "behind the end of the window");
    }

    #[test]
    fn it_happens_as_often_as_it_does() {
        let one = Happening { every: Span::from_seconds(20), times: 2, ..Happening::never(String::new()) };
        assert_eq!([one.again(1), one.again(2)], [Some(Span::from_seconds(20)), None]);
        assert_eq!(one.last(), SimTime::ZERO + Span::from_seconds(20));
        assert_eq!(Happening::never(String::new()).last(), SimTime::ZERO);
    }
}
