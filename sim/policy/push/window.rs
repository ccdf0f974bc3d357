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
