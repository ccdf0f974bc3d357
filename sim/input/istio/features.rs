//! What objects switch on and off for proxies, decided when everything is read: the model knows one setting per role of
//! a proxy, so that what is asked for a namespace counts where no service is in another one.

use crate::diag::{Diagnostics, Location, quote};
use crate::input::defaults;
use crate::input::draft::{Draft, FeatureDraft, FeatureValue};
use crate::input::foreign::{Foreign, Head, Kind, Row, Treatment};
use crate::input::tree::Located;

use super::authorization::Policies;
use super::delegate::{self, Written};
use super::{Import, ROOT_NAMESPACE, no_effect};

/// Proxies of the mesh that understand requests, as profiles name their roles.
const PROXIES: &[&str] = &["proxy", "waypoint"];
/// The ingress gateway.
const GATEWAY: &[&str] = &["gateway"];

/// Fields that say whose proxies are meant.
pub(super) const SELECTOR: &[Row] =
    &[("selector.matchLabels", Treatment::Modelled), ("targetRefs", Treatment::Modelled)];

/// Whose proxies are meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// All.
    Mesh,
    /// Those of a namespace.
    Namespace(String),
    /// Ingress gateways.
    Gateways,
    /// Those of workloads that are picked by labels or as the target of a reference.
    Workloads,
}

impl Reach {
    /// As the object's selector and namespace say.
    pub(super) fn of(spec: Option<Foreign<'_>>, head: &Head, diagnostics: &mut Diagnostics) -> Self {
        let is_targeted = spec.and_then(|spec| spec.get("targetRefs")).is_some();
        let selector = spec.and_then(|spec| spec.get("selector"));
        let labels = selector.map(|selector| selector.texts("matchLabels", diagnostics)).unwrap_or_default();
        if is_targeted {
            return Self::Workloads;
        }
        if labels.iter().any(|(_, value)| value.contains("ingressgateway")) {
            return Self::Gateways;
        }
        if !labels.is_empty() {
            return Self::Workloads;
        }
        match head.namespace.as_ref().map(|namespace| namespace.value.as_str()) {
            Some(ROOT_NAMESPACE) => Self::Mesh,
            namespace => Self::Namespace(namespace.unwrap_or(defaults::NAMESPACE).to_owned()),
        }
    }
}

/// Values of the profile that an object asks for.
#[derive(Debug)]
struct Asked {
    object: Located<String>,
    reach: Reach,
    values: Vec<(&'static str, FeatureValue)>,
}

/// A plugin that every request passes.
#[derive(Debug)]
struct Plugin {
    object: Located<String>,
    reach: Reach,
}

/// What waits until everything is read.
#[derive(Debug, Default)]
pub(in crate::input) struct Pending {
    pub(super) routes: Vec<Written>,
    pub(super) authorization: Policies,
    asked: Vec<Asked>,
    plugins: Vec<Plugin>,
}

impl Pending {
    /// Moves everything into the draft.
    pub(in crate::input) fn resolve(mut self, draft: &mut Draft, diagnostics: &mut Diagnostics) {
        delegate::resolve(&self.routes, draft, diagnostics);
        // What is said of a namespace comes after what is said of the mesh: the last one holds.
        self.asked.sort_by(|one, other| one.reach.cmp(&other.reach));
        for asked in std::mem::take(&mut self.asked) {
            for role in roles(&asked.reach, &asked.object, draft, diagnostics) {
                for (path, value) in &asked.values {
                    let path = format!("{role}.{path}");
                    push(draft, &asked.object, path, value.clone());
                }
            }
        }
        self.load_plugins(draft, diagnostics);
        if let Some((object, rules)) = self.authorization.rules(draft, diagnostics) {
            for role in PROXIES {
                let rules = FeatureValue::To(rules.to_string());
                push(
                    draft,
                    &object,
                    format!("{role}.features.authorization.enabled"),
                    FeatureValue::switch(true),
                );
                push(draft, &object, format!("{role}.features.authorization.rules"), rules);
            }
        }
    }

    pub(super) fn ask(
        &mut self,
        object: Located<String>,
        reach: Reach,
        values: Vec<(&'static str, FeatureValue)>,
    ) {
        self.asked.push(Asked { object, reach, values });
    }

    pub(super) fn plug(&mut self, object: Located<String>, reach: Reach) {
        self.plugins.push(Plugin { object, reach });
    }

    /// Several plugins call back and keep virtual machines several times.
    fn load_plugins(&self, draft: &mut Draft, diagnostics: &mut Diagnostics) {
        let mut loaded: Vec<(&str, Vec<&Located<String>>)> = Vec::new();
        for plugin in &self.plugins {
            for role in roles(&plugin.reach, &plugin.object, draft, diagnostics) {
                match loaded.iter_mut().find(|(known, _)| *known == role) {
                    Some((_, objects)) => objects.push(&plugin.object),
                    None => loaded.push((role, vec![&plugin.object])),
                }
            }
        }
        for (role, objects) in loaded {
            let count = objects.len() as f64;
            push(draft, objects[0], format!("{role}.features.wasm.enabled"), FeatureValue::switch(true));
            for part in ["callbacks", "cpu_per_byte", "memory_per_worker"] {
                if count > 1.0 {
                    let path = format!("{role}.features.wasm.{part}");
                    push(draft, objects[0], path, FeatureValue::Times(count));
                }
            }
        }
    }
}

/// `Telemetry mesh-default`, at the place of the name.
pub(super) fn object(kind: &Kind, head: &Head) -> Located<String> {
    head.name.clone().map(|name| format!("{} {name}", kind.name))
}

fn push(draft: &mut Draft, object: &Located<String>, path: String, value: FeatureValue) {
    draft.mesh.features.push(FeatureDraft { object: object.clone(), path, value });
}

/// The roles that are reached; what cannot be told apart from the rest of the mesh is reported.
fn roles(
    reach: &Reach,
    object: &Located<String>,
    draft: &Draft,
    diagnostics: &mut Diagnostics,
) -> Vec<&'static str> {
    let whole = || PROXIES.iter().chain(GATEWAY).copied().collect();
    let why = match reach {
        Reach::Mesh => return whole(),
        Reach::Gateways => return GATEWAY.to_vec(),
        Reach::Namespace(name) => {
            if draft.services.iter().all(|service| service.namespace() == name) {
                return PROXIES.to_vec();
            }
            format!("it is for the namespace {} only", quote(name))
        }
        Reach::Workloads => "it is for some workloads only".to_owned(),
    };
    let message =
        format!("{} is not modelled: {why}, and all proxies of a mesh are alike", quote(&object.value));
    diagnostics.push(no_effect(message, object.location));
    Vec::new()
}

/// Warns that a value has no effect.
pub(super) fn no_value(import: &mut Import<'_>, message: &str, place: Location) {
    import.diagnostics.push(no_effect(message, place));
}
