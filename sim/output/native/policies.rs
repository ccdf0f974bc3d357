//! Policies towards services.

use crate::input::draft::PolicyDraft;
use crate::units::Span;
use crate::vocabulary::resilience::{Limits, Locality, OutlierEjection, RetryBudget, TrafficPolicy};
use crate::vocabulary::{Balancing, BalancingPolicy, HashOn};

use super::quantity::ratio;
use super::yaml::{Map, Yaml};
use super::{resource, word};

pub(super) fn policy(policy: &PolicyDraft) -> Yaml {
    let mut map = Map::default();
    map.maybe("name", policy.name.as_ref().map(|name| Yaml::text(&name.value)));
    resource(policy.resource, &mut map);
    map.maybe("namespace", policy.namespace.as_deref().map(Yaml::text));
    map.put("service", Yaml::text(&policy.service.value));
    map.maybe("subset", policy.subset.as_ref().map(|subset| Yaml::text(&subset.value)));
    map.maybe("port", policy.port.map(Yaml::plain));
    let said = &policy.policy.value;
    map.maybe("balancing", said.balancing.as_ref().map(balancing));
    if *said == TrafficPolicy::default() {
        // What says nothing is written as leaving something to the mesh.
        map.put("balancing", Yaml::text("inherit"));
    }
    if let Some(warm_up) = said.warm_up {
        let mut all = Map::default();
        all.put("duration", Yaml::plain(warm_up.duration));
        all.put("minimum", ratio(warm_up.minimum));
        all.put("aggression", Yaml::plain(warm_up.aggression));
        map.put("warm_up", all);
    }
    map.maybe("locality", said.locality.as_ref().map(locality));
    if said.limits != Limits::default() {
        map.put("limits", limits(&said.limits));
    }
    map.maybe("ejection", said.ejection.as_ref().map(ejection));
    if let Some(breaker) = said.breaker {
        let mut all = Map::default();
        all.put("max_failures", Yaml::plain(breaker.max_failures));
        all.put("min_penalty", Yaml::plain(breaker.min_penalty));
        all.put("max_penalty", Yaml::plain(breaker.max_penalty));
        all.put("jitter", ratio(breaker.jitter));
        map.put("circuit_breaker", all);
    }
    map.maybe("retry_budget", said.retry_budget.map(budget));
    map.maybe("tls", said.tls.map(|tls| Yaml::text(word(crate::input::native::policies::TLS, &tls))));
    map.into()
}

fn balancing(balancing: &Balancing) -> Yaml {
    let mut map = Map::default();
    map.put("policy", Yaml::text(balancing.policy.name()));
    if matches!(balancing.policy, BalancingPolicy::RingHash | BalancingPolicy::Maglev) {
        let on = match &balancing.hash_on {
            HashOn::Source => "source".to_owned(),
            HashOn::Header(name) => format!("header:{name}"),
            HashOn::Cookie { name, ttl: None } => format!("cookie:{name}:none"),
            HashOn::Cookie { name, ttl: Some(Span::ZERO) } => format!("cookie:{name}"),
            HashOn::Cookie { name, ttl: Some(ttl) } => format!("cookie:{name}:{ttl}"),
            HashOn::Query(name) => format!("query:{name}"),
        };
        map.put("hash_on", Yaml::text(&on));
    }
    map.or_only("policy")
}

fn locality(locality: &Locality) -> Yaml {
    let mut map = Map::default();
    match locality {
        Locality::Off => Yaml::text("off"),
        Locality::Failover(zones) if zones.is_empty() => Yaml::text("failover"),
        Locality::Failover(zones) => {
            for (from, to) in zones {
                map.put(from, Yaml::text(to));
            }
            Yaml::of("failover", map)
        }
        Locality::Distribute(zones) => {
            for (from, weights) in zones {
                let mut to = Map::default();
                for (zone, weight) in weights {
                    to.put(zone, Yaml::plain(weight));
                }
                map.put(from, to);
            }
            Yaml::of("distribute", map)
        }
    }
}

fn limits(limits: &Limits) -> Map {
    let mut map = Map::default();
    map.maybe("connections", limits.connections.map(Yaml::plain));
    map.maybe("pending", limits.pending.map(Yaml::plain));
    map.maybe("requests", limits.requests.map(Yaml::plain));
    map.maybe("requests_per_connection", limits.requests_per_connection.map(Yaml::plain));
    map.maybe("retries", limits.retries.map(Yaml::plain));
    map.maybe("connect_timeout", limits.connect_timeout.map(Yaml::plain));
    map.maybe("idle_timeout", limits.idle_timeout.map(Yaml::plain));
    map
}

fn ejection(ejection: &OutlierEjection) -> Map {
    let mut map = Map::default();
    let count = |count: Option<u32>| count.map_or_else(|| Yaml::text("none"), Yaml::plain);
    map.put("consecutive_errors", count(ejection.consecutive_errors));
    map.put("consecutive_gateway_errors", count(ejection.consecutive_gateway_errors));
    map.put("consecutive_local_errors", count(ejection.consecutive_local_errors));
    map.put("interval", Yaml::plain(ejection.interval));
    map.put("base_time", Yaml::plain(ejection.base_time));
    map.put("max_time", Yaml::plain(ejection.max_time));
    map.put("max_ratio", ratio(ejection.max_ratio));
    map.put("panic_ratio", ratio(ejection.panic_ratio));
    map
}

fn budget(budget: RetryBudget) -> Yaml {
    let mut map = Map::default();
    match budget {
        RetryBudget::Concurrent { ratio: share, minimum } => {
            map.put("ratio", ratio(share));
            map.put("minimum", Yaml::plain(minimum));
            Yaml::of("concurrent", map)
        }
        RetryBudget::Tokens { ratio: share, per_second, ttl } => {
            map.put("ratio", ratio(share));
            map.put("per_second", Yaml::plain(per_second));
            map.put("ttl", Yaml::plain(ttl));
            Yaml::of("tokens", map)
        }
    }
}
