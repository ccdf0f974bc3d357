//! What decides how many pods there are.

use crate::input::draft::AutoscaleDraft;
use crate::input::native::autoscale::{OF, SELECT};
use crate::vocabulary::autoscale::{Behavior, Change, Metric, Policy, Rules, Target};

use super::quantity::ratio;
use super::word;
use super::yaml::{Map, Yaml};

pub(super) fn autoscale(autoscale: &AutoscaleDraft) -> Map {
    let mut map = Map::default();
    map.put("min", Yaml::plain(autoscale.min.value));
    map.put("max", Yaml::plain(autoscale.max.value));
    match autoscale.metrics.as_slice() {
        [only] => metric(only.value, &mut map),
        several => {
            let one = |metric: Metric| {
                let mut map = Map::default();
                self::metric(metric, &mut map);
                map.into()
            };
            map.put("metrics", Yaml::List(several.iter().map(|metric| one(metric.value)).collect()));
        }
    }
    if let Some(behavior) = &autoscale.behavior {
        let silent = Behavior::default();
        map.put("up", rules(&behavior.up, &silent.up));
        map.put("down", rules(&behavior.down, &silent.down));
    }
    map
}

fn metric(metric: Metric, map: &mut Map) {
    map.put(
        "target",
        match metric.target {
            Target::Utilization(percent) => Yaml::plain(format!("{percent}%")),
            Target::Value(millicores) => Yaml::plain(format!("{millicores}m")),
        },
    );
    if metric.of != Metric::default().of {
        map.put("of", Yaml::text(word(OF, &metric.of)));
    }
}

/// What differs from `base`, and how long recommendations hold, so that something is said.
fn rules(rules: &Rules, base: &Rules) -> Map {
    let inherited = |value: Option<Yaml>| value.unwrap_or_else(|| Yaml::text("inherit"));
    let mut map = Map::default();
    map.put("stabilization", inherited(rules.stabilization.map(Yaml::plain)));
    if rules.policies != base.policies {
        map.put("policies", Yaml::List(rules.policies.iter().map(policy).collect()));
    }
    if rules.select != base.select {
        map.put("select", Yaml::text(word(SELECT, &rules.select)));
    }
    if rules.tolerance != base.tolerance {
        map.put("tolerance", inherited(rules.tolerance.map(ratio)));
    }
    map
}

fn policy(policy: &Policy) -> Yaml {
    let mut map = Map::default();
    match policy.change {
        Change::Pods(pods) => map.put("pods", Yaml::plain(pods)),
        Change::Percent(percent) => map.put("percent", Yaml::plain(percent)),
    }
    map.put("every", Yaml::plain(policy.period));
    map.into()
}
