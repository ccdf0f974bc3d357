//! Who calls whom, as far as environments and arguments tell: `CART_SERVICE_ADDR=cart.shop.svc:7070`.

use std::collections::BTreeMap;

use crate::input::tree::Located;

use super::object::Texts;
use super::pod::Template;

/// A text of a container that may name a service.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Clue {
    /// The variable; `None` for an argument.
    pub(super) variable: Option<String>,
    pub(super) text: Located<String>,
}

/// A host that a text names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Host {
    pub(super) name: String,
    /// `None` is the namespace of the one who names it.
    pub(super) namespace: Option<String>,
    pub(super) port: Option<u16>,
}

/// ConfigMaps by namespace and name.
pub(super) type ConfigMaps = BTreeMap<(String, String), Texts>;

/// What the application's containers of a pod are told.
pub(super) fn clues(template: &Template, namespace: &str, config_maps: &ConfigMaps) -> Vec<Clue> {
    let mut clues = Vec::new();
    for container in template.application() {
        let told = |(variable, text): &(Option<String>, Located<String>)| Clue {
            variable: variable.clone(),
            text: text.clone(),
        };
        clues.extend(container.texts.iter().map(told));
        for reference in &container.references {
            let key = (namespace.to_owned(), reference.config_map.clone());
            for (key, value) in config_maps.get(&key).into_iter().flatten() {
                let variable = match &reference.one {
                    None => key,
                    Some((variable, of)) if of == key => variable,
                    Some(_) => continue,
                };
                let text = Located::new(value.clone(), reference.location);
                clues.push(Clue { variable: Some(variable.clone()), text });
            }
        }
    }
    clues
}

/// Variables by which load generators are told how much.
const USERS: [&str; 3] = ["USERS", "LOCUST_USERS", "CONCURRENCY"];
const RATES: [&str; 4] = ["RPS", "QPS", "RATE", "REQUESTS_PER_SECOND"];

/// How much load a client makes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Load {
    /// So many users who wait for responses.
    Users(u32),
    /// So many requests per second.
    Rate(f64),
}

/// Whether a workload that serves nobody is there to make load, by its name or by what it is told.
pub(super) fn makes_load(name: &str, clues: &[Clue]) -> bool {
    is_named_for_load(name) || load(clues).is_some()
}

/// Whether a name is that of a load generator.
pub(in crate::input) fn is_named_for_load(name: &str) -> bool {
    const NAMES: [&str; 7] = ["load", "locust", "fortio", "vegeta", "k6", "traffic", "vote-bot"];
    let name = name.to_ascii_lowercase();
    NAMES.iter().any(|word| name.contains(word))
}

/// How much load it is told to make. Of Locust's variables RATE is how fast users come, so users go first.
pub(super) fn load(clues: &[Clue]) -> Option<Load> {
    let number = |names: &[&str]| {
        let named = |clue: &&Clue| clue.variable.as_deref().is_some_and(|name| names.contains(&name));
        clues.iter().find(named).and_then(|clue| clue.text.value.trim().parse::<f64>().ok())
    };
    let users = number(&USERS).filter(|users| (1.0..=1e6).contains(users));
    let rate = || number(&RATES).filter(|rate| (0.0..=1e6).contains(rate) && *rate > 0.0);
    users.map(|users| Load::Users(users as u32)).or_else(|| rate().map(Load::Rate))
}

impl Clue {
    /// Hosts that it names: `host:port`, or a host behind a scheme or in a variable that says that it holds one.
    pub(super) fn hosts(&self) -> Vec<Host> {
        let separates =
            |c: char| c.is_whitespace() || matches!(c, ',' | ';' | '"' | '\'' | '=' | '|' | '<' | '>');
        let mut hosts = Vec::new();
        for word in self.text.value.split(separates) {
            let (scheme, rest) =
                word.split_once("://").map_or((None, word), |(scheme, rest)| (Some(scheme), rest));
            let authority = rest.trim_start_matches('/').split(['/', '?', '#']).next().unwrap_or_default();
            let authority = authority.rsplit('@').next().unwrap_or_default();
            let (host, port) = match authority.split_once(':') {
                Some((host, port)) => (host, port.parse().ok()),
                None => (authority, None),
            };
            if port.is_none() && scheme.is_none() && !(self.names_a_host() && word == self.text.value) {
                continue;
            }
            hosts.extend(Host::parse(host, port));
        }
        hosts
    }

    fn names_a_host(&self) -> bool {
        const ENDS: [&str; 7] = ["HOST", "HOSTNAME", "ADDR", "ADDRESS", "URL", "ENDPOINT", "SERVICE"];
        let last = |name: &str| name.to_ascii_uppercase().rsplit(['_', '.', '-']).next().map(str::to_owned);
        self.variable.as_deref().and_then(last).is_some_and(|last| ENDS.contains(&last.as_str()))
    }
}

impl Host {
    /// `name[.namespace[.svc[.cluster.local]]][.]`.
    fn parse(host: &str, port: Option<u16>) -> Option<Self> {
        let host = host.trim_end_matches('.');
        let host = host.strip_suffix(".cluster.local").unwrap_or(host);
        let mut parts = host.split('.');
        let name = parts.next().filter(|name| !name.is_empty())?.to_owned();
        let namespace = parts.next().map(str::to_owned);
        let rest = parts.next();
        let ends = parts.next().is_none() && matches!(rest, None | Some("svc"));
        ends.then_some(Self { name, namespace, port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::{Location, Sources};

    fn clue(variable: &str, text: &str) -> Clue {
        let file = Sources::default().add("a.yaml", "");
        let variable = (!variable.is_empty()).then(|| variable.to_owned());
        Clue { variable, text: Located::new(text.to_owned(), Location::new(file, 0, 0)) }
    }

    #[test]
    fn hosts_are_found_in_addresses_and_nowhere_else() {
        for (variable, text, expected) in [
            ("CART_ADDR", "cart:7070", "cart - 7070"),
            ("X", "cart.shop:7070", "cart shop 7070"),
            ("X", "cart.shop.svc.cluster.local.:7070", "cart shop 7070"),
            ("X", "http://cart", "cart - -"),
            ("X", "http://user:word@cart.shop.svc:80/path?x=y", "cart shop 80"),
            ("X", "dns:///cart:7070", "cart - 7070"),
            ("X", "a:1,b:2", "a - 1; b - 2"),
            ("", "--cart=cart:7070", "cart - 7070"),
            ("REDIS_HOST", "redis", "redis - -"),
            ("NAME", "redis", ""),
            // Hosts outside the cluster have more parts than a service's name.
            ("X", "cart.example.com:80", ""),
            ("X", "10.0.0.1:80", ""),
            ("PORT", "8080", ""),
            ("X", "", ""),
            ("X", "://:@/", ""),
        ] {
            let text_of = |host: &Host| {
                let port = host.port.map_or("-".to_owned(), |port| port.to_string());
                format!("{} {} {port}", host.name, host.namespace.as_deref().unwrap_or("-"))
            };
            let hosts: Vec<_> = clue(variable, text).hosts().iter().map(text_of).collect();
            assert_eq!(hosts.join("; "), expected, "{variable}={text}");
        }
    }

    #[test]
    fn load_generators_are_told_apart_from_workers() {
        let locust = [clue("USERS", "10"), clue("RATE", "1")];
        assert_eq!(load(&locust), Some(Load::Users(10)));
        assert_eq!(load(&[clue("QPS", "2.5")]), Some(Load::Rate(2.5)));
        assert_eq!(load(&[clue("USERS", "many"), clue("RATE", "0")]), None);
        assert!(makes_load("loadgenerator", &[]) && makes_load("client", &locust));
        assert!(!makes_load("worker", &[clue("REDIS_ADDR", "redis:6379")]));
    }
}
