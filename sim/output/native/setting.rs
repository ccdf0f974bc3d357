//! The sections of the setting: `mesh`, `cluster`, `events`, `run`, `telemetry`, `certificates`, `slo`.

use crate::input::Draft;
use crate::input::draft::{
    ChangedDraft, ClusterDraft, CoreSetDraft, EventDraft, EventKindDraft, FeatureDraft, FeatureValue,
    MeshDraft, NodesDraft, NodesWhat, OthersDraft, PricesDraft, SelectionDraft, SloDraft,
};
use crate::input::tree::Located;
use crate::vocabulary::{CertificateSettings, Issued, NodeCores, Objective, RunSettings, TelemetrySettings};

use super::quantity::{Of, cores, dist, ratio};
use super::yaml::{Map, Yaml};

pub(super) fn sections(draft: &Draft, map: &mut Map) {
    let mesh = mesh(&draft.mesh);
    if !mesh.is_empty() {
        map.put("mesh", mesh);
    }
    let cluster = cluster(&draft.cluster);
    if !cluster.is_empty() {
        map.put("cluster", cluster);
    }
    map.some("events", draft.events.iter().map(event).collect());
    if draft.given.iter().any(|(section, _)| *section == "run") {
        map.put("run", run(&draft.run));
    }
    if draft.given.iter().any(|(section, _)| *section == "telemetry") {
        map.put("telemetry", telemetry(&draft.telemetry));
    }
    map.maybe("certificates", draft.certificates.as_ref().map(certificates));
    map.some("slo", draft.slos.iter().map(slo).collect());
}

fn names(names: &[Located<String>]) -> Vec<Yaml> {
    Yaml::texts(names.iter().map(|name| name.value.as_str()))
}

fn selection(selection: &SelectionDraft, map: &mut Map) {
    map.some("namespaces", names(&selection.namespaces));
    map.some("services", names(&selection.services));
}

fn mesh(mesh: &MeshDraft) -> Map {
    let mut map = Map::default();
    map.maybe("profile", mesh.profile.as_ref().map(|name| Yaml::text(&name.value)));
    let mut overrides = Map::default();
    for (path, value) in &mesh.overrides {
        overrides.put(&path.value, Yaml::text(&value.value));
    }
    if !overrides.is_empty() {
        map.put("overrides", overrides);
    }
    map.some("asked", mesh.features.iter().map(asked).collect());
    if let Some(inject) = &mesh.inject {
        let mut chosen = Map::default();
        selection(inject, &mut chosen);
        map.put("inject", chosen);
    }
    let mut exclude = Map::default();
    selection(&mesh.exclude, &mut exclude);
    if !exclude.is_empty() {
        map.put("exclude", exclude);
    }
    map.maybe(
        "waypoints",
        mesh.waypoints.as_ref().map(|waypoints| {
            let one = |waypoint: &crate::input::draft::WaypointDraft| {
                let mut map = Map::default();
                map.put("name", Yaml::text(&waypoint.name.value));
                selection(&waypoint.services, &mut map);
                map.maybe("replicas", waypoint.replicas.map(Yaml::plain));
                map.maybe("zone", waypoint.zone.as_ref().map(|zone| Yaml::text(&zone.value)));
                map.into()
            };
            waypoints.iter().map(one).collect::<Vec<Yaml>>()
        }),
    );
    map
}

fn asked(feature: &FeatureDraft) -> Yaml {
    let mut map = Map::default();
    map.put("by", Yaml::text(&feature.object.value));
    map.put("path", Yaml::text(&feature.path));
    match &feature.value {
        FeatureValue::To(value) => map.put("to", Yaml::text(value)),
        FeatureValue::Times(factor) => map.put("times", Yaml::plain(factor)),
        FeatureValue::Instead { word, value } => {
            map.put("to", Yaml::text(value));
            map.put("instead_of", Yaml::text(word));
        }
    }
    map.into()
}

fn cluster(cluster: &ClusterDraft) -> Map {
    let silent = ClusterDraft::default();
    let mut map = Map::default();
    if cluster.network_delay != silent.network_delay {
        map.put("network_delay", dist(&cluster.network_delay, Of::Time));
    }
    map.maybe("zone_delay", cluster.zone_delay.as_ref().map(|delay| dist(&delay.value, Of::Time)));
    if cluster.outside_delay != silent.outside_delay {
        map.put("outside_delay", dist(&cluster.outside_delay, Of::Time));
    }
    map.maybe("bandwidth", cluster.bandwidth.map(|bits| Yaml::plain(format!("{bits}bit/s"))));
    if cluster.cpu_speed != silent.cpu_speed {
        map.put("cpu_speed", Yaml::plain(cluster.cpu_speed));
    }
    map.some("core_sets", cluster.core_sets.iter().map(core_set).collect());
    map.maybe("nodes", cluster.nodes.as_ref().map(nodes));
    map.maybe("zones", cluster.zones.as_ref().map(|zones| names(&zones.value)));
    map.maybe("cross_zone_price", cluster.cross_zone_price.map(Yaml::plain));
    map.maybe(
        "cores",
        cluster
            .cores
            .map(|cores| Yaml::text(if cores == NodeCores::Shared { "shared" } else { "unlimited" })),
    );
    if let PricesDraft::File(name) = &cluster.prices {
        map.put("prices", Yaml::text(&name.value));
    }
    map.maybe("others", cluster.others.as_ref().map(others));
    map
}

fn others(others: &OthersDraft) -> Map {
    let mut map = Map::default();
    map.maybe("services", others.services.as_ref().map(|services| Yaml::plain(services.value)));
    map.maybe("endpoints", others.endpoints.as_ref().map(|endpoints| Yaml::plain(endpoints.value)));
    map
}

fn core_set(set: &CoreSetDraft) -> Yaml {
    let mut map = Map::default();
    map.put("name", Yaml::text(&set.name.value));
    map.some("services", names(&set.services));
    map.some("sources", names(&set.sources));
    map.put("cores", Yaml::plain(set.cores));
    map.into()
}

fn nodes(nodes: &NodesDraft) -> Map {
    let mut map = Map::default();
    map.maybe("count", nodes.count.as_ref().map(|count| Yaml::plain(count.value)));
    map.maybe("type", nodes.node_type.as_ref().map(|name| Yaml::text(&name.value)));
    map.maybe("cores", nodes.cores.map(cores));
    map.maybe("memory", nodes.memory.map(Yaml::plain));
    map.maybe("pods", nodes.pods.map(Yaml::plain));
    map.maybe("price", nodes.price.map(Yaml::plain));
    map
}

fn run(run: &RunSettings) -> Map {
    let mut map = Map::default();
    map.put("warm_up", Yaml::plain(run.warm_up));
    map.put("duration", Yaml::plain(run.duration));
    map.put("drain_limit", Yaml::plain(run.drain_limit));
    map.maybe("interval", run.interval.map(Yaml::plain));
    map.put("replications", Yaml::plain(run.replications));
    map.maybe("precision", run.precision.map(ratio));
    map.put("seed", Yaml::plain(run.seed));
    map
}

fn telemetry(telemetry: &TelemetrySettings) -> Map {
    let mut map = Map::default();
    map.maybe("scrape_interval", telemetry.scrape_interval.map(Yaml::plain));
    map.put("pods_replaced_per_hour", Yaml::plain(telemetry.pods_replaced_per_hour));
    map
}

fn certificates(certificates: &CertificateSettings) -> Map {
    let mut map = Map::default();
    map.put("life", certificates.life.map_or_else(|| Yaml::text("inherit"), Yaml::plain));
    match certificates.issued {
        Issued::Spread => map.put("issued", Yaml::text("spread")),
        Issued::Together(age) => {
            map.put("issued", Yaml::text("together"));
            map.put("age", Yaml::plain(age));
        }
    }
    map
}

fn event(event: &EventDraft) -> Yaml {
    let mut map = Map::default();
    map.maybe("name", event.name.as_ref().map(|name| Yaml::text(&name.value)));
    map.put("at", Yaml::plain(event.at.value));
    match &event.kind {
        EventKindDraft::Change { services, objects } => {
            map.put("change", changed(services));
            map.maybe("objects", objects.as_ref().map(|objects| Yaml::plain(objects.value)));
        }
        EventKindDraft::Rollout { services } => map.put("rollout", changed(services)),
        EventKindDraft::Scale { services, replicas } => {
            map.put("scale", changed(services));
            map.put("replicas", Yaml::plain(replicas.value));
        }
        EventKindDraft::Apply { routes, .. } => {
            map.one_or_some("apply", routes.iter().map(super::routes::route).collect());
        }
        EventKindDraft::Kill { services, pods } => {
            map.put("kill", changed(services));
            map.put("pods", Yaml::plain(pods.value));
        }
        EventKindDraft::AuthorityDown { length } => {
            map.put("certificate_authority", Yaml::text("down"));
            map.put("for", Yaml::plain(length.value));
        }
        EventKindDraft::KillInstances { instances } => {
            map.put("control_plane", Yaml::text("kill"));
            map.put("instances", Yaml::plain(instances.value));
        }
        EventKindDraft::StarveInstances { cores: left, length } => {
            map.put("control_plane", Yaml::text("starve"));
            map.put("cores", cores(left.value));
            map.put("for", Yaml::plain(length.value));
        }
        EventKindDraft::Surge { sources, factor, lasts } => {
            map.put("surge", changed(sources));
            map.put("factor", Yaml::plain(factor.value));
            map.maybe("for", lasts.as_ref().map(|lasts| Yaml::plain(lasts.value)));
        }
        EventKindDraft::Upgrade { services, wave, pause } => {
            map.put("upgrade", changed(services));
            map.maybe("wave", wave.as_ref().map(|wave| Yaml::plain(wave.value)));
            map.maybe("pause", pause.as_ref().map(|pause| Yaml::plain(pause.value)));
        }
        EventKindDraft::Nodes { what, count, zone } => {
            let mut nodes = Map::default();
            nodes.maybe("nodes", count.as_ref().map(|count| Yaml::plain(count.value)));
            nodes.maybe("zone", zone.as_ref().map(|zone| Yaml::text(&zone.value)));
            let key = match what {
                NodesWhat::Drain => "drain",
                NodesWhat::Lose => "lose",
                NodesWhat::Add => "add",
            };
            map.put(key, nodes);
        }
        EventKindDraft::Network { delay, loss, zones, lasts } => {
            let mut network = Map::default();
            network.maybe("delay", delay.as_ref().map(|delay| dist(delay, Of::Time)));
            network.maybe("loss", loss.as_ref().map(|loss| ratio(loss.value)));
            network.maybe("zones", zones.as_ref().map(|zones| names(&zones.value)));
            map.put("network", network);
            map.maybe("for", lasts.as_ref().map(|lasts| Yaml::plain(lasts.value)));
        }
    }
    map.maybe("every", event.every.as_ref().map(|every| Yaml::plain(every.value)));
    map.maybe("until", event.until.as_ref().map(|until| Yaml::plain(until.value)));
    map.into()
}

fn changed(services: &ChangedDraft) -> Yaml {
    match services {
        ChangedDraft::All => Yaml::text("all"),
        ChangedDraft::These(services) => Yaml::List(names(services)),
    }
}

fn slo(slo: &SloDraft) -> Yaml {
    let mut map = Map::default();
    map.maybe("entry", slo.entry.as_ref().map(|entry| Yaml::text(&entry.value)));
    match &slo.objective {
        Objective::ErrorRatio(share) => map.put("error_ratio", ratio(*share)),
        Objective::ResponseTime { quantile, limit } => {
            let named = crate::input::native::run::QUANTILES.iter().find(|(_, known)| known == quantile);
            map.put(named.map_or("p99", |(name, _)| *name), Yaml::plain(limit));
        }
    }
    map.into()
}
