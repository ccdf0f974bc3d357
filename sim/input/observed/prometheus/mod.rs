//! Results of Prometheus' queries: rates of Istio's, Linkerd's and OpenTelemetry's metrics of requests, and containers' CPU.
//!
//! A vector of `rate(…)` holds rates per second; a matrix of counters (`istio_requests_total[10m]`) is turned into rates;
//! a vector of counters holds only proportions. `rate` drops the name of its metric: without one in a label `metric` or
//! `__name__`, labels tell which kind of requests are counted, and nothing else is read.

use std::collections::BTreeMap;

use crate::diag::{Code, Diagnostic, Diagnostics, Location, quote};
use crate::input::tree::{Located, Node};

use super::graph::{Observed, Window};
use super::json::{head, list, number, text};

mod cells;
mod metrics;

use cells::Cells;
use metrics::Measure;

/// Whether a document is the answer to a query.
pub(in crate::input) fn recognises(node: &Node) -> bool {
    let data = head(node, "data").unwrap_or(node);
    head(data, "resultType").is_some()
        || (head(node, "status").is_some() && head(node, "errorType").is_some())
}

/// Results of all documents, until all are read.
#[derive(Debug, Default)]
pub(super) struct Samples {
    all: Vec<Sample>,
    unread: BTreeMap<String, (Location, usize)>,
}

/// A series with one value.
#[derive(Debug)]
struct Sample {
    labels: BTreeMap<String, Located<String>>,
    measure: Measure,
    value: f64,
    /// Counted since nobody knows when, and no rate.
    counted: bool,
    place: Location,
}

impl Sample {
    /// A label that is there and says something.
    fn label(&self, name: &str) -> Option<&Located<String>> {
        self.labels.get(name).filter(|label| super::json::is_known(&label.value))
    }

    fn text(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", |label| label.value.as_str())
    }
}

impl Samples {
    /// Adds a result.
    pub(super) fn add(&mut self, node: &Node, diagnostics: &mut Diagnostics) {
        if text(node, "status") == Some("error") {
            let why = text(node, "error").unwrap_or("it does not say why");
            let message = format!("the query failed: {}", quote(why));
            diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(node.location));
            return;
        }
        let data = node.get("data").unwrap_or(node);
        match text(data, "resultType") {
            Some("vector" | "matrix") => {}
            other => {
                let message = format!(
                    "a result of type {} holds no series by their labels",
                    quote(other.unwrap_or_default())
                );
                let diagnostic = Diagnostic::error(Code::UnexpectedKind, message).at(data.location);
                diagnostics.push(diagnostic.hint("query a vector or a range of one"));
                return;
            }
        }
        for series in list(data, "result") {
            self.series(series, diagnostics);
        }
    }

    fn series(&mut self, series: &Node, diagnostics: &mut Diagnostics) {
        let mut labels = BTreeMap::new();
        for (key, value) in series.get("metric").and_then(Node::entries).unwrap_or_default() {
            if let (Some(key), Some(text)) = (key.text(), value.text()) {
                labels.insert(key.to_owned(), Located::new(text.to_owned(), value.location));
            }
        }
        let own = labels.get("__name__").map(|name| name.value.clone());
        let given = labels.get("metric").map(|name| name.value.clone());
        let is_counter = given.is_none() && own.is_some();
        let name = given.or(own).or_else(|| metrics::guessed_name(&labels).map(str::to_owned));
        let Some(measure) = name.as_deref().and_then(Measure::of) else {
            let name = name.unwrap_or_else(|| "series without a name".to_owned());
            self.unread.entry(name).or_insert((series.location, 0)).1 += 1;
            return;
        };
        let Some((value, counted)) = value(series, is_counter, diagnostics) else { return };
        self.all.push(Sample { labels, measure, value, counted, place: series.location });
    }

    /// What all results together say; `None` if there are none.
    pub(super) fn resolve(mut self, diagnostics: &mut Diagnostics) -> Option<Observed> {
        for (name, (place, count)) in std::mem::take(&mut self.unread) {
            let message = format!("{} tells nothing that is read (series: {count})", quote(&name));
            let hint = "keep the name of a metric through `rate` with label_replace(…, \"metric\", \"NAME\", \"\", \"\")";
            diagnostics.push(Diagnostic::warning(Code::NotModelled, message).at(place).hint(hint));
        }
        let rates = self.all.iter().any(|sample| !sample.counted);
        let mut remarks = Vec::new();
        if let Some(first) = self.all.iter().find(|sample| sample.counted && rates) {
            let text = "counters without a window are left out beside rates".to_owned();
            remarks.push(Located::new(text, first.place));
        }
        self.all.retain(|sample| sample.counted != rates);
        if self.all.is_empty() {
            return None;
        }
        let window = if rates { Window::Seconds(1.0) } else { Window::Unknown };
        let mut observed = Observed::within(window);
        observed.remarks = remarks;
        Cells::gather(&self.all).fill(&self.all, &mut observed);
        Some(observed)
    }
}

/// A series' value, and whether it was counted since nobody knows when.
fn value(series: &Node, is_counter: bool, diagnostics: &mut Diagnostics) -> Option<(f64, bool)> {
    let mut point = |pair: &Node| -> Option<(f64, f64)> {
        let [time, value] = pair.elements()? else { return None };
        Some((number(time, diagnostics)?, number(value, diagnostics)?))
    };
    if let Some(pair) = series.get("value") {
        return Some((point(pair)?.1, is_counter));
    }
    let points: Vec<_> = list(series, "values").iter().filter_map(point).collect();
    if !is_counter {
        let sum: f64 = points.iter().map(|(_, value)| value).sum();
        return (!points.is_empty()).then(|| (sum / points.len() as f64, false));
    }
    let (first, last) = (points.first()?, points.last()?);
    let seconds = last.0 - first.0;
    // What is less than before was counted anew.
    let risen = |pair: &[(f64, f64)]| {
        if pair[1].1 >= pair[0].1 { pair[1].1 - pair[0].1 } else { pair[1].1 }
    };
    let increase: f64 = points.windows(2).map(risen).sum();
    (seconds > 0.0).then(|| (increase / seconds, false))
}
