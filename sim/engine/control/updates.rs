//! The CPU of an instance that sends updates: so many servers, first come first served, whose speed may change.

use std::collections::VecDeque;

use crate::kernel::station::{Level, Window};
use crate::units::{SimTime, Span};

/// Jobs that wait and those being done; `T` says what a job is.
#[derive(Debug)]
pub(super) struct Updates<T> {
    servers: u32,
    /// Cores of one server.
    speed: f64,
    running: Vec<Running<T>>,
    /// With the CPU that they need.
    waiting: VecDeque<(T, Span)>,
    /// Number of the next job that is begun, or begun again at another speed.
    next: u32,
    /// Servers at work.
    busy: Level,
    /// CPU used at earlier speeds: in all and in the window.
    before: [Span; 2],
    /// What `busy` had when the speed changed last.
    counted: [u128; 2],
}

#[derive(Debug)]
struct Running<T> {
    token: T,
    number: u32,
    done: SimTime,
}

/// A job that is begun: its number, and when it is done.
pub(super) type Begun = (u32, SimTime);

impl<T> Updates<T> {
    pub(super) fn new(cores: f64, window: Window) -> Self {
        let (servers, speed) = split(cores);
        Self {
            servers,
            speed,
            running: Vec::new(),
            waiting: VecDeque::new(),
            next: 0,
            busy: Level::new(window),
            before: [Span::ZERO; 2],
            counted: [0; 2],
        }
    }

    /// A job arrives. It is begun at once if a server is free.
    pub(super) fn offer(&mut self, now: SimTime, work: Span, token: T) -> Option<Begun> {
        self.waiting.push_back((token, work));
        self.begin(now)
    }

    /// The job of this number is done, unless it was begun again meanwhile. Returns it, and the job that is begun now.
    pub(super) fn finish(&mut self, now: SimTime, number: u32) -> Option<(T, Option<Begun>)> {
        let position = self.running.iter().position(|job| job.number == number)?;
        let job = self.running.remove(position);
        self.busy.set(now, self.running.len() as u32);
        Some((job.token, self.begin(now)))
    }

    /// It has so many cores from now on. Jobs that are being done are begun again with what is left of them.
    pub(super) fn resize(&mut self, now: SimTime, cores: f64) -> Vec<Begun> {
        self.before = [self.used(now), self.used_in_window(now)];
        self.counted = [self.busy.unit_nanos_until(now), self.busy.unit_nanos(now)];
        let speed = self.speed;
        for job in self.running.drain(..).rev() {
            self.waiting.push_front((job.token, job.done.since(now).scale(speed)));
        }
        self.busy.set(now, 0);
        (self.servers, self.speed) = split(cores);
        std::iter::from_fn(|| self.begin(now)).collect()
    }

    fn begin(&mut self, now: SimTime) -> Option<Begun> {
        if self.running.len() as u32 == self.servers {
            return None;
        }
        let (token, work) = self.waiting.pop_front()?;
        let (number, done) = (self.next, now + work.scale(1.0 / self.speed));
        self.next += 1;
        self.running.push(Running { token, number, done });
        self.busy.set(now, self.running.len() as u32);
        Some((number, done))
    }

    /// Jobs that are not done.
    pub(super) fn present(&self) -> u32 {
        (self.running.len() + self.waiting.len()) as u32
    }

    /// CPU used since the start.
    pub(super) fn used(&self, now: SimTime) -> Span {
        self.before[0] + nanos(self.busy.unit_nanos_until(now) - self.counted[0]).scale(self.speed)
    }

    /// CPU used in the window.
    pub(super) fn used_in_window(&self, now: SimTime) -> Span {
        self.before[1] + nanos(self.busy.unit_nanos(now) - self.counted[1]).scale(self.speed)
    }
}

/// As many servers as begun cores, which do the work of all cores together.
fn split(cores: f64) -> (u32, f64) {
    let servers = (cores.ceil() as u32).max(1);
    (servers, cores / f64::from(servers))
}

fn nanos(nanos: u128) -> Span {
    Span::from_nanos(nanos as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(millis: u64) -> SimTime {
        SimTime::ZERO + Span::from_millis(millis)
    }

    #[test]
    fn a_slower_cpu_takes_longer_over_what_is_left() {
        let mut updates = Updates::new(2.0, Window::ALWAYS);
        let ten = Span::from_millis(10);
        assert_eq!(updates.offer(at(0), ten, 'a'), Some((0, at(10))));
        assert_eq!(updates.offer(at(0), ten, 'b'), Some((1, at(10))));
        assert_eq!(updates.offer(at(0), ten, 'c'), None);
        // Half a core for all: `a` has 6 ms left, and the others wait for it.
        assert_eq!(updates.resize(at(4), 0.5), [(2, at(16))]);
        assert!(updates.finish(at(10), 0).is_none(), "it was begun again");
        assert_eq!(updates.finish(at(16), 2), Some(('a', Some((3, at(28))))));
        assert_eq!((updates.present(), updates.used(at(18))), (2, Span::from_millis(8 + 6 + 1)));
    }

    proptest! {
        /// The twin hands CPU out millisecond by millisecond.
        #[test]
        fn jobs_are_done_when_the_twin_has_done_them(
            events in prop::collection::vec((0_u64..20, prop_oneof![3 => Just(None), 1 => (1_u32..4).prop_map(Some)]), 1..40),
        ) {
            // Speeds of whole servers only, so that all happens at whole milliseconds.
            let (mut updates, mut due) = (Updates::new(1.0, Window::ALWAYS), Vec::<Begun>::new());
            let (mut twin, mut servers, mut found, mut expected) = (VecDeque::<(usize, u64)>::new(), 1, Vec::new(), Vec::new());
            let mut arrivals: VecDeque<(u64, usize, Option<u32>)> = VecDeque::new();
            let mut time = 0;
            for (number, (gap, change)) in events.iter().enumerate() {
                time += gap;
                arrivals.push_back((time, number, *change));
            }
            for millisecond in 0..time + 8 * events.len() as u64 {
                let now = at(millisecond);
                while let Some(position) = due.iter().position(|begun| begun.1 == now) {
                    let (number, _) = due.swap_remove(position);
                    if let Some((job, begun)) = updates.finish(now, number) {
                        found.push((millisecond, job));
                        due.extend(begun);
                    }
                }
                while let Some((_, number, change)) = arrivals.front().copied().filter(|one| one.0 == millisecond) {
                    arrivals.pop_front();
                    match change {
                        None => {
                            twin.push_back((number, 7));
                            due.extend(updates.offer(now, Span::from_millis(7), number));
                        }
                        Some(cores) => {
                            servers = cores as usize;
                            due.extend(updates.resize(now, f64::from(cores)));
                        }
                    }
                }
                for job in twin.iter_mut().take(servers) {
                    job.1 -= 1;
                }
                while let Some(position) = twin.iter().position(|job| job.1 == 0) {
                    expected.push((millisecond + 1, twin.remove(position).expect("it is there").0));
                }
            }
            found.sort_unstable();
            expected.sort_unstable();
            prop_assert_eq!(found, expected);
            prop_assert_eq!(updates.present(), 0);
            let jobs = events.iter().filter(|event| event.1.is_none()).count() as u64;
            prop_assert_eq!(updates.used(at(time + 400)), Span::from_millis(7 * jobs));
        }
    }
}
