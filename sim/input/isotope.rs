//! Service graphs of Istio's load test tool isotope, read as its own Go parser does
//! (istio/tools, `isotope/convert/pkg/graph`), which its README describes imperfectly.
//!
//! Differences from our own format: services take no time of their own; sizes are powers of 1024 whatever the letters
//! (docker's `RAMInBytes`); a call's `probability` is a whole percentage whose 0 means "always"; unknown keys are
//! ignored there and warned of here. Entry points have no traffic: they get [`Entry`]'s.

use crate::diag::{Code, Diagnostic, Diagnostics, Location, quote};
use crate::kernel::dist::Dist;
use crate::units::{Rate, Ratio, UnitError};
use crate::vocabulary::{Application, Arrivals, Origin, Protocol};

use super::defaults;
use super::draft::{
    ActionDraft, ArrivalsDraft, CallDraft, Draft, OperationDraft, Origins, ServiceDraft, SourceDraft,
    StepDraft,
};
use super::fields::{self, Fields, each, list, located};
use super::tree::{Located, Node};

/// The traffic of entry points, of which the format says nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Rate of Poisson arrivals at each entry point.
    pub rate: Rate,
    /// Where they come from.
    pub from: Origin,
}

impl Default for Entry {
    fn default() -> Self {
        Self { rate: defaults::entry_rate(), from: Origin::Outside }
    }
}

/// What services and calls take when they do not say.
#[derive(Clone, Debug)]
struct Common {
    protocol: Protocol,
    error_ratio: Ratio,
    request_size: Dist,
    response_size: Dist,
    script: Vec<StepDraft>,
    replicas: Option<Located<u32>>,
}

/// Adds the graph `node` to `draft`, each entry point with the traffic of `entry`.
pub(crate) fn decode(node: &Node, entry: &Entry, draft: &mut Draft, diagnostics: &mut Diagnostics) {
    let mut graph = Fields::new(node, "a service graph", diagnostics);
    let without = Common {
        protocol: Protocol::Http1,
        error_ratio: Ratio::ZERO,
        request_size: Dist::ZERO,
        response_size: Dist::ZERO,
        script: Vec::new(),
        replicas: None,
    };
    if let Some(readme) = graph.take("default") {
        let message = "isotope reads `defaults`; its README says `default`, which it ignores";
        let diagnostic = Diagnostic::warning(Code::NotModelled, message).at(readme.location);
        graph.report(diagnostic.hint("it is taken as `defaults` here"));
    }
    let key = if graph.take("defaults").is_some() { "defaults" } else { "default" };
    let common = graph.read(key, |node, diagnostics| common(node, &without, diagnostics)).unwrap_or(without);
    let services = graph.need("services", each(|node, diagnostics| service(node, &common, diagnostics)));
    warn_of_untaken(graph, &[]);
    for (service, is_entry) in services.unwrap_or_default() {
        if is_entry {
            draft.sources.push(source(&service, entry));
            draft.assumed_rates += 1;
        }
        draft.services.push(service);
    }
}

fn common(node: &Node, without: &Common, diagnostics: &mut Diagnostics) -> Option<Common> {
    let mut fields = Fields::new(node, "`defaults`", diagnostics);
    let common = read_common(&mut fields, without);
    warn_of_untaken(fields, &[]);
    node.entries().and(Some(common))
}

/// The keys that `defaults` and services share.
fn read_common(fields: &mut Fields<'_, '_>, common: &Common) -> Common {
    let request_size = fields.read("requestSize", size).unwrap_or_else(|| common.request_size.clone());
    Common {
        protocol: fields.read("type", protocol).unwrap_or(common.protocol),
        error_ratio: fields.read("errorRate", fields::ratio).unwrap_or(common.error_ratio),
        response_size: fields.read("responseSize", size).unwrap_or_else(|| common.response_size.clone()),
        script: fields
            .read("script", each(|node, diagnostics| step(node, &request_size, diagnostics)))
            .unwrap_or_else(|| common.script.clone()),
        replicas: fields.read("numReplicas", located(fields::u32)).or_else(|| common.replicas.clone()),
        request_size,
    }
}

/// A service, and whether it is an entry point.
fn service(node: &Node, common: &Common, diagnostics: &mut Diagnostics) -> Option<(ServiceDraft, bool)> {
    let mut fields = Fields::new(node, "a service", diagnostics);
    let name = fields.need("name", located(fields::text));
    let namespace = fields.read("namespace", located(fields::text));
    let is_entry = fields.read("isEntrypoint", fields::boolean).unwrap_or(false);
    let own = read_common(&mut fields, common);
    let mut written = vec!["operations".to_owned(), "protocol".to_owned()];
    written.extend(own.replicas.is_some().then(|| "replicas".to_owned()));
    // Labels change nothing that is measured.
    fields.take("labels");
    warn_of_untaken(fields, &["cluster"]);
    let name = name?;
    let operation = OperationDraft {
        request_size: own.request_size,
        response_size: own.response_size,
        error_ratio: own.error_ratio,
        script: own.script,
        ..OperationDraft::of(Located::new(defaults::OPERATION.to_owned(), name.location))
    };
    let service = ServiceDraft {
        namespace,
        replicas: own.replicas.unwrap_or(Located::new(defaults::REPLICAS, name.location)),
        application: Application { protocol: own.protocol, ..Application::default() },
        operations: vec![operation],
        ..ServiceDraft::of(name, Origins::Scenario(written))
    };
    Some((service, is_entry))
}

fn source(service: &ServiceDraft, entry: &Entry) -> SourceDraft {
    let location = service.name.location;
    SourceDraft {
        name: service.name.clone(),
        service: Located::new(service.full_name(), location),
        operation: None,
        host: None,
        from: Located::new(entry.from.clone(), location),
        arrivals: Located::new(ArrivalsDraft::Known(Arrivals::Poisson { rate: entry.rate }), location),
        headers: Vec::new(),
        timeout: None,
    }
}

fn protocol(node: &Node, diagnostics: &mut Diagnostics) -> Option<Protocol> {
    let types = [("http", Protocol::Http1), ("grpc", Protocol::Grpc)];
    fields::choice(node, "a service's type", &types, diagnostics)
}

/// `sleep`, `call`, or a list of these, which run at once.
fn step(node: &Node, request_size: &Dist, diagnostics: &mut Diagnostics) -> Option<StepDraft> {
    if node.elements().is_none() {
        return action(node, request_size, diagnostics).map(StepDraft::One);
    }
    let parallel = list(|node, diagnostics| {
        if node.elements().is_some() {
            let message = "a concurrent step cannot hold another one";
            diagnostics.push(Diagnostic::error(Code::UnexpectedKind, message).at(node.location));
            return None;
        }
        action(node, request_size, diagnostics)
    });
    parallel(node, diagnostics).map(StepDraft::Parallel)
}

fn action(node: &Node, request_size: &Dist, diagnostics: &mut Diagnostics) -> Option<ActionDraft> {
    match fields::one_of(node, "a step", &["call", "sleep"], diagnostics)? {
        ("sleep", value) => {
            let span = fields::span(value, diagnostics)?;
            constant(span.nanos() as f64, value.location, diagnostics).map(ActionDraft::Sleep)
        }
        (_, value) => call(value, request_size, diagnostics).map(ActionDraft::Call),
    }
}

fn call(node: &Node, request_size: &Dist, diagnostics: &mut Diagnostics) -> Option<CallDraft> {
    let with_size = |call: CallDraft, size: Option<Dist>| CallDraft {
        request_size: Some(size.unwrap_or_else(|| request_size.clone())),
        ..call
    };
    if node.entries().is_none() {
        let service = fields::text(node, diagnostics)?;
        return Some(with_size(CallDraft::of(Located::new(service, node.location)), None));
    }
    let mut fields = Fields::new(node, "a call", diagnostics);
    let service = fields.need("service", located(fields::text));
    let own_size = fields.read("size", size);
    let probability = fields.read("probability", percentage).unwrap_or(Ratio::ONE);
    warn_of_untaken(fields, &["hostname", "extra-header"]);
    Some(with_size(CallDraft { probability, ..CallDraft::of(service?) }, own_size))
}

/// Whole per cent; 0 is "not set", which is "always".
fn percentage(node: &Node, diagnostics: &mut Diagnostics) -> Option<Ratio> {
    fields::parsed(node, "a probability", diagnostics, |text| match text.parse::<u32>() {
        Ok(0) => Ok(Ratio::ONE),
        Ok(percent @ 1..=100) => Ratio::new(f64::from(percent) / 100.0),
        _ => Err(UnitError::new("isotope takes whole per cent, from 0 (always) to 100")),
    })
}

/// As docker reads sizes: `1 KB`, `10K`, `16mb`, `128`; each letter is a power of 1024.
fn size(node: &Node, diagnostics: &mut Diagnostics) -> Option<Dist> {
    let bytes = fields::parsed(node, "a size", diagnostics, |text| {
        let error = || UnitError::new("write a size as 512, 10K, 1 KB or 16mb");
        let lower = text.trim().to_ascii_lowercase();
        let end = lower.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(lower.len());
        let (number, unit) = lower.split_at(end);
        let power: u32 = match unit.trim().trim_end_matches('b').trim_end_matches('i') {
            "" => 0,
            "k" => 10,
            "m" => 20,
            "g" => 30,
            "t" => 40,
            "p" => 50,
            _ => return Err(error()),
        };
        let number: f64 = number.parse().map_err(|_| error())?;
        Ok(libm::floor(number * (1_u64 << power) as f64))
    })?;
    constant(bytes, node.location, diagnostics)
}

fn constant(value: f64, location: Location, diagnostics: &mut Diagnostics) -> Option<Dist> {
    match Dist::constant(value) {
        Ok(dist) => Some(dist),
        Err(error) => {
            diagnostics.push(Diagnostic::error(Code::InvalidValue, error.to_string()).at(location));
            None
        }
    }
}

/// Keys that isotope or its README once knew, or that have no effect here; `known` are those it still reads.
fn warn_of_untaken(fields: Fields<'_, '_>, known: &[&str]) {
    const DEAD: &[&str] = &["numRbacPolicies", "computeUsage", "memoryUsage", "payloadSize"];
    let mut fields = fields;
    for (key, _) in fields.untaken() {
        let name = key.text().unwrap_or_default();
        let (code, message) = if known.contains(&name) {
            (Code::NotModelled, format!("{} is not modelled", quote(name)))
        } else if DEAD.contains(&name) {
            (Code::NotModelled, format!("isotope does not read {} any more", quote(name)))
        } else {
            (Code::UnknownKey, format!("isotope does not know {} and ignores it", quote(name)))
        };
        let diagnostic = Diagnostic::warning(code, message).at(key.location);
        fields.report(if name == "payloadSize" {
            diagnostic.hint("did you mean `size`?")
        } else {
            diagnostic
        });
    }
}
