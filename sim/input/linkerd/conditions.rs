//! Conditions of a profile's routes: `method` and `pathRegex`, put together with `all`, `any` and `not`.

use crate::diag::{Code, Diagnostic, Diagnostics, quote};
use crate::input::fields;
use crate::input::foreign::readers::{any_text, pattern};
use crate::input::tree::Node;
use crate::vocabulary::routing::{NamedMatch, RequestMatch};
use crate::vocabulary::text::{PathMatch, TextMatch};

/// Alternatives that a condition may come to.
const MOST: usize = 64;
/// Names under which path and method stand among the headers.
const PATH: &str = ":path";
const METHOD: &str = ":method";

/// Conditions of which one must hold, each of parts that all must hold.
type Alternatives = Vec<Vec<NamedMatch>>;

/// The matches that a condition comes to; `None` if something in it is wrong.
pub(super) fn read(node: &Node, diagnostics: &mut Diagnostics) -> Option<Vec<RequestMatch>> {
    let alternatives = condition(node, false, diagnostics)?;
    Some(alternatives.into_iter().map(request).collect())
}

/// All fields of a condition must hold; negated, one must not.
fn condition(node: &Node, negated: bool, diagnostics: &mut Diagnostics) -> Option<Alternatives> {
    let Some(entries) = node.entries() else {
        return fields::unexpected(node, "a condition: a map", diagnostics);
    };
    let mut parts = Vec::new();
    let mut is_wrong = false;
    for (key, value) in entries.iter().filter(|(_, value)| !value.is_null()) {
        let part = match key.text().unwrap_or_default() {
            "method" => fields::text(value, diagnostics)
                .map(|text| atom(METHOD, TextMatch::Exact(text.to_ascii_uppercase()), negated)),
            "pathRegex" => any_text(value, diagnostics)
                .and_then(|text| pattern(text.trim(), value.location, diagnostics))
                .map(|pattern| atom(PATH, TextMatch::Regex(pattern), negated)),
            "all" => list(value, negated, !negated, diagnostics),
            "any" => list(value, negated, negated, diagnostics),
            // The controller has one condition, the schema a list: none of them may hold.
            "not" if value.elements().is_some() => list(value, !negated, !negated, diagnostics),
            "not" => condition(value, !negated, diagnostics),
            other => {
                let message = format!("{} is no condition on a request", quote(other));
                let hint = "method, pathRegex, all, any or not";
                diagnostics.push(Diagnostic::warning(Code::UnknownKey, message).at(key.location).hint(hint));
                continue;
            }
        };
        match part {
            Some(part) => parts.push(part),
            None => is_wrong = true,
        }
    }
    if is_wrong {
        return None;
    }
    if parts.is_empty() {
        let message = "a condition needs `method`, `pathRegex`, `all`, `any` or `not`";
        diagnostics.push(Diagnostic::error(Code::MissingKey, message).at(node.location));
        return None;
    }
    combined(parts, !negated, node, diagnostics)
}

/// The conditions of a list, each perhaps negated: `every` one of them, or one.
fn list(node: &Node, negated: bool, every: bool, diagnostics: &mut Diagnostics) -> Option<Alternatives> {
    let Some(elements) = node.elements() else {
        return fields::unexpected(node, "a list of conditions", diagnostics);
    };
    let parts: Vec<_> = elements.iter().map(|element| condition(element, negated, diagnostics)).collect();
    combined(parts.into_iter().collect::<Option<_>>()?, every, node, diagnostics)
}

fn combined(
    parts: Vec<Alternatives>,
    every: bool,
    node: &Node,
    diagnostics: &mut Diagnostics,
) -> Option<Alternatives> {
    let mut whole = if every { vec![Vec::new()] } else { Vec::new() };
    for part in parts {
        if every {
            let with = |known: &Vec<NamedMatch>| {
                part.iter().map(|more| [known.as_slice(), more].concat()).collect::<Vec<_>>()
            };
            whole = whole.iter().flat_map(with).collect();
        } else {
            whole.extend(part);
        }
        if whole.len() > MOST {
            let message = format!("this condition comes to more than {MOST} alternatives");
            diagnostics.push(Diagnostic::error(Code::TooLarge, message).at(node.location));
            return None;
        }
    }
    Some(whole)
}

fn atom(name: &str, value: TextMatch, without: bool) -> Alternatives {
    vec![vec![NamedMatch { name: name.to_owned(), value, without }]]
}

/// The first conditions on path and method stand in their own fields, negated and further ones among the headers.
fn request(parts: Vec<NamedMatch>) -> RequestMatch {
    let mut of = RequestMatch::default();
    for part in parts {
        match part {
            NamedMatch { name, value: TextMatch::Regex(pattern), without: false }
                if name == PATH && of.path.is_none() =>
            {
                of.path = Some(PathMatch::Regex(pattern));
            }
            NamedMatch { name, value, without: false } if name == METHOD && of.method.is_none() => {
                of.method = Some(value);
            }
            other => of.headers.push(other),
        }
    }
    of
}
