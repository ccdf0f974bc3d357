//! The integration tests: one binary, one module per subject.

mod calibration;
mod cli;
mod common;
mod determinism;
mod errors;
mod inputs;
mod istio;
mod kubernetes;
mod observed;
mod random;
mod reference;
mod scenarios;
mod theory;
mod tidy;
mod topology;
