//! The row of each node, from above to below: circles are opened, layers are long ways, wide layers are several rows.

/// Boxes in a row.
const MOST_IN_ROW: usize = 6;

/// The links, those turned round that lead back to a node on the way from the top.
pub(super) fn without_circles(nodes: usize, links: &[(usize, usize)]) -> Vec<(usize, usize)> {
    const NEW: u8 = 0;
    const OPEN: u8 = 1;
    const DONE: u8 = 2;
    let mut state = vec![NEW; nodes];
    let mut downward = links.to_vec();
    let out: Vec<Vec<usize>> =
        (0..nodes).map(|node| (0..links.len()).filter(|&link| links[link].0 == node).collect()).collect();
    let called = |node: &usize| links.iter().any(|&(from, to)| to == *node && from != *node);
    let (below, top): (Vec<usize>, Vec<usize>) = (0..nodes).partition(called);
    for root in top.into_iter().chain(below) {
        if state[root] != NEW {
            continue;
        }
        // Nodes on the way, each with the number of its links that were followed.
        let mut way = vec![(root, 0)];
        state[root] = OPEN;
        while let Some((node, followed)) = way.last_mut() {
            let Some(&link) = out[*node].get(*followed) else {
                state[*node] = DONE;
                way.pop();
                continue;
            };
            *followed += 1;
            let (from, to) = links[link];
            match state[to] {
                OPEN if from != to => downward[link] = (to, from),
                NEW => {
                    state[to] = OPEN;
                    way.push((to, 0));
                }
                _ => {}
            }
        }
    }
    downward
}

/// The row of each node: layers by the longest way, wide layers in several rows.
pub(super) fn rows_of(nodes: usize, downward: &[(usize, usize)]) -> Vec<usize> {
    let mut layers = vec![0; nodes];
    // Without circles, this many rounds are enough for the longest way.
    for _ in 0..nodes {
        let mut changed = false;
        for &(from, to) in downward {
            if from != to && layers[to] <= layers[from] {
                layers[to] = layers[from] + 1;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    let caller = |node: usize| downward.iter().filter(|link| link.1 == node).map(|link| link.0).min();
    let mut rows = vec![0; nodes];
    let mut first = 0;
    for layer in 0..=layers.iter().copied().max().unwrap_or(0) {
        let mut members: Vec<usize> = (0..nodes).filter(|&node| layers[node] == layer).collect();
        members.sort_by_key(|&node| caller(node));
        let families: Vec<&[usize]> = members.chunk_by(|one, other| caller(*one) == caller(*other)).collect();
        let in_rows = filled(&families);
        for (row, members) in in_rows.iter().enumerate() {
            for &node in members {
                rows[node] = first + row;
            }
        }
        first += in_rows.len().max(1);
    }
    rows
}

/// Rows of a layer: callees of one caller stay together where they fit, and rows of a large family are about as long.
fn filled(families: &[&[usize]]) -> Vec<Vec<usize>> {
    let mut rows: Vec<Vec<usize>> = Vec::new();
    for family in families {
        let fits = |row: &Vec<usize>| row.len() + family.len() <= MOST_IN_ROW;
        if let Some(row) = rows.last_mut().filter(|row| fits(row)) {
            row.extend_from_slice(family);
        } else {
            let count = family.len().div_ceil(MOST_IN_ROW);
            rows.extend(family.chunks(family.len().div_ceil(count)).map(<[usize]>::to_vec));
        }
    }
    rows
}
