//! Gateway API's order of matches: exact path, longest prefix, method, most headers, most query parameters. Of equals the
//! first one as written.

use crate::vocabulary::routing::RequestMatch;
use crate::vocabulary::text::PathMatch;

/// The higher, the sooner a match is looked at. Regular expressions, which Gateway API leaves open, stand between exact
/// paths and prefixes, as in Istio's and Linkerd's implementations.
pub(super) fn rank(of: &RequestMatch) -> impl Ord + use<> {
    let path = match &of.path {
        None => (0, 0),
        Some(PathMatch::Prefix(prefix) | PathMatch::Elements(prefix)) => (1, prefix.chars().count()),
        Some(PathMatch::Regex(pattern)) => (2, pattern.text().chars().count()),
        Some(PathMatch::Exact(path)) => (3, path.chars().count()),
    };
    (path, of.method.is_some(), of.headers.len(), of.query.len())
}
