//! The simulation against queueing theory.

mod balancing;
mod model;
mod networks;
mod pool_limits;
mod retries;
pub(crate) mod rule;
mod scenarios;
mod source;
mod stations;
