//! The tables and the decoders agree: an example of every kind is read without a word, and in it every field that is
//! called modelled.

use std::path::PathBuf;

use super::kinds;
use crate::diag::Style;
use crate::input::foreign::unread;
use crate::input::{Options, load};

#[test]
fn every_field_that_is_called_modelled_is_read() {
    let folder = PathBuf::from("tests/data/good/istio");
    let (_, sources, diagnostics) = load(&[folder], &Options::default());
    assert_eq!(diagnostics.render(&sources, Style::Plain), "");
    for kind in kinds() {
        assert_eq!(unread(kind), [""; 0], "{}", kind.name);
    }
}

#[test]
fn no_field_stands_in_a_table_twice() {
    for kind in kinds() {
        let mut paths: Vec<_> = kind.fields().map(|(path, _)| path).collect();
        let count = paths.len();
        paths.sort_unstable();
        paths.dedup();
        assert_eq!(paths.len(), count, "{}", kind.name);
    }
}
