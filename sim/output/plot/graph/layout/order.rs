//! The order within rows: everything at the mean position of its neighbours, back and forth, the best order kept.

/// Rows in an order with few crossings of the segments, each of which joins a thing to one in the next row.
pub(super) fn ordered(
    mut rows: Vec<Vec<usize>>,
    segments: &[(usize, usize)],
    things: usize,
    sweeps: usize,
) -> Vec<Vec<usize>> {
    let mut neighbours: Vec<[Vec<usize>; 2]> = vec![[Vec::new(), Vec::new()]; things];
    for &(above, below) in segments {
        neighbours[above][1].push(below);
        neighbours[below][0].push(above);
    }
    let mut position = vec![0.0; things];
    for row in &rows {
        number(row, &mut position);
    }
    let mut best = (crossings(&rows, &neighbours, &position), rows.clone());
    for sweep in 0..sweeps {
        let down = sweep % 2 == 0;
        let side = usize::from(!down);
        let order: Vec<usize> =
            if down { (1..rows.len()).collect() } else { (0..rows.len().saturating_sub(1)).rev().collect() };
        for row in order {
            let mean = |thing: &usize| {
                let near = &neighbours[*thing][side];
                let sum: f64 = near.iter().map(|&other| position[other]).sum();
                if near.is_empty() { position[*thing] } else { sum / near.len() as f64 }
            };
            let means: Vec<(f64, usize)> = rows[row].iter().map(|thing| (mean(thing), *thing)).collect();
            let mut means = means;
            // The sort is stable: what has no reason to move stays.
            means.sort_by(|one, other| one.0.total_cmp(&other.0));
            rows[row] = means.into_iter().map(|(_, thing)| thing).collect();
            number(&rows[row], &mut position);
        }
        let crossed = crossings(&rows, &neighbours, &position);
        if crossed < best.0 {
            best = (crossed, rows.clone());
        }
    }
    best.1
}

/// Positions within a row as shares of its length, so that long and short rows compare.
fn number(row: &[usize], position: &mut [f64]) {
    for (place, &thing) in row.iter().enumerate() {
        position[thing] = (place as f64 + 0.5) / row.len() as f64;
    }
}

/// Pairs of segments that cross between neighbouring rows.
fn crossings(rows: &[Vec<usize>], neighbours: &[[Vec<usize>; 2]], position: &[f64]) -> usize {
    rows.iter()
        .map(|row| {
            let ends: Vec<(f64, f64)> = row
                .iter()
                .flat_map(|&above| {
                    neighbours[above][1].iter().map(move |&below| (position[above], position[below]))
                })
                .collect();
            let crossed = |(index, one): (usize, &(f64, f64))| {
                ends[..index].iter().filter(|other| (one.0 - other.0) * (one.1 - other.1) < 0.0).count()
            };
            ends.iter().enumerate().map(crossed).sum::<usize>()
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crossed_lines_are_untangled() {
        // Two callers above, whose callees stand the other way round.
        let rows = vec![vec![0, 1], vec![2, 3]];
        assert_eq!(ordered(rows, &[(0, 3), (1, 2)], 4, 4), [vec![0, 1], vec![3, 2]]);
    }

    #[test]
    fn crossings_are_counted() {
        let rows = vec![vec![0, 1, 2], vec![3, 4, 5]];
        let mut neighbours = vec![[Vec::new(), Vec::new()]; 6];
        for (above, below) in [(0, 5), (1, 4), (2, 3)] {
            neighbours[above][1].push(below);
        }
        let mut position = vec![0.0; 6];
        rows.iter().for_each(|row| number(row, &mut position));
        assert_eq!(crossings(&rows, &neighbours, &position), 3);
    }
}
