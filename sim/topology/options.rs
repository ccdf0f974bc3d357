//! What can be asked of the generator, as written and as it then holds.

use std::fmt::Write as _;

use crate::diag::{Code, Diagnostic, closest, quote};
use crate::units::{Rate, Ratio};
use crate::vocabulary::Protocol;

use super::preset::{PRESETS, Preset, Shape, law};
use super::{Law, layers};

/// Most services; a scenario file of more could not be read again.
const MAX_SERVICES: u32 = 50_000;
/// Most pods.
pub(super) const MAX_PODS: u64 = 10_000_000;
/// Most layers.
const MAX_DEPTH: u32 = 100;
/// Most pairs of caller and callee that are tried.
const MAX_EDGES: f64 = 1e6;

/// Traffic, before it is shared among the entries.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Load {
    /// Requests at all entries together: end to end.
    Entries(Rate),
    /// Requests at all services together.
    Services(Rate),
}

/// What was asked for; what was not is the preset's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// Name of a row of [`PRESETS`].
    pub preset: String,
    /// Name of the scenario.
    pub name: Option<String>,
    /// Number of services.
    pub services: Option<u32>,
    /// Number of pods of all services.
    pub pods: Option<u64>,
    /// Number of namespaces.
    pub namespaces: Option<u32>,
    /// Number of services that requests from outside come to.
    pub entries: Option<u32>,
    /// Services on the longest way of a request.
    pub depth: Option<u32>,
    /// How many services a service calls that calls any.
    pub fan_out: Option<Law>,
    /// How pods spread over services.
    pub replicas: Option<Law>,
    /// Calls that a request makes in all, on average.
    pub calls_per_request: Option<f64>,
    /// Traffic.
    pub load: Option<Load>,
    /// Limit of the share of time for which pods work.
    pub utilization: Option<Ratio>,
    /// What all services speak.
    pub protocol: Option<Protocol>,
    /// Seed of all draws.
    pub seed: u64,
}

/// What holds: options checked, presets and defaults filled in.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(super) preset: &'static Preset,
    pub(super) shape: Shape,
    pub(super) name: String,
    pub(super) services: usize,
    /// `None` for as many as `pods_per_service` gives, or as are needed.
    pub(super) pods: Option<u64>,
    pub(super) pods_per_service: f64,
    pub(super) namespaces: usize,
    pub(super) entries: usize,
    pub(super) depth: usize,
    pub(super) leaf_share: f64,
    pub(super) fan_out: Law,
    pub(super) fan_in: Law,
    pub(super) replicas: Law,
    pub(super) work: Law,
    pub(super) calls_per_request: Option<f64>,
    pub(super) load: Load,
    pub(super) utilization: Ratio,
    pub(super) protocol: Protocol,
    pub(super) seed: u64,
}

fn default_utilization() -> Ratio {
    Ratio::new(0.3).expect("a ratio")
}

/// Protocols by their names on the command line.
const PROTOCOLS: [(&str, Protocol); 3] =
    [("http1", Protocol::Http1), ("http2", Protocol::Http2), ("grpc", Protocol::Grpc)];

impl Options {
    /// A preset as it is.
    pub fn of(preset: &str) -> Self {
        Self { preset: preset.to_owned(), seed: 1, ..Self::default() }
    }

    /// The protocol of this name.
    pub fn protocol(name: &str) -> Option<Protocol> {
        PROTOCOLS.iter().find(|(known, _)| *known == name).map(|(_, protocol)| *protocol)
    }

    /// Checks everything and fills in what was not given.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn settings(&self) -> Result<Settings, Vec<Diagnostic>> {
        let Some(preset) = Preset::find(&self.preset) else {
            let message = format!("there is no preset {}", quote(&self.preset));
            let near = closest(&self.preset, PRESETS.iter().map(|preset| preset.name));
            return Err(vec![Diagnostic::error(Code::UnknownName, message).suggest(near)]);
        };
        let services = self.services.unwrap_or(preset.services);
        let namespaces = self.namespaces.unwrap_or(preset.namespaces.min(services));
        let (entries, depth) = self.layers(preset, services, namespaces);
        let fan_out = self.fan_out.clone().unwrap_or_else(|| law(preset.fan_out));
        let settings = Settings {
            preset,
            shape: preset.shape,
            name: self.name.clone().unwrap_or_else(|| preset.name.to_owned()),
            services: services as usize,
            pods: self.pods,
            pods_per_service: self.replicas.as_ref().map_or(preset.pods_per_service, Law::mean_count),
            namespaces: namespaces as usize,
            entries: entries as usize,
            depth: depth as usize,
            leaf_share: preset.leaf_share,
            fan_out,
            fan_in: law(preset.fan_in),
            replicas: self.replicas.clone().unwrap_or_else(|| law(preset.replicas)),
            work: law(preset.work),
            calls_per_request: self.calls_per_request.or(preset.calls_per_request),
            load: self.load.unwrap_or_else(|| preset.load()),
            utilization: self.utilization.unwrap_or_else(default_utilization),
            protocol: self.protocol.unwrap_or(Protocol::Http1),
            seed: self.seed,
        };
        let problems = self.problems(&settings);
        if problems.is_empty() { Ok(settings) } else { Err(problems) }
    }

    /// Entries and depth: of layers, as asked for, else as the preset says and the services allow.
    fn layers(&self, preset: &Preset, services: u32, namespaces: u32) -> (u32, u32) {
        if preset.shape == Shape::Tree {
            return (namespaces, 0);
        }
        let share = libm::round(preset.entry_share * f64::from(services)) as u32;
        let entries = match (self.entries, self.depth) {
            (Some(entries), _) => entries,
            (None, Some(1)) => services,
            (None, Some(depth)) => share.clamp(1, (services + 1).saturating_sub(depth).max(1)),
            (None, None) => share.max(1),
        };
        let below = services.saturating_sub(entries);
        (entries, self.depth.unwrap_or_else(|| preset.depth.min(layers::most(below))))
    }

    fn problems(&self, settings: &Settings) -> Vec<Diagnostic> {
        let services = settings.services;
        let mut problems = Vec::new();
        let mut need = |holds: bool, message: String| {
            if !holds {
                problems.push(Diagnostic::error(Code::InvalidValue, message));
            }
        };
        let range = |what: &str, low: u64, high: u64, value: u64| {
            let message = format!("{what} must lie between {low} and {high}, not {value}");
            ((low..=high).contains(&value), message)
        };
        let (holds, message) = range("--services", 1, MAX_SERVICES.into(), services as u64);
        need(holds, message);
        if !holds {
            return problems; // everything else is measured by it
        }
        let (holds, message) = range("--namespaces", 1, services as u64, settings.namespaces as u64);
        need(holds, message);
        if let Some(pods) = self.pods {
            let (holds, message) = range("--pods", services as u64, MAX_PODS, pods);
            need(holds, message);
        }
        if settings.shape == Shape::Tree {
            let message =
                |option| format!("{option} does not apply to a tree: --services and --fan-out decide");
            need(self.depth.is_none(), message("--depth"));
            need(self.entries.is_none(), message("--entries"));
        } else {
            let (holds, message) = range("--entries", 1, services as u64, settings.entries as u64);
            need(holds, message);
            let below = services.saturating_sub(settings.entries);
            let (least, most) = if below == 0 { (1, 1) } else { (2, MAX_DEPTH.min(below as u32 + 1)) };
            let what = format!("with {} entries of {services} services, --depth", settings.entries);
            let (holds, message) = range(&what, least, most.into(), settings.depth as u64);
            need(holds, message);
        }
        let calls = settings.calls_per_request;
        need(
            calls.is_none_or(|calls| (0.001..=1e5).contains(&calls)),
            format!(
                "--calls-per-request must lie between 0.001 and 100000, not {}",
                calls.unwrap_or_default()
            ),
        );
        let (Load::Entries(rate) | Load::Services(rate)) = settings.load;
        need(rate.value() > 0.0, "there must be some requests: a rate above zero".to_owned());
        let utilization = settings.utilization.value();
        need(
            utilization > 0.0 && utilization < 1.0,
            "--utilization must lie between 0 and 100 %, both excluded".to_owned(),
        );
        let edges = settings.fan_out.mean_count().min(services as f64) * services as f64;
        need(
            settings.shape == Shape::Tree || edges <= MAX_EDGES,
            format!("about {edges:.0} pairs of caller and callee are more than the {MAX_EDGES} possible"),
        );
        problems
    }

    /// The command that asks for this.
    pub fn command(&self) -> String {
        let mut text = format!("sim topology generate --preset {}", self.preset);
        let mut add = |option: &str, value: Option<String>| {
            if let Some(value) = value {
                let _ = write!(text, " --{option} {value}");
            }
        };
        add("name", self.name.clone());
        add("services", self.services.map(|value| value.to_string()));
        add("pods", self.pods.map(|value| value.to_string()));
        add("namespaces", self.namespaces.map(|value| value.to_string()));
        add("entries", self.entries.map(|value| value.to_string()));
        add("depth", self.depth.map(|value| value.to_string()));
        add("fan-out", self.fan_out.as_ref().map(ToString::to_string));
        add("replicas", self.replicas.as_ref().map(ToString::to_string));
        add("calls-per-request", self.calls_per_request.map(|value| value.to_string()));
        match self.load {
            Some(Load::Entries(rate)) => add("rps", Some(rate.value().to_string())),
            Some(Load::Services(rate)) => add("mesh-rps", Some(rate.value().to_string())),
            None => {}
        }
        add("utilization", self.utilization.map(|value| value.value().to_string()));
        let protocol = PROTOCOLS.iter().find(|(_, protocol)| Some(*protocol) == self.protocol);
        add("protocol", protocol.map(|(name, _)| (*name).to_owned()));
        add("seed", (self.seed != 1).then(|| self.seed.to_string()));
        text
    }
}
