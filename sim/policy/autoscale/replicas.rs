//! What a CPU metric recommends: usage over target, with pods left out or taken at a guess.
//!
//! Follows pkg/controller/podautoscaler/replica_calculator.go and metrics/utilization.go: utilization is a whole per
//! cent, cut off. Pods without a sample count as using all of their request where replicas would become fewer, and
//! nothing where they would become more; there, pods that are not ready count as using nothing, too. A guess that
//! would turn the direction changes nothing. A container without a request leaves the metric of its pod without a
//! value: Linkerd's proxies have none unless told, so a metric of whole pods then never scales.

use super::Settings;
use crate::units::{SimTime, Span};

pub use crate::vocabulary::autoscale::{Metric, Of, Target};

/// How far a pod is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Its containers do not run yet.
    Pending,
    /// They run.
    Running,
    /// It has failed, or is being deleted.
    Ending,
}

/// A container that runs, in thousandths of a core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Container {
    /// What it requests.
    pub request: Option<u64>,
    /// What it used on average in the pod's latest sample.
    pub usage: u64,
}

/// When the latest sample of a pod's usage ended, and how much time it spans (metrics-server).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Its end.
    pub at: SimTime,
    /// Its length.
    pub window: Span,
}

/// What the autoscaler sees of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pod {
    /// How far it is.
    pub phase: Phase,
    /// Since when its node has it.
    pub started: SimTime,
    /// Whether it is ready.
    pub is_ready: bool,
    /// Since when it is, or is not.
    pub since: SimTime,
    /// The latest sample, if there is any.
    pub sample: Option<Sample>,
    /// The application's container.
    pub application: Container,
    /// The proxy's container, native sidecars too; `None` where the pod has none.
    pub proxy: Option<Container>,
}

/// Why a metric recommends nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// No pod, or no sample of a pod that counts.
    NoSamples,
    /// A pod's container requests nothing.
    NoRequest,
    /// A pod has no such container.
    NoContainer,
}

/// Shares by which usage may differ from its target without effect.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// Below it.
    pub down: f64,
    /// Above it.
    pub up: f64,
}

impl Tolerance {
    fn allows(self, ratio: f64) -> bool {
        1.0 - self.down <= ratio && ratio <= 1.0 + self.up
    }
}

/// Sums over pods, in thousandths of a core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    pods: u64,
    usage: u64,
    requests: u64,
}

impl Sum {
    fn add(&mut self, usage: u64, request: u64) {
        self.pods += 1;
        self.usage += usage;
        self.requests += request;
    }

    fn ratio(self, target: Target) -> f64 {
        match target {
            Target::Utilization(percent) => (self.usage * 100 / self.requests) as f64 / f64::from(percent),
            Target::Value(value) => (self.usage / self.pods) as f64 / value as f64,
        }
    }
}

/// Replicas that one metric recommends for a workload told to have `current`.
///
/// # Errors
/// When the metric has no value.
pub fn recommend(
    metric: &Metric,
    settings: &Settings,
    tolerance: Tolerance,
    current: u32,
    pods: &[Pod],
    now: SimTime,
) -> Result<u32, Unknown> {
    let groups = Groups::of(metric, settings, pods, now)?;
    let ratio = groups.ready.ratio(metric.target);
    let with_unready = groups.unready.pods > 0 && ratio > 1.0;
    if !with_unready && groups.missing.pods == 0 {
        let replicas = whole(ratio * groups.ready.pods as f64);
        return Ok(if tolerance.allows(ratio) { current } else { replicas });
    }
    let mut guessed = groups.ready;
    if groups.missing.pods > 0 && ratio != 1.0 {
        let usage = if ratio < 1.0 { groups.missing.usage } else { 0 };
        guessed = merged(guessed, Sum { usage, ..groups.missing });
    }
    if with_unready {
        guessed = merged(guessed, Sum { usage: 0, ..groups.unready });
    }
    let new_ratio = guessed.ratio(metric.target);
    let turns = (ratio < 1.0 && new_ratio > 1.0) || (ratio > 1.0 && new_ratio < 1.0);
    if tolerance.allows(new_ratio) || turns {
        return Ok(current);
    }
    let replicas = whole(new_ratio * guessed.pods as f64);
    let turns = (new_ratio < 1.0 && replicas > current) || (new_ratio > 1.0 && replicas < current);
    Ok(if turns { current } else { replicas })
}

fn whole(replicas: f64) -> u32 {
    replicas.ceil() as u32
}

fn merged(a: Sum, b: Sum) -> Sum {
    Sum { pods: a.pods + b.pods, usage: a.usage + b.usage, requests: a.requests + b.requests }
}

/// Pods by how they count.
struct Groups {
    ready: Sum,
    unready: Sum,
    /// Its usage is what is guessed where replicas would become fewer.
    missing: Sum,
}

impl Groups {
    fn of(metric: &Metric, settings: &Settings, pods: &[Pod], now: SimTime) -> Result<Self, Unknown> {
        let empty = Sum::default();
        let mut groups = Self { ready: empty, unready: empty, missing: empty };
        let mut unknown = None;
        for pod in pods {
            let (usage, request) = match used(metric.of, pod) {
                Ok((usage, Some(request))) => (usage, request),
                Ok((usage, None)) => {
                    unknown = unknown.or(Some(Unknown::NoRequest));
                    (usage, 0)
                }
                Err(reason) => {
                    unknown = unknown.or(Some(reason));
                    continue;
                }
            };
            match (pod.phase, pod.sample) {
                (Phase::Ending, _) => {}
                (Phase::Pending, _) => groups.unready.add(0, request),
                (Phase::Running, None) => groups.missing.add(guess(metric.target, request), request),
                (Phase::Running, Some(sample)) if is_unready(settings, pod, sample, now) => {
                    groups.unready.add(0, request);
                }
                (Phase::Running, Some(_)) => groups.ready.add(usage, request),
            }
        }
        // A value per pod needs no requests.
        let needs_requests = matches!(metric.target, Target::Utilization(_));
        match unknown {
            Some(Unknown::NoContainer) => Err(Unknown::NoContainer),
            _ if groups.ready.pods == 0 => Err(Unknown::NoSamples),
            Some(reason) if needs_requests => Err(reason),
            _ if needs_requests && groups.ready.requests == 0 => Err(Unknown::NoRequest),
            _ => Ok(groups),
        }
    }
}

/// What is taken for the usage of a pod without a sample, where replicas would become fewer.
fn guess(target: Target, request: u64) -> u64 {
    match target {
        Target::Utilization(percent) => request * u64::from(percent.max(100)) / 100,
        Target::Value(value) => value,
    }
}

/// Usage and request.
fn used(of: Of, pod: &Pod) -> Result<(u64, Option<u64>), Unknown> {
    let of_container = |container: Container| (container.usage, container.request);
    match (of, pod.proxy) {
        (Of::Application, _) | (Of::Pod, None) => Ok(of_container(pod.application)),
        (Of::Proxy, Some(proxy)) => Ok(of_container(proxy)),
        (Of::Proxy, None) => Err(Unknown::NoContainer),
        (Of::Pod, Some(proxy)) => {
            let request = pod.application.request.zip(proxy.request).map(|(a, b)| a + b);
            Ok((pod.application.usage + proxy.usage, request))
        }
    }
}

/// Whether a pod's sample does not count: early in its life unless it was ready all through the sample, later if it has
/// never been ready.
fn is_unready(settings: &Settings, pod: &Pod, sample: Sample, now: SimTime) -> bool {
    if pod.started + settings.cpu_initialization > now {
        !pod.is_ready || sample.at < pod.since + sample.window
    } else {
        !pod.is_ready && pod.started + settings.readiness_delay > pod.since
    }
}
