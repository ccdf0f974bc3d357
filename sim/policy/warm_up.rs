//! Envoy's slow start: a new endpoint gets its share little by little.
//!
//! Follows Envoy's documentation (intro/arch_overview/upstream/load_balancing/slow_start): the weight is multiplied by
//! max(minimum, (max(age, 1 s) / duration)^(1/aggression)) until the endpoint is as old as the duration.

use crate::units::Span;
use crate::vocabulary::resilience::WarmUp;

/// Share of its weight that an endpoint of this age has, in (0, 1] for a positive minimum.
pub fn weight(warm_up: &WarmUp, age: Span) -> f64 {
    if age >= warm_up.duration {
        return 1.0;
    }
    let time = age.max(Span::from_seconds(1)).seconds() / warm_up.duration.seconds();
    let grown = if warm_up.aggression == 1.0 { time } else { libm::pow(time, 1.0 / warm_up.aggression) };
    grown.clamp(warm_up.minimum.value(), 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Ratio;
    use proptest::prelude::*;

    fn warm_up(duration: u64, minimum: f64, aggression: f64) -> WarmUp {
        let minimum = Ratio::new(minimum).expect("a ratio");
        WarmUp { duration: Span::from_seconds(duration), minimum, aggression }
    }

    #[test]
    fn weights_grow_from_the_minimum_to_the_whole() {
        let at = |aggression, seconds| weight(&warm_up(100, 0.1, aggression), Span::from_seconds(seconds));
        assert_eq!([0, 5, 10, 50, 100, 1000].map(|age| at(1.0, age)), [0.1, 0.1, 0.1, 0.5, 1.0, 1.0]);
        // Square root and square.
        assert!((at(2.0, 25) - 0.5).abs() < 1e-12 && (at(0.5, 50) - 0.25).abs() < 1e-12);
        // A window shorter than the second that counts at least.
        assert_eq!(
            weight(&WarmUp { duration: Span::from_millis(500), ..warm_up(1, 0.1, 1.0) }, Span::ZERO),
            1.0
        );
    }

    proptest! {
        #[test]
        fn weights_never_shrink(duration in 1_u64..1000, minimum in 0.0..=1.0, aggression in 0.1..5.0, ages in (0_u64..1000, 0_u64..1000)) {
            let warm_up = warm_up(duration, minimum, aggression);
            let [young, old] = [ages.0.min(ages.1), ages.0.max(ages.1)].map(|age| weight(&warm_up, Span::from_seconds(age)));
            prop_assert!(minimum <= young && young <= old && old <= 1.0);
        }
    }
}
