//! A log-linear histogram whose pages come into being when a value falls on them.
//!
//! Services and edges number thousands, and most of their values fall within two or three octaves, so a page covers one
//! octave: 128 equal cells, hence a relative error below 1/256 at the cell's middle. Empty octaves cost a byte.

/// log₂ of the number of cells per octave.
const CELL_BITS: u32 = 7;
const CELLS: usize = 1 << CELL_BITS;
/// Octave 0 holds 0..128 exactly; octave k holds [2^(k+6), 2^(k+7)).
const OCTAVES: usize = 64 - CELL_BITS as usize + 1;

/// Counts of 64-bit values with a relative error below 0.4 %; at most 2³² of them in one cell.
///
/// It fills two lines of a cache, lest it touch three.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub struct LogHistogram {
    /// Per octave, one more than the position of its page; 0 where no value has fallen. Kept beside the sums, so that
    /// counting a value touches the histogram itself and one cell.
    pages: [u8; OCTAVES],
    /// The pages one after the other.
    cells: Vec<u32>,
    count: u64,
    sum: u128,
    max: u64,
}

impl Default for LogHistogram {
    fn default() -> Self {
        Self { pages: [0; OCTAVES], cells: Vec::new(), count: 0, sum: 0, max: 0 }
    }
}

/// Equal counts, in whatever order the pages came into being.
impl PartialEq for LogHistogram {
    fn eq(&self, other: &Self) -> bool {
        let empty = [0; CELLS];
        (self.count, self.sum, self.max) == (other.count, other.sum, other.max)
            && (0..OCTAVES)
                .all(|octave| self.page(octave).unwrap_or(&empty) == other.page(octave).unwrap_or(&empty))
    }
}

impl Eq for LogHistogram {}

impl LogHistogram {
    /// An empty histogram; it allocates nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts `value`.
    #[inline]
    pub fn record(&mut self, value: u64) {
        let (octave, cell) = place(value);
        let page = match self.pages[octave] {
            0 => self.open(octave),
            page => page,
        };
        self.cells[(page as usize - 1) * CELLS + cell] += 1;
        self.count += 1;
        self.sum += u128::from(value);
        self.max = self.max.max(value);
    }

    #[cold]
    fn open(&mut self, octave: usize) -> u8 {
        self.cells.resize(self.cells.len() + CELLS, 0);
        self.pages[octave] = (self.cells.len() / CELLS) as u8;
        self.pages[octave]
    }

    /// The cells of an octave, if any value has fallen on it.
    fn page(&self, octave: usize) -> Option<&[u32]> {
        let page = self.pages[octave] as usize;
        self.cells.chunks_exact(CELLS).nth(page.checked_sub(1)?)
    }

    /// Forgets every value, but keeps the pages.
    pub fn clear(&mut self) {
        if self.count > 0 {
            self.cells.fill(0);
        }
        (self.count, self.sum, self.max) = (0, 0, 0);
    }

    /// Adds the counts of `other`.
    pub fn merge(&mut self, other: &Self) {
        for octave in 0..OCTAVES {
            let Some(theirs) = other.page(octave) else { continue };
            let page = match self.pages[octave] {
                0 => self.open(octave),
                page => page,
            } as usize;
            for (mine, theirs) in self.cells[(page - 1) * CELLS..page * CELLS].iter_mut().zip(theirs) {
                *mine += theirs;
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
        for octave in 0..OCTAVES {
            let Some(page) = self.page(octave) else { continue };
            for (cell, &count) in page.iter().enumerate() {
                seen += u64::from(count);
                if seen >= rank {
                    return middle(octave, cell).min(self.max);
                }
            }
        }
        self.max
    }
}

/// Values that wait before they are counted.
const WAITING: usize = 2048;
/// So few histograms are at hand anyway: nothing waits.
const FEW: usize = 256;

/// Many histograms, counted into at random. A value waits until there are many and is then counted with the others: one
/// after the other each would stand still for memory that is far away, together they wait for it side by side.
#[derive(Clone, Debug, Default)]
pub struct Histograms {
    all: Vec<LogHistogram>,
    waiting: Vec<(u32, u64)>,
}

impl Histograms {
    /// So many empty ones.
    pub fn new(count: usize) -> Self {
        Self { all: vec![LogHistogram::new(); count], waiting: Vec::new() }
    }

    /// Counts `value` in the histogram at `place`, at the latest when somebody looks.
    #[inline]
    pub fn record(&mut self, place: usize, value: u64) {
        if self.all.len() <= FEW {
            self.all[place].record(value);
        } else {
            self.wait(place, value);
        }
    }

    /// Apart, so that counting at once needs no stack of its own.
    #[inline(never)]
    fn wait(&mut self, place: usize, value: u64) {
        if self.waiting.len() == WAITING {
            self.count();
        }
        self.waiting.push((place as u32, value));
    }

    fn count(&mut self) {
        for (place, value) in self.waiting.drain(..) {
            self.all[place as usize].record(value);
        }
    }

    /// All of them, with every value counted.
    pub fn all(&mut self) -> &mut [LogHistogram] {
        self.count();
        &mut self.all
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

    /// One after the other or many at a time, the counts are the same.
    #[test]
    fn many_histograms_count_as_each_by_itself() {
        for histograms in [FEW, FEW + 1] {
            let mut together = Histograms::new(histograms);
            let mut apart = vec![LogHistogram::new(); histograms];
            for number in 0..(3 * WAITING + 7) {
                let (place, value) = (number * 31 % histograms, (number * number) as u64);
                together.record(place, value);
                apart[place].record(value);
            }
            assert_eq!(together.all(), apart, "{histograms}");
        }
    }

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
