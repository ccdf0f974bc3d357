//! Machines, zones and prices.

use crate::diag::{Code, Diagnostic, Diagnostics, closest, quote};
use crate::input::defaults;
use crate::input::draft::{ClusterDraft, NodesDraft, OthersDraft, PricesDraft};
use crate::input::tree::Located;
use crate::units::{Currency, Money};
use crate::vocabulary::NodeCores;

use super::super::prices::{self, PriceTable};
use super::super::scenario::{Nodes, Others};

/// Machines of one scenario: more than the largest clusters have.
const MAX_NODES: u32 = 100_000;

/// Services beside those of the scenario, and their endpoints: more than the largest clusters have.
const MOST_OTHERS: u32 = 1_000_000;
const MOST_OTHER_ENDPOINTS: u32 = 10_000_000;

/// What the cluster consists of.
pub(super) struct Machines {
    pub(super) zones: Vec<String>,
    pub(super) nodes: Nodes,
    pub(super) cores: NodeCores,
    pub(super) cross_zone_price: Money,
    pub(super) currency: Currency,
}

pub(super) fn resolve(written: &ClusterDraft, diagnostics: &mut Diagnostics) -> Machines {
    let table = match &written.prices {
        PricesDraft::Read(node) => prices::decode(node, diagnostics),
        // A file that could not be read has been reported.
        PricesDraft::Shipped | PricesDraft::File(_) => None,
    };
    let table = table.unwrap_or_else(prices::shipped);
    let zones = zones(written, diagnostics);
    let nothing = NodesDraft::default();
    let nodes = nodes(written.nodes.as_ref().unwrap_or(&nothing), &table, zones.len(), diagnostics);
    if let (Some(delay), [only]) = (&written.zone_delay, zones.as_slice())
        && !diagnostics.has_errors()
    {
        let message = format!("no call leaves {}, the only zone", quote(only));
        let diagnostic = Diagnostic::warning(Code::NotModelled, message).at(delay.location);
        diagnostics.push(diagnostic.hint("name several `zones`"));
    }
    // Machines that follow from requests are an estimate; only those the user has can be too small.
    let cores = match nodes.count {
        Some(_) => NodeCores::Shared,
        None => NodeCores::Unlimited,
    };
    Machines {
        zones,
        nodes,
        cores: written.cores.unwrap_or(cores),
        cross_zone_price: written.cross_zone_price.unwrap_or(table.cross_zone),
        currency: table.currency,
    }
}

fn zones(written: &ClusterDraft, diagnostics: &mut Diagnostics) -> Vec<String> {
    let Some(zones) = &written.zones else { return vec![defaults::ZONE.to_owned()] };
    if zones.value.is_empty() {
        let message = "a cluster lies in at least one zone";
        diagnostics.push(Diagnostic::error(Code::EmptyInput, message).at(zones.location));
        return vec![defaults::ZONE.to_owned()];
    }
    zones.value.iter().map(|zone| zone.value.clone()).collect()
}

fn nodes(written: &NodesDraft, table: &PriceTable, zones: usize, diagnostics: &mut Diagnostics) -> Nodes {
    let found = match &written.node_type {
        None => table.node_types.first(),
        Some(name) => {
            let found = table.node_types.iter().find(|row| row.name == name.value);
            if found.is_none() {
                let names = || table.node_types.iter().map(|row| row.name.as_str());
                let message = format!("the price table has no type of node {}", quote(&name.value));
                let hint = format!("it has {}", names().collect::<Vec<_>>().join(", "));
                let diagnostic = Diagnostic::error(Code::UnknownName, message).at(name.location).hint(hint);
                diagnostics.push(diagnostic.suggest(closest(&name.value, names())));
            }
            found
        }
    };
    let row = found.unwrap_or(&table.node_types[0]);
    if let Some(count) = &written.count {
        let problem = if count.value > MAX_NODES {
            Some((Code::TooLarge, format!("at most {MAX_NODES} nodes fit, not {}", count.value)))
        } else if (count.value as usize) < zones {
            Some((Code::InvalidValue, format!("{} nodes cannot stand in {zones} zones", count.value)))
        } else {
            None
        };
        if let Some((code, message)) = problem {
            let diagnostic = Diagnostic::error(code, message).at(count.location);
            diagnostics.push(diagnostic.hint("every zone gets as many as the others, and at least one"));
        }
    }
    Nodes {
        count: written.count.as_ref().map(|count| count.value),
        node_type: row.name.clone(),
        cores: written.cores.unwrap_or(row.cores),
        memory: written.memory.unwrap_or(row.memory),
        pods: written.pods.unwrap_or(defaults::PODS_PER_NODE),
        price: written.price.unwrap_or(row.price),
    }
}

/// Services that take no part in the traffic; one endpoint of each where nothing is written of them.
pub(super) fn others(written: Option<&OthersDraft>, diagnostics: &mut Diagnostics) -> Others {
    let Some(written) = written else { return Others::default() };
    let mut number = |of: &Option<Located<u32>>, what: &str, most: u32| {
        let Some(written) = of else { return None };
        if written.value > most {
            let message = format!("at most {most} {what} fit, not {}", written.value);
            diagnostics.push(Diagnostic::error(Code::TooLarge, message).at(written.location));
        }
        Some(written.value)
    };
    let services = number(&written.services, "other services", MOST_OTHERS).unwrap_or(0);
    let endpoints = number(&written.endpoints, "endpoints of other services", MOST_OTHER_ENDPOINTS);
    if let (0, Some(endpoints)) = (services, written.endpoints.as_ref().filter(|one| one.value > 0)) {
        let message = format!("{} endpoints have no service that they are of", endpoints.value);
        let diagnostic = Diagnostic::error(Code::InvalidValue, message).at(endpoints.location);
        diagnostics.push(diagnostic.hint("say how many `services` there are beside those of the scenario"));
    }
    Others { services: services.into(), endpoints: endpoints.unwrap_or(services).into() }
}
