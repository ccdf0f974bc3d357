//! A deterministic service-mesh simulator: what a mesh costs and how it behaves, before you deploy it.

pub mod index;
pub mod kernel;
pub mod metrics;
pub mod units;
