//! What one operation does, out of what was seen of it: calls per request, its own share of the time and of the errors.

use std::collections::BTreeMap;

use crate::diag::Location;
use crate::input::defaults;
use crate::kernel::dist::Dist;
use crate::units::Ratio;

use super::flow::Flow;
use super::graph::{Observed, Sum, Target};

/// Most calls of one kind that a request makes.
const MAX_CALLS: f64 = 1000.0;
/// Parts of a call per request that are taken for noise.
const NOISE: f64 = 0.02;
/// Highest coefficient of variation that is taken over.
const MAX_CV: f64 = 10.0;

/// An operation of one workload, or of all workloads of its service together.
pub(super) struct Body<'o> {
    pub(super) requests: f64,
    pub(super) request_size: Sum,
    pub(super) response_size: Sum,
    failures: f64,
    /// Whether its failures were seen.
    answers: bool,
    own: Sum,
    response: Sum,
    /// Cores of its workloads, and the requests that they were used for.
    cores: Option<(f64, f64)>,
    calls: BTreeMap<(usize, &'o str), Calls>,
}

/// Calls of one operation.
pub(super) struct Calls {
    pub(super) service: usize,
    pub(super) operation: String,
    pub(super) place: Location,
    pub(super) overlap: bool,
    /// Workload of the caller and its step there: workloads do not share steps.
    step: (usize, usize),
    made: f64,
    callers: Option<f64>,
    failures: f64,
    /// Mean nanoseconds that the caller waits for one.
    time: Sum,
}

/// How a service time is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ServiceTime {
    /// It was observed, perhaps with its spread.
    Own {
        /// Whether the coefficient of variation was too.
        spread: bool,
    },
    /// It was not.
    Nothing,
}

impl<'o> Body<'o> {
    /// Of the operation of this name, of one workload of the service or of all.
    pub(super) fn of(
        observed: &'o Observed,
        flow: &Flow,
        service: usize,
        name: &str,
        only: Option<usize>,
    ) -> Self {
        let mut body = Self {
            requests: 0.0,
            request_size: Sum::default(),
            response_size: Sum::default(),
            failures: 0.0,
            answers: false,
            own: Sum::default(),
            response: Sum::default(),
            cores: None,
            calls: BTreeMap::new(),
        };
        for (workload, seen) in observed.services[service].workloads.iter().enumerate() {
            if only.is_some_and(|only| only != workload) {
                continue;
            }
            let target = |operation| Target { service, workload, operation };
            for row in 0..seen.operations.len() {
                if seen.operations[row].name.value == name {
                    body.add(observed, flow, target(row));
                }
            }
            if let Some(cores) = seen.cores {
                let all: f64 = (0..seen.operations.len()).map(|row| flow.requests(target(row))).sum();
                let (sum, requests) = body.cores.unwrap_or((0.0, 0.0));
                body.cores = Some((sum + cores, requests + all));
            }
        }
        body
    }

    fn add(&mut self, observed: &'o Observed, flow: &Flow, target: Target) {
        let operation = observed.at(target);
        self.requests += flow.requests(target);
        self.failures += operation.failures;
        self.answers |= !flow.assumed.contains(&target);
        self.own.join(&operation.own);
        self.response.join(&operation.response);
        self.request_size.join(&operation.request_size);
        self.response_size.join(&operation.response_size);
        for (to, call) in flow.calls(observed, target) {
            let callee = observed.at(to);
            let name = callee.name.value.as_str();
            let step = (target.workload, call.step);
            let known = self.calls.entry((to.service, name)).or_insert_with(|| Calls {
                service: to.service,
                operation: name.to_owned(),
                place: call.place,
                overlap: false,
                step,
                made: 0.0,
                callers: Some(0.0),
                failures: 0.0,
                time: Sum::default(),
            });
            known.step = known.step.min(step);
            known.made += call.calls;
            known.callers = known.callers.zip(call.callers).map(|(sum, callers)| sum + callers);
            known.failures += call.failures;
            known.overlap |= call.overlap;
            if let Some(time) = call.time.mean().or_else(|| callee.response.mean()) {
                known.time.add_mean(time, call.calls);
            }
        }
    }

    /// CPU of one request in nanoseconds, if `seconds` were observed.
    pub(super) fn cpu(&self, seconds: f64) -> Option<f64> {
        let (cores, requests) = self.cores?;
        let cpu = cores * 1e9 * seconds / requests;
        cpu.is_finite().then_some(cpu)
    }

    /// The time it works itself: as it was seen, or what remains of its response time when its calls are taken away.
    pub(super) fn service_time(&self) -> (Dist, ServiceTime) {
        let measured = self.own.mean().map(|mean| (mean, self.own.cv()));
        let remaining = || {
            let spread = if self.calls.is_empty() { self.response.cv() } else { None };
            Some(((self.response.mean()? - self.waiting()).max(0.0), spread))
        };
        let Some((mean, cv)) = measured.or_else(remaining) else {
            return (defaults::guessed_service_time(), ServiceTime::Nothing);
        };
        let known = ServiceTime::Own { spread: cv.is_some() || mean == 0.0 };
        match Dist::lognormal_mean_cv(mean, cv.unwrap_or(1.0).min(MAX_CV)) {
            Ok(dist) => (dist, known),
            Err(_) => (defaults::guessed_service_time(), ServiceTime::Nothing),
        }
    }

    /// Nanoseconds that a request waits for calls: those of a step wait at once.
    fn waiting(&self) -> f64 {
        let of_step = |step: &Vec<&Calls>| {
            let each = step.iter().map(|call| call.time.mean().unwrap_or(0.0) * call.made / self.requests);
            each.fold(0.0, f64::max)
        };
        self.steps().iter().map(of_step).sum()
    }

    /// Its calls, those that run at once together.
    pub(super) fn steps(&self) -> Vec<Vec<&Calls>> {
        let mut steps: BTreeMap<(usize, usize), Vec<&Calls>> = BTreeMap::new();
        for call in self.calls.values() {
            steps.entry(call.step).or_default().push(call);
        }
        steps.into_values().collect()
    }

    /// Whether its requests succeed although these calls fail: there are fewer failures than the calls have.
    pub(super) fn survives(&self, call: &Calls) -> bool {
        self.answers && call.failures > self.failures * (1.0 + NOISE)
    }

    /// Share of its requests that fail of themselves, and not because a call did.
    pub(super) fn error_ratio(&self) -> Ratio {
        let passed_on: f64 =
            self.calls.values().filter(|call| !self.survives(call)).map(|call| call.failures).sum();
        let own = (self.failures - passed_on).max(0.0) / self.requests;
        if own.is_finite() { Ratio::new(own.min(1.0)).unwrap_or(Ratio::ZERO) } else { Ratio::ZERO }
    }
}

impl Calls {
    /// How a request of `requests` makes them: chances, each with a number of calls.
    pub(super) fn counts(&self, requests: f64) -> Vec<(Ratio, u32)> {
        let callers = self.callers.filter(|callers| *callers > 0.0).unwrap_or(self.made).min(requests);
        let chance = (callers / requests).clamp(0.0, 1.0);
        let chance = if chance > 1.0 - NOISE / 20.0 { 1.0 } else { chance };
        let each = (self.made / callers).min(MAX_CALLS);
        let whole = (each + NOISE).floor().max(1.0);
        let rest = each - whole;
        let mut counts = vec![(chance, whole as u32)];
        if rest > NOISE {
            counts.push((chance * rest, 1));
        }
        counts.into_iter().filter_map(|(chance, count)| Some((Ratio::new(chance).ok()?, count))).collect()
    }
}
