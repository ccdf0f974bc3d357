//! Limits on results.

use crate::diag::Diagnostics;
use crate::index::IndexVec;
use crate::input::Draft;

use super::super::scenario::{Slo, SourceIdx, TrafficSource};
use super::placement::find_source;

pub(super) fn resolve(
    draft: &Draft,
    sources: &IndexVec<SourceIdx, TrafficSource>,
    diagnostics: &mut Diagnostics,
) -> Vec<Slo> {
    let mut slos = Vec::new();
    for slo in &draft.slos {
        let source = slo.entry.as_ref().map(|entry| find_source(entry, sources, diagnostics));
        if source != Some(None) {
            slos.push(Slo { source: source.flatten(), objective: slo.objective.clone() });
        }
    }
    slos
}
