//! The integration tests: one binary, one module per subject.

mod theory;
mod tidy;
