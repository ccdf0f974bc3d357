//! Objects of other people's formats: a table per kind says of every field what is made of it.
//!
//! [`Kind::open`] walks an object by its table, reports what is not modelled or unknown as warnings and wrong structure
//! as errors, and hands out a [`Foreign`], which reads only fields that the table calls modelled. So the table, the
//! decoder and the documentation cannot disagree. Warnings are one for each field, however many objects have it.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::diag::{Code, Diagnostic, Diagnostics, Location, closest, quote};

use super::tree::{Located, Node, Value};

#[cfg(test)]
mod agreement;
pub mod family;
mod place;
pub mod readers;
mod value;

use place::Place;
pub use value::Foreign;
#[cfg(test)]
pub(crate) use value::unread;

/// What is made of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// It has its effect.
    Modelled,
    /// It has its effect, of which this is to be known.
    ModelledAs(&'static str),
    /// It would have an effect and has none, because of this; the user is told.
    Named(&'static str),
    /// It changes neither behaviour nor cost; nothing is said.
    Irrelevant,
    /// What is below it has the rows of this table.
    Like(&'static [Row]),
}

impl Treatment {
    /// Whether the field has its effect.
    pub const fn is_modelled(self) -> bool {
        matches!(self, Self::Modelled | Self::ModelledAs(_))
    }
}

/// A field and what is made of it, with everything below it that has no row of its own.
///
/// Paths: `spec.http[].match[].uri`, with `[]` for the elements of a list, `*` for keys that users choose, and
/// `[key]` for a key with dots.
pub type Row = (&'static str, Treatment);

/// How keys are spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// As in the table.
    Exact,
    /// As in the table or in `snake_case`: protobuf's JSON knows both.
    Protobuf,
}

/// A kind of object, as its `apiVersion` and `kind` name it.
#[derive(Debug)]
pub struct Kind {
    /// `kind`.
    pub name: &'static str,
    /// Every `apiVersion` that is read.
    pub versions: &'static [&'static str],
    /// Its fields, beside those of [`HEAD`].
    pub rows: &'static [Row],
    /// What is made of such an object as a whole; where it is modelled, its fields say more.
    pub whole: Treatment,
    spelling: Spelling,
    tree: OnceLock<Place>,
}

/// What all objects have.
pub const HEAD: &[Row] = &[
    ("apiVersion", Treatment::Modelled),
    ("kind", Treatment::Modelled),
    ("metadata", Treatment::Irrelevant),
    ("metadata.name", Treatment::Modelled),
    ("metadata.namespace", Treatment::Modelled),
    ("status", Treatment::Irrelevant),
];

impl Kind {
    /// A kind with these `apiVersion`s and fields.
    pub const fn new(
        name: &'static str,
        versions: &'static [&'static str],
        spelling: Spelling,
        rows: &'static [Row],
    ) -> Self {
        Self { name, versions, rows, whole: Treatment::Modelled, spelling, tree: OnceLock::new() }
    }

    /// A kind of which nothing has an effect: because of this, or because nothing of it could have one.
    pub const fn without_effect(
        name: &'static str,
        versions: &'static [&'static str],
        whole: Treatment,
    ) -> Self {
        let rows = &[("", Treatment::Irrelevant)];
        Self { name, versions, rows, whole, spelling: Spelling::Exact, tree: OnceLock::new() }
    }

    /// Whether objects with this head are of this kind.
    pub fn is(&self, head: TypeMeta<'_>) -> bool {
        head.kind == self.name && self.versions.contains(&head.version)
    }

    /// Every field with a row, and what is made of it; for documentation.
    pub fn fields(&'static self) -> impl Iterator<Item = (&'static str, Treatment)> {
        let places = self.tree().all().into_iter();
        places.filter_map(|place| Some((place.path.as_str(), place.treatment?)))
    }

    fn tree(&self) -> &Place {
        self.tree.get_or_init(|| Place::tree(HEAD, self.rows))
    }

    /// An object, ready to be read; what its table does not model has been noted.
    pub fn open<'n>(
        &'static self,
        node: &'n Node,
        findings: &mut Findings,
        diagnostics: &mut Diagnostics,
    ) -> Foreign<'n> {
        let root = self.tree();
        if let Treatment::Named(reason) = self.whole {
            let place = node.get("kind").map_or(node.location, |kind| kind.location);
            findings.note(self.name, String::new(), Some(reason), None, place);
        }
        Walk { kind: self, findings, diagnostics }.value(node, root);
        Foreign::new(node, root, self.spelling)
    }
}

/// What says of which kind an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypeMeta<'n> {
    /// `apiVersion`.
    pub version: &'n str,
    /// `kind`.
    pub kind: &'n str,
}

impl<'n> TypeMeta<'n> {
    /// Keys of the largest object at its top; maps with more are something else, and looked at no further.
    const MOST_KEYS: usize = 1000;

    /// Of a document; `None` if it is no object.
    pub fn of(node: &'n Node) -> Option<Self> {
        if node.entries()?.len() > Self::MOST_KEYS {
            return None;
        }
        Some(Self { version: node.get("apiVersion")?.text()?, kind: node.get("kind")?.text()? })
    }
}

/// Name and namespace of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    /// `metadata.name`.
    pub name: Located<String>,
    /// `metadata.namespace`.
    pub namespace: Option<Located<String>>,
}

impl Head {
    /// The head of an object; one without a name is reported.
    pub fn read(object: Foreign<'_>, diagnostics: &mut Diagnostics) -> Option<Self> {
        let text = super::fields::located(super::fields::text);
        let metadata = object.need("metadata", "an object", diagnostics)?;
        let namespace = metadata.read("namespace", &text, diagnostics);
        let name = metadata.need("name", "the metadata of an object", diagnostics)?;
        Some(Self { name: text(name.node(), diagnostics)?, namespace })
    }
}

/// What was found in objects and has no effect: kind and field, the first place, and how many there are.
#[derive(Debug, Default)]
pub struct Findings {
    entries: BTreeMap<(&'static str, String), Finding>,
}

#[derive(Debug)]
struct Finding {
    /// `None` is a field that no table knows.
    reason: Option<&'static str>,
    near: Option<&'static str>,
    first: Location,
    count: usize,
}

impl Findings {
    /// Turns everything that was found into warnings.
    pub fn report(self, diagnostics: &mut Diagnostics) {
        for ((kind, path), finding) in self.entries {
            let field = quote(&path);
            let (code, message) = match finding.reason {
                Some(reason) if path.is_empty() => {
                    (Code::NotModelled, format!("{} is not modelled: {reason}", quote(kind)))
                }
                Some(reason) => (Code::NotModelled, format!("{field} of {kind} is not modelled: {reason}")),
                None => (Code::UnknownKey, format!("{field} of {kind} is no known field and has no effect")),
            };
            let diagnostic = Diagnostic::warning(code, message).at(finding.first).suggest(finding.near);
            diagnostics.push(match finding.count {
                1 => diagnostic,
                2 => diagnostic.hint("there is another place like this"),
                count => diagnostic.hint(format!("there are {} more places like this", count - 1)),
            });
        }
    }

    fn note(
        &mut self,
        kind: &'static str,
        path: String,
        reason: Option<&'static str>,
        near: Option<&'static str>,
        place: Location,
    ) {
        let new = Finding { reason, near, first: place, count: 0 };
        self.entries.entry((kind, path)).or_insert(new).count += 1;
    }
}

/// A walk over one object.
struct Walk<'w> {
    kind: &'static Kind,
    findings: &'w mut Findings,
    diagnostics: &'w mut Diagnostics,
}

impl Walk<'_> {
    fn value(&mut self, node: &Node, place: &'static Place) {
        match &node.value {
            Value::Null => {}
            Value::Map(entries) if place.has_keys() => {
                for (key, value) in entries.iter().filter(|(_, value)| !value.is_null()) {
                    self.entry(key, value, place);
                }
            }
            Value::List(elements) if place.element().is_some() => {
                let element = place.element().unwrap_or(place);
                for node in elements {
                    self.value(node, element);
                }
            }
            _ if place.has_keys() => self.unexpected(node, place, "a map"),
            _ if place.element().is_some() => self.unexpected(node, place, "a list"),
            _ => {}
        }
    }

    fn entry(&mut self, key: &Node, value: &Node, place: &'static Place) {
        let name = key.text().unwrap_or_default();
        let Some(below) = place.written(name, self.kind.spelling) else {
            if !place.covers_all() {
                let near = closest(name, place.keys());
                self.findings.note(self.kind.name, place.path_of(name), None, near, key.location);
            }
            return;
        };
        match below.treatment {
            Some(Treatment::Named(reason)) => {
                let path = below.path.clone();
                self.findings.note(self.kind.name, path, Some(reason), None, key.location);
            }
            _ => self.value(value, below),
        }
    }

    fn unexpected(&mut self, node: &Node, place: &Place, wanted: &str) {
        let name = if place.path.is_empty() { "the whole" } else { &place.path };
        let message = format!("{} of {} is {wanted}, not {}", quote(name), self.kind.name, node.describe());
        self.diagnostics.push(Diagnostic::error(Code::UnexpectedKind, message).at(node.location));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Sources;
    use crate::input::fields;
    use crate::input::tree::parse;

    const PERSON: &[Row] = &[("age", Treatment::Modelled)];

    static SHOP: Kind = Kind::new(
        "Shop",
        &["example.org/v1"],
        Spelling::Protobuf,
        &[
            ("spec.doors[].openAt", Treatment::Modelled),
            ("spec.doors[].colour", Treatment::Irrelevant),
            ("spec.doors[].lock", Treatment::Named("doors stay open")),
            ("spec.staff.*", Treatment::Like(PERSON)),
            ("metadata.annotations[example.org/size]", Treatment::Modelled),
        ],
    );

    /// What is said of an object, a line each.
    fn said(spec: &str) -> Vec<String> {
        let text = format!("apiVersion: example.org/v1\nkind: Shop\nmetadata: {{name: a}}\nspec: {spec}\n");
        let mut sources = Sources::default();
        let file = sources.add("a.yaml", text.clone());
        let mut diagnostics = Diagnostics::default();
        let documents = parse(&text, file, &mut diagnostics);
        assert!(TypeMeta::of(&documents[0]).is_some_and(|head| SHOP.is(head)));
        let mut findings = Findings::default();
        SHOP.open(&documents[0], &mut findings, &mut diagnostics);
        findings.report(&mut diagnostics);
        let line = |problem: &&Diagnostic| {
            format!("{} ({})", problem.message, problem.hint.as_deref().unwrap_or("-"))
        };
        diagnostics.sorted().iter().map(line).collect()
    }

    #[test]
    fn every_field_is_told_by_its_row() {
        assert_eq!(said("{doors: [{openAt: 8, colour: {deep: 1}}], staff: {ann: {age: 3}}}"), [""; 0]);
        assert_eq!(said("{doors: [{open_at: 8}]}"), [""; 0], "protobuf's JSON knows both spellings");
        assert_eq!(said("~"), [""; 0]);
        assert_eq!(said("{doors: [{lock: ~}]}"), [""; 0], "nothing is written there");
        assert_eq!(
            said("{doors: [{lock: {key: 1}}, {lock: 2}, {lock: 3}], doros: 1, staff: {ann: {name: x}}}"),
            [
                "`spec.doors[].lock` of Shop is not modelled: doors stay open (there are 2 more places like this)",
                "`spec.doros` of Shop is no known field and has no effect (did you mean `doors`?)",
                "`spec.staff.*.name` of Shop is no known field and has no effect (-)",
            ]
        );
        assert_eq!(
            said("{doors: {openAt: 8}, staff: [1]}"),
            [
                "`spec.doors` of Shop is a list, not a map (-)",
                "`spec.staff` of Shop is a map, not a list (-)",
            ]
        );
    }

    #[test]
    fn values_are_read_by_the_tables_spelling() {
        let text = "{apiVersion: example.org/v1, kind: Shop, spec: {doors: [{open_at: 8}, {openAt: 9}]},
            metadata: {name: a, annotations: {example.org/size: '3', other: x}}}";
        let mut sources = Sources::default();
        let file = sources.add("a.yaml", text);
        let mut diagnostics = Diagnostics::default();
        let documents = parse(text, file, &mut diagnostics);
        let object = SHOP.open(&documents[0], &mut Findings::default(), &mut diagnostics);
        let head = Head::read(object, &mut diagnostics).expect("it has a name");
        assert_eq!((head.name.value.as_str(), head.namespace), ("a", None));
        let doors = object.get("spec").map(|spec| spec.elements("doors")).unwrap_or_default();
        let hours = doors.iter().map(|door| door.read("openAt", fields::u32, &mut diagnostics));
        assert_eq!(hours.collect::<Vec<_>>(), [Some(8), Some(9)]);
        let annotations = object.get("metadata").and_then(|metadata| metadata.get("annotations"));
        let size = annotations.and_then(|some| some.read("example.org/size", fields::text, &mut diagnostics));
        assert_eq!(size.as_deref(), Some("3"));
        assert!(!diagnostics.has_errors());
        let fields: Vec<_> = SHOP.fields().map(|(path, _)| path).collect();
        assert!(fields.contains(&"spec.staff.*.age"), "{fields:?}");
        assert!(fields.contains(&"metadata.annotations[example.org/size]"), "{fields:?}");
        assert_eq!(unread(&SHOP), ["spec.staff.*.age"]);
    }

    #[test]
    #[should_panic(expected = "no row calls `lock` below `spec.doors[]` modelled")]
    fn only_what_is_called_modelled_is_read() {
        let mut sources = Sources::default();
        let text = "{spec: {doors: [{lock: 1}]}}";
        let file = sources.add("a.yaml", text);
        let mut diagnostics = Diagnostics::default();
        let documents = parse(text, file, &mut diagnostics);
        let object = SHOP.open(&documents[0], &mut Findings::default(), &mut diagnostics);
        object.get("spec").expect("a specification").elements("doors")[0].get("lock");
    }
}
