//! Changing one value of a tree by its path: `--set services.reviews.replicas=3`.

use crate::diag::{Code, Diagnostic, Diagnostics, Location, Sources, closest, quote};

use super::{Node, Rejected, Value, parse_part};

/// The options of the command line that change values.
pub const SET: &str = "--set";
/// The one that gives a value several values, one after the other.
pub const VARY: &str = "--vary";

/// `path=value` from the command line.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    /// Which value, e.g. `run.seed` or `services.reviews.replicas`.
    pub path: String,
    /// Where the path stands.
    pub location: Location,
    /// The new value.
    pub value: Node,
}

impl Assignment {
    /// Parses `path=value`, the value as YAML; locations point into a source that is called like the `option`.
    pub fn parse(
        option: &str,
        argument: &str,
        sources: &mut Sources,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let file = sources.add(option, argument);
        let end = argument.find('=').unwrap_or(argument.len());
        let location = Location::new(file, 0, end as u32);
        let Some(text) = argument.get(end + 1..).filter(|_| end > 0) else {
            diagnostics.push(
                Diagnostic::error(Code::InvalidValue, format!("{} is not path=value", quote(argument)))
                    .at(location)
                    .hint("write, for example, --set run.seed=7"),
            );
            return None;
        };
        let errors = diagnostics.errors();
        let value = parse_part(text, file, end as u32 + 1, diagnostics).pop();
        if diagnostics.errors() > errors {
            return None;
        }
        let nothing =
            Node { value: Value::Null, location: Location::new(file, end as u32 + 1, end as u32 + 1) };
        Some(Self { path: argument[..end].to_owned(), location, value: value.unwrap_or(nothing) })
    }
}

/// Replaces the value at `path` of `root`, creating maps and keys that are missing.
///
/// A path is keys joined by dots. An element of a list is named by its `name`, `services.reviews.replicas`, or by its
/// position, counted from 0: `traffic[0].rate` or `traffic.0.rate`, which an element of the name `0` comes before. A key
/// that contains a dot stands in quotes: `labels."app.kubernetes.io/name"`.
///
/// # Errors
/// When the path is malformed, leads through a value that is neither list nor map, or to a list element that does
/// not exist; `location` is that of the path.
pub fn set(root: &mut Node, path: &str, location: Location, value: Node) -> Result<(), Rejected> {
    let fail = |message: String| Box::new(Diagnostic::error(Code::UnknownPath, message).at(location));
    let segments = split(path).map_err(fail)?;
    let mut node = root;
    for (position, segment) in segments.iter().enumerate() {
        let walked = || segments[..position].iter().map(Segment::text).collect::<Vec<_>>().join(".");
        node = step(node, segment, location).map_err(|diagnostic| {
            let place = if position == 0 { String::new() } else { format!(" in {}", quote(&walked())) };
            Box::new(Diagnostic { message: format!("{}{place}", diagnostic.message), ..*diagnostic })
        })?;
    }
    *node = value;
    Ok(())
}

enum Segment {
    Name(String),
    Position(usize),
}

impl Segment {
    fn text(&self) -> String {
        match self {
            Self::Name(name) => name.clone(),
            Self::Position(position) => format!("[{position}]"),
        }
    }
}

/// One step down; what is missing in a map is created.
fn step<'n>(node: &'n mut Node, segment: &Segment, location: Location) -> Result<&'n mut Node, Rejected> {
    let fail = |message: String| Box::new(Diagnostic::error(Code::UnknownPath, message).at(location));
    if node.is_null() {
        *node = Node { value: Value::Map(Vec::new()), location };
    }
    let kind = node.describe();
    match (&mut node.value, segment) {
        (Value::Map(entries), Segment::Name(name)) => {
            let found = entries.iter().position(|(key, _)| key.text() == Some(name));
            let position = found.unwrap_or_else(|| {
                entries.push((Node::scalar(name, location), Node { value: Value::Null, location }));
                entries.len() - 1
            });
            Ok(&mut entries[position].1)
        }
        (Value::List(elements), segment) => match element(elements, segment) {
            Ok(position) => Ok(&mut elements[position]),
            Err((message, hint)) => {
                let diagnostic = fail(message);
                Err(if hint.is_empty() { diagnostic } else { Box::new(diagnostic.hint(hint)) })
            }
        },
        (_, segment) => Err(fail(format!("{kind} has no {}", quote(&segment.text())))),
    }
}

/// The position of the element that a segment means, or what is wrong with it and a hint.
fn element(elements: &[Node], segment: &Segment) -> Result<usize, (String, String)> {
    let names: Vec<_> = elements.iter().map(|element| element.get("name").and_then(Node::text)).collect();
    let position = match segment {
        Segment::Position(position) => *position,
        Segment::Name(name) => {
            if let Some(position) = names.iter().position(|candidate| *candidate == Some(name)) {
                return Ok(position);
            }
            name.parse().map_err(|_| {
                let known = || names.iter().flatten().copied();
                let hint = match closest(name, known()) {
                    Some(near) => format!("did you mean {}?", quote(near)),
                    None => positions(&names),
                };
                (format!("no element of the list has the name {}", quote(name)), hint)
            })?
        }
    };
    if position < elements.len() {
        Ok(position)
    } else {
        let message = format!("there is no element [{position}] in a list of {}", elements.len());
        Err((message, positions(&names)))
    }
}

/// A hint at the elements there are: `known here: [0] web, [1] cart`.
fn positions(names: &[Option<&str>]) -> String {
    const MOST: usize = 8;
    let named = |(position, name): (usize, Option<&str>)| match name {
        Some(name) => format!("[{position}] {name}"),
        None => format!("[{position}]"),
    };
    let mut known: Vec<String> = names.iter().copied().enumerate().take(MOST).map(named).collect();
    if names.len() > MOST {
        known.push(format!("… [{}]", names.len() - 1));
    }
    if known.is_empty() { String::new() } else { format!("known here: {}", known.join(", ")) }
}

/// Splits `a."b.c"[2].d` into its segments.
fn split(path: &str) -> Result<Vec<Segment>, String> {
    let malformed = || format!("{} is not a path", quote(path));
    let mut segments = Vec::new();
    let mut rest = path;
    loop {
        let (name, tail) = if let Some(quoted) = rest.strip_prefix('"') {
            quoted.split_once('"').ok_or_else(malformed)?
        } else {
            rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len()))
        };
        if name.is_empty() {
            return Err(malformed());
        }
        segments.push(Segment::Name(name.to_owned()));
        rest = tail;
        while let Some(bracket) = rest.strip_prefix('[') {
            let (position, tail) = bracket.split_once(']').ok_or_else(malformed)?;
            segments.push(Segment::Position(position.parse().map_err(|_| malformed())?));
            rest = tail;
        }
        if rest.is_empty() {
            return Ok(segments);
        }
        rest = rest.strip_prefix('.').ok_or_else(malformed)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::FileIdx;

    /// Applies `--set argument` to `yaml` and shows the tree, or the error's message.
    fn apply(yaml: &str, argument: &str) -> String {
        let mut sources = Sources::default();
        let mut diagnostics = Diagnostics::default();
        let file = sources.add("a.yaml", yaml);
        let mut root = super::super::parse(yaml, file, &mut diagnostics)
            .pop()
            .unwrap_or(Node { value: Value::Null, location: Location::new(file, 0, 0) });
        let Some(assignment) = Assignment::parse(SET, argument, &mut sources, &mut diagnostics) else {
            return diagnostics.sorted()[0].message.clone();
        };
        match set(&mut root, &assignment.path, assignment.location, assignment.value) {
            Ok(()) => show(&root),
            Err(diagnostic) => {
                assert_eq!(diagnostic.location.map(|place| place.source), Some(FileIdx(1)));
                format!("{} / {}", diagnostic.message, diagnostic.hint.unwrap_or_default())
            }
        }
    }

    fn show(node: &Node) -> String {
        match &node.value {
            Value::Null => "~".to_owned(),
            Value::Scalar { text, .. } => text.to_string(),
            Value::List(elements) => {
                format!("[{}]", elements.iter().map(show).collect::<Vec<_>>().join(","))
            }
            Value::Map(entries) => {
                let entries: Vec<_> =
                    entries.iter().map(|(key, value)| format!("{}:{}", show(key), show(value))).collect();
                format!("{{{}}}", entries.join(","))
            }
        }
    }

    #[test]
    fn values_are_replaced_and_created() {
        assert_eq!(apply("a: {b: 1}", "a.b=2"), "{a:{b:2}}");
        assert_eq!(apply("a: {b: 1}", "a.c.d={e: [1, 2]}"), "{a:{b:1,c:{d:{e:[1,2]}}}}");
        assert_eq!(apply("a: [1, 2]", "a[1]=x"), "{a:[1,x]}");
        assert_eq!(apply("a: [1, 2]", "a.1=x"), "{a:[1,x]}");
        assert_eq!(apply("a: [{name: n, v: 1}]", "a.n.v=5ms"), "{a:[{name:n,v:5ms}]}");
        assert_eq!(apply("a: [{v: 1}, {v: 2}]", "a.0.v=5"), "{a:[{v:5},{v:2}]}");
        assert_eq!(
            apply("a: [{name: 1, v: 1}, {name: x, v: 2}]", "a.1.v=5"),
            "{a:[{name:1,v:5},{name:x,v:2}]}"
        );
        assert_eq!(apply("", "a=1"), "{a:1}");
        assert_eq!(apply("a: 1", "a="), "{a:~}");
        assert_eq!(apply("a: 1", "\"x.y\".z=1"), "{a:1,x.y:{z:1}}");
        assert_eq!(apply("a: [[1], [2]]", "a[1][0]=3"), "{a:[[1],[3]]}");
    }

    #[test]
    fn paths_that_lead_nowhere_say_where_they_end() {
        assert_eq!(apply("a: {b: 1}", "a.b.c=2"), "`1` has no `c` in `a.b` / ");
        for path in ["a[3]", "a.3"] {
            assert_eq!(
                apply("a: [1, {name: web}]", &format!("{path}=2")),
                "there is no element [3] in a list of 2 in `a` / known here: [0], [1] web"
            );
        }
        assert_eq!(apply("a: []", "a[0]=2"), "there is no element [0] in a list of 0 in `a` / ");
        assert_eq!(
            apply("a: [1, 1, 1, 1, 1, 1, 1, 1, 1, {name: j}]", "a.other=2"),
            "no element of the list has the name `other` in `a` / \
             known here: [0], [1], [2], [3], [4], [5], [6], [7], … [9]"
        );
        assert_eq!(
            apply("a: [{name: reviews}]", "a.revews.x=2"),
            "no element of the list has the name `revews` in `a` / did you mean `reviews`?"
        );
        for argument in ["a..b=1", ".a=1", "a.=1", "a[=1", "a[x]=1", "\"a=1", "a[1]b=1"] {
            assert!(apply("a: 1", argument).contains("is not a path"), "{argument}");
        }
        for argument in ["a", "=1", ""] {
            assert!(apply("a: 1", argument).contains("is not path=value"), "{argument}");
        }
        assert_eq!(apply("a: 1", "a=[1"), "a `[` or `{` is not closed");
    }
}
