//! The same scenario under more and less traffic, and where it bends.

use crate::mesh::Scenario;
use crate::metrics::{Kind, Results, Scope, Statistic};
use crate::units::Rate;
use crate::vocabulary::Arrivals;

/// Results of the same meshes at several loads, in ascending order.
#[derive(Clone, Debug)]
pub struct LoadCurve {
    /// Replications of each mesh at each load.
    pub replications: u32,
    /// Load by load.
    pub points: Vec<LoadPoint>,
}

/// Results at one load.
#[derive(Clone, Debug)]
pub struct LoadPoint {
    /// What the traffic of the scenario was multiplied with.
    pub factor: f64,
    /// Mesh by mesh; of the scenario and its entries only.
    pub results: Vec<Results>,
}

impl LoadCurve {
    /// Position of the point at which an entry's curve bends under a mesh; see [`knee`].
    pub fn knee(&self, mesh: usize, entry: &str) -> Option<usize> {
        let numbers = |point: &LoadPoint| {
            let find = |metric, statistic| point.results[mesh].get(Scope::Entry, entry, metric, statistic);
            let time = find("response_time", Statistic::P99).filter(|time| time.kind == Kind::Exact);
            let throughput = find("throughput", Statistic::Mean).map_or(0.0, |throughput| throughput.value);
            (throughput, time.map(|time| time.value))
        };
        knee(&self.points.iter().map(numbers).collect::<Vec<_>>())
    }
}

impl LoadPoint {
    /// Of results of which only those of the scenario and its entries are kept.
    pub fn new(factor: f64, mut results: Vec<Results>) -> Self {
        for one in &mut results {
            one.rows.retain(|row| matches!(row.scope, Scope::Scenario | Scope::Entry));
        }
        Self { factor, results }
    }
}

/// The scenario with every source's traffic multiplied: rates, users of closed sources (at least one), and the pace of
/// recorded arrivals.
///
/// # Panics
/// When the factor is not a positive number.
pub fn scaled(scenario: &Scenario, factor: f64) -> Scenario {
    assert!(factor > 0.0 && factor.is_finite(), "there is no {factor} of a load");
    let mut scaled = scenario.clone();
    for source in &mut scaled.sources {
        scale(&mut source.arrivals, factor);
    }
    scaled
}

fn scale(arrivals: &mut Arrivals, factor: f64) {
    let times = |rate: &mut Rate| {
        let scaled = Rate::per_second(rate.value() * factor);
        *rate = scaled.expect("a multiple of a rate is a rate");
    };
    match arrivals {
        Arrivals::Poisson { rate } | Arrivals::Constant { rate } | Arrivals::Paced { rate, .. } => times(rate),
        Arrivals::Ramp { from, to, .. } => [from, to].into_iter().for_each(times),
        Arrivals::Diurnal { mean, .. } => times(mean),
        Arrivals::Bursty { calm_rate, burst_rate, .. } => [calm_rate, burst_rate].into_iter().for_each(times),
        Arrivals::Trace { times } => {
            for time in times {
                *time = time.scale(1.0 / factor);
            }
        }
        Arrivals::Closed { users, .. } => {
            *users = ((f64::from(*users) * factor).round() as u32).max(1);
        }
    }
}

/// The point of a curve at which throughput over response time is greatest (Kleinrock's power): before it more load
/// is nearly free, after it waiting grows faster than throughput. `None` when the curve does not bend: the last point is
/// the best, or no point has both numbers.
///
/// Points are throughput and response time, in the order of the load; a response time of `None` is that of a station
/// that cannot keep up.
pub fn knee(points: &[(f64, Option<f64>)]) -> Option<usize> {
    let power = |&(throughput, time): &(f64, Option<f64>)| time.map_or(0.0, |time| throughput / time);
    let mut best = 0;
    for (position, point) in points.iter().enumerate() {
        if power(point) > power(points.get(best)?) {
            best = position;
        }
    }
    (best + 1 < points.len() && power(points.get(best)?) > 0.0).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::dist::Dist;
    use crate::units::Span;

    #[test]
    fn every_kind_of_arrivals_is_scaled() {
        let rate = |value| Rate::per_second(value).expect("a rate");
        let closed = |users| Arrivals::Closed { users, think_time: Dist::constant(1.0) };
        for (mut arrivals, expected) in [
            (Arrivals::Poisson { rate: rate(100.0) }, Arrivals::Poisson { rate: rate(50.0) }),
            (
                Arrivals::Ramp { from: rate(10.0), to: rate(20.0), over: Span::from_seconds(3) },
                Arrivals::Ramp { from: rate(5.0), to: rate(10.0), over: Span::from_seconds(3) },
            ),
            (
                Arrivals::Trace { times: vec![Span::from_seconds(1), Span::from_seconds(2)] },
                Arrivals::Trace { times: vec![Span::from_seconds(2), Span::from_seconds(4)] },
            ),
            (closed(9), closed(5)),
            (closed(1), closed(1)),
        ] {
            scale(&mut arrivals, 0.5);
            assert_eq!(arrivals, expected);
        }
    }

    /// An M/M/1 queue's power is greatest at half of its capacity.
    #[test]
    fn the_knee_of_an_mm1_queue_is_at_half_its_capacity() {
        let points: Vec<(f64, Option<f64>)> = (1..=12)
            .map(|tenths| f64::from(tenths) / 10.0)
            .map(|load| (load.min(1.0), (load < 1.0).then(|| 1.0 / (1.0 - load))))
            .collect();
        assert_eq!(knee(&points), Some(4));
        assert_eq!(knee(&points[..4]), None, "it has not bent yet");
        assert_eq!(knee(&[]), None);
        assert_eq!(knee(&[(1.0, None), (1.0, None)]), None);
    }
}
