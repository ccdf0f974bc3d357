//! What tests of several policies need.

use crate::kernel::rng::{Purpose, Stream};

/// The random numbers of a test.
pub(super) fn stream(replication: u32) -> Stream {
    Stream::new(7, Purpose(1), "balance", replication)
}

/// Fails unless `counts` look like draws with probabilities `expected`: Pearson's statistic over the cells that can
/// occur, normalised by mean and deviation of its χ² law, stays below 4.5.
pub(super) fn assert_shares(counts: &[u32], expected: &[f64]) {
    let total: f64 = counts.iter().copied().map(f64::from).sum();
    let (mut statistic, mut cells) = (0.0, 0.0);
    for (&count, &share) in counts.iter().zip(expected) {
        if share == 0.0 {
            assert_eq!(count, 0, "what cannot happen has happened: {counts:?}");
            continue;
        }
        let difference = f64::from(count) - total * share;
        statistic += difference * difference / (total * share);
        cells += 1.0;
    }
    if cells == 1.0 {
        return;
    }
    let freedom: f64 = cells - 1.0;
    let normal = (statistic - freedom) / (2.0 * freedom).sqrt();
    assert!(normal < 4.5, "{normal:.2} deviations from {expected:?}: {counts:?}");
}

/// Equal shares.
pub(super) fn equal(cells: usize) -> Vec<f64> {
    vec![1.0 / cells as f64; cells]
}
