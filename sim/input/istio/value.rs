//! Values that several of Istio's kinds have: percentages, weights, durations, lists of texts.

use crate::diag::{Code, Diagnostic, Diagnostics};
use crate::input::fields;
use crate::input::foreign::Foreign;
use crate::input::tree::{Located, Node};
use crate::units::{Ratio, Span, UnitError};
use crate::vocabulary::routing::Setting;

/// A percentage from 0 to 100, as a ratio.
pub(super) fn percentage(node: &Node, diagnostics: &mut Diagnostics) -> Option<Ratio> {
    fields::parsed(node, "a percentage", diagnostics, |text| {
        let percent: Option<f64> = text.trim().parse().ok();
        let ratio = percent.and_then(|percent| Ratio::new(percent / 100.0).ok());
        ratio.ok_or_else(|| UnitError::new("write a number from 0 to 100"))
    })
}

/// `percentage: {value: 12.5}`, or else the `percent: 12` of older objects.
pub(super) fn share(
    value: Foreign<'_>,
    field: &str,
    legacy: &[&str],
    diagnostics: &mut Diagnostics,
) -> Option<Ratio> {
    if let Some(written) = value.get(field) {
        // Without a value it is protobuf's zero.
        return Some(written.read("value", percentage, diagnostics).unwrap_or(Ratio::ZERO));
    }
    legacy.iter().find_map(|field| value.read(field, percentage, diagnostics))
}

/// A duration; zero switches off.
pub(super) fn span(value: Foreign<'_>, field: &str, diagnostics: &mut Diagnostics) -> Setting<Span> {
    match value.read(field, fields::span, diagnostics) {
        None => Setting::Inherit,
        Some(Span::ZERO) => Setting::Off,
        Some(span) => Setting::To(span),
    }
}

/// A text that may be empty.
pub(super) fn any_text(node: &Node, diagnostics: &mut Diagnostics) -> Option<String> {
    node.text().map(str::to_owned).or_else(|| fields::unexpected(node, "a text", diagnostics))
}

/// A port's number.
pub(super) fn port(node: &Node, diagnostics: &mut Diagnostics) -> Option<u16> {
    let number = fields::u32(node, diagnostics)?;
    let port = u16::try_from(number).ok().filter(|port| *port > 0);
    if port.is_none() {
        let message = format!("a port lies between 1 and 65535, not at {number}");
        diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(node.location));
    }
    port
}

/// A list of texts; elements that are none are reported and left out.
pub(super) fn texts(value: Foreign<'_>, field: &str, diagnostics: &mut Diagnostics) -> Vec<Located<String>> {
    value.read(field, fields::each(fields::located(fields::text)), diagnostics).unwrap_or_default()
}

/// `exportTo`: the namespaces; `None` is all of them.
pub(super) fn export_to(spec: Foreign<'_>, diagnostics: &mut Diagnostics) -> Option<Vec<String>> {
    let names: Vec<_> = texts(spec, "exportTo", diagnostics).into_iter().map(|name| name.value).collect();
    (!names.is_empty() && !names.iter().any(|name| name == "*")).then_some(names)
}
