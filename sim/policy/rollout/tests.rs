//! Kubernetes' rules by hand, steps against a twin that moves one pod at a time, and whole rollouts.

use super::*;
use proptest::prelude::*;

fn rolling(surge: Amount, unavailable: Amount) -> UpdateStrategy {
    UpdateStrategy::RollingUpdate { max_surge: surge, max_unavailable: unavailable }
}

fn set(replicas: u32, available: u32) -> ReplicaSet {
    ReplicaSet { replicas, available }
}

fn seconds(seconds: u64) -> SimTime {
    SimTime::ZERO + Span::from_seconds(seconds)
}

#[test]
fn surge_is_rounded_up_and_unavailable_down() {
    let percent = |surge, unavailable| rolling(Amount::Percent(surge), Amount::Percent(unavailable));
    for (replicas, strategy, expected) in [
        (10, UpdateStrategy::default(), (3, 2)),
        (4, UpdateStrategy::default(), (1, 1)),
        (3, UpdateStrategy::default(), (1, 0)),
        (1, UpdateStrategy::default(), (1, 0)),
        (0, UpdateStrategy::default(), (0, 0)),
        (3, percent(0, 25), (0, 1)),
        (1, percent(0, 0), (0, 1)),
        (2, percent(100, 25), (2, 0)),
        (3, rolling(Amount::Pods(2), Amount::Pods(5)), (2, 3)),
        (7, UpdateStrategy::Recreate, (0, 7)),
    ] {
        assert_eq!(strategy.bounds(replicas), expected, "{replicas} {strategy:?}");
    }
}

#[test]
fn ten_pods_are_replaced_step_by_step() {
    // The example in the comments of rolling.go: 10 replicas, 2 unavailable, 3 more.
    let strategy = rolling(Amount::Pods(3), Amount::Pods(2));
    let (mut old, mut new) = ([set(10, 10)], set(0, 0));
    let mut steps = Vec::new();
    for _ in 0..4 {
        steps.push((step(strategy, 10, &mut old, &mut new, 0), old[0].replicas, new.replicas));
        old[0].available = old[0].available.min(old[0].replicas);
    }
    let expected =
        [(Step::Added(3), 10, 3), (Step::Removed(2), 8, 3), (Step::Added(2), 8, 5), (Step::Nothing, 8, 5)];
    assert_eq!(steps, expected);
    // A new pod that becomes available lets one old one go, which makes room for another new one.
    new.available = 1;
    assert_eq!(step(strategy, 10, &mut old, &mut new, 2), Step::Removed(1));
    assert_eq!(step(strategy, 10, &mut old, &mut new, 3), Step::Added(1));
    // The new ones crash and one old one becomes unavailable: nothing is taken away.
    let (mut old, mut new) = ([set(8, 7)], set(5, 0));
    assert_eq!(step(strategy, 10, &mut old, &mut new, 0), Step::Nothing);
    // Rolled back: what was new is old, and 13 − 8 − 1 of the pods that crash go.
    let (mut old, mut new) = ([set(5, 0)], set(8, 7));
    assert_eq!(step(strategy, 10, &mut old, &mut new, 0), Step::Removed(4));
    assert_eq!(step(strategy, 10, &mut old, &mut new, 0), Step::Added(2));
    // Rolled over: no room for a third version until pods that crash are gone.
    let (mut old, mut new) = ([set(8, 8), set(5, 0)], set(0, 0));
    assert_eq!(step(strategy, 10, &mut old, &mut new, 0), Step::Removed(5));
    assert_eq!((old, step(strategy, 10, &mut old, &mut new, 0)), ([set(8, 8), set(0, 0)], Step::Added(5)));
}

#[test]
fn recreate_waits_for_the_last_old_pod() {
    let (mut old, mut new) = ([set(2, 2), set(3, 1)], set(0, 0));
    assert_eq!(step(UpdateStrategy::Recreate, 5, &mut old, &mut new, 0), Step::Removed(5));
    assert_eq!(step(UpdateStrategy::Recreate, 5, &mut old, &mut new, 1), Step::Nothing);
    assert_eq!(step(UpdateStrategy::Recreate, 5, &mut old, &mut new, 0), Step::Added(5));
    assert_eq!(step(UpdateStrategy::Recreate, 5, &mut old, &mut new, 0), Step::Nothing);
    assert_eq!(step(UpdateStrategy::Recreate, 2, &mut old, &mut new, 0), Step::Removed(3));
}

#[test]
fn a_change_of_size_is_shared_by_what_there_is() {
    // UpdateStrategy's share, from, to, sets before, sets after.
    let quarter = UpdateStrategy::default();
    let none = rolling(Amount::Pods(0), Amount::Pods(1));
    for (strategy, from, to, before, after) in [
        (quarter, 10, 15, vec![10], vec![15]),
        (quarter, 10, 15, vec![10, 0], vec![15, 0]),
        (quarter, 10, 15, vec![0, 0], vec![0, 15]),
        // 19 of 13: 8 → 11.7, 5 → 7.3.
        (quarter, 10, 15, vec![8, 5], vec![12, 7]),
        // 13 of 6: 3 → 6.5, rounded up; the newer goes first and the older gets what is left.
        (none, 6, 13, vec![3, 3], vec![6, 7]),
        // 5 of 10: 5 → 2.5, rounded up to 3, which leaves 2 for the newer.
        (none, 10, 5, vec![5, 5], vec![2, 3]),
        (quarter, 10, 0, vec![8, 5], vec![0, 0]),
        (quarter, 10, 10, vec![8, 5], vec![8, 5]),
    ] {
        let mut sets: Vec<ReplicaSet> = before.iter().map(|&replicas| set(replicas, 0)).collect();
        rescale(strategy, from, to, &mut sets);
        let sizes: Vec<u32> = sets.iter().map(|set| set.replicas).collect();
        assert_eq!(sizes, after, "{before:?} {from} to {to}");
    }
}

#[test]
fn a_rollout_stalls_when_nothing_moves() {
    let status = |updated, available| Status { replicas: 4, updated, ready: available, available };
    let mut progress = Progress::new(Span::from_seconds(600), status(0, 3), seconds(0));
    assert_eq!(progress.observe(status(1, 3), 3, seconds(100)), State::Progressing);
    assert_eq!(progress.observe(status(1, 3), 3, seconds(700)), State::Progressing);
    assert_eq!(progress.observe(status(1, 2), 3, seconds(701)), State::Stalled);
    assert_eq!(progress.observe(status(1, 3), 3, seconds(800)), State::Progressing);
    let done = Status { replicas: 3, updated: 3, ready: 3, available: 3 };
    assert_eq!(progress.observe(done, 3, seconds(9000)), State::Complete);
}

#[test]
fn those_go_first_that_cost_least() {
    let ready = Rank {
        is_scheduled: true,
        is_running: true,
        ready: Some(seconds(100)),
        neighbours: 1,
        restarts: 0,
        created: seconds(90),
        tie: 5,
    };
    let younger = Rank { ready: Some(seconds(900)), ..ready };
    let order = [
        Rank { is_scheduled: false, is_running: false, ready: None, ..ready },
        Rank { is_running: false, ready: None, ..ready },
        Rank { ready: None, ..ready },
        Rank { neighbours: 2, ..ready },
        younger,
        Rank { restarts: 3, ..ready },
        Rank { created: seconds(95), tie: 4, ..ready },
        ready,
        Rank { tie: 6, ..ready },
    ];
    for (place, first) in order.iter().enumerate() {
        for second in &order[place + 1..] {
            assert_eq!(first.compare(second, seconds(1000)), Ordering::Less, "{first:?} {second:?}");
            assert_eq!(second.compare(first, seconds(1000)), Ordering::Greater);
        }
    }
    // 900 s and 800 s are alike: chance decides, not restarts.
    let alike = Rank { ready: Some(seconds(200)), restarts: 9, tie: 9, ..ready };
    assert_eq!(alike.compare(&ready, seconds(1000)), Ordering::Greater);
}

/// The obvious twin of a step: one pod at a time while the rule holds.
fn one_by_one(bounds: (u32, u32), replicas: u32, old: &mut [ReplicaSet], new: &mut ReplicaSet) -> i64 {
    let (surge, unavailable) = bounds;
    let all =
        |old: &[ReplicaSet], new: &ReplicaSet| old.iter().map(|set| set.replicas).sum::<u32>() + new.replicas;
    let mut change = 0;
    while new.replicas > replicas {
        new.replicas -= 1;
        change -= 1;
    }
    while change >= 0 && new.replicas < replicas && all(old, new) < replicas + surge {
        new.replicas += 1;
        change += 1;
    }
    if change != 0 {
        return change;
    }
    let least = replicas - unavailable;
    let crashing = new.replicas - new.available;
    let is_allowed = |old: &[ReplicaSet], new: &ReplicaSet| all(old, new) > least + crashing;
    let may_remove = is_allowed(old, new);
    while is_allowed(old, new) {
        let Some(set) = old.iter_mut().find(|set| set.replicas > set.available) else { break };
        set.replicas -= 1;
        change -= 1;
    }
    let mut available = old.iter().map(|set| set.available).sum::<u32>() + new.available;
    while may_remove && available > least {
        let Some(set) = old.iter_mut().find(|set| set.replicas > 0) else { break };
        set.replicas -= 1;
        available -= 1;
        change -= 1;
    }
    change
}

fn some_amount() -> impl proptest::strategy::Strategy<Value = Amount> {
    prop_oneof![(0_u32..6).prop_map(Amount::Pods), (0_u32..=100).prop_map(Amount::Percent)]
}

proptest! {
    #[test]
    fn steps_are_those_of_the_twin_that_moves_single_pods(
        amounts in (some_amount(), some_amount()),
        replicas in 0_u32..20,
        old in prop::collection::vec((0_u32..12, 0_u32..12), 0..4),
        new in (0_u32..20, 0_u32..20),
    ) {
        let strategy = rolling(amounts.0, amounts.1);
        let sized = |(replicas, unavailable): (u32, u32)| set(replicas, replicas.saturating_sub(unavailable));
        let (mut old, mut new): (Vec<_>, _) = (old.into_iter().map(sized).collect(), sized(new));
        let (mut twin_old, mut twin_new) = (old.clone(), new);
        let expected = one_by_one(strategy.bounds(replicas), replicas, &mut twin_old, &mut twin_new);
        let change = match step(strategy, replicas, &mut old, &mut new, 0) {
            Step::Added(pods) => i64::from(pods),
            Step::Removed(pods) => -i64::from(pods),
            Step::Nothing => 0,
        };
        prop_assert_eq!((change, old, new), (expected, twin_old, twin_new));
    }

    #[test]
    fn a_rollout_ends_and_keeps_its_bounds(
        amounts in (some_amount(), some_amount()),
        replicas in 1_u32..20,
        events in prop::collection::vec(any::<bool>(), 0..60),
    ) {
        let strategy = rolling(amounts.0, amounts.1);
        let (surge, unavailable) = strategy.bounds(replicas);
        let (mut old, mut new) = ([set(replicas, replicas)], set(0, 0));
        // New pods become available one at a time, at times of their own; then all of them do.
        for becomes in events.into_iter().chain(std::iter::repeat_n(true, 60)) {
            step(strategy, replicas, &mut old, &mut new, 0);
            // A replica set takes the pods away that are not available first.
            old[0].available = old[0].available.min(old[0].replicas);
            prop_assert!(old[0].replicas + new.replicas <= replicas + surge);
            prop_assert!(old[0].available + new.available >= replicas - unavailable);
            if becomes && new.available < new.replicas {
                new.available += 1;
            }
        }
        prop_assert_eq!((old[0].replicas, new), (0, set(replicas, replicas)));
    }

    #[test]
    fn a_change_of_size_leaves_as_many_as_are_allowed(
        amounts in (some_amount(), some_amount()),
        spare in 0_u32..3,
        to in 0_u32..30,
        sets in prop::collection::vec(1_u32..15, 2..5),
    ) {
        let strategy = rolling(amounts.0, amounts.1);
        let mut sets: Vec<ReplicaSet> = sets.into_iter().map(|replicas| set(replicas, 0)).collect();
        let all = |sets: &[ReplicaSet]| sets.iter().map(|set| set.replicas).sum::<u32>();
        let from = all(&sets) + spare;
        rescale(strategy, from, to, &mut sets);
        prop_assert_eq!(all(&sets), if to == 0 { 0 } else { to + strategy.bounds(to).0 });
    }
}
