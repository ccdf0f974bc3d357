//! Quantities and distributions as scenarios have them: the shortest text that is read as the same value.

use crate::kernel::dist::{Dist, Parameters};
use crate::units::{Bytes, Cores, Rate, Ratio, Span};

use super::yaml::{Map, Yaml};

/// What a distribution is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    /// Nanoseconds.
    Time,
    /// Bytes.
    Size,
}

impl Of {
    fn value(self, value: f64) -> Yaml {
        match self {
            Self::Time => Yaml::plain(Span::from_nanos_f64(value)),
            Self::Size => Yaml::plain(Bytes::new((value + 0.5) as u64)),
        }
    }
}

pub(super) fn ratio(ratio: Ratio) -> Yaml {
    let percent = format!("{}%", (ratio.value() * 1e4).round() / 100.0);
    if Ratio::parse(&percent) == Ok(ratio) { Yaml::plain(percent) } else { Yaml::plain(ratio.value()) }
}

pub(super) fn cores(cores: Cores) -> Yaml {
    let short = cores.to_string();
    if Cores::parse(&short) == Ok(cores) { Yaml::plain(short) } else { Yaml::plain(cores.value()) }
}

pub(super) fn rate(rate: Rate) -> Yaml {
    Yaml::plain(rate)
}

/// A distribution; of several ways to write it the first that is read as the same, else one that is as near as can be.
pub(super) fn dist(dist: &Dist, of: Of) -> Yaml {
    let named = |name: &str, parameters: &[(&str, Yaml)]| {
        let mut map = Map::default();
        for (key, value) in parameters {
            map.put(key, value.clone());
        }
        Yaml::of(name, map)
    };
    let mean_and = |name: &str, key: &str, mean: f64, second: f64, make: fn(f64, f64) -> Option<Dist>| {
        let found = second_of(dist, mean.round(), second, make);
        named(name, &[("mean", of.value(mean)), (key, Yaml::plain(found))])
    };
    match dist.parameters() {
        Parameters::Constant { value } => of.value(value),
        Parameters::Uniform { low, high } => {
            named("uniform", &[("low", of.value(low)), ("high", of.value(high))])
        }
        Parameters::Exponential { mean } => Yaml::of("exponential", of.value(mean)),
        Parameters::Hyperexponential { mean, cv } => {
            mean_and("hyperexponential", "cv", mean, cv, |mean, cv| Dist::hyperexponential(mean, cv).ok())
        }
        Parameters::Gamma { mean, cv } => {
            mean_and("gamma", "cv", mean, cv, |mean, cv| Dist::gamma(mean, cv).ok())
        }
        Parameters::Weibull { mean, shape } => mean_and("weibull", "shape", mean, shape, |mean, shape| {
            Dist::weibull_mean_shape(mean, shape).ok()
        }),
        Parameters::Pareto { low, high, shape } => named(
            "bounded_pareto",
            &[("low", of.value(low)), ("high", of.value(high)), ("shape", Yaml::plain(shape))],
        ),
        Parameters::Lognormal { median, sigma } => lognormal(dist, median, sigma, of, &named),
        Parameters::Values(points) => {
            let mut map = Map::default();
            for (value, weight) in weights(dist, &points) {
                let Yaml::Scalar(key) = of.value(value) else { continue };
                map.put_plain(&key, Yaml::plain(weight));
            }
            Yaml::of("empirical", Yaml::of("values", map))
        }
        Parameters::Quantiles(points) => {
            let mut map = Map::default();
            for (probability, value) in points {
                map.put_plain(&probability.to_string(), of.value(value));
            }
            Yaml::of("empirical", Yaml::of("quantiles", map))
        }
    }
}

/// Two percentiles, or mean and coefficient of variation, whichever gives the distribution back.
fn lognormal(
    dist: &Dist,
    median: f64,
    sigma: f64,
    of: Of,
    named: &impl Fn(&str, &[(&str, Yaml)]) -> Yaml,
) -> Yaml {
    const PERCENTILES: [(&str, f64); 6] =
        [("p50", 0.5), ("p75", 0.75), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p99.9", 0.999)];
    let at = |probability: f64| dist.quantile(probability).unwrap_or(median).round();
    let mut nearest = None;
    for (position, low) in PERCENTILES.iter().enumerate() {
        for high in PERCENTILES[position + 1..].iter().rev() {
            let made = Dist::lognormal_percentiles((low.1, at(low.1)), (high.1, at(high.1)));
            let written =
                || named("lognormal", &[(low.0, of.value(at(low.1))), (high.0, of.value(at(high.1)))]);
            if made.as_ref() == Ok(dist) {
                return written();
            }
            nearest.get_or_insert_with(written);
        }
    }
    let cv = libm::sqrt(libm::expm1(sigma * sigma));
    let make = |mean: f64, cv: f64| Dist::lognormal_mean_cv(mean, cv).ok();
    let found = second_of(dist, dist.mean().round(), cv, make);
    if make(dist.mean().round(), found).as_ref() == Some(dist) {
        return named("lognormal", &[("mean", of.value(dist.mean())), ("cv", Yaml::plain(found))]);
    }
    nearest.unwrap_or_else(|| of.value(median))
}

/// The shortest number near `second` that makes the same distribution; `second` itself if there is none.
fn second_of(dist: &Dist, mean: f64, second: f64, make: impl Fn(f64, f64) -> Option<Dist>) -> f64 {
    const NEIGHBOURS: u64 = 2000;
    let is_it = |number: &f64| make(mean, *number).as_ref() == Some(dist);
    let short = (0..17).filter_map(|digits| format!("{second:.digits$e}").parse().ok());
    let bits = second.to_bits();
    let near = (1..NEIGHBOURS).flat_map(|step| [f64::from_bits(bits + step), f64::from_bits(bits - step)]);
    short.chain(near).find(is_it).unwrap_or(second)
}

/// Values with the shortest weights that make the same distribution.
fn weights(dist: &Dist, points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    const MOST: u32 = 10_000;
    let scaled = |count: f64| {
        points.iter().map(|(value, share)| (*value, (share * count).round())).collect::<Vec<_>>()
    };
    let decimal = |digits: i32| {
        let scale = libm::exp10(f64::from(digits));
        points.iter().map(|(value, share)| (*value, (share * scale).round() / scale)).collect::<Vec<_>>()
    };
    let is_it = |points: &Vec<(f64, f64)>| Dist::empirical_values(points.clone()).as_ref() == Ok(dist);
    let counts = (1..=MOST).map(|count| scaled(f64::from(count)));
    (1..6).map(decimal).chain(counts).find(is_it).unwrap_or_else(|| points.to_vec())
}
