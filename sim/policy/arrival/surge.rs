//! Surges: for a while a source sends more, or less, than it would.
//!
//! The rate of an open source is its own times a factor that changes in steps, λ(t)·f(t). Its n-th arrival is where the
//! surged cumulative rate reaches what it drew, so a surge moves arrivals forward and draws nothing anew. Of users of a
//! closed source there are `factor` times as many.

use crate::units::{SimTime, Span};

/// One surge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Surge {
    /// From when on, ...
    pub from: Span,
    /// ... and until when; `None` is for ever.
    pub until: Option<Span>,
    /// What the traffic is multiplied with, not negative.
    pub factor: f64,
}

/// By what the traffic of a source is multiplied over time; by default by 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Surges {
    /// From when on, in seconds, each factor holds, the first from 0 on; none is 1 always.
    steps: Vec<(f64, f64)>,
}

impl Surges {
    /// Where several surges coincide, their factors multiply.
    pub fn new(surges: &[Surge]) -> Self {
        if surges.is_empty() {
            return Self::default();
        }
        let ends = surges.iter().flat_map(|surge| [Some(surge.from), surge.until]).flatten();
        let mut times: Vec<Span> = std::iter::once(Span::ZERO).chain(ends).collect();
        times.sort_unstable();
        times.dedup();
        let factor = |time: Span| {
            let active =
                surges.iter().filter(|surge| surge.from <= time && surge.until.is_none_or(|end| time < end));
            active.map(|surge| surge.factor).product()
        };
        Self { steps: times.into_iter().map(|time| (time.seconds(), factor(time))).collect() }
    }

    /// Whether nothing is ever multiplied.
    pub const fn is_none(&self) -> bool {
        self.steps.is_empty()
    }

    /// The largest factor.
    pub fn most(&self) -> f64 {
        self.steps.iter().map(|step| step.1).fold(1.0, f64::max)
    }

    /// The factor at a time.
    pub fn factor(&self, time: SimTime) -> f64 {
        self.step(time.seconds()).map_or(1.0, |step| self.steps[step].1)
    }

    /// The first time from this one on at which the factor is so large; `None` if it never is.
    pub fn reaches(&self, factor: f64, time: SimTime) -> Option<SimTime> {
        let Some(now) = self.step(time.seconds()) else { return (factor <= 1.0).then_some(time) };
        let found = (now..self.steps.len()).find(|&step| self.steps[step].1 >= factor)?;
        Some(if found == now { time } else { SimTime::ZERO + Span::from_seconds_f64(self.steps[found].0) })
    }

    fn step(&self, seconds: f64) -> Option<usize> {
        self.steps.partition_point(|&(from, _)| from <= seconds).checked_sub(1)
    }

    /// The integral of the factor between two times in seconds.
    pub(super) fn stretched(&self, from: f64, to: f64) -> f64 {
        let Some(first) = self.step(from) else { return to - from };
        let mut sum = 0.0;
        for step in first..self.steps.len() {
            let (begin, factor) = self.steps[step];
            let end = self.steps.get(step + 1).map_or(to, |next| next.0.min(to));
            if begin >= to {
                break;
            }
            sum += factor * (end - begin.max(from));
        }
        sum
    }

    /// The time at which that integral from `from` on is so large; `None` if it never is.
    pub(super) fn after(&self, from: f64, mut amount: f64) -> Option<f64> {
        let Some(first) = self.step(from) else { return Some(from + amount) };
        for step in first..self.steps.len() {
            let (begin, factor) = self.steps[step];
            let begin = begin.max(from);
            let room = self.steps.get(step + 1).map_or(f64::INFINITY, |next| factor * (next.0 - begin));
            if amount <= room && factor > 0.0 {
                return Some(begin + amount / factor);
            }
            if room.is_finite() {
                amount -= room;
            }
        }
        None
    }

    /// With the expected arrivals until each step, of which `cumulative` gives those without surges.
    pub(super) fn marks(&self, cumulative: impl Fn(f64) -> f64) -> Vec<Mark> {
        let mut marks: Vec<Mark> = Vec::with_capacity(self.steps.len());
        for &(from, factor) in &self.steps {
            let plain = cumulative(from);
            let surged = marks.last().map_or(0.0, |last| last.surged + last.factor * (plain - last.plain));
            marks.push(Mark { surged, plain, factor });
        }
        marks
    }
}

/// Expected arrivals at a step, with and without surges, and the factor from there on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Mark {
    surged: f64,
    plain: f64,
    factor: f64,
}

/// The arrivals expected with surges when `plain` are expected without.
pub(super) fn surged(marks: &[Mark], plain: f64) -> f64 {
    let mark = marks[marks.partition_point(|mark| mark.plain <= plain).saturating_sub(1)];
    mark.surged + mark.factor * (plain - mark.plain)
}

/// The arrivals expected without surges when `surged` are expected with them; `None` if so many never are.
pub(super) fn plain(marks: &[Mark], surged: f64) -> Option<f64> {
    // A step whose factor is 0 sees no arrival: the last of those that begin alike counts.
    let mark = marks[marks.partition_point(|mark| mark.surged <= surged).saturating_sub(1)];
    (mark.factor > 0.0).then(|| mark.plain + (surged - mark.surged) / mark.factor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn surge(from: u64, until: Option<u64>, factor: f64) -> Surge {
        Surge { from: Span::from_seconds(from), until: until.map(Span::from_seconds), factor }
    }

    fn at(seconds: u64) -> SimTime {
        SimTime::ZERO + Span::from_seconds(seconds)
    }

    #[test]
    fn factors_multiply_where_surges_coincide() {
        let surges = Surges::new(&[surge(10, Some(20), 3.0), surge(15, None, 2.0)]);
        let factors: Vec<f64> = [0, 9, 10, 14, 15, 19, 20, 99].map(|time| surges.factor(at(time))).into();
        assert_eq!(factors, [1.0, 1.0, 3.0, 3.0, 6.0, 6.0, 2.0, 2.0]);
        assert_eq!(surges.stretched(5.0, 25.0), 5.0 + 15.0 + 30.0 + 10.0);
        assert_eq!(surges.after(5.0, 50.0), Some(20.0));
        assert_eq!(surges.after(5.0, 54.0), Some(22.0));
        assert_eq!(surges.reaches(3.0, at(0)), Some(at(10)));
        assert_eq!(surges.reaches(6.0, at(16)), Some(at(16)));
        assert_eq!(surges.reaches(6.0, at(20)), None);
        assert_eq!(Surges::default().reaches(2.0, at(0)), None);
    }

    #[test]
    fn a_source_that_is_off_sends_nothing_and_goes_on_afterwards() {
        let surges = Surges::new(&[surge(10, Some(20), 0.0)]);
        let marks = surges.marks(|seconds| 100.0 * seconds);
        assert_eq!(plain(&marks, 999.0), Some(999.0));
        assert_eq!(plain(&marks, 1001.0), Some(2001.0), "ten seconds later");
        assert_eq!(surges.after(0.0, 11.0), Some(21.0));
        let never = Surges::new(&[surge(10, None, 0.0)]);
        assert_eq!(plain(&never.marks(|seconds| seconds), 10.5), None);
        assert_eq!(never.after(0.0, 10.5), None);
    }

    proptest! {
        #[test]
        fn the_inverse_is_one(
            steps in prop::collection::vec((0_u64..100, 1_u64..50, 0.1_f64..10.0), 1..5),
            from in 0.0_f64..50.0,
            amount in 0.01_f64..1000.0,
        ) {
            let all: Vec<Surge> =
                steps.iter().map(|&(from, length, factor)| surge(from, Some(from + length), factor)).collect();
            let surges = Surges::new(&all);
            let end = surges.after(from, amount).expect("no factor is 0");
            prop_assert!((surges.stretched(from, end) - amount).abs() < 1e-9 * amount.max(1.0) * 10.0);
            // The same by the arrivals of a source with a rate of 1.
            let marks = surges.marks(|seconds| seconds);
            let whole = surges.stretched(0.0, end);
            prop_assert!((plain(&marks, whole).expect("no factor is 0") - end).abs() < 1e-6);
        }
    }
}
