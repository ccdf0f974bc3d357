//! What observation says of services, whatever recorded it: operations, who called whom how often, and how long it took.

use std::collections::BTreeMap;

use crate::diag::Location;
use crate::input::defaults;
use crate::input::tree::Located;
use crate::vocabulary::Protocol;

/// A graph of services as they were seen within a window of time. All numbers of requests are those of the window.
#[derive(Debug, Default)]
pub(super) struct Observed {
    pub(super) services: Vec<Service>,
    pub(super) window: Window,
    /// What was left out or assumed while reading.
    pub(super) remarks: Vec<Located<String>>,
    services_by: BTreeMap<(String, String), usize>,
    workloads_by: BTreeMap<(usize, String), usize>,
    operations_by: BTreeMap<(usize, usize, String), usize>,
}

/// How long was observed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Window {
    /// So many seconds.
    Seconds(f64),
    /// So many seconds, a guess for this reason.
    Guessed(f64, String),
    /// Nothing tells: requests are weights relative to each other.
    #[default]
    Unknown,
}

/// A service.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) name: Located<String>,
    pub(super) namespace: Option<Located<String>>,
    /// Whether its pods have a proxy, if that was seen.
    pub(super) meshed: Option<bool>,
    pub(super) protocol: Option<Protocol>,
    pub(super) workloads: Vec<Workload>,
}

/// One of the workloads behind a service.
#[derive(Debug)]
pub(super) struct Workload {
    /// Empty if the service's workloads were not told apart.
    pub(super) version: Located<String>,
    /// Cores that its containers used, without proxies.
    pub(super) cores: Option<f64>,
    pub(super) operations: Vec<Operation>,
}

/// What a workload was asked for.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) name: Located<String>,
    /// Requests from outside the graph.
    pub(super) entries: BTreeMap<Entrance, f64>,
    /// Requests that failed.
    pub(super) failures: f64,
    /// Nanoseconds from a request's arrival to its response, where the server saw it.
    pub(super) response: Sum,
    /// Nanoseconds of this that it did not wait for others.
    pub(super) own: Sum,
    /// Bytes of requests.
    pub(super) request_size: Sum,
    /// Bytes of responses.
    pub(super) response_size: Sum,
    pub(super) calls: BTreeMap<Target, Call>,
}

/// Where requests from outside the graph come in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Entrance {
    /// From anywhere.
    Outside,
    /// Through this gateway.
    Gateway(String),
    /// From this client, which makes load.
    Client(String),
}

/// Calls of one operation by another.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) place: Location,
    /// How many were made ...
    pub(super) calls: f64,
    /// ... by how many of the caller's requests, if that was seen.
    pub(super) callers: Option<f64>,
    pub(super) failures: f64,
    /// Nanoseconds that the caller waited for one.
    pub(super) time: Sum,
    /// Calls of equal step run at once; steps come in their order.
    pub(super) step: usize,
    /// How many calls of one request overlap each other.
    pub(super) overlap: bool,
}

/// An operation, by the rows of service, workload and operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Target {
    pub(super) service: usize,
    pub(super) workload: usize,
    pub(super) operation: usize,
}

/// Moments of weighted values.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sum {
    pub(super) weight: f64,
    total: f64,
    squares: f64,
    /// Whether the spread of the values is known, or only their means.
    spread: bool,
}

impl Sum {
    /// Adds a value.
    pub(super) fn add(&mut self, value: f64) {
        self.weight += 1.0;
        self.total += value;
        self.squares += value * value;
        self.spread = self.weight > 1.0;
    }

    /// Adds the mean of so many values, whose spread is unknown.
    pub(super) fn add_mean(&mut self, mean: f64, weight: f64) {
        self.weight += weight;
        self.total += mean * weight;
        self.squares += mean * mean * weight;
    }

    /// Adds so many values of this mean and coefficient of variation.
    pub(super) fn add_spread(&mut self, mean: f64, cv: f64, weight: f64) {
        self.weight += weight;
        self.total += mean * weight;
        self.squares += mean * mean * (1.0 + cv * cv) * weight;
        self.spread = true;
    }

    /// Adds what another one holds.
    pub(super) fn join(&mut self, other: &Self) {
        self.weight += other.weight;
        self.total += other.total;
        self.squares += other.squares;
        self.spread |= other.spread;
    }

    /// The mean, if there is any value.
    pub(super) fn mean(&self) -> Option<f64> {
        let mean = self.total / self.weight;
        (self.weight > 0.0 && mean.is_finite()).then_some(mean)
    }

    /// Standard deviation by mean, if values and not only their means are known.
    pub(super) fn cv(&self) -> Option<f64> {
        let mean = self.mean().filter(|mean| *mean > 0.0)?;
        let variance = (self.squares / self.weight - mean * mean).max(0.0);
        let cv = libm::sqrt(variance) / mean;
        (self.spread && cv.is_finite()).then_some(cv)
    }
}

impl Operation {
    fn of(name: Located<String>) -> Self {
        Self {
            name,
            entries: BTreeMap::new(),
            failures: 0.0,
            response: Sum::default(),
            own: Sum::default(),
            request_size: Sum::default(),
            response_size: Sum::default(),
            calls: BTreeMap::new(),
        }
    }

    /// Requests of the graph's outside.
    pub(super) fn entered(&self) -> f64 {
        self.entries.values().sum()
    }
}

impl Observed {
    /// Nothing, seen within a window.
    pub(super) fn within(window: Window) -> Self {
        Self { window, ..Self::default() }
    }

    /// The row of a service, which is added if it is new.
    pub(super) fn service(&mut self, namespace: Option<Located<String>>, name: &Located<String>) -> usize {
        let key = (namespace.as_ref().map(|name| name.value.clone()).unwrap_or_default(), name.value.clone());
        *self.services_by.entry(key).or_insert_with(|| {
            self.services.push(Service {
                name: name.clone(),
                namespace,
                meshed: None,
                protocol: None,
                workloads: Vec::new(),
            });
            self.services.len() - 1
        })
    }

    /// The row of a workload of a service, which is added if it is new.
    pub(super) fn workload(&mut self, service: usize, version: Located<String>) -> usize {
        let workloads = &mut self.services[service].workloads;
        *self.workloads_by.entry((service, version.value.clone())).or_insert_with(|| {
            workloads.push(Workload { version, cores: None, operations: Vec::new() });
            workloads.len() - 1
        })
    }

    /// An operation of a workload, which is added if it is new.
    pub(super) fn operation(&mut self, service: usize, workload: usize, name: Located<String>) -> Target {
        let operations = &mut self.services[service].workloads[workload].operations;
        let key = (service, workload, name.value.clone());
        let operation = *self.operations_by.entry(key).or_insert_with(|| {
            operations.push(Operation::of(name));
            operations.len() - 1
        });
        Target { service, workload, operation }
    }

    /// The only operation of a service of which no more is known.
    pub(super) fn only(&mut self, namespace: Option<Located<String>>, name: &Located<String>) -> Target {
        let service = self.service(namespace, name);
        self.only_of(service, Located::new(String::new(), name.location))
    }

    /// The only operation of a workload of which no more is known.
    pub(super) fn only_of(&mut self, service: usize, version: Located<String>) -> Target {
        let place = version.location;
        let workload = self.workload(service, version);
        self.operation(service, workload, Located::new(defaults::OPERATION.to_owned(), place))
    }

    /// What was seen of an operation.
    pub(super) fn at(&self, target: Target) -> &Operation {
        &self.services[target.service].workloads[target.workload].operations[target.operation]
    }

    /// The same, to be changed.
    pub(super) fn at_mut(&mut self, target: Target) -> &mut Operation {
        &mut self.services[target.service].workloads[target.workload].operations[target.operation]
    }

    /// The calls of one operation by another; a new callee comes after the others.
    pub(super) fn call(&mut self, from: Target, to: Target, place: Location) -> &mut Call {
        let calls = &mut self.at_mut(from).calls;
        let step = calls.len();
        calls.entry(to).or_insert_with(|| Call {
            place,
            calls: 0.0,
            callers: None,
            failures: 0.0,
            time: Sum::default(),
            step,
            overlap: false,
        })
    }

    /// Every operation, in the order in which they were seen.
    pub(super) fn targets(&self) -> Vec<Target> {
        let mut targets = Vec::new();
        for (service, of) in self.services.iter().enumerate() {
            for (workload, of) in of.workloads.iter().enumerate() {
                let all = 0..of.operations.len();
                targets.extend(all.map(|operation| Target { service, workload, operation }));
            }
        }
        targets
    }

    /// `namespace/name`, or the name alone where no namespace was seen.
    pub(super) fn written(&self, service: usize) -> String {
        let service = &self.services[service];
        match &service.namespace {
            Some(namespace) => format!("{}/{}", namespace.value, service.name.value),
            None => service.name.value.clone(),
        }
    }
}
