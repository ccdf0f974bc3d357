//! A log-linear histogram whose pages come into being when a value falls on them.
//!
//! Services and edges number thousands, and most of their values fall within two or three octaves, so a page covers one
//! octave: 128 equal cells, hence a relative error below 1/256 at the cell's middle. Empty octaves cost a pointer.

/// log₂ of the number of cells per octave.
const CELL_BITS: u32 = 7;
const CELLS: usize = 1 << CELL_BITS;
/// Octave 0 holds 0..128 exactly; octave k holds [2^(k+6), 2^(k+7)).
const OCTAVES: usize = 64 - CELL_BITS as usize + 1;

/// Counts of 64-bit values with a relative error below 0.4 %.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogHistogram {
    pages: Vec<Option<Box<[u64; CELLS]>>>,
    count: u64,
    sum: u128,
    max: u64,
}

impl LogHistogram {
    /// An empty histogram; it allocates nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts `value`.
    #[inline]
    pub fn record(&mut self, value: u64) {
        let (octave, cell) = place(value);
        if octave >= self.pages.len() || self.pages[octave].is_none() {
            self.open(octave);
        }
        if let Some(page) = &mut self.pages[octave] {
            page[cell] += 1;
        }
        self.count += 1;
        self.sum += u128::from(value);
        self.max = self.max.max(value);
    }

    #[cold]
    fn open(&mut self, octave: usize) {
        if octave >= self.pages.len() {
            self.pages.resize(octave + 1, None);
        }
        self.pages[octave] = Some(Box::new([0; CELLS]));
    }

    /// Forgets every value, but keeps the pages.
    pub fn clear(&mut self) {
        if self.count > 0 {
            for page in self.pages.iter_mut().flatten() {
                page.fill(0);
            }
        }
        (self.count, self.sum, self.max) = (0, 0, 0);
    }

    /// Adds the counts of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (octave, page) in other.pages.iter().enumerate() {
            let Some(page) = page else { continue };
            if octave >= self.pages.len() || self.pages[octave].is_none() {
                self.open(octave);
            }
            if let Some(own) = &mut self.pages[octave] {
                for (mine, theirs) in own.iter_mut().zip(page.iter()) {
                    *mine += theirs;
                }
            }
        }
        self.count += other.count;
        self.sum += other.sum;
        self.max = self.max.max(other.max);
    }

    /// Number of values.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Exact mean; 0 when empty.
    pub fn mean(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum as f64 / self.count as f64 }
    }

    /// Exact largest value; 0 when empty.
    pub const fn max(&self) -> u64 {
        self.max
    }

    /// The middle of the cell that holds the smallest value with at least `quantile · count` values at or below it.
    pub fn quantile(&self, quantile: f64) -> u64 {
        let rank = ((quantile * self.count as f64).ceil() as u64).clamp(1, self.count.max(1));
        let mut seen = 0;
        for (octave, page) in self.pages.iter().enumerate() {
            let Some(page) = page else { continue };
            for (cell, &count) in page.iter().enumerate() {
                seen += count;
                if seen >= rank {
                    return middle(octave, cell).min(self.max);
                }
            }
        }
        self.max
    }
}

/// The page and the cell of a value.
#[inline]
fn place(value: u64) -> (usize, usize) {
    let bits = 64 - value.leading_zeros();
    if bits <= CELL_BITS {
        return (0, value as usize);
    }
    let shift = bits - CELL_BITS - 1;
    // The leading one is dropped: the top CELL_BITS bits below it name the cell.
    ((shift + 1) as usize, (value >> shift) as usize & (CELLS - 1))
}

/// The middle of a cell.
fn middle(octave: usize, cell: usize) -> u64 {
    debug_assert!(octave < OCTAVES);
    if octave == 0 {
        return cell as u64;
    }
    let shift = octave as u32 - 1;
    let low = (CELLS as u64 + cell as u64) << shift;
    low + ((1_u64 << shift) >> 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_value_stands_within_half_a_percent_of_its_cell(value in any::<u64>(), shift in 0_u32..64) {
            let value = value >> shift;
            let (octave, cell) = place(value);
            let error = middle(octave, cell).abs_diff(value);
            prop_assert!(error as f64 <= value as f64 / 250.0, "{value}: {error}");
        }

        #[test]
        fn quantiles_are_those_of_the_sorted_values(mut values in prop::collection::vec(0_u64..10_000_000, 1..200), p in 0.0_f64..1.0) {
            let mut histogram = LogHistogram::new();
            for &value in &values {
                histogram.record(value);
            }
            values.sort_unstable();
            let rank = ((p * values.len() as f64).ceil() as usize).clamp(1, values.len());
            let exact = values[rank - 1];
            prop_assert!(histogram.quantile(p).abs_diff(exact) as f64 <= exact as f64 / 250.0);
            prop_assert_eq!(histogram.max(), values[values.len() - 1]);
        }

        #[test]
        fn merging_counts_as_if_recorded_together(left in prop::collection::vec(any::<u32>(), 0..50), right in prop::collection::vec(any::<u32>(), 0..50)) {
            let fill = |values: &[u32]| {
                let mut histogram = LogHistogram::new();
                for &value in values {
                    histogram.record(u64::from(value));
                }
                histogram
            };
            let mut cleared = fill(&right);
            cleared.clear();
            for &value in &left {
                cleared.record(u64::from(value));
            }
            prop_assert_eq!((cleared.count(), cleared.mean(), cleared.quantile(0.5)), (left.len() as u64, fill(&left).mean(), fill(&left).quantile(0.5)));
            let mut merged = fill(&left);
            merged.merge(&fill(&right));
            let together = fill(&[left, right].concat());
            prop_assert_eq!((merged.count(), merged.mean(), merged.quantile(0.5)), (together.count(), together.mean(), together.quantile(0.5)));
        }
    }
}
