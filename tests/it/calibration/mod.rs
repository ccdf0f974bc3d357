//! Predicted beside measured: the set-ups on which real proxies were measured, as scenarios.
//!
//! Writes docs/calibration.md when run with `SIM_BLESS=1`, and otherwise checks that it is what it would write.

mod benchmark;
mod constants;
mod istio;
mod linkerd;
mod measured;
mod memory;
mod order;
mod page;
mod row;
mod seen;
mod sizing;
mod why;

use std::collections::BTreeSet;

use rayon::prelude::*;

use crate::common::blessed;
use row::Row;
use why::REASONS;

fn all() -> Vec<Row> {
    [measured::rows, istio::rows, benchmark::rows, linkerd::rows, memory::rows, constants::rows, sizing::rows]
        .par_iter()
        .flat_map_iter(|rows| rows())
        .collect()
}

#[test]
fn predictions_stay_within_the_bands_fixed_beforehand() {
    let rows = all();
    blessed("docs/calibration.md", &page::page(&rows, &istio::wake_ups()));
    let names = |wanted: &dyn Fn(&Row) -> bool| -> Vec<String> {
        rows.iter()
            .filter(|row| wanted(row))
            .map(|row| format!("{}, {}: {:+.1} %", row.setup, row.quantity.title(), row.error() * 100.0))
            .collect()
    };
    let impossible = names(&|row| !row.error().is_finite());
    assert!(impossible.is_empty(), "no numbers: {impossible:#?}");
    let own = names(&|row| row.outside() && row.is_own());
    assert!(own.is_empty(), "our own measurements outside their bands: {own:#?}");
    let unexplained = names(&|row| row.outside() && !REASONS.iter().any(|reason| reason.explains(row)));
    assert!(unexplained.is_empty(), "outside the bands without a reason: {unexplained:#?}");
    for reason in REASONS {
        assert!(rows.iter().any(|row| reason.explains(row)), "explains nothing: {}", reason.text);
    }
    every_proxy_and_quantity_has_a_row_that_was_not_fitted(&rows);
}

fn every_proxy_and_quantity_has_a_row_that_was_not_fitted(rows: &[Row]) {
    // All quantiles are latency.
    let kind = |quantity| match quantity {
        row::Quantity::P90 | row::Quantity::P99 => row::Quantity::P50,
        other => other,
    };
    // Constants that no run was compared with yet.
    let untested = [row::Quantity::StartUp, row::Quantity::Handshake];
    let kinds = |fitted: bool| -> BTreeSet<_> {
        let of = rows.iter().filter(|row| row.fitted() == fitted && !untested.contains(&row.quantity));
        of.map(|row| (row.proxy, kind(row.quantity))).collect()
    };
    let tested = kinds(false);
    let missing: Vec<_> = kinds(true).into_iter().filter(|kind| !tested.contains(kind)).collect();
    assert!(missing.is_empty(), "nothing but fitted rows: {missing:?}");
}
