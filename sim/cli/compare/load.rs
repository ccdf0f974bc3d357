//! `--load`: the comparison under more and less traffic.

use crate::experiment::load::{AtLoad, Loads, scaled};
use crate::experiment::model::{Experiment, Length};
use crate::experiment::{self, Outcome, Plan};
use crate::mesh::{Profile, Scenario};
use crate::metrics::{Drawn, Labels};

use super::super::scenario::Loaded;
use super::super::simulation::{Simulation, results};

/// Points of a range without a step.
const POINTS: u32 = 11;
/// More take for ever.
const MOST_POINTS: f64 = 1000.0;
/// A point needs no interval: so many times fewer replications, but not fewer than this.
const FEWER: u32 = 4;
const FEWEST: u32 = 2;

/// Factors of the traffic, ascending.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Load {
    factors: Vec<f64>,
}

impl Load {
    /// `A..B` or `A..B:STEP`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        const FORM: &str = "write it as 0.2..1.2 or 0.2..1.2:0.1";
        let (range, step) = match text.split_once(':') {
            Some((range, step)) => (range, Some(step)),
            None => (text, None),
        };
        let (from, to) = range.split_once("..").ok_or(FORM)?;
        let number =
            |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite()).ok_or(FORM);
        let (from, to) = (number(from)?, number(to)?);
        if from <= 0.0 || to <= from {
            return Err("it goes from a positive factor to a larger one".to_owned());
        }
        let steps = match step {
            None => f64::from(POINTS - 1),
            Some(step) => match number(step)? {
                // A last step that rounding left a little short is one.
                step if step > 0.0 => ((to - from) / step + 1e-9).floor(),
                _ => return Err("its step is a positive number".to_owned()),
            },
        };
        if !(1.0..MOST_POINTS).contains(&steps) {
            return Err("it takes from two to a thousand points".to_owned());
        }
        let step = match step {
            None => (to - from) / steps,
            Some(step) => number(step)?,
        };
        // Factors are what people would write: 0.3, not 0.30000000000000004.
        let factor = |point: u32| ((from + step * f64::from(point)) * 1e9).round() / 1e9;
        Ok(Self { factors: (0..=steps as u32).map(factor).collect() })
    }

    /// For a manifest: what the curve depends on.
    pub(super) fn describe(&self) -> String {
        let factors: Vec<String> = self.factors.iter().map(f64::to_string).collect();
        format!("; load {}", factors.join(" "))
    }

    /// Runs of each mesh.
    pub(super) fn runs(&self, loaded: &Loaded, draws: u32) -> u64 {
        let drawn = if draws == 0 { 0 } else { draws + 1 };
        self.factors.len() as u64 * u64::from(few_replications(loaded) + drawn)
    }

    /// Runs every point, with so many draws of the meshes' constants; `None` when stopped.
    pub(super) fn run(
        &self,
        simulation: &Simulation,
        loaded: &Loaded,
        draws: u32,
        baseline: usize,
    ) -> Option<Loads> {
        let replications = few_replications(loaded);
        let profiles: Vec<Profile> = loaded.meshes.iter().map(|mesh| mesh.profile.clone()).collect();
        let point = |&factor: &f64| {
            let scenario = scaled(&loaded.scenario, factor);
            let programs = loaded.programs(&scenario);
            let outcome = simulation.run(&programs, Plan::Fixed(replications));
            let labels: Vec<Labels> = programs.iter().map(experiment::labels).collect();
            if outcome.stopped {
                return None;
            }
            let at = AtLoad::new(factor, &scenario, results(loaded, &labels, &outcome));
            if draws == 0 {
                return Some(at);
            }
            let drawn = drawn(simulation, (&scenario, loaded), (&profiles, &labels), &outcome, draws)?;
            Some(at.with_model(&labels, &drawn, baseline))
        };
        let points = self.factors.iter().map(point).collect::<Option<Vec<AtLoad>>>()?;
        Some(Loads { replications, draws, points })
    }
}

/// Draws at one load, in windows that are no longer than they have to be: there are many loads.
fn drawn(
    simulation: &Simulation,
    (scenario, loaded): (&Scenario, &Loaded),
    (profiles, labels): (&[Profile], &[Labels]),
    outcome: &Outcome,
    draws: u32,
) -> Option<Vec<Drawn>> {
    let experiment =
        Experiment::new(scenario, Length::Usual, profiles, labels, &outcome.records, loaded.node_cores);
    simulation.within(|stop, finished| experiment.draws(draws, stop, finished))
}

/// Replications of a point of a curve.
pub(super) fn few_replications(loaded: &Loaded) -> u32 {
    let all = loaded.plan().first_replications();
    (all / FEWER).max(FEWEST).min(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_give_the_factors_that_people_would_write() {
        let factors = |text: &str| Load::parse(text).map(|load| load.factors);
        assert_eq!(factors("0.2..1.2"), Ok(vec![0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2]));
        assert_eq!(factors("0.5..1:0.25"), Ok(vec![0.5, 0.75, 1.0]));
        assert_eq!(factors("0.1..0.4:0.1"), Ok(vec![0.1, 0.2, 0.3, 0.4]));
        assert_eq!(factors("1..2:0.7"), Ok(vec![1.0, 1.7]));
        for wrong in
            ["", "1", "1..1", "2..1", "0..1", "-1..1", "1..2:0", "1..2:x", "1..nan", "1..2:1e-9", "1..2:5"]
        {
            assert!(factors(wrong).is_err(), "{wrong}");
        }
    }
}
