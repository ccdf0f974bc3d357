//! Call graphs from observation: what monitoring and tracing have recorded, one file per format, all of it into one
//! [`graph::Observed`], which [`derive`] turns into services, scripts and sources.
//!
//! What was not observed is guessed, and marked as a guess. Services are put together with manifests and scenarios of the
//! same name afterwards (see [`super::merge`]).

use crate::diag::{Diagnostics, quote};

use super::draft::Draft;
use super::isotope::Entry;
use super::tree::{Located, Node};

mod body;
mod complete;
mod dependencies;
mod derive;
mod flow;
mod graph;
mod jaeger;
mod json;
mod kiali;
mod otlp;
mod prometheus;
mod traces;

pub(super) use dependencies::recognises as is_dependencies;
pub(super) use jaeger::recognises as is_jaeger;
pub(super) use kiali::recognises as is_kiali;
pub(super) use otlp::recognises as is_otlp;
pub(super) use prometheus::recognises as is_prometheus;

/// What all documents say, until all are read.
#[derive(Debug, Default)]
pub(super) struct Observations {
    graphs: Vec<graph::Observed>,
    spans: Vec<traces::Span>,
    samples: prometheus::Samples,
}

impl Observations {
    /// Adds a graph of Kiali.
    pub(super) fn kiali(&mut self, node: &Node, diagnostics: &mut Diagnostics) {
        self.graphs.push(kiali::read(node, diagnostics));
    }

    /// Adds traces of Jaeger.
    pub(super) fn jaeger(&mut self, node: &Node, diagnostics: &mut Diagnostics) {
        jaeger::read(node, &mut self.spans, diagnostics);
    }

    /// Adds spans of OpenTelemetry.
    pub(super) fn otlp(&mut self, node: &Node, diagnostics: &mut Diagnostics) {
        otlp::read(node, &mut self.spans, diagnostics);
    }

    /// Adds dependencies of Jaeger or Zipkin.
    pub(super) fn dependencies(&mut self, node: &Node, diagnostics: &mut Diagnostics) {
        self.graphs.push(dependencies::read(node, diagnostics));
    }

    /// Adds the result of a query of Prometheus.
    pub(super) fn prometheus(&mut self, node: &Node, diagnostics: &mut Diagnostics) {
        self.samples.add(node, diagnostics);
    }

    /// Adds everything to the draft.
    pub(super) fn resolve(self, entry: &Entry, draft: &mut Draft, diagnostics: &mut Diagnostics) {
        // Traces tell most of a service, metrics how often it is asked.
        let mut graphs: Vec<_> = traces::resolve(&self.spans, diagnostics).into_iter().collect();
        graphs.extend(self.samples.resolve(diagnostics));
        graphs.extend(self.graphs);
        let mut graphs = graphs.into_iter();
        let Some(mut first) = graphs.next() else { return };
        for other in graphs {
            if let Some(service) = first.complete(other) {
                let text = format!(
                    "{} and others are in several observations: the one that tells more holds",
                    quote(&service.value)
                );
                first.remarks.push(Located::new(text, service.location));
            }
        }
        derive::add(&mut first, entry, draft);
    }
}
