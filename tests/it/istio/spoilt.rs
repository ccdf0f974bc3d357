//! Objects spoilt at random.

use std::path::PathBuf;

use proptest::prelude::*;

use super::text;

/// Everything of which examples are read, to be spoilt.
fn examples() -> Vec<(String, String)> {
    let mut files: Vec<_> = std::fs::read_dir("tests/data/good/istio")
        .expect("the examples are there")
        .map(|entry| entry.expect("a readable folder").path())
        .collect();
    files.sort();
    let read = |path: PathBuf| {
        (path.display().to_string(), std::fs::read_to_string(&path).expect("a readable example"))
    };
    files.into_iter().map(read).collect()
}

/// What else may stand in a value's place.
const OTHERS: &[&str] =
    &["", "~", "[]", "{}", "-1", "0", "1e400", "x", "[{}]", "{a: 1}", "'*'", "9s", "true", "(?"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// Values replaced, pieces cut out, lines swapped: never a panic.
    #[test]
    fn spoilt_objects_are_never_fatal(
        file in any::<prop::sample::Index>(),
        places in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(OTHERS)), 1..6),
        cut in any::<Option<(prop::sample::Index, prop::sample::Index)>>(),
    ) {
        let examples = examples();
        let (_, mut spoilt) = file.get(&examples).clone();
        for (place, other) in places {
            let colons: Vec<_> = spoilt.match_indices(": ").map(|(at, _)| at + 2).collect();
            if colons.is_empty() {
                break;
            }
            let start = *place.get(&colons);
            let end = spoilt[start..].find(['\n', ',', '}', ']']).map_or(spoilt.len(), |end| start + end);
            spoilt.replace_range(start..end, other);
        }
        if let Some((one, other)) = cut {
            let (one, other) = (one.index(spoilt.len() + 1), other.index(spoilt.len() + 1));
            let (start, end) = (one.min(other), one.max(other).min(one.min(other) + 40));
            if spoilt.is_char_boundary(start) && spoilt.is_char_boundary(end) {
                spoilt.replace_range(start..end, "");
            }
        }
        text(&spoilt);
    }
}
