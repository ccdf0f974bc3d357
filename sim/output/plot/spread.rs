//! Things in a row that may not overlap, each as near as can be to where it wants to be.

/// Positions of the middles of things of the given sizes, in the given order, at least half of both sizes apart, such
/// that the squares of their distances from the wanted positions sum up to the least.
///
/// The minimum is the isotonic regression of the wanted positions less the room that those before need; it is found by
/// pooling adjacent violators (Barlow et al., 1972).
pub(super) fn spread(wanted: &[f64], sizes: &[f64]) -> Vec<f64> {
    assert_eq!(wanted.len(), sizes.len(), "each thing has a size");
    let mut offsets = Vec::with_capacity(sizes.len());
    let mut offset = 0.0;
    for (index, size) in sizes.iter().enumerate() {
        if index > 0 {
            offset += f64::midpoint(sizes[index - 1], *size);
        }
        offsets.push(offset);
    }
    // Blocks of things that touch: how many, and the mean of their wanted positions without the offsets.
    let mut blocks: Vec<(usize, f64)> = Vec::new();
    for (want, offset) in wanted.iter().zip(&offsets) {
        let mut block = (1, want - offset);
        while let Some(&(count, mean)) = blocks.last() {
            if mean <= block.1 {
                break;
            }
            blocks.pop();
            let (before, after) = (count as f64, block.0 as f64);
            block = (count + block.0, (mean * before + block.1 * after) / (before + after));
        }
        blocks.push(block);
    }
    let shifts = blocks.into_iter().flat_map(|(count, mean)| std::iter::repeat_n(mean, count));
    shifts.zip(offsets).map(|(shift, offset)| shift + offset).collect()
}

/// The same for things in any order, kept within `low` and `high` if there is room.
pub(super) fn spread_within(wanted: &[f64], size: f64, (low, high): (f64, f64)) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|&one, &other| wanted[one].total_cmp(&wanted[other]));
    let sorted: Vec<f64> = order.iter().map(|&index| wanted[index].clamp(low, high)).collect();
    let mut spread = spread(&sorted, &vec![size; sorted.len()]);
    // A block that hangs over an end is pushed back; where it meets the next, that moves on as well.
    let mut limit = high;
    for place in spread.iter_mut().rev() {
        *place = place.min(limit);
        limit = *place - size;
    }
    let mut limit = low;
    for place in &mut spread {
        *place = place.max(limit);
        limit = *place + size;
    }
    let mut places = vec![0.0; wanted.len()];
    for (&index, place) in order.iter().zip(spread) {
        places[index] = place;
    }
    places
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_has_room_stays_and_what_has_not_shares_the_way() {
        assert_eq!(spread(&[0.0, 20.0], &[10.0, 10.0]), [0.0, 20.0]);
        assert_eq!(spread(&[10.0, 10.0], &[10.0, 10.0]), [5.0, 15.0]);
        assert_eq!(spread(&[10.0, 10.0, 100.0], &[10.0, 20.0, 5.0]), [2.5, 17.5, 100.0]);
        assert_eq!(spread_within(&[99.0, 0.0, 98.0], 10.0, (0.0, 100.0)), [100.0, 0.0, 90.0]);
    }

    proptest! {
        #[test]
        fn nothing_overlaps_and_order_stays(things in prop::collection::vec((0.0_f64..100.0, 1.0_f64..20.0), 0..12)) {
            let (wanted, sizes): (Vec<f64>, Vec<f64>) = things.into_iter().unzip();
            let places = spread(&wanted, &sizes);
            for index in 1..places.len() {
                let apart = places[index] - places[index - 1];
                prop_assert!(apart >= f64::midpoint(sizes[index], sizes[index - 1]) - 1e-9);
            }
        }

        #[test]
        fn labels_stay_within_bounds(wanted in prop::collection::vec(-50.0_f64..150.0, 0..9)) {
            let places = spread_within(&wanted, 10.0, (0.0, 100.0));
            let mut sorted = places.clone();
            sorted.sort_by(f64::total_cmp);
            prop_assert!(sorted.windows(2).all(|pair| pair[1] - pair[0] >= 10.0 - 1e-9));
            prop_assert!(places.iter().all(|place| (-1e-9..=100.0 + 1e-9).contains(place)));
        }
    }
}
