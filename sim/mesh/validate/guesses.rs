//! Guessed service times, where nobody has said or seen them after all.

use crate::index::{Idx as _, IndexVec};
use crate::input::draft::{Draft, Origins, ServiceDraft};
use crate::mesh::scenario::{GuessedTime, OperationIdx, Service, ServiceIdx};

/// The guesses that still stand.
pub(super) fn resolve(draft: &Draft, services: &IndexVec<ServiceIdx, Service>) -> Vec<GuessedTime> {
    let mut guesses = Vec::new();
    for guess in &draft.guessed_times {
        let is_meant = |service: &ServiceDraft| {
            service.full_name() == guess.service.value || service.name.value == guess.service.value
        };
        let Some(row) = draft.services.iter().position(is_meant) else { continue };
        if is_written(&draft.services[row]) {
            continue;
        }
        let service = ServiceIdx::at(row);
        let mut operations = services[service].operations.iter();
        if let Some(operation) = operations.position(|operation| operation.name == guess.operation) {
            let operation = OperationIdx::at(operation);
            guesses.push(GuessedTime { service, operation, factors: guess.factors });
        }
    }
    guesses
}

/// Whether a scenario says how long a service works.
fn is_written(service: &ServiceDraft) -> bool {
    let Origins::Scenario(written) = &service.origin else { return false };
    written.iter().any(|key| key == "service_time" || key == "operations")
}
