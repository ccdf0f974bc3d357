//! What a mesh can do at all: the table of routing and policy features, and a profile's answer to each.

use crate::diag::{Code, Diagnostic, Diagnostics, quote};
use crate::input::fields::{self, Fields};
use crate::input::tree::Node;

use super::quantity::Change;

/// A feature of the routing vocabulary.
#[derive(Debug, PartialEq, Eq)]
pub struct Feature {
    /// Its key under `capabilities`.
    pub name: &'static str,
    /// What it does, in one line.
    pub meaning: &'static str,
}

const fn feature(name: &'static str, meaning: &'static str) -> Feature {
    Feature { name, meaning }
}

/// Every feature that a route or a policy can ask for.
pub static FEATURES: [Feature; 58] = [
    feature("match_path_exact", "Match a path as a whole."),
    feature("match_path_prefix", "Match the beginning of a path."),
    feature("match_path_regex", "Match a path against a regular expression."),
    feature("match_method", "Match the HTTP method."),
    feature("match_headers", "Match request headers."),
    feature("match_query", "Match query parameters."),
    feature("match_without", "Match requests that lack a header or a value of it."),
    feature("match_authority", "Match the host that a request names."),
    feature("match_port", "Match the port that a request is sent to."),
    feature("match_source_labels", "Match the caller's labels."),
    feature("match_source_namespace", "Match the caller's namespace."),
    feature("weighted_backends", "Split traffic between backends by weight."),
    feature("subsets", "Send requests to a part of a service's endpoints."),
    feature("delegate", "Let one route hand requests over to another one's rules."),
    feature("route_connections", "Route connections whose bytes no proxy understands."),
    feature("redirect", "Answer with a redirect."),
    feature("direct_response", "Answer without asking a backend."),
    feature("fault_abort", "Fail a share of the requests on purpose."),
    feature("fault_delay", "Delay a share of the requests on purpose."),
    feature("timeout", "Limit the time of a request with its retries."),
    feature("per_try_timeout", "Limit the time of each attempt."),
    feature("retries", "Try a failed request again."),
    feature("retry_conditions", "Choose which failures are tried again."),
    feature("retry_backoff", "Choose the pause before a retry."),
    feature("retry_avoid_previous", "Choose whether a retry avoids the endpoints that failed."),
    feature("retry_budget", "Limit retries under way to a share of the requests under way."),
    feature("retry_tokens", "Limit retries to a share of the requests that end well."),
    feature("mirror", "Send a copy of a request to another backend."),
    feature("mirror_percentage", "Mirror only a share of the requests."),
    feature("header_changes", "Set, add or remove headers."),
    feature("rewrite", "Change path or host before the backend is asked."),
    feature("balance_round_robin", "Balance in turn."),
    feature("balance_least_request", "Balance to the less busy of two random endpoints."),
    feature("balance_random", "Balance at random."),
    feature("balance_ring_hash", "Balance by consistent hashing on a ring."),
    feature("balance_maglev", "Balance by consistent hashing with Maglev's table."),
    feature("balance_peak_ewma", "Balance to the faster of two random endpoints."),
    feature("balance_hash_source", "Hash on the caller."),
    feature("balance_hash_header", "Hash on a header."),
    feature("balance_hash_cookie", "Hash on a cookie."),
    feature("balance_hash_query", "Hash on a query parameter."),
    feature("warm_up", "Give new endpoints their share slowly."),
    feature("balance_locality", "Prefer endpoints of the caller's own zone."),
    feature("locality_failover", "Choose which zone stands in for another."),
    feature("locality_distribute", "Spread requests over zones by weight."),
    feature("connection_limit", "Limit connections to a backend."),
    feature("pending_limit", "Limit requests that wait for a connection."),
    feature("request_limit", "Limit requests under way to a backend."),
    feature("requests_per_connection", "Limit the requests that a connection carries."),
    feature("retry_limit", "Limit retries under way to a backend."),
    feature("connect_timeout", "Limit the time until a connection stands."),
    feature("idle_timeout", "Close connections that are not used."),
    feature("outlier_ejection", "Leave out endpoints that fail."),
    feature("circuit_breaker", "Try endpoints that fail again one request at a time."),
    feature("mtls_choice", "Choose for a backend whether callers encrypt."),
    feature("tls_origination", "Begin TLS of the application's kind towards a backend."),
    feature("mtls", "Encrypt and authenticate both sides."),
    feature("authorization", "Allow or deny by identity, path or method."),
];

/// A profile's answer to one feature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capability {
    /// Whether and how the mesh does it.
    pub support: Support,
    /// With what, when not by the mesh's own resources.
    pub by: Option<String>,
    /// Who does it; `None` when nobody.
    pub enforced_by: Option<Enforcer>,
    /// What a decision is made for, where that matters.
    pub per: Option<Granularity>,
    /// Of which version that is true.
    pub version: String,
    /// Where that is written.
    pub source: String,
    /// When that changed, if it did not always hold.
    pub change: Option<Change>,
}

impl Capability {
    /// Reads one answer; `version` is that of the mesh, for rows without their own.
    pub(super) fn read(
        node: &Node,
        name: &str,
        version: &str,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let supports: Vec<_> = Support::ALL.iter().map(|support| (support.name(), *support)).collect();
        let enforcers: Vec<_> = Enforcer::ALL.iter().map(|enforcer| (enforcer.name(), *enforcer)).collect();
        let granularities: Vec<_> = Granularity::ALL.iter().map(|per| (per.name(), *per)).collect();
        let mut map = Fields::new(node, quote(name), diagnostics);
        let support =
            map.need("support", |node, errors| fields::choice(node, "the support", &supports, errors));
        let by = map.read("by", fields::text);
        let enforced_by =
            map.read("enforced_by", |node, errors| fields::choice(node, "the enforcer", &enforcers, errors));
        let per =
            map.read("per", |node, errors| fields::choice(node, "a decision's unit", &granularities, errors));
        let version = map.read("version", fields::text).unwrap_or_else(|| version.to_owned());
        let source = map.need("source", fields::text);
        let change = Change::read(&mut map);
        if let Some(support) = support {
            let indirect = matches!(support, Support::OtherResource | Support::Extension);
            let problem = if indirect != by.is_some() {
                Some(format!("{} needs `by` exactly if it is supported by something else", quote(name)))
            } else if (support == Support::Unsupported) == enforced_by.is_some() {
                Some(format!("{} needs `enforced_by` exactly if it is supported", quote(name)))
            } else {
                None
            };
            if let Some(message) = problem {
                let place = map.location();
                map.report(Diagnostic::error(Code::InvalidValue, message).at(place));
            }
        }
        map.finish();
        Some(Self { support: support?, by, enforced_by, per, version, source: source?, change })
    }
}

/// Declares an enum of words with their names in files.
macro_rules! words {
    ($(#[$meta:meta])* $enum:ident { $($(#[$variant_meta:meta])* $variant:ident = $name:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $enum {
            $($(#[$variant_meta])* $variant,)+
        }

        impl $enum {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// As files have it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

words! {
    /// Whether and how a mesh does something.
    Support {
        /// By the mesh's own resource for it.
        Native = "native",
        /// By a resource meant for something else, or of somebody else.
        OtherResource = "other_resource",
        /// By an extension that is not installed by default.
        Extension = "extension",
        /// Not at all.
        Unsupported = "unsupported",
    }
}

words! {
    /// Who enforces a rule.
    Enforcer {
        /// The proxy beside the caller.
        ClientProxy = "client_proxy",
        /// The proxy beside the callee.
        ServerProxy = "server_proxy",
        /// A proxy, or the kernel, of the node.
        NodeProxy = "node_proxy",
        /// A proxy of its own on the way.
        Waypoint = "waypoint",
        /// The application itself.
        Application = "application",
    }
}

words! {
    /// What a decision is made for.
    Granularity {
        /// Each request.
        Request = "request",
        /// Each connection: long-lived ones stay where they are.
        Connection = "connection",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::profile::{find, names};

    /// Programs are compiled by where proxies stand; profiles must not say otherwise.
    #[test]
    fn features_are_enforced_where_the_data_plane_has_proxies() {
        for name in names() {
            let profile = find(name, None).expect("it is shipped");
            let model = profile.model(2);
            let mut enforced = 0;
            for (feature, answer) in profile.capabilities() {
                // Not for the caller's side to decide.
                if matches!(feature.name, "mtls" | "authorization") {
                    continue;
                }
                let stands = match answer.enforced_by {
                    None | Some(Enforcer::Application) => continue,
                    Some(Enforcer::ClientProxy) => model.sidecar.is_some(),
                    Some(Enforcer::Waypoint) => model.waypoint.is_some(),
                    // Of connections alone; without a mesh it is the kernel.
                    Some(Enforcer::NodeProxy) => model.sidecar.is_none(),
                    Some(Enforcer::ServerProxy) => false,
                };
                assert!(stands, "{name}: {} by {:?}", feature.name, answer.enforced_by);
                enforced += 1;
            }
            assert!(enforced > 0, "{name}");
        }
    }

    #[test]
    fn features_have_unique_names_and_one_line_each() {
        for (row, feature) in FEATURES.iter().enumerate() {
            assert!(feature.meaning.ends_with('.') && !feature.meaning.contains('\n'), "{}", feature.name);
            assert!(FEATURES[..row].iter().all(|earlier| earlier.name != feature.name), "{}", feature.name);
        }
    }
}
