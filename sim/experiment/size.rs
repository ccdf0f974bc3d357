//! How much there is to simulate, and less of it where nobody asked for that much.
//!
//! Everything follows from the scenario before anything runs: the same on every machine. What a user wrote is never
//! changed.

use crate::mesh::Scenario;
use crate::units::{Rate, Span};
use crate::vocabulary::Arrivals;

use super::load::offered;

/// Calls per second of all services together that traffic of our own choice may make: somewhat less than one waypoint of
/// two workers can carry, so that every mesh can.
const CALLS_PER_SECOND: f64 = 8_000.0;

/// Calls in a run whose length is our own choice: some four million events under the mesh that takes most of them, with
/// the ten that a call through a waypoint takes.
const CALLS: f64 = 400_000.0;

/// Lowers the rates that no file gave where requests make very many calls, and says so.
///
/// A graph of a thousand services with the usual thousand requests per second would be a million calls per second: more
/// than proxies can carry, and no comparison at all.
pub fn moderate_rates(scenario: &mut Scenario) -> Option<String> {
    let calls = calls_per_second(scenario)?;
    if !scenario.unsaid.rates || calls <= CALLS_PER_SECOND {
        return None;
    }
    let mut lowered = None;
    for source in &mut scenario.sources {
        let Arrivals::Poisson { rate } = &mut source.arrivals else { continue };
        let usual = *rate;
        *rate = rounded(usual.value() * CALLS_PER_SECOND / calls);
        lowered = Some((usual, *rate));
    }
    let (usual, rate) = lowered?;
    Some(format!(
        "no file says how much traffic there is: entry points get {rate} each, for at {usual} all services together \
         would get {calls:.0} calls per second; --rps sets another rate"
    ))
}

/// Shortens runs whose length nobody chose to what a comparison can simulate in about a minute, and says so. Who says when
/// something happens, or has autoscalers, has chosen.
pub fn shorten(scenario: &mut Scenario) -> Option<String> {
    let usual = scenario.run.length();
    let share = CALLS / (calls_per_second(scenario)? * usual.seconds());
    if !scenario.unsaid.run || !scenario.is_quiet() || share >= 1.0 {
        return None;
    }
    let run = &mut scenario.run;
    run.warm_up = tenths(run.warm_up.scale(share));
    run.duration = tenths(run.duration.scale(share));
    // What is saturated goes on until then.
    run.drain_limit = tenths(run.drain_limit.scale(share));
    Some(format!(
        "the window is {} after {} of warm-up, not longer, since nobody asked for it: there are {CALLS:.0} calls in it; \
         --duration and --warm-up set other lengths",
        run.duration, run.warm_up
    ))
}

/// Of all sources together; `None` where the traffic changes over time or follows from the responses.
fn calls_per_second(scenario: &Scenario) -> Option<f64> {
    let of_source = |(source, calls): (_, &f64)| Some(offered(&scenario.sources[source].arrivals)? * calls);
    scenario.calls.iter_enumerated().map(of_source).sum()
}

/// With two digits that count, and never nothing.
fn rounded(per_second: f64) -> Rate {
    let step = libm::pow(10.0, libm::floor(libm::log10(per_second)) - 1.0);
    Rate::per_second((per_second / step).round() * step).expect("a positive number")
}

/// In tenths of a second, one at least.
fn tenths(span: Span) -> Span {
    Span::from_millis(((span.seconds() * 10.0).round() as u64).max(1) * 100)
}
