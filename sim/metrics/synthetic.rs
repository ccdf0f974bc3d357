//! Records made up for tests.

use hdrhistogram::Histogram;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::histogram::LogHistogram;
use super::labels::{EdgeLabel, EntryLabel, Labels};
use super::record::{
    Causes, EdgeRecord, EntryRecord, MachineRecord, PARTS, ProxyRecord, RunRecord, ServiceRecord,
};
use super::telemetry::{Series, TelemetryRecord};
use super::timeline::{EntryInterval, ServiceInterval, TimelineRecord};

const SECOND: u64 = 1_000_000_000;

/// An entry whose successful requests took `times` (nanoseconds), all of it in the application, the first half of them
/// in the first half of the window.
pub(crate) fn entry(times: &[u64]) -> EntryRecord {
    let mut succeeded = Histogram::new(3).expect("three digits are allowed");
    for &time in times {
        succeeded.record(time).expect("the histogram resizes itself");
    }
    let (first, second) = times.split_at(times.len() / 2);
    let half = |times: &[u64]| (times.len() as u64, times.iter().sum());
    let mut parts = [0; PARTS.len()];
    parts[0] = times.iter().sum();
    EntryRecord {
        arrived: times.len() as u64,
        succeeded,
        failed: Histogram::new(3).expect("three digits are allowed"),
        causes: Causes::default(),
        unfinished: 0,
        completed_in_window: times.len() as u64,
        parts,
        gateway: 0,
        halves: [half(first), half(second)],
    }
}

/// A record of one entry and a window of one second.
pub(crate) fn record(times: &[u64]) -> RunRecord {
    RunRecord { window: SECOND, entries: vec![entry(times)], ..RunRecord::default() }
}

/// Labels for [`record`]: scenario `shop`, mesh `none`, open entry `web`.
pub(crate) fn labels() -> Labels {
    Labels {
        scenario: "shop".to_owned(),
        mesh: "none".to_owned(),
        entries: vec![EntryLabel { name: "web".to_owned(), gateway: false, open: true }],
        ..Labels::default()
    }
}

/// Exponential times of the given mean in nanoseconds; `stream` tells replications and experiments apart.
pub(crate) fn exponential_times(mean: f64, count: usize, stream: u64) -> Vec<u64> {
    let mut rng = ChaCha8Rng::seed_from_u64(42);
    rng.set_stream(stream);
    (0..count).map(|_| (-mean * libm::log1p(-rng.random::<f64>())) as u64).collect()
}

/// Two services, an edge each and a group of proxies, `proxied` or not, with every counter set: replication `number` of
/// a run of `requests` requests.
pub(crate) fn full_record(number: u64, requests: usize, proxied: bool) -> RunRecord {
    let mean = 5e6;
    let mut times = exponential_times(mean, requests, number);
    if proxied {
        for time in &mut times {
            *time += 400_000;
        }
    }
    let mut entry = entry(&times);
    let count = requests as u64;
    let total: u64 = times.iter().sum();
    let proxy_part = if proxied { 150_000 * count } else { 0 };
    let network = 50_000 * count;
    // Whatever is left after fixed shares is the application's.
    entry.parts =
        [0, total / 10, proxy_part, 0, proxy_part, if proxied { 10_000 * count } else { 0 }, network, 0];
    entry.parts[0] = total - entry.parts.iter().sum::<u64>();
    entry.failed.record(2_000_000).expect("the histogram resizes itself");
    entry.arrived += 1;
    let histogram = |scale: u64| {
        let mut histogram = LogHistogram::new();
        for time in &times {
            histogram.record(time / scale);
        }
        histogram
    };
    let service = |scale| ServiceRecord {
        visits: count,
        failures: 1,
        rejected: 0,
        response_time: histogram(scale),
        queue_time: histogram(scale * 10),
        busy: count * 100_000 + number * 10_000,
        workers: Some(4),
        cpu: count * 80_000 + number * 10_000,
        instances: 2,
        memory: 300 << 20,
    };
    let edge = EdgeRecord {
        calls: count,
        failures: 1,
        causes: Causes::default(),
        timeouts: 0,
        repeats: 0,
        attempts: count,
        copies: 0,
        response_time: histogram(2),
        proxy_time: histogram(20),
        handshakes: 8,
        bytes: count * 2_048,
        cross_zone_bytes: 0,
    };
    RunRecord {
        control: None,
        certificates: None,
        telemetry: proxied.then(|| Box::new(telemetry(number))),
        lives: None,
        window: SECOND,
        entries: vec![entry],
        services: vec![service(2), service(4)],
        versions: Vec::new(),
        edges: vec![edge.clone(), edge],
        proxies: if proxied { vec![proxy(number, count); 2] } else { Vec::new() },
        nodes: Vec::new(),
        machines: MachineRecord::default(),
        zone_bytes: Vec::new(),
        timeline: timeline(number, count),
        demand: number,
        events: count * 16,
        requests: count,
    }
}

/// Of two groups of proxies, one of which has been replaced for a part.
fn telemetry(number: u64) -> TelemetryRecord {
    let series = Series { base: 400.0, outbound: 67.0 + number as f64, inbound: 134.0 };
    TelemetryRecord {
        series,
        of_replaced_pods: 100.0,
        of_groups: vec![series.total() / 2.0; 2],
        proxy_bytes: 250_000.0,
        scrape_interval: 15.0,
        bytes_per_series: 3000.0,
        spans: [2.0, 1000.0],
        log_lines: [200.0, 60_000.0],
    }
}

/// Two proxies of one workload.
fn proxy(number: u64, count: u64) -> ProxyRecord {
    ProxyRecord {
        instances: 2,
        workers: 4,
        cpu: count * 40_000 + number * 10_000,
        wake_cpu: count * 10_000,
        jobs: 2 * count,
        memory_mean: 100e6 + number as f64,
        memory_max: 60e6,
        memory_request: Some(128 << 20),
        memory_limit: Some(1 << 30),
        connections_mean: 12.0,
    }
}

/// Two intervals of the two services' scenario: half a second of warm-up, and half of the window; the second service
/// sees nothing before.
fn timeline(number: u64, count: u64) -> TimelineRecord {
    let entry = |share: u64| EntryInterval {
        requests: count / share,
        responses: count / share,
        failures: number,
        causes: Default::default(),
        response_time: [4_000_000, 11_000_000, 23_000_000 + 1_000_000 * number],
        response_time_max: 40_000_000,
        in_flight: 3 + number,
    };
    let service = |share: u64| ServiceInterval {
        requests: (count / share) as u32,
        responses: (count / share) as u32,
        failures: 1,
        response_time: 9_000_000,
        busy: SECOND / share,
    };
    TimelineRecord {
        interval: SECOND / 2,
        warm_up: SECOND / 2,
        end: SECOND,
        entries: vec![vec![entry(4)], vec![entry(2)]],
        services: vec![vec![service(4), ServiceInterval::default()], vec![service(2), service(1)]],
        versions: Vec::new(),
    }
}

/// Labels for [`full_record`].
pub(crate) fn full_labels(mesh: &str, proxied: bool) -> Labels {
    let names = |names: [&str; 2]| names.map(str::to_owned).to_vec();
    let edge = |caller: &str, callee: &str, ends: (Option<usize>, usize)| EdgeLabel {
        caller: caller.to_owned(),
        callee: callee.to_owned(),
        from_service: ends.0,
        to_service: ends.1,
    };
    Labels {
        mesh: mesh.to_owned(),
        services: names(["default/front", "default/back"]),
        edges: vec![
            edge("outside:web", "default/front", (None, 0)),
            edge("default/front", "default/back", (Some(0), 1)),
        ],
        proxies: if proxied { names(["default/front", "default/back"]) } else { Vec::new() },
        ..labels()
    }
}
