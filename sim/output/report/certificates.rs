//! How long certificates take, and what they cost.

use super::super::comparison::{Comparison, certificates};
use super::escape;

pub(super) fn section(comparison: &Comparison<'_>) -> String {
    let Some(grid) = certificates(comparison) else { return String::new() };
    format!(
        "A proxy makes a key and asks for a certificate when its pod starts, and again before the one it has expires; the \
         authority signs for all at once. While it is down, proxies ask again and again and new pods wait; those whose \
         certificates have expired open no connection, and what needs one fails as `connect_failure`.\n\n**{}**\n\n{}",
        escape(&grid.title),
        grid.markdown()
    )
}
