//! What holds for every kind of open arrivals: rates, order, independence, golden times.

use super::*;
use crate::kernel::dist::Dist;
use crate::kernel::rng::{Purpose, Stream};
use crate::units::{Rate, Ratio};
use crate::vocabulary::Phase;

fn rate(per_second: f64) -> Rate {
    Rate::per_second(per_second).expect("a rate")
}

fn ratio(value: f64) -> Ratio {
    Ratio::new(value).expect("a ratio")
}

fn poisson() -> Arrivals {
    Arrivals::Poisson { rate: rate(1000.0) }
}

fn constant() -> Arrivals {
    Arrivals::Constant { rate: rate(700.0) }
}

fn up() -> Arrivals {
    Arrivals::Ramp { from: rate(0.0), to: rate(2000.0), over: Span::from_seconds(20) }
}

fn down() -> Arrivals {
    Arrivals::Ramp { from: rate(2000.0), to: rate(500.0), over: Span::from_seconds(20) }
}

fn diurnal(amplitude: f64) -> Arrivals {
    Arrivals::Diurnal { mean: rate(1000.0), amplitude: ratio(amplitude), period: Span::from_seconds(8) }
}

fn bursty() -> Arrivals {
    Arrivals::Bursty {
        calm_rate: rate(200.0),
        burst_rate: rate(3000.0),
        calm_mean: Span::from_millis(400),
        burst_mean: Span::from_millis(100),
    }
}

fn trace() -> Arrivals {
    Arrivals::Trace { times: (0..30_000).map(|n| Span::from_nanos(n * n * 50)).collect() }
}

fn every_open_kind() -> Vec<Arrivals> {
    vec![poisson(), constant(), up(), down(), diurnal(0.5), diurnal(1.0), bursty(), trace()]
}

fn stream(replication: u32) -> Stream {
    Stream::new(1, Purpose(1), "arrivals", replication)
}

/// All arrivals before `end` seconds, in seconds.
fn times(arrivals: &Arrivals, replication: u32, end: f64) -> Vec<f64> {
    let (mut open, mut stream) = (OpenArrivals::new(arrivals).expect("open"), stream(replication));
    std::iter::from_fn(|| open.next(&mut stream))
        .map(SimTime::seconds)
        .take_while(|&time| time < end)
        .collect()
}

/// Numbers of arrivals in `windows` equal parts of [0, end).
fn counts(arrivals: &Arrivals, replication: u32, end: f64, windows: usize) -> Vec<f64> {
    let mut counts = vec![0.0; windows];
    for time in times(arrivals, replication, end) {
        counts[(time / end * windows as f64) as usize] += 1.0;
    }
    counts
}

fn mean_and_variance(values: &[f64]) -> (f64, f64) {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    (mean, squares / (values.len() - 1) as f64)
}

#[test]
fn the_table_has_a_row_for_every_kind() {
    let closed = Arrivals::Closed { users: 1, think_time: Dist::ZERO };
    let paced = Arrivals::Paced { connections: 1, rate: rate(1.0), phase: Phase::Spread, catch_up: true };
    let kinds = [poisson(), constant(), up(), diurnal(0.5), bursty(), trace(), closed, paced];
    assert!(kinds.iter().map(help).eq(ARRIVALS.iter()));
    assert!(ARRIVALS.iter().all(|row| row.doc.ends_with('.') && !row.parameters.is_empty()));
    assert!(kinds.iter().take(6).all(|kind| OpenArrivals::new(kind).is_some()));
    assert!(kinds.iter().skip(6).all(|kind| OpenArrivals::new(kind).is_none()));
}

#[test]
fn arrivals_ascend() {
    for arrivals in every_open_kind() {
        let times = times(&arrivals, 0, 40.0);
        assert!(times.is_sorted(), "{}", help(&arrivals).name);
        assert!(times.len() > 20_000, "{}: {}", help(&arrivals).name, times.len());
    }
}

#[test]
fn each_window_sees_the_expected_number() {
    // Poisson kinds given their rate: 10 windows of 4 s, each within 4.5 deviations of the square root law.
    for arrivals in [poisson(), up(), down(), diurnal(0.5), diurnal(1.0)] {
        for (window, &count) in counts(&arrivals, 3, 40.0, 10).iter().enumerate() {
            let start = Span::from_seconds(4 * window as u64);
            let end = start.nanos() + 4_000_000_000;
            let expected =
                expected(&arrivals, SimTime::ZERO + start, SimTime::from_nanos(end)).expect("open");
            assert!(
                (count - expected).abs() < 4.5 * expected.sqrt(),
                "{arrivals:?} {window}: {count} {expected}"
            );
        }
    }
}

#[test]
fn counts_are_poisson() {
    // The index of dispersion, variance / mean, is 1; over n windows it deviates by sqrt(2/(n − 1)).
    let (mean, variance) = mean_and_variance(&counts(&poisson(), 0, 200.0, 10_000));
    let dispersion = variance / mean;
    assert!((dispersion - 1.0).abs() < 4.5 * (2.0_f64 / 9999.0).sqrt(), "{dispersion}");
    // Over one period's windows of the swing: the same window of many replications.
    let late: Vec<f64> = (0..2000).map(|run| counts(&diurnal(1.0), run, 0.4, 2)[1]).collect();
    let (mean, variance) = mean_and_variance(&late);
    assert!((variance / mean - 1.0).abs() < 4.5 * (2.0_f64 / 1999.0).sqrt(), "{}", variance / mean);
    let expected =
        expected(&diurnal(1.0), SimTime::from_nanos(200_000_000), SimTime::from_nanos(400_000_000));
    assert!((mean - expected.expect("open")).abs() < 4.5 * (mean / 2000.0).sqrt(), "{mean}");
}

#[test]
fn bursts_have_the_mean_and_dispersion_of_their_process() {
    // Early, the source is still calm: 50 ms windows of many replications against the closed form.
    let runs = 4000;
    let early: Vec<Vec<f64>> = (0..runs).map(|run| counts(&bursty(), run, 0.4, 8)).collect();
    for window in 0..8 {
        let values: Vec<f64> = early.iter().map(|counts| counts[window]).collect();
        let (mean, variance) = mean_and_variance(&values);
        let from = SimTime::from_nanos(window as u64 * 50_000_000);
        let expected = expected(&bursty(), from, from + Span::from_millis(50)).expect("open");
        assert!(
            (mean - expected).abs() < 4.5 * (variance / f64::from(runs)).sqrt(),
            "{window}: {mean} {expected}"
        );
    }
    // In the long run: variance / mean = 1 + 2(λ₁−λ₂)² r₁r₂ / ((r₁+r₂)² (λ₁r₂+λ₂r₁)), with r the rates of leaving a
    // phase (Fischer and Meier-Hellstern, "The Markov-modulated Poisson process cookbook", 1993). Windows of 20 s are
    // 250 relaxation times long, which lowers it by 0.4 %.
    let (mean, variance) = mean_and_variance(&counts(&bursty(), 0, 20_000.0, 1000));
    let (calm, burst, leave_calm, leave_burst) = (200.0, 3000.0, 2.5, 10.0);
    let both = leave_calm + leave_burst;
    let rate = (calm * leave_burst + burst * leave_calm) / both;
    let difference = burst - calm;
    let dispersion =
        1.0 + 2.0 * difference * difference * leave_calm * leave_burst / (both * both * both * rate);
    assert!((mean - 20.0 * rate).abs() < 4.5 * (variance / 1000.0).sqrt(), "{mean}");
    assert!(
        (variance / mean / dispersion - 1.0).abs() < 4.5 * (2.0_f64 / 999.0).sqrt(),
        "{}",
        variance / mean
    );
}

#[test]
fn equal_spacing_is_exact() {
    let times = times(&constant(), 0, 10_000.0);
    assert!(times[0] > 0.0 && times[0] < 1.0 / 700.0);
    assert_eq!(times.len(), 7_000_000);
    for (n, time) in times.iter().enumerate() {
        assert!((time - times[0] - n as f64 / 700.0).abs() < 1.01e-9, "{n}");
    }
    let starts: Vec<f64> = (0..1000).map(|run| self::times(&constant(), run, 0.01)[0] * 700.0).collect();
    let (mean, variance) = mean_and_variance(&starts);
    assert!((mean - 0.5).abs() < 4.5 * (1.0_f64 / 12.0 / 1000.0).sqrt(), "{mean}");
    assert!((variance * 12.0 - 1.0).abs() < 0.13, "{variance}");
}

#[test]
fn a_trace_is_what_it_says() {
    let times = times(&trace(), 0, f64::INFINITY);
    assert_eq!((times.len(), times[1000]), (30_000, 0.05));
    let window = |from, to| expected(&trace(), SimTime::from_nanos(from), SimTime::from_nanos(to));
    assert_eq!(window(0, 50_000_000), Some(1000.0));
    assert_eq!(window(50_000_000, 50_000_001), Some(1.0));
}

#[test]
fn offered_load_of_closed_kinds() {
    let end = SimTime::from_nanos(3_000_000_000);
    let paced = Arrivals::Paced { connections: 8, rate: rate(50.0), phase: Phase::Jittered, catch_up: true };
    assert_eq!(expected(&paced, SimTime::ZERO, end), Some(150.0));
    assert_eq!(expected(&Arrivals::Closed { users: 5, think_time: Dist::ZERO }, SimTime::ZERO, end), None);
}

#[test]
fn a_higher_rate_moves_every_arrival_forward_and_draws_nothing_anew() {
    let slow = times(&Arrivals::Poisson { rate: rate(100.0) }, 0, 10.0);
    let fast = times(&Arrivals::Poisson { rate: rate(200.0) }, 0, 5.0);
    assert_eq!(slow.len(), fast.len());
    assert!(slow.iter().zip(&fast).all(|(slow, fast)| (slow - 2.0 * fast).abs() < 2e-9));
}

#[test]
fn without_a_rate_nothing_arrives() {
    let second = Span::from_seconds(1);
    for arrivals in [
        Arrivals::Poisson { rate: Rate::ZERO },
        Arrivals::Constant { rate: Rate::ZERO },
        Arrivals::Ramp { from: Rate::ZERO, to: Rate::ZERO, over: second },
        Arrivals::Diurnal { mean: Rate::ZERO, amplitude: ratio(1.0), period: second },
        Arrivals::Bursty {
            calm_rate: Rate::ZERO,
            burst_rate: rate(5.0),
            calm_mean: second,
            burst_mean: Span::ZERO,
        },
        Arrivals::Trace { times: Vec::new() },
    ] {
        assert_eq!(OpenArrivals::new(&arrivals).expect("open").next(&mut stream(0)), None, "{arrivals:?}");
        assert_eq!(expected(&arrivals, SimTime::ZERO, SimTime::ZERO + second), Some(0.0), "{arrivals:?}");
    }
}

#[test]
fn arrivals_are_the_same_for_ever() {
    let mut golden = Vec::new();
    let mut row = |name: &str, nanos: Vec<String>| golden.push(format!("{name}: {}", nanos.join(" ")));
    for arrivals in every_open_kind() {
        let (mut open, mut stream) = (OpenArrivals::new(&arrivals).expect("open"), stream(0));
        let next = |_| open.next(&mut stream).expect("more come").nanos().to_string();
        row(help(&arrivals).name, (0..5).map(next).collect());
    }
    let mut stream = stream(0);
    let pacer = Pacer::new(3, rate(300.0), Phase::Jittered, &mut stream);
    row("paced", (0..5).map(|n| pacer.tick(1, n, &mut stream).nanos().to_string()).collect());
    insta::assert_snapshot!(golden.join("\n"));
}
