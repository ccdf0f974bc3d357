//! The section `telemetry`.

use crate::diag::{Code, Diagnostic, Diagnostics};
use crate::input::fields::{self, Fields, located};
use crate::input::tree::Node;
use crate::units::Span;
use crate::vocabulary::TelemetrySettings;

pub(super) fn telemetry(node: &Node, diagnostics: &mut Diagnostics) -> Option<TelemetrySettings> {
    let mut fields = Fields::new(node, "`telemetry`", diagnostics);
    let scrape_interval = fields.read("scrape_interval", interval);
    let replaced = fields.read("pods_replaced_per_hour", located(fields::f64));
    if let Some(replaced) = &replaced
        && !(replaced.value.is_finite() && replaced.value >= 0.0)
    {
        let message = "pods replaced in an hour are a number from 0";
        fields.report(Diagnostic::error(Code::InvalidValue, message).at(replaced.location));
    }
    fields.finish()?;
    let pods_replaced_per_hour = replaced.map_or(0.0, |replaced| replaced.value);
    Some(TelemetrySettings { scrape_interval, pods_replaced_per_hour })
}

/// A length of time; `None` for `inherit`.
fn interval(node: &Node, diagnostics: &mut Diagnostics) -> Option<Span> {
    if node.text() == Some("inherit") { None } else { fields::positive_span(node, diagnostics) }
}
