//! Places, lives, who is told, and the laws of a pod's life.

use super::super::happening::Happening;
use super::*;
use crate::input::{self, Options};
use crate::mesh::MeshModel;
use crate::mesh::profile::find;
use crate::mesh::validate;
use crate::policy::pod_end::Exit;
use crate::program::{Program, compile};

/// `web` calls `reviews`, which has two versions, and `ratings`.
fn program(mesh: &MeshModel, further: &str) -> Program {
    let text = format!(
        "
version: 1
services:
  - name: web
    replicas: 4
    service_time: 1ms
    script: [{{call: reviews}}, {{call: ratings}}]
    lifecycle: {{start: {{exponential: 2s}}, pre_stop: 5s, strategy: {{max_surge: 30%, max_unavailable: 0}}, min_ready: 3s}}
  - name: reviews
    labels: {{app: reviews}}
    service_time: 1ms
    versions: [{{name: v1}}, {{name: v2, replicas: 2, lifecycle: {{readiness: none, strategy: recreate}}}}]
  - {{name: ratings, service_time: 1ms}}
traffic: [{{service: web, from: {{gateway: {{name: in, replicas: 1}}}}, rate: 1/s}}]
run: {{warm_up: 0s, duration: 30s}}
{further}"
    );
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("scenario.yaml");
    std::fs::write(&file, text).expect("a writable temporary folder");
    let (draft, _, mut diagnostics) = input::load(&[file], &Options::default());
    compile(&validate(&draft, &mut diagnostics).expect("a valid scenario"), mesh)
}

fn mesh(name: &str) -> MeshModel {
    find(name, None).expect("a shipped profile").model(4)
}

/// Name, pods when the run begins, and places, of each workload that serves.
fn places(further: &str) -> Vec<(String, u32, u32)> {
    let program = program(&mesh("none"), further);
    let serving = program.workloads.iter().take(program.serving);
    serving.map(|workload| (workload.name.clone(), workload.wanted, workload.pods)).collect()
}

fn lifecycle(program: &Program) -> &Lifecycle {
    program.lifecycle.as_ref().expect("pods come and go")
}

/// Laws are constant: their lengths in milliseconds, by stage.
fn stages(mesh: &MeshModel, further: &str) -> Vec<u64> {
    let program = program(mesh, further);
    let start = &lifecycle(&program).lives[LifeIdx(0)].start;
    let laws = [
        &start.schedule,
        &start.sandbox,
        &start.init,
        &start.proxy_pull,
        &start.proxy_start,
        &start.certificate,
        &start.configuration,
        &start.apply,
        &start.application_pull,
        &start.application_start,
        &start.endpoint,
    ];
    laws.iter().map(|law| (law.mean() / 1e6).round() as u64).collect()
}

#[test]
fn nothing_lives_where_nothing_comes_or_goes() {
    for mesh in ["none", "istio-sidecar", "istio-ambient", "linkerd"].map(mesh) {
        let quiet = program(&mesh, "");
        assert!(quiet.control.is_none() && quiet.lifecycle.is_none());
        let changed = program(&mesh, "events: [{at: 1s, change: all}]");
        assert!(changed.control.is_some() && changed.lifecycle.is_none());
        assert_eq!(changed.pods, quiet.pods);
    }
}

#[test]
fn places_are_enough_for_old_and_new_pods_and_those_beside_them() {
    let all = |web, v1, v2, ratings| {
        vec![
            ("default/web".to_owned(), 4, web),
            ("default/reviews@v1".to_owned(), 1, v1),
            ("default/reviews@v2".to_owned(), 2, v2),
            ("default/ratings".to_owned(), 1, ratings),
        ]
    };
    assert_eq!(places(""), all(4, 1, 2, 1));
    // Of four 30 % are two, rounded up; of one a quarter is one; nobody stands beside those that all end first.
    assert_eq!(places("events: [{at: 1s, rollout: web}]"), all(10, 1, 2, 1));
    assert_eq!(places("events: [{at: 1s, rollout: all}]"), all(10, 3, 4, 3));
    assert_eq!(places("events: [{at: 1s, kill: reviews, pods: 1}]"), all(4, 3, 4, 1));
    let scaled = "events: [{at: 1s, scale: web, replicas: 10}, {at: 2s, scale: [web, ratings], replicas: 0}]";
    assert_eq!(places(scaled), all(23, 1, 2, 3));
}

#[test]
fn a_place_has_a_node_a_proxy_and_an_endpoint_but_reserves_nothing() {
    for name in ["none", "istio-sidecar", "istio-ambient", "istio-ambient-waypoint", "linkerd"] {
        let mesh = mesh(name);
        let zones = "cluster: {zones: [north, south, east]}\n";
        let quiet = program(&mesh, zones);
        let busy = program(&mesh, &format!("{zones}events: [{{at: 1s, rollout: web}}]"));
        assert_eq!(quiet.machines.nodes, busy.machines.nodes, "{name}");
        let web = &busy.workloads[WorkloadIdx(0)];
        let own = |program: &Program, count: u32| {
            program.pods.iter().take(count as usize).copied().collect::<Vec<_>>()
        };
        let nodes = |pods: &[crate::program::Pod]| pods.iter().map(|pod| pod.node).collect::<Vec<_>>();
        let (of_quiet, of_busy) = (own(&quiet, 4), own(&busy, web.pods));
        assert_eq!(nodes(&of_quiet), nodes(&of_busy)[..4], "{name}: pods stand where they stood");
        let is_meshed = name != "none";
        assert!(of_busy.iter().all(|pod| pod.node.is_some() && pod.proxy.is_some() == is_meshed), "{name}");
        // On the nodes in turn.
        let spare = &nodes(&of_busy)[4..];
        for pair in spare.windows(2) {
            let [left, right] = [pair[0].expect("a node").0, pair[1].expect("a node").0];
            assert_eq!(right, (left + 1) % busy.machines.nodes.len() as u32, "{name}");
        }
        let edge = busy.edges.iter().find(|edge| edge.callee.0 == 0).expect("the gateway calls it");
        let to_web = busy.workloads[busy.pods[edge.endpoints.pod(0)].workload].service.is_some();
        assert!(!to_web || edge.targets.len() == web.pods, "{name}");
    }
}

#[test]
fn lives_and_incidents_follow_the_events() {
    let events = "events:
  - {at: 1s, change: web}
  - {at: 2s, rollout: [ratings, reviews], every: 10s}
  - {at: 3s, name: grow, scale: web, replicas: 6}
  - {at: 4s, kill: [web, reviews], pods: 2, every: 1s, until: 6s}
";
    let program = program(&mesh("istio-sidecar"), events);
    let lifecycle = lifecycle(&program);
    let workloads: Vec<u32> = lifecycle.lives.iter().map(|life| life.workload.0).collect();
    assert_eq!(workloads, [0, 1, 2, 3]);
    assert_eq!(program.life(WorkloadIdx(2)), Some(LifeIdx(2)));
    assert_eq!(program.life(WorkloadIdx(4)), None, "the gateway stays");
    let incidents: Vec<_> = lifecycle
        .incidents
        .iter()
        .map(|one| (one.when.name.as_str(), one.when.times, one.kind.clone()))
        .collect();
    let lives = |lives: &[u32]| lives.iter().map(|&life| LifeIdx(life)).collect::<Vec<_>>();
    assert_eq!(
        incidents,
        [
            ("rollout-2", 3, IncidentKind::Rollout(lives(&[1, 2, 3]))),
            ("grow", 1, IncidentKind::Scale(lives(&[0]), 6)),
            ("kill-4", 2, IncidentKind::Kill(lives(&[0, 1, 2]), 2)),
        ]
    );
    let control = program.control.as_ref().expect("somebody is told");
    let changes: Vec<_> = control
        .changes
        .iter()
        .map(|change| {
            let Happening { name, times, .. } = &change.when;
            (name.as_str(), change.endpoints.map(|life| life.0), change.endpoint_count, *times)
        })
        .collect();
    assert_eq!(
        changes,
        [
            ("change-1", None, 0, 1),
            ("endpoints of default/web", Some(0), 4, 0),
            ("endpoints of default/reviews@v1", Some(1), 1, 0),
            ("endpoints of default/reviews@v2", Some(2), 2, 0),
            ("endpoints of default/ratings", Some(3), 1, 0),
        ]
    );
    for (life, row) in lifecycle.lives.iter_enumerated() {
        assert_eq!(control.changes[row.endpoints].endpoints, Some(life));
    }
}

/// By the name of its group: whether an audience is told of the endpoints of `ratings`, and of how many when one of its
/// two changes.
fn told(name: &str, further: &str) -> Vec<(String, bool, u64)> {
    let program = program(&mesh(name), &format!("{further}events: [{{at: 1s, rollout: ratings}}]"));
    let control = program.control.as_ref().expect("a control plane");
    let change =
        control.changes.iter().find(|change| change.endpoints.is_some()).expect("a change of endpoints");
    let audiences = control.audiences.iter_enumerated();
    audiences
        .map(|(index, audience)| {
            let name = program.groups[audience.group].name.clone();
            (name, change.concerns(index), audience.endpoints_told(1, 2))
        })
        .collect()
}

#[test]
fn endpoints_are_told_to_whom_they_concern() {
    let row = |name: &str, is_told, endpoints| (name.to_owned(), is_told, endpoints);
    let sidecars = |of_callees, endpoints| {
        vec![
            row("default/web", true, endpoints),
            row("default/reviews@v1", of_callees, endpoints),
            row("default/reviews@v2", of_callees, endpoints),
            row("default/ratings", of_callees, endpoints),
        ]
    };
    assert_eq!(told("none", ""), []);
    let mut istio = sidecars(true, 2);
    istio.push(row("gateway:in", true, 2));
    assert_eq!(told("istio-sidecar", ""), istio);
    istio[1].1 = false;
    istio[2].1 = false;
    let scope = "scopes: [{name: own, namespace: default, labels: {app: reviews}, hosts: [./reviews.default.svc.cluster.local]}]\n";
    assert_eq!(told("istio-sidecar", scope), istio);
    // What is not called is not asked for.
    assert_eq!(told("linkerd", ""), sidecars(false, 1));
    let ambient = [row("gateway:in", true, 2), row("node:proxy", true, 1)];
    assert_eq!(told("istio-ambient", ""), ambient);
    let waypoints =
        [row("gateway:in", true, 2), row("waypoint:default", true, 2), row("node:proxy", true, 1)];
    assert_eq!(told("istio-ambient-waypoint", ""), waypoints);
    let elsewhere = "mesh: {waypoints: [{name: w, services: [web]}]}\n";
    let waypoints = [row("gateway:in", true, 2), row("waypoint:w", false, 2), row("node:proxy", true, 1)];
    assert_eq!(told("istio-ambient-waypoint", elsewhere), waypoints);
}

#[test]
fn without_a_mesh_the_nodes_rules_are_all_there_is() {
    let program = program(&mesh("none"), "events: [{at: 1s, rollout: web}]");
    let control = program.control.as_ref().expect("rules are written");
    assert!(matches!(control.plane, crate::program::control::Plane::KubeProxy));
    assert!(control.subscribers.is_empty() && control.changes.len() == 1);
    let lifecycle = lifecycle(&program);
    assert_eq!((lifecycle.watch.mean(), lifecycle.rules.write.mean()), (20e6, 100e6));
    assert_eq!(lifecycle.rules.least, Span::from_seconds(1));
}

#[test]
fn a_pods_start_follows_from_the_mesh_and_the_scenario() {
    let events = "events: [{at: 1s, rollout: web}]";
    let bare = stages(&mesh("none"), events);
    assert_eq!(bare, [50, 1000, 0, 0, 0, 0, 0, 0, 2000, 2000, 100]);
    // Three clusters of 1.16 ms.
    let istio = stages(&mesh("istio-sidecar"), events);
    assert_eq!(istio, [50, 1000, 550, 50, 377, 48, 200, 3, 2000, 2000, 100]);
    let fast = stages(&mesh("istio-sidecar"), &format!("cluster: {{cpu_speed: 2}}\n{events}"));
    assert_eq!(fast, [50, 1000, 550, 50, 339, 48, 200, 2, 2000, 2000, 100], "only CPU is faster");
    assert_eq!(stages(&mesh("istio-ambient"), events), [50, 1050, 0, 0, 0, 0, 0, 0, 2000, 2000, 100]);
    let outside = format!("mesh: {{exclude: {{services: [web]}}}}\n{events}");
    assert_eq!(stages(&mesh("istio-ambient"), &outside), bare);
    assert_eq!(stages(&mesh("istio-sidecar"), &outside), bare);
}

#[test]
fn a_pods_proxy_waits_and_ends_as_its_mesh_does() {
    let seconds = Span::from_seconds;
    let of = |mesh: &MeshModel| {
        let program = program(mesh, "events: [{at: 1s, rollout: [web, reviews]}]");
        lifecycle(&program).lives.clone()
    };
    let lives = of(&mesh("istio-sidecar"));
    let life = &lives[LifeIdx(0)];
    assert_eq!((life.start.sidecar, life.min_ready), (Sidecar::Native, seconds(3)));
    let proxy = life.end.proxy.expect("it has one");
    assert_eq!((proxy.exit, proxy.drain), (Exit::After(seconds(5)), seconds(45)));
    assert!(proxy.is_native && proxy.drains_first);
    assert_eq!((life.end.pre_stop, life.end.shutdown, life.end.grace), (seconds(5), seconds(1), seconds(30)));
    let of_versions =
        [LifeIdx(1), LifeIdx(2)].map(|life| (lives[life].start.readiness.is_some(), lives[life].strategy));
    assert_eq!(of_versions, [(true, UpdateStrategy::default()), (false, UpdateStrategy::Recreate)]);

    let with = |mesh: &str, settings: &[(&str, &str)]| {
        let mut profile = find(mesh, None).expect("a shipped profile");
        for (path, value) in settings {
            profile.set(path, value, None).expect("a value that it can have");
        }
        of(&profile.model(4))[LifeIdx(0)].clone()
    };
    let classic =
        with("istio-sidecar", &[("startup.mode", "classic"), ("termination.exit", "without_connections")]);
    let proxy = classic.end.proxy.expect("it has one");
    assert_eq!(classic.start.sidecar, Sidecar::Classic);
    assert_eq!(proxy.exit, Exit::OnZeroConnections { minimum: seconds(5), poll: seconds(1) });
    assert!(!proxy.is_native && !proxy.drains_first, "only a native one drains first");
    let held = with("istio-sidecar", &[("startup.mode", "held")]);
    assert_eq!(held.start.sidecar, Sidecar::Held { poll: Span::from_millis(500) });
    let linkerd = with("linkerd", &[]).end.proxy.expect("it has one");
    assert_eq!((linkerd.exit, linkerd.drain), (Exit::WhenIdle { grace: seconds(120) }, Span::ZERO));
    assert!(linkerd.is_native && !linkerd.drains_first);
    assert_eq!(of(&mesh("istio-ambient"))[LifeIdx(0)].end.proxy, None);
}
