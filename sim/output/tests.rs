//! Every output of made-up records: as snapshots, parsed back, and with nasty names.

mod disk;
mod text;

use super::*;
use crate::metrics::synthetic::{full_labels, full_record};
use crate::metrics::{difference, estimate};

/// Labels, records and results of a mesh.
struct Made {
    labels: Labels,
    records: Vec<RunRecord>,
    results: Results,
}

impl Made {
    fn run(&self) -> Run<'_> {
        Run { labels: &self.labels, records: &self.records, results: &self.results }
    }

    fn file(&self, path: &str) -> String {
        let file = render(&self.run()).into_iter().find(|file| file.path == path);
        let bytes = file.unwrap_or_else(|| panic!("no {path}")).bytes;
        String::from_utf8(bytes).expect("outputs are text")
    }
}

/// The made-up scenario without a mesh.
fn none(replications: u64) -> Made {
    let labels = full_labels("none", false);
    let records: Vec<_> = (0..replications).map(|number| full_record(number, 1000, false)).collect();
    let results = estimate(&labels, &records);
    Made { labels, records, results }
}

/// The same with proxies that add 0.4 ms to each request, against [`none`].
fn istio(replications: u64) -> Made {
    let labels = full_labels("istio-sidecar", true);
    let records: Vec<_> = (0..replications).map(|number| full_record(number, 1000, true)).collect();
    let added = difference(&labels, &records, &none(replications).records);
    let results = estimate(&labels, &records).with_baseline("none", added);
    Made { labels, records, results }
}
