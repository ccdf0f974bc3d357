//! From what was seen to what is simulated: calls per request out of rates, service times out of response times, sources
//! out of what comes in.

use std::collections::BTreeMap;

use crate::diag::{Location, quote};
use crate::input::defaults;
use crate::input::draft::{
    ActionDraft, ArrivalsDraft, CallDraft, Draft, GuessedTime, OperationDraft, Origins, ServiceDraft,
    SourceDraft, StepDraft, VersionDraft,
};
use crate::input::isotope::Entry;
use crate::input::tree::Located;
use crate::kernel::dist::Dist;
use crate::units::{Rate, Ratio};
use crate::vocabulary::{Application, Arrivals, CpuTime, Origin, Protocol};

use super::body::{Body, ServiceTime};
use super::flow::Flow;
use super::graph::{Entrance, Observed, Target, Window};

/// Versions get at most so many times the pods of the least one.
const MAX_REPLICAS: f64 = 10.0;

/// Adds what was observed to the draft.
pub(super) fn add(observed: &mut Observed, entry: &Entry, draft: &mut Draft) {
    draft.guesses.append(&mut observed.remarks);
    let flow = Flow::of(observed, &mut draft.guesses);
    let mut model = Model { observed, flow: &flow, draft, without_cpu: None, without_replicas: None };
    model.sources(entry);
    for service in 0..model.observed.services.len() {
        let service = model.service(service);
        model.draft.services.push(service);
    }
    if let Some(place) = model.without_replicas {
        let text = "observation does not tell how many pods services have: one each, of versions in proportion to their requests";
        model.guess(text.to_owned(), place);
    }
    if let Some(place) = model.without_cpu {
        let text = "nothing tells how much of their time services burn CPU: all of it";
        model.guess(text.to_owned(), place);
    }
    exclude(observed, draft);
}

struct Model<'m> {
    observed: &'m Observed,
    flow: &'m Flow,
    draft: &'m mut Draft,
    /// The first service whose CPU nothing tells.
    without_cpu: Option<Location>,
    /// The first service whose pods no manifest counts.
    without_replicas: Option<Location>,
}

impl Model<'_> {
    fn guess(&mut self, text: String, place: Location) {
        self.draft.guesses.push(Located::new(text, place));
    }

    /// Seconds in which the graph's requests came.
    const fn seconds(&self) -> Option<f64> {
        match self.observed.window {
            Window::Seconds(seconds) | Window::Guessed(seconds, _) => Some(seconds),
            Window::Unknown => None,
        }
    }

    fn service(&mut self, row: usize) -> ServiceDraft {
        let seen = &self.observed.services[row];
        let mut names: Vec<&Located<String>> = Vec::new();
        for operation in seen.workloads.iter().flat_map(|workload| &workload.operations) {
            if names.iter().all(|name| name.value != operation.name.value) {
                names.push(&operation.name);
            }
        }
        let together = self.operations(row, None, &names);
        let application =
            Application { protocol: seen.protocol.unwrap_or(Protocol::Http1), ..Application::default() };
        let mut service = ServiceDraft {
            namespace: seen.namespace.clone(),
            application: application.clone(),
            operations: together,
            ..ServiceDraft::of(seen.name.clone(), Origins::Observed)
        };
        if seen.workloads.len() > 1 {
            let replicas = self.replicas(row);
            service.replicas.value = replicas.iter().sum();
            for (workload, replicas) in replicas.into_iter().enumerate() {
                let version = seen.workloads[workload].version.clone();
                service.versions.push(VersionDraft {
                    replicas: Located::new(replicas, version.location),
                    labels: vec![("version".to_owned(), version.value.clone())],
                    name: version,
                    application: application.clone(),
                    operations: self.operations(row, Some(workload), &names),
                    proxies: Vec::new(),
                });
            }
        }
        let known = self
            .draft
            .services
            .iter()
            .any(|other| other.origin == Origins::Manifest && other.name.value == seen.name.value);
        if !known {
            self.without_replicas.get_or_insert(seen.name.location);
        }
        service
    }

    /// Pods of each workload in proportion to their requests, which a Service spreads evenly.
    fn replicas(&self, service: usize) -> Vec<u32> {
        let of = |(workload, seen): (usize, &super::graph::Workload)| -> f64 {
            let rows = 0..seen.operations.len();
            rows.map(|operation| self.flow.requests(Target { service, workload, operation })).sum()
        };
        let requests: Vec<f64> =
            self.observed.services[service].workloads.iter().enumerate().map(of).collect();
        let least = requests.iter().copied().filter(|requests| *requests > 0.0).fold(f64::INFINITY, f64::min);
        requests.iter().map(|requests| (requests / least).round().clamp(1.0, MAX_REPLICAS) as u32).collect()
    }

    /// Operations of all workloads of a service together, or of one of them.
    fn operations(
        &mut self,
        service: usize,
        only: Option<usize>,
        names: &[&Located<String>],
    ) -> Vec<OperationDraft> {
        let body = |model: &Self, name: &str, only| Body::of(model.observed, model.flow, service, name, only);
        let mut operations = Vec::new();
        for name in names {
            let all = body(self, &name.value, None);
            let own = only.map(|_| body(self, &name.value, only)).filter(|own| own.requests > 0.0);
            let used = own.as_ref().unwrap_or(&all);
            operations.push(self.operation(service, name, used, only.is_none()));
        }
        operations
    }

    /// An operation; what is guessed of it is said if it is to be.
    fn operation(
        &mut self,
        row: usize,
        name: &Located<String>,
        body: &Body<'_>,
        say: bool,
    ) -> OperationDraft {
        let written = self.observed.written(row);
        let label = if name.value == defaults::OPERATION {
            quote(&written)
        } else {
            quote(&format!("{written}.{}", name.value))
        };
        let per_request = self.seconds().and_then(|seconds| body.cpu(seconds));
        let (time, known) = body.service_time();
        let place = name.location;
        if say && !self.is_written(row) {
            match known {
                ServiceTime::Own { spread: true } => {}
                ServiceTime::Own { spread: false } => self.guess(
                    format!(
                        "the service time of {label} is lognormal with a cv of 1: only its mean was observed"
                    ),
                    place,
                ),
                ServiceTime::Nothing => {
                    self.guess(
                        format!("{label} works for 5ms on average (lognormal, cv 1): no file says how long"),
                        place,
                    );
                    self.draft.guessed_times.push(GuessedTime {
                        service: Located::new(written, self.observed.services[row].name.location),
                        operation: name.value.clone(),
                        factors: GuessedTime::FACTORS,
                    });
                }
            }
        }
        let (service_time, cpu_time) = match per_request {
            Some(cpu) if time.mean() > cpu => (time.clone(), Ratio::new(cpu / time.mean()).ok()),
            // It cannot have worked for less than it computed.
            Some(cpu) => {
                (Dist::lognormal_mean_cv(cpu, 1.0).unwrap_or_else(|_| time.clone()), Some(Ratio::ONE))
            }
            None => (time.clone(), None),
        };
        if cpu_time.is_none() {
            self.without_cpu.get_or_insert(place);
        }
        let size = |sum: &super::graph::Sum| sum.mean().and_then(|mean| Dist::constant(mean).ok());
        OperationDraft {
            service_time,
            cpu_time: CpuTime::Share(cpu_time.unwrap_or(Ratio::ONE)),
            request_size: size(&body.request_size).unwrap_or_else(defaults::request_size),
            response_size: size(&body.response_size).unwrap_or_else(defaults::response_size),
            error_ratio: body.error_ratio(),
            script: self.script(body),
            ..OperationDraft::of(name.clone())
        }
    }

    /// Whether a scenario says how long a service works.
    fn is_written(&self, row: usize) -> bool {
        let name = &self.observed.services[row].name.value;
        self.draft.services.iter().any(|service| match &service.origin {
            Origins::Scenario(keys) => {
                service.name.value == *name
                    && keys.iter().any(|key| key == "service_time" || key == "operations")
            }
            _ => false,
        })
    }

    fn script(&self, body: &Body<'_>) -> Vec<StepDraft> {
        let mut script = Vec::new();
        for step in body.steps() {
            let mut actions = Vec::new();
            let mut at_once = step.len() > 1;
            for call in step {
                at_once |= call.overlap;
                for (probability, count) in call.counts(body.requests) {
                    let callee = &self.observed.services[call.service];
                    let draft = CallDraft {
                        operation: (callee.workloads.iter().map(|one| one.operations.len()).max() > Some(1))
                            .then(|| Located::new(call.operation.clone(), call.place)),
                        probability,
                        count,
                        optional: body.survives(call),
                        ..CallDraft::of(Located::new(self.observed.written(call.service), call.place))
                    };
                    actions.push(ActionDraft::Call(draft));
                }
            }
            if at_once {
                script.push(StepDraft::Parallel(actions));
            } else {
                script.extend(actions.into_iter().map(StepDraft::One));
            }
        }
        script
    }

    /// What comes from outside, unless another file gives traffic.
    fn sources(&mut self, entry: &Entry) {
        let entries: Vec<(Target, Entrance, f64)> = {
            let each = |(target, of): (&Target, &BTreeMap<Entrance, f64>)| {
                of.iter().map(|(entrance, count)| (*target, entrance.clone(), *count)).collect::<Vec<_>>()
            };
            let all = self.flow.entries.iter().flat_map(each);
            let mut sums: BTreeMap<(usize, String, Entrance), (Target, f64)> = BTreeMap::new();
            for (target, entrance, count) in all {
                // Versions share their service's requests.
                let name = self.observed.at(target).name.value.clone();
                sums.entry((target.service, name, entrance)).or_insert((target, 0.0)).1 += count;
            }
            sums.into_iter().map(|((.., entrance), (target, count))| (target, entrance, count)).collect()
        };
        let Some((first, ..)) = entries.first() else { return };
        let place = self.observed.services[first.service].name.location;
        if !self.draft.sources.is_empty() {
            self.guess("observed traffic is left out: another file gives traffic".to_owned(), place);
            return;
        }
        let total: f64 = entries.iter().map(|(.., count)| count).sum();
        let scale = match &self.observed.window {
            Window::Seconds(seconds) => 1.0 / seconds,
            Window::Guessed(seconds, why) => {
                self.guess(why.clone(), place);
                1.0 / seconds
            }
            Window::Unknown => {
                let rate = entry.rate.value();
                let text =
                    format!("nothing tells how often requests come: {rate} per second, all entries together");
                self.guess(text, place);
                rate / total
            }
        };
        for (target, entrance, count) in &entries {
            self.source(*target, entrance, count * scale, entry, &entries);
        }
    }

    fn source(
        &mut self,
        target: Target,
        entrance: &Entrance,
        rate: f64,
        entry: &Entry,
        all: &[(Target, Entrance, f64)],
    ) {
        let Ok(rate) = Rate::per_second(rate) else { return };
        let place = self.observed.services[target.service].name.location;
        let service = self.observed.written(target.service);
        let operation = &self.observed.at(target).name;
        let several = all.iter().filter(|(other, from, _)| {
            from == entrance && (other.service == target.service || *entrance != Entrance::Outside)
        });
        let asked = match operation.value.as_str() {
            defaults::OPERATION => service.clone(),
            operation => format!("{service}.{operation}"),
        };
        let (name, from) = match entrance {
            Entrance::Outside => (asked.clone(), entry.from.clone()),
            Entrance::Gateway(name) => {
                (name.clone(), Origin::Gateway { name: name.clone(), replicas: defaults::REPLICAS })
            }
            Entrance::Client(name) => (name.clone(), Origin::MeshedClient { replicas: defaults::REPLICAS }),
        };
        let name = match entrance {
            Entrance::Outside => name,
            _ if several.count() > 1 => format!("{name} to {asked}"),
            _ => name,
        };
        self.draft.assumed_rates += usize::from(self.observed.window == Window::Unknown);
        self.draft.sources.push(SourceDraft {
            name: Located::new(name, place),
            service: Located::new(service, place),
            operation: Some(operation.clone()),
            host: None,
            from: Located::new(from, place),
            arrivals: Located::new(ArrivalsDraft::Known(Arrivals::Poisson { rate }), place),
            headers: Vec::new(),
            timeout: None,
        });
    }
}

/// Services that were seen without a proxy get none, if others have one and nobody has chosen.
fn exclude(observed: &Observed, draft: &mut Draft) {
    let any = observed.services.iter().any(|service| service.meshed == Some(true));
    if !any || draft.mesh.inject.is_some() {
        return;
    }
    for (row, service) in observed.services.iter().enumerate() {
        if service.meshed == Some(false) {
            draft.mesh.exclude.services.push(Located::new(observed.written(row), service.name.location));
        }
    }
}
