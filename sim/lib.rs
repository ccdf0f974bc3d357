//! A deterministic service-mesh simulator: what a mesh costs and how it behaves, before you deploy it.

pub mod analytic;
pub mod cli;
pub mod diag;
pub mod engine;
pub mod experiment;
pub mod index;
pub mod input;
pub mod kernel;
pub mod mesh;
pub mod metrics;
pub mod output;
pub mod policy;
pub mod program;
pub mod units;
pub mod vocabulary;
