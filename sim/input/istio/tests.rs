//! The tables and the decoders agree: an example of every kind is read without a word, and in it every field that is
//! called modelled.

use std::path::PathBuf;

use super::FAMILY;
use crate::diag::Style;
use crate::input::foreign::{Treatment, unread};
use crate::input::{Options, load};

#[test]
fn every_field_that_is_called_modelled_is_read() {
    for kind in FAMILY.kinds() {
        let file = PathBuf::from(format!("tests/data/good/istio/{}.yaml", kebab(kind.name)));
        let has_rows = kind
            .fields()
            .any(|(path, treatment)| path.starts_with("spec") && treatment == Treatment::Modelled);
        assert_eq!(file.exists(), has_rows, "{}", file.display());
        if !has_rows {
            continue;
        }
        let (_, sources, diagnostics) = load(&[file], &Options::default());
        assert_eq!(diagnostics.render(&sources, Style::Plain), "");
        assert_eq!(unread(kind), [""; 0], "{}", kind.name);
    }
}

/// `VirtualService` as `virtual-service`.
fn kebab(name: &str) -> String {
    let mut kebab = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.extend(letter.to_lowercase());
    }
    kebab
}

#[test]
fn no_field_stands_in_a_table_twice() {
    for kind in FAMILY.kinds() {
        let mut paths: Vec<_> = kind.fields().map(|(path, _)| path).collect();
        let count = paths.len();
        paths.sort_unstable();
        paths.dedup();
        assert_eq!(paths.len(), count, "{}", kind.name);
    }
}
