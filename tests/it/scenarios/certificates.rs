//! Certificates, with costs and times that can be added up by hand.

use std::collections::BTreeSet;

use sim::mesh::MeshModel;
use sim::metrics::RunRecord;
use sim::metrics::record::CertificateRecord;
use sim::policy::pod_start::Stage;
use sim::program::compile;
use sim::vocabulary::failure::Cause;

use super::{MILLISECOND, run};
use crate::common::{mesh, mesh_with, scenario};

/// Nothing of a pod's start takes time but what is about certificates; one core signs one in 10 ms.
const START: [(&str, &str); 16] = [
    ("kubernetes.schedule", "0s"),
    ("kubernetes.sandbox", "0s"),
    ("kubernetes.image_pull", "0s"),
    ("kubernetes.endpoint_slice", "0s"),
    ("kubernetes.watch", "0s"),
    ("startup.mode", "native_sidecar"),
    ("startup.init", "0s"),
    ("startup.agent", "0s"),
    ("startup.process", "0s"),
    ("startup.per_cluster", "0s"),
    ("startup.certificate", "0s"),
    ("startup.first_configuration", "0s"),
    ("certificate.request_cpu", "0s"),
    ("certificate.issue_cpu", "10ms"),
    ("certificate.clock_skew", "0s"),
    ("control_plane.cpu_limit", "1"),
];

/// Pushes cost nothing, and nobody asks sooner or later by chance.
fn istio(overrides: &[(&str, &str)]) -> MeshModel {
    let costs = [
        ("control_plane.build_cpu_per_service", "0s"),
        ("control_plane.push_cpu", "0s"),
        ("control_plane.push_cpu_per_cluster", "0s"),
        ("control_plane.push_cpu_per_cached_cluster", "0s"),
        ("control_plane.push_cpu_per_endpoint", "0s"),
        ("certificate.rotate_jitter", "0"),
    ];
    mesh_with("istio-sidecar", &[&START[..], &costs, overrides].concat())
}

fn linkerd(overrides: &[(&str, &str)]) -> MeshModel {
    mesh_with("linkerd", &[&START[..], overrides].concat())
}

fn ztunnel(overrides: &[(&str, &str)]) -> MeshModel {
    mesh_with("istio-ambient", &[&START[..5], &START[12..], overrides].concat())
}

/// So many seconds of `web`, which one client asks ten times a second.
fn web(mesh: &MeshModel, seconds: u64, replicas: u32, more: &str) -> RunRecord {
    run(
        mesh,
        0,
        1000 * seconds,
        &format!(
            "cluster: {{network_delay: 0s}}\nservices:\n  - {{name: web, replicas: {replicas}, service_time: 1ms, lifecycle: \
             {{image_pull: 0s, start: 0s}}}}\ntraffic:\n  - {{name: users, service: web, from: meshed_client, arrivals: \
             {{constant: 10/s}}}}\n{more}\n"
        ),
    )
}

fn certificates(record: &RunRecord) -> &CertificateRecord {
    record.certificates.as_ref().expect("proxies come to certificates")
}

/// For how long pods waited for their certificates, summed over them, in microseconds.
fn waited(record: &RunRecord) -> u64 {
    let life = &record.lives.as_ref().expect("pods come and go")[0];
    let (begin, end) = life.stages[Stage::Certificate as usize];
    (end - begin).div_ceil(1000)
}

#[test]
fn pods_that_start_together_share_the_authority() {
    // Four at once on one core: each has a quarter of it, and all have waited for 40 ms.
    let together = "events: [{at: 1s, scale: web, replicas: 5}]";
    let record = web(&istio(&[]), 3, 1, together);
    assert_eq!(waited(&record), 4 * 40_000);
    let of = certificates(&record);
    assert_eq!((of.issued, of.refused, of.issue_cpu), (4, 0, 40 * MILLISECOND));
    let control = record.control.as_ref().expect("istiod");
    assert_eq!(control.cpu.div_ceil(1000), 40_000, "istiod itself signs");
    // Two cores: each has half of one.
    assert_eq!(waited(&web(&istio(&[("control_plane.cpu_limit", "2")]), 3, 1, together)), 4 * 20_000);
    // Linkerd's authority has a core of its own beside destination's.
    let record = web(&linkerd(&[]), 3, 1, together);
    assert_eq!(waited(&record), 4 * 40_000);
    let control = record.control.as_ref().expect("destination");
    assert!(control.cpu < 10 * MILLISECOND, "{}", control.cpu);
}

#[test]
fn a_later_one_slows_an_earlier_one() {
    // After 5 ms alone the first has 5 ms to go, at half speed: 15 ms. Then the second has 5 ms to go alone: 15 ms.
    let events = "events: [{at: 1s, scale: web, replicas: 2}, {at: 1005ms, scale: web, replicas: 3}]";
    assert_eq!(waited(&web(&istio(&[]), 3, 1, events)), 30_000);
}

#[test]
fn a_certificate_takes_a_key_a_round_trip_and_a_signature() {
    let slow = [("startup.certificate", "30ms"), ("certificate.request_cpu", "100ms")];
    let text = "cluster: {network_delay: 2ms}\nservices:\n  - {name: web, service_time: 1ms, lifecycle: {image_pull: 0s, \
                start: 0s}}\ntraffic:\n  - {name: users, service: web, from: meshed_client, arrivals: {constant: \
                10/s}}\nevents: [{at: 1s, scale: web, replicas: 2}]\n";
    for mesh in [istio(&slow), linkerd(&slow)] {
        let record = run(&mesh, 0, 3000, text);
        // 30 ms until it can ask, 100 ms for the key, 2 ms there, 10 ms, 2 ms back.
        assert_eq!(waited(&record), 144_000, "{}", mesh.name);
        let of = certificates(&record);
        assert_eq!((of.holders, of.issued, of.request_cpu), (2, 1, 100 * MILLISECOND), "{}", mesh.name);
        assert_eq!(of.authority_time.max(), 10 * MILLISECOND, "{}", mesh.name);
    }
}

#[test]
fn what_was_issued_together_is_renewed_together() {
    let certificates_of = |mesh: &MeshModel, age: &str| {
        let more = format!("certificates: {{life: 100s, issued: together, age: {age}}}");
        web(mesh, 80, 9, &more)
    };
    // All ten proxies at half of the life, 1 s after the start: all are signed after 100 ms. The next wave is 50 s later.
    let record = certificates_of(&istio(&[]), "49s");
    let of = certificates(&record);
    let waves = |of: &CertificateRecord| -> Vec<(usize, u64)> {
        of.issued_over_time.iter().copied().enumerate().filter(|(_, issued)| *issued > 0).collect()
    };
    let interval = record.timeline.interval / (1000 * MILLISECOND);
    assert_eq!(interval, 2, "seconds");
    assert_eq!((of.holders, of.issued), (10, 20));
    assert_eq!(waves(of), [(0, 10), (25, 10)], "at 1.1 s and at 51.2 s");
    assert_eq!(of.authority_time.max(), 100 * MILLISECOND);
    // One that was issued 149 s ago has been renewed twice meanwhile.
    let again = certificates_of(&istio(&[]), "149s");
    assert_eq!(waves(certificates(&again)), [(0, 10), (25, 10)]);
    // Linkerd's at 70 %.
    let record = certificates_of(&linkerd(&[]), "49s");
    assert_eq!(waves(certificates(&record)), [(10, 10)], "at 21 s");
}

#[test]
fn jitter_spreads_a_wave_evenly() {
    // 1000 proxies, half a life of 1000 s, sooner or later by up to 10 s: from 5 s to 25 s after the start, 50 a second.
    let jitter = istio(&[("certificate.rotate_jitter", "0.01"), ("certificate.issue_cpu", "0s")]);
    let record = web(&jitter, 30, 999, "certificates: {life: 1000s, issued: together, age: 485s}");
    let of = certificates(&record);
    assert_eq!((of.holders, of.issued), (1000, 1000));
    for (second, &issued) in of.issued_over_time.iter().enumerate() {
        let expected = if (5..25).contains(&second) { 15..=85 } else { 0..=0 };
        assert!(expected.contains(&issued), "{issued} in second {second}: five deviations of a binomial law");
    }
}

#[test]
fn in_a_steady_state_each_is_renewed_once_in_its_time() {
    // Half of 20 s: whatever its age, each proxy asks exactly once in 10 s.
    let free = istio(&[("certificate.issue_cpu", "0s")]);
    let record = web(&free, 10, 99, "certificates: {life: 20s}");
    assert_eq!(certificates(&record).issued, 100);
    let thirds: Vec<u64> =
        certificates(&record).issued_over_time.chunks(5).map(|half| half.iter().sum()).collect();
    assert!(thirds.iter().all(|&issued| issued > 25), "{thirds:?}");
}

#[test]
fn a_nodes_proxy_has_one_for_each_service_on_it() {
    let text = "version: 1\nname: nodes\ncluster: {network_delay: 0s, nodes: {count: 3, cores: 8}}\nservices:\n  - {name: a, \
                replicas: 5, service_time: 1ms, script: [{call: b}]}\n  - {name: b, replicas: 2, service_time: 1ms}\ntraffic:\n  - \
                {name: users, service: a, from: outside, arrivals: {constant: 10/s}}\ncertificates: {life: 20s}\n";
    let mesh = ztunnel(&[("certificate.issue_cpu", "0s")]);
    let program = compile(&scenario(text), &mesh);
    let pods = program.pods.iter().filter(|pod| pod.proxy.is_some());
    let pairs: BTreeSet<_> = pods.map(|pod| (pod.node, program.workloads[pod.workload].service)).collect();
    let body = text.split_once("name: nodes\n").expect("the head").1;
    let record = run(&mesh, 0, 10_000, body);
    let of = certificates(&record);
    assert!(pairs.len() < 7, "some pods share a certificate");
    assert_eq!((of.holders, of.issued), (pairs.len() as u64, pairs.len() as u64));
}

#[test]
fn while_the_authority_is_down_no_pod_becomes_ready() {
    let events =
        "events: [{at: 1s, scale: web, replicas: 2}, {at: 500ms, certificate_authority: down, for: 20s}]";
    let record = web(&istio(&[]), 60, 1, events);
    let of = certificates(&record);
    assert_eq!(of.issued, 1);
    // It asks at 1 s, and then after pauses of 0.5 s, 0.75 s, … each up to half longer or shorter.
    let mut soonest = vec![1.0_f64];
    let mut latest = vec![1.0_f64];
    let mut pause = 0.5;
    while soonest.last().is_some_and(|&at| at < 20.5) {
        soonest.push(soonest[soonest.len() - 1] + 0.5 * pause);
        latest.push(latest[latest.len() - 1] + 1.5 * pause);
        pause *= 1.5;
    }
    let fewest = latest.iter().filter(|&&at| at < 20.5).count() as u64;
    let most = soonest.iter().filter(|&&at| at < 20.5).count() as u64;
    assert!((fewest..=most).contains(&of.refused), "{fewest} <= {} <= {most}", of.refused);
    let waited = waited(&record) as f64 / 1e6;
    assert!((19.5..19.5 + 1.5 * pause).contains(&waited), "{waited}");
    // It does not keep those from serving that have one.
    assert_eq!(record.entries[0].failed.len(), 0);
}

#[test]
fn who_has_none_opens_no_connection() {
    // Certificates expire 3 s after the start, and nobody gets new ones.
    let outage = "certificates: {life: 4s, issued: together, age: 1s}\nevents: [{at: 500ms, certificate_authority: down, for: 60s}]";
    let one_each = format!(
        "{outage}\npolicies: [{{service: web, limits: {{requests_per_connection: 1}}}}]\nroutes: [{{host: web, to: web, retries: none}}]"
    );
    let record = web(&istio(&[]), 10, 1, &one_each);
    let entry = &record.entries[0];
    let causes = entry.causes[Cause::ConnectFailure as usize];
    assert_eq!(causes, entry.failed.len());
    // Of 100 requests, 30 in the first 3 s.
    assert!((69..=71).contains(&causes), "{causes}");
    let of = certificates(&record);
    assert_eq!(of.issued, 0);
    assert!(of.refused > 2);
    // A connection that is there lives on.
    let record = web(&istio(&[]), 10, 1, outage);
    assert_eq!(record.entries[0].failed.len(), 0);
    // And once there are certificates again, connections come to be.
    let over = one_each.replace("for: 60s", "for: 4s");
    let record = web(&istio(&[("certificate.retry_max", "500ms")]), 10, 1, &over);
    // From 3 s to 4.5 s, and 0.75 s at most until both ends have asked again.
    let failed = record.entries[0].failed.len();
    assert!((15..=23).contains(&failed), "{failed}");
}

#[test]
fn without_a_mesh_or_without_encryption_there_are_none() {
    let more = "certificates: {life: 4s}\nevents: [{at: 500ms, certificate_authority: down, for: 60s}]";
    for mesh in [mesh("none"), istio(&[("proxy.features.mtls.enabled", "off")])] {
        let record = web(&mesh, 10, 1, more);
        assert!(record.certificates.is_none(), "{}", mesh.name);
        assert_eq!(record.entries[0].failed.len(), 0, "{}", mesh.name);
    }
    assert!(web(&istio(&[]), 2, 1, "").certificates.is_none(), "nothing happens");
}
