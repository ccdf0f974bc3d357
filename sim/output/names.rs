//! File names for what users have named.
//!
//! A name made of ASCII letters, digits, `-`, `_`, `.` and `@` is its own file name. In any other, all else becomes `_`
//! and a hash of the name follows, so that it cannot leave its folder, hide, or fall together with another one.

use std::collections::BTreeSet;

use crate::digest;

/// Longest part of a name that a file name keeps, in bytes.
const LONGEST: usize = 80;
/// Digits of the hash.
const HASH_DIGITS: usize = 8;
/// Names that some systems give to devices, with any extension.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "com", "lpt"];

/// A file name for a name: never empty, hidden, longer than 89 bytes, or with a separator in it.
pub(super) fn file_name(name: &str) -> String {
    if is_plain(name) { name.to_owned() } else { with_hash(name) }
}

/// A file name for each name. Names that differ get file names that differ, in letter case too.
pub(super) fn file_names(names: &[&str]) -> Vec<String> {
    let mut taken = BTreeSet::new();
    names
        .iter()
        .map(|name| {
            let plain = file_name(name);
            if taken.insert(plain.to_ascii_lowercase()) {
                return plain;
            }
            let mut hashed = with_hash(name);
            // The same name twice has the same hash; a number then tells them apart.
            let mut number = 1;
            while !taken.insert(hashed.to_ascii_lowercase()) {
                number += 1;
                hashed = format!("{}-{number}", with_hash(name));
            }
            hashed
        })
        .collect()
}

fn is_plain(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let is_device = DEVICES.contains(&stem.trim_end_matches(|c: char| c.is_ascii_digit()));
    let has_edge_dot = name.starts_with('.') || name.ends_with('.');
    !name.is_empty() && name.len() <= LONGEST && !has_edge_dot && !is_device && name.chars().all(is_safe)
}

fn is_safe(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.' | '@')
}

fn with_hash(name: &str) -> String {
    // Without dots nothing is left that could mean a parent, a hidden file or an extension.
    let safe = |character| if is_safe(character) && character != '.' { character } else { '_' };
    let stem: String = name.chars().map(safe).take(LONGEST).collect();
    let stem = if stem.is_empty() { "_" } else { &stem };
    format!("{stem}-{}", &digest::of_bytes(name.as_bytes())[..HASH_DIGITS])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_names_stay_and_others_get_a_hash() {
        for name in ["web", "istio-ambient-waypoint", "linkerd@ha", "a_b.c", "X1"] {
            assert_eq!(file_name(name), name);
        }
        for (name, stem) in [
            ("", "_-"),
            ("..", "__-"),
            (".hidden", "_hidden-"),
            ("../../etc/passwd", "______etc_passwd-"),
            ("default/web", "default_web-"),
            ("a b", "a_b-"),
            ("<b>x</b>", "_b_x__b_-"),
            ("\"quoted\", and\nbroken", "_quoted___and_broken-"),
            ("größe", "gr__e-"),
            ("C:\\x", "C__x-"),
            ("con", "con-"),
            ("Lpt1.txt", "Lpt1_txt-"),
            ("x.", "x_-"),
        ] {
            let got = file_name(name);
            assert!(got.strip_prefix(stem).is_some_and(|hash| hash.len() == HASH_DIGITS), "{name:?}: {got}");
        }
    }

    #[test]
    fn names_that_would_fall_together_are_told_apart() {
        let hash = |name: &str| digest::of_bytes(name.as_bytes())[..HASH_DIGITS].to_owned();
        let names = ["a/b", "a b", "web", "Web", "web", "web"];
        assert_eq!(
            file_names(&names),
            [
                format!("a_b-{}", hash("a/b")),
                format!("a_b-{}", hash("a b")),
                "web".to_owned(),
                format!("Web-{}", hash("Web")),
                format!("web-{}", hash("web")),
                format!("web-{}-2", hash("web")),
            ]
        );
    }

    proptest! {
        #[test]
        fn any_name_gives_one_ordinary_path_component(name in any::<String>()) {
            let file = file_name(&name);
            prop_assert!(!file.is_empty() && file.len() <= LONGEST + 1 + HASH_DIGITS);
            prop_assert!(file.chars().all(is_safe) && !file.starts_with('.'));
            let path = std::path::Path::new(&file);
            prop_assert_eq!(path.components().count(), 1);
            prop_assert!(matches!(path.components().next(), Some(std::path::Component::Normal(_))));
        }

        #[test]
        fn file_names_never_fall_together(names in prop::collection::vec("[aA/ .]{0,3}", 0..12)) {
            let borrowed: Vec<&str> = names.iter().map(String::as_str).collect();
            let mut files: Vec<String> = file_names(&borrowed).iter().map(|file| file.to_ascii_lowercase()).collect();
            files.sort();
            files.dedup();
            prop_assert_eq!(files.len(), names.len());
        }
    }
}
