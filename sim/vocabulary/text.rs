//! Conditions on texts: paths, methods, header values.

use regex::{Regex, RegexBuilder};

/// A regular expression that has to match a whole text. Matching takes time linear in the text.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    regex: Regex,
}

impl Pattern {
    /// Characters of the longest pattern.
    pub const LONGEST: usize = 1024;
    /// Bytes of the largest compiled pattern: what Envoy's own limit allows is far below.
    const LARGEST: usize = 1 << 20;

    /// # Errors
    /// What is wrong with the pattern, in a sentence.
    pub fn new(text: &str) -> Result<Self, String> {
        if text.chars().count() > Self::LONGEST {
            return Err(format!("a pattern has at most {} characters", Self::LONGEST));
        }
        let build = |text: &str| RegexBuilder::new(text).size_limit(Self::LARGEST).build();
        // By itself first: parentheses of the pattern must not close those around it.
        match build(text).and_then(|_| build(&format!("^(?:{text})$"))) {
            Ok(regex) => Ok(Self { text: text.to_owned(), regex }),
            // The first lines of the crate's message show the pattern, which stands in the user's file.
            Err(error) => {
                let text = error.to_string();
                let last = text.lines().last().unwrap_or_default().trim();
                Err(last.strip_prefix("error: ").unwrap_or(last).to_owned())
            }
        }
    }

    /// As written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it matches the whole of `text`.
    pub fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// A condition on a text.
#[derive(Clone, Debug, PartialEq)]
pub enum TextMatch {
    /// It is there, whatever it is.
    Present,
    /// It is this.
    Exact(String),
    /// It begins with this.
    Prefix(String),
    /// All of it matches.
    Regex(Pattern),
}

impl TextMatch {
    /// Whether a text that is there fulfils it.
    pub fn holds(&self, text: &str) -> bool {
        match self {
            Self::Present => true,
            Self::Exact(exact) => text == exact,
            Self::Prefix(prefix) => text.starts_with(prefix.as_str()),
            Self::Regex(pattern) => pattern.matches(text),
        }
    }
}

/// A condition on a path.
#[derive(Clone, Debug, PartialEq)]
pub enum PathMatch {
    /// It is this.
    Exact(String),
    /// It begins with these characters (Istio).
    Prefix(String),
    /// It begins with these elements between slashes (Gateway API): `/a` is a prefix of `/a/b`, not of `/ab`.
    Elements(String),
    /// All of it matches.
    Regex(Pattern),
}

impl PathMatch {
    /// Whether a path without its query fulfils it.
    pub fn holds(&self, path: &str) -> bool {
        match self {
            Self::Exact(exact) => path == exact,
            Self::Prefix(prefix) => path.starts_with(prefix.as_str()),
            Self::Elements(prefix) => {
                let prefix = prefix.trim_end_matches('/');
                path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
            Self::Regex(pattern) => pattern.matches(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_texts() {
        let pattern = Pattern::new("v[0-9]+|beta").unwrap();
        assert!(pattern.matches("v12") && pattern.matches("beta"));
        assert!(!pattern.matches("v1x") && !pattern.matches("xbeta"));
        assert_eq!(pattern.text(), "v[0-9]+|beta");
    }

    #[test]
    fn what_is_wrong_with_a_pattern_is_said_in_one_line() {
        let problem = Pattern::new("a(b").unwrap_err();
        assert!(problem.contains("unclosed group") && !problem.contains('\n'), "{problem}");
        assert!(Pattern::new(&"a".repeat(Pattern::LONGEST + 1)).is_err());
        assert!(Pattern::new("(?:a{1000}){1000}").is_err());
        assert!(Pattern::new("a)|(b").is_err());
    }

    #[test]
    fn path_prefixes_are_characters_or_elements() {
        let [characters, elements] =
            [PathMatch::Prefix("/a".to_owned()), PathMatch::Elements("/a/".to_owned())];
        for (path, by_characters, by_elements) in
            [("/a", true, true), ("/a/b", true, true), ("/ab", true, false), ("/b", false, false)]
        {
            assert_eq!(characters.holds(path), by_characters, "{path}");
            assert_eq!(elements.holds(path), by_elements, "{path}");
        }
        assert!(PathMatch::Elements("/".to_owned()).holds("/anything"));
    }

    #[test]
    fn texts_are_compared_as_they_are() {
        assert!(TextMatch::Present.holds(""));
        assert!(
            TextMatch::Exact("GET".to_owned()).holds("GET")
                && !TextMatch::Exact("GET".to_owned()).holds("get")
        );
        assert!(
            TextMatch::Prefix("ja".to_owned()).holds("jason")
                && !TextMatch::Prefix("ja".to_owned()).holds("a")
        );
    }
}
