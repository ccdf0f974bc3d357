//! Every constant that the runs use and that nobody measured.

use crate::experiment::model::merged;
use crate::mesh::profile::{Assumption, Kind};

use super::super::comparison::Comparison;
use super::{code, escape, table};

pub(super) fn section(comparison: &Comparison<'_>) -> String {
    let all = merged(comparison.used);
    let (rows, others): (Vec<_>, Vec<_>) =
        all.iter().partition(|(assumption, _)| assumption.quantity.provenance.kind == Kind::Assumed);
    if rows.is_empty() {
        return String::new();
    }
    format!(
        "Constants that these runs use and that nobody measured. Others with a range that were measured, published or \
         read in source code: {}. `sim models show MESH` lists everything.\n\n{}",
        others.len(),
        listed(comparison, &rows)
    )
}

/// A table of assumptions with the meshes that have them.
pub(super) fn listed(comparison: &Comparison<'_>, rows: &[&(Assumption, Vec<usize>)]) -> String {
    let meshes: Vec<&str> = comparison.results().map(|results| results.mesh.as_str()).collect();
    let lines = rows.iter().map(|(assumption, having)| {
        let quantity = &assumption.quantity;
        let meshes: Vec<String> = having.iter().map(|&mesh| escape(meshes[mesh])).collect();
        [
            assumption.paths.iter().map(|path| code(path)).collect::<Vec<_>>().join("<br>"),
            quantity.print(),
            quantity.print_range(),
            meshes.join(", "),
            escape(&quantity.provenance.source),
        ]
    });
    table(["constant", "value", "range", "mesh", "grounds"], lines)
}
