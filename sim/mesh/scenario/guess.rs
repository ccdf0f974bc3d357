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

impl GuessedTime {
    /// What makes it an assumption.
    pub fn identity(&self, scenario: &Scenario) -> String {
        let service = &scenario.services[self.service];
        format!("service_time {}.{}", service.full_name(), service.operations[self.operation].name)
    }

    /// The mean that was guessed, in seconds.
    pub fn mean(&self, scenario: &Scenario) -> f64 {
        scenario.services[self.service].operations[self.operation].service_time.mean()
    }
}

impl Scenario {
    /// With every guessed service time that `place` has a place for, between 0 and 1, there in its range, which is even in
    /// the logarithm. `place` is asked by what makes the guess an assumption.
    pub fn guessing(&self, place: impl Fn(&str) -> Option<f64>) -> Self {
        let mut scenario = self.clone();
        for guess in &self.guesses {
            let GuessedTime { service, operation, factors: (low, high) } = *guess;
            let Some(place) = place(&guess.identity(self)) else { continue };
            let service = &mut scenario.services[service];
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
