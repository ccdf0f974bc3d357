//! Routes of call sites: what the proxy that a call goes out through does with it.
//!
//! A [`Route`] is made for one call site and the proxy that enforces it. All that is known of every request there has
//! been looked at: path and method of the operation, labels and namespace of the caller, gateway, port, host. What is
//! left are conditions on what a request carries from its source: headers, which the whole call tree passes on (an
//! assumption: applications forward them), and path, method and query, which hold for the source's own call only. Those
//! are answered for every value that a source sends, so that a run compares no text.

mod apply;
mod attempts;
mod choice;
mod concern;
mod condition;
pub mod explain;

use crate::index::IndexVec;
use crate::index_type;
use crate::mesh::scenario::{OperationIdx, ServiceIdx, SourceIdx};
use crate::policy::backoff::Pauses;
use crate::policy::retry::Conditions;
use crate::vocabulary::routing::{FaultAbort, FaultDelay};

use super::EdgeIdx;

pub(super) use apply::{Caller, Hop, Routes};
pub use choice::{Attribute, Choice};

index_type! {
    /// What a proxy does with the requests of a call site.
    pub struct RouteIdx;
    /// A rule of a route.
    pub struct RuleIdx;
}

/// What a proxy does with the requests of a call site.
#[derive(Clone, Debug)]
pub struct Route {
    /// Which rule a request takes, by its source.
    pub choices: IndexVec<SourceIdx, Choice>,
    /// What takes its place once the proxy has been told, in the order of the events that change it.
    pub later: Vec<Later>,
}

/// A route that takes the place of another one.
#[derive(Clone, Copy, Debug)]
pub struct Later {
    /// Position among the scenario's [applied](crate::mesh::scenario::Scenario::applied) routes.
    pub applied: u32,
    /// Whose requests it is about.
    pub service: ServiceIdx,
    /// What the proxy does then.
    pub route: RouteIdx,
}

/// What happens to a request that takes a rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Where it goes.
    pub action: Action,
    /// Some are delayed ...
    pub delay: Option<FaultDelay>,
    /// ... and some fail, on purpose.
    pub abort: Option<FaultAbort>,
    /// Copies.
    pub mirrors: Vec<Mirror>,
    /// How often and how long it is tried; `None` is once, for as long as it takes.
    pub attempts: Option<Attempts>,
    /// How it is decided to which of several targets an attempt goes.
    pub draw: Draw,
}

/// For what a target is drawn by weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Draw {
    /// For a call: all attempts go to the same one (Envoy).
    PerCall,
    /// For each attempt, among the targets whose queue takes calls, if there is one (Linkerd).
    PerAttempt,
    /// For a connection of the caller whose bytes no proxy understands.
    PerConnection,
}

/// What a rule does with a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// It goes to the first target whose bound is above a uniform draw; the last bound is 1.
    Forward(Vec<(f64, Target)>),
    /// The proxy answers.
    Answer(Answer),
}

/// Where a request goes.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// To endpoints.
    Backend(Backend),
    /// Nowhere: the proxy answers.
    Missing(Answer),
}

/// Endpoints, and what they are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backend {
    /// From the enforcing proxy to them.
    pub edge: EdgeIdx,
    /// What they are asked for.
    pub operation: OperationIdx,
}

/// An answer that a proxy gives itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Bytes.
    pub size: u64,
    /// Why.
    pub why: Why,
}

/// Why a proxy answers itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The rule says so.
    Rule,
    /// No rule is for the request.
    NoRule,
    /// The rule's backend does not exist, or no backend has any weight.
    NoBackend,
}

/// Copies of some requests; nobody waits for what becomes of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Mirror {
    /// Where they go.
    pub backend: Backend,
    /// Chance that a request is copied.
    pub ratio: f64,
}

/// How often and how long a request is tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempts {
    /// After this many nanoseconds the proxy answers 504; `u64::MAX` is never.
    pub timeout: u64,
    /// After this many nanoseconds an attempt is given up; `u64::MAX` is never.
    pub attempt_timeout: u64,
    /// Attempts after the first one.
    pub retries: u32,
    /// Which failures are tried again.
    pub on: Conditions,
    /// Pauses before retries.
    pub pauses: Pauses,
    /// An attempt goes to an endpoint that was not tried before, if one is found soon enough.
    pub avoid_previous: bool,
}
