//! The integration tests: one binary, one module per subject.

mod calibration;
mod common;
mod determinism;
mod theory;
mod tidy;
