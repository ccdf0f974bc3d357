//! The window in which changes are gathered before they are pushed.
//!
//! Follows istiod's debounce in pilot/pkg/xds/discovery.go. The first change sets a timer; when it goes off and nothing
//! has changed for the quiet time, or the first change is as long ago as the longest window, a push is built; else the
//! timer is set for when it would be quiet. Under constant change a window therefore lasts up to a quiet time longer
//! than the longest. One push is built at a time; what comes meanwhile waits, and is looked at when it is built.

use crate::units::{SimTime, Span};

/// How long changes are gathered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// A push is built when nothing has changed for so long (`PILOT_DEBOUNCE_AFTER`).
    pub quiet: Span,
    /// Or when the first change is so long ago (`PILOT_DEBOUNCE_MAX`).
    pub longest: Span,
}

impl Default for Settings {
    fn default() -> Self {
        Self { quiet: Span::from_millis(100), longest: Span::from_seconds(10) }
    }
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing.
    Nothing,
    /// Call [`Window::on_timer`] at that time, and not at the one that was told before.
    Wait(SimTime),
    /// Build a push of what has been gathered, and call [`Window::on_built`] then.
    Push(Gathered),
}

/// What a push consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gathered {
    /// When the first change came.
    pub since: SimTime,
    /// How many there were.
    pub changes: u32,
}

/// The window of one replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    settings: Settings,
    /// Of what has been gathered, or of the last push if there is nothing.
    first: SimTime,
    latest: SimTime,
    changes: u32,
    is_building: bool,
    timer: Option<SimTime>,
}

impl Window {
    /// With nothing gathered.
    pub const fn new(settings: Settings) -> Self {
        let never = SimTime::ZERO;
        Self { settings, first: never, latest: never, changes: 0, is_building: false, timer: None }
    }

    /// Something has changed.
    pub fn on_change(&mut self, now: SimTime) -> Next {
        self.latest = now;
        self.changes += 1;
        if self.changes > 1 {
            return Next::Nothing;
        }
        self.first = now;
        self.wait(now + self.settings.quiet)
    }

    /// The timer has gone off. A timer that another one has replaced does nothing.
    pub fn on_timer(&mut self, now: SimTime) -> Next {
        if self.timer != Some(now) {
            return Next::Nothing;
        }
        self.timer = None;
        if self.is_building { Next::Nothing } else { self.look(now) }
    }

    /// The push that was asked for is built, and can be handed to the proxies.
    pub fn on_built(&mut self, now: SimTime) -> Next {
        debug_assert!(self.is_building, "a push is built");
        self.is_building = false;
        if self.changes == 0 { Next::Nothing } else { self.look(now) }
    }

    /// Changes that wait for a push.
    pub const fn gathered(&self) -> u32 {
        self.changes
    }

    fn look(&mut self, now: SimTime) -> Next {
        let is_due =
            now.since(self.first) >= self.settings.longest || now.since(self.latest) >= self.settings.quiet;
        if !is_due {
            return self.wait(self.latest + self.settings.quiet);
        }
        self.is_building = true;
        self.timer = None;
        Next::Push(Gathered { since: self.first, changes: std::mem::take(&mut self.changes) })
    }

    fn wait(&mut self, until: SimTime) -> Next {
        self.timer = Some(until);
        Next::Wait(until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    fn millis(millis: u64) -> SimTime {
        SimTime::ZERO + Span::from_millis(millis)
    }

    /// Drives a window through changes and says when it pushes what; builds take so long.
    fn pushes(changes: &[u64], build: u64) -> Vec<(u64, u32)> {
        let mut window = Window::new(Settings::default());
        let (mut timer, mut built, mut pushes) = (None, None, Vec::new());
        let mut changes: VecDeque<u64> = changes.iter().copied().collect();
        loop {
            let due = [changes.front().copied(), timer, built].into_iter().flatten().min();
            let Some(now) = due else { return pushes };
            let next = if built == Some(now) {
                built = None;
                window.on_built(millis(now))
            } else if changes.front() == Some(&now) {
                changes.pop_front();
                window.on_change(millis(now))
            } else {
                timer = None;
                window.on_timer(millis(now))
            };
            match next {
                Next::Nothing => {}
                Next::Wait(until) => timer = Some(until.since(SimTime::ZERO).nanos() / 1_000_000),
                Next::Push(Gathered { changes, .. }) => {
                    assert!(built.is_none(), "one build at a time");
                    built = Some(now + build);
                    pushes.push((now, changes));
                }
            }
        }
    }

    #[test]
    fn a_push_waits_for_quiet() {
        assert_eq!(pushes(&[0], 1), [(100, 1)]);
        assert_eq!(pushes(&[0, 99], 1), [(199, 2)]);
        // The timer of 100 goes off first: changes of that instant belong to the next push if they come after it.
        assert_eq!(pushes(&[0, 101], 1), [(100, 1), (201, 1)]);
        assert_eq!(pushes(&[0, 50, 120, 200, 290], 1), [(390, 5)]);
    }

    #[test]
    fn under_constant_change_a_push_comes_every_ten_seconds() {
        let constant: Vec<u64> = (0..2000).map(|number| 15 * number).collect();
        let times: Vec<u64> = pushes(&constant, 200).iter().map(|push| push.0).collect();
        // The timer goes off a quiet time after the latest change of when it was set: up to 100 ms late.
        assert!((10_000..10_100).contains(&times[0]), "{times:?}");
        assert!((10_000..10_310).contains(&(times[1] - times[0])), "{times:?}");
    }

    #[test]
    fn what_comes_during_a_build_waits_for_it() {
        // 150 to 300 come during the build of 100..600; at 600 it has been quiet for long.
        assert_eq!(pushes(&[0, 150, 300], 500), [(100, 1), (600, 2)]);
        // At 600 it has been quiet for 40 ms only.
        assert_eq!(pushes(&[0, 150, 560], 500), [(100, 1), (660, 2)]);
        // A build longer than the longest window: the next one follows at once.
        assert_eq!(pushes(&[0, 5_000, 20_099], 20_000), [(100, 1), (20_100, 2)]);
    }

    proptest! {
        #[test]
        fn pushes_are_those_of_the_twin_that_looks_every_millisecond(
            gaps in prop::collection::vec(prop_oneof![6 => 1_u64..130, 1 => 1_u64..3000], 1..250),
            build in 1_u64..900,
        ) {
            let changes: Vec<u64> = gaps.iter().scan(0, |time, gap| { *time += gap; Some(*time) }).collect();
            // The twin: when it looks is not told by timers, but found by looking at the rule every millisecond.
            let (mut twin, mut pending, mut look, mut free_at) = (Vec::new(), Vec::<u64>::new(), None, 0_u64);
            let mut at = changes.iter().copied().peekable();
            let mut was_free = true;
            for now in 0..changes.last().expect("a change") + 12_000 + build {
                let frees = !was_free && now == free_at;
                was_free |= frees;
                let is_timer = look == Some(now) && was_free;
                let has_changed = at.next_if_eq(&now).is_some();
                // A change of the same instant as the timer or a finished build comes after the build and before the timer.
                let mut check = |pending: &mut Vec<u64>, look: &mut Option<u64>| {
                    let (Some(&first), Some(&latest)) = (pending.first(), pending.last()) else { return };
                    if now - first >= 10_000 || now - latest >= 100 {
                        twin.push((now, pending.len() as u32));
                        (was_free, free_at, *look) = (false, now + build, None);
                        pending.clear();
                    } else {
                        *look = Some(latest + 100);
                    }
                };
                if frees {
                    check(&mut pending, &mut look);
                }
                if has_changed {
                    pending.push(now);
                    if pending.len() == 1 {
                        look = Some(now + 100);
                    }
                }
                if is_timer && look == Some(now) {
                    check(&mut pending, &mut look);
                }
            }
            prop_assert_eq!(pushes(&changes, build), twin);
        }
    }
}
