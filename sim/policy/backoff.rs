//! Growing, random pauses: before a retry, before a shut-off endpoint is probed.

use crate::kernel::Uniform;
use crate::units::{Ratio, Span};
use crate::vocabulary::routing::Backoff;

/// How pauses grow and scatter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pauses {
    /// No pause at all.
    None,
    /// Envoy (source/common/common/backoff_strategy.cc): before retry n uniform in [0, min(base · 2ⁿ⁻¹, max)). Envoy's
    /// documentation says base · (2ⁿ − 1), which the code was until 2020; the first pause is the same.
    FullJitter {
        /// Bound of the first pause.
        base: Span,
        /// No pause is longer.
        max: Span,
    },
    /// Linkerd (linkerd/exp-backoff/src/lib.rs): b = min(min · 2ⁿ⁻¹, max), longer by a uniform share of b up to `jitter`,
    /// max at most. Its own are 25 ms, 250 ms and 1 before retries.
    Exponential {
        /// Shortest pause.
        min: Span,
        /// Longest pause.
        max: Span,
        /// Share by which a pause is longer at most.
        jitter: Ratio,
    },
}

impl Pauses {
    /// The pause before the `number`-th try of its kind, from 1.
    pub fn pause<U: Uniform>(&self, number: u32, uniform: &mut U) -> Span {
        match *self {
            Self::None => Span::ZERO,
            Self::FullJitter { base, max } => doubled(base, max, number).scale(uniform.unit()),
            Self::Exponential { min, max, jitter } => {
                let base = doubled(min, max, number);
                let longer = base.scale(uniform.unit() * jitter.value());
                (base + longer).min(max.max(base))
            }
        }
    }
}

impl From<Backoff> for Pauses {
    fn from(backoff: Backoff) -> Self {
        Self::FullJitter { base: backoff.base, max: backoff.max }
    }
}

/// `first` · 2ⁿ⁻¹, `max` at most.
fn doubled(first: Span, max: Span, number: u32) -> Span {
    let factor = 1_u64.checked_shl(number.saturating_sub(1)).unwrap_or(u64::MAX);
    Span::from_nanos(first.nanos().saturating_mul(factor)).min(max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::rng::{Purpose, Stream};
    use proptest::prelude::*;

    /// A draw of a given value.
    struct Fixed(f64);

    impl Uniform for Fixed {
        fn bits(&mut self) -> u64 {
            ((self.0 * (1_u64 << 52) as f64) as u64) << 12
        }
    }

    const ENVOY: Pauses = Pauses::FullJitter { base: Span::from_millis(25), max: Span::from_millis(250) };

    #[test]
    fn envoys_bounds_double_up_to_the_longest() {
        let bounds: Vec<u64> =
            (1..=7).map(|number| ENVOY.pause(number, &mut Fixed(0.999)).nanos() / 1_000_000).collect();
        assert_eq!(bounds, [24, 49, 99, 199, 249, 249, 249]);
        assert_eq!(ENVOY.pause(3, &mut Fixed(0.0)).nanos(), 0);
    }

    #[test]
    fn envoys_pauses_are_uniform() {
        let mut stream = Stream::new(1, Purpose(1), "backoff", 0);
        let mut tenths = [0_u32; 10];
        for _ in 0..100_000 {
            tenths[(ENVOY.pause(2, &mut stream).nanos() / 5_000_000) as usize] += 1;
        }
        assert!(tenths.iter().all(|&count| count.abs_diff(10_000) < 450), "{tenths:?}");
    }

    #[test]
    fn linkerds_pauses_double_and_are_longer_by_the_jitter() {
        // Linkerd's own before retries.
        let (min, max) = (Span::from_millis(25), Span::from_millis(250));
        let pauses = Pauses::Exponential { min, max, jitter: Ratio::ONE };
        let shortest = (1..=6).map(|number| pauses.pause(number, &mut Fixed(0.0)).nanos() / 1_000_000);
        assert_eq!(shortest.collect::<Vec<_>>(), [25, 50, 100, 200, 250, 250]);
        let longest = (1..=6).map(|number| (pauses.pause(number, &mut Fixed(0.999)).seconds() * 1e3) as u64);
        assert_eq!(longest.collect::<Vec<_>>(), [49, 99, 199, 250, 250, 250]);
    }

    proptest! {
        #[test]
        fn no_pause_is_longer_than_the_longest(base in 1_u64..1 << 40, more in 0_u64..1 << 40, number in 1_u32..200, unit in 0.0..1.0, jitter in 0.0..=1.0) {
            let (min, max) = (Span::from_nanos(base), Span::from_nanos(base + more));
            let jittered = Pauses::FullJitter { base: min, max }.pause(number, &mut Fixed(unit));
            prop_assert!(jittered <= max);
            let jitter = Ratio::new(jitter).expect("a ratio");
            let pause = Pauses::Exponential { min, max, jitter }.pause(number, &mut Fixed(unit));
            prop_assert!(pause >= min && pause <= max);
        }
    }
}
