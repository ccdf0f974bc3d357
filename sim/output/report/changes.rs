//! How long changes of configuration take, and what they cost.

use std::fmt::Write as _;

use super::super::comparison::{Comparison, changes};
use super::escape;

pub(super) fn section(comparison: &Comparison<'_>) -> String {
    let tables = changes(comparison);
    if tables.is_empty() {
        return String::new();
    }
    let mut text = "From the moment at which routes or policies are changed until each proxy that the change concerns \
                    works by it. A control plane that pushes gathers changes first; one of streams sends each at once to \
                    the proxies that call the service; without a mesh there is nobody to tell.\n"
        .to_owned();
    for grid in tables {
        let _ = write!(text, "\n**{}**\n\n{}", escape(&grid.title), grid.markdown());
    }
    text
}
