//! What became of calls, as labels say it at either end.

use smallvec::SmallVec;

use crate::mesh::model::Outcomes;
use crate::metrics::record::EdgeRecord;
use crate::vocabulary::failure::{Cause, Failure};
use crate::vocabulary::routing::Status;

/// Failures of one edge by their labels, and its connections: what [`EdgeRecord`] does not say.
#[derive(Clone, Debug, Default)]
pub(in crate::engine) struct Tally {
    calls: Failures,
    attempts: Failures,
    /// Connections opened in the window, streams in tunnels included.
    pub(in crate::engine) opened: u64,
}

/// Few edges have failures, and those few kinds of them.
type Failures = SmallVec<[(Seen, u64); 1]>;

/// A failure as both ends see it; `None` where it has not reached the receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    sender: Labels,
    receiver: Option<Labels>,
}

/// Labels that say what became of a request. The default is: nothing to be said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Labels {
    code: u16,
    /// As Envoy writes it.
    flag: &'static str,
}

const OK: Labels = Labels { code: 200, flag: "" };
const DISCONNECTED: Labels = Labels { code: 0, flag: "DC" };

impl Tally {
    pub(in crate::engine) fn call_failed(&mut self, failure: Failure) {
        add(&mut self.calls, failure);
    }

    pub(in crate::engine) fn attempt_failed(&mut self, failure: Failure) {
        add(&mut self.attempts, failure);
    }
}

fn add(failures: &mut Failures, failure: Failure) {
    let seen = Seen::of(failure);
    match failures.iter_mut().find(|(known, _)| *known == seen) {
        Some((_, count)) => *count += 1,
        None => failures.push((seen, 1)),
    }
}

impl Seen {
    /// What the sender's proxy has found itself has a status of its own, or nothing was sent; everything else was
    /// answered, wherever behind the receiver it began.
    fn of(failure: Failure) -> Self {
        let is_own =
            !failure.sent || failure.cause.status().is_some_and(|code| failure.status == Status::Http(code));
        let code = failure.status.as_http();
        if !is_own {
            let answered = Labels { code, flag: "" };
            return Self { sender: answered, receiver: Some(answered) };
        }
        let sender = match failure.cause {
            Cause::CallerTimeout => DISCONNECTED,
            cause => Labels { code, flag: flag(cause) },
        };
        Self { sender, receiver: failure.sent.then_some(DISCONNECTED) }
    }
}

/// Envoy's response flag (source/common/stream_info/utility.cc).
const fn flag(cause: Cause) -> &'static str {
    match cause {
        Cause::Application | Cause::DirectResponse => "",
        Cause::FaultAbort => "FI",
        Cause::NoRoute => "NR",
        Cause::ConnectFailure | Cause::StaleEndpoint => "UF",
        Cause::RefusedStream | Cause::Reset => "UC",
        Cause::AttemptTimeout | Cause::RequestTimeout => "UT",
        Cause::CallerTimeout => "DC",
        Cause::Overflow => "UO",
        Cause::NoHealthyEndpoint | Cause::Ejected => "UH",
    }
}

impl Labels {
    /// What is left where only some labels are kept.
    pub(super) fn kept(self, outcomes: Outcomes) -> Self {
        match outcomes {
            Outcomes::CodeAndFlags => self,
            Outcomes::Code => Self { flag: "", ..self },
            Outcomes::Flags => Self { code: 0, ..self },
            Outcomes::None => Self::default(),
        }
    }

    /// Of the connection that carries it: there is one, or it could not be made.
    pub(super) fn of_connection(self) -> Self {
        if self.flag == "UF" { Self { code: 0, ..self } } else { Self::default() }
    }
}

/// Calls over an edge by what the sender's proxy sees.
pub(super) fn at_sender(record: &EdgeRecord, tally: &Tally) -> Vec<(Labels, u64)> {
    let failed = tally.calls.iter().map(|(seen, count)| (seen.sender, *count));
    with_successes(record.calls - record.failures, failed)
}

/// Attempts and copies that reach the other end by what is seen there. Where the sender's proxy tries again, an attempt
/// is a request of its own.
pub(super) fn at_receiver(record: &EdgeRecord, tally: &Tally) -> Vec<(Labels, u64)> {
    let mut failures = tally.calls.clone();
    for &(seen, count) in &tally.attempts {
        match failures.iter_mut().find(|(known, _)| *known == seen) {
            Some((_, calls)) => *calls = count.max(*calls),
            None => failures.push((seen, count)),
        }
    }
    let failed = failures.iter().filter_map(|(seen, count)| Some((seen.receiver?, *count)));
    with_successes(record.calls - record.failures + record.copies, failed)
}

fn with_successes(successes: u64, failed: impl Iterator<Item = (Labels, u64)>) -> Vec<(Labels, u64)> {
    std::iter::once((OK, successes)).chain(failed).filter(|(_, count)| *count > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(failure: Failure) -> ((u16, &'static str), Option<(u16, &'static str)>) {
        let Seen { sender, receiver } = Seen::of(failure);
        let both = |labels: Labels| (labels.code, labels.flag);
        (both(sender), receiver.map(both))
    }

    #[test]
    fn each_end_has_its_own_labels() {
        let answered = Failure::answered(Cause::Application, Status::Http(500));
        assert_eq!(labels(answered), ((500, ""), Some((500, ""))));
        let behind = Failure { cause: Cause::Overflow, status: Status::Http(500), sent: true };
        assert_eq!(labels(behind), ((500, ""), Some((500, ""))), "it overflowed further down");
        assert_eq!(labels(Failure::local(Cause::Overflow, false)), ((503, "UO"), None));
        assert_eq!(labels(Failure::local(Cause::AttemptTimeout, true)), ((504, "UT"), Some((0, "DC"))));
        assert_eq!(labels(Failure::local(Cause::CallerTimeout, true)), ((0, "DC"), Some((0, "DC"))));
        let aborted = Failure::answered(Cause::FaultAbort, Status::Http(418));
        assert_eq!(labels(aborted), ((418, "FI"), None));
    }

    #[test]
    fn labels_that_are_not_kept_tell_nothing_apart() {
        let labels = Labels { code: 503, flag: "UF" };
        assert_eq!(labels.kept(Outcomes::CodeAndFlags), labels);
        assert_eq!(labels.kept(Outcomes::Code), Labels { code: 503, flag: "" });
        assert_eq!(labels.kept(Outcomes::Flags), Labels { code: 0, flag: "UF" });
        assert_eq!(labels.kept(Outcomes::None), Labels::default());
        assert_eq!(OK.of_connection(), Labels::default());
        assert_ne!(labels.of_connection(), Labels::default());
    }
}
