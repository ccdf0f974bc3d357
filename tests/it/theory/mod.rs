//! The simulation against queueing theory.

mod balancing;
mod model;
mod networks;
pub(crate) mod rule;
mod scenarios;
mod source;
mod stations;
