//! Service graphs made from laws: as many services and pods as are asked for, in the shape of what was published.
//!
//! [`Options`] is what was written; [`Settings`] what holds, presets and defaults filled in; [`Topology`] the graph with
//! its calls, rates and pods; [`Topology::scenario`] the text of a native scenario. Services are numbered so that a
//! caller stands before whom it calls: no graph has a circle.
//!
//! ```
//! use sim::topology::{Options, Topology};
//!
//! let options = Options { services: Some(50), seed: 7, ..Options::of("alibaba") };
//! let topology = Topology::generate(&options.settings().unwrap()).unwrap();
//! assert_eq!(topology.replicas().iter().sum::<u32>(), 28 * 50);
//! assert!(topology.scenario(&options.command()).contains("\nservices:\n"));
//! ```

mod calls;
mod draw;
mod graph;
mod law;
mod layers;
mod options;
mod preset;
mod replicas;
#[cfg(test)]
mod tests;
mod text;
mod tree;

pub use law::Law;
pub use options::{Load, Options, Settings};
pub use preset::{PRESETS, Preset, Shape};

use crate::diag::{Code, Diagnostic};
use crate::input::tree::MAX_NODES;
use crate::units::Span;

use calls::Calls;
use graph::Graph;

/// Requests that one pod serves at once.
pub const WORKERS: u32 = 2;

/// A service graph with everything that a scenario says of it.
#[derive(Clone, Debug)]
pub struct Topology {
    settings: Settings,
    graph: Graph,
    calls: Calls,
    /// Mean service time of each service.
    work: Vec<Span>,
    replicas: Vec<u32>,
}

impl Topology {
    /// The graph that these settings give: always the same one.
    ///
    /// # Errors
    /// When the pods asked for do not suffice for the traffic, or the scenario would be too large to be read.
    pub fn generate(settings: &Settings) -> Result<Self, Diagnostic> {
        let graph = match settings.shape {
            Shape::Tree => tree::grow(settings),
            Shape::Layers => layers::grow(settings),
        };
        readable(&graph)?;
        let calls = Calls::new(&graph, settings.calls_per_request, settings.load);
        let work = replicas::work(settings);
        let replicas = replicas::apportion(settings, &calls.rates, &work)?;
        Ok(Self { settings: settings.clone(), graph, calls, work, replicas })
    }

    /// Pods of each service.
    pub fn replicas(&self) -> &[u32] {
        &self.replicas
    }

    /// The share of its workers' time for which a service's pods work on requests.
    fn utilization(&self, service: usize) -> f64 {
        let capacity = f64::from(self.replicas[service]) * f64::from(WORKERS);
        self.calls.rates[service] * self.work[service].seconds() / capacity
    }
}

/// Checks that the scenario can be read again.
fn readable(graph: &Graph) -> Result<(), Diagnostic> {
    let values = values_of(graph);
    if values <= MAX_NODES {
        return Ok(());
    }
    let message =
        format!("the scenario would have about {values} values, more than the {MAX_NODES} that are read");
    let hint = "ask for fewer services, or a smaller --fan-out";
    Err(Diagnostic::error(Code::TooLarge, message).hint(hint))
}

/// Values in the text at most, keys, lists and maps included.
fn values_of(graph: &Graph) -> usize {
    const OF_SERVICE: usize = 24;
    const OF_CALL: usize = 7;
    const OF_ENTRY: usize = 15;
    OF_SERVICE * graph.services() + OF_CALL * graph.edges() + OF_ENTRY * graph.entries.len() + 100
}
