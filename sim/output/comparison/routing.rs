//! Where requests went: shares of the backends of each route, and each version's own numbers.

use crate::mesh::scenario::{Backend, Route};
use crate::metrics::{Estimate, Kind, Scope, Statistic, Unit};
use crate::output::Run;
use crate::output::table::name;
use crate::vocabulary::routing::RuleAction;

use super::Comparison;
use super::grid::{Column, Grid};

/// More tables of a sort are read by nobody; the files have all numbers.
const MOST: usize = 10;
/// Standard normal quantile of 0.975.
const NORMAL: f64 = 1.959_963_984_540_054;

/// For each route with several backends: the shares that it writes, and those of each mesh.
pub(in crate::output) fn splits(comparison: &Comparison<'_>) -> Vec<Grid> {
    let routes = &comparison.written.routes;
    routes.iter().filter_map(|route| split(comparison, route)).take(MOST).collect()
}

/// The shares of one route's backends; `None` where there is nothing to divide or nobody asked.
fn split(comparison: &Comparison<'_>, route: &Route) -> Option<Grid> {
    let backends = backends(comparison, route);
    if backends.len() < 2 {
        return None;
    }
    let mut columns = vec![Column::bare("written", Unit::Ratio)];
    columns.extend(comparison.runs.iter().map(|_| Column::full("", Unit::Ratio)));
    let meshes = comparison.results().map(|results| name(&results.mesh));
    let headers = std::iter::once("written".to_owned()).chain(meshes).collect();
    let title = format!("{} {}: share of the requests", route.resource.kind(), name(&route.name));
    let mut grid = Grid::new(title, columns).of("backend").with_headers(headers);
    let names: Vec<String> = backends.iter().map(|backend| backend_name(comparison, backend)).collect();
    let written = written(route, &backends);
    let measured: Vec<Option<Vec<Estimate>>> =
        comparison.runs.iter().map(|run| measured(run, route, &names)).collect();
    if measured.iter().all(Option::is_none) {
        return None;
    }
    for (row, backend) in names.iter().enumerate() {
        let mut numbers = vec![written.as_ref().map(|shares| bare(shares[row]))];
        numbers.extend(measured.iter().map(|shares| shares.as_ref().map(|shares| shares[row])));
        grid.add(backend, numbers);
    }
    grid.without_empty()
}

/// The services and subsets that a route names, each once.
fn backends<'r>(comparison: &Comparison<'_>, route: &'r Route) -> Vec<&'r Backend> {
    let mut backends: Vec<&Backend> = Vec::new();
    for rule in &route.rules {
        let RuleAction::Forward(weighted) = &rule.action else { continue };
        for weighted in weighted {
            let is_known = |known: &&&Backend| {
                backend_name(comparison, known) == backend_name(comparison, &weighted.backend)
            };
            let is_service = matches!(weighted.backend, Backend::Service { .. });
            if is_service && !backends.iter().any(|known| is_known(&known)) {
                backends.push(&weighted.backend);
            }
        }
    }
    backends
}

/// As the callee of an edge is called.
pub(in crate::output) fn backend_name(comparison: &Comparison<'_>, backend: &Backend) -> String {
    match backend {
        Backend::Missing { name, .. } => name.clone(),
        Backend::Service { service, subset, .. } => {
            let service = &comparison.written.services[*service];
            match subset {
                Some(subset) => format!("{}@{}", service.full_name(), service.subsets[*subset].name),
                None => service.full_name(),
            }
        }
    }
}

/// The share of each backend, where a single rule says it of every request that is sent on.
fn written(route: &Route, backends: &[&Backend]) -> Option<Vec<f64>> {
    let mut forwarding = route.rules.iter().filter_map(|rule| match &rule.action {
        RuleAction::Forward(weighted) => Some((rule, weighted)),
        _ => None,
    });
    let (rule, weighted) = forwarding.next()?;
    let sum: f64 = weighted.iter().map(|weighted| weighted.weight).sum();
    if forwarding.next().is_some() || !rule.matches.is_empty() || sum <= 0.0 {
        return None;
    }
    let share = |backend: &&Backend| {
        let own = weighted.iter().filter(|weighted| weighted.backend == **backend);
        own.map(|weighted| weighted.weight).sum::<f64>() / sum
    };
    Some(backends.iter().map(share).collect())
}

/// The share of each backend in the calls that the route is for, with the binomial interval; `None` without calls.
fn measured(run: &Run<'_>, route: &Route, names: &[String]) -> Option<Vec<Estimate>> {
    let edges = &run.labels.edges;
    let is_meant = |caller: &str| {
        let from_gateway = caller.starts_with("gateway:");
        let by_nobody = caller.starts_with("outside:");
        (from_gateway && !route.gateways.is_empty()) || (route.mesh && !from_gateway && !by_nobody)
    };
    let leads_to = |edge: usize, name: &str| edges[edge].callee == name && is_meant(&edges[edge].caller);
    // Where a waypoint chooses, the way to it is no choice.
    let of_waypoint = |edge: usize| edges[edge].caller.starts_with("waypoint:");
    let chosen =
        (0..edges.len()).any(|edge| of_waypoint(edge) && names.iter().any(|name| leads_to(edge, name)));
    let calls = |name: &String| -> f64 {
        let meant = (0..edges.len()).filter(|&edge| leads_to(edge, name) && (!chosen || of_waypoint(edge)));
        let calls = meant.map(|edge| run.records.iter().map(|record| record.edges[edge].calls).sum::<u64>());
        calls.sum::<u64>() as f64
    };
    let calls: Vec<f64> = names.iter().map(calls).collect();
    let all: f64 = calls.iter().sum();
    (all > 0.0).then(|| calls.iter().map(|&own| binomial(own, all)).collect())
}

/// A share of independent cases, with its 95 % interval by the normal approximation.
fn binomial(cases: f64, of: f64) -> Estimate {
    let share = cases / of;
    let half_width = NORMAL * (share * (1.0 - share) / of).sqrt();
    Estimate { interval: Some((share - half_width, share + half_width)), ..bare(share) }
}

const fn bare(value: f64) -> Estimate {
    Estimate { value, interval: None, model: None, kind: Kind::Exact }
}

/// For each service with versions: what each of them did under each mesh.
pub(in crate::output) fn versions(comparison: &Comparison<'_>) -> Vec<Grid> {
    let labels = comparison.runs[comparison.baseline].labels;
    let services = labels.services.iter().enumerate();
    let tables = services.filter_map(|(service, name)| of_service(comparison, service, name));
    tables.take(MOST).collect()
}

fn of_service(comparison: &Comparison<'_>, service: usize, title: &str) -> Option<Grid> {
    let columns = vec![
        Column::bare("requests", Unit::PerSecond),
        Column::bare("share", Unit::Ratio),
        Column::bare("errors", Unit::Ratio),
        Column::bare("p50", Unit::Seconds),
        Column::bare("p90", Unit::Seconds),
        Column::bare("p99", Unit::Seconds),
    ];
    let title = format!("{}: its versions, at the instances", name(title));
    let mut grid = Grid::new(title, columns).of("version");
    let labels = comparison.runs[comparison.baseline].labels;
    let versions: Vec<&str> =
        labels.versions.iter().filter(|one| one.service == service).map(|one| one.name.as_str()).collect();
    for version in &versions {
        let short = version.rsplit_once('@').map_or(*version, |(_, short)| short);
        for results in comparison.results() {
            let find = |version: &str, metric, statistic| {
                results.get(Scope::Version, version, metric, statistic).copied()
            };
            let rate =
                |version: &str| find(version, "throughput", Statistic::Mean).map_or(0.0, |rate| rate.value);
            let all: f64 = versions.iter().map(|version| rate(version)).sum();
            let numbers = vec![
                find(version, "throughput", Statistic::Mean),
                (all > 0.0).then(|| bare(rate(version) / all)),
                find(version, "error_ratio", Statistic::Mean),
                find(version, "response_time", Statistic::P50),
                find(version, "response_time", Statistic::P90),
                find(version, "response_time", Statistic::P99),
            ];
            grid.add(&format!("{short} under {}", results.mesh), numbers);
        }
    }
    (!versions.is_empty()).then_some(grid)
}
