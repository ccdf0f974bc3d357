//! Random choices of the generator: each purpose has a stream of its own, so that one option shifts no other's draws.

use crate::kernel::Uniform;
use crate::kernel::rng::{Purpose, Stream};

use super::Law;

/// What is drawn.
#[derive(Clone, Copy, Debug)]
pub(super) enum Draw {
    FanOut = 1,
    Popularity,
    Leaves,
    Callers,
    Callees,
    Replicas,
    Work,
}

/// The stream of a purpose.
pub(super) fn stream(seed: u64, draw: Draw) -> Stream {
    Stream::new(seed, Purpose(draw as u16), "topology", 0)
}

/// `count` values of a law in any order, one from each of `count` equally likely parts of it: quantiles come out closer
/// than by independent draws.
pub(super) fn sample(law: &Law, count: usize, stream: &mut Stream) -> Vec<f64> {
    let mut values: Vec<f64> =
        (0..count).map(|part| law.quantile((part as f64 + stream.unit()) / count as f64)).collect();
    shuffle(&mut values, stream);
    values
}

/// Puts items into a random order; each is equally likely (Fisher and Yates).
pub(super) fn shuffle<T>(items: &mut [T], stream: &mut Stream) {
    for last in (1..items.len()).rev() {
        items.swap(last, stream.below(last as u32 + 1) as usize);
    }
}

/// The nearest number with so many significant digits: what is written is what is computed with.
pub(super) fn rounded(value: f64, digits: usize) -> f64 {
    format!("{value:.*e}", digits - 1).parse().expect("a printed number parses")
}
