//! Ends worked by hand for each kind of proxy, and what holds for all of them.

use super::*;
use proptest::prelude::*;

const fn seconds(seconds: u64) -> Span {
    Span::from_seconds(seconds)
}

fn at(time: u64) -> SimTime {
    SimTime::ZERO + seconds(time)
}

const ISTIO: Proxy = Proxy {
    is_native: false,
    drains_first: false,
    pre_stop: Span::ZERO,
    exit: Exit::After(seconds(5)),
    drain: seconds(45),
};
const ISTIO_NATIVE: Proxy = Proxy { is_native: true, drains_first: true, ..ISTIO };
const LINKERD: Proxy =
    Proxy { is_native: true, exit: Exit::WhenIdle { grace: seconds(120) }, drain: Span::ZERO, ..ISTIO };

fn plan(proxy: Option<Proxy>, pre_stop: u64, shutdown: u64) -> Plan {
    Plan {
        proxy,
        grace: seconds(30),
        pre_stop: seconds(pre_stop),
        shutdown: seconds(shutdown),
        endpoint: Span::from_millis(20),
    }
}

fn stopped(sigterm: u64, end: u64) -> Stop {
    Stop { sigterm: at(sigterm), end: at(end), is_killed: false }
}

fn killed(sigterm: u64, end: u64) -> Stop {
    Stop { is_killed: true, ..stopped(sigterm, end) }
}

#[test]
fn the_endpoint_is_removed_beside_the_end() {
    let end = End::new(&plan(None, 0, 0), at(0), |_| at(9));
    assert_eq!(end.application, stopped(0, 0));
    assert!(end.accepts < end.endpoint, "gone before anybody knows: connections are refused");
    let waits = End::new(&plan(None, 5, 3), at(0), |_| at(9));
    assert_eq!((waits.application, waits.accepts), (stopped(5, 8), at(5)));
}

#[test]
fn a_container_is_killed_when_the_grace_period_is_over() {
    for (pre_stop, shutdown, expected) in [
        (10, 15, stopped(10, 25)),
        (10, 20, stopped(10, 30)),
        (10, 21, killed(10, 30)),
        // Two seconds at least.
        (29, 2, stopped(29, 31)),
        (30, 9, killed(30, 32)),
        (60, 9, killed(30, 32)),
    ] {
        let end = End::new(&plan(None, pre_stop, shutdown), at(0), |_| at(0));
        assert_eq!(end.application, expected, "{pre_stop} {shutdown}");
    }
    // Parts of a second that the hook took do not count.
    let hook = Plan { pre_stop: Span::from_millis(10_900), ..plan(None, 0, 99) };
    assert_eq!(End::new(&hook, at(0), |_| at(0)).end, SimTime::ZERO + Span::from_millis(30_900));
}

#[test]
fn a_classic_sidecar_goes_before_a_slow_application() {
    let end = End::new(&plan(Some(ISTIO), 0, 20), at(0), |_| at(90));
    // Five seconds after SIGTERM it is gone: what the application still says is lost.
    assert_eq!((end.proxy, end.application), (Some(stopped(0, 5)), stopped(0, 20)));
    assert_eq!((end.drain, end.accepts, end.end), (Some(at(0)), at(5), at(20)));
    let exit = Exit::OnZeroConnections { minimum: seconds(5), poll: seconds(1) };
    for (idle, expected) in [
        (0, stopped(0, 6)),
        (6, stopped(0, 6)),
        (7, stopped(0, 7)),
        (29, stopped(0, 29)),
        (31, killed(0, 30)),
    ] {
        let end = End::new(&plan(Some(Proxy { exit, ..ISTIO }), 0, 20), at(0), |drain| {
            assert_eq!(drain, at(0));
            at(idle)
        });
        assert_eq!(end.proxy, Some(expected), "{idle}");
    }
    let patient = Plan { grace: seconds(90), ..plan(Some(Proxy { exit, ..ISTIO }), 0, 20) };
    assert_eq!(End::new(&patient, at(0), |_| at(80)).accepts, at(45), "the listener closes after the drain");
}

#[test]
fn a_native_sidecar_goes_after_the_application() {
    let end = End::new(&plan(Some(ISTIO_NATIVE), 2, 8), at(0), |_| at(90));
    // Drains from the beginning on, and goes as soon as the application is gone.
    assert_eq!((end.application, end.proxy), (stopped(2, 10), Some(stopped(10, 10))));
    assert_eq!((end.drain, end.accepts, end.end), (Some(at(0)), at(10), at(10)));
    let linkerd = |idle| End::new(&plan(Some(LINKERD), 2, 8), at(0), |_| at(idle));
    assert_eq!(linkerd(12).proxy, Some(stopped(10, 12)));
    assert_eq!(linkerd(3).proxy, Some(stopped(10, 10)));
    assert_eq!(linkerd(99).proxy, Some(killed(10, 30)));
    assert_eq!(linkerd(12).accepts, at(10), "no new connections while it drains");
    // The application takes all of the time: two seconds are left.
    let slow = End::new(&plan(Some(LINKERD), 0, 40), at(0), |_| at(99));
    assert_eq!((slow.application, slow.proxy, slow.end), (killed(0, 30), Some(killed(30, 32)), at(32)));
    let waits = Proxy { pre_stop: seconds(15), ..LINKERD };
    assert_eq!(End::new(&plan(Some(waits), 2, 8), at(0), |_| at(3)).proxy, Some(stopped(15, 15)));
}

#[test]
fn jobs_end_with_native_sidecars_only() {
    assert_eq!(job(None, at(9), at(20)), Some(at(9)));
    assert_eq!(job(Some(ISTIO), at(9), at(20)), None);
    assert_eq!(job(Some(ISTIO_NATIVE), at(9), at(20)), Some(at(9)));
    assert_eq!(job(Some(LINKERD), at(9), at(20)), Some(at(20)));
}

proptest! {
    #[test]
    fn nobody_outlives_the_grace_period_by_more_than_the_least(
        grace in 0_u64..60,
        application in (0_u64..80_000, 0_u64..80_000),
        proxy in (any::<bool>(), any::<bool>(), 0_u64..80_000, 0_u8..3),
        idle in 0_u64..100_000,
    ) {
        let exit = match proxy.3 {
            0 => Exit::After(seconds(5)),
            1 => Exit::OnZeroConnections { minimum: seconds(5), poll: seconds(1) },
            _ => Exit::WhenIdle { grace: seconds(120) },
        };
        let (is_native, drains_first) = (proxy.0, proxy.1);
        let proxy = Proxy { is_native, drains_first, pre_stop: Span::from_millis(proxy.2), exit, drain: seconds(45) };
        let plan = Plan {
            proxy: Some(proxy),
            grace: seconds(grace),
            pre_stop: Span::from_millis(application.0),
            shutdown: Span::from_millis(application.1),
            endpoint: Span::ZERO,
        };
        let end = End::new(&plan, at(100), |_| SimTime::ZERO + Span::from_millis(100_000 + idle));
        let stop = end.proxy.expect("it has one");
        // Two seconds at least; and what hook and wait took is cut off to whole seconds, once each.
        prop_assert!(end.end <= at(100 + grace + 2) + seconds(2));
        prop_assert!(end.application.end <= at(100 + grace + 2) + seconds(1));
        for part in [end.application, stop] {
            prop_assert!(at(100) <= part.sigterm && part.sigterm <= part.end);
        }
        if is_native && stop.sigterm < end.application.end {
            // Only where the grace period left no time to wait for it.
            prop_assert!(stop.sigterm >= at(100 + grace));
        }
        prop_assert!(end.drain.expect("it drains") <= stop.sigterm && end.accepts <= stop.end);
    }
}
