//! Profiles as rows of text, for `sim models` and the documentation.

use super::quantity::Kind;
use super::{Profile, names, shipped};

/// One line of the list of profiles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileSummary {
    /// As the user names it.
    pub name: String,
    /// For people.
    pub title: String,
    /// Version of the mesh.
    pub mesh_version: String,
    /// Version of its proxy.
    pub proxy_version: String,
    /// Version of Kubernetes whose defaults are meant.
    pub kubernetes_version: String,
    /// How it is installed.
    pub install_profile: String,
    /// How many of its values are of each kind, in the order of [`Kind::ALL`].
    pub kinds: [usize; 5],
}

/// One value of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingRow {
    /// As overrides name it.
    pub path: &'static str,
    /// What it is.
    pub meaning: &'static str,
    /// With its unit.
    pub value: String,
    /// With its unit; empty when exact.
    pub range: String,
    /// How it was found.
    pub kind: &'static str,
    /// When; empty for what the user gave.
    pub date: String,
    /// Where it is from.
    pub source: String,
    /// Since when, and what it was before: `since Istio 1.27; before: classic`; empty where it did not change.
    pub change: String,
}

/// One answer of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapabilityRow {
    /// The feature.
    pub feature: &'static str,
    /// What the feature does.
    pub meaning: &'static str,
    /// Whether and how, with the other resource or the extension: `other_resource (ServiceProfile)`.
    pub support: String,
    /// By whom; empty when by nobody.
    pub enforced_by: &'static str,
    /// What a decision is made for; empty where that does not matter.
    pub per: &'static str,
    /// Of which version that is true.
    pub version: String,
    /// Where that is written.
    pub source: String,
    /// Since when, and what it was before; empty where it did not change.
    pub change: String,
}

/// The shipped profiles.
///
/// # Panics
/// When a shipped file is wrong, which a test rules out.
pub fn summaries() -> Vec<ProfileSummary> {
    names().map(|name| shipped::find(name, None).expect("a shipped name is known").summary()).collect()
}

impl Profile {
    /// Its line in a list.
    pub fn summary(&self) -> ProfileSummary {
        let count = |kind| self.settings().filter(|(_, setting)| setting.provenance().kind == kind).count();
        ProfileSummary {
            name: self.head.name.clone(),
            title: self.head.title.clone(),
            mesh_version: self.head.mesh_version.clone(),
            proxy_version: self.head.proxy_version.clone(),
            kubernetes_version: self.head.kubernetes_version.clone(),
            install_profile: self.head.install_profile.clone(),
            kinds: Kind::ALL.map(count),
        }
    }

    /// All its values.
    pub fn setting_rows(&self) -> Vec<SettingRow> {
        let row = |(row, setting): (&'static super::Row, &super::Setting)| SettingRow {
            path: &row.path,
            meaning: row.parameter.meaning,
            value: setting.print(),
            range: match setting {
                super::Setting::Number(quantity) => quantity.print_range(),
                super::Setting::Word(_) => String::new(),
            },
            kind: setting.provenance().kind.name(),
            date: setting.provenance().date.clone(),
            source: setting.provenance().source.clone(),
            change: setting.provenance().change.as_ref().map_or_else(String::new, super::Change::print),
        };
        self.settings().map(row).collect()
    }

    /// All its answers.
    pub fn capability_rows(&self) -> Vec<CapabilityRow> {
        self.capabilities()
            .map(|(feature, answer)| CapabilityRow::new(feature.name, feature.meaning, answer))
            .collect()
    }

    /// Which kinds of object it reads.
    pub fn resource_rows(&self) -> Vec<CapabilityRow> {
        self.resources().map(|(resource, answer)| CapabilityRow::new(resource.kind(), "", answer)).collect()
    }
}

impl CapabilityRow {
    fn new(feature: &'static str, meaning: &'static str, answer: &super::Capability) -> Self {
        Self {
            feature,
            meaning,
            support: match &answer.by {
                Some(by) => format!("{} ({by})", answer.support.name()),
                None => answer.support.name().to_owned(),
            },
            enforced_by: answer.enforced_by.map_or("", super::Enforcer::name),
            per: answer.per.map_or("", super::Granularity::name),
            version: answer.version.clone(),
            source: answer.source.clone(),
            change: answer.change.as_ref().map_or_else(String::new, super::Change::print),
        }
    }
}
