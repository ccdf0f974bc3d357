//! What can be chosen: how endpoints are picked. One file per choice, one row in its table.

pub mod balance;
