//! What can be chosen: how requests arrive, how endpoints are picked. One file per choice, one row in its table.

pub mod arrival;
pub mod balance;
