//! Routes, their rules and conditions.

use crate::input::defaults;
use crate::input::draft::{BackendDraft, Level, RouteDraft, Via};
use crate::input::native::{routes, rules};
use crate::units::Ratio;
use crate::vocabulary::routing::{
    Changes, NamedMatch, Order, RequestMatch, Retries, RetryOn, Rule, RuleAction, Setting,
};
use crate::vocabulary::text::{PathMatch, TextMatch};

use super::quantity::{Of, dist, ratio};
use super::services::status;
use super::yaml::{Map, Yaml};
use super::{labels, resource, word};

pub(super) fn route(route: &RouteDraft) -> Yaml {
    let mut map = Map::default();
    map.put("name", Yaml::text(&route.name.value));
    resource(route.resource, &mut map);
    map.maybe("namespace", route.namespace.as_deref().map(Yaml::text));
    match route.hosts.as_slice() {
        [host] => map.put("host", Yaml::text(&host.value)),
        hosts => map.put("hosts", Yaml::texts(hosts.iter().map(|host| host.value.as_str()))),
    }
    if let Via::Gateways { names, mesh } = &route.via {
        let mut via = Map::default();
        via.put("gateways", Yaml::texts(names.iter().map(|name| name.value.as_str())));
        via.put("mesh", Yaml::plain(mesh));
        map.put("via", via);
    }
    if route.order != Order::Written {
        map.put("order", Yaml::text(word(routes::ORDERS, &route.order)));
    }
    if route.level != Level::Request {
        map.put("level", Yaml::text(word(routes::LEVELS, &route.level)));
    }
    map.maybe("visible_in", route.export_to.as_ref().map(|to| Yaml::texts(to.iter().map(String::as_str))));
    map.put("rules", Yaml::List(route.rules.iter().map(|row| rule(&row.value)).collect()));
    map.into()
}

fn rule(rule: &Rule<BackendDraft>) -> Yaml {
    let mut map = Map::default();
    map.maybe("name", rule.name.as_deref().map(Yaml::text));
    map.one_or_some("match", rule.matches.iter().map(request_match).collect());
    match &rule.action {
        RuleAction::Forward(backends) => {
            let all = backends.iter().map(|weighted| {
                let mut map = backend(&weighted.backend);
                if weighted.weight != defaults::WEIGHT {
                    map.put("weight", Yaml::plain(weighted.weight));
                }
                map.or_only("service")
            });
            map.one_or_some("to", all.collect());
        }
        RuleAction::Redirect { status } => map.put("redirect", Yaml::plain(status)),
        RuleAction::Respond { status, size } => {
            let mut answer = Map::default();
            answer.put("status", Yaml::plain(status));
            answer.put("size", Yaml::plain(size));
            map.put("respond", answer);
        }
    }
    match rule.timeout {
        Setting::Inherit => {}
        Setting::Off => map.put("timeout", Yaml::text("none")),
        Setting::To(timeout) => map.put("timeout", Yaml::plain(timeout)),
    }
    map.maybe("attempt_timeout", rule.attempt_timeout.map(Yaml::plain));
    match &rule.retries {
        Setting::Inherit => {}
        // None at all is off, too.
        Setting::Off | Setting::To(Retries { attempts: 0, .. }) => map.put("retries", Yaml::text("none")),
        Setting::To(to) => map.put("retries", retries(to)),
    }
    if let Some(delay) = &rule.delay {
        let mut fault = Map::default();
        fault.put("share", ratio(delay.ratio));
        fault.put("time", dist(&delay.delay, Of::Time));
        map.put("delay", fault);
    }
    if let Some(abort) = &rule.abort {
        let mut fault = Map::default();
        fault.put("share", ratio(abort.ratio));
        fault.put("status", status(abort.status));
        map.put("abort", fault);
    }
    let mirrors = rule.mirrors.iter().map(|mirror| {
        let mut map = backend(&mirror.backend);
        if mirror.ratio != Ratio::ONE {
            map.put("share", ratio(mirror.ratio));
        }
        map.into()
    });
    map.one_or_some("mirror", mirrors.collect());
    changes(&rule.changes, &mut map);
    map.into()
}

fn backend(backend: &BackendDraft) -> Map {
    let mut map = Map::default();
    map.put("service", Yaml::text(&backend.service.value));
    map.maybe("namespace", backend.namespace.as_deref().map(Yaml::text));
    map.maybe("subset", backend.subset.as_ref().map(|subset| Yaml::text(&subset.value)));
    map.maybe("port", backend.port.map(Yaml::plain));
    map
}

fn retries(retries: &Retries) -> Map {
    let mut map = Map::default();
    map.put("attempts", Yaml::plain(retries.attempts));
    let on = |on: &RetryOn| match on {
        RetryOn::Status(status) => Yaml::plain(status),
        named => Yaml::text(word(rules::RETRY_ON, named)),
    };
    map.maybe("on", retries.on.as_ref().map(|all| all.iter().map(on).collect::<Vec<_>>()));
    if let Some(backoff) = retries.backoff {
        let mut pauses = Map::default();
        pauses.put("base", Yaml::plain(backoff.base));
        pauses.put("max", Yaml::plain(backoff.max));
        map.put("backoff", pauses);
    }
    map.maybe("avoid_previous", retries.avoid_previous.map(Yaml::plain));
    map
}

fn changes(changes: &Changes, map: &mut Map) {
    if *changes == Changes::default() {
        return;
    }
    let mut all = Map::default();
    all.put("request_headers", Yaml::plain(changes.request_headers));
    all.put("response_headers", Yaml::plain(changes.response_headers));
    all.maybe("path", changes.path.as_deref().map(Yaml::text));
    all.maybe("authority", changes.authority.as_deref().map(Yaml::text));
    map.put("changes", all);
}

fn request_match(of: &RequestMatch) -> Yaml {
    let mut map = Map::default();
    map.maybe("path", of.path.as_ref().map(path));
    map.maybe("method", of.method.as_ref().map(text));
    map.maybe("authority", of.authority.as_ref().map(text));
    for (key, conditions) in [("headers", &of.headers), ("query", &of.query)] {
        let mut all = Map::default();
        for condition in conditions {
            all.put(&condition.name, named(condition));
        }
        if !all.is_empty() {
            map.put(key, all);
        }
    }
    let mut source = Map::default();
    if !of.source_labels.is_empty() {
        source.put("labels", labels(&of.source_labels));
    }
    source.maybe("namespace", of.source_namespace.as_deref().map(Yaml::text));
    if !source.is_empty() {
        map.put("source", source);
    }
    map.maybe("port", of.port.map(Yaml::plain));
    map.some("gateways", Yaml::texts(of.gateways.iter().map(String::as_str)));
    map.into()
}

fn path(path: &PathMatch) -> Yaml {
    match path {
        PathMatch::Exact(exact) => Yaml::text(exact),
        PathMatch::Prefix(prefix) => Yaml::of("prefix", Yaml::text(prefix)),
        PathMatch::Elements(prefix) => Yaml::of("elements", Yaml::text(prefix)),
        PathMatch::Regex(pattern) => Yaml::of("regex", Yaml::text(pattern.text())),
    }
}

fn text(condition: &TextMatch) -> Yaml {
    match condition {
        TextMatch::Present => Yaml::of("present", Yaml::plain(true)),
        TextMatch::Exact(exact) => Yaml::text(exact),
        TextMatch::Prefix(prefix) => Yaml::of("prefix", Yaml::text(prefix)),
        TextMatch::Regex(pattern) => Yaml::of("regex", Yaml::text(pattern.text())),
    }
}

fn named(condition: &NamedMatch) -> Yaml {
    let value = text(&condition.value);
    if condition.without { Yaml::of("without", value) } else { value }
}
