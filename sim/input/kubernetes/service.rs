//! Services: which pods they are for, and what is spoken on their ports.

use crate::diag::{Code, Diagnostic, Diagnostics, Location, quote};
use crate::input::draft::PortDraft;
use crate::input::fields;
use crate::input::tree::{Located, Node};
use crate::units::UnitError;
use crate::vocabulary::Protocol;

use super::object::{Meta, Texts, at, elements_at, text_at, texts_at};

/// Ports on which servers speak first or Linkerd detects nothing: opaque if nothing says otherwise.
const OPAQUE: [u16; 8] = [25, 587, 3306, 4444, 5432, 6379, 9300, 11211];

/// A Service with a selector.
#[derive(Clone, Debug)]
pub(super) struct Service {
    pub(super) meta: Meta,
    pub(super) selector: Texts,
    pub(super) ports: Vec<Port>,
}

/// A port of a Service.
#[derive(Clone, Debug)]
pub(super) struct Port {
    pub(super) draft: PortDraft,
    /// Whether nothing says what is spoken there.
    pub(super) detected: bool,
    /// The name of the container port behind it, if it is named.
    pub(super) target: Option<Located<String>>,
    pub(super) location: Location,
}

impl Service {
    /// A Service that pods stand behind; those without pods are named as not modelled.
    pub(super) fn read(node: &Node, diagnostics: &mut Diagnostics) -> Option<Self> {
        let meta = Meta::read(node, diagnostics)?;
        let name = quote(&meta.full_name());
        let mut unmodelled = |message: String, place: &Node| {
            diagnostics.push(Diagnostic::warning(Code::NotModelled, message).at(place.location));
        };
        if let Some(external) = at(node, &["spec", "externalName"]) {
            unmodelled(format!("Service {name} leads out of the cluster and is not modelled"), external);
            return None;
        }
        let selector = texts_at(node, &["spec", "selector"]);
        if selector.is_empty() {
            unmodelled(format!("Service {name} selects no pods and is not modelled"), node);
            return None;
        }
        if let Some(headless) = at(node, &["spec", "clusterIP"]).filter(|ip| ip.text() == Some("None")) {
            let message = format!("Service {name} is headless: its callers balance as those of others do");
            unmodelled(message, headless);
        }
        let ports = elements_at(node, &["spec", "ports"], diagnostics);
        let ports = ports.iter().filter_map(|port| Port::read(port, diagnostics)).collect();
        Some(Self { meta, selector, ports })
    }
}

impl Port {
    fn read(node: &Node, diagnostics: &mut Diagnostics) -> Option<Self> {
        let Some(number) = node.get("port") else {
            let message = "a port of a Service needs `port`";
            diagnostics.push(Diagnostic::error(Code::MissingKey, message).at(node.location));
            return None;
        };
        let number = fields::parsed(number, "a port", diagnostics, |text| {
            let number = text.parse::<u16>().ok().filter(|number| *number > 0);
            number.ok_or_else(|| UnitError::new("a port lies between 1 and 65535"))
        })?;
        if !matches!(text_at(node, "protocol"), "" | "TCP") {
            let message = format!("port {number} carries no TCP and is not modelled");
            diagnostics.push(Diagnostic::warning(Code::NotModelled, message).at(node.location));
            return None;
        }
        let name = node.get("name").and_then(Node::text).map(str::to_owned);
        let said = spoken(node.get("appProtocol").and_then(Node::text), name.as_deref());
        let guess = if OPAQUE.contains(&number) { Protocol::Tcp } else { Protocol::Http1 };
        let target = node
            .get("targetPort")
            .filter(|target| target.text().is_some_and(|text| text.parse::<u16>().is_err()));
        Some(Self {
            draft: PortDraft { name, number, protocol: said.unwrap_or(guess) },
            detected: said.is_none(),
            target: target.and_then(|target| Some(Located::new(target.text()?.to_owned(), target.location))),
            location: node.location,
        })
    }
}

/// What a port speaks: `appProtocol`, else the beginning of its name up to a hyphen, as Istio selects protocols.
fn spoken(app_protocol: Option<&str>, name: Option<&str>) -> Option<Protocol> {
    let prefix = |name: &str| match name {
        // The one protocol with a hyphen.
        _ if name == "grpc-web" || name.starts_with("grpc-web-") => Some(Protocol::Http1),
        _ => protocol(name.split('-').next().unwrap_or_default()),
    };
    app_protocol.and_then(protocol).or_else(|| name.and_then(prefix))
}

fn protocol(name: &str) -> Option<Protocol> {
    Some(match name.to_ascii_lowercase().as_str() {
        "http" | "grpc-web" | "kubernetes.io/ws" | "kubernetes.io/wss" => Protocol::Http1,
        "http2" | "h2c" | "kubernetes.io/h2c" => Protocol::Http2,
        "grpc" => Protocol::Grpc,
        // What is encrypted by the application is opaque to a mesh.
        "tcp" | "tls" | "https" | "mongo" | "mysql" | "redis" | "amqp" | "kafka" | "postgres" => {
            Protocol::Tcp
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_are_selected_as_istio_does() {
        for (app_protocol, name, expected) in [
            (None, Some("http"), Some(Protocol::Http1)),
            (None, Some("http-metrics"), Some(Protocol::Http1)),
            (None, Some("http2-web"), Some(Protocol::Http2)),
            (None, Some("grpc-web"), Some(Protocol::Http1)),
            (None, Some("grpc-api"), Some(Protocol::Grpc)),
            (None, Some("https"), Some(Protocol::Tcp)),
            (None, Some("tcp-redis"), Some(Protocol::Tcp)),
            (None, Some("httpbin"), None),
            (None, Some("web"), None),
            (None, None, None),
            (Some("grpc"), Some("http"), Some(Protocol::Grpc)),
            (Some("example.com/own"), Some("http"), Some(Protocol::Http1)),
            (Some("kubernetes.io/h2c"), None, Some(Protocol::Http2)),
        ] {
            assert_eq!(spoken(app_protocol, name), expected, "{app_protocol:?} {name:?}");
        }
    }
}
