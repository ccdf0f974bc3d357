//! Every constant that the runs use and that nobody measured.

use crate::mesh::profile::{Assumption, Kind};

use super::super::comparison::Comparison;
use super::{code, escape, table};

pub(super) fn section(comparison: &Comparison<'_>) -> String {
    let mut rows: Vec<(&Assumption, Vec<&str>)> = Vec::new();
    let mut others = 0;
    for (used, results) in comparison.used.iter().zip(comparison.results()) {
        for assumption in used {
            if let Some((_, meshes)) = rows.iter_mut().find(|(known, _)| known.identity == assumption.identity) {
                meshes.push(&results.mesh);
            } else {
                rows.push((assumption, vec![&results.mesh]));
            }
        }
    }
    rows.retain(|(assumption, _)| {
        let is_assumed = assumption.quantity.provenance.kind == Kind::Assumed;
        others += usize::from(!is_assumed);
        is_assumed
    });
    if rows.is_empty() {
        return String::new();
    }
    let lines = rows.iter().map(|(assumption, meshes)| {
        let quantity = &assumption.quantity;
        let meshes: Vec<String> = meshes.iter().map(|mesh| escape(mesh)).collect();
        [
            assumption.paths.iter().map(|path| code(path)).collect::<Vec<_>>().join("<br>"),
            quantity.print(),
            quantity.print_range(),
            meshes.join(", "),
            escape(&quantity.provenance.source),
        ]
    });
    format!(
        "Constants that these runs use and that nobody measured. Others with a range that were measured, published or \
         read in source code: {others}. `sim models show MESH` lists everything.\n\n{}",
        table(["constant", "value", "range", "mesh", "grounds"], lines)
    )
}
