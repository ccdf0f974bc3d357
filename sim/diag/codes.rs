//! Every kind of problem, with its code: the table behind messages and documentation.

/// Declares [`Code`] and [`CODES`] from one list, so that no code can miss its meaning.
macro_rules! codes {
    ($($name:ident = $text:literal, $meaning:literal;)+) => {
        /// What kind of problem a diagnostic reports; stable from release to release.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code {
            $(#[doc = $meaning] $name,)+
        }

        /// Every code as users see it, with its meaning in one line.
        pub const CODES: &[(Code, &str, &str)] = &[$((Code::$name, $text, $meaning),)+];

        impl Code {
            /// The code as users see it, e.g. `unknown-key`.
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

codes! {
    DuplicateKey = "duplicate-key", "A map has the same key twice.";
    DuplicateName = "duplicate-name", "Two things have the same name.";
    DuplicateSection = "duplicate-section", "A section that can be given once is given by two files.";
    EmptyInput = "empty-input", "There is nothing to read or nothing to simulate.";
    EndlessCalls = "endless-calls", "Calls go round in a circle without an end, or a request makes far too many.";
    InvalidName = "invalid-name", "A name is empty, too long or holds control characters.";
    InvalidValue = "invalid-value", "A value cannot be read, or lies outside its range.";
    MissingKey = "missing-key", "A required key is absent or empty.";
    NotModelled = "not-modelled", "Something is read and has no effect.";
    NotText = "not-text", "A file is binary or not UTF-8.";
    Syntax = "syntax", "A text is not well-formed YAML or JSON.";
    TooLarge = "too-large", "A file or a scenario is larger or deeper than can be handled.";
    UnexpectedKind = "unexpected-kind", "A list, map or value stands where another kind is expected.";
    UnknownKey = "unknown-key", "A key that nothing reads.";
    UnknownName = "unknown-name", "A name that nothing has.";
    UnknownObject = "unknown-object", "A document that no format recognises.";
    UnknownPath = "unknown-path", "A path to set leads nowhere.";
    Unreachable = "unreachable", "Something is never called or never sends.";
    Unreadable = "unreadable", "A file cannot be opened or read.";
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_code_is_kebab_case_unique_and_explained() {
        for (row, (_, text, meaning)) in CODES.iter().enumerate() {
            assert!(text.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{text}");
            assert!(meaning.ends_with('.'), "{meaning}");
            assert!(CODES[..row].iter().all(|(_, earlier, _)| earlier != text), "{text} comes twice");
        }
    }

    #[test]
    fn every_code_is_reported_by_something() {
        let mut sources = String::new();
        read_sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("sim"), &mut sources);
        for (code, _, _) in CODES {
            assert!(sources.contains(&format!("Code::{code:?}")), "nothing reports {code:?}");
        }
    }

    fn read_sources(directory: &Path, sources: &mut String) {
        for entry in std::fs::read_dir(directory).expect("sources are readable") {
            let path = entry.expect("sources are readable").path();
            if path.is_dir() && !path.ends_with("diag") {
                read_sources(&path, sources);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !path.ends_with("diag.rs")
            {
                sources.push_str(&std::fs::read_to_string(path).expect("sources are readable"));
            }
        }
    }
}
