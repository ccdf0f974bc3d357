//! YAML to be read by people: short values on one line, long ones in blocks, comments above what they are about.

use std::fmt::{Display, Write as _};

/// Columns of a line where it can be broken.
const WIDTH: usize = 110;

/// A value to be written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Yaml {
    /// As it is written, quotes included.
    Scalar(String),
    List(Vec<Self>),
    Map(Map),
}

/// A map in the order in which it is written.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Map {
    entries: Vec<(String, Yaml)>,
    comments: Vec<String>,
}

impl Map {
    /// Adds an entry.
    pub(super) fn put(&mut self, key: &str, value: impl Into<Yaml>) {
        self.entries.push((quoted(key), value.into()));
    }

    /// Adds an entry whose key needs no quotes.
    pub(super) fn put_plain(&mut self, key: &str, value: impl Into<Yaml>) {
        self.entries.push((key.to_owned(), value.into()));
    }

    /// Adds an entry if there is a value.
    pub(super) fn maybe(&mut self, key: &str, value: Option<impl Into<Yaml>>) {
        if let Some(value) = value {
            self.put(key, value);
        }
    }

    /// Adds an entry if there is anything in it.
    pub(super) fn some(&mut self, key: &str, values: Vec<Yaml>) {
        if !values.is_empty() {
            self.put(key, Yaml::List(values));
        }
    }

    /// Adds an entry if there is anything in it, a single value without brackets.
    pub(super) fn one_or_some(&mut self, key: &str, mut values: Vec<Yaml>) {
        match values.len() {
            1 => self.put(key, values.remove(0)),
            _ => self.some(key, values),
        }
    }

    /// Says something above its first line.
    pub(super) fn comment(&mut self, text: &str) {
        self.comments.push(text.replace('\n', " "));
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The only entry is this one: its value, else the map.
    pub(super) fn or_only(mut self, key: &str) -> Yaml {
        let is_only = self.entries.len() == 1 && self.entries[0].0 == key && self.comments.is_empty();
        if is_only { self.entries.remove(0).1 } else { Yaml::Map(self) }
    }

    /// As a document: every entry begins a line.
    pub(super) fn document(&self) -> String {
        let mut text = String::new();
        for (key, value) in &self.entries {
            if matches!(value, Yaml::List(_) | Yaml::Map(_)) {
                text.push('\n');
            }
            entry(key, value, 0, "", &mut text);
        }
        text
    }

    /// Its comments, above a line at an indent.
    fn write_comments(&self, indent: usize, text: &mut String) {
        for said in &self.comments {
            text.push_str(&comment(said, indent));
        }
    }
}

impl From<Map> for Yaml {
    fn from(map: Map) -> Self {
        Self::Map(map)
    }
}

impl From<Vec<Self>> for Yaml {
    fn from(list: Vec<Self>) -> Self {
        Self::List(list)
    }
}

impl Yaml {
    /// A text, in quotes where it would be taken for something else.
    pub(super) fn text(text: &str) -> Self {
        Self::Scalar(quoted(text))
    }

    /// What needs no quotes: numbers and quantities.
    pub(super) fn plain(value: impl Display) -> Self {
        Self::Scalar(value.to_string())
    }

    /// A list of texts.
    pub(super) fn texts<'t>(texts: impl IntoIterator<Item = &'t str>) -> Vec<Self> {
        texts.into_iter().map(Self::text).collect()
    }

    /// A map with one entry.
    pub(super) fn of(key: &str, value: impl Into<Self>) -> Self {
        let mut map = Map::default();
        map.put(key, value);
        Self::Map(map)
    }

    fn has_comment(&self) -> bool {
        match self {
            Self::Scalar(_) => false,
            Self::List(elements) => elements.iter().any(Self::has_comment),
            Self::Map(map) => !map.comments.is_empty() || map.has_inner_comment(),
        }
    }

    /// On one line.
    fn flow(&self, text: &mut String) {
        match self {
            Self::Scalar(scalar) => text.push_str(scalar),
            Self::List(elements) => {
                text.push('[');
                for (position, element) in elements.iter().enumerate() {
                    text.push_str(if position == 0 { "" } else { ", " });
                    element.flow(text);
                }
                text.push(']');
            }
            Self::Map(map) => {
                text.push('{');
                for (position, (key, value)) in map.entries.iter().enumerate() {
                    let _ = write!(text, "{}{key}: ", if position == 0 { "" } else { ", " });
                    value.flow(text);
                }
                text.push('}');
            }
        }
    }

    /// On one line, if it fits and no comment has to stand within it.
    fn line(&self, column: usize) -> Option<String> {
        let has_inner_comment = match self {
            Self::Map(map) => map.has_inner_comment(),
            other => other.has_comment(),
        };
        let mut line = String::new();
        self.flow(&mut line);
        let is_empty = matches!(self, Self::List(elements) if elements.is_empty())
            || matches!(self, Self::Map(map) if map.is_empty());
        (is_empty || !has_inner_comment && column + line.chars().count() <= WIDTH).then_some(line)
    }
}

impl Map {
    fn has_inner_comment(&self) -> bool {
        self.entries.iter().any(|(_, value)| value.has_comment())
    }
}

/// A comment at an indent, on as many lines as it takes.
pub(super) fn comment(said: &str, indent: usize) -> String {
    let mut text = String::new();
    let mut line = String::from("#");
    for word in said.split_whitespace() {
        if line.len() > 1 && indent + line.chars().count() + word.chars().count() >= WIDTH {
            let _ = writeln!(text, "{:indent$}{line}", "");
            "#  ".clone_into(&mut line);
        }
        let _ = write!(line, " {word}");
    }
    let _ = writeln!(text, "{:indent$}{line}", "");
    text
}

/// `key: value` at an indent; `lead` stands before the key in place of the indent's last columns.
fn entry(key: &str, value: &Yaml, indent: usize, lead: &str, text: &mut String) {
    let start = format!("{:width$}{lead}{key}:", "", width = indent - lead.len());
    if let Yaml::Map(map) = value {
        map.write_comments(indent - lead.len(), text);
    }
    if let Some(line) = value.line(start.chars().count() + 1) {
        let _ = writeln!(text, "{start} {line}");
        return;
    }
    match value {
        Yaml::Scalar(scalar) => {
            let _ = writeln!(text, "{start} {scalar}");
        }
        Yaml::List(elements) => {
            let _ = writeln!(text, "{start}");
            for element in elements {
                item(element, indent + 4, text);
            }
        }
        Yaml::Map(map) => {
            let _ = writeln!(text, "{start}");
            for (key, value) in &map.entries {
                entry(key, value, indent + 2, "", text);
            }
        }
    }
}

/// An element of a list, whose keys stand at an indent.
fn item(element: &Yaml, indent: usize, text: &mut String) {
    let start = format!("{:width$}- ", "", width = indent - 2);
    if let Yaml::Map(map) = element {
        map.write_comments(indent - 2, text);
    }
    match element {
        Yaml::Map(map) if element.line(indent).is_none() => {
            for (position, (key, value)) in map.entries.iter().enumerate() {
                entry(key, value, indent, if position == 0 { "- " } else { "" }, text);
            }
        }
        Yaml::List(elements) if element.line(indent).is_none() => {
            for (position, element) in elements.iter().enumerate() {
                let mut inner = String::new();
                item(element, indent + 2, &mut inner);
                if position == 0 {
                    // Its comments stay above it.
                    let said = inner.lines().take_while(|line| line.trim_start().starts_with('#'));
                    let first = said.map(|line| line.len() + 1).sum::<usize>();
                    inner.replace_range(first..first + indent, &start);
                }
                text.push_str(&inner);
            }
        }
        _ => {
            let mut line = String::new();
            element.flow(&mut line);
            let _ = writeln!(text, "{start}{line}");
        }
    }
}

/// A text as YAML has it: in quotes unless it is a plain word.
fn quoted(text: &str) -> String {
    const WORDS: [&str; 8] = ["null", "true", "false", "yes", "no", "on", "off", "~"];
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.chars().all(plain)
        && !WORDS.contains(&text.to_ascii_lowercase().as_str());
    if is_plain { text.to_owned() } else { serde_json::to_string(text).expect("a text is JSON") }
}
