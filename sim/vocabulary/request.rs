//! What the conditions of a rule look at, and whether they hold: what caller and callee are, and what a request carries.

use std::fmt;

use crate::diag::quote;

use super::routing::{NamedMatch, RequestMatch};
use super::text::{PathMatch, TextMatch};

/// Caller and callee: what is the same for all requests of one to the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    /// Names under which the callee is called.
    pub hosts: Vec<String>,
    /// Port of the callee; one that nobody gave is any.
    pub port: Option<u16>,
    /// Labels of the calling pods.
    pub labels: Vec<(String, String)>,
    /// Their namespace.
    pub namespace: String,
    /// The gateway that calls; `None` is a caller in the mesh.
    pub gateway: Option<String>,
}

/// A condition on caller and callee.
#[derive(Clone, Copy, Debug)]
pub enum EndCondition<'r> {
    /// On the name under which the callee is called.
    Authority(&'r TextMatch),
    /// The calling pods have this label.
    SourceLabel(&'r (String, String)),
    /// They are in this namespace.
    SourceNamespace(&'r str),
    /// The callee is called on this port.
    Port(u16),
    /// It is called through one of these gateways.
    Gateways(&'r [String]),
}

/// A condition on what a request carries.
#[derive(Clone, Copy, Debug)]
pub struct Condition<'r> {
    /// On what of it.
    pub name: Name<'r>,
    /// What that must be.
    pub test: Test<'r>,
}

/// A thing that a request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name<'r> {
    /// Its path, without the query.
    Path,
    /// Its method.
    Method,
    /// A header, by lower-case name.
    Header(&'r str),
    /// A query parameter.
    Query(&'r str),
}

impl<'r> Name<'r> {
    /// What a condition on a header is on: HTTP/2 has path and method among its headers, too.
    fn of_header(header: &'r str) -> Self {
        match header {
            ":path" => Self::Path,
            ":method" => Self::Method,
            other => Self::Header(other),
        }
    }
}

/// What a thing must be.
#[derive(Clone, Copy, Debug)]
pub enum Test<'r> {
    /// A path.
    Path(&'r PathMatch),
    /// A text that is always there.
    Text(&'r TextMatch),
    /// A text that may be absent, or must.
    Named(&'r NamedMatch),
}

/// Why a request is not matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The first condition that does not hold, in words.
    pub condition: String,
    /// What there is instead; `None` if there is nothing of the kind.
    pub found: Option<String>,
}

impl RequestMatch {
    /// The conditions on caller and callee.
    pub fn end_conditions(&self) -> impl Iterator<Item = EndCondition<'_>> {
        let authority = self.authority.iter().map(EndCondition::Authority);
        let labels = self.source_labels.iter().map(EndCondition::SourceLabel);
        let namespace = self.source_namespace.iter().map(|name| EndCondition::SourceNamespace(name));
        let port = self.port.iter().map(|port| EndCondition::Port(*port));
        let gateways = (!self.gateways.is_empty()).then_some(EndCondition::Gateways(&self.gateways));
        authority.chain(labels).chain(namespace).chain(port).chain(gateways)
    }

    /// The conditions on what a request carries.
    pub fn conditions(&self) -> impl Iterator<Item = Condition<'_>> {
        let path = self.path.iter().map(|path| Condition { name: Name::Path, test: Test::Path(path) });
        let method = self.method.iter().map(|text| Condition { name: Name::Method, test: Test::Text(text) });
        let headers = self
            .headers
            .iter()
            .map(|named| Condition { name: Name::of_header(&named.name), test: Test::Named(named) });
        let query = self
            .query
            .iter()
            .map(|named| Condition { name: Name::Query(&named.name), test: Test::Named(named) });
        path.chain(method).chain(headers).chain(query)
    }

    /// The first condition that does not hold of a request; `None` if it is matched. `carried` says what the request
    /// carries of a thing.
    pub fn refusal<'a>(&self, ends: &Ends, carried: impl Fn(Name<'_>) -> Option<&'a str>) -> Option<Refusal> {
        let of_ends = self.end_conditions().find(|condition| !condition.holds(ends));
        if let Some(condition) = of_ends {
            return Some(Refusal { condition: condition.to_string(), found: condition.found(ends) });
        }
        let condition = self.conditions().find(|condition| !condition.holds(carried(condition.name)))?;
        let found = carried(condition.name).map(str::to_owned);
        Some(Refusal { condition: condition.to_string(), found })
    }

    /// All conditions in words; none holds of every request.
    pub fn words(&self) -> Vec<String> {
        let of_ends = self.end_conditions().map(|condition| condition.to_string());
        of_ends.chain(self.conditions().map(|condition| condition.to_string())).collect()
    }
}

impl EndCondition<'_> {
    /// Whether it holds. A port that nobody gave is any.
    pub fn holds(&self, ends: &Ends) -> bool {
        match self {
            Self::Authority(text) => ends.hosts.iter().any(|host| text.holds(host)),
            Self::SourceLabel(label) => ends.labels.contains(label),
            Self::SourceNamespace(namespace) => *namespace == ends.namespace,
            Self::Port(port) => ends.port.is_none_or(|own| own == *port),
            Self::Gateways(names) => names.iter().any(|name| match &ends.gateway {
                None => name == "mesh",
                Some(gateway) => is_gateway(name, gateway),
            }),
        }
    }

    fn found(&self, ends: &Ends) -> Option<String> {
        match self {
            Self::Authority(_) => ends.hosts.first().cloned(),
            Self::SourceLabel((key, _)) => {
                ends.labels.iter().find(|label| label.0 == *key).map(|label| label.1.clone())
            }
            Self::SourceNamespace(_) => Some(ends.namespace.clone()).filter(|name| !name.is_empty()),
            Self::Port(_) => ends.port.map(|port| port.to_string()),
            Self::Gateways(_) => Some(ends.gateway.clone().unwrap_or_else(|| "mesh".to_owned())),
        }
    }
}

impl Condition<'_> {
    /// Whether it holds of a value; `None` is a request that does not carry any.
    pub fn holds(&self, value: Option<&str>) -> bool {
        match self.test {
            Test::Path(path) => value.is_some_and(|value| path.holds(value)),
            Test::Text(text) => value.is_some_and(|value| text.holds(value)),
            Test::Named(named) => value.is_some_and(|value| named.value.holds(value)) != named.without,
        }
    }
}

/// Whether a route's name of a gateway, with or without its namespace, means this one.
pub fn is_gateway(name: &str, gateway: &str) -> bool {
    name == "*" || name == gateway || name.rsplit_once('/').is_some_and(|(_, short)| short == gateway)
}

impl fmt::Display for EndCondition<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Authority(text) => write!(out, "host {text}"),
            Self::SourceLabel((key, value)) => write!(out, "caller's label {key} is {}", quote(value)),
            Self::SourceNamespace(name) => write!(out, "caller's namespace is {}", quote(name)),
            Self::Port(port) => write!(out, "port is {port}"),
            Self::Gateways(names) => write!(out, "through {}", names.join(" or ")),
        }
    }
}

impl fmt::Display for Condition<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.test {
            Test::Path(path) => write!(out, "{} {path}", self.name),
            Test::Text(text) => write!(out, "{} {text}", self.name),
            Test::Named(named) if named.without => write!(out, "not: {} {}", self.name, named.value),
            Test::Named(named) => write!(out, "{} {}", self.name, named.value),
        }
    }
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path => out.write_str("path"),
            Self::Method => out.write_str("method"),
            Self::Header(name) => write!(out, "header {name}"),
            Self::Query(name) => write!(out, "query {name}"),
        }
    }
}

impl fmt::Display for TextMatch {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Present => out.write_str("is there"),
            Self::Exact(exact) => write!(out, "is {}", quote(exact)),
            Self::Prefix(prefix) => write!(out, "begins with {}", quote(prefix)),
            Self::Regex(pattern) => write!(out, "matches {}", quote(pattern.text())),
        }
    }
}

impl fmt::Display for PathMatch {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(exact) => write!(out, "is {}", quote(exact)),
            Self::Prefix(prefix) => write!(out, "begins with {}", quote(prefix)),
            Self::Elements(prefix) => write!(out, "is {} or below", quote(prefix)),
            Self::Regex(pattern) => write!(out, "matches {}", quote(pattern.text())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str, value: TextMatch, without: bool) -> NamedMatch {
        NamedMatch { name: name.to_owned(), value, without }
    }

    #[test]
    fn the_first_condition_that_fails_is_told_with_what_there_is() {
        let of = RequestMatch {
            path: Some(PathMatch::Prefix("/api".to_owned())),
            method: Some(TextMatch::Exact("GET".to_owned())),
            headers: vec![
                named("end-user", TextMatch::Exact("jason".to_owned()), false),
                named("x-test", TextMatch::Present, true),
            ],
            source_labels: vec![("app".to_owned(), "web".to_owned())],
            port: Some(80),
            gateways: vec!["mesh".to_owned()],
            ..RequestMatch::default()
        };
        let fine = Ends { labels: vec![("app".to_owned(), "web".to_owned())], ..Ends::default() };
        let refused =
            |ends: &Ends, path: &'static str, user: Option<&'static str>, test: Option<&'static str>| {
                let refusal = of.refusal(ends, |name| match name {
                    Name::Path => Some(path),
                    Name::Method => Some("GET"),
                    Name::Header("end-user") => user,
                    Name::Header(_) => test,
                    Name::Query(_) => None,
                });
                refusal.map(|refusal| (refusal.condition, refusal.found))
            };
        let told =
            |condition: &str, found: Option<&str>| Some((condition.to_owned(), found.map(str::to_owned)));
        assert_eq!(refused(&fine, "/api/1", Some("jason"), None), None);
        assert_eq!(refused(&fine, "/", None, None), told("path begins with `/api`", Some("/")));
        assert_eq!(refused(&fine, "/api", None, None), told("header end-user is `jason`", None));
        assert_eq!(
            refused(&fine, "/api", Some("jason"), Some("1")),
            told("not: header x-test is there", Some("1"))
        );
        let port = Ends { port: Some(81), ..fine.clone() };
        assert_eq!(refused(&port, "/", None, None), told("port is 80", Some("81")));
        assert_eq!(refused(&Ends::default(), "/", None, None), told("caller's label app is `web`", None));
        let through = Ends { gateway: Some("ingress".to_owned()), ..fine };
        assert_eq!(refused(&through, "/", None, None), told("through mesh", Some("ingress")));
        assert_eq!(of.words().len(), 7);
    }
}
