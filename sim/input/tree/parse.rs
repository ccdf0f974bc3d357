//! From parser events to the tree, within budgets that hold for any input.

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Span, StructureStyle, Tag};
use rustc_hash::FxHashMap;

use crate::diag::{Code, Diagnostic, Diagnostics, FileIdx, Location, quote};

use super::{Node, Value};

/// Largest file, in bytes: 64 MiB.
pub const MAX_FILE_BYTES: usize = 64 << 20;
/// Lists and maps within each other, aliases resolved.
pub const MAX_DEPTH: usize = 128;
/// Values of one text, those that aliases repeat included: as many as are read in about a second. Ten thousand services
/// have some hundred thousand.
pub const MAX_NODES: usize = 2_000_000;
/// Of these, values that anchors and aliases copy.
const MAX_COPIED_NODES: usize = 500_000;

/// Longest key, in characters.
const LONGEST_KEY: usize = 1 << 16;

/// The documents of a YAML stream or the one of a JSON text; empty documents are left out.
///
/// What is wrong is pushed to `diagnostics`; what stands before it is returned nevertheless.
pub fn parse(text: &str, file: FileIdx, diagnostics: &mut Diagnostics) -> Vec<Node> {
    parse_part(text, file, 0, diagnostics)
}

/// As [`parse`], for a text that begins at byte `offset` of its source.
pub fn parse_part(text: &str, file: FileIdx, offset: u32, diagnostics: &mut Diagnostics) -> Vec<Node> {
    let mut builder = Builder::new(file, offset, diagnostics);
    if text.len() > MAX_FILE_BYTES {
        let message =
            format!("the text has {} bytes, more than the {MAX_FILE_BYTES} that are read", text.len());
        builder.diagnostics.push(Diagnostic::error(Code::TooLarge, message).at(builder.place(0, 0)));
        return Vec::new();
    }
    let options = granit_parser::options! {
        // JSON knows no limit for keys; but what may still turn out to be a key is kept in memory.
        simple_key_max_lookahead: LONGEST_KEY,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    for next in Parser::new_from_str_with_options(text, options) {
        let outcome = match next {
            Ok((event, span)) => builder.event(event, span),
            Err(error) => Err(scan_error(&error, text, &builder)),
        };
        if let Err(stop) = outcome {
            let place = stop.location.map_or(0, |place| place.start.saturating_sub(offset) as usize);
            let is_template = line_at(text, place).contains("{{");
            builder.diagnostics.push(if is_template { stop.hint(TEMPLATE) } else { stop });
            break;
        }
    }
    builder.documents
}

const TEMPLATE: &str = "`{{` begins a template: give what comes of it, as `helm template` prints it";

/// The line with this byte.
fn line_at(text: &str, byte: usize) -> &str {
    let before = text.get(..byte).map_or(0, |before| before.rfind('\n').map_or(0, |end| end + 1));
    text[before..].lines().next().unwrap_or_default()
}

/// Reading cannot go on.
type Stop = Diagnostic;

struct Builder<'d> {
    file: FileIdx,
    offset: u32,
    diagnostics: &'d mut Diagnostics,
    documents: Vec<Node>,
    open: Vec<Open>,
    anchors: FxHashMap<usize, Measured>,
    nodes: usize,
    copied: usize,
}

/// A list or map whose end has not come yet.
struct Open {
    collection: Collection,
    /// Whether brackets are around it.
    flow: bool,
    start: u32,
    anchor: usize,
    nodes: usize,
    height: usize,
}

enum Collection {
    List(Vec<Node>),
    Map { entries: Vec<(Node, Node)>, key: Option<Node>, merge: Option<(Node, Node)> },
}

/// A finished node with its size: how many nodes it is made of, and how deep.
#[derive(Clone)]
struct Measured {
    node: Node,
    nodes: usize,
    height: usize,
}

impl<'d> Builder<'d> {
    fn new(file: FileIdx, offset: u32, diagnostics: &'d mut Diagnostics) -> Self {
        Self {
            file,
            offset,
            diagnostics,
            documents: Vec::new(),
            open: Vec::new(),
            anchors: FxHashMap::default(),
            nodes: 0,
            copied: 0,
        }
    }

    fn place(&self, start: u32, end: u32) -> Location {
        Location::new(self.file, self.offset + start, self.offset + end.max(start))
    }

    fn location(&self, span: Span) -> Location {
        self.place(byte(span.start), byte(span.end))
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Stop> {
        match event {
            Event::DocumentStart(..) => self.anchors.clear(),
            Event::Scalar(text, style, anchor, tag) => {
                let location = self.location(span);
                let value = scalar(&text, style, tag.as_deref());
                self.reject_custom_tag(tag.as_deref(), span);
                self.finish(Measured { node: Node { value, location }, nodes: 1, height: 0 }, anchor)?;
            }
            Event::SequenceStart(style, anchor, tag) => {
                self.reject_custom_tag(tag.as_deref(), span);
                self.begin(Collection::List(Vec::new()), style, span, anchor);
            }
            Event::MappingStart(style, anchor, tag) => {
                self.reject_custom_tag(tag.as_deref(), span);
                let map = Collection::Map { entries: Vec::new(), key: None, merge: None };
                self.begin(map, style, span, anchor);
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(span)?,
            Event::Alias(anchor) => self.alias(anchor, span)?,
            // Anchor names and unresolved aliases are not asked for; the rest carries no value.
            _ => {}
        }
        Ok(())
    }

    fn reject_custom_tag(&mut self, tag: Option<&Tag>, span: Span) {
        let Some(tag) = tag else { return };
        let (handle, suffix) = tag.parts();
        if handle.starts_with("tag:yaml.org,2002:") || format!("{handle}{suffix}") == "!" {
            return;
        }
        let location = self.location(span.tag_span().unwrap_or(span));
        let message = format!("the tag {} has no meaning here", quote(&format!("{handle}{suffix}")));
        self.diagnostics.push(Diagnostic::error(Code::Syntax, message).at(location).hint("remove the tag"));
    }

    fn begin(&mut self, collection: Collection, style: StructureStyle, span: Span, anchor: usize) {
        let flow = style == StructureStyle::Flow;
        self.open.push(Open { collection, flow, start: byte(span.start), anchor, nodes: 1, height: 1 });
    }

    fn end(&mut self, span: Span) -> Result<(), Stop> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let location = self.place(open.start, byte(span.end));
        let value = match open.collection {
            Collection::List(elements) => Value::List(elements),
            Collection::Map { mut entries, merge, .. } => {
                self.reject_duplicates(&mut entries);
                if let Some((_, source)) = merge {
                    self.merge(&mut entries, source);
                }
                Value::Map(entries)
            }
        };
        let node = Node { value, location };
        self.finish(Measured { node, nodes: open.nodes, height: open.height }, open.anchor)
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Stop> {
        let Some(target) = self.anchors.get(&anchor) else {
            let message = "an alias stands inside the value that it repeats";
            return Err(Diagnostic::error(Code::Syntax, message).at(self.location(span)));
        };
        let (nodes, height) = (target.nodes, target.height);
        let location = self.location(span);
        self.charge_copy(nodes, location)?;
        if self.open.len() + height > MAX_DEPTH {
            return Err(too_deep(location));
        }
        let copy = self.anchors[&anchor].clone();
        self.finish(copy, 0)
    }

    /// Counts nodes that are about to be copied, before they take memory.
    fn charge_copy(&mut self, nodes: usize, location: Location) -> Result<(), Stop> {
        self.copied += nodes;
        if self.copied > MAX_COPIED_NODES {
            let message = format!("anchors and aliases stand for more than {MAX_COPIED_NODES} values");
            return Err(Diagnostic::error(Code::TooLarge, message).at(location));
        }
        Ok(())
    }

    /// Puts a finished node where it belongs.
    fn finish(&mut self, measured: Measured, anchor: usize) -> Result<(), Stop> {
        self.nodes += 1;
        let location = measured.node.location;
        if self.nodes + self.copied > MAX_NODES {
            let message = format!("the text has more than {MAX_NODES} values");
            return Err(Diagnostic::error(Code::TooLarge, message).at(location));
        }
        if anchor != 0 {
            self.charge_copy(measured.nodes, location)?;
            self.anchors.insert(anchor, measured.clone());
        }
        let Some(open) = self.open.last_mut() else {
            if !measured.node.is_null() {
                self.documents.push(measured.node);
            }
            return Ok(());
        };
        open.nodes += measured.nodes;
        open.height = open.height.max(measured.height + 1);
        match &mut open.collection {
            Collection::List(elements) => elements.push(measured.node),
            Collection::Map { entries, key, merge } => match key.take() {
                None => *key = Some(key_node(measured.node)?),
                Some(name) if is_merge(&name) && merge.is_none() => *merge = Some((name, measured.node)),
                Some(name) => entries.push((name, measured.node)),
            },
        }
        Ok(())
    }

    /// Reports keys that come twice, and keeps the first of each.
    fn reject_duplicates(&mut self, entries: &mut Vec<(Node, Node)>) {
        for (first, again) in repeated(entries) {
            let (first, again) = (&entries[first].0, &entries[again].0);
            let message = format!("the key {} comes twice in one map", again.describe());
            self.diagnostics.push(
                Diagnostic::error(Code::DuplicateKey, message)
                    .at(again.location)
                    .related(first.location, "first here"),
            );
        }
        keep_first(entries);
    }

    /// Applies `<<`: what the map does not say itself comes from the merged maps, the first of them winning.
    fn merge(&mut self, entries: &mut Vec<(Node, Node)>, source: Node) {
        let maps = match source.value {
            Value::List(maps) => maps,
            _ => vec![source],
        };
        for map in maps {
            match map.value {
                Value::Map(inherited) => entries.extend(inherited),
                _ => self
                    .diagnostics
                    .push(Diagnostic::error(Code::UnexpectedKind, "`<<` merges maps only").at(map.location)),
            }
        }
        keep_first(entries);
    }
}

/// Removes entries whose key came before.
fn keep_first(entries: &mut Vec<(Node, Node)>) {
    let mut again = vec![false; entries.len()];
    for (_, position) in repeated(entries) {
        again[position] = true;
    }
    let mut again = again.into_iter();
    entries.retain(|_| again.next() == Some(false));
}

/// Pairs of positions (first, again) of equal keys, in order of the second.
fn repeated(entries: &[(Node, Node)]) -> Vec<(usize, usize)> {
    let mut order: Vec<usize> = (0..entries.len()).collect();
    // Sorting, not hashing: keys are the user's, and nobody can make a sort slow.
    order.sort_by_key(|position| (entries[*position].0.text(), *position));
    let mut pairs = Vec::new();
    let mut first = 0;
    for next in 1..order.len() {
        if entries[order[first]].0.text() == entries[order[next]].0.text() {
            pairs.push((order[first], order[next]));
        } else {
            first = next;
        }
    }
    pairs.sort_unstable_by_key(|(_, again)| *again);
    pairs
}

fn is_merge(key: &Node) -> bool {
    matches!(&key.value, Value::Scalar { text, quoted: false } if &**text == "<<")
}

/// A key is text, whatever it looks like; a key without text cannot be named in any message.
fn key_node(node: Node) -> Result<Node, Stop> {
    match node.value {
        Value::Scalar { .. } => Ok(node),
        Value::Null => Ok(Node::scalar("null", node.location)),
        Value::List(_) | Value::Map(_) => {
            let message = format!("{} cannot be the key of a map", node.describe());
            Err(Diagnostic::error(Code::UnexpectedKind, message)
                .at(node.location)
                .hint("put quotes around a text that begins with `[` or `{`"))
        }
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Value {
    let plain = style == ScalarStyle::Plain && tag.and_then(Tag::core_suffix) != Some("str");
    if plain && matches!(text, "" | "~" | "null" | "Null" | "NULL") {
        return Value::Null;
    }
    Value::Scalar { text: text.into(), quoted: !plain }
}

fn byte(marker: granit_parser::Marker) -> u32 {
    // A text in memory has byte offsets, and one of at most 64 MiB fits.
    marker.byte_offset().and_then(|offset| u32::try_from(offset).ok()).unwrap_or(0)
}

fn too_deep(location: Location) -> Diagnostic {
    let message = format!("lists and maps stand within each other more than {MAX_DEPTH} deep");
    Diagnostic::error(Code::TooLarge, message).at(location)
}

/// The parser's error in the words of someone who edits a file.
fn scan_error(error: &ScanError, text: &str, builder: &Builder<'_>) -> Diagnostic {
    let at = byte(*error.marker());
    let location =
        builder.place(at, at + text[at as usize..].chars().next().map_or(0, char::len_utf8) as u32);
    // A bracket that is not closed shows up as an error somewhere later.
    let bracket = builder.open.last().filter(|open| open.flow && open.start != at);
    let syntax = |message: &str| {
        let diagnostic = Diagnostic::error(Code::Syntax, message).at(location);
        match bracket {
            Some(open) => diagnostic.related(builder.place(open.start, open.start + 1), "this is still open"),
            None => diagnostic,
        }
    };
    match error.kind() {
        ErrorKind::RecursionLimitExceeded => too_deep(location),
        ErrorKind::TabNotAllowed | ErrorKind::TabInBlockIndentation | ErrorKind::TabInIndentation => {
            syntax("a tab stands where the indentation is").hint("indent with spaces")
        }
        ErrorKind::UnknownAnchor => syntax("an alias names an anchor that was not set before")
            .hint("set it with `&name` before `*name`, or put quotes around a text that begins with `*`"),
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => {
            syntax("a `:` stands where no key can be").hint("put quotes around a text that contains `: `")
        }
        ErrorKind::UnclosedQuotedScalar => syntax("a quote is not closed"),
        ErrorKind::UnclosedFlowCollection { .. } => syntax("a `[` or `{` is not closed"),
        ErrorKind::MismatchedFlowCollectionEnd { .. } => {
            syntax("this bracket is closed by one of the other kind")
        }
        ErrorKind::MisplacedFlowCollectionEnd => syntax("a `]` or `}` closes nothing that is open here"),
        ErrorKind::ExpectedFlowMappingSeparator | ErrorKind::ExpectedFlowSequenceSeparator => {
            syntax("a `,` or the closing bracket is missing")
        }
        ErrorKind::ExpectedBlockMappingKey | ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => {
            syntax("a `key:` is expected here").hint("check that it is indented like its neighbours")
        }
        ErrorKind::ExpectedBlockSequenceEntry => {
            syntax("a `- ` is expected here").hint("check that it is indented like its neighbours")
        }
        ErrorKind::InvalidIndentation => syntax("this line is indented unlike its neighbours"),
        ErrorKind::UnexpectedCharacter { character } => {
            let message = format!("{} cannot begin a value", quote(&character.to_string()));
            syntax(&message).hint("put quotes around a text that begins with it")
        }
        _ => syntax(&format!("not well-formed: {}", error.info())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::diag::{Sources, Style};

    fn read(text: &str) -> (Vec<Node>, String) {
        let mut sources = Sources::default();
        let file = sources.add("a.yaml", text);
        let mut diagnostics = Diagnostics::default();
        let documents = parse(text, file, &mut diagnostics);
        (documents, diagnostics.render(&sources, Style::Plain))
    }

    /// The tree as JSON, every scalar as a string.
    fn json(node: &Node) -> serde_json::Value {
        match &node.value {
            Value::Null => serde_json::Value::Null,
            Value::Scalar { text, .. } => text.to_string().into(),
            Value::List(elements) => elements.iter().map(json).collect(),
            Value::Map(entries) => {
                entries.iter().map(|(key, value)| (key.text().unwrap().to_owned(), json(value))).collect()
            }
        }
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let (documents, problems) = read(text);
        assert_eq!(problems, "", "{text}");
        let documents: serde_json::Value = documents.iter().map(json).collect();
        assert_eq!(documents.to_string(), expected, "{text}");
    }

    #[test]
    fn yaml_becomes_text_lists_and_maps() {
        check("a: 1\nb: [x, '2', ~]\n", r#"[{"a":"1","b":["x","2",null]}]"#);
        check("a: 0.10\nb: yes\nc: 017\n", r#"[{"a":"0.10","b":"yes","c":"017"}]"#);
        check("\u{feff}a: 1\r\nb:\r\n  - 2\r\n", r#"[{"a":"1","b":["2"]}]"#);
        check("a: 1\n---\n# nothing\n---\nb: 2\n...\n", r#"[{"a":"1"},{"b":"2"}]"#);
        check("", "[]");
        check("# only a comment\n---\n", "[]");
        check("a: |\n  x\n  y\n", r#"[{"a":"x\ny\n"}]"#);
        check("a: !!str 1\nb: ! x\n", r#"[{"a":"1","b":"x"}]"#);
        check("? x\n: y\n~: z\n", r#"[{"x":"y","null":"z"}]"#);
    }

    #[test]
    fn aliases_and_merges_are_applied() {
        check("a: &x {k: 1}\nb: *x\n", r#"[{"a":{"k":"1"},"b":{"k":"1"}}]"#);
        check(
            "a: &x {k: 1, l: 2}\nb: {<<: *x, k: 3}\n",
            r#"[{"a":{"k":"1","l":"2"},"b":{"k":"3","l":"2"}}]"#,
        );
        check(
            "a: &x {k: 1}\nb: &y {k: 2, m: 3}\nc: {<<: [*x, *y]}\n",
            r#"[{"a":{"k":"1"},"b":{"k":"2","m":"3"},"c":{"k":"1","m":"3"}}]"#,
        );
        check("a: {'<<': 1}\n", r#"[{"a":{"<<":"1"}}]"#);
    }

    #[test]
    fn json_is_read_as_json() {
        check(
            r#"{"a":"\ud83d\ude00\/\u0041","b":[1e3,true,null]}"#,
            r#"[{"a":"😀/A","b":["1e3","true",null]}]"#,
        );
        check("{\n\t\"a\"\t:\n\t[\n\t1\n\t]\n}\n", r#"[{"a":["1"]}]"#);
        check(&format!("{{\"{}\": 1}}", "k".repeat(5000)), &format!("[{{\"{}\":\"1\"}}]", "k".repeat(5000)));
    }

    #[test]
    fn locations_are_byte_ranges_of_the_text() {
        let text = "é: [a, 'b c']\nm:\n  k: |\n    x\n";
        let (documents, _) = read(text);
        let slice = |node: &Node| &text[node.location.start as usize..node.location.end as usize];
        let list = documents[0].get("é").unwrap();
        assert_eq!(slice(list), "[a, 'b c']");
        assert_eq!(slice(&list.elements().unwrap()[1]), "'b c'");
        assert_eq!(slice(&documents[0].entries().unwrap()[1].0), "m");
        assert!(slice(documents[0].get("m").unwrap()).starts_with("k: |"));
    }

    #[test]
    fn what_is_not_well_formed_is_said() {
        for (text, expected) in [
            ("a: 1\na: 2\n", "the key `a` comes twice"),
            ("a: [1, 2\n", "not closed"),
            ("a: 'x\n", "a quote is not closed"),
            ("a:\n\t- 1\n", "indent with spaces"),
            ("a: *x\n", "anchor that was not set"),
            ("a: &x [*x]\n", "inside the value that it repeats"),
            ("a: b: c\n", "a `:` stands where no key can be"),
            ("a: !foo 1\n", "the tag `!foo`"),
            ("[a]: 1\n", "a list cannot be the key"),
            ("a: {<<: 1}\n", "merges maps only"),
            ("a: @x\n", "`@` cannot begin a value"),
            ("a: 1\n b: 2\n", "error[syntax]"),
        ] {
            let (_, problems) = read(text);
            assert!(problems.contains(expected), "{text}: {problems}");
        }
    }

    #[test]
    fn budgets_hold() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        let bomb = (1..30).fold("a0: &a0 [x, x]\n".to_owned(), |text, level| {
            text + &format!("a{level}: &a{level} [*a{0}, *a{0}, *a{0}]\n", level - 1)
        });
        let chain = (1..200).fold("a0: &a0 [x]\n".to_owned(), |text, level| {
            text + &format!("a{level}: &a{level} [*a{}]\n", level - 1)
        });
        for (text, expected) in
            [(deep, "more than 128 deep"), (bomb, "stand for more than"), (chain, "more than 128 deep")]
        {
            let (_, problems) = read(&text);
            assert!(problems.contains(expected), "{problems}");
        }
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![Just(serde_json::Value::Null), any::<String>().prop_map(Into::into)];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
                prop::collection::vec((any::<String>(), inner), 0..5)
                    .prop_map(|entries| serde_json::Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            read(&text);
        }

        #[test]
        fn any_yaml_like_text_is_read_or_refused(text in "[-a:,?&*#|>'\"%@\\[\\]{}<!~ \t\r\n\u{e9}0]{0,60}") {
            read(&text);
        }

        #[test]
        fn any_json_is_read(value in any_json(), pretty in any::<bool>()) {
            let value = serde_json::Value::Array(vec![value]);
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
            let text = text.unwrap().replace("\n  ", "\n\t");
            let (documents, problems) = read(&text);
            prop_assert_eq!(problems, "");
            prop_assert_eq!(json(&documents[0]), value);
        }
    }
}
