//! The section `certificates`: how those of the proxies came to be, and how long they hold.
//!
//! ```yaml
//! certificates: {life: 1h, issued: together, age: 29m}
//! ```

use crate::diag::{Code, Diagnostic, Diagnostics, quote};
use crate::input::fields::{self, Fields, located};
use crate::input::tree::Node;
use crate::units::Span;
use crate::vocabulary::{CertificateSettings, Issued};

use super::rules::inheritable;

pub(super) fn certificates(node: &Node, diagnostics: &mut Diagnostics) -> Option<CertificateSettings> {
    let mut fields = Fields::new(node, "`certificates`", diagnostics);
    let life = fields.read("life", inheritable(fields::positive_span)).flatten();
    let together = fields.read("issued", located(issued));
    let age = fields.read("age", located(fields::span));
    let is_together = together.as_ref().is_some_and(|together| together.value);
    if let Some(age) = age.as_ref().filter(|_| !is_together) {
        let message = "certificates have one `age` if they were issued together";
        let problem = Diagnostic::error(Code::InvalidValue, message).at(age.location);
        fields.report(problem.hint("write `issued: together`, or leave `age` out"));
    }
    fields.finish()?;
    let age = age.map_or(Span::ZERO, |age| age.value);
    Some(CertificateSettings {
        life,
        issued: if is_together { Issued::Together(age) } else { Issued::Spread },
    })
}

/// Whether all were issued at once.
fn issued(node: &Node, diagnostics: &mut Diagnostics) -> Option<bool> {
    match node.text() {
        Some("together") => Some(true),
        Some("spread") => Some(false),
        other => {
            let message = other.map_or_else(
                || "how certificates were issued is a word".to_owned(),
                |other| format!("certificates are not issued {}", quote(other)),
            );
            let problem = Diagnostic::error(Code::InvalidValue, message).at(node.location);
            diagnostics.push(problem.hint("write `together` or `spread`"));
            None
        }
    }
}
