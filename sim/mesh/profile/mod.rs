//! Profiles: what a mesh costs and what it can do, each value with unit, range, source, date and kind.
//!
//! A profile is data (`models/*.yaml`, or the user's own file). [`table`] lists the parameters; [`decode`] reads a file,
//! [`Profile::set`] overrides one value, [`Profile::drawn`] draws all within their ranges, [`Profile::model`] turns the whole into what the compiler needs.

mod asked;
mod capability;
mod certificate;
pub(in crate::mesh) mod decode;
mod dimension;
mod distribution;
mod draw;
mod lifecycle;
mod objects;
mod parameters;
mod possible;
mod quantity;
mod reads;
mod render;
mod resolve;
mod shipped;
mod start_up;
mod telemetry;

use crate::diag::{Code, Diagnostic, Location, closest, quote};

pub use asked::asked;
pub use capability::{Capability, Enforcer, FEATURES, Feature, Granularity, Support};
pub use decode::decode;
pub use dimension::{Dimension, Unit};
pub use draw::Assumption;
pub(crate) use draw::place as place_in_draw;
pub use parameters::{Needed, Parameter, Row, Table, table};
pub use quantity::{Change, Kind, Provenance, Quantity, Setting, Word};
pub use reads::RESOURCES;
pub use render::{CapabilityRow, ProfileSummary, SettingRow, summaries};
pub use shipped::{SHIPPED, compared, find, install_profiles, names};

/// A mesh's costs and abilities, checked: every parameter it needs is there and within its range.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// What it is and what it was measured on.
    pub head: Head,
    /// By row of [`table`]; `None` where this profile needs none.
    settings: Vec<Option<Setting>>,
    /// By row of [`FEATURES`]; all are there once it is decoded.
    capabilities: Vec<Option<Capability>>,
    /// By row of [`RESOURCES`]; all are there once it is decoded.
    reads: Vec<Option<Capability>>,
}

/// A profile's identity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// As the user names it, e.g. `istio-sidecar`.
    pub name: String,
    /// For people, e.g. `Istio sidecar`.
    pub title: String,
    /// Version of the mesh.
    pub mesh_version: String,
    /// Version of its proxy.
    pub proxy_version: String,
    /// Version of Kubernetes whose defaults are meant.
    pub kubernetes_version: String,
    /// Installation profile: default, HA.
    pub install_profile: String,
    /// The machine whose CPU times the profile holds.
    pub reference_machine: String,
}

impl Profile {
    /// Its numbers in the table's order, with their paths.
    pub fn numbers(&self) -> impl Iterator<Item = (&'static str, &Quantity)> {
        self.settings().filter_map(|(row, setting)| match setting {
            Setting::Number(quantity) => Some((row.path.as_str(), quantity)),
            Setting::Word(_) => None,
        })
    }

    /// Everything that is set, in the table's order.
    pub fn settings(&self) -> impl Iterator<Item = (&'static Row, &Setting)> {
        table().rows().iter().zip(&self.settings).filter_map(|(row, setting)| Some((row, setting.as_ref()?)))
    }

    /// What it says of `path`; `None` if there is no such parameter or this profile needs none.
    pub fn get(&self, path: &str) -> Option<&Setting> {
        self.settings[table().position(path)?].as_ref()
    }

    /// Features and its answers, in the table's order.
    pub fn capabilities(&self) -> impl Iterator<Item = (&'static Feature, &Capability)> {
        FEATURES
            .iter()
            .zip(&self.capabilities)
            .filter_map(|(feature, answer)| Some((feature, answer.as_ref()?)))
    }

    /// Overrides one value: `proxy.workers` with `4`, `proxy.cpu.http1.outbound` with `60us`, `features.telemetry` with
    /// `off`. Any unit of the dimension will do; the value then counts as given, without a range.
    ///
    /// `features.…` is short for `proxy.features.…`, and a feature alone for its switch.
    ///
    /// # Errors
    /// When there is no such parameter, this profile has none, or the text is not a value for it; located at `place`.
    pub fn set(&mut self, path: &str, text: &str, place: Option<Location>) -> Result<(), Box<Diagnostic>> {
        let fail = |diagnostic: Diagnostic| {
            Box::new(match place {
                Some(location) => diagnostic.at(location),
                None => diagnostic,
            })
        };
        let position = self.locate(path).map_err(fail)?;
        let row = &table().rows()[position];
        let provenance = Provenance::given(place);
        let setting = row.parameter.read(text, provenance).map_err(|problem| {
            let message = format!("{} cannot be {}: {problem}", quote(&row.path), quote(text));
            fail(Diagnostic::error(Code::InvalidValue, message))
        })?;
        self.check_switch(row, &setting).map_err(fail)?;
        self.settings[position] = Some(setting);
        Ok(())
    }

    /// The row that `path` means in this profile.
    fn locate(&self, path: &str) -> Result<usize, Diagnostic> {
        let full = match path.strip_prefix("features.") {
            Some(_) => format!("proxy.{path}"),
            None => path.to_owned(),
        };
        let switch = || table().position(&format!("{full}.enabled"));
        let Some(position) = table().position(&full).or_else(switch) else {
            let paths = table().rows().iter().map(|row| row.path.as_str());
            let message = format!("a profile has no {}", quote(path));
            let diagnostic = Diagnostic::error(Code::UnknownPath, message);
            return Err(match table().children(&full).as_slice() {
                [] => diagnostic.suggest(closest(&full, paths)),
                children => diagnostic.hint(format!("it is a section with {}", children.join(", "))),
            });
        };
        let row = &table().rows()[position];
        if row.parameter.is_structural() {
            let message = format!("{} cannot be overridden", quote(&row.path));
            let hint = "it is what the profile is: choose another one";
            return Err(Diagnostic::error(Code::InvalidValue, message).hint(hint));
        }
        if !self.needs(row) {
            let message = format!("{} has no {}", quote(&self.head.name), quote(&row.path));
            let diagnostic = Diagnostic::error(Code::UnknownPath, message);
            return Err(diagnostic.hint(self.why_not(row)));
        }
        Ok(position)
    }

    /// A switch that is `always` or `unavailable` stays so.
    fn check_switch(&self, row: &Row, setting: &Setting) -> Result<(), Diagnostic> {
        if !row.parameter.is_switch() {
            return Ok(());
        }
        let now = table().position(&row.path).and_then(|position| self.word_at(position)).unwrap_or_default();
        let problem = match (now, setting.print().as_str()) {
            ("on" | "off", "on" | "off") => return Ok(()),
            (now, then) if now == then => return Ok(()),
            ("on" | "off", _) => Diagnostic::error(
                Code::InvalidValue,
                format!("{} is switched on or off, nothing else", quote(&row.path)),
            ),
            (state, _) => Diagnostic::error(
                Code::InvalidValue,
                format!("{} of {} cannot be changed", quote(&row.path), quote(&self.head.name)),
            )
            .hint(format!("in this mesh the feature is {}", state.replace("always", "always on"))),
        };
        Err(problem)
    }

    /// Why this profile has no such parameter, for a hint.
    fn why_not(&self, row: &Row) -> String {
        match row.switch() {
            Some(switch) if self.word_at(switch) == Some("unavailable") => {
                "in this mesh the feature is unavailable".to_owned()
            }
            _ => format!("it belongs to {}", row.needed.describe()),
        }
    }

    /// Whether it has proxies between the pods.
    pub fn is_mesh(&self) -> bool {
        table()
            .position("data_plane")
            .and_then(|position| self.word_at(position))
            .is_some_and(|kind| matches!(kind, "sidecar" | "ambient" | "ambient_waypoint"))
    }

    /// Whether a profile of this kind must have the parameter.
    fn needs(&self, row: &Row) -> bool {
        let word = |path| table().position(path).and_then(|position| self.word_at(position));
        let control_plane = word("control_plane.kind");
        let data_plane = word("data_plane");
        let by_kind = match row.needed {
            Needed::Always => true,
            Needed::Meshed => self.is_mesh(),
            Needed::Sidecar => data_plane == Some("sidecar"),
            Needed::Ambient => matches!(data_plane, Some("ambient" | "ambient_waypoint")),
            Needed::Waypoint => data_plane == Some("ambient_waypoint"),
            Needed::Managed => matches!(control_plane, Some("push" | "stream")),
            Needed::Push => control_plane == Some("push"),
            Needed::Stream => control_plane == Some("stream"),
            Needed::KubeProxy => control_plane == Some("kube_proxy"),
        };
        by_kind && row.switch().is_none_or(|switch| self.word_at(switch) != Some("unavailable"))
    }

    fn word_at(&self, position: usize) -> Option<&'static str> {
        match self.settings[position].as_ref()? {
            Setting::Word(word) => Some(word.word),
            Setting::Number(_) => None,
        }
    }
}

impl Parameter {
    /// What `text` says of this parameter, exact.
    fn read(&self, text: &str, provenance: Provenance) -> Result<Setting, String> {
        if let Some(word) = self.words.iter().find(|word| **word == text) {
            return Ok(Setting::Word(Word { word, provenance }));
        }
        let Some(dimension) = self.dimension else {
            let words = if self.is_switch() { &self.words[..2] } else { self.words };
            return Err(format!("it is one of {}", words.join(", ")));
        };
        let (value, unit) = dimension.parse(text).map_err(|problem| match self.words {
            [] => problem,
            words => format!("{problem}, or {}", words.join(" or ")),
        })?;
        self.check(value, unit)?;
        Ok(Setting::Number(Quantity { value, low: value, high: value, unit, provenance }))
    }

    /// Whether a number, in the base unit, is possible at all.
    fn check(&self, value: f64, unit: &Unit) -> Result<(), String> {
        if value < self.least {
            // The smallest time there is stands for: anything but nothing.
            let is_tiny = self.least < 1e-6;
            let bound = || format!("it is at least {}", unit.print(self.least));
            return Err(if is_tiny { "it is more than zero".to_owned() } else { bound() });
        }
        if value > self.most {
            return Err(format!("it is at most {}", unit.print(self.most)));
        }
        match self.dimension {
            Some(Dimension::Count) if value.fract() != 0.0 || value > f64::from(u32::MAX) => {
                Err("it is a whole number".to_owned())
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
