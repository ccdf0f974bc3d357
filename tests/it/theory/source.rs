//! What every simulated row needs: Poisson arrivals, draws for each request, and a record of the measured ones.

use hdrhistogram::Histogram;
use sim::kernel::dist::Dist;
use sim::kernel::rng::{Draws, Key, Purpose, Stream, hash_name};
use sim::kernel::station::Window;
use sim::units::{SimTime, Span};

const SEED: u64 = 1;
const ARRIVALS: Purpose = Purpose(1);
const REQUESTS: Purpose = Purpose(2);

/// An exponential distribution in nanoseconds.
pub(crate) fn exponential(mean_seconds: f64) -> Dist {
    Dist::exponential(mean_seconds * 1e9).expect("a positive mean")
}

/// A time drawn from a distribution in nanoseconds.
pub(crate) fn draw(dist: &Dist, draws: &mut Draws) -> Span {
    Span::from_nanos_f64(dist.sample(draws))
}

/// The first tenth is warm-up, then `count` intervals of `1/rate` on average are measured.
pub(crate) fn window(rate: f64, count: u64) -> Window {
    let duration = Span::from_seconds_f64(count as f64 / rate);
    Window::new(SimTime::ZERO + duration.scale(0.1), duration)
}

/// Poisson arrivals; each has draws of its own.
pub(crate) struct Source {
    stream: Stream,
    gap: Dist,
    row: u64,
    replication: u32,
    arrivals: u64,
}

impl Source {
    /// The source of a row, which is told from others by its name.
    pub(crate) fn new(row: &str, replication: u32, rate: f64) -> Self {
        let stream = Stream::new(SEED, ARRIVALS, row, replication);
        Self { stream, gap: exponential(1.0 / rate), row: hash_name(row), replication, arrivals: 0 }
    }

    /// The time until the next arrival.
    pub(crate) fn gap(&mut self) -> Span {
        Span::from_nanos_f64(self.gap.sample(&mut self.stream))
    }

    /// The key of the next request.
    pub(crate) fn key(&mut self) -> Key {
        self.arrivals += 1;
        Key::new(&[SEED, u64::from(self.replication), self.row, self.arrivals])
    }

    /// The draws of the next request, which makes one visit.
    pub(crate) fn request(&mut self) -> Draws {
        visit(self.key(), 0, 0)
    }
}

/// The draws for a request's visit to `station`, told from others to the same by `repetition`.
pub(crate) fn visit(request: Key, station: usize, repetition: u32) -> Draws {
    request.draws(REQUESTS, station as u64, repetition, 0)
}

/// The draws of a user of a closed loop.
pub(crate) fn user(row: &str, replication: u32, number: u32) -> Draws {
    visit(Key::new(&[SEED, u64::from(replication), hash_name(row), u64::from(number)]), 0, 0)
}

/// Times of the requests that arrived within the window.
pub(crate) struct Record {
    window: Window,
    present: u64,
    count: u64,
    nanos: u128,
    histogram: Histogram<u64>,
}

impl Record {
    pub(crate) fn new(window: Window) -> Self {
        let histogram = Histogram::new(3).expect("three digits");
        Self { window, present: 0, count: 0, nanos: 0, histogram }
    }

    pub(crate) const fn window(&self) -> Window {
        self.window
    }

    /// A request has arrived that will be recorded when it departs.
    pub(crate) fn arrive(&mut self, now: SimTime) {
        self.present += u64::from(self.window.contains(now));
    }

    /// It departs.
    pub(crate) fn depart(&mut self, now: SimTime, arrived: SimTime) {
        if self.window.contains(arrived) {
            self.present -= 1;
            self.add(now.since(arrived));
        }
    }

    /// Records a time as it is.
    pub(crate) fn add(&mut self, time: Span) {
        self.count += 1;
        self.nanos += u128::from(time.nanos());
        self.histogram.record(time.nanos()).expect("the histogram grows");
    }

    /// Whether the window is over and everything that arrived in it has departed.
    pub(crate) fn is_complete(&self, now: SimTime) -> bool {
        now >= self.window.end() && self.present == 0
    }

    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    /// Seconds.
    pub(crate) fn mean(&self) -> f64 {
        self.nanos as f64 / self.count as f64 / 1e9
    }

    /// Seconds.
    pub(crate) fn quantile(&self, p: f64) -> f64 {
        let value = self.histogram.value_at_quantile(p);
        self.histogram.median_equivalent(value) as f64 / 1e9
    }

    /// Per second of the window.
    pub(crate) fn rate(&self) -> f64 {
        self.count as f64 / self.window.length().seconds()
    }
}
