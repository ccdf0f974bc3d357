//! Services and their versions, operations and scripts.

use crate::diag::{Code, Diagnostic, Diagnostics, closest, quote};
use crate::index::{Idx, IndexVec};
use crate::input::Draft;
use crate::input::draft::{
    ActionDraft, AutoscaleDraft, CallDraft, OperationDraft, ProxyDraft, ServiceDraft, StepDraft, VersionDraft,
};
use crate::input::tree::Located;
use crate::vocabulary::{ProxyKind, ProxySettings};

use super::super::scenario::{
    Action, Application, Call, Operation, OperationIdx, Service, ServiceIdx, Step, Version,
};
use super::names::Directory;

/// Repetitions of one call.
const MAX_COUNT: u32 = 1_000_000;

/// All services; calls that lead nowhere are reported and left out.
pub(super) fn resolve(
    draft: &Draft,
    directory: &Directory<'_>,
    diagnostics: &mut Diagnostics,
) -> IndexVec<ServiceIdx, Service> {
    let mut resolver = Resolver { draft, directory, diagnostics };
    draft.services.iter().map(|service| resolver.service(service)).collect()
}

/// The operation of a service that is written, or its first one; reports if there is none.
pub(super) fn operation(
    service: &ServiceDraft,
    name: Option<&Located<String>>,
    diagnostics: &mut Diagnostics,
) -> Option<OperationIdx> {
    let Some(name) = name else {
        return (!service.operations.is_empty()).then_some(OperationIdx(0));
    };
    let position = service.operations.iter().position(|operation| operation.name.value == name.value);
    if position.is_none() {
        let message = format!("{} has no operation {}", quote(&service.name.value), quote(&name.value));
        let names = service.operations.iter().map(|operation| operation.name.value.as_str());
        let near = closest(&name.value, names);
        diagnostics.push(Diagnostic::error(Code::UnknownName, message).at(name.location).suggest(near));
    }
    position.map(OperationIdx::at)
}

/// What is said first of each kind of proxy.
fn proxies(drafts: &[ProxyDraft]) -> Vec<ProxySettings> {
    let said = |kind| drafts.iter().map(|proxy| proxy.settings).find(|proxy| proxy.kind == kind);
    ProxyKind::ALL.into_iter().filter_map(said).collect()
}

struct Resolver<'a> {
    draft: &'a Draft,
    directory: &'a Directory<'a>,
    diagnostics: &'a mut Diagnostics,
}

impl Resolver<'_> {
    fn service(&mut self, service: &ServiceDraft) -> Service {
        if service.versions.is_empty() {
            self.check_replicas(&service.name, &service.replicas);
        }
        if service.operations.is_empty() {
            let message = format!(
                "{} has no operations: it could not be asked for anything",
                quote(&service.name.value)
            );
            self.diagnostics.push(Diagnostic::error(Code::EmptyInput, message).at(service.name.location));
        }
        let operations: IndexVec<OperationIdx, Operation> = service
            .operations
            .iter()
            .map(|operation| self.operation(operation, service.namespace()))
            .collect();
        let versions: IndexVec<_, Version> =
            service.versions.iter().map(|version| self.version(version, service, &operations)).collect();
        let sum = versions.iter().fold(0, |sum: u32, version| sum.saturating_add(version.replicas));
        Service {
            name: service.name.value.clone(),
            namespace: service.namespace().to_owned(),
            labels: service.labels.clone(),
            replicas: if versions.is_empty() { service.replicas.value } else { sum },
            port: service.ports.first().map(|port| port.number),
            ports: service.ports.len().max(1) as u32,
            versions,
            subsets: IndexVec::new(),
            application: service.application.clone(),
            balancing: None,
            injected: true,
            operations,
            proxies: proxies(&service.proxies),
            autoscale: service.autoscale.as_ref().map(AutoscaleDraft::spec),
        }
    }

    fn check_replicas(&mut self, name: &Located<String>, replicas: &Located<u32>) {
        if replicas.value == 0 {
            let message = format!("{} has no replicas: nobody would answer", quote(&name.value));
            self.diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(replicas.location));
        }
    }

    /// A version has the operations of its service, in their order; what it does not say of them is the service's.
    fn version(
        &mut self,
        version: &VersionDraft,
        service: &ServiceDraft,
        of_service: &IndexVec<OperationIdx, Operation>,
    ) -> Version {
        self.check_replicas(&version.name, &version.replicas);
        for own in &version.operations {
            // Only of what is not there something is said.
            operation(service, Some(&own.name), self.diagnostics);
        }
        let pairs = service.operations.iter().zip(of_service);
        let operations = pairs.map(|(written, resolved)| {
            let own = version.operations.iter().find(|own| own.name.value == written.name.value);
            match own {
                None => resolved.clone(),
                Some(own) if own.script == written.script => {
                    // Its calls have been looked up, and what is wrong with them has been said.
                    let plain = OperationDraft { script: Vec::new(), ..own.clone() };
                    Operation {
                        script: resolved.script.clone(),
                        ..self.operation(&plain, service.namespace())
                    }
                }
                Some(own) => self.operation(own, service.namespace()),
            }
        });
        Version {
            name: version.name.value.clone(),
            labels: version.labels.clone(),
            replicas: version.replicas.value,
            operations: operations.collect(),
            proxies: proxies(&version.proxies),
            // Callers speak to all versions alike.
            application: Application {
                protocol: service.application.protocol,
                ..version.application.clone()
            },
        }
    }

    fn operation(&mut self, operation: &OperationDraft, namespace: &str) -> Operation {
        Operation {
            name: operation.name.value.clone(),
            method: operation.method.clone(),
            path: operation.path.clone(),
            service_time: operation.service_time.clone(),
            cpu_time: operation.cpu_time.clone(),
            request_size: operation.request_size.clone(),
            response_size: operation.response_size.clone(),
            error_ratio: operation.error_ratio,
            error_status: operation.error_status,
            script: operation.script.iter().filter_map(|step| self.step(step, namespace)).collect(),
        }
    }

    fn step(&mut self, step: &StepDraft, namespace: &str) -> Option<Step> {
        match step {
            StepDraft::One(ActionDraft::Call(call)) => self.call(call, namespace).map(Step::Call),
            StepDraft::One(ActionDraft::Sleep(time)) => Some(Step::Sleep(time.clone())),
            StepDraft::Parallel(actions) => {
                let resolve = |action: &ActionDraft| match action {
                    ActionDraft::Call(call) => self.call(call, namespace).map(Action::Call),
                    ActionDraft::Sleep(time) => Some(Action::Sleep(time.clone())),
                };
                let actions: Vec<_> = actions.iter().filter_map(resolve).collect();
                // An empty list does nothing; nobody has to wait for it.
                (!actions.is_empty()).then_some(Step::Parallel(actions))
            }
        }
    }

    fn call(&mut self, call: &CallDraft, namespace: &str) -> Option<Call> {
        if call.count > MAX_COUNT {
            let message =
                format!("a call is repeated {} times, at most {MAX_COUNT} are possible", call.count);
            self.diagnostics.push(Diagnostic::error(Code::TooLarge, message).at(call.service.location));
        }
        let service = self.directory.find(&call.service, namespace, self.diagnostics)?;
        let callee = &self.draft.services[service.position()];
        Some(Call {
            service,
            operation: operation(callee, call.operation.as_ref(), self.diagnostics)?,
            probability: call.probability,
            count: call.count,
            request_size: call.request_size.clone(),
            timeout: call.timeout,
            optional: call.optional,
        })
    }
}
