//! Service times that were guessed: assumptions of the scenario, as a profile's numbers are a mesh's.

use super::{OperationIdx, Scenario, ServiceIdx};

/// The service time of an operation of which nobody knows how long it takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GuessedTime {
    /// The service.
    pub service: ServiceIdx,
    /// Its operation.
    pub operation: OperationIdx,
    /// The true one lies between so many and so many times the guess.
    pub factors: (f64, f64),
}

impl Scenario {
    /// With every guessed service time at a place between 0 and 1 of its range, which is even in the logarithm. `place`
    /// is asked by what makes the guess an assumption.
    pub fn guessing(&self, place: impl Fn(&str) -> f64) -> Self {
        let mut scenario = self.clone();
        for GuessedTime { service, operation, factors: (low, high) } in self.guesses.iter().copied() {
            let service = &mut scenario.services[service];
            let name = &service.operations[operation].name;
            let place = place(&format!("service_time {}.{name}", service.full_name()));
            let factor = low * libm::pow(high / low, place);
            let own = std::iter::once(&mut service.operations);
            for operations in own.chain(service.versions.iter_mut().map(|version| &mut version.operations)) {
                let operation = &mut operations[operation];
                operation.service_time = operation.service_time.scaled(factor);
            }
        }
        scenario
    }
}
