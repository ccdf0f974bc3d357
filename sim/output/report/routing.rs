//! What each mesh makes of the scenario's routes and policies, and where the requests went.

use std::fmt::Write as _;

use crate::vocabulary::routing::Resource;

use super::super::comparison::{Comparison, splits, versions};
use super::{escape, table};

pub(super) fn section(comparison: &Comparison<'_>) -> String {
    let mut text = acting(comparison);
    let (splits, versions) = (splits(comparison), versions(comparison));
    if !splits.is_empty() {
        text += "\nShares as written and as measured, with the 95 % interval of so many independent requests; where \
                 several rules or conditions share the backends nothing is written of all requests. A mesh that cannot \
                 divide the requests sends them to the service as a whole, and has no share here.\n";
    }
    for grid in splits.iter().chain(&versions) {
        let _ = write!(text, "\n**{}**\n\n{}", escape(&grid.title), grid.markdown());
    }
    text
}

/// How many routes and policies act under each mesh; nothing where there are none.
fn acting(comparison: &Comparison<'_>) -> String {
    let written = comparison.written;
    if written.routes.is_empty() && written.policies.is_empty() {
        return String::new();
    }
    let rows = comparison.profiles.iter().zip(comparison.results()).map(|(profile, results)| {
        let left = profile.possible(written);
        let whole = |now: usize, before: usize| {
            if before == 0 { "–".to_owned() } else { format!("{now} of {before}") }
        };
        // What is left of one keeps its place, so equal ones count as whole.
        let routes = written.routes.iter().filter(|route| left.routes.contains(route)).count();
        let policies = written.policies.iter().filter(|policy| left.policies.contains(policy)).count();
        let said = profile.impossible(written);
        let said = if said.is_empty() { "–".to_owned() } else { escape(&said.join("; ")) };
        [
            escape(&results.mesh),
            whole(routes, written.routes.len()),
            whole(policies, written.policies.len()),
            said,
        ]
    });
    let mut kinds: Vec<&str> = Vec::new();
    let resources = written.routes.iter().map(|route| route.resource);
    for resource in resources.chain(written.policies.iter().map(|policy| policy.resource)) {
        let kind = if resource == Resource::Scenario { "the scenario" } else { resource.kind() };
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    format!(
        "Routes and policies come from: {}. How many of them act as a whole, and what is left out or done otherwise:\n\n{}",
        kinds.join(", "),
        table(["mesh", "routes", "policies", "left out or done otherwise"], rows)
    )
}
