//! How pods start, end and are replaced.

use crate::vocabulary::{Amount, PodLife, Readiness, UpdateStrategy};

use super::quantity::{Of, dist};
use super::yaml::{Map, Yaml};

/// What differs from `base`.
pub(super) fn pod_life(life: &PodLife, base: &PodLife) -> Map {
    let mut map = Map::default();
    if life.image_pull != base.image_pull {
        map.put("image_pull", dist(&life.image_pull, Of::Time));
    }
    if life.start != base.start {
        map.put("start", dist(&life.start, Of::Time));
    }
    if life.readiness != base.readiness {
        map.put("readiness", readiness(life.readiness));
    }
    if life.pre_stop != base.pre_stop {
        map.put("pre_stop", Yaml::plain(life.pre_stop));
    }
    if life.shutdown != base.shutdown {
        map.put("shutdown", Yaml::plain(life.shutdown));
    }
    if life.grace != base.grace {
        map.put("grace", Yaml::plain(life.grace));
    }
    if life.strategy != base.strategy {
        map.put("strategy", strategy(life.strategy));
    }
    if life.min_ready != base.min_ready {
        map.put("min_ready", Yaml::plain(life.min_ready));
    }
    if life.oom_kill != base.oom_kill {
        map.put("oom_kill", Yaml::plain(life.oom_kill));
    }
    map
}

fn readiness(readiness: Option<Readiness>) -> Yaml {
    let Some(Readiness { period, delay }) = readiness else { return Yaml::text("none") };
    let mut map = Map::default();
    map.put("period", Yaml::plain(period));
    map.put("delay", Yaml::plain(delay));
    map.into()
}

fn strategy(strategy: UpdateStrategy) -> Yaml {
    match strategy {
        UpdateStrategy::Recreate => Yaml::text("recreate"),
        UpdateStrategy::RollingUpdate { max_surge, max_unavailable } => {
            let mut map = Map::default();
            map.put("max_surge", amount(max_surge));
            map.put("max_unavailable", amount(max_unavailable));
            map.into()
        }
    }
}

fn amount(amount: Amount) -> Yaml {
    match amount {
        Amount::Pods(pods) => Yaml::plain(pods),
        Amount::Percent(percent) => Yaml::plain(format!("{percent}%")),
    }
}
