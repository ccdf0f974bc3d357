//! Every law against theory, its own distribution function, and the numbers it has always drawn.

use super::*;
use crate::kernel::rng::{Key, Purpose, Stream};

/// Each law with its distribution function.
struct Case {
    name: &'static str,
    dist: Dist,
    cdf: Box<dyn Fn(f64) -> f64>,
}

fn cases() -> Vec<Case> {
    let case = |name, dist: Result<Dist, DistError>, cdf: Box<dyn Fn(f64) -> f64>| Case {
        name,
        dist: dist.unwrap(),
        cdf,
    };
    vec![
        case("uniform", Dist::uniform(2.0, 5.0), Box::new(|x| (x - 2.0) / 3.0)),
        case("exponential", Dist::exponential(4.0), Box::new(|x| -libm::expm1(-x / 4.0))),
        case("hyperexponential", Dist::hyperexponential(3.0, 2.0), Box::new(hyperexponential_mean_3_cv_2)),
        case("lognormal", Dist::lognormal_mean_cv(3.0, 2.0), Box::new(lognormal_mean_3_cv_2)),
        // The sum of four stages of mean 5/2, and, of shape one half, a squared normal number.
        case("erlang 4", Dist::erlang(10.0, 4), Box::new(|x| erlang_4(x / 2.5))),
        case(
            "gamma, shape 1/2",
            Dist::gamma(3.0, std::f64::consts::SQRT_2),
            Box::new(|x| libm::erf(libm::sqrt(x / 6.0))),
        ),
        case("weibull, heavy", Dist::weibull(2.0, 0.7), Box::new(|x| -libm::expm1(-libm::pow(x / 2.0, 0.7)))),
        case(
            "weibull, peaked",
            Dist::weibull(2.0, 3.0),
            Box::new(|x| -libm::expm1(-libm::pow(x / 2.0, 3.0))),
        ),
        case(
            "pareto",
            Dist::bounded_pareto(1.0, 100.0, 1.2),
            Box::new(|x| (1.0 - libm::pow(x, -1.2)) / (1.0 - libm::pow(100.0, -1.2))),
        ),
        case(
            "empirical quantiles",
            Dist::empirical_quantiles(&[(0.0, 1.0), (0.5, 2.0), (0.9, 6.0), (1.0, 20.0)]),
            Box::new(|x| match x {
                ..2.0 => 0.5 * (x - 1.0),
                2.0..6.0 => 0.5 + 0.1 * (x - 2.0),
                _ => 0.9 + (x - 6.0) / 140.0,
            }),
        ),
    ]
}

fn hyperexponential_mean_3_cv_2(x: f64) -> f64 {
    let short = 0.5 + 0.5 * libm::sqrt(3.0 / 5.0);
    let kind = |share: f64| -share * libm::expm1(-x * 2.0 * share / 3.0);
    kind(short) + kind(1.0 - short)
}

fn lognormal_mean_3_cv_2(x: f64) -> f64 {
    let sigma2 = libm::log(5.0);
    let z = (libm::log(x) - libm::log(3.0) + sigma2 / 2.0) / libm::sqrt(sigma2);
    0.5 * libm::erfc(-z / std::f64::consts::SQRT_2)
}

fn erlang_4(x: f64) -> f64 {
    1.0 - libm::exp(-x) * (1.0 + x + x * x / 2.0 + x * x * x / 6.0)
}

fn stream(name: &str) -> Stream {
    Stream::new(20_261_123, Purpose(1), name, 0)
}

#[test]
fn draws_follow_the_distribution_function() {
    const COUNT: usize = 200_000;
    for Case { name, dist, cdf } in cases() {
        let mut stream = stream(name);
        let mut draws: Vec<f64> = (0..COUNT).map(|_| dist.sample(&mut stream)).collect();
        draws.sort_by(f64::total_cmp);
        let distance = draws
            .iter()
            .enumerate()
            .map(|(rank, &draw)| {
                let p = cdf(draw);
                (p - rank as f64 / COUNT as f64).max((rank + 1) as f64 / COUNT as f64 - p)
            })
            .fold(0.0, f64::max);
        // Kolmogorov's statistic exceeds 1.95 once in a thousand samples.
        let statistic = distance * (COUNT as f64).sqrt();
        assert!(statistic < 1.95, "{name}: Kolmogorov-Smirnov {statistic:.3}");
    }
}

#[test]
fn draws_have_the_mean_and_variance_of_theory() {
    const COUNT: f64 = 1_000_000.0;
    for Case { name, dist, .. } in cases() {
        let mut stream = stream(name);
        let draws: Vec<f64> = (0..COUNT as usize).map(|_| dist.sample(&mut stream)).collect();
        let mean = draws.iter().sum::<f64>() / COUNT;
        let moment = |order: i32| {
            let power = |x: f64| (0..order).fold(1.0, |product, _| product * x);
            draws.iter().map(|draw| power(draw - dist.mean())).sum::<f64>() / COUNT
        };
        let (variance, fourth) = (moment(2), moment(4));
        let mean_error = (mean - dist.mean()) / (variance / COUNT).sqrt();
        let variance_error = (variance - dist.variance()) / ((fourth - variance * variance) / COUNT).sqrt();
        assert!(mean_error.abs() < 4.0, "{name}: the mean is off by {mean_error:.2} standard errors");
        assert!(variance_error.abs() < 4.0, "{name}: the variance is off by {variance_error:.2}");
    }
}

#[test]
fn moments_are_the_integrals_of_the_quantile_function() {
    const STRATA: u32 = 1_000_000;
    for Case { name, dist, cdf } in cases() {
        let (mut sum, mut squares) = (0.0, 0.0);
        for stratum in 0..STRATA {
            let Some(value) = dist.quantile((f64::from(stratum) + 0.5) / f64::from(STRATA)) else { continue };
            sum += value;
            squares += value * value;
        }
        if sum == 0.0 {
            continue; // no closed inverse
        }
        let (mean, square) = (sum / f64::from(STRATA), squares / f64::from(STRATA));
        let expected = dist.variance() + dist.mean() * dist.mean();
        assert!((mean / dist.mean() - 1.0).abs() < 1e-4, "{name}: mean {mean}, not {}", dist.mean());
        assert!((square / expected - 1.0).abs() < 5e-3, "{name}: second moment {square}, not {expected}");
        for p in [1e-6, 0.1, 0.5, 0.75, 0.999] {
            let back = cdf(dist.quantile(p).unwrap());
            assert!((back / p - 1.0).abs() < 1e-9, "{name}: {p} becomes {back}");
        }
    }
}

#[test]
fn a_larger_uniform_number_never_gives_a_smaller_value() {
    struct Given(u64);
    impl Uniform for Given {
        fn bits(&mut self) -> u64 {
            self.0
        }
    }
    let weighted = Dist::empirical_values(vec![(3.0, 1.0), (1.0, 2.0), (2.0, 0.5)]).unwrap();
    let inverted = cases()
        .into_iter()
        .map(|case| (case.name, case.dist))
        .filter(|(_, dist)| dist.quantile(0.5).is_some());
    for (name, dist) in inverted.chain([("empirical values", weighted)]) {
        let mut last = 0.0;
        for step in 0..100_000_u64 {
            let bits = step * (u64::MAX / 100_000);
            let draw = dist.sample(&mut Given(bits));
            let quantile = dist.quantile(Given(bits).unit()).unwrap();
            assert!(draw >= last, "{name}: {draw} follows {last}");
            assert!(
                (draw - quantile).abs() <= 1e-9 * quantile,
                "{name}: {draw} is not the quantile {quantile}"
            );
            last = draw;
        }
        let (least, greatest) = (dist.sample(&mut Given(0)), dist.sample(&mut Given(u64::MAX)));
        assert!(least >= 0.0 && greatest.is_finite(), "{name}: {least} … {greatest}");
    }
}

#[test]
fn weighted_values_come_as_often_as_their_weights() {
    let points = vec![(30.0, 1.0), (10.0, 4.0), (20.0, 0.0), (40.0, 3.0), (10.0, 2.0)];
    let dist = Dist::empirical_values(points).unwrap();
    assert!((dist.mean() - 21.0).abs() < 1e-12 && (dist.variance() - 189.0).abs() < 1e-9, "{dist:?}");
    assert_eq!(
        [0.1, 0.6, 0.61, 0.7, 0.71, 1.0].map(|p| dist.quantile(p).unwrap()),
        [10.0, 10.0, 30.0, 30.0, 40.0, 40.0]
    );
    let mut stream = stream("weights");
    let mut counts = [0_i32; 5];
    for _ in 0..100_000 {
        counts[(dist.sample(&mut stream) / 10.0) as usize] += 1;
    }
    assert_eq!((counts[0], counts[2]), (0, 0));
    // Standard deviations: √(np(1−p)) = 155, 95, 145.
    assert!((counts[1] - 60_000).abs() < 620 && (counts[3] - 10_000).abs() < 380, "{counts:?}");
    assert!((counts[4] - 30_000).abs() < 580, "{counts:?}");
}

#[test]
fn constructors_agree_on_what_they_describe() {
    let close = |a: f64, b: f64| assert!((a / b - 1.0).abs() < 1e-12, "{a} is not {b}");
    let lognormal = Dist::lognormal_mean_cv(3.0, 2.0).unwrap();
    close(lognormal.mean(), 3.0);
    close(lognormal.scv(), 4.0);
    let fitted = Dist::lognormal_percentiles((0.99, 30.0), (0.5, 2.0)).unwrap();
    close(fitted.quantile(0.5).unwrap(), 2.0);
    close(fitted.quantile(0.99).unwrap(), 30.0);
    let gamma = Dist::gamma(10.0, 0.5).unwrap();
    close(gamma.mean(), 10.0);
    close(gamma.variance(), 25.0);
    assert_eq!(gamma, Dist::erlang(10.0, 4).unwrap());
    close(Dist::weibull_mean_shape(7.0, 0.7).unwrap().mean(), 7.0);
    // Γ(1 + 2/k)/Γ(1 + 1/k)² − 1 ≈ π²/6k² for large k.
    let peaked = Dist::weibull_mean_shape(1.0, 1e4).unwrap().scv() / 1.644_934e-8;
    assert!((peaked - 1.0).abs() < 1e-3, "{peaked}");
    // A shape that meets the order of the moment: E[X] = ln(h/l) / (1/l − 1/h).
    close(Dist::bounded_pareto(1.0, 10.0, 1.0).unwrap().mean(), libm::log(10.0) / 0.9);
}

#[test]
fn limits_are_constant_or_exponential() {
    let constant = |value| Dist::constant(value).unwrap();
    for (dist, limit) in [
        (Dist::uniform(3.0, 3.0), constant(3.0)),
        (Dist::exponential(0.0), Dist::ZERO),
        (Dist::lognormal_mean_cv(3.0, 0.0), constant(3.0)),
        (Dist::lognormal_mean_cv(0.0, 2.0), Dist::ZERO),
        (Dist::lognormal_percentiles((0.5, 3.0), (0.9, 3.0)), constant(3.0)),
        (Dist::gamma(3.0, 0.0), constant(3.0)),
        (Dist::gamma(3.0, 1.0), Dist::exponential(3.0).unwrap()),
        (Dist::erlang(3.0, 1), Dist::exponential(3.0).unwrap()),
        (Dist::erlang(0.0, 3), Dist::ZERO),
        (Dist::weibull(3.0, 1.0), Dist::exponential(3.0).unwrap()),
        (Dist::weibull_mean_shape(0.0, 2.0), Dist::ZERO),
        (Dist::bounded_pareto(3.0, 3.0, 1.5), constant(3.0)),
    ] {
        assert_eq!(dist, Ok(limit));
    }
}

#[test]
fn scaling_scales_every_draw() {
    for Case { name, dist, .. } in cases() {
        let scaled = dist.scaled(1e6);
        let (mut one, mut other) = (stream(name), stream(name));
        for _ in 0..1_000 {
            let (draw, scaled) = (dist.sample(&mut one), scaled.sample(&mut other));
            assert!((scaled / draw / 1e6 - 1.0).abs() < 1e-12, "{name}: {draw} became {scaled}");
        }
        assert!((scaled.mean() / dist.mean() / 1e6 - 1.0).abs() < 1e-12, "{name}");
        assert!((scaled.scv() / dist.scv() - 1.0).abs() < 1e-9, "{name}");
        assert!(dist.scaled(0.0).is_zero() && !scaled.is_zero(), "{name}");
    }
    assert_eq!(Dist::ZERO.scv(), 0.0);
}

#[test]
#[should_panic(expected = "cannot be scaled by -1")]
fn a_negative_factor_is_refused() {
    let _ = Dist::ZERO.scaled(-1.0);
}

#[test]
fn every_law_has_its_row() {
    let mut names: Vec<&str> = cases().iter().map(|case| case.dist.help().name).collect();
    names.extend([Dist::ZERO.help().name, "erlang"]);
    for row in DISTRIBUTIONS {
        assert!(names.contains(&row.name), "{}", row.name);
        assert!(!row.parameters.is_empty() && row.doc.ends_with('.'), "{}", row.name);
    }
    for name in names {
        assert_eq!(DISTRIBUTIONS.iter().filter(|row| row.name == name).count(), 1, "{name}");
    }
}

#[test]
fn bad_parameters_are_named() {
    let text = refused().map(|dist| dist.unwrap_err().to_string());
    insta::assert_snapshot!(text.join("\n"), @r"
    the value of a constant is finite and not negative, not -1
    the value of a constant is finite and not negative, not NaN
    the low end of a uniform distribution (5) exceeds its high end (2)
    the low end of a uniform distribution is finite and not negative, not -1
    the high end of a uniform distribution is finite and not negative, not inf
    the mean of an exponential distribution is finite and not negative, not -1
    the mean of an exponential distribution is finite and not negative, not inf
    the mean of a lognormal distribution is finite and not negative, not -1
    the cv of a lognormal distribution is finite and not negative, not NaN
    the squared cv of a lognormal distribution is finite, not inf
    a lognormal distribution needs two different percentiles, not 0.5 twice
    a percentile of a lognormal distribution lies between 0 and 1, not 1
    a percentile of a lognormal distribution lies between 0 and 1, not 99
    the value at a percentile of a lognormal distribution is finite and above zero, not 0
    the value at percentile 0.5 (3) exceeds the value at percentile 0.9 (2)
    the cv of a gamma distribution is finite and not negative, not -0.5
    the shape 1/cv² of a gamma distribution is finite, not inf
    the shape 1/cv² of a gamma distribution is finite and above zero, not 0
    an Erlang distribution has at least one stage
    the mean of an Erlang distribution is finite and not negative, not NaN
    the shape of a Weibull distribution is finite and above zero, not 0
    the scale of a Weibull distribution is finite and not negative, not -1
    the variance of a Weibull distribution of this shape is finite, not inf
    the mean of a Weibull distribution of this shape is finite, not inf
    the low end of a Pareto distribution is finite and above zero, not 0
    the low end of a Pareto distribution (2) exceeds its high end (1)
    the shape of a Pareto distribution is finite and above zero, not 0
    the shape of a Pareto distribution is too small: 0.00000000000000000001
    the sum of the weights of an empirical distribution is finite and above zero, not 0
    the sum of the weights of an empirical distribution is finite and above zero, not 0
    a value of an empirical distribution is finite and not negative, not -1
    a weight of an empirical distribution is finite and not negative, not NaN
    quantile points begin with probability 0 (the minimum) and end with 1 (the maximum)
    quantile points begin with probability 0 (the minimum) and end with 1 (the maximum)
    the probabilities of quantile points grow: NaN follows 0
    the values of quantile points never fall: 0.5 follows 1
    the value of a quantile point is finite and not negative, not NaN
    ");
}

#[test]
fn a_law_draws_the_same_numbers_for_ever() {
    let line = |Case { name, dist, .. }: Case| {
        let mut stream = stream("golden");
        let mut draws = Key::new(&[1, 2, 3]).draws(Purpose(4), 5, 6, 7);
        let [a, b] = [dist.sample(&mut stream), dist.sample(&mut stream)].map(f64::to_bits);
        format!("{name}: {a:016x} {b:016x} {:016x}", dist.sample(&mut draws).to_bits())
    };
    insta::assert_snapshot!(cases().into_iter().map(line).collect::<Vec<_>>().join("\n"), @r"
    uniform: 40118ac0f2822a10 400b982d3f42611d 4013a560fa5735a2
    exponential: 40195e75918f5251 40051df9b2dcf73f 402c2fea4fc14276
    hyperexponential: 400ea1c35d611caf 3ff544820466872a 4031d6fe885e4770
    lognormal: 400e8c5157d37c58 3ff457c4ce3872f3 402d71a6889347f8
    erlang 4: 402b6a0fd7e6e900 40341564343c0ec5 4035809d7da0f434
    gamma, shape 1/2: 40294f058ce33e15 40128247b2ddb04a 403225dd5b786590
    weibull, heavy: 400ee8e6a6d2a545 3ff1abdeb7bcbe51 40282dc16444d847
    weibull, peaked: 4002a841a2109a48 3ffbdc1bf42f9301 400858c2b02d1744
    pareto: 400d9b06330d1d1e 3ffba4ee2c8d4f9c 403101ab6bb727f9
    empirical quantiles: 4013ce83285c8c33 3fff7591a9add6d1 402fbd817bf2e36b
    ");
}

fn refused() -> [Result<Dist, DistError>; 37] {
    [
        Dist::constant(-1.0),
        Dist::constant(f64::NAN),
        Dist::uniform(5.0, 2.0),
        Dist::uniform(-1.0, 2.0),
        Dist::uniform(0.0, f64::INFINITY),
        Dist::exponential(-1.0),
        Dist::exponential(f64::INFINITY),
        Dist::lognormal_mean_cv(-1.0, 1.0),
        Dist::lognormal_mean_cv(1.0, f64::NAN),
        Dist::lognormal_mean_cv(1.0, 1e200),
        Dist::lognormal_percentiles((0.5, 1.0), (0.5, 2.0)),
        Dist::lognormal_percentiles((0.5, 1.0), (1.0, 2.0)),
        Dist::lognormal_percentiles((99.0, 1.0), (0.5, 2.0)),
        Dist::lognormal_percentiles((0.5, 0.0), (0.9, 2.0)),
        Dist::lognormal_percentiles((0.5, 3.0), (0.9, 2.0)),
        Dist::gamma(1.0, -0.5),
        Dist::gamma(1.0, 1e-200),
        Dist::gamma(1.0, 1e200),
        Dist::erlang(1.0, 0),
        Dist::erlang(f64::NAN, 2),
        Dist::weibull(1.0, 0.0),
        Dist::weibull(-1.0, 2.0),
        Dist::weibull(1.0, 0.005),
        Dist::weibull_mean_shape(1.0, 0.001),
        Dist::bounded_pareto(0.0, 1.0, 1.0),
        Dist::bounded_pareto(2.0, 1.0, 1.0),
        Dist::bounded_pareto(1.0, 2.0, 0.0),
        Dist::bounded_pareto(1.0, 2.0, 1e-20),
        Dist::empirical_values(vec![]),
        Dist::empirical_values(vec![(1.0, 0.0)]),
        Dist::empirical_values(vec![(-1.0, 1.0)]),
        Dist::empirical_values(vec![(1.0, f64::NAN)]),
        Dist::empirical_quantiles(&[]),
        Dist::empirical_quantiles(&[(0.5, 1.0), (0.99, 2.0)]),
        Dist::empirical_quantiles(&[(0.0, 1.0), (f64::NAN, 1.5), (1.0, 2.0)]),
        Dist::empirical_quantiles(&[(0.0, 1.0), (0.5, 0.5), (1.0, 2.0)]),
        Dist::empirical_quantiles(&[(0.0, 1.0), (1.0, f64::NAN)]),
    ]
}
