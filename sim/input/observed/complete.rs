//! Two observations of the same services as one: the first tells what services do, the second adds what it does not know.

use crate::diag::quote;
use crate::input::tree::Located;

use super::graph::{Observed, Target, Window};

impl Observed {
    /// Adds services, sizes, proxies, CPU and rates that only `other` has. Returns the first service of both.
    pub(super) fn complete(&mut self, other: Observed) -> Option<Located<String>> {
        let shared: Vec<Option<usize>> =
            other.services.iter().map(|seen| self.like(&seen.name.value, seen.namespace.as_ref())).collect();
        self.take_rates(&other, &shared);
        let scale = match (self.seconds(), other.seconds()) {
            (Some(own), Some(others)) => own / others,
            _ => 1.0,
        };
        let mut rows = Vec::new();
        for (row, seen) in other.services.iter().enumerate() {
            rows.push(match shared[row] {
                Some(own) => own,
                None => self.service(seen.namespace.clone(), &seen.name),
            });
            let own = &mut self.services[rows[row]];
            own.meshed = own.meshed.or(seen.meshed);
            own.protocol = own.protocol.or(seen.protocol);
        }
        let targets = other.targets();
        let map: Vec<Target> = targets
            .iter()
            .map(|target| {
                let workload = &other.services[target.service].workloads[target.workload];
                let name = &workload.operations[target.operation].name;
                self.same(rows[target.service], shared[target.service].is_some(), &workload.version, name)
            })
            .collect();
        let mapped = |target: &Target| targets.binary_search(target).ok().map(|row| map[row]);
        for target in &targets {
            let (Some(own), seen) = (mapped(target), other.at(*target)) else { continue };
            self.fill(own, &other, *target, shared[target.service].is_none().then_some(scale));
            for (to, call) in &seen.calls {
                let known = shared[target.service].is_some() && shared[to.service].is_some();
                let Some(to) = mapped(to).filter(|_| !known) else { continue };
                let added = self.call(own, to, call.place);
                added.calls += call.calls * scale;
                added.failures += call.failures * scale;
                added.time.join(&call.time);
            }
        }
        self.remarks.extend(other.remarks);
        let first = shared.iter().position(Option::is_some)?;
        Some(Located::new(other.services[first].name.value.clone(), other.services[first].name.location))
    }

    /// Seconds of the window.
    const fn seconds(&self) -> Option<f64> {
        match self.window {
            Window::Seconds(seconds) | Window::Guessed(seconds, _) => Some(seconds),
            Window::Unknown => None,
        }
    }

    /// The row of a service of this name, whose namespace perhaps only one of both knows.
    fn like(&self, name: &str, namespace: Option<&Located<String>>) -> Option<usize> {
        let is_like = |service: &super::graph::Service| {
            let both = service.namespace.as_ref().zip(namespace);
            service.name.value == name && both.is_none_or(|(one, other)| one.value == other.value)
        };
        self.services.iter().position(is_like)
    }

    /// The operation of a service that stands for one of another graph.
    fn same(
        &mut self,
        service: usize,
        shared: bool,
        version: &Located<String>,
        name: &Located<String>,
    ) -> Target {
        if shared
            && let Some(workloads) = Some(&self.services[service].workloads).filter(|all| !all.is_empty())
        {
            let workload = workloads.iter().position(|one| one.version.value == version.value).unwrap_or(0);
            let operations = &workloads[workload].operations;
            let operation = operations.iter().position(|one| one.name.value == name.value).unwrap_or(0);
            return Target { service, workload, operation };
        }
        let workload = self.workload(service, version.clone());
        self.operation(service, workload, name.clone())
    }

    /// Fills in what was not seen of an operation; of a service that is new, with so many times its requests.
    fn fill(&mut self, own: Target, other: &Observed, from: Target, scale: Option<f64>) {
        let seen = other.at(from);
        let only = self.services[own.service].workloads[own.workload].operations.len() == 1;
        let operation = self.at_mut(own);
        if let Some(scale) = scale {
            operation.failures += seen.failures * scale;
            for (entrance, count) in &seen.entries {
                *operation.entries.entry(entrance.clone()).or_default() += count * scale;
            }
        }
        if only {
            let nothing = operation.own.mean().is_none() && operation.response.mean().is_none();
            for (own, seen) in [
                (&mut operation.request_size, &seen.request_size),
                (&mut operation.response_size, &seen.response_size),
            ] {
                if own.mean().is_none() {
                    own.join(seen);
                }
            }
            if nothing {
                operation.own.join(&seen.own);
                operation.response.join(&seen.response);
            }
        }
        let cores = other.services[from.service].workloads[from.workload].cores;
        let known = &mut self.services[own.service].workloads[own.workload].cores;
        *known = known.or(cores);
    }

    /// Where only `other` knows how long it was observed, requests of services of both tell how long it was here.
    fn take_rates(&mut self, other: &Observed, shared: &[Option<usize>]) {
        let (Window::Guessed(..) | Window::Unknown, Window::Seconds(seconds)) = (&self.window, &other.window)
        else {
            return;
        };
        let (own, others) = (self.requests(), other.requests());
        let rows = || shared.iter().enumerate().filter_map(|(row, own)| Some((row, (*own)?)));
        // Those of which both have seen requests.
        let both = || rows().filter(|(row, here)| others[*row] > 0.0 && own[*here] > 0.0);
        let here: f64 = both().map(|(_, here)| own[here]).sum();
        let there: f64 = both().map(|(row, _)| others[row]).sum();
        let window = here * seconds / there;
        if window.is_finite() && window > 0.0 {
            self.window = Window::Seconds(window);
        }
    }

    /// Requests of each service.
    fn requests(&self) -> Vec<f64> {
        let mut requests = vec![0.0; self.services.len()];
        for target in self.targets() {
            let operation = self.at(target);
            requests[target.service] += operation.entered();
            for (to, call) in &operation.calls {
                requests[to.service] += call.calls;
            }
        }
        requests
    }

    /// Says what lies between both ends of a call, by the mean nanoseconds that each of them saw.
    pub(super) fn remark_overhead(&mut self, from: Target, to: Target, client: f64, server: f64) {
        let Some(call) = self.at(from).calls.get(&to).filter(|_| client > server) else { return };
        let place = call.place;
        let names = [from, to].map(|end| quote(&self.written(end.service)));
        let text = format!(
            "between {} and {} network and proxies took {:.3}ms on average: no part of service times",
            names[0],
            names[1],
            (client - server) / 1e6
        );
        self.remarks.push(Located::new(text, place));
    }
}
