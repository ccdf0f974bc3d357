//! Lines worked by hand for each kind of sidecar, and all of them against a clock that ticks through kubelet's steps.

use super::*;
use proptest::prelude::*;

const fn span(millis: u64) -> Span {
    Span::from_millis(millis)
}

fn plan(sidecar: Sidecar) -> Plan {
    let probe = |millis| Probe { delay: Span::ZERO, period: span(millis) };
    Plan {
        sidecar,
        schedule: span(100),
        sandbox: span(400),
        init: span(1000),
        proxy_pull: span(300),
        proxy_start: span(200),
        certificate: span(150),
        configuration: span(250),
        apply: span(100),
        proxy_probe: probe(1000),
        application_pull: span(500),
        application_start: span(2000),
        readiness: Some(probe(5000)),
        endpoint: span(50),
    }
}

fn millis(time: SimTime) -> u64 {
    time.nanos() / 1_000_000
}

/// Ends of the stages that there are.
fn ends(plan: &Plan) -> Vec<(Stage, u64)> {
    Line::new(plan, SimTime::ZERO).iter().map(|(stage, interval)| (stage, millis(interval.end))).collect()
}

const PREPARED: [(Stage, u64); 3] = [(Stage::Schedule, 100), (Stage::Sandbox, 500), (Stage::Init, 1500)];

#[test]
fn without_a_sidecar_nothing_waits() {
    let expected = [
        (Stage::ApplicationPull, 2000),
        (Stage::ApplicationStart, 4000),
        // Probed at 2 s and 7 s.
        (Stage::Readiness, 7000),
        (Stage::Endpoint, 7050),
    ];
    assert_eq!(ends(&plan(Sidecar::None)), [&PREPARED[..], &expected].concat());
    let unprobed = Line::new(&Plan { readiness: None, ..plan(Sidecar::None) }, SimTime::ZERO);
    assert_eq!(
        (millis(unprobed.ready()), millis(unprobed.application_up())),
        (2000, 4000),
        "ready before it answers"
    );
}

#[test]
fn a_classic_sidecar_starts_beside_the_application() {
    let expected = [
        (Stage::ProxyPull, 2300),
        (Stage::ProxyStart, 2500),
        (Stage::Certificate, 2650),
        (Stage::Configuration, 2900),
        (Stage::Apply, 3000),
        // Both are probed from 2.3 s on, the proxy again at 3.3 s.
        (Stage::ProxyReady, 3300),
        (Stage::ApplicationPull, 2000),
        (Stage::ApplicationStart, 4000),
        // That the proxy is ready has the application probed at 3.3 s, too, and then at 8.3 s.
        (Stage::Readiness, 8300),
        (Stage::Endpoint, 8350),
    ];
    assert_eq!(ends(&plan(Sidecar::Classic)), [&PREPARED[..], &expected].concat());
    // An application that is quick is up before its proxy: its first requests fail.
    let quick = Line::new(&Plan { application_start: span(100), ..plan(Sidecar::Classic) }, SimTime::ZERO);
    assert!(quick.application_up() < quick.proxy_up().expect("it has a proxy"));
    assert_eq!(millis(quick.ready()), 3300, "and not ready without its proxy");
}

#[test]
fn a_held_application_waits_for_a_look_at_the_proxy() {
    // Looks at 1.8, 2.3 and 2.8 s; the proxy is up at 2.5 s.
    let held = [
        (Stage::ProxyPull, 1800),
        (Stage::ProxyStart, 2000),
        (Stage::Certificate, 2150),
        (Stage::Configuration, 2400),
        (Stage::Apply, 2500),
        // Kubelet itself looks when the application is started, too.
        (Stage::ProxyReady, 3300),
        (Stage::ApplicationPull, 3300),
        (Stage::ApplicationStart, 5300),
        (Stage::Readiness, 8300),
        (Stage::Endpoint, 8350),
    ];
    assert_eq!(ends(&plan(Sidecar::Held { poll: span(500) })), [&PREPARED[..], &held].concat());
    let awaited = Line::new(&plan(Sidecar::Held { poll: span(1000) }), SimTime::ZERO);
    assert_eq!(millis(awaited.application_up()), 5300, "2.8 s is a look of linkerd-await's, too");
}

#[test]
fn a_native_sidecar_goes_before_the_application() {
    let native = Line::new(&plan(Sidecar::Native), SimTime::ZERO);
    // Probed at 1.8 and 2.8 s.
    assert_eq!(native.get(Stage::ProxyReady).map(|stage| millis(stage.end)), Some(2800));
    assert_eq!(millis(native.application_up()), 5300);
    assert_eq!(millis(native.ready()), 8300);
    let slow = Line::with_configuration(&plan(Sidecar::Native), SimTime::ZERO, |asked| asked + span(60_000));
    assert_eq!(slow.get(Stage::Configuration).map(|stage| millis(stage.end)), Some(62_000));
    assert_eq!(millis(slow.application_up()), 62_800 + 500 + 2000, "nobody starts without configuration");
    let delayed =
        Plan { proxy_probe: Probe { delay: span(1500), period: span(1000) }, ..plan(Sidecar::Native) };
    assert_eq!(
        millis(Line::new(&delayed, SimTime::ZERO).application_up()),
        6300,
        "3.8 s is the first that counts"
    );
}

/// The obvious twin: a clock that ticks through kubelet's steps, millisecond by millisecond.
fn ticked(plan: &Plan) -> (u64, u64, Option<u64>) {
    let length = |span: Span| span.nanos() / 1_000_000;
    let wait = |clock: &mut u64, span: Span| (0..length(span)).for_each(|_| *clock += 1);
    // When somebody who looks every period from `first` on sees what is so from `up` on.
    let look = |first: u64, period: u64, up: u64| (first..).step_by(period as usize).find(|&time| time >= up);
    let look = |first, period, up| look(first, period, up).expect("time goes on");
    let mut clock = 0;
    for stage in [plan.schedule, plan.sandbox, plan.init] {
        wait(&mut clock, stage);
    }
    let mut proxy = None;
    let mut start_proxy = |clock: &mut u64| {
        wait(clock, plan.proxy_pull);
        let mut up = *clock;
        for stage in [plan.proxy_start, plan.certificate, plan.configuration, plan.apply] {
            wait(&mut up, stage);
        }
        proxy = Some((*clock, up));
        (*clock, up)
    };
    let probe = plan.proxy_probe;
    let (delay, period) = (length(probe.delay), length(probe.period));
    let mut proxy_ready = None;
    match plan.sidecar {
        Sidecar::None | Sidecar::Classic => {}
        Sidecar::Held { poll } => {
            let (created, up) = start_proxy(&mut clock);
            clock = look(created, length(poll), up);
        }
        Sidecar::Native => {
            let (created, up) = start_proxy(&mut clock);
            clock = look(created, period, up.max(created + delay));
            proxy_ready = Some(clock);
        }
    }
    wait(&mut clock, plan.application_pull);
    let created = clock;
    let up = created + length(plan.application_start);
    if plan.sidecar == Sidecar::Classic {
        start_proxy(&mut clock);
    }
    let proxy_ready = proxy_ready.or(proxy.map(|(created, up)| look(clock, period, up.max(created + delay))));
    let Some(readiness) = plan.readiness else {
        return (clock.max(proxy_ready.unwrap_or(0)), up, proxy_ready);
    };
    let (mut next, counts) = (clock, up.max(created + length(readiness.delay)));
    let ready = (clock..10_000_000)
        .find(|&time| {
            let is_probed = time == next || proxy_ready == Some(time);
            if is_probed {
                next = time + length(readiness.period);
            }
            is_probed && time >= counts
        })
        .expect("time goes on");
    (ready.max(proxy_ready.unwrap_or(0)), up, proxy_ready)
}

proptest! {
    #[test]
    fn lines_are_those_of_the_clock(
        kind in 0_u8..4,
        lengths in prop::array::uniform10(0_u64..3000),
        probes in (0_u64..3000, 1_u64..3000, 0_u64..3000, 1_u64..6000, 1_u64..1500),
        is_probed in prop::bool::weighted(0.8),
    ) {
        let [schedule, sandbox, init, proxy_pull, proxy_start, certificate, configuration, apply, pull, start] = lengths.map(span);
        let sidecar = match kind {
            0 => Sidecar::None,
            1 => Sidecar::Classic,
            2 => Sidecar::Held { poll: span(probes.4) },
            _ => Sidecar::Native,
        };
        let plan = Plan {
            sidecar, schedule, sandbox, init, proxy_pull, proxy_start, certificate, configuration, apply,
            proxy_probe: Probe { delay: span(probes.0), period: span(probes.1) },
            application_pull: pull,
            application_start: start,
            readiness: is_probed.then_some(Probe { delay: span(probes.2), period: span(probes.3) }),
            endpoint: span(7),
        };
        let line = Line::new(&plan, SimTime::ZERO);
        let proxy_ready = line.get(Stage::ProxyReady).map(|stage| millis(stage.end));
        prop_assert_eq!((millis(line.ready()), millis(line.application_up()), proxy_ready), ticked(&plan));
        prop_assert!(line.iter().all(|(_, stage)| stage.begin <= stage.end));
        prop_assert_eq!(line.endpoint(), line.ready() + span(7));
        prop_assert_eq!(line.iter().count(), if kind == 0 { 7 } else { 13 });
    }
}
