//! Kubernetes' rules one by one, with numbers worked by hand.

use super::behavior::{Behavior, Change, Policy, Rules, Select};
use super::replicas::{self, Container, Metric, Of, Phase, Pod, Sample, Target, Tolerance, Unknown};
use super::*;

pub(super) fn seconds(seconds: u64) -> SimTime {
    SimTime::ZERO + Span::from_seconds(seconds)
}

pub(super) const NOW: u64 = 10_000;

/// A pod that has long been ready, whose application requests 1000m and uses so much.
pub(super) fn pod(usage: u64) -> Pod {
    Pod {
        phase: Phase::Running,
        started: SimTime::ZERO,
        is_ready: true,
        since: seconds(20),
        sample: Some(Sample { at: seconds(NOW - 5), window: Span::from_seconds(15) }),
        application: Container { request: Some(1000), usage },
        proxy: None,
    }
}

pub(super) fn unready(usage: u64) -> Pod {
    Pod { started: seconds(NOW - 60), is_ready: false, since: seconds(NOW - 60), ..pod(usage) }
}

pub(super) fn missing() -> Pod {
    Pod { sample: None, ..pod(0) }
}

pub(super) fn cpu(percent: u32) -> Metric {
    Metric { of: Of::Pod, target: Target::Utilization(percent) }
}

pub(super) fn recommend(metric: Metric, current: u32, pods: &[Pod]) -> Result<u32, Unknown> {
    let tolerance = Tolerance { down: 0.1, up: 0.1 };
    replicas::recommend(&metric, &Settings::default(), tolerance, current, pods, seconds(NOW))
}

#[test]
fn replicas_follow_usage_over_target() {
    // Pods, thousandths of a core each, target in per cent, recommended.
    for (pods, usage, target, expected) in [
        (50, 900, 75, 60),
        (4, 820, 75, 4),
        (4, 830, 75, 5),
        (1, 500, 50, 1),
        (3, 1100, 100, 3),
        (3, 1110, 100, 4),
        (10, 450, 50, 10),
        (10, 440, 50, 9),
        (10, 0, 50, 0),
        (5, 2000, 50, 20),
        // 55.9 % counts as 55 %, which is within a tenth of 50 %.
        (5, 559, 50, 5),
        (5, 560, 50, 6),
    ] {
        assert_eq!(
            recommend(cpu(target), pods, &vec![pod(usage); pods as usize]),
            Ok(expected),
            "{pods} {usage}"
        );
    }
    let value = Metric { of: Of::Pod, target: Target::Value(300) };
    assert_eq!(recommend(value, 4, &vec![pod(450); 4]), Ok(6));
    assert_eq!(recommend(value, 4, &vec![pod(320); 4]), Ok(4));
}

#[test]
fn an_idle_proxy_dilutes_the_metric_of_its_pod() {
    let both = Pod {
        application: Container { request: Some(500), usage: 450 },
        proxy: Some(Container { request: Some(100), usage: 10 }),
        ..pod(0)
    };
    // 460 of 600 are 76.7 %, cut off to 76 %; the application alone uses 90 %.
    for (of, percent, expected) in
        [(Of::Pod, 70, 10), (Of::Pod, 69, 12), (Of::Application, 70, 13), (Of::Proxy, 70, 2)]
    {
        let metric = Metric { of, target: Target::Utilization(percent) };
        assert_eq!(recommend(metric, 10, &[both; 10]), Ok(expected), "{of:?} {percent}");
    }
    let unasked = Pod { proxy: Some(Container { request: None, usage: 10 }), ..both };
    assert_eq!(recommend(cpu(70), 10, &[unasked; 10]), Err(Unknown::NoRequest));
    let application = Metric { of: Of::Application, target: Target::Utilization(70) };
    assert_eq!(recommend(application, 10, &[unasked; 10]), Ok(13));
    let proxy = Metric { of: Of::Proxy, target: Target::Utilization(70) };
    assert_eq!(recommend(proxy, 10, &[pod(500); 10]), Err(Unknown::NoContainer));
}

#[test]
fn pods_of_which_little_is_known_hold_replicas_back() {
    let pending = Pod { phase: Phase::Pending, sample: None, ..pod(0) };
    let ending = Pod { phase: Phase::Ending, ..pod(9000) };
    for (pods, target, expected, why) in [
        (vec![pod(900), pod(900), unready(900)], 50, Ok(4), "1800 of 3000 are 60 %, 1.2 × 3"),
        (vec![pod(900), pod(900), pending], 50, Ok(4), "a pending pod counts as one that is not ready"),
        (vec![pod(600), unready(0)], 50, Ok(2), "1.2 turns to 0.6: nothing changes"),
        (
            vec![pod(300), pod(300), unready(900)],
            50,
            Ok(2),
            "unready pods are left out on the way down: 0.6 × 2",
        ),
        (vec![pod(300), pod(300), missing()], 50, Ok(3), "1600 of 3000 are 53 %: within a tenth"),
        (vec![pod(100), pod(100), pod(100), missing()], 50, Ok(3), "1300 of 4000 are 32 %, 0.64 × 4"),
        (
            vec![pod(100), pod(100), missing()],
            200,
            Ok(2),
            "2200 of 3000 are 73 %: the target where above 100 %",
        ),
        (vec![pod(900), pod(900), missing()], 50, Ok(4), "nothing on the way up: 1800 of 3000"),
        (
            vec![pod(500), missing()],
            50,
            Ok(2),
            "exactly the target: the missing are left out, nothing changes",
        ),
        (vec![pod(900), ending], 50, Ok(2), "what is being deleted does not count"),
        (vec![missing(), unready(100)], 50, Err(Unknown::NoSamples), "nothing to go by"),
        (vec![], 50, Err(Unknown::NoSamples), "no pods"),
    ] {
        assert_eq!(recommend(cpu(target), pods.len() as u32, &pods), expected, "{why}");
    }
}

#[test]
fn replicas_are_no_more_than_those_that_are_told_on_the_way_down() {
    // Four pods are there, three are told for: 0.85 × 4 is more than three.
    assert_eq!(recommend(cpu(100), 3, &[pod(800), pod(800), pod(800), missing()]), Ok(3));
}

#[test]
fn early_cpu_counts_only_of_ready_pods_and_whole_samples() {
    // Started, ready, since, sample's end, all in seconds before now: does 900m at a target of 50 % count?
    for (started, is_ready, since, sample, counts) in [
        (600, true, 590, 5, true),
        (600, false, 590, 5, false),
        (600, false, 571, 5, false),
        (600, false, 570, 5, true),
        (600, false, 300, 5, true),
        (301, true, 2, 5, true),
        (300, true, 2, 5, true),
        (299, true, 2, 5, false),
        (299, true, 20, 5, true),
        (299, true, 19, 5, false),
        (299, false, 200, 5, false),
    ] {
        let ago = |span: u64| seconds(NOW - span);
        let early = Pod {
            started: ago(started),
            is_ready,
            since: ago(since),
            sample: Some(Sample { at: ago(sample), window: Span::from_seconds(15) }),
            ..pod(900)
        };
        let expected = if counts { Ok(2) } else { Err(Unknown::NoSamples) };
        assert_eq!(recommend(cpu(50), 1, &[early]), expected, "{started} {is_ready} {since}");
    }
}

/// An autoscaler between 1 and 100, and its replicas in the course of time.
pub(super) struct Course {
    autoscaler: HorizontalPodAutoscaler,
    pub(super) replicas: u32,
    pub(super) now: SimTime,
}

impl Course {
    pub(super) fn new(behavior: Option<Behavior>, replicas: u32) -> Self {
        let spec = Spec { min: 1, max: 100, metrics: vec![cpu(100)], behavior };
        let autoscaler = HorizontalPodAutoscaler::new(spec, Settings::default());
        Self { autoscaler, replicas, now: seconds(NOW) }
    }

    /// Looks at pods that together use so many cores, and waits for the next look.
    pub(super) fn look(&mut self, cores: u64) -> (u32, Reason) {
        let each = cores * 1000 / u64::from(self.replicas);
        let pods = vec![pod(each); self.replicas as usize];
        let decision = self.autoscaler.sync(self.replicas, &pods, self.now);
        self.replicas = decision.replicas;
        self.now += Settings::default().sync;
        (decision.replicas, decision.reason)
    }
}

#[test]
fn replicas_at_most_double_or_become_four() {
    let mut course = Course::new(None, 1);
    let counts: Vec<u32> = (0..7).map(|_| course.look(90).0).collect();
    assert_eq!(counts, [4, 8, 16, 32, 64, 90, 90]);
    let mut course = Course::new(Some(Behavior::default()), 1);
    let counts: Vec<u32> = (0..7).map(|_| course.look(90).0).collect();
    assert_eq!(counts, [5, 10, 20, 40, 80, 90, 90]);
    let mut course = Course::new(None, 30);
    assert_eq!(course.look(200), (60, Reason::ScaleUpLimit));
    assert_eq!(course.look(200), (100, Reason::TooMany));
}

#[test]
fn replicas_become_fewer_when_five_minutes_say_so() {
    for behavior in [None, Some(Behavior::default())] {
        let is_default = behavior.is_none();
        let mut course = Course::new(behavior, 20);
        assert_eq!(course.look(20), (20, Reason::Recommended));
        for _ in 0..19 {
            assert_eq!(course.look(10), (20, Reason::Stabilized));
        }
        // 300 s after the last 20: within the window where there is no behavior, just outside of it where there is.
        if is_default {
            assert_eq!(course.look(10), (20, Reason::Stabilized));
        }
        assert_eq!(course.look(10), (10, Reason::Recommended));
        course.look(13);
        for _ in 0..19 {
            assert_eq!(course.look(2).0, 13);
        }
    }
}

#[test]
fn a_window_for_more_takes_the_smallest_recommendation() {
    let mut behavior = Behavior::default();
    behavior.up.stabilization = Some(Span::from_seconds(60));
    let mut course = Course::new(Some(behavior), 4);
    let counts: Vec<u32> = [8, 8, 6, 8, 8, 8, 8, 8].into_iter().map(|cores| course.look(cores).0).collect();
    // The count at the start is forgotten after 60 s, the 6 of the third look four looks later.
    assert_eq!(counts, [4, 4, 4, 4, 6, 6, 8, 8]);
}

#[test]
fn policies_count_what_changed_in_their_period() {
    let policy = |change, seconds| Policy { change, period: Span::from_seconds(seconds) };
    let rules =
        |policies, select| Rules { policies, select, stabilization: Some(Span::ZERO), tolerance: None };
    let both = vec![policy(Change::Pods(2), 30), policy(Change::Percent(50), 60)];
    let counts = |up: &Rules, from, cores| -> Vec<u32> {
        let down = rules(vec![policy(Change::Percent(10), 60)], Select::Max);
        let mut course = Course::new(Some(Behavior { up: up.clone(), down }), from);
        (0..5).map(|_| course.look(cores).0).collect()
    };
    // Two in 30 s, half of ten in 60 s; the change of half a minute ago does not count any more.
    assert_eq!(counts(&rules(both.clone(), Select::Max), 10, 90), [15, 15, 17, 17, 23]);
    assert_eq!(counts(&rules(both.clone(), Select::Min), 10, 90), [12, 12, 14, 14, 16]);
    assert_eq!(counts(&rules(both.clone(), Select::Disabled), 10, 90), [10; 5]);
    // A tenth of 50 a minute: 45 left, then 0.9 × 45 = 40.5.
    assert_eq!(counts(&rules(both, Select::Max), 50, 5), [45, 45, 45, 45, 40]);
}

#[test]
fn bounds_go_before_metrics() {
    let mut course = Course::new(Some(Behavior::default()), 200);
    assert_eq!(course.look(500), (100, Reason::TooMany));
    let spec = Spec { min: 3, max: 10, metrics: vec![cpu(100)], behavior: None };
    let mut autoscaler = HorizontalPodAutoscaler::new(spec, Settings::default());
    let mut sync = |current, pods: &[Pod]| {
        let decision = autoscaler.sync(current, pods, seconds(NOW));
        (decision.replicas, decision.reason)
    };
    assert_eq!(sync(2, &[]), (3, Reason::TooFew));
    assert_eq!(sync(0, &[pod(9000)]), (0, Reason::Disabled));
    assert_eq!(sync(5, &[]), (5, Reason::NoMetrics));
    assert_eq!(sync(4, &[pod(0); 4]), (3, Reason::TooFew), "remembered is the 2 of the first look");
}

#[test]
fn the_largest_recommendation_counts_and_a_silent_metric_forbids_fewer() {
    let proxy = Metric { of: Of::Proxy, target: Target::Utilization(50) };
    for (usage, expected) in [(1500, (6, Reason::Recommended)), (500, (4, Reason::NoMetrics))] {
        let spec = Spec { min: 1, max: 9, metrics: vec![proxy, cpu(100), cpu(200)], behavior: None };
        let mut autoscaler = HorizontalPodAutoscaler::new(spec, Settings::default());
        let decision = autoscaler.sync(4, &[pod(usage); 4], seconds(NOW));
        assert_eq!((decision.replicas, decision.reason), expected);
    }
}
