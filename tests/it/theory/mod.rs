//! The simulation against queueing theory.

mod balancing;
mod networks;
pub(crate) mod rule;
mod scenarios;
mod source;
mod stations;
