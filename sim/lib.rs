//! A deterministic service-mesh simulator: what a mesh costs and how it behaves, before you deploy it.
//!
//! The way of the data, one way and no step back: files → [`input`] → `Draft` → [`mesh::validate()`] → `Scenario` →
//! [`program::compile`] → `Program` → [`engine::run`] → `RunRecord` → [`metrics::estimate()`] → `Results` → [`output`].
//!
//! A whole run:
//!
//! ```
//! use sim::experiment::{self, Plan};
//! use sim::mesh::{profile, validate};
//! use sim::metrics::{Scope, Statistic, estimate};
//! use sim::{input, program};
//!
//! let (draft, _, mut problems) = input::load(&["topologies/chain-3.yaml".into()], &input::Options::default());
//! let mut scenario = validate(&draft, &mut problems).expect("a shipped topology is valid");
//! scenario.run.duration = sim::units::Span::from_seconds(5);
//!
//! let linkerd = profile::find("linkerd", None).expect("a shipped profile").model(4);
//! let program = program::compile(&scenario, &linkerd);
//! let outcome = experiment::run(&[program.clone()], Plan::Fixed(2), &false.into(), &|| {});
//! let results = estimate(&experiment::labels(&program), &outcome.records[0]);
//!
//! let p50 = results.get(Scope::Entry, "a", "response_time", Statistic::P50).expect("requests were measured");
//! assert!(p50.value > 0.005 && p50.value < 0.010, "{p50:?} seconds");
//! ```
//!
//! Modules stand in the order of the pipeline in `ARCHITECTURE.md`; each imports only what stands before it.

pub mod analytic;
pub mod cli;
pub mod diag;
pub mod digest;
pub mod engine;
pub mod experiment;
pub mod index;
pub mod input;
pub mod kernel;
pub mod mesh;
pub mod metrics;
pub mod output;
pub mod placement;
pub mod policy;
pub mod program;
pub mod topology;
pub mod units;
pub mod vocabulary;
