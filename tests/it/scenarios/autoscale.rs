//! Autoscalers under a load that does not change, whose number of pods can be worked out by hand.

use sim::mesh::MeshModel;
use sim::metrics::record::LifeRecord;
use sim::program::compile;
use sim::units::Cores;

use super::run;
use crate::common::{free_ambient, free_linkerd, free_proxies, mesh, scenario};

/// A hundred requests a second of 10 ms of CPU each: one core, whatever the number of pods.
fn text(replicas: u32, resources: &str, autoscale: &str) -> String {
    format!(
        "services: [{{name: web, replicas: {replicas}, service_time: 10ms, resources: {{{resources}}}, autoscale: \
         {{{autoscale}}}, lifecycle: {{image_pull: 0s, start: 1s, readiness: none, shutdown: 0s}}}}]\n\
         traffic: [{{name: users, service: web, from: meshed_client, arrivals: {{constant: 100/s}}}}]\n"
    )
}

fn life(mesh: &MeshModel, text: &str) -> LifeRecord {
    run(mesh, 0, 180_000, text).lives.expect("pods come and go")[0].clone()
}

/// Pods in the end, of which there have been as many for the last minute.
#[track_caller]
fn steady(mesh: &MeshModel, replicas: u32, resources: &str, autoscale: &str) -> u64 {
    let ready = life(mesh, &text(replicas, resources, autoscale)).ready;
    let last = &ready[ready.len() * 2 / 3..];
    assert!(last.iter().all(|pods| *pods == last[0]), "{ready:?}");
    last[0]
}

/// Free proxies that take 20m all the time and request 100m.
fn istio() -> MeshModel {
    let mut mesh = free_proxies();
    let sidecar = mesh.sidecar.as_mut().expect("it has one");
    sidecar.idle_cpu = Cores::new(0.02).expect("an amount of CPU");
    assert_eq!(sidecar.cpu_request.map(Cores::millicores), Some(100));
    mesh
}

const REQUEST: &str = "cpu_request: 500m";

#[test]
fn pods_are_usage_over_target() {
    let none = mesh("none");
    // 1000m over 30 % of 500m are 6.7; seven pods at 28 % are within a tenth of 30 %.
    assert_eq!(steady(&none, 1, REQUEST, "max: 10, target: 30%"), 7);
    // A limit is its own request.
    assert_eq!(steady(&none, 1, "cpu_limit: 500m", "max: 10, target: 30%"), 7);
    // 1000m over 300m are 3.3.
    assert_eq!(steady(&none, 1, "", "max: 10, target: 300m"), 4);
    // The largest counts, and neither bound is left.
    assert_eq!(steady(&none, 1, REQUEST, "max: 10, metrics: [{target: 300m}, {target: 30%}]"), 7);
    assert_eq!(steady(&none, 1, REQUEST, "max: 5, target: 30%"), 5);
    assert_eq!(steady(&none, 1, REQUEST, "min: 8, max: 10, target: 30%"), 8);
}

#[test]
fn a_sidecar_counts_in_a_metric_of_whole_pods() {
    let istio = istio();
    // Of four pods each uses 250 + 20 of 600m, 45 %: 45 / 30 · 4 is six, where it is 31 %.
    assert_eq!(steady(&istio, 1, REQUEST, "max: 10, target: 30%"), 6);
    assert_eq!(steady(&istio, 1, REQUEST, "max: 10, target: 30%, of: application"), 7);
    // 20m of 100m are what they are to be. Of 18 % they are more than a tenth too much, and no pod more makes them less.
    assert_eq!(steady(&istio, 3, REQUEST, "max: 5, target: 20%, of: proxy"), 3);
    assert_eq!(steady(&istio, 3, REQUEST, "max: 5, target: 18%, of: proxy"), 5);
    // The proxy of a node is in no pod.
    assert_eq!(steady(&free_ambient("istio-ambient"), 1, REQUEST, "max: 10, target: 30%"), 7);
}

#[test]
fn what_requests_nothing_is_never_scaled_by_its_share() {
    let linkerd = free_linkerd();
    let of_pods = "max: 10, target: 30%";
    assert_eq!(steady(&linkerd, 1, REQUEST, of_pods), 1);
    assert_eq!(steady(&linkerd, 1, REQUEST, "max: 10, target: 30%, of: application"), 7);
    assert_eq!(steady(&linkerd, 1, REQUEST, "max: 10, target: 300m"), 4);
    let notes = |mesh: &MeshModel, autoscale: &str| {
        let text = format!("version: 1\n{}", text(1, REQUEST, autoscale));
        let notes = compile(&scenario(&text), mesh).machines.notes;
        notes.into_iter().filter(|note| note.contains("autoscaler")).count()
    };
    assert_eq!(notes(&linkerd, of_pods), 1);
    assert_eq!(notes(&linkerd, "max: 10, target: 300m"), 0);
    assert_eq!(notes(&istio(), of_pods), 0);
    assert_eq!(notes(&mesh("none"), "max: 10, target: 20m, of: proxy"), 1);
    assert_eq!(steady(&mesh("none"), 1, "", "max: 10, target: 50%"), 1, "nobody requests anything");
}

#[test]
fn pods_go_when_nothing_needs_them_but_not_at_once() {
    let none = mesh("none");
    // Seven are enough, but one of the last 300 s has said ten.
    let patient = "max: 10, target: 30%";
    assert_eq!(steady(&none, 10, REQUEST, patient), 10);
    assert_eq!(steady(&none, 10, REQUEST, &format!("{patient}, down: {{stabilization: 0s}}")), 7);
    assert_eq!(
        steady(&none, 10, REQUEST, &format!("{patient}, down: {{stabilization: 0s, select: disabled}}")),
        10
    );
    let slow = "max: 10, target: 30%, up: {policies: [{pods: 1, every: 30s}]}";
    let ready = life(&none, &text(1, REQUEST, slow)).ready;
    let steps: Vec<u64> = ready.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(steps.iter().all(|step| *step <= 1), "one at a time: {ready:?}");
    assert_eq!(life(&none, &text(1, REQUEST, slow)).scalings, *ready.last().expect("some") - 1);
}
