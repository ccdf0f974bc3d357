//! The integration tests: one binary, one module per subject.

mod calibration;
mod cli;
mod common;
mod determinism;
mod drafts;
mod edges;
mod errors;
mod gateway_api;
mod inputs;
mod istio;
mod kubernetes;
mod linkerd;
mod observed;
mod random;
mod reference;
mod routes;
mod scenarios;
mod smi;
mod theory;
mod tidy;
mod topology;
