//! What each mesh makes of the scenario's routes and policies, and where the requests went.

use std::fmt::Write as _;

use crate::mesh::scenario::Backend;
use crate::vocabulary::routing::{Resource, Rule, RuleAction};

use super::super::comparison::{Comparison, backend_name, splits, versions};
use super::super::routes::impossible;
use super::{code, escape, table};

/// Rules that are shown of all routes together.
const MOST_RULES: usize = 30;

pub(super) fn section(comparison: &Comparison<'_>) -> String {
    let mut text = acting(comparison);
    let (splits, versions) = (splits(comparison), versions(comparison));
    if !splits.is_empty() {
        text += "\nShares as written and as measured, with the 95 % interval of so many independent requests; where \
                 several rules or conditions share the backends nothing is written of all requests. A mesh that cannot \
                 divide the requests sends them to the service as a whole, and has no share here.\n";
    }
    if !splits.is_empty() {
        text += &rules(comparison);
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
        let (lacking, others) = impossible(&profile.impossible(written));
        let lacking: Vec<String> = lacking.iter().map(|feature| code(feature)).collect();
        let mut said: Vec<String> = others.iter().map(|other| escape(other)).collect();
        if !lacking.is_empty() {
            said.insert(0, format!("not possible: {}", lacking.join(", ")));
        }
        let said = if said.is_empty() { "–".to_owned() } else { said.join("<br>") };
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
        "Routes and policies come from: {}. How many of them act as a whole, and what is left out, so that \
         the mesh's own way holds, or done otherwise:\n\n{}",
        kinds.join(", "),
        table(["mesh", "routes", "policies", "left out or done otherwise"], rows)
    )
}

/// The weights of each rule that divides or directs requests.
fn rules(comparison: &Comparison<'_>) -> String {
    let of_route = comparison.written.routes.iter().flat_map(|route| {
        let rules = route.rules.iter().enumerate();
        rules.filter_map(|(number, rule)| {
            let weights = weights(comparison, rule)?;
            let when = if rule.matches.is_empty() { "" } else { ", behind a condition" };
            Some(format!(
                "- {} {}, rule {}{when}: {weights}\n",
                route.resource.kind(),
                escape(&route.name),
                number + 1
            ))
        })
    });
    let lines: Vec<String> = of_route.collect();
    let more = match lines.len().saturating_sub(MOST_RULES) {
        0 => String::new(),
        more => format!("- and {more} more\n"),
    };
    format!("\n{}{more}", lines.into_iter().take(MOST_RULES).collect::<String>())
}

/// Backends with their shares; `None` of a rule that names none.
fn weights(comparison: &Comparison<'_>, rule: &Rule<Backend>) -> Option<String> {
    let RuleAction::Forward(weighted) = &rule.action else { return None };
    let sum: f64 = weighted.iter().map(|weighted| weighted.weight).sum();
    let share = |weight: f64| if sum > 0.0 { 100.0 * weight / sum } else { 0.0 };
    let each = weighted.iter().map(|weighted| {
        let name = escape(&backend_name(comparison, &weighted.backend));
        // Three decimals at most, and none where it is whole.
        format!("{name} {} %", (share(weighted.weight) * 1000.0).round() / 1000.0)
    });
    (!weighted.is_empty()).then(|| each.collect::<Vec<_>>().join(", "))
}
