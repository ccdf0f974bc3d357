//! How pods that come and go start, and how many there were.

use std::fmt::Write as _;

use super::super::comparison::{Comparison, lives};
use super::escape;

pub(super) fn section(comparison: &Comparison<'_>) -> String {
    let tables = lives(comparison);
    if tables.is_empty() {
        return String::new();
    }
    let mut text = "A pod is there when a node has it, its sandbox, its proxy and its application have started, and its \
                    endpoint is written; callers send to it when they have heard of that. When it is deleted, its endpoint \
                    is removed while its containers are told to end: what is sent to it after they are gone and before \
                    callers have heard of it fails as `stale_endpoint`.\n"
        .to_owned();
    for grid in tables {
        let _ = write!(text, "\n**{}**\n\n{}", escape(&grid.title), grid.markdown());
    }
    text
}
