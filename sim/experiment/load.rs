//! The same scenario under more and less traffic.

use crate::mesh::Scenario;
use crate::metrics::{Drawn, Labels, Results, Scope, Statistic, Values};
use crate::units::Rate;
use crate::vocabulary::Arrivals;

/// Results of the same meshes at several loads, in ascending order.
#[derive(Clone, Debug)]
pub struct Loads {
    /// Replications of each mesh at each load.
    pub replications: u32,
    /// Draws of each mesh's constants at each load, the same at all; 0 is none.
    pub draws: u32,
    /// Load by load.
    pub points: Vec<AtLoad>,
}

/// Results at one load.
#[derive(Clone, Debug)]
pub struct AtLoad {
    /// What the traffic of the scenario was multiplied with.
    pub factor: f64,
    /// Requests per second that each source offers; `None` where that follows from the responses or changes over time.
    pub offered: Vec<Option<f64>>,
    /// Mesh by mesh; of the scenario and its entries only.
    pub results: Vec<Results>,
    /// Mesh by mesh, entry by entry, the 99th percentile of the response time in each draw, in seconds; `None` where it is
    /// only known to be larger than something.
    pub drawn: Vec<Vec<Vec<Option<f64>>>>,
}

impl AtLoad {
    /// Of a scenario that was [`scaled`], and its results, of which only those of the whole and its entries are kept.
    pub fn new(factor: f64, scenario: &Scenario, mut results: Vec<Results>) -> Self {
        for one in &mut results {
            one.retain(&[Scope::Scenario, Scope::Entry]);
        }
        let offered = scenario.sources.iter().map(|source| offered(&source.arrivals)).collect();
        Self { factor, offered, results, drawn: Vec::new() }
    }

    /// With the model intervals that draws of the meshes' constants give.
    #[must_use]
    pub fn with_model(mut self, labels: &[Labels], drawn: &[Drawn], baseline: usize) -> Self {
        let with = |(mesh, results): (usize, Results)| {
            let compared = (mesh != baseline).then(|| &drawn[baseline]);
            results.with_model(&labels[mesh], &drawn[mesh], compared)
        };
        self.results = self.results.into_iter().enumerate().map(with).collect();
        let of_mesh = |(results, (labels, drawn)): (&Results, (&Labels, &Drawn))| {
            let of_entry = |entry: &str| -> Vec<Option<f64>> {
                let subject = (Scope::Entry, entry);
                let p99 = |draw: &Values| draw.rough(labels, subject, "response_time", Statistic::P99);
                drawn.draws.iter().map(p99).collect()
            };
            results.names(Scope::Entry).into_iter().map(of_entry).collect()
        };
        self.drawn = self.results.iter().zip(labels.iter().zip(drawn)).map(of_mesh).collect();
        self
    }
}

/// The rate of steady open traffic, per second.
pub(super) fn offered(arrivals: &Arrivals) -> Option<f64> {
    match arrivals {
        Arrivals::Poisson { rate } | Arrivals::Constant { rate } | Arrivals::Paced { rate, .. } => {
            Some(rate.value())
        }
        Arrivals::Ramp { .. }
        | Arrivals::Diurnal { .. }
        | Arrivals::Bursty { .. }
        | Arrivals::Trace { .. }
        | Arrivals::Closed { .. } => None,
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
        Arrivals::Poisson { rate } | Arrivals::Constant { rate } | Arrivals::Paced { rate, .. } => {
            times(rate);
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::dist::Dist;
    use crate::units::Span;

    #[test]
    fn every_kind_of_arrivals_is_scaled() {
        let rate = |value| Rate::per_second(value).expect("a rate");
        let closed = |users| Arrivals::Closed { users, think_time: Dist::ZERO };
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
}
