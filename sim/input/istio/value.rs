//! Values that several of Istio's kinds have: percentages, durations, namespaces.

use crate::diag::Diagnostics;
use crate::input::fields;
use crate::input::foreign::Foreign;
pub(super) use crate::input::foreign::readers::{any_text, percentage, port, texts};
use crate::units::{Ratio, Span};
use crate::vocabulary::routing::Setting;

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

/// `exportTo`: the namespaces; `None` is all of them.
pub(super) fn export_to(spec: Foreign<'_>, diagnostics: &mut Diagnostics) -> Option<Vec<String>> {
    let names: Vec<_> = texts(spec, "exportTo", diagnostics).into_iter().map(|name| name.value).collect();
    (!names.is_empty() && !names.iter().any(|name| name == "*")).then_some(names)
}
