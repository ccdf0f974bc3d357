//! `sim init`: a commented scenario to start from.

use clap::Args;

use super::{Exit, print};

/// Printed by `sim init`; a test runs it.
pub(super) const STARTER: &str = include_str!("starter.yaml");

#[derive(Debug, Args)]
pub(super) struct InitArguments {}

pub(super) fn execute(_arguments: &InitArguments) -> Exit {
    print(STARTER);
    Exit::Done
}
