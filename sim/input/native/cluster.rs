//! The section `cluster`.

use crate::diag::{Code, Diagnostic, Diagnostics};
use crate::units::{Bytes, Cores, Money, UnitError};
use crate::vocabulary::NodeCores;

use crate::input::draft::{ClusterDraft, CoreSetDraft, NodesDraft, OthersDraft, PricesDraft};
use crate::input::fields::{self, Fields, list, located};
use crate::input::tree::{Located, Node};

use super::distribution::time;

pub(super) fn cluster(node: &Node, diagnostics: &mut Diagnostics) -> Option<ClusterDraft> {
    let default = ClusterDraft::default();
    let mut fields = Fields::new(node, "`cluster`", diagnostics);
    let cluster = ClusterDraft {
        network_delay: fields.read("network_delay", time).unwrap_or(default.network_delay),
        zone_delay: fields.read("zone_delay", located(time)),
        outside_delay: fields.read("outside_delay", time).unwrap_or(default.outside_delay),
        bandwidth: fields.read("bandwidth", bandwidth),
        cpu_speed: fields.read("cpu_speed", cpu_speed).unwrap_or(default.cpu_speed),
        core_sets: fields.read("core_sets", list(core_set)).unwrap_or_default(),
        nodes: fields.read("nodes", nodes),
        zones: fields.read("zones", located(list(located(fields::text)))),
        cross_zone_price: fields.read("cross_zone_price", money),
        cores: fields.read("cores", |node, diagnostics| {
            fields::choice(node, "`cores` of a cluster", NODE_CORES, diagnostics)
        }),
        prices: fields.read("prices", located(fields::text)).map_or(PricesDraft::Shipped, PricesDraft::File),
        others: fields.read("others", others),
    };
    fields.finish()?;
    Some(cluster)
}

fn others(node: &Node, diagnostics: &mut Diagnostics) -> Option<OthersDraft> {
    let mut fields = Fields::new(node, "`others`", diagnostics);
    let others = OthersDraft {
        services: fields.read("services", located(fields::u32)),
        endpoints: fields.read("endpoints", endpoints),
    };
    fields.finish()?;
    Some(others)
}

/// A number; `None` for `one_each`.
fn endpoints(node: &Node, diagnostics: &mut Diagnostics) -> Option<Located<u32>> {
    if node.text() == Some("one_each") { None } else { located(fields::u32)(node, diagnostics) }
}

const NODE_CORES: &[(&str, NodeCores)] =
    &[("shared", NodeCores::Shared), ("unlimited", NodeCores::Unlimited)];

fn nodes(node: &Node, diagnostics: &mut Diagnostics) -> Option<NodesDraft> {
    let mut fields = Fields::new(node, "`nodes`", diagnostics);
    let nodes = NodesDraft {
        count: fields.read("count", count),
        node_type: fields.read("type", located(fields::text)),
        cores: fields.read("cores", positive_cores),
        memory: fields.read("memory", positive_bytes),
        pods: fields.read("pods", fields::count),
        price: fields.read("price", money),
    };
    fields.finish()?;
    Some(nodes)
}

/// A number from 1; `None` for `auto`.
fn count(node: &Node, diagnostics: &mut Diagnostics) -> Option<Located<u32>> {
    if node.text() == Some("auto") { None } else { located(fields::count)(node, diagnostics) }
}

fn positive_cores(node: &Node, diagnostics: &mut Diagnostics) -> Option<Cores> {
    let cores = fields::cores(node, diagnostics)?;
    positive(cores > Cores::ZERO, "a node needs CPU", node, diagnostics).then_some(cores)
}

fn positive_bytes(node: &Node, diagnostics: &mut Diagnostics) -> Option<Bytes> {
    let bytes = fields::bytes(node, diagnostics)?;
    positive(bytes > Bytes::ZERO, "a node needs memory", node, diagnostics).then_some(bytes)
}

fn positive(holds: bool, message: &str, node: &Node, diagnostics: &mut Diagnostics) -> bool {
    if !holds {
        diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(node.location));
    }
    holds
}

fn money(node: &Node, diagnostics: &mut Diagnostics) -> Option<Money> {
    fields::parsed(node, "a price", diagnostics, Money::parse)
}

/// Bits per second: `10Gbit/s`, `500 Mbps`; `None` for `unlimited`.
fn bandwidth(node: &Node, diagnostics: &mut Diagnostics) -> Option<f64> {
    if node.text() == Some("unlimited") {
        return None;
    }
    fields::parsed(node, "a bandwidth", diagnostics, |text| {
        const UNITS: [(&str, f64); 4] = [("G", 1e9), ("M", 1e6), ("k", 1e3), ("", 1.0)];
        let error = || UnitError::new("write a bandwidth as 10Gbit/s or 500Mbit/s, above zero");
        let text = text.trim();
        let number = text.strip_suffix("bit/s").or_else(|| text.strip_suffix("bps")).ok_or_else(error)?;
        let (number, factor) = UNITS
            .iter()
            .find_map(|(prefix, factor)| Some((number.strip_suffix(prefix)?, *factor)))
            .ok_or_else(error)?;
        let bits: f64 = number.trim().parse().map_err(|_| error())?;
        let bits = bits * factor;
        if bits.is_finite() && bits > 0.0 { Ok(bits) } else { Err(error()) }
    })
}

fn cpu_speed(node: &Node, diagnostics: &mut Diagnostics) -> Option<f64> {
    let speed = fields::f64(node, diagnostics)?;
    // Outside this range it is a slip of the pen, and CPU times would vanish or overflow.
    if (0.01..=100.0).contains(&speed) {
        return Some(speed);
    }
    let message = "the CPU speed lies between 0.01 and 100 times the reference machine's";
    diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(node.location));
    None
}

fn core_set(node: &Node, diagnostics: &mut Diagnostics) -> Option<CoreSetDraft> {
    let mut fields = Fields::new(node, "a core set", diagnostics);
    let names = list(located(fields::text));
    let name = fields.need("name", located(fields::text));
    let services = fields.read("services", &names).unwrap_or_default();
    let sources = fields.read("sources", &names).unwrap_or_default();
    let cores = fields.read("cores", core_count).unwrap_or(1);
    fields.finish();
    Some(CoreSetDraft { name: name?, services, sources, cores })
}

fn core_count(node: &Node, diagnostics: &mut Diagnostics) -> Option<u32> {
    let cores = fields::count(node, diagnostics)?;
    if cores <= MOST_CORES {
        return Some(cores);
    }
    let message = format!("a core set has 1 to {MOST_CORES} cores");
    diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(node.location));
    None
}

/// More than any machine has: a slip of the pen.
const MOST_CORES: u32 = 1024;
