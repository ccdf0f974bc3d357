//! From a located tree to a profile: the table says which keys there are and what they hold.

use crate::diag::{Code, Diagnostic, Diagnostics, Location, closest, quote};
use crate::input::fields::{self, Fields};
use crate::input::tree::Node;

use super::capability::{Capability, FEATURES};
use super::dimension::Unit;
use super::parameters::{Parameter, ROLES, table};
use super::quantity::{Change, Kind, Provenance, Quantity, Setting, Word};
use super::{Head, Profile, RESOURCES, shipped};

/// Keys of [`Head`].
type HeadKey = (&'static str, fn(&mut Head) -> &mut String);
const HEAD: [HeadKey; 7] = [
    ("name", |head| &mut head.name),
    ("title", |head| &mut head.title),
    ("mesh_version", |head| &mut head.mesh_version),
    ("proxy_version", |head| &mut head.proxy_version),
    ("kubernetes_version", |head| &mut head.kubernetes_version),
    ("install_profile", |head| &mut head.install_profile),
    ("reference_machine", |head| &mut head.reference_machine),
];
const EXTENDS: &str = "extends";
const CAPABILITIES: &str = "capabilities";
const READS: &str = "reads";
const LIKE: &str = "like";
/// Of shipped files: what other ways to install the mesh change, by their names.
const INSTALL_PROFILES: &str = "install_profiles";

/// Reads a user's profile. It may start from a shipped one (`extends: istio-sidecar`) and list only what differs; a
/// value may then be written short (`workers: 4`).
///
/// `None` if anything is wrong, all of which is reported.
pub fn decode(root: &Node, diagnostics: &mut Diagnostics) -> Option<Profile> {
    let errors = diagnostics.errors();
    let base = match root.get(EXTENDS) {
        Some(node) => {
            let name = fields::text(node, diagnostics)?;
            match shipped::find(&name, Some(node.location)) {
                // Results of two profiles must not bear one name.
                Ok(base) => Profile { head: Head { name: String::new(), ..base.head }, ..base },
                Err(problem) => {
                    diagnostics.push(*problem);
                    return None;
                }
            }
        }
        None => shipped::foundation(),
    };
    let mut decoder = Decoder::new(base, true, diagnostics);
    decoder.top(root);
    decoder.complete(root.location);
    decoder.refuse_shipped_name(root);
    let profile = decoder.profile;
    (diagnostics.errors() == errors).then_some(profile)
}

/// Reads a shipped file: `base`, what the file says, and what it says of one way to install the mesh.
pub(super) fn decode_shipped(
    root: &Node,
    base: Profile,
    install: Option<&str>,
    diagnostics: &mut Diagnostics,
) -> Profile {
    let mut decoder = Decoder::new(base, false, diagnostics);
    decoder.top(root);
    if let Some(name) = install
        && let Some(changes) = root.get(INSTALL_PROFILES).and_then(|node| node.get(name))
    {
        decoder.top(changes);
        let head = &mut decoder.profile.head;
        head.name = format!("{}@{name}", head.name);
        head.title = format!("{} ({name})", head.title);
        name.clone_into(&mut head.install_profile);
    }
    decoder.complete(root.location);
    decoder.profile
}

/// Reads a shipped file that other files stand on; it need not be complete.
pub(super) fn decode_fragment(root: &Node, diagnostics: &mut Diagnostics) -> Profile {
    let mut decoder = Decoder::new(Profile::blank(), false, diagnostics);
    decoder.top(root);
    decoder.profile
}

/// The shipped profile that a shipped file starts from.
pub(super) fn base_of(root: &Node) -> Option<&str> {
    root.get(EXTENDS)?.text()
}

/// The further ways to install the mesh that a shipped file knows.
pub(super) fn installs_of(root: &Node) -> Vec<&str> {
    let entries = root.get(INSTALL_PROFILES).and_then(Node::entries).unwrap_or_default();
    entries.iter().filter_map(|(name, _)| name.text()).collect()
}

impl Profile {
    /// Nothing yet.
    pub(super) fn blank() -> Self {
        Self {
            head: Head::default(),
            settings: vec![None; table().rows().len()],
            capabilities: vec![None; FEATURES.len()],
            reads: vec![None; RESOURCES.len()],
        }
    }
}

struct Decoder<'d> {
    profile: Profile,
    /// Whether values remember their place: not in shipped files, which the user does not see.
    keeps_origin: bool,
    /// By row of the table: where this file says something.
    written: Vec<Option<Location>>,
    diagnostics: &'d mut Diagnostics,
}

impl<'d> Decoder<'d> {
    fn new(profile: Profile, keeps_origin: bool, diagnostics: &'d mut Diagnostics) -> Self {
        Self { profile, keeps_origin, written: vec![None; table().rows().len()], diagnostics }
    }

    fn top(&mut self, root: &Node) {
        let Some(entries) = root.entries() else {
            let _: Option<()> = fields::unexpected(root, "a profile, which is a map,", self.diagnostics);
            return;
        };
        for (key, value) in entries {
            let name = key.text().unwrap_or_default();
            if let Some((_, field)) = HEAD.iter().find(|(known, _)| *known == name) {
                if let Some(text) = fields::text(value, self.diagnostics) {
                    *field(&mut self.profile.head) = text;
                }
            } else if name == CAPABILITIES {
                let names: Vec<_> = FEATURES.iter().map(|feature| feature.name).collect();
                let answers = std::mem::take(&mut self.profile.capabilities);
                self.profile.capabilities = self.answers(value, "feature", &names, answers);
            } else if name == READS {
                let names = RESOURCES.map(|(name, _)| name);
                let answers = std::mem::take(&mut self.profile.reads);
                self.profile.reads = self.answers(value, "kind of object", &names, answers);
            } else if name == INSTALL_PROFILES && !self.keeps_origin {
                // Read when it is asked for.
            } else if name != EXTENDS {
                self.entry("", name, key, value);
            }
        }
    }

    /// The value of `name` in `section`: a parameter or a section below.
    fn entry(&mut self, section: &str, name: &str, key: &Node, value: &Node) {
        let path = if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") };
        if let Some(position) = table().position(&path) {
            self.parameter(position, value);
        } else if !table().children(&path).is_empty() {
            self.section(&path, value);
        } else {
            let mut known = table().children(section);
            if section.is_empty() {
                known.extend(HEAD.iter().map(|(name, _)| *name));
                known.extend([CAPABILITIES, READS, EXTENDS]);
            }
            let place = if section.is_empty() { "a profile".to_owned() } else { quote(section) };
            let message = format!("{place} has no {}", quote(name));
            let diagnostic = Diagnostic::error(Code::UnknownKey, message).at(key.location);
            let hint = format!("known here: {}", known.join(", "));
            self.diagnostics.push(diagnostic.hint(hint).suggest(closest(name, known)));
        }
    }

    fn section(&mut self, section: &str, node: &Node) {
        let Some(entries) = node.entries() else {
            let wanted = format!("a map with {}", table().children(section).join(", "));
            let _: Option<()> = fields::unexpected(node, &wanted, self.diagnostics);
            return;
        };
        let is_role = ROLES.iter().any(|(role, _)| *role == section);
        if let (true, Some(like)) = (is_role, node.get(LIKE)) {
            self.copy_role(section, like);
        }
        for (key, value) in entries {
            let name = key.text().unwrap_or_default();
            if !(is_role && name == LIKE) {
                self.entry(section, name, key, value);
            }
        }
    }

    /// Starts `role` from the proxy that stands in another role on the shipped foundation.
    fn copy_role(&mut self, role: &str, like: &Node) {
        const ORIGINALS: [(&str, &str); 1] = [("gateway", "gateway")];
        let Some(original) = fields::choice(like, "the proxy to start from", &ORIGINALS, self.diagnostics)
        else {
            return;
        };
        let foundation = shipped::foundation();
        for (position, row) in table().rows().iter().enumerate() {
            let Some(rest) = row.path.strip_prefix(role).filter(|rest| rest.starts_with('.')) else {
                continue;
            };
            // What only this role has, the original cannot give.
            let Some(from) = table().position(&format!("{original}{rest}")) else { continue };
            self.profile.settings[position].clone_from(&foundation.settings[from]);
        }
    }

    fn parameter(&mut self, position: usize, node: &Node) {
        let row = &table().rows()[position];
        self.written[position] = Some(node.location);
        let setting = if node.entries().is_some() {
            self.full(row.parameter, &row.path, node)
        } else {
            self.short(row.parameter, &row.path, node)
        };
        if let Some(setting) = setting {
            self.profile.settings[position] = Some(setting);
        }
    }

    /// `workers: 4`.
    fn short(&mut self, parameter: &Parameter, path: &str, node: &Node) -> Option<Setting> {
        let text = fields::text(node, self.diagnostics)?;
        let provenance = Provenance::given(self.keeps_origin.then_some(node.location));
        match parameter.read(&text, provenance) {
            Ok(setting) => Some(setting),
            Err(problem) => {
                let message = format!("{} cannot be {}: {problem}", quote(path), quote(&text));
                self.diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(node.location));
                None
            }
        }
    }

    /// `workers: { value: 4, unit: count, low: 1, high: 8, kind: measured, date: 2026-11, source: … }`; where the default
    /// changed, `since: Istio 1.27` and, if it is known, `was: 2`.
    fn full(&mut self, parameter: &Parameter, path: &str, node: &Node) -> Option<Setting> {
        let origin = self.keeps_origin.then_some(node.location);
        let mut map = Fields::new(node, quote(path), self.diagnostics);
        let value = map.required("value");
        let kind = map.need("kind", kind);
        let date = map.need("date", date);
        let source = map.need("source", fields::text);
        let change = Change::read(&mut map);
        let word =
            value.and_then(Node::text).and_then(|text| parameter.words.iter().find(|word| **word == text));
        let provenance = || Some(Provenance { kind: kind?, source: source?, date: date?, origin, change });
        match (word, parameter.dimension) {
            (Some(word), _) => {
                map.finish();
                Some(Setting::Word(Word { word, provenance: provenance()? }))
            }
            (None, None) => {
                map.finish();
                let names: Vec<_> = parameter.words.iter().map(|word| (*word, ())).collect();
                let _: Option<()> = fields::choice(value?, &quote(path), &names, self.diagnostics);
                None
            }
            (None, Some(dimension)) => {
                let unit = map.need("unit", |node, diagnostics| {
                    let name = fields::text(node, diagnostics)?;
                    Unit::find(&name, dimension).or_else(|| {
                        let message = format!("{} is not measured in {}", quote(path), quote(&name));
                        let hint = format!("its units are {}", dimension.unit_names());
                        let problem = Diagnostic::error(Code::InvalidValue, message).at(node.location);
                        diagnostics.push(problem.hint(hint));
                        None
                    })
                });
                let low = map.need("low", fields::f64);
                let high = map.need("high", fields::f64);
                map.finish();
                let value = fields::f64(value?, self.diagnostics)?;
                let quantity = Quantity {
                    value: unit?.to_base(value),
                    low: unit?.to_base(low?),
                    high: unit?.to_base(high?),
                    unit: unit?,
                    provenance: provenance()?,
                };
                self.check(parameter, path, node.location, &quantity).then_some(Setting::Number(quantity))
            }
        }
    }

    /// Reports a value outside its range, or a range that cannot be.
    fn check(&mut self, parameter: &Parameter, path: &str, place: Location, quantity: &Quantity) -> bool {
        let Quantity { value, low, high, unit, .. } = quantity;
        let problem = if low <= value && value <= high {
            [*low, *value, *high].into_iter().find_map(|number| parameter.check(number, unit).err())
        } else {
            let range = format!("{} … {}", unit.print(*low), unit.print(*high));
            Some(format!("its value {} lies outside {range}", quantity.print()))
        };
        if let Some(problem) = &problem {
            let message = format!("{} cannot be used: {problem}", quote(path));
            self.diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(place));
        }
        problem.is_none()
    }

    /// `answers` with what `node` says in their place: a map whose keys are `names`.
    fn answers(
        &mut self,
        node: &Node,
        what: &str,
        names: &[&'static str],
        mut answers: Vec<Option<Capability>>,
    ) -> Vec<Option<Capability>> {
        let Some(entries) = node.entries() else {
            let _: Option<()> = fields::unexpected(node, &format!("a map of {what}s"), self.diagnostics);
            return answers;
        };
        for (key, value) in entries {
            let name = key.text().unwrap_or_default();
            if let Some(position) = names.iter().position(|known| *known == name) {
                let version = &self.profile.head.mesh_version;
                answers[position] = Capability::read(value, name, version, self.diagnostics);
            } else {
                let message = format!("there is no {what} {}", quote(name));
                let near = closest(name, names.iter().copied());
                let problem = Diagnostic::error(Code::UnknownKey, message).at(key.location);
                self.diagnostics.push(problem.suggest(near));
            }
        }
        answers
    }

    fn refuse_shipped_name(&mut self, root: &Node) {
        let name = &self.profile.head.name;
        if shipped::names().any(|shipped| shipped == name) {
            let message = format!("a shipped profile is already called {}", quote(name));
            let place = root.get("name").map_or(root.location, |node| node.location);
            self.diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(place));
        }
    }

    /// Reports what is missing or does not belong here, and drops what the base had and this profile has not.
    fn complete(&mut self, place: Location) {
        let mut missing = Vec::new();
        for (name, field) in HEAD {
            if field(&mut self.profile.head).is_empty() {
                missing.push(name);
            }
        }
        for (position, row) in table().rows().iter().enumerate() {
            let needed = self.profile.needs(row);
            if needed && self.profile.settings[position].is_none() && self.written[position].is_none() {
                missing.push(row.path.as_str());
            }
            if !needed {
                self.profile.settings[position] = None;
                if let Some(place) = self.written[position] {
                    let message = format!("{} does not belong to this profile", quote(&row.path));
                    let problem = Diagnostic::error(Code::UnknownKey, message).at(place);
                    self.diagnostics.push(problem.hint(self.profile.why_not(row)));
                }
            }
        }
        let unanswered =
            FEATURES.iter().zip(&self.profile.capabilities).filter(|(_, answer)| answer.is_none());
        missing.extend(unanswered.map(|(feature, _)| feature.name));
        let unanswered = RESOURCES.iter().zip(&self.profile.reads).filter(|(_, answer)| answer.is_none());
        missing.extend(unanswered.map(|((name, _), _)| *name));
        if !missing.is_empty() {
            let names: Vec<_> = missing.into_iter().map(quote).collect();
            let message = format!("the profile also needs {}", names.join(", "));
            let problem = Diagnostic::error(Code::MissingKey, message).at(place);
            self.diagnostics.push(problem.hint("or start from a shipped profile with `extends`"));
        }
    }
}

/// How a value was found.
pub(in crate::mesh) fn kind(node: &Node, diagnostics: &mut Diagnostics) -> Option<Kind> {
    let kinds: Vec<_> = Kind::ALL.iter().map(|kind| (kind.name(), *kind)).collect();
    fields::choice(node, "a kind", &kinds, diagnostics)
}

/// A year, or a year and a month.
pub(in crate::mesh) fn date(node: &Node, diagnostics: &mut Diagnostics) -> Option<String> {
    let text = fields::text(node, diagnostics)?;
    let is_number =
        |text: &str, length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_date = match text.split_once('-') {
        Some((year, month)) => is_number(year, 4) && is_number(month, 2) && ("01"..="12").contains(&month),
        None => is_number(&text, 4),
    };
    if !is_date {
        let message = format!("{} is no date", quote(&text));
        let problem = Diagnostic::error(Code::InvalidValue, message).at(node.location);
        diagnostics.push(problem.hint("write 2026 or 2026-11"));
        return None;
    }
    Some(text)
}
