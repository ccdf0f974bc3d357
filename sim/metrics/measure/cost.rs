//! Machines and money: what must be rented, and what of it is used.

use super::super::record::{NodeRecord, RunRecord};
use super::super::results::Unit;
use super::super::section::Sample;
use super::{MEAN, Measure, TOTAL, rate};
use crate::units::Currency;

/// Hours of a month, as clouds bill: 365 · 24 / 12.
const MONTH_HOURS: f64 = 730.0;
const HOUR_SECONDS: f64 = 3600.0;
/// Bytes of the GB that clouds bill.
const GIGABYTE: f64 = 1e9;

/// The estimate puts the currency of the price table in its place.
const MONEY: Unit = Unit::Money(Currency::USD);

/// A node counts by whatever is scarcer, CPU or memory. Reserved is what requests take, used what was measured. Where the
/// user says how many nodes there are, only the reserved part of them costs, so that meshes can be told apart.
pub(super) const MEASURES: &[Measure] = &[
    Measure::new("nodes", Unit::Count, TOTAL, |record, _, _| {
        Some(Sample::without_interval(record.nodes.len() as f64))
    })
    .added_as("nodes_added"),
    Measure::new("nodes_reserved", Unit::Count, TOTAL, |record, _, _| {
        Some(Sample::without_interval(nodes_reserved(record)))
    })
    .added_as("nodes_reserved_added"),
    Measure::new("nodes_used", Unit::Count, TOTAL, |record, _, _| nodes_used(record))
        .added_as("nodes_used_added"),
    Measure::new("reserved_ratio", Unit::Ratio, MEAN, |record, _, _| {
        Sample::ratio(nodes_reserved(record), record.nodes.len() as f64)
            .map(|sample| Sample::without_interval(sample.value))
    }),
    Measure::new("cost_reserved", MONEY, TOTAL, |record, _, _| {
        let rented = if record.machines.given { nodes_reserved(record) } else { record.nodes.len() as f64 };
        Some(Sample::without_interval(rented * month_price(record)))
    })
    .added_as("cost_reserved_added"),
    Measure::new("cost_used", MONEY, TOTAL, |record, _, _| {
        nodes_used(record).map(|nodes| Sample { value: nodes.value * month_price(record), ..nodes })
    })
    .added_as("cost_used_added"),
];

/// Only where there are several zones.
pub(super) const ACROSS_ZONES: &[Measure] = &[
    Measure::new("cross_zone_traffic", Unit::BytesPerSecond, TOTAL, |record, _, _| cross_zone_rate(record))
        .added_as("cross_zone_traffic_added"),
    Measure::new("cross_zone_cost", MONEY, TOTAL, |record, _, _| {
        let month = MONTH_HOURS * HOUR_SECONDS / GIGABYTE * record.machines.gigabyte_price;
        cross_zone_rate(record).map(|rate| Sample { value: rate.value * month, ..rate })
    })
    .added_as("cross_zone_cost_added"),
];

/// Nodes that the requests would fill.
fn nodes_reserved(record: &RunRecord) -> f64 {
    let sum = |of: fn(&NodeRecord) -> f64| record.nodes.iter().map(of).sum::<f64>();
    let cpu = sum(|node| node.cpu_reserved) / record.machines.cores;
    let memory = sum(|node| node.memory_reserved as f64) / record.machines.memory as f64;
    cpu.max(memory)
}

/// Nodes that the use would fill.
fn nodes_used(record: &RunRecord) -> Option<Sample> {
    let sum = |of: fn(&NodeRecord) -> f64| record.nodes.iter().map(of).sum::<f64>();
    let cpu = Sample::ratio(sum(|node| node.cpu as f64), record.machines.cores * record.window as f64)?;
    let memory = sum(|node| node.memory_mean) / record.machines.memory as f64;
    Some(Sample::exact(cpu.value.max(memory)))
}

/// Price of one node for a month.
fn month_price(record: &RunRecord) -> f64 {
    record.machines.hour_price * MONTH_HOURS
}

fn cross_zone_rate(record: &RunRecord) -> Option<Sample> {
    rate(record.zone_bytes.iter().sum(), record.window)
}

#[cfg(test)]
mod tests {
    use super::super::super::record::MachineRecord;
    use super::super::super::results::Statistic;
    use super::*;

    /// Two machines of 4 cores and 16 GB at 0.2 an hour, one second.
    fn record(given: bool) -> RunRecord {
        let machines = MachineRecord {
            cores: 4.0,
            memory: 16_000_000_000,
            given,
            shared: false,
            hour_price: 0.2,
            gigabyte_price: 0.02,
        };
        let node = NodeRecord {
            cpu: 500_000_000,
            memory_mean: 4e9,
            cpu_reserved: 3.0,
            memory_reserved: 2_000_000_000,
            pods: 3,
        };
        let zone_bytes = vec![0, 600, 400, 0];
        RunRecord {
            window: 1_000_000_000,
            nodes: vec![node; 2],
            machines,
            zone_bytes,
            ..RunRecord::default()
        }
    }

    #[track_caller]
    fn check(record: &RunRecord, metric: &str, expected: f64) {
        let measure = MEASURES.iter().chain(ACROSS_ZONES).find(|measure| measure.metric == metric);
        let value = (measure.expect("a measure").of)(record, 0, Statistic::Total).expect("a value").value;
        assert!((value - expected).abs() < 1e-9 * expected, "{metric}: {value} instead of {expected}");
    }

    #[test]
    fn the_scarcer_resource_counts() {
        let packed = record(false);
        check(&packed, "nodes", 2.0);
        // 6 of 8 cores and 4 of 32 GB are reserved; 1 of 8 cores and 8 of 32 GB are used.
        check(&packed, "nodes_reserved", 1.5);
        check(&packed, "reserved_ratio", 0.75);
        check(&packed, "nodes_used", 0.5);
        check(&packed, "cost_reserved", 2.0 * 0.2 * 730.0);
        check(&packed, "cost_used", 0.5 * 0.2 * 730.0);
    }

    #[test]
    fn of_given_nodes_the_reserved_part_costs() {
        check(&record(true), "cost_reserved", 1.5 * 0.2 * 730.0);
    }

    #[test]
    fn bytes_between_zones_cost_by_the_gigabyte() {
        check(&record(false), "cross_zone_traffic", 1000.0);
        // 1 kB a second is 2.628 GB a month.
        check(&record(false), "cross_zone_cost", 2.628 * 0.02);
    }
}
