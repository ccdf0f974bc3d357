//! The simulation against queueing theory.

mod balancing;
mod model;
mod networks;
mod retries;
pub(crate) mod rule;
mod scenarios;
mod source;
mod stations;
