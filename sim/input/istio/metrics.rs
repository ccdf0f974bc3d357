//! Which of Istio's standard metrics a `Telemetry` leaves, at which side, and with which labels.

use crate::diag::Location;
use crate::input::draft::FeatureValue;
use crate::input::fields;
use crate::input::foreign::Foreign;

use super::{Import, features};

/// Istio's name of a metric, and the profile's switches at the caller's and the callee's side.
const METRICS: [(&str, [&str; 2]); 8] = [
    ("REQUEST_COUNT", ["telemetry.outbound.requests", "telemetry.inbound.requests"]),
    ("REQUEST_DURATION", ["telemetry.outbound.durations", "telemetry.inbound.durations"]),
    ("REQUEST_SIZE", ["telemetry.outbound.request_sizes", "telemetry.inbound.request_sizes"]),
    ("RESPONSE_SIZE", ["telemetry.outbound.response_sizes", "telemetry.inbound.response_sizes"]),
    (
        "TCP_OPENED_CONNECTIONS",
        ["telemetry.outbound.connections_opened", "telemetry.inbound.connections_opened"],
    ),
    (
        "TCP_CLOSED_CONNECTIONS",
        ["telemetry.outbound.connections_closed", "telemetry.inbound.connections_closed"],
    ),
    ("TCP_SENT_BYTES", ["telemetry.outbound.bytes_sent", "telemetry.inbound.bytes_sent"]),
    ("TCP_RECEIVED_BYTES", ["telemetry.outbound.bytes_received", "telemetry.inbound.bytes_received"]),
];

/// Labels that say what became of a request.
const CODE: &str = "response_code";
const FLAGS: &str = "response_flags";

/// Values of the profile, in the order in which they are asked for.
type Asked = Vec<(&'static str, FeatureValue)>;

/// What the overrides of one object ask for: the last one holds.
pub(super) fn overrides(metrics: &[Foreign<'_>], import: &mut Import<'_>) -> Asked {
    let mut asked = Asked::new();
    let mut removed = [false; 2];
    for change in metrics.iter().flat_map(|metrics| metrics.elements("overrides")) {
        let Some(which) = Which::of(change, import) else { continue };
        if let Some(off) = change.read("disabled", fields::boolean, import.diagnostics) {
            switch(&mut asked, &which, !off);
        }
        for (label, edit) in change.entries("tagOverrides") {
            let operation = edit.read("operation", fields::text, import.diagnostics);
            if operation.as_deref() != Some("REMOVE") {
                continue;
            }
            match [CODE, FLAGS].iter().position(|known| *known == label.value) {
                Some(place) if which.is_whole() => removed[place] = true,
                Some(_) => {
                    not_modelled("labels are removed from all metrics at once", label.location, import);
                }
                None => not_modelled(
                    "of labels, only `response_code` and `response_flags` can be removed",
                    label.location,
                    import,
                ),
            }
        }
    }
    let left = match removed {
        [false, false] => return asked,
        [true, false] => "flags",
        [false, true] => "code",
        [true, true] => "none",
    };
    // Other meshes' proxies have other labels.
    let value = FeatureValue::Instead { word: "code_and_flags".to_owned(), value: left.to_owned() };
    asked.push(("telemetry.outcomes", value));
    asked
}

/// The metrics that an override is about.
struct Which {
    /// Position in [`METRICS`]; `None` is all.
    metric: Option<usize>,
    /// At the caller's and at the callee's side.
    sides: [bool; 2],
}

impl Which {
    fn of(change: Foreign<'_>, import: &mut Import<'_>) -> Option<Self> {
        let mut which = Self { metric: None, sides: [true; 2] };
        let Some(of) = change.get("match") else { return Some(which) };
        if let Some(custom) = of.get("customMetric") {
            not_modelled("there are only Istio's own metrics", custom.location(), import);
            return None;
        }
        which.sides = match of.read("mode", fields::text, import.diagnostics).as_deref() {
            Some("CLIENT") => [true, false],
            Some("SERVER") => [false, true],
            _ => [true; 2],
        };
        let name = of.read("metric", fields::text, import.diagnostics);
        if let Some(name) = name.filter(|name| name != "ALL_METRICS") {
            which.metric = METRICS.iter().position(|(known, _)| *known == name);
            if which.metric.is_none() {
                not_modelled("messages within gRPC streams are not counted", of.location(), import);
                return None;
            }
        }
        Some(which)
    }

    const fn is_whole(&self) -> bool {
        self.metric.is_none() && self.sides[0] && self.sides[1]
    }
}

/// All metrics at both sides are one switch, with their CPU; a part of them has its own, and the CPU stays.
fn switch(asked: &mut Asked, which: &Which, on: bool) {
    if which.is_whole() {
        asked.push(("features.telemetry.enabled", FeatureValue::switch(on)));
    }
    // What a whole switch says goes for each part of it that was said before.
    let is_said = |asked: &Asked, path: &str| asked.iter().any(|(known, _)| *known == path);
    for (position, (_, paths)) in METRICS.iter().enumerate() {
        if which.metric.is_some_and(|metric| metric != position) {
            continue;
        }
        for (path, _) in paths.iter().zip(which.sides).filter(|(_, is_meant)| *is_meant) {
            if !which.is_whole() || is_said(asked, path) {
                asked.push((path, FeatureValue::switch(on)));
            }
        }
    }
}

fn not_modelled(why: &str, place: Location, import: &mut Import<'_>) {
    features::no_value(import, &format!("this override is not modelled: {why}"), place);
}
