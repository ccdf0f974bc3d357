//! What is wrong with the user's input: collected, located, rendered.
//!
//! Nothing here stops at the first problem. Whoever reads input pushes [`Diagnostic`]s into [`Diagnostics`] and goes
//! on as far as it can; in the end all of them are rendered, each with file, line, column, caret, code and hint:
//!
//! ```
//! use sim::diag::{Code, Diagnostic, Diagnostics, Location, Sources, Style};
//!
//! let mut sources = Sources::default();
//! let file = sources.add("shop.yaml", "version: 1\nservces: []\n");
//! let mut diagnostics = Diagnostics::default();
//! diagnostics.push(
//!     Diagnostic::error(Code::UnknownKey, "a scenario has no `servces`")
//!         .at(Location::new(file, 11, 18))
//!         .hint("did you mean `services`?"),
//! );
//! let text = diagnostics.render(&sources, Style::Plain);
//! assert!(text.starts_with("error[unknown-key]: a scenario has no `servces`\n --> shop.yaml:2:1\n"));
//! ```

use std::fmt::Write as _;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet, normalize_untrusted_str};

use crate::index::IndexVec;
use crate::index_type;

mod codes;

pub use codes::{CODES, Code};

index_type! {
    /// A text that diagnostics can point into: a file, standard input or a command-line argument.
    pub struct FileIdx;
}

/// A byte range of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// The text.
    pub source: FileIdx,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Location {
    /// The bytes `start..end` of `source`.
    pub const fn new(source: FileIdx, start: u32, end: u32) -> Self {
        Self { source, start, end }
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The input cannot be used.
    Error,
    /// The input is used, perhaps not as its author thinks.
    Warning,
}

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What kind of problem, for documentation and scripts.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// One sentence without a full stop.
    pub message: String,
    /// Where; `None` when no text is at fault.
    pub location: Option<Location>,
    /// Another place that explains this one, with what is to be seen there.
    pub related: Option<(Location, String)>,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// An error without a place yet.
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Error, message.into())
    }

    /// A warning without a place yet.
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Warning, message.into())
    }

    fn new(code: Code, severity: Severity, message: String) -> Self {
        Self { code, severity, message, location: None, related: None, hint: None }
    }

    /// Points to a place.
    pub fn at(mut self, location: Location) -> Self {
        self.location = Some(location);
        self
    }

    /// Points to another place, too.
    pub fn related(mut self, location: Location, label: impl Into<String>) -> Self {
        self.related = Some((location, label.into()));
        self
    }

    /// Says what to do.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says `did you mean …?` if `closest` found something.
    pub fn suggest(self, closest: Option<&str>) -> Self {
        match closest {
            Some(name) => self.hint(format!("did you mean {}?", quote(name))),
            None => self,
        }
    }
}

/// The texts that locations point into.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: IndexVec<FileIdx, Source>,
}

#[derive(Clone, Debug)]
struct Source {
    name: String,
    text: String,
}

impl Sources {
    /// Remembers a text under the name that messages call it.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> FileIdx {
        self.files.push(Source { name: name.into(), text: text.into() })
    }

    /// What messages call it.
    pub fn name(&self, file: FileIdx) -> &str {
        &self.files[file].name
    }

    /// Its whole text.
    pub fn text(&self, file: FileIdx) -> &str {
        &self.files[file].text
    }

    /// Name and text of every source, in the order in which they were added.
    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|file| (file.name.as_str(), file.text.as_str()))
    }

    /// Line and column of the first byte of `location`, both from 1, columns in characters.
    pub fn line_column(&self, location: Location) -> (usize, usize) {
        let (line_start, line_end) = self.line_around(location);
        let text = self.text(location.source);
        let line = text[..line_start].matches('\n').count() + 1;
        let within = floor_boundary(text, location.start as usize).clamp(line_start, line_end);
        (line, text[line_start..within].chars().count() + 1)
    }

    /// Byte range of the line in which `location` starts, without its line break.
    fn line_around(&self, location: Location) -> (usize, usize) {
        let bytes = self.text(location.source).as_bytes();
        let start = (location.start as usize).min(bytes.len());
        let line_start = bytes[..start].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let line_end =
            bytes[start..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| start + at);
        let carriage_return = line_end > line_start && bytes[line_end - 1] == b'\r';
        (line_start, line_end - usize::from(carriage_return))
    }
}

/// Whether the rendered text may hold colour codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// For files, pipes and tests.
    Plain,
    /// For terminals.
    Colour,
}

/// Collects problems.
///
/// At most [`Diagnostics::MAX_KEPT`] of each severity are kept, the others counted: a file of a million wrong numbers
/// has one problem, not a million.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    kept: Vec<Diagnostic>,
    errors: usize,
    warnings: usize,
}

impl Diagnostics {
    /// Errors kept, and warnings kept.
    pub const MAX_KEPT: usize = 100;

    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        let count = match diagnostic.severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        *count += 1;
        if *count <= Self::MAX_KEPT {
            self.kept.push(diagnostic);
        }
    }

    /// Makes errors of the warnings of a code.
    pub fn refuse(&mut self, code: Code) {
        for diagnostic in &mut self.kept {
            if diagnostic.code == code && diagnostic.severity == Severity::Warning {
                diagnostic.severity = Severity::Error;
                self.warnings -= 1;
                self.errors += 1;
            }
        }
    }

    /// Makes warnings of the errors of a code, for who can go on without what is missing.
    pub fn excuse(&mut self, code: Code) {
        for diagnostic in &mut self.kept {
            if diagnostic.code == code && diagnostic.severity == Severity::Error {
                diagnostic.severity = Severity::Warning;
                self.errors -= 1;
                self.warnings += 1;
            }
        }
    }

    /// Whether anything makes the input unusable.
    pub const fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// Number of errors, with those not kept.
    pub const fn errors(&self) -> usize {
        self.errors
    }

    /// Number of warnings, with those not kept.
    pub const fn warnings(&self) -> usize {
        self.warnings
    }

    /// Those kept: without a place first, then by place, then as they were pushed.
    pub fn sorted(&self) -> Vec<&Diagnostic> {
        let mut sorted: Vec<_> = self.kept.iter().collect();
        sorted.sort_by_key(|diagnostic| diagnostic.location.map(|place| (place.source, place.start)));
        sorted
    }

    /// All as text, ending with a line that counts them; empty if there are none.
    pub fn render(&self, sources: &Sources, style: Style) -> String {
        let renderer = match style {
            Style::Plain => Renderer::plain(),
            Style::Colour => Renderer::styled(),
        };
        let mut text = String::new();
        for diagnostic in self.sorted() {
            text.push_str(renderer.render(&[group(diagnostic, sources)]).trim_end());
            text.push_str("\n\n");
        }
        if let Some(summary) = self.summary() {
            text.push_str(&summary);
            text.push('\n');
        }
        text
    }

    fn summary(&self) -> Option<String> {
        let mut parts = Vec::new();
        for (count, word) in [(self.errors, "error"), (self.warnings, "warning")] {
            if count > 0 {
                let mut part = format!("{count} {word}{}", if count == 1 { "" } else { "s" });
                if count > Self::MAX_KEPT {
                    let _ = write!(part, " (the first {} are shown)", Self::MAX_KEPT);
                }
                parts.push(part);
            }
        }
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

/// What annotate-snippets draws for one diagnostic.
fn group<'a>(diagnostic: &'a Diagnostic, sources: &'a Sources) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(&diagnostic.message).id(diagnostic.code.text());
    let mut group = Group::with_title(title);
    if let Some(location) = diagnostic.location {
        group = draw(group, location, None, sources);
    }
    if let Some((location, label)) = &diagnostic.related {
        group = draw(group, *location, Some(label), sources);
    }
    if let Some(hint) = &diagnostic.hint {
        group = group.element(Level::HELP.message(normalize_untrusted_str(hint)));
    }
    group
}

/// Lines above this many bytes are not shown, only their position.
const LONGEST_SHOWN_LINE: usize = 2000;

/// Adds one place: the line in which it starts, or its position alone when there is nothing readable to show.
fn draw<'a>(group: Group<'a>, location: Location, label: Option<&'a str>, sources: &'a Sources) -> Group<'a> {
    let text = sources.text(location.source);
    let name = sources.name(location.source);
    let (line_start, line_end) = sources.line_around(location);
    let (line, column) = sources.line_column(location);
    if line_end - line_start > LONGEST_SHOWN_LINE || text.is_empty() {
        return group.element(Origin::path(name).line(line).char_column(column));
    }
    // A list or a map spans many lines; its first line says enough.
    let start = floor_boundary(text, location.start as usize).min(line_end);
    let end = floor_boundary(text, location.end as usize).clamp(start, line_end);
    let shown = &text[line_start..line_end];
    let annotated = start - line_start..shown[..end - line_start].trim_end().len().max(start - line_start);
    let kind = if label.is_some() { AnnotationKind::Context } else { AnnotationKind::Primary };
    group.element(
        Snippet::source(shown)
            .line_start(line)
            .path(name)
            .annotation(kind.span(annotated).label(label.map(normalize_untrusted_str))),
    )
}

/// The largest character boundary of `text` that is at most `at`.
fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// `text` in backticks for a message: control characters escaped, at most 60 characters long.
pub fn quote(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut quoted = String::from("`");
    for (count, character) in text.chars().enumerate() {
        if count == LONGEST {
            quoted.push('…');
            break;
        }
        if character.is_control() {
            quoted.extend(character.escape_default());
        } else {
            quoted.push(character);
        }
    }
    quoted.push('`');
    quoted
}

/// The candidate that `name` was most likely meant to be, if any is near: at most a third of its letters differ.
pub fn closest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const LONGEST_COMPARED: usize = 100;
    if name.len() > LONGEST_COMPARED {
        return None;
    }
    let lower = name.to_lowercase();
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= LONGEST_COMPARED)
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.chars().count() / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(text: &str, diagnostic: Diagnostic) -> String {
        let mut sources = Sources::default();
        sources.add("a.yaml", text);
        let mut diagnostics = Diagnostics::default();
        diagnostics.push(diagnostic);
        diagnostics.render(&sources, Style::Plain)
    }

    #[test]
    fn a_diagnostic_shows_file_line_column_caret_code_and_hint() {
        let location = Location::new(FileIdx(0), 10, 13);
        let related = Location::new(FileIdx(0), 0, 2);
        let diagnostic = Diagnostic::error(Code::DuplicateKey, "`é: ` comes twice")
            .at(location)
            .related(related, "first here")
            .hint("remove one");
        insta::assert_snapshot!(rendered("é: 1\r\nb: xyz\r\n", diagnostic), @r"
        error[duplicate-key]: `é: ` comes twice
         --> a.yaml:2:4
          |
        2 | b: xyz
          |    ^^^
          |
         ::: a.yaml:1:1
          |
        1 | é: 1
          | - first here
          |
          = help: remove one

        1 error
        ");
    }

    #[test]
    fn places_outside_the_text_and_inside_a_character_are_moved_not_fatal() {
        for (start, end) in [(0, 0), (1, 1), (1, 900), (900, 901), (5, 2)] {
            let diagnostic =
                Diagnostic::warning(Code::UnknownKey, "x").at(Location::new(FileIdx(0), start, end));
            assert!(rendered("é\nfoo\n", diagnostic.clone()).contains("a.yaml:"));
            assert!(rendered("", diagnostic.clone()).contains("a.yaml:1:1"));
            let long = "x".repeat(100_000);
            assert!(rendered(&long, diagnostic).len() < 300);
        }
    }

    #[test]
    fn order_is_by_place_and_floods_are_counted() {
        let mut diagnostics = Diagnostics::default();
        for start in [7, 3, 5] {
            let place = Location::new(FileIdx(0), start, start);
            diagnostics.push(Diagnostic::warning(Code::UnknownKey, "w").at(place));
        }
        for _ in 0..1000 {
            diagnostics.push(Diagnostic::error(Code::UnknownKey, "e"));
        }
        let starts: Vec<_> =
            diagnostics.sorted().iter().filter_map(|diagnostic| Some(diagnostic.location?.start)).collect();
        assert_eq!(starts, [3, 5, 7]);
        let mut sources = Sources::default();
        sources.add("a.yaml", "0123456789");
        let text = diagnostics.render(&sources, Style::Plain);
        assert!(text.ends_with("1000 errors (the first 100 are shown), 3 warnings\n"), "{text}");
    }

    #[test]
    fn near_names_are_suggested_and_far_ones_are_not() {
        let names = ["services", "traffic", "mesh"];
        assert_eq!(closest("servces", names), Some("services"));
        assert_eq!(closest("Trafic", names), Some("traffic"));
        assert_eq!(closest("mehs", names), Some("mesh"));
        assert_eq!(closest("zzz", names), None);
        assert_eq!(closest("", names), None);
        assert_eq!(quote("a\u{1b}[31mb"), "`a\\u{1b}[31mb`");
        assert_eq!(quote(&"x".repeat(100)).chars().count(), 63);
    }
}
