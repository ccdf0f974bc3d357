//! What holds of every policy.

use super::testing::{assert_shares, stream};
use super::*;
use crate::policy::available::Available;
use proptest::prelude::*;

#[test]
fn the_table_has_a_row_for_every_policy() {
    for (position, row) in BALANCERS.iter().enumerate() {
        assert_eq!(row.policy as usize, position, "rows stand in the order of the policies");
        assert!(row.doc.ends_with('.') && row.used_by.ends_with('.'), "{}", row.policy.name());
        let targets = Targets::new(row.policy, "default/web", 5);
        let mut balancer = Balancer::new(row.policy, &targets);
        let loads = [EndpointLoad::new(row.policy, Span::ZERO, Span::ZERO, SimTime::ZERO); 5];
        let picked = balancer.pick(&targets, &loads[..], SimTime::ZERO, 7, &mut stream(0));
        assert!(picked < 5, "{}", row.policy.name());
    }
}

#[test]
fn a_single_endpoint_is_always_picked() {
    for row in &BALANCERS {
        let targets = Targets::new(row.policy, "default/web", 1);
        let mut balancer = Balancer::new(row.policy, &targets);
        let loads = [EndpointLoad::new(
            BalancingPolicy::PeakEwma,
            Span::from_millis(30),
            Span::from_seconds(10),
            SimTime::ZERO,
        )];
        for hash in [0, 1, u64::MAX / 2, u64::MAX] {
            assert_eq!(
                balancer.pick(&targets, &loads[..], SimTime::ZERO, hash, &mut stream(0)),
                0,
                "{}",
                row.policy.name()
            );
        }
    }
}

#[test]
fn pairs_are_distinct_and_equally_likely() {
    let mut uniform = stream(1);
    let mut counts = vec![0_u32; 25];
    for _ in 0..200_000 {
        let (first, second) = distinct_pair(5, &mut uniform);
        counts[(first * 5 + second) as usize] += 1;
    }
    let expected: Vec<f64> = (0..25).map(|cell| f64::from(u8::from(cell / 5 != cell % 5)) / 20.0).collect();
    assert_shares(&counts, &expected);
}

#[test]
fn only_answers_teach_response_times() {
    let mut load = EndpointLoad::new(
        BalancingPolicy::PeakEwma,
        Span::from_millis(30),
        Span::from_seconds(10),
        SimTime::ZERO,
    );
    let before = load.latency;
    load.started();
    load.started();
    load.abandoned();
    assert_eq!((load.active, load.latency), (1, before));
    load.finished(Span::from_millis(50), SimTime::from_nanos(50_000_000));
    assert_eq!(load.active, 0);
    assert_ne!(load.latency, before);
}

/// What a caller knows of endpoints with these calls under way.
fn loads(policy: BalancingPolicy, active: &[u32]) -> Vec<EndpointLoad> {
    let unknown = EndpointLoad::new(policy, Span::from_millis(30), Span::from_seconds(10), SimTime::ZERO);
    active.iter().map(|&active| EndpointLoad { active, ..unknown }).collect()
}

fn call(hash: u64, tried: &[u32]) -> Call<'_> {
    Call { now: SimTime::ZERO, hash, tried }
}

proptest! {
    #[test]
    fn with_all_in_rotation_picks_are_those_without_a_rotation(active in prop::collection::vec(0_u32..5, 1..12), seed: u32, hashes in prop::collection::vec(any::<u64>(), 1..30)) {
        let endpoints = active.len() as u32;
        for row in &BALANCERS {
            let targets = Targets::new(row.policy, "default/web", endpoints);
            let loads = loads(row.policy, &active);
            let (mut plain, mut among) = (Balancer::new(row.policy, &targets), Balancer::new(row.policy, &targets));
            let (mut uniform, mut same) = (stream(seed), stream(seed));
            for &hash in &hashes {
                let picked = plain.pick(&targets, &loads[..], SimTime::ZERO, hash, &mut uniform);
                let available = Available::all(endpoints);
                let from_rotation = among.pick_among(&targets, &available, &loads[..], &call(hash, &[]), &mut same);
                prop_assert_eq!(from_rotation, Some(picked), "{}", row.policy.name());
            }
        }
    }

    #[test]
    fn picks_from_a_rotation_are_picks_of_fewer_endpoints(active in prop::collection::vec((0_u32..5, any::<bool>()), 1..12), seed: u32) {
        // The obvious twin: filter, then pick.
        let endpoints = active.len() as u32;
        let kept: Vec<u32> = (0..endpoints).filter(|&endpoint| active[endpoint as usize].1).collect();
        let mut available = Available::all(endpoints);
        for gone in (0..endpoints).filter(|endpoint| !kept.contains(endpoint)) {
            available.remove(gone);
        }
        let all: Vec<u32> = active.iter().map(|row| row.0).collect();
        let few: Vec<u32> = kept.iter().map(|&endpoint| all[endpoint as usize]).collect();
        for policy in [BalancingPolicy::Random, BalancingPolicy::LeastRequest, BalancingPolicy::PeakEwma, BalancingPolicy::PerConnection] {
            let targets = Targets::new(policy, "default/web", endpoints);
            let mut balancer = Balancer::new(policy, &targets);
            let (mut uniform, mut same) = (stream(seed), stream(seed));
            let known = loads(policy, &all);
            let picked = (0..20).map(|_| balancer.pick_among(&targets, &available, &known[..], &call(0, &[]), &mut uniform));
            let picked: Vec<Option<u32>> = picked.collect();
            if kept.is_empty() {
                prop_assert_eq!(picked, vec![None; 20]);
                continue;
            }
            let targets = Targets::new(policy, "default/web", few.len() as u32);
            let known = loads(policy, &few);
            let filtered = (0..20).map(|_| {
                let position = balancer.pick(&targets, &known[..], SimTime::ZERO, 0, &mut same);
                Some(kept[position as usize])
            });
            prop_assert_eq!(picked, filtered.collect::<Vec<_>>(), "{}", policy.name());
        }
    }
}

#[test]
fn what_is_out_of_rotation_is_never_picked() {
    let mut available = Available::all(6);
    for gone in [0, 2, 5] {
        available.remove(gone);
    }
    for row in &BALANCERS {
        let targets = Targets::new(row.policy, "default/web", 6);
        let mut balancer = Balancer::new(row.policy, &targets);
        let (loads, mut uniform) = (loads(row.policy, &[0; 6]), stream(2));
        let mut counts = [0_u32; 6];
        for _ in 0..3000 {
            let hash = uniform.bits();
            let picked =
                balancer.pick_among(&targets, &available, &loads[..], &call(hash, &[]), &mut uniform);
            counts[picked.expect("three are left") as usize] += 1;
        }
        assert_eq!((counts[0], counts[2], counts[5]), (0, 0, 0), "{}", row.policy.name());
        assert!(counts.iter().all(|&count| count == 0 || count > 700), "{}: {counts:?}", row.policy.name());
    }
}

#[test]
fn tried_endpoints_are_drawn_anew_five_times() {
    let targets = Targets::new(BalancingPolicy::Random, "default/web", 4);
    let mut balancer = Balancer::new(BalancingPolicy::Random, &targets);
    let (loads, mut uniform) = (loads(BalancingPolicy::Random, &[0; 4]), stream(3));
    let (rounds, mut again) = (100_000, 0_u32);
    for _ in 0..rounds {
        let picked =
            balancer.pick_among(&targets, &Everyone(4), &loads[..], &call(0, &[0, 1, 2]), &mut uniform);
        again += u32::from(picked != Some(3));
    }
    // All six draws hit one of the three that were tried: (3/4)^6.
    let expected = 729.0 / 4096.0 * f64::from(rounds);
    assert!(
        (f64::from(again) - expected).abs() < 4.0 * (expected * (1.0 - 729.0 / 4096.0)).sqrt(),
        "{again}"
    );
    let only = balancer.pick_among(&targets, &[2][..], &loads[..], &call(0, &[2]), &mut uniform);
    assert_eq!(only, Some(2), "there is no other");
}

#[test]
fn a_hash_goes_elsewhere_after_a_failure() {
    for policy in [BalancingPolicy::RingHash, BalancingPolicy::Maglev] {
        let targets = Targets::new(policy, "default/web", 10);
        let mut balancer = Balancer::new(policy, &targets);
        let (loads, mut uniform) = (loads(policy, &[0; 10]), stream(4));
        let elsewhere = (0..1000).filter(|_| {
            let hash = uniform.bits();
            let first = balancer.pick(&targets, &loads[..], SimTime::ZERO, hash, &mut stream(0));
            let second = balancer.pick_among(
                &targets,
                &Everyone(10),
                &loads[..],
                &call(hash, &[first]),
                &mut stream(0),
            );
            second != Some(first)
        });
        assert!(elsewhere.count() > 990, "{}", policy.name());
    }
}
