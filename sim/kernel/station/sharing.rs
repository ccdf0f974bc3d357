//! Processor sharing: all jobs present are served at once, each with an equal share of the capacity, at most one core.
//!
//! Virtual time is the service that a job present from the beginning would have received. A job that arrives when it
//! reads v and needs d departs when it reads v + d, whoever comes and goes meanwhile, so one heap ordered by v + d
//! replaces the updating of every job at every event (the idea of fair queueing: Demers, Keshav, Shenker 1989).
//!
//! Virtual time is kept in units of 2⁻³² ns and rounded down: a job that is present during a billion events has been
//! given a quarter of a nanosecond less than its share, and a departure is at most two nanoseconds late.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::alarm::Outstanding;
use super::slots::Slots;
use super::{Alarm, JobId, Level, Tally, Window};
use crate::units::{Cores, SimTime, Span};

/// This many units of 2⁻³² nanoseconds or cores are one.
const ONE: u128 = 1 << 32;

/// A station that shares its capacity equally among the jobs present; `T` says whose job is done.
///
/// ```
/// use sim::kernel::station::{Sharing, Window};
/// use sim::units::{Cores, SimTime, Span};
///
/// let at = |millis| SimTime::ZERO + Span::from_millis(millis);
/// let mut station = Sharing::new(Cores::new(1.0).unwrap(), Window::ALWAYS);
/// station.offer(at(0), Span::from_millis(10), "long");
/// station.offer(at(0), Span::from_millis(2), "short");
/// let alarm = station.next_alarm().unwrap();
/// assert_eq!(alarm.at, at(4)); // at half speed
/// let mut done = Vec::new();
/// station.ring(alarm.at, alarm.generation, &mut done);
/// assert_eq!(done, ["short"]);
/// assert_eq!(station.next_alarm().unwrap().at, at(12)); // alone again
/// ```
#[derive(Clone, Debug)]
pub struct Sharing<T> {
    /// In 2⁻³² cores.
    capacity: u128,
    /// In 2⁻³² ns, as of `updated`.
    virtual_time: u128,
    updated: SimTime,
    /// (virtual time of departure, order of arrival, job); jobs that were withdrawn are skipped.
    departures: BinaryHeap<Reverse<(u128, u64, JobId)>>,
    jobs: Slots<T>,
    alarm: Outstanding,
    present: Level,
    served: Served,
    tally: Tally,
}

/// Service given, in 2⁻³² core-nanoseconds.
#[derive(Clone, Copy, Debug)]
struct Served {
    window: Window,
    in_window: u128,
    total: u128,
}

impl<T> Sharing<T> {
    /// An empty station of `capacity`, which counts in `window`.
    pub fn new(capacity: Cores, window: Window) -> Self {
        Self {
            capacity: fixed_point(capacity),
            virtual_time: 0,
            updated: SimTime::ZERO,
            departures: BinaryHeap::new(),
            jobs: Slots::new(),
            alarm: Outstanding::default(),
            present: Level::new(window),
            served: Served { window, in_window: 0, total: 0 },
            tally: Tally::default(),
        }
    }

    /// A job arrives that takes `demand` when it has a core for itself.
    pub fn offer(&mut self, now: SimTime, demand: Span, token: T) -> JobId {
        self.advance(now);
        let departure = self.virtual_time + u128::from(demand.nanos()) * ONE;
        let job = self.jobs.insert(token);
        self.departures.push(Reverse((departure, self.tally.arrivals, job)));
        self.tally.arrivals += 1;
        self.present.set(now, self.present() + 1);
        job
    }

    /// Withdraws a job. `None` when it has left already.
    pub fn cancel(&mut self, now: SimTime, job: JobId) -> Option<T> {
        self.advance(now);
        let token = self.jobs.remove(job)?;
        self.tally.withdrawn += 1;
        self.present.set(now, self.present() - 1);
        self.skip_withdrawn();
        Some(token)
    }

    /// Changes the capacity from now on.
    pub fn resize(&mut self, now: SimTime, capacity: Cores) {
        self.advance(now);
        self.capacity = fixed_point(capacity);
    }

    /// The alarm of this generation rings: jobs that are done are appended to `done`, in the order of their departure.
    pub fn ring(&mut self, now: SimTime, generation: u32, done: &mut Vec<T>) {
        if !self.alarm.rings(generation) {
            return;
        }
        self.advance(now);
        while let Some(&Reverse((departure, _, job))) = self.departures.peek()
            && departure <= self.virtual_time
        {
            self.departures.pop();
            if let Some(token) = self.jobs.remove(job) {
                self.tally.completed += 1;
                self.present.set(now, self.present() - 1);
                done.push(token);
            }
        }
        self.skip_withdrawn();
        debug_assert_eq!(
            self.tally.present(),
            self.jobs.len() as u64,
            "arrivals = departures + withdrawn + present"
        );
    }

    /// The alarm to schedule, if a new one is needed. To be asked after every other call.
    pub fn next_alarm(&mut self) -> Option<Alarm> {
        let next = self.next_departure();
        self.alarm.arm(next)
    }

    /// Jobs present.
    pub const fn present(&self) -> u32 {
        self.present.value()
    }

    /// Jobs present, over time.
    pub const fn present_level(&self) -> &Level {
        &self.present
    }

    /// Service given up to `now` within the window, in core time rounded down.
    pub fn served_in_window(&self, now: SimTime) -> Span {
        let ahead = u128::from(self.served.window.overlap(self.updated, now).nanos()) * self.speed();
        Span::from_nanos(((self.served.in_window + ahead) / ONE) as u64)
    }

    /// Service given up to `now`, in core time rounded down.
    pub fn served(&self, now: SimTime) -> Span {
        let ahead = u128::from(now.since(self.updated).nanos()) * self.speed();
        Span::from_nanos(((self.served.total + ahead) / ONE) as u64)
    }

    /// What became of the jobs.
    pub const fn tally(&self) -> Tally {
        self.tally
    }

    /// Capacity in use: no job gets more than a core.
    fn speed(&self) -> u128 {
        self.capacity.min(u128::from(self.present()) * ONE)
    }

    fn advance(&mut self, now: SimTime) {
        debug_assert!(now >= self.updated, "the clock never goes back");
        let elapsed = u128::from(now.since(self.updated).nanos());
        let speed = self.speed();
        if elapsed > 0 && speed > 0 {
            let within = u128::from(self.served.window.overlap(self.updated, now).nanos());
            self.served.in_window += within * speed;
            self.served.total += elapsed * speed;
            self.virtual_time += elapsed * speed / u128::from(self.present());
            debug_assert!(
                self.departures.peek().is_none_or(|first| self.virtual_time <= first.0.0 + ONE),
                "an alarm was missed: a job should have departed before {now}"
            );
        }
        self.updated = now;
    }

    fn next_departure(&self) -> Option<SimTime> {
        let Reverse((departure, ..)) = self.departures.peek()?;
        let speed = self.speed();
        let work = departure.saturating_sub(self.virtual_time) * u128::from(self.present());
        (speed > 0).then(|| {
            let nanos = u64::try_from(work.div_ceil(speed)).unwrap_or(u64::MAX);
            self.updated + Span::from_nanos(nanos)
        })
    }

    /// Keeps the first entry a job that is present, and the withdrawn entries fewer than the others.
    fn skip_withdrawn(&mut self) {
        while let Some(Reverse((_, _, job))) = self.departures.peek()
            && !self.jobs.contains(*job)
        {
            self.departures.pop();
        }
        if self.departures.len() > 2 * self.present() as usize + 16 {
            let jobs = &self.jobs;
            self.departures.retain(|entry| jobs.contains(entry.0.2));
        }
    }
}

fn fixed_point(capacity: Cores) -> u128 {
    // `as` saturates; 2⁻³³ cores is the rounding error.
    (capacity.value() * ONE as f64 + 0.5) as u128
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The obvious station: every job's remaining service is updated at every event.
    struct Obvious {
        cores: f64,
        now: f64,
        jobs: Vec<(usize, f64)>,
        departures: Vec<(usize, f64)>,
        served: f64,
    }

    impl Obvious {
        fn rate(&self) -> f64 {
            (self.cores / self.jobs.len() as f64).min(1.0)
        }

        fn advance(&mut self, until: f64) {
            while let Some(first) = self.jobs.iter().map(|job| job.1).min_by(f64::total_cmp) {
                let end = (self.now + first / self.rate()).min(until);
                let given = (end - self.now) * self.rate();
                self.served += given * self.jobs.len() as f64;
                self.now = end;
                for job in &mut self.jobs {
                    job.1 -= given;
                }
                let (departures, now) = (&mut self.departures, self.now);
                self.jobs.retain(|job| {
                    let stays = job.1 > 1e-6;
                    if !stays {
                        departures.push((job.0, now));
                    }
                    stays
                });
                if end >= until {
                    break;
                }
            }
            self.now = until;
        }
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Offer(u64),
        Cancel(usize),
        Resize(f64),
    }

    /// Rings the alarms up to `until`.
    fn ring_until(
        station: &mut Sharing<usize>,
        alarms: &mut Vec<Alarm>,
        until: SimTime,
        departures: &mut Vec<(usize, u64)>,
    ) {
        let mut done = Vec::new();
        loop {
            alarms.extend(station.next_alarm());
            alarms.sort_by_key(|alarm| (alarm.at, alarm.generation));
            if alarms.first().is_none_or(|alarm| alarm.at > until) {
                return;
            }
            let alarm = alarms.remove(0);
            station.ring(alarm.at, alarm.generation, &mut done);
            departures.extend(done.drain(..).map(|job| (job, alarm.at.nanos())));
        }
    }

    fn steps() -> impl Strategy<Value = Vec<(u64, Step)>> {
        let step = prop_oneof![
            6 => (1_u64..60_000).prop_map(Step::Offer),
            2 => (0_usize..60).prop_map(Step::Cancel),
            1 => (1.0_f64..4.0).prop_map(Step::Resize),
        ];
        prop::collection::vec((0_u64..20_000, step), 1..80)
    }

    proptest! {
        #[test]
        fn departures_are_those_of_the_obvious_station(cores in 0.1_f64..1.0, steps in steps()) {
            let mut station = Sharing::new(Cores::new(cores).expect("finite"), Window::ALWAYS);
            let mut obvious = Obvious { cores, now: 0.0, jobs: Vec::new(), departures: Vec::new(), served: 0.0 };
            let (mut alarms, mut departures, mut ids) = (Vec::new(), Vec::new(), Vec::new());
            let (mut now, mut withdrawn, mut left) = (SimTime::ZERO, 0, 0.0);
            for (number, &(gap, step)) in steps.iter().enumerate() {
                now += Span::from_nanos(gap);
                ring_until(&mut station, &mut alarms, now, &mut departures);
                obvious.advance(now.nanos() as f64);
                match step {
                    Step::Offer(demand) => {
                        ids.push((station.offer(now, Span::from_nanos(demand), number), number));
                        obvious.jobs.push((number, demand as f64));
                    }
                    Step::Cancel(at) => if let Some(&(id, number)) = ids.get(at) {
                        // The station may be late by 2 ns; a job cancelled just then is left out of the comparison.
                        let remaining = obvious.jobs.iter().find(|job| job.0 == number).map_or(0.0, |job| job.1);
                        if let Some(token) = station.cancel(now, id) {
                            prop_assert_eq!(token, number);
                            obvious.departures.retain(|job| job.0 != number);
                            obvious.jobs.retain(|job| job.0 != number);
                            (withdrawn, left) = (withdrawn + 1, left + remaining);
                        } else {
                            prop_assert!(remaining < 3.0);
                        }
                    },
                    Step::Resize(factor) => {
                        station.resize(now, Cores::new(cores * factor).expect("finite"));
                        obvious.cores = cores * factor;
                    }
                }
                prop_assert!(station.departures.len() <= 2 * station.present() as usize + 16);
            }
            ring_until(&mut station, &mut alarms, SimTime::MAX, &mut departures);
            obvious.advance(1e12);
            departures.sort_unstable();
            obvious.departures.sort_by_key(|job| job.0);
            prop_assert_eq!(departures.len(), obvious.departures.len());
            for (ours, theirs) in departures.iter().zip(&obvious.departures) {
                prop_assert_eq!(ours.0, theirs.0);
                // Each departure that is late by up to 2 ns delays the others by as much, or four times that when the
                // capacity falls in these nanoseconds.
                prop_assert!((ours.1 as f64 - theirs.1).abs() <= 8.0 * steps.len() as f64, "{:?} {:?}", ours, theirs);
            }
            let offered: f64 = steps.iter().map(|step| if let Step::Offer(demand) = step.1 { demand as f64 } else { 0.0 }).sum();
            let served = station.served(SimTime::from_nanos(1_000_000_000_000)).nanos() as f64;
            // Per departure, up to 2 ns on each of up to 4 cores are given to a job that no longer needs them.
            prop_assert!((offered - left - served).abs() <= 8.0 * steps.len() as f64, "{} {}", offered - left, served);
            prop_assert_eq!(station.tally(), Tally { arrivals: ids.len() as u64, rejected: 0, withdrawn, completed: departures.len() as u64 });
        }
    }

    #[test]
    fn a_job_never_gets_more_than_a_core() {
        let window = Window::new(SimTime::from_nanos(10), Span::from_nanos(50));
        let mut station = Sharing::new(Cores::new(2.0).expect("finite"), window);
        for demand in [100, 100, 100] {
            station.offer(SimTime::ZERO, Span::from_nanos(demand), ());
        }
        let alarm = station.next_alarm().expect("jobs are present");
        assert_eq!(alarm.at, SimTime::from_nanos(150));
        assert_eq!(station.served_in_window(alarm.at), Span::from_nanos(100));
        let mut lone = Sharing::new(Cores::new(2.0).expect("finite"), window);
        lone.offer(SimTime::ZERO, Span::from_nanos(100), ());
        assert_eq!(lone.next_alarm().map(|alarm| alarm.at), Some(SimTime::from_nanos(100)));
    }

    #[test]
    fn nothing_happens_without_capacity() {
        let mut station = Sharing::new(Cores::ZERO, Window::ALWAYS);
        station.offer(SimTime::ZERO, Span::from_nanos(1), ());
        assert_eq!(station.next_alarm(), None);
        station.resize(SimTime::from_nanos(5), Cores::new(0.5).expect("finite"));
        assert_eq!(station.next_alarm().map(|alarm| alarm.at), Some(SimTime::from_nanos(7)));
    }
}
