//! The loop that all models share: events in their order until every measured request is done.

use sim::kernel::Schedule;
use sim::kernel::station::Window;
use sim::units::{SimTime, Span};

use super::source::{Record, Source, window};

/// What can happen in a model.
#[derive(Clone, Copy)]
pub(crate) enum Step<E> {
    /// The source sends a request; the next one is already scheduled.
    Arrival,
    /// What the model itself has scheduled.
    Own(E),
}

/// A model fed by an open source.
pub(crate) struct Model<E> {
    pub(crate) source: Source,
    /// Of whole requests; the model runs until it is complete.
    pub(crate) record: Record,
    schedule: Schedule<Step<E>>,
}

impl<E: Copy> Model<E> {
    /// A replication of a row, of `count` measured Poisson arrivals.
    pub(crate) fn new(row: &str, replication: u32, rate: f64, count: u64) -> Self {
        let record = Record::new(window(rate, count));
        Self { source: Source::new(row, replication, rate), record, schedule: Schedule::new() }
    }

    pub(crate) fn now(&self) -> SimTime {
        self.schedule.now()
    }

    pub(crate) fn window(&self) -> Window {
        self.record.window()
    }

    pub(crate) fn at(&mut self, time: SimTime, event: E) {
        self.schedule.at(time, Step::Own(event));
    }

    pub(crate) fn after(&mut self, delay: Span, event: E) {
        self.schedule.after(delay, Step::Own(event));
    }

    /// Lets everything happen that happens.
    pub(crate) fn run(&mut self, mut handle: impl FnMut(&mut Self, Step<E>)) {
        self.schedule.after(self.source.gap(), Step::Arrival);
        while let Some(step) = self.schedule.next() {
            if matches!(step, Step::Arrival) {
                self.schedule.after(self.source.gap(), Step::Arrival);
            }
            handle(self, step);
            if self.record.is_complete(self.now()) {
                break;
            }
        }
    }
}
