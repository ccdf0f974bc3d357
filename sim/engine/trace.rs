//! The events of a run one by one, and the first one in which two runs differ.
//!
//! For whoever looks for a lost determinism: [`run`](super::run) itself keeps no trace.

use std::fmt;

use crate::program::Program;
use crate::units::SimTime;

use super::{Engine, Event};

/// A replication under way; gives every event after it was handled.
pub struct Trace<'p> {
    engine: Engine<'p>,
}

/// One event of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Counted from 1.
    pub number: u64,
    /// When it happened.
    pub time: SimTime,
    /// What happened.
    pub event: Event,
}

/// The first event in which two runs differ; `None` where one of them had ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Of the first run.
    pub left: Option<Step>,
    /// Of the second run.
    pub right: Option<Step>,
}

impl<'p> Trace<'p> {
    /// Starts a replication.
    pub fn new(program: &'p Program, replication: u32) -> Self {
        let mut engine = Engine::new(program, replication);
        engine.start();
        Self { engine }
    }

    /// Runs two replications side by side until an event differs. `None` when all their events are the same.
    pub fn first_difference(mut self, mut other: Self) -> Option<Difference> {
        loop {
            let (left, right) = (self.next(), other.next());
            if left != right {
                return Some(Difference { left, right });
            }
            left?;
        }
    }
}

impl Iterator for Trace<'_> {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        let event = self.engine.step()?;
        let schedule = &self.engine.schedule;
        Some(Step { number: schedule.handled(), time: schedule.now(), event })
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "event {} at {}: {:?}", self.number, self.time, self.event)
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = |step: Option<Step>| step.map_or("the end".to_owned(), |step| step.to_string());
        write!(f, "{} ≠ {}", step(self.left), step(self.right))
    }
}
