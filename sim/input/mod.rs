//! Reading the user's files.

pub mod fields;
pub mod tree;
