//! Decoding a located tree: every wrong field is reported, none stops the others.
//!
//! A *reader* is any `fn(&Node, &mut Diagnostics) -> Option<T>`: it returns the value, or reports why there is none.
//! Readers combine: [`list`] and [`located`] make readers from readers, [`Fields`] applies them to the keys of a map.
//!
//! ```
//! use sim::diag::{Diagnostics, Sources, Style};
//! use sim::input::{fields::{self, Fields}, tree::{Node, parse}};
//! use sim::units::Span;
//!
//! struct Probe { name: String, delay: Span, ports: Vec<u32> }
//!
//! fn probe(node: &Node, diagnostics: &mut Diagnostics) -> Option<Probe> {
//!     let mut fields = Fields::new(node, "a probe", diagnostics);
//!     let name = fields.need("name", fields::text);
//!     let delay = fields.read("delay", fields::span).unwrap_or(Span::ZERO);
//!     let ports = fields.read("ports", fields::list(fields::u32)).unwrap_or_default();
//!     fields.finish();
//!     Some(Probe { name: name?, delay, ports })
//! }
//!
//! let mut sources = Sources::default();
//! let mut diagnostics = Diagnostics::default();
//! let text = "{name: a, delay: 5, port: [1]}";
//! let file = sources.add("probe.yaml", text);
//! let documents = parse(text, file, &mut diagnostics);
//! assert!(probe(&documents[0], &mut diagnostics).is_some());
//! let text = diagnostics.render(&sources, Style::Plain);
//! assert!(text.contains("a duration needs a unit") && text.contains("did you mean `ports`?"), "{text}");
//! ```

use std::fmt::Display;
use std::str::FromStr;

use crate::diag::{Code, Diagnostic, Diagnostics, Location, closest, quote};
use crate::units::{Bytes, Cores, Rate, Ratio, Span, UnitError};

use super::tree::{Located, Node, Value};

/// The keys of one map, each taken at most once.
pub struct Fields<'n, 'd> {
    what: String,
    location: Location,
    /// `None` when the node is no map, which has been reported.
    entries: Option<&'n [(Node, Node)]>,
    taken: Vec<bool>,
    known: Vec<&'static str>,
    diagnostics: &'d mut Diagnostics,
}

impl<'n, 'd> Fields<'n, 'd> {
    /// The keys of `node`; `what` names it in messages, with its article: `a service`.
    pub fn new(node: &'n Node, what: impl Into<String>, diagnostics: &'d mut Diagnostics) -> Self {
        let what = what.into();
        let entries = node.entries();
        if entries.is_none() {
            let message = format!("{what} is written as a map, not as {}", node.describe());
            diagnostics.push(Diagnostic::error(Code::UnexpectedKind, message).at(node.location));
        }
        let taken = vec![false; entries.map_or(0, <[_]>::len)];
        Self { what, location: node.location, entries, taken, known: Vec::new(), diagnostics }
    }

    /// The value of `key`; `None` if it is absent or nothing is written there.
    pub fn take(&mut self, key: &'static str) -> Option<&'n Node> {
        self.entry(key).map(|(_, value)| value).filter(|value| !value.is_null())
    }

    /// As [`Fields::take`], and an error if there is none.
    pub fn required(&mut self, key: &'static str) -> Option<&'n Node> {
        match self.entry(key) {
            Some((name, value)) if value.is_null() => {
                let message = format!("{} needs a value for {}", self.what, quote(key));
                self.report(Diagnostic::error(Code::MissingKey, message).at(name.location));
                None
            }
            Some((_, value)) => Some(value),
            None => {
                if self.entries.is_some() {
                    let message = format!("{} needs {}", self.what, quote(key));
                    self.report(Diagnostic::error(Code::MissingKey, message).at(self.location));
                }
                None
            }
        }
    }

    /// What `reader` makes of the value of `key`; `None` if it is absent or wrong.
    pub fn read<T>(
        &mut self,
        key: &'static str,
        reader: impl FnOnce(&Node, &mut Diagnostics) -> Option<T>,
    ) -> Option<T> {
        let node = self.take(key)?;
        reader(node, self.diagnostics)
    }

    /// As [`Fields::read`], and an error if the key is absent.
    pub fn need<T>(
        &mut self,
        key: &'static str,
        reader: impl FnOnce(&Node, &mut Diagnostics) -> Option<T>,
    ) -> Option<T> {
        let node = self.required(key)?;
        reader(node, self.diagnostics)
    }

    /// Whether `key` is written, with or without a value; does not take it.
    pub fn has(&self, key: &str) -> bool {
        self.entries.is_some_and(|entries| entries.iter().any(|(name, _)| name.text() == Some(key)))
    }

    /// Where the whole map stands.
    pub const fn location(&self) -> Location {
        self.location
    }

    /// Number of errors so far, those of others included: whether reading some fields has added any.
    pub const fn errors(&self) -> usize {
        self.diagnostics.errors()
    }

    /// Reports a problem that only several fields together show.
    pub fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Reports the keys that nobody took; `None` if there was no map to take them from.
    pub fn finish(self) -> Option<()> {
        for (key, _) in self.untaken() {
            let name = key.text().unwrap_or_default();
            let message = format!("{} has no {}", self.what, quote(name));
            let near = closest(name, self.known.iter().copied().filter(|known| !self.has(known)));
            let diagnostic = Diagnostic::error(Code::UnknownKey, message).at(key.location);
            self.diagnostics.push(match near {
                Some(_) => diagnostic.suggest(near),
                None => diagnostic.hint(format!("known here: {}", self.known.join(", "))),
            });
        }
        self.entries.map(|_| ())
    }

    /// The entries that nobody took, for formats that ignore what they do not know.
    pub fn untaken(&self) -> Vec<&'n (Node, Node)> {
        let entries = self.entries.unwrap_or_default();
        entries.iter().zip(&self.taken).filter(|(_, taken)| !**taken).map(|(entry, _)| entry).collect()
    }

    fn entry(&mut self, key: &'static str) -> Option<&'n (Node, Node)> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        let entries = self.entries?;
        let row = entries.iter().position(|(name, _)| name.text() == Some(key))?;
        self.taken[row] = true;
        Some(&entries[row])
    }
}

/// A reader that remembers where the value stands.
pub fn located<T>(
    reader: impl Fn(&Node, &mut Diagnostics) -> Option<T>,
) -> impl Fn(&Node, &mut Diagnostics) -> Option<Located<T>> {
    move |node, diagnostics| Some(Located::new(reader(node, diagnostics)?, node.location))
}

/// A reader of lists; `None` if any element is wrong, all of which are reported.
pub fn list<T>(
    reader: impl Fn(&Node, &mut Diagnostics) -> Option<T>,
) -> impl Fn(&Node, &mut Diagnostics) -> Option<Vec<T>> {
    move |node, diagnostics| elements(node, &reader, diagnostics)?.into_iter().collect()
}

/// A reader of lists that keeps the elements which could be read; what is wrong with the others is reported.
pub fn each<T>(
    reader: impl Fn(&Node, &mut Diagnostics) -> Option<T>,
) -> impl Fn(&Node, &mut Diagnostics) -> Option<Vec<T>> {
    move |node, diagnostics| Some(elements(node, &reader, diagnostics)?.into_iter().flatten().collect())
}

/// What `reader` makes of each element, until there are far more errors than anybody is shown.
fn elements<T>(
    node: &Node,
    reader: impl Fn(&Node, &mut Diagnostics) -> Option<T>,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<Option<T>>> {
    const ENOUGH_ERRORS: usize = 10 * Diagnostics::MAX_KEPT;
    let Value::List(elements) = &node.value else {
        return unexpected(node, "a list", diagnostics);
    };
    let mut decoded = Vec::with_capacity(elements.len());
    for element in elements {
        if diagnostics.errors() > ENOUGH_ERRORS {
            break;
        }
        decoded.push(reader(element, diagnostics));
    }
    Some(decoded)
}

/// A reader of maps whose keys are the user's own names; `None` if any value is wrong, all of which are reported.
pub fn map<T>(
    reader: impl Fn(&Node, &mut Diagnostics) -> Option<T>,
) -> impl Fn(&Node, &mut Diagnostics) -> Option<Vec<(Located<String>, T)>> {
    move |node, diagnostics| {
        let Value::Map(entries) = &node.value else {
            return unexpected(node, "a map", diagnostics);
        };
        let decoded: Vec<_> = entries
            .iter()
            .map(|(key, value)| {
                let name = Located::new(key.text()?.to_owned(), key.location);
                Some((name, reader(value, diagnostics)?))
            })
            .collect();
        decoded.into_iter().collect()
    }
}

/// The one key of a map such as `{exponential: 5ms}` and its value; `kinds` are the keys it may have.
pub fn one_of<'n>(
    node: &'n Node,
    what: &str,
    kinds: &[&'static str],
    diagnostics: &mut Diagnostics,
) -> Option<(&'static str, &'n Node)> {
    let hint = || format!("one of: {}", kinds.join(", "));
    let Some([(key, value)]) = node.entries() else {
        let given = match node.entries().map(<[_]>::len) {
            Some(keys) => format!("one with {keys}"),
            None => node.describe(),
        };
        let message = format!("{what} is a map with exactly one key, not {given}");
        diagnostics.push(Diagnostic::error(Code::UnexpectedKind, message).at(node.location).hint(hint()));
        return None;
    };
    let name = key.text().unwrap_or_default();
    if let Some(kind) = kinds.iter().find(|kind| **kind == name) {
        return Some((kind, value));
    }
    let diagnostic = Diagnostic::error(Code::UnknownKey, format!("{what} cannot be {}", quote(name)));
    let near = closest(name, kinds.iter().copied());
    let diagnostic = diagnostic.at(key.location).hint(hint());
    diagnostics.push(diagnostic.suggest(near));
    None
}

/// The row of `table` whose name is written, as in `discipline: fifo`; upper and lower case are alike.
pub fn choice<T: Copy>(
    node: &Node,
    what: &str,
    table: &[(&'static str, T)],
    diagnostics: &mut Diagnostics,
) -> Option<T> {
    let name = text(node, diagnostics)?;
    if let Some((_, row)) = table.iter().find(|(candidate, _)| candidate.eq_ignore_ascii_case(&name)) {
        return Some(*row);
    }
    let names: Vec<_> = table.iter().map(|(candidate, _)| *candidate).collect();
    let message = format!("{what} cannot be {}", quote(&name));
    let diagnostic = Diagnostic::error(Code::InvalidValue, message).at(node.location);
    let near = closest(&name, names.iter().copied());
    diagnostics.push(diagnostic.hint(format!("one of: {}", names.join(", "))).suggest(near));
    None
}

/// A text that is not empty.
pub fn text(node: &Node, diagnostics: &mut Diagnostics) -> Option<String> {
    let written = scalar(node, "a text", diagnostics)?;
    if written.is_empty() {
        diagnostics.push(Diagnostic::error(Code::InvalidValue, "a text is empty").at(node.location));
        return None;
    }
    Some(written.to_owned())
}

/// `true` or `false`, without quotes.
pub fn boolean(node: &Node, diagnostics: &mut Diagnostics) -> Option<bool> {
    match &node.value {
        Value::Scalar { text, quoted: false } if matches!(&**text, "true" | "True" | "TRUE") => Some(true),
        Value::Scalar { text, quoted: false } if matches!(&**text, "false" | "False" | "FALSE") => {
            Some(false)
        }
        Value::Scalar { text, .. } => {
            let message = format!("{} is neither true nor false", quote(text));
            let hint = match text.to_ascii_lowercase().as_str() {
                "yes" | "on" | "y" | "true" => "write true, without quotes",
                "no" | "off" | "n" | "false" => "write false, without quotes",
                _ => "write true or false",
            };
            diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(node.location).hint(hint));
            None
        }
        _ => unexpected(node, "true or false", diagnostics),
    }
}

/// A whole number from 0 to 4,294,967,295.
pub fn u32(node: &Node, diagnostics: &mut Diagnostics) -> Option<u32> {
    whole_number(node, u32::MAX, diagnostics)
}

/// A whole number from 0 to 2⁶⁴ − 1.
pub fn u64(node: &Node, diagnostics: &mut Diagnostics) -> Option<u64> {
    whole_number(node, u64::MAX, diagnostics)
}

/// A whole number from 1.
pub fn count(node: &Node, diagnostics: &mut Diagnostics) -> Option<u32> {
    let number = u32(node, diagnostics)?;
    if number == 0 {
        diagnostics.push(Diagnostic::error(Code::InvalidValue, "this must be at least 1").at(node.location));
        return None;
    }
    Some(number)
}

/// A finite number.
pub fn f64(node: &Node, diagnostics: &mut Diagnostics) -> Option<f64> {
    parsed(node, "a number", diagnostics, |text| {
        let number: Option<f64> = text.parse().ok().filter(|number: &f64| number.is_finite());
        number.ok_or_else(|| UnitError::new("write a number as 2, 0.5 or 1e-3"))
    })
}

/// A duration; see [`Span::parse`].
pub fn span(node: &Node, diagnostics: &mut Diagnostics) -> Option<Span> {
    parsed(node, "a duration", diagnostics, Span::parse)
}

/// A duration longer than nothing.
pub fn positive_span(node: &Node, diagnostics: &mut Diagnostics) -> Option<Span> {
    let length = span(node, diagnostics)?;
    if length == Span::ZERO {
        let message = "this must be longer than nothing";
        diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(node.location));
        return None;
    }
    Some(length)
}

/// A rate; see [`Rate::parse`].
pub fn rate(node: &Node, diagnostics: &mut Diagnostics) -> Option<Rate> {
    parsed(node, "a rate", diagnostics, Rate::parse)
}

/// A size; see [`Bytes::parse`].
pub fn bytes(node: &Node, diagnostics: &mut Diagnostics) -> Option<Bytes> {
    parsed(node, "a size", diagnostics, Bytes::parse)
}

/// An amount of CPU; see [`Cores::parse`].
pub fn cores(node: &Node, diagnostics: &mut Diagnostics) -> Option<Cores> {
    parsed(node, "an amount of CPU", diagnostics, Cores::parse)
}

/// A fraction; see [`Ratio::parse`].
pub fn ratio(node: &Node, diagnostics: &mut Diagnostics) -> Option<Ratio> {
    parsed(node, "a ratio", diagnostics, Ratio::parse)
}

/// What `parse` makes of a scalar; `what` names it with its article: `a duration`.
pub fn parsed<T>(
    node: &Node,
    what: &str,
    diagnostics: &mut Diagnostics,
    parse: impl FnOnce(&str) -> Result<T, UnitError>,
) -> Option<T> {
    let written = scalar(node, what, diagnostics)?;
    match parse(written) {
        Ok(value) => Some(value),
        Err(error) => {
            let message = format!("{} cannot be read as {what}: {error}", quote(written));
            diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(node.location));
            None
        }
    }
}

/// Reports that `node` is not `wanted`, which is given with its article.
pub fn unexpected<T>(node: &Node, wanted: &str, diagnostics: &mut Diagnostics) -> Option<T> {
    let message = format!("{wanted} is expected here, not {}", node.describe());
    diagnostics.push(Diagnostic::error(Code::UnexpectedKind, message).at(node.location));
    None
}

fn scalar<'n>(node: &'n Node, what: &str, diagnostics: &mut Diagnostics) -> Option<&'n str> {
    node.text().or_else(|| unexpected(node, what, diagnostics))
}

fn whole_number<T>(node: &Node, largest: impl Display, diagnostics: &mut Diagnostics) -> Option<T>
where
    T: FromStr,
{
    parsed(node, "a whole number", diagnostics, |text| {
        text.parse().map_err(|_| UnitError::new(format!("write digits only, from 0 to {largest}")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::{Sources, Style};
    use crate::input::tree::parse;

    /// What `reader` makes of `text`, or the messages with their hints.
    fn check<T: std::fmt::Debug>(
        text: &str,
        reader: impl Fn(&Node, &mut Diagnostics) -> Option<T>,
        expected: &str,
    ) {
        let mut sources = Sources::default();
        let file = sources.add("a.yaml", text);
        let mut diagnostics = Diagnostics::default();
        let documents = parse(text, file, &mut diagnostics);
        let decoded = reader(&documents[0], &mut diagnostics).map(|value| format!("{value:?}"));
        let problems: Vec<_> = diagnostics
            .sorted()
            .iter()
            .map(|problem| format!("{} ({})", problem.message, problem.hint.as_deref().unwrap_or("-")))
            .collect();
        assert_eq!(
            decoded.is_none(),
            diagnostics.has_errors(),
            "a reader says what is wrong exactly if it fails"
        );
        assert_eq!(decoded.unwrap_or_else(|| problems.join("; ")), expected, "{text}");
        diagnostics.render(&sources, Style::Plain);
    }

    #[test]
    fn readers_read_or_say_why_not() {
        check("5ms", span, "5ms");
        check("'5ms'", span, "5ms");
        check("[5ms]", span, "a duration is expected here, not a list (-)");
        check("70k/s", rate, "70000/s");
        check("16KiB", bytes, "16KiB");
        check("100m", cores, "100m");
        check("10%", ratio, "0.1");
        check(
            "1.5",
            ratio,
            "`1.5` cannot be read as a ratio: a ratio lies between 0 and 1 (or 0% and 100%) (-)",
        );
        check("1e-3", f64, "0.001");
        check("nan", f64, "`nan` cannot be read as a number: write a number as 2, 0.5 or 1e-3 (-)");
        check("4294967295", u32, "4294967295");
        check(
            "4294967296",
            u32,
            "`4294967296` cannot be read as a whole number: write digits only, from 0 to 4294967295 (-)",
        );
        check("0", count, "this must be at least 1 (-)");
        check("true", boolean, "true");
        check("'true'", boolean, "`true` is neither true nor false (write true, without quotes)");
        check("off", boolean, "`off` is neither true nor false (write false, without quotes)");
        check("''", text, "a text is empty (-)");
        check(
            "[1, x, y]",
            list(u32),
            concat!(
                "`x` cannot be read as a whole number: write digits only, from 0 to 4294967295 (-); ",
                "`y` cannot be read as a whole number: write digits only, from 0 to 4294967295 (-)"
            ),
        );
        check("{a: 1, b: {}}", map(u32), "a whole number is expected here, not a map (-)");
    }

    #[test]
    fn named_kinds_are_suggested() {
        let kinds = |node: &Node, diagnostics: &mut Diagnostics| {
            let (kind, value) = one_of(node, "a distribution", &["constant", "exponential"], diagnostics)?;
            Some((kind, value.describe()))
        };
        check("{exponential: 5ms}", kinds, "(\"exponential\", \"`5ms`\")");
        check(
            "{exponentail: 5ms}",
            kinds,
            "a distribution cannot be `exponentail` (did you mean `exponential`?)",
        );
        check("{zipf: 5ms}", kinds, "a distribution cannot be `zipf` (one of: constant, exponential)");
        check(
            "{constant: 1, exponential: 2}",
            kinds,
            "a distribution is a map with exactly one key, not one with 2 (one of: constant, exponential)",
        );
        let discipline = |node: &Node, diagnostics: &mut Diagnostics| {
            choice(node, "a discipline", &[("fifo", 1), ("processor_sharing", 2)], diagnostics)
        };
        check("FIFO", discipline, "1");
        check(
            "processor-sharing",
            discipline,
            "a discipline cannot be `processor-sharing` (did you mean `processor_sharing`?)",
        );
    }

    #[test]
    fn fields_report_what_is_missing_empty_and_unknown() {
        let reader = |node: &Node, diagnostics: &mut Diagnostics| {
            let mut fields = Fields::new(node, "a probe", diagnostics);
            let (name, delay) = (fields.need("name", text), fields.read("delay", located(span)));
            fields.finish();
            Some((name?, delay.map(|delay| (delay.value, delay.location.start))))
        };
        check("{name: a}", reader, "(\"a\", None)");
        check("{name: a, delay: 1s}", reader, "(\"a\", Some((1s, 17)))");
        check("{name: a, delay: ~}", reader, "(\"a\", None)");
        check("{}", reader, "a probe needs `name` (-)");
        check("{name: }", reader, "a probe needs a value for `name` (-)");
        check("[]", reader, "a probe is written as a map, not as a list (-)");
    }
}
