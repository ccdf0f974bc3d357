//! The rows that a scenario can say, through a scenario: the same closed forms, with the whole engine in between.
//!
//! No mesh, no network delay: what remains of a call is the stations of its services. Load balancing runs under a mesh
//! whose proxies cost nothing.

use std::sync::atomic::AtomicBool;

use sim::analytic;
use sim::engine;
use sim::mesh::MeshModel;
use sim::metrics::RunRecord;
use sim::program::compile;
use sim::units::Span;

use super::rule::{Expected, agrees};
use crate::common::{free_ambient, free_proxies, mesh, scenario};

const QUIET: &str = "cluster: {network_delay: 0s}\n";

/// One entry `entry` with Poisson arrivals into `services`, run under no mesh; `measure` reads a record.
fn row(name: &str, seconds: u64, expected: &[Expected], text: &str, measure: fn(&RunRecord) -> Vec<f64>) {
    row_under(&mesh("none"), name, seconds, expected, text, measure);
}

fn row_under(
    mesh: &MeshModel,
    name: &str,
    seconds: u64,
    expected: &[Expected],
    text: &str,
    measure: fn(&RunRecord) -> Vec<f64>,
) {
    let text = format!("version: 1\nname: theory\n{QUIET}{text}");
    let parsed = scenario(&text);
    agrees(name, seconds, expected, |replication, length| {
        let mut scenario = parsed.clone();
        scenario.run.warm_up = Span::from_seconds(length / 20 + 20);
        scenario.run.duration = Span::from_seconds(length);
        let program = compile(&scenario, mesh);
        measure(&engine::run(&program, replication, &AtomicBool::new(false)).expect("nothing stops it"))
    });
}

fn poisson(service: &str, rate: f64) -> String {
    format!("traffic:\n  - {{name: users, service: {service}, from: outside, rate: {rate}/s}}\n")
}

fn station(name: &str, rest: &str) -> String {
    format!("  - {{name: {name}, {rest}}}\n")
}

/// Mean, median and 99th percentile of the response time in seconds.
fn response(record: &RunRecord) -> Vec<f64> {
    let times = &record.entries[0].succeeded;
    vec![
        times.mean() / 1e9,
        times.value_at_quantile(0.5) as f64 / 1e9,
        times.value_at_quantile(0.99) as f64 / 1e9,
    ]
}

fn mean_response(record: &RunRecord) -> Vec<f64> {
    vec![record.entries[0].succeeded.mean() / 1e9]
}

fn failed_share(record: &RunRecord) -> Vec<f64> {
    vec![record.entries[0].failed.len() as f64 / record.entries[0].arrived as f64]
}

#[test]
fn one_worker_is_an_mm1_queue() {
    for (load, mean, p50, p99, seconds) in [
        (0.5, 20.0, 13.863, 92.103, 1_500),
        (0.7, 33.333, 23.105, 153.506, 3_000),
        (0.8, 50.0, 34.657, 230.259, 6_000),
    ] {
        let text = format!(
            "services:\n{}{}",
            station("a", "workers: 1, service_time: {exponential: 10ms}"),
            poisson("a", 100.0 * load)
        );
        let expected = [
            Expected::mean("mean", mean / 1e3),
            Expected::quantile("p50", p50 / 1e3),
            Expected::quantile("p99", p99 / 1e3),
        ];
        row(&format!("M/M/1 at {load}"), seconds, &expected, &text, response);
    }
}

#[test]
fn several_workers_are_an_mmc_queue() {
    for (workers, load, mean, p99, seconds) in [
        (2, 0.8, 27.778, 119.374, 3_000),
        (4, 0.8, 17.455, 68.932, 1_500),
        (8, 0.9, 18.769, 70.873, 600),
        (16, 0.9, 13.696, 52.698, 300),
    ] {
        let worker = format!("workers: {workers}, service_time: {{exponential: 10ms}}");
        let text = format!(
            "services:\n{}{}",
            station("a", &worker),
            poisson("a", 100.0 * f64::from(workers) * load)
        );
        let mean = if load > 0.8 {
            Expected::mean_under_high_load("mean", mean / 1e3)
        } else {
            Expected::mean("mean", mean / 1e3)
        };
        row(
            &format!("M/M/{workers} at {load}"),
            seconds,
            &[mean, Expected::quantile("p99", p99 / 1e3)],
            &text,
            |record| {
                let all = response(record);
                vec![all[0], all[2]]
            },
        );
    }
}

#[test]
fn the_law_of_service_matters_as_pollaczek_and_khinchine_say() {
    for (law, scv, seconds) in [
        ("10ms", 0.0, 2_000),
        ("{erlang: {mean: 10ms, stages: 4}}", 0.25, 3_000),
        ("{lognormal: {mean: 10ms, cv: 2}}", 4.0, 8_000),
    ] {
        let text = format!(
            "services:\n{}{}",
            station("a", &format!("workers: 1, service_time: {law}")),
            poisson("a", 80.0)
        );
        let mean = 0.010 + 0.8 * 0.010 * (1.0 + scv) / (2.0 * 0.2);
        let expected =
            if scv > 1.0 { Expected::volatile("mean", mean) } else { Expected::mean("mean", mean) };
        row(&format!("M/G/1 with scv {scv}"), seconds, &[expected], &text, mean_response);
    }
}

#[test]
fn a_bounded_queue_loses_what_theory_says() {
    for (load, loss, seconds) in [(0.8, 0.023_493, 3_000), (1.5, 0.337_232, 200)] {
        // K counts the request in service.
        let text = format!(
            "services:\n{}{}",
            station("a", "workers: 1, queue_limit: 9, service_time: {exponential: 10ms}"),
            poisson("a", 100.0 * load)
        );
        row(&format!("M/M/1/10 at {load}"), seconds, &[Expected::loss("loss", loss)], &text, failed_share);
    }
    // Sharing one worker loses as much: the number present is the same birth-death process.
    let shared =
        "workers: 1, discipline: processor_sharing, queue_limit: 9, service_time: {exponential: 10ms}";
    let text = format!("services:\n{}{}", station("a", shared), poisson("a", 150.0));
    row("M/M/1/10-PS at 1.5", 200, &[Expected::loss("loss", 0.337_232)], &text, failed_share);
    let text = format!(
        "services:\n{}{}",
        station("a", "workers: 10, queue_limit: 0, service_time: {exponential: 10ms}"),
        poisson("a", 800.0)
    );
    row("Erlang B, 10 servers, 8 erlang", 100, &[Expected::loss("loss", 0.121_661)], &text, failed_share);
}

#[test]
fn processor_sharing_does_not_see_the_law() {
    for (law, load, mean, seconds) in [
        ("{exponential: 10ms}", 0.5, 20.0, 1_500),
        ("{lognormal: {mean: 10ms, cv: 2}}", 0.5, 20.0, 3_000),
        ("10ms", 0.8, 50.0, 4_000),
    ] {
        let text = format!(
            "services:\n{}{}",
            station("a", &format!("workers: 1, discipline: processor_sharing, service_time: {law}")),
            poisson("a", 100.0 * load)
        );
        let expected = if law.contains("cv") {
            Expected::volatile("mean", mean / 1e3)
        } else {
            Expected::mean("mean", mean / 1e3)
        };
        row(&format!("M/G/1-PS of {law} at {load}"), seconds, &[expected], &text, mean_response);
    }
}

#[test]
fn stations_in_a_row_are_a_jackson_network() {
    let text = format!(
        "services:\n{}{}{}{}",
        station("a", "workers: 1, service_time: {exponential: 2ms}, script: [{call: b}]"),
        station("b", "workers: 1, service_time: {exponential: 5ms}, script: [{call: c}]"),
        station("c", "workers: 1, service_time: {exponential: 10ms}"),
        poisson("a", 80.0)
    );
    row("tandem", 6_000, &[Expected::mean("mean", 0.060_714)], &text, mean_response);
}

#[test]
fn a_service_that_calls_itself_is_feedback() {
    let text = format!(
        "services:\n{}{}",
        station(
            "a",
            "workers: 1, service_time: {exponential: 10ms}, script: [{call: {service: a, probability: 20%}}]"
        ),
        poisson("a", 60.0)
    );
    row("feedback", 4_000, &[Expected::mean("mean", 0.050)], &text, mean_response);
}

#[test]
fn two_calls_at_once_are_a_fork_and_a_join() {
    for (load, mean, seconds) in [(0.3, 20.893, 600), (0.5, 28.75, 1_500)] {
        let text = format!(
            "services:\n{}{}{}{}",
            station("root", "service_time: 0s, script: [[{call: a}, {call: b}]]"),
            station("a", "workers: 1, service_time: {exponential: 10ms}"),
            station("b", "workers: 1, service_time: {exponential: 10ms}"),
            poisson("root", 100.0 * load)
        );
        row(
            &format!("fork-join at {load}"),
            seconds,
            &[Expected::mean("mean", mean / 1e3)],
            &text,
            mean_response,
        );
    }
}

#[test]
fn the_slowest_of_many_calls_decides() {
    for (calls, mean, p99, seconds) in [(10, 29.290, 69.032, 60), (100, 51.874, 92.054, 15)] {
        let text = format!(
            "services:\n{}{}{}",
            station(
                "root",
                &format!("service_time: 0s, script: [[{{call: {{service: leaf, count: {calls}}}}}]]")
            ),
            station("leaf", "service_time: {exponential: 10ms}"),
            poisson("root", 100.0)
        );
        let expected = [Expected::mean("mean", mean / 1e3), Expected::quantile("p99", p99 / 1e3)];
        row(&format!("slowest of {calls}"), seconds, &expected, &text, |record| {
            let all = response(record);
            vec![all[0], all[2]]
        });
    }
}

#[test]
fn a_rare_slow_leaf_is_common_at_the_root() {
    for (calls, share, seconds) in [(10, 0.0956, 200), (100, 0.6340, 15)] {
        let text = format!(
            "services:\n{}{}{}",
            station(
                "root",
                &format!("service_time: 0s, script: [[{{call: {{service: leaf, count: {calls}}}}}]]")
            ),
            station("leaf", "service_time: {empirical: {values: {1ms: 99, 1s: 1}}}"),
            poisson("root", 200.0)
        );
        let exact = analytic::networks::tail_at_scale(calls, 0.01);
        assert!((exact - share).abs() < 1e-4);
        row(&format!("tail of {calls}"), seconds, &[Expected::mean("slow share", exact)], &text, |record| {
            let times = &record.entries[0].succeeded;
            vec![1.0 - times.count_between(0, 500_000_000) as f64 / times.len() as f64]
        });
    }
}

#[test]
fn closed_users_follow_mean_value_analysis() {
    for (users, think, throughput, response_time, seconds) in [
        (10, "{exponential: 100ms}", 78.542, 0.027_321, 1_000),
        (200, "{exponential: 1s}", 100.0, 1.0, 1_000),
    ] {
        let text = format!(
            "services:\n{}traffic:\n  - {{name: users, service: a, from: outside, arrivals: {{closed: {{users: {users}, think_time: {think}}}}}}}\n",
            station("a", "workers: 1, service_time: {exponential: 10ms}"),
        );
        let expected =
            [Expected::mean("throughput", throughput), Expected::mean("response time", response_time)];
        row(&format!("{users} closed users"), seconds, &expected, &text, |record| {
            let entry = &record.entries[0];
            vec![
                entry.completed_in_window as f64 / (record.window as f64 / 1e9),
                entry.succeeded.mean() / 1e9,
            ]
        });
    }
}

#[test]
fn workers_held_during_a_call_limit_the_caller() {
    for (threads, throughput) in [(8, 266.67), (64, 800.0)] {
        let text = format!(
            "services:\n{}{}traffic:\n  - {{name: users, service: caller, from: outside, arrivals: {{closed: {{users: 400, think_time: 0s}}}}}}\n",
            station(
                "caller",
                &format!(
                    "workers: {threads}, hold_workers: true, service_time: {{exponential: 20ms}}, script: [{{call: callee}}]"
                )
            ),
            station("callee", "workers: 8, service_time: {exponential: 10ms}"),
        );
        row(
            &format!("{threads} held threads"),
            300,
            &[Expected::mean("throughput", throughput)],
            &text,
            |record| vec![record.entries[0].completed_in_window as f64 / (record.window as f64 / 1e9)],
        );
    }
}

#[test]
fn balancing_shortens_queues_as_theory_says() {
    // The power of two choices is held to theory in `balancing`: proxies draw their two with replacement, theory without.
    let rows = [
        ("random", 10, 0.8, Expected::mean("mean", 0.050), 400),
        ("round_robin", 4, 0.8, Expected::mean("mean", 0.032_67), 1_000),
    ];
    for (policy, servers, load, expected, seconds) in rows {
        // One client proxy sees everything, as the theory's dispatcher does.
        let text = format!(
            "services:\n{}policies:\n  - {{service: a, balancing: {policy}}}\ntraffic:\n  - {{name: users, service: a, from: meshed_client, rate: {}/s}}\n",
            station("a", &format!("replicas: {servers}, workers: 1, service_time: {{exponential: 10ms}}")),
            100.0 * load * f64::from(servers)
        );
        row_under(
            &free_proxies(),
            &format!("{policy} over {servers}"),
            seconds,
            &[expected],
            &text,
            mean_response,
        );
    }
}

/// Balanced by the connection at the node proxy, by the request at the waypoint.
#[test]
fn node_proxies_and_waypoints_do_what_theory_says() {
    let mut ambient = free_ambient("istio-ambient");
    if let Some(node) = &mut ambient.node_proxy {
        node.tunnel.stream_round_trips = 0.0;
    }
    let waypoint = free_ambient("istio-ambient-waypoint");
    let text = |client: &str, servers: u32, load: f64, rest: &str| {
        format!(
            "services:\n{}{}{rest}{}",
            station("client", &format!("service_time: 0s, {client}script: [{{call: a}}]")),
            station("a", &format!("replicas: {servers}, workers: 1, service_time: {{exponential: 10ms}}")),
            poisson("client", 100.0 * load * f64::from(servers))
        )
    };
    for mesh in [&ambient, &waypoint] {
        let name = format!("M/M/1 under {}", mesh.name);
        row_under(mesh, &name, 1_500, &[Expected::mean("mean", 0.020)], &text("", 1, 0.5, ""), mean_response);
    }
    let at_random = text("client: {keep_alive: false}, ", 10, 0.8, "");
    let expected = [Expected::mean("mean", 0.050)];
    row_under(&ambient, "each connection at random", 400, &expected, &at_random, mean_response);
    let in_turn = text("", 4, 0.8, "policies:\n  - {service: a, balancing: round_robin}\n");
    let expected = [Expected::mean("mean", 0.032_67)];
    row_under(&waypoint, "round robin at the waypoint", 1_000, &expected, &in_turn, mean_response);
}
