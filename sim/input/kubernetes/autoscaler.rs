//! HorizontalPodAutoscalers, of autoscaling/v2, its betas and v1: what they scale, what they look at, how fast.

use crate::diag::{Code, Diagnostic, Diagnostics, quote};
use crate::input::defaults;
use crate::input::draft::AutoscaleDraft;
use crate::input::fields;
use crate::input::tree::{Located, Node};
use crate::units::{Ratio, Span};
use crate::vocabulary::ProxyKind;
use crate::vocabulary::autoscale::{Behavior, Change, Metric, Of, Policy, Rules, Select, Target};

use super::object::{Meta, at, elements_at, text_at};
use super::pod::{cpu, quantity_of_cpu};
use super::workload::Workload;

/// Kinds that have a number of replicas to set.
const SCALED: [&str; 3] = ["Deployment", "StatefulSet", "ReplicaSet"];

const SELECT: &[(&str, Select)] =
    &[("Max", Select::Max), ("Min", Select::Min), ("Disabled", Select::Disabled)];

/// An autoscaler, and what it scales.
#[derive(Debug)]
pub(super) struct Autoscaler {
    pub(super) meta: Meta,
    /// Kind and name.
    target: (String, Located<String>),
    says: AutoscaleDraft,
    /// Containers that metrics look at, the proxies' apart.
    containers: Vec<Located<String>>,
}

impl Autoscaler {
    /// `None`, of which something is said, where nothing that it looks at is modelled.
    pub(super) fn read(node: &Node, diagnostics: &mut Diagnostics) -> Option<Self> {
        let meta = Meta::read(node, diagnostics)?;
        let name = quote(&meta.full_name());
        let missing = |key: &str, diagnostics: &mut Diagnostics| {
            let message = format!("autoscaler {name} has no `{key}` and is left out");
            diagnostics.push(Diagnostic::warning(Code::MissingKey, message).at(meta.name.location));
        };
        let Some(target) = at(node, &["spec", "scaleTargetRef", "name"]) else {
            missing("spec.scaleTargetRef.name", diagnostics);
            return None;
        };
        let Some(max) = at(node, &["spec", "maxReplicas"]) else {
            missing("spec.maxReplicas", diagnostics);
            return None;
        };
        let errors = diagnostics.errors();
        let silent = Located::new(defaults::REPLICAS, meta.name.location);
        let min = at(node, &["spec", "minReplicas"]).map_or(Some(silent), |min| fewest(min, diagnostics));
        let max = fields::located(fields::count)(max, diagnostics);
        let mut containers = Vec::new();
        let metrics = metrics(node, &meta, &mut containers, diagnostics);
        let behavior = behavior(node, diagnostics);
        if metrics.is_empty() && diagnostics.errors() == errors {
            let message =
                format!("autoscaler {name} looks at no CPU and is left out: replicas stay as they are");
            diagnostics.push(Diagnostic::warning(Code::NotModelled, message).at(meta.name.location));
        }
        let says = AutoscaleDraft { location: meta.name.location, min: min?, max: max?, metrics, behavior };
        if says.metrics.is_empty() {
            return None;
        }
        let kind =
            at(node, &["spec", "scaleTargetRef"]).map_or("", |target| text_at(target, "kind")).to_owned();
        let target = (kind, Located::new(target.text().unwrap_or_default().to_owned(), target.location));
        Some(Self { meta, target, says, containers })
    }
}

/// Nothing is allowed where a queue, say, tells when somebody is needed again, which CPU cannot.
fn fewest(node: &Node, diagnostics: &mut Diagnostics) -> Option<Located<u32>> {
    let min = fields::located(fields::u32)(node, diagnostics)?;
    if min.value == 0 {
        let message = "no autoscaler scales to nothing here: one pod stays";
        diagnostics.push(Diagnostic::warning(Code::NotModelled, message).at(min.location));
        return Some(Located::new(1, min.location));
    }
    Some(min)
}

/// Metrics of CPU; Kubernetes' own where none is written.
fn metrics(
    node: &Node,
    meta: &Meta,
    containers: &mut Vec<Located<String>>,
    diagnostics: &mut Diagnostics,
) -> Vec<Located<Metric>> {
    let written = elements_at(node, &["spec", "metrics"], diagnostics);
    if let Some(percent) = at(node, &["spec", "targetCPUUtilizationPercentage"]) {
        let target = fields::count(percent, diagnostics).map(Target::Utilization);
        let metric = target.map(|target| Located::new(Metric { of: Of::Pod, target }, percent.location));
        return metric.into_iter().collect();
    }
    if written.is_empty() {
        return vec![Located::new(Metric::default(), meta.name.location)];
    }
    written.iter().filter_map(|element| metric(element, containers, diagnostics)).collect()
}

/// `None` of a metric that is not of CPU: of other sources the table of fields says so.
fn metric(
    element: &Node,
    containers: &mut Vec<Located<String>>,
    diagnostics: &mut Diagnostics,
) -> Option<Located<Metric>> {
    let (body, of) = match text_at(element, "type") {
        "Resource" => (at(element, &["resource"])?, Of::Pod),
        "ContainerResource" => {
            let body = at(element, &["containerResource"])?;
            let container = at(body, &["container"]);
            let name = container.and_then(Node::text).unwrap_or_default();
            if ProxyKind::ALL.iter().any(|kind| kind.container() == name) {
                (body, Of::Proxy)
            } else {
                let location = container.map_or(body.location, |node| node.location);
                containers.push(Located::new(name.to_owned(), location));
                (body, Of::Application)
            }
        }
        _ => return None,
    };
    let name = text_at(body, "name");
    if name != "cpu" {
        let message = format!("a metric of {} is not modelled: autoscalers look at CPU only", quote(name));
        let place = at(body, &["name"]).map_or(body.location, |node| node.location);
        diagnostics.push(Diagnostic::warning(Code::NotModelled, message).at(place));
        return None;
    }
    let (target, place) = target(body, diagnostics)?;
    Some(Located::new(Metric { of, target }, place.location))
}

/// As autoscaling/v2 or as v2beta1 has it, with where it stands.
fn target<'n>(body: &'n Node, diagnostics: &mut Diagnostics) -> Option<(Target, &'n Node)> {
    let of = |new: &str, old: &str| at(body, &["target", new]).or_else(|| at(body, &[old]));
    if let Some(node) = of("averageUtilization", "targetAverageUtilization") {
        return Some((Target::Utilization(fields::count(node, diagnostics)?), node));
    }
    let Some(node) = of("averageValue", "targetAverageValue") else {
        let message = "a metric of CPU has neither `averageUtilization` nor `averageValue`";
        diagnostics.push(Diagnostic::error(Code::MissingKey, message).at(body.location));
        return None;
    };
    let millicores = cpu(node, diagnostics)?.millicores();
    if millicores == 0 {
        let problem = Diagnostic::error(Code::InvalidValue, "a target is more than nothing");
        diagnostics.push(problem.at(node.location));
        return None;
    }
    Some((Target::Value(millicores), node))
}

/// What is not written in it is as Kubernetes fills it in.
fn behavior(node: &Node, diagnostics: &mut Diagnostics) -> Option<Behavior> {
    let written = at(node, &["spec", "behavior"])?;
    let silent = Behavior::default();
    let mut direction = |key, base| match at(written, &[key]) {
        Some(node) => rules(node, base, diagnostics),
        None => base,
    };
    Some(Behavior { up: direction("scaleUp", silent.up), down: direction("scaleDown", silent.down) })
}

fn rules(node: &Node, base: Rules, diagnostics: &mut Diagnostics) -> Rules {
    let window = at(node, &["stabilizationWindowSeconds"])
        .and_then(|node| seconds(node, Rules::LONGEST, fields::u32, diagnostics));
    let select = at(node, &["selectPolicy"])
        .and_then(|node| fields::choice(node, "a choice of policies", SELECT, diagnostics));
    let tolerance = at(node, &["tolerance"]).and_then(|node| {
        fields::parsed(node, "a tolerance", diagnostics, |text| {
            quantity_of_cpu(text).and_then(|amount| Ratio::new(amount.value()))
        })
    });
    let policies = elements_at(node, &["policies"], diagnostics);
    let policies: Vec<Policy> = policies.iter().filter_map(|one| policy(one, diagnostics)).collect();
    Rules {
        policies: if policies.is_empty() { base.policies } else { policies },
        select: select.unwrap_or(base.select),
        stabilization: window.or(base.stabilization),
        tolerance: tolerance.or(base.tolerance),
    }
}

fn policy(node: &Node, diagnostics: &mut Diagnostics) -> Option<Policy> {
    const CHANGES: &[(&str, bool)] = &[("Pods", true), ("Percent", false)];
    let mut need = |key: &str| {
        let found = at(node, &[key]);
        if found.is_none() {
            let message = format!("a policy needs {}", quote(key));
            diagnostics.push(Diagnostic::error(Code::MissingKey, message).at(node.location));
        }
        found
    };
    let (kind, value, period) = (need("type"), need("value"), need("periodSeconds"));
    let of_pods = kind.and_then(|node| fields::choice(node, "a policy", CHANGES, diagnostics));
    let value = value.and_then(|node| fields::count(node, diagnostics));
    let period = period.and_then(|node| seconds(node, Policy::LONGEST, fields::count, diagnostics));
    let change = if of_pods? { Change::Pods(value?) } else { Change::Percent(value?) };
    Some(Policy { change, period: period? })
}

/// Whole seconds, no more than Kubernetes allows.
fn seconds(
    node: &Node,
    longest: Span,
    reader: fn(&Node, &mut Diagnostics) -> Option<u32>,
    diagnostics: &mut Diagnostics,
) -> Option<Span> {
    let span = Span::from_seconds(u64::from(reader(node, diagnostics)?));
    if span > longest {
        let message = format!("{span} is longer than the {longest} that Kubernetes allows");
        diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(node.location));
        return None;
    }
    Some(span)
}

/// Gives autoscalers to the workloads that they scale.
pub(super) fn attach(
    autoscalers: Vec<Autoscaler>,
    workloads: &mut [Workload],
    diagnostics: &mut Diagnostics,
) {
    for autoscaler in autoscalers {
        let (kind, name) = &autoscaler.target;
        let is_scaled = |workload: &&mut Workload| {
            // Of pods that are listed alone only the name of what made them is known.
            let is_kind = workload.meta.kind == *kind || workload.meta.kind == "Pod";
            is_kind
                && workload.meta.namespace() == autoscaler.meta.namespace()
                && workload.meta.name.value == name.value
        };
        let found = workloads.iter_mut().find(is_scaled).filter(|_| SCALED.contains(&kind.as_str()));
        let Some(workload) = found else {
            let name = format!("{kind} {}", quote(&name.value));
            let message = format!("{name}, which an autoscaler scales, is not among what was read");
            let problem = Diagnostic::warning(Code::UnknownName, message).at(autoscaler.target.1.location);
            diagnostics.push(problem.hint(format!("it scales a {}", SCALED.join(", a "))));
            continue;
        };
        if let Some(first) = &workload.autoscale {
            let message =
                format!("{} has a second autoscaler, which is left out", quote(&workload.meta.full_name()));
            let problem = Diagnostic::warning(Code::DuplicateName, message).at(name.location);
            diagnostics.push(problem.related(first.location, "the first one"));
            continue;
        }
        autoscaler.give(workload, diagnostics);
    }
}

impl Autoscaler {
    fn give(self, workload: &mut Workload, diagnostics: &mut Diagnostics) {
        self.check_containers(workload, diagnostics);
        let mut says = self.says;
        let silent = some_request_nothing(workload);
        says.metrics.retain(|metric| {
            let counts_all = metric.value.of != Of::Proxy && matches!(metric.value.target, Target::Utilization(_));
            let Some(container) = silent.as_ref().filter(|_| counts_all) else { return true };
            let message = format!(
                "container {} requests no CPU: Kubernetes says FailedGetResourceMetric, and the metric is left out",
                quote(container)
            );
            diagnostics.push(Diagnostic::warning(Code::NotModelled, message).at(metric.location));
            false
        });
        if let Some(replicas) = &mut workload.replicas {
            // What writes no number leaves it to its autoscaler.
            let is_silent = workload.meta.kind != "Pod" && replicas.location == workload.meta.name.location;
            if is_silent || (says.metrics.is_empty() && replicas.value > 0) {
                replicas.value = replicas.value.max(says.min.value).min(says.max.value.max(says.min.value));
            }
        }
        workload.autoscale = Some(says).filter(|says| !says.metrics.is_empty());
    }

    /// All containers of an application are one here.
    fn check_containers(&self, workload: &Workload, diagnostics: &mut Diagnostics) {
        let names: Vec<&str> =
            workload.template.application().map(|container| container.name.as_str()).collect();
        for container in &self.containers {
            let written = quote(&container.value);
            let (code, message) = if !names.contains(&container.value.as_str()) {
                (
                    Code::UnknownName,
                    format!("there is no container {written}: here the application is looked at"),
                )
            } else if names.len() > 1 {
                (
                    Code::NotModelled,
                    format!("{written} is looked at together with the other containers of its pod"),
                )
            } else {
                continue;
            };
            diagnostics.push(Diagnostic::warning(code, message).at(container.location));
        }
    }
}

/// A container that requests no CPU where another one does.
fn some_request_nothing(workload: &Workload) -> Option<String> {
    let requests = |request: bool| {
        let mut all = workload.template.application();
        all.find(|container| container.resources.cpu_request.is_some() == request)
    };
    requests(true)?;
    requests(false).map(|container| container.name.clone())
}
