//! The tables and the decoders of a family of objects agree: an example of every kind is read without a word, and in it
//! every field that is called modelled.

use std::path::PathBuf;

use super::{Kind, Treatment, unread};
use crate::diag::Style;
use crate::input::{Options, gateway_api, linkerd, load, smi};

#[track_caller]
fn check(folder: &str, kinds: impl Iterator<Item = &'static Kind>) {
    for kind in kinds {
        let folder = if kind.versions[0].starts_with("policy.linkerd.io") { "linkerd" } else { folder };
        let file = PathBuf::from(format!("tests/data/good/{folder}/{}.yaml", kebab(kind.name)));
        let is_modelled =
            |(path, treatment): (&str, Treatment)| path.starts_with("spec") && treatment.is_modelled();
        assert_eq!(file.exists(), kind.fields().any(is_modelled), "{}", file.display());
        let mut paths: Vec<_> = kind.fields().map(|(path, _)| path).collect();
        let count = paths.len();
        paths.sort_unstable();
        paths.dedup();
        assert_eq!(paths.len(), count, "a field stands in the table of {} twice", kind.name);
        if file.exists() {
            let (_, sources, diagnostics) = load(&[file], &Options::default());
            let said = diagnostics.render(&sources, Style::Plain);
            assert_eq!(said, "");
            // Linkerd's route has the table of Gateway API's, whose example reads all of it.
            if folder != "linkerd" || kind.name == "ServiceProfile" {
                assert_eq!(unread(kind), [""; 0], "{}", kind.name);
            }
        }
    }
}

#[test]
fn every_field_of_smi_that_is_called_modelled_is_read() {
    check("smi", smi::FAMILY.kinds());
}

#[test]
fn every_field_of_gateway_api_that_is_called_modelled_is_read() {
    check("gateway-api", gateway_api::FAMILY.kinds());
}

#[test]
fn every_field_of_linkerd_that_is_called_modelled_is_read() {
    check("linkerd", linkerd::FAMILY.kinds());
}

/// `XBackendTrafficPolicy` as `x-backend-traffic-policy`, `HTTPRoute` as `http-route`.
fn kebab(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut kebab = String::new();
    for (position, letter) in letters.iter().enumerate() {
        let begins_word = letter.is_uppercase()
            && (letters.get(position + 1).is_some_and(|next| next.is_lowercase())
                || position.checked_sub(1).is_some_and(|before| letters[before].is_lowercase()));
        if begins_word && position > 0 {
            kebab.push('-');
        }
        kebab.extend(letter.to_lowercase());
    }
    kebab
}
