//! Rotations by hand, what becomes of them while nobody issues, and waves after a mass start.

use super::*;
use crate::kernel::rng::{Purpose, Stream};
use proptest::prelude::*;

fn seconds(seconds: f64) -> SimTime {
    SimTime::ZERO + Span::from_seconds_f64(seconds)
}

fn stream() -> Stream {
    Stream::new(1, Purpose(1), "certificate", 0)
}

const HOUR: f64 = 3600.0;

#[test]
fn each_mesh_rotates_by_its_own_rule() {
    let mut uniform = stream();
    let start = seconds(1000.0);
    // Half of 24 h and 2 min, counted from 2 min before the issue.
    let next = Certificate::new(Policy::ztunnel()).issued(start, &mut uniform);
    assert_eq!(next, start + Span::from_seconds(12 * 3600 - 60));
    // 70 % of 24 h and 20 s.
    let next = Certificate::new(Policy::linkerd()).issued(start, &mut uniform);
    assert_eq!(next, start + Span::from_seconds(60_494));
    // Half of 24 h, 14.4 min more or less.
    for _ in 0..1000 {
        let next = Certificate::new(Policy::istio()).issued(start, &mut uniform);
        assert!((next.since(start).seconds() - 12.0 * HOUR).abs() <= 864.0);
    }
    let all = Rotation::Left { ratio: Ratio::ONE, jitter: Ratio::ZERO };
    let next = Certificate::new(Policy { rotation: all, ..Policy::istio() }).issued(start, &mut uniform);
    assert_eq!(next, start, "all of it left: at once");
    let bounded = Rotation::OfWhatIsLeft {
        ratio: Ratio::new(0.7).expect("a ratio"),
        min: Span::ZERO,
        max: Span::from_seconds(100),
    };
    let next =
        Certificate::new(Policy { rotation: bounded, ..Policy::linkerd() }).issued(start, &mut uniform);
    assert_eq!(next, start + Span::from_seconds(100));
}

#[test]
fn linkerd_asks_again_after_seven_tenths_of_what_is_left() {
    let (mut uniform, policy) = (stream(), Policy { life: Span::from_seconds(100), ..Policy::linkerd() });
    let mut certificate = Certificate::new(policy);
    assert_eq!(certificate.failed(seconds(3.0), &mut uniform), seconds(13.0), "it has none: after 10 s");
    let mut now = certificate.issued(SimTime::ZERO, &mut uniform);
    let mut asked = Vec::new();
    for _ in 0..4 {
        asked.push((now.seconds(), certificate.is_valid(now)));
        now = certificate.failed(now, &mut uniform);
    }
    assert_eq!(asked, [(70.0, true), (91.0, true), (101.0, false), (111.0, false)]);
    assert_eq!(certificate.issued(now, &mut uniform), now + Span::from_seconds(70));
    assert!(certificate.is_valid(now) && certificate.expiry() == Some(now + Span::from_seconds(100)));
}

#[test]
fn pauses_grow_by_half_and_scatter_by_half() {
    let mut uniform = stream();
    for (policy, longest) in [(Policy::istio(), 60.0), (Policy::ztunnel(), 150.0)] {
        let mut certificate = Certificate::new(policy);
        let mut pause = 0.5_f64;
        for _ in 0..20 {
            let waited = certificate.failed(SimTime::ZERO, &mut uniform).seconds();
            assert!((0.5 * pause..=1.5 * pause).contains(&waited), "{waited} of {pause}");
            pause = (1.5 * pause).min(longest);
        }
        assert_eq!(pause, longest);
        certificate.issued(SimTime::ZERO, &mut uniform);
        assert!(certificate.failed(SimTime::ZERO, &mut uniform).seconds() < 0.75, "counted anew");
    }
    let mean: f64 = (0..10_000)
        .map(|_| Certificate::new(Policy::istio()).failed(SimTime::ZERO, &mut uniform).seconds())
        .sum::<f64>()
        / 10_000.0;
    assert!((mean - 0.5).abs() < 0.006, "{mean}");
}

/// Times of the first and the second rotation of proxies that have started within a minute, in hours.
fn waves(policy: Policy) -> [Vec<f64>; 2] {
    let mut uniform = stream();
    let mut waves = [Vec::new(), Vec::new()];
    for number in 0..2000 {
        let mut certificate = Certificate::new(policy);
        let mut now = seconds(60.0 * f64::from(number) / 2000.0);
        for wave in &mut waves {
            now = certificate.issued(now, &mut uniform);
            wave.push(now.seconds() / HOUR);
        }
    }
    waves
}

#[test]
fn a_mass_start_comes_back_as_a_wave() {
    let width = |wave: &[f64]| {
        let (first, last) =
            wave.iter().fold((f64::MAX, 0.0_f64), |(first, last), &time| (first.min(time), last.max(time)));
        (last - first) * HOUR
    };
    let mean = |wave: &[f64]| wave.iter().sum::<f64>() / wave.len() as f64;
    // Istio's jitter spreads a minute over half an hour, and the second wave over an hour.
    let [first, second] = waves(Policy::istio());
    assert!((mean(&first) - 12.0).abs() < 0.02 && (mean(&second) - 24.0).abs() < 0.03);
    assert!((1700.0..1790.0).contains(&width(&first)), "{}", width(&first));
    assert!((3100.0..3520.0).contains(&width(&second)), "{}", width(&second));
    // In the first wave a proxy's time is uniform: as many in each quarter of it.
    let in_first_quarter = first.iter().filter(|&&time| time < 12.0 - 0.12 + 30.0 / HOUR).count();
    assert!(in_first_quarter.abs_diff(500) < 90, "{in_first_quarter}");
    // The others' waves are as sharp as the start, however often they come back.
    for (policy, hours) in [(Policy::ztunnel(), 11.983), (Policy::linkerd(), 16.804)] {
        let [first, second] = waves(policy);
        assert!((mean(&first) - hours).abs() < 0.01 && (mean(&second) - 2.0 * hours).abs() < 0.02, "{hours}");
        assert!(width(&first) < 60.001 && width(&second) < 60.001);
    }
}

proptest! {
    #[test]
    fn nobody_is_without_a_certificate_while_there_is_an_issuer(
        kind in 0_u8..3,
        life in 60_u64..200_000,
        answers in prop::collection::vec((any::<bool>(), 1_u64..2000), 1..60),
    ) {
        // The twin knows the whole history: when the last one was issued, and whether anybody has failed since.
        let policy = [Policy::istio(), Policy::ztunnel(), Policy::linkerd()][kind as usize];
        let policy = Policy { life: Span::from_seconds(life), ..policy };
        let (mut certificate, mut uniform) = (Certificate::new(policy), stream());
        let (mut now, mut issued): (SimTime, Option<SimTime>) = (SimTime::ZERO, None);
        for (is_issued, delay) in answers {
            let is_held = issued.is_some_and(|issued| now < issued + policy.life);
            prop_assert_eq!(certificate.is_valid(now), is_held);
            let next = if is_issued {
                now += Span::from_millis(delay);
                issued = Some(now);
                let next = certificate.issued(now, &mut uniform);
                prop_assert!(next < now + policy.life || life < 130, "before it expires");
                next
            } else {
                certificate.failed(now, &mut uniform)
            };
            prop_assert!(next > now || (is_issued && life < 130));
            now = next;
        }
    }
}
