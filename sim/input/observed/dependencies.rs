//! Dependencies of services as Jaeger (`/api/dependencies`) and Zipkin (`/api/v2/dependencies`) count them: how many calls
//! were made, but not in how much time.

use crate::diag::{Code, Diagnostic, Diagnostics};
use crate::input::tree::Node;

use super::graph::{Observed, Window};
use super::json::{head, name, number_at};

fn links(node: &Node) -> &[Node] {
    node.elements().or_else(|| head(node, "data").and_then(Node::elements)).unwrap_or_default()
}

/// Whether a document is a list of dependencies.
pub(in crate::input) fn recognises(node: &Node) -> bool {
    let is_link = |link: &Node| link.get("parent").is_some() && link.get("child").is_some();
    links(node).first().is_some_and(is_link)
}

/// What a list of dependencies says.
pub(super) fn read(node: &Node, diagnostics: &mut Diagnostics) -> Observed {
    let mut observed = Observed::within(Window::Unknown);
    for link in links(node) {
        let count = number_at(link, "callCount", diagnostics);
        let errors = number_at(link, "errorCount", diagnostics).unwrap_or(0.0);
        let (Some(parent), Some(child)) = (name(link, "parent"), name(link, "child")) else {
            let message = "a dependency needs the names of a `parent` and a `child`";
            diagnostics.push(Diagnostic::error(Code::MissingKey, message).at(link.location));
            continue;
        };
        let Some(count) = count else {
            let message = "a dependency without `callCount` tells no calls";
            diagnostics.push(Diagnostic::warning(Code::NotModelled, message).at(link.location));
            continue;
        };
        let (from, to) = (observed.only(None, &parent), observed.only(None, &child));
        let call = observed.call(from, to, link.location);
        call.calls += count;
        call.failures += errors.min(count);
        observed.at_mut(to).failures += errors.min(count);
    }
    observed
}
