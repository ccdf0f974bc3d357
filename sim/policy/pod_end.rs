//! A pod's end: what happens side by side from when it is deleted until its last container is gone.
//!
//! The endpoint is removed while the containers are told to end, not before (kubelet, pkg/kubelet/kuberuntime/
//! kuberuntime_container.go): each container's preStop hook runs, then it gets SIGTERM, and what is left of the grace
//! period later SIGKILL, but two seconds later at least. A native sidecar gets SIGTERM when the other containers are
//! gone.

#[cfg(test)]
mod tests;

use crate::units::{SimTime, Span};

/// When a proxy goes on SIGTERM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// After a fixed time (Istio's `terminationDrainDuration`, 5 s).
    After(Span),
    /// When it has no connection, looked at every so often after a first wait (Istio's
    /// `EXIT_ON_ZERO_ACTIVE_CONNECTIONS`: 5 s, then every second).
    OnZeroConnections {
        /// First wait (`MINIMUM_DRAIN_DURATION`).
        minimum: Span,
        /// Time between two looks.
        poll: Span,
    },
    /// As soon as it has no connection, but after so long at the latest (Linkerd, 2 min).
    WhenIdle {
        /// At the latest.
        grace: Span,
    },
}

/// How a pod's proxy ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// It is a native sidecar.
    pub is_native: bool,
    /// Its preStop hook has it drain at once and go at once on SIGTERM, as Istio's has native sidecars
    /// (pkg/envoy/agent.go, `DrainNow`).
    pub drains_first: bool,
    /// Length of its preStop hook.
    pub pre_stop: Span,
    /// When it goes.
    pub exit: Exit,
    /// How long it takes new connections while it drains: 45 s for Istio (`drainDuration`), none for Linkerd.
    pub drain: Span,
}

/// How a pod ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its proxy, if it has one.
    pub proxy: Option<Proxy>,
    /// Grace period, whole seconds; 30 s unless told (`terminationGracePeriodSeconds`).
    pub grace: Span,
    /// Length of the application's preStop hook.
    pub pre_stop: Span,
    /// How long the application goes on after SIGTERM, if it may.
    pub shutdown: Span,
    /// From when the pod is deleted until its endpoint is removed. How long callers go on sending is another matter.
    pub endpoint: Span,
}

/// How a container ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// It is told to.
    pub sigterm: SimTime,
    /// It is gone.
    pub end: SimTime,
    /// It was killed.
    pub is_killed: bool,
}

/// A pod's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// The endpoint is removed.
    pub endpoint: SimTime,
    /// The application's container.
    pub application: Stop,
    /// The proxy's container.
    pub proxy: Option<Stop>,
    /// From when on the proxy asks its clients to go elsewhere.
    pub drain: Option<SimTime>,
    /// Until when new connections are taken: by the proxy, or without one by the application, which stops on SIGTERM.
    pub accepts: SimTime,
    /// Everything is gone.
    pub end: SimTime,
}

impl End {
    /// Of a pod that is deleted now, whose proxy would have its last connection until `idle` says, given from when on
    /// it drains.
    pub fn new(plan: &Plan, now: SimTime, idle: impl FnOnce(SimTime) -> SimTime) -> Self {
        let endpoint = now + plan.endpoint;
        let application = stop(plan.grace, now, plan.pre_stop, None, |sigterm| sigterm + plan.shutdown);
        let Some(proxy) = plan.proxy else {
            let (accepts, end) = (application.sigterm, application.end);
            return Self { endpoint, application, proxy: None, drain: None, accepts, end };
        };
        let turn = proxy.is_native.then_some(application.end);
        let mut drain = now;
        let stop = stop(plan.grace, now, proxy.pre_stop, turn, |sigterm| {
            drain = if proxy.drains_first { now } else { sigterm };
            if proxy.drains_first { sigterm } else { proxy.exit.end(sigterm, idle(drain)) }
        });
        Self {
            endpoint,
            application,
            proxy: Some(stop),
            drain: Some(drain),
            accepts: (drain + proxy.drain).min(stop.end),
            end: application.end.max(stop.end),
        }
    }
}

impl Exit {
    fn end(self, sigterm: SimTime, idle: SimTime) -> SimTime {
        match self {
            Self::After(time) => sigterm + time,
            Self::WhenIdle { grace } => idle.max(sigterm).min(sigterm + grace),
            Self::OnZeroConnections { minimum, poll } => {
                let first = sigterm + minimum + poll;
                let looks = idle.since(first).nanos().div_ceil(poll.nanos().max(1));
                first + Span::from_nanos(looks.saturating_mul(poll.nanos().max(1)))
            }
        }
    }
}

/// When a job's pod is gone whose application has ended by itself: native sidecars are told to end then, others go on
/// for ever.
pub fn job(proxy: Option<Proxy>, end: SimTime, idle: SimTime) -> Option<SimTime> {
    match proxy {
        None => Some(end),
        Some(proxy) if !proxy.is_native => None,
        Some(proxy) if proxy.drains_first => Some(end + proxy.pre_stop),
        Some(proxy) => Some(proxy.exit.end(end + proxy.pre_stop, idle)),
    }
}

/// Kubelet's way with one container; `turn` is when those are gone that it has to wait for.
fn stop(
    grace: Span,
    now: SimTime,
    pre_stop: Span,
    turn: Option<SimTime>,
    end: impl FnOnce(SimTime) -> SimTime,
) -> Stop {
    // The hook and the wait are cut off when the grace period is over; what they took counts in whole seconds.
    let hook = pre_stop.min(grace);
    let mut left = grace - whole_seconds(hook);
    let mut sigterm = now + hook;
    if let Some(turn) = turn.filter(|_| left > Span::ZERO) {
        let waited = turn.since(sigterm).min(left);
        left = left - whole_seconds(waited);
        sigterm += waited;
    }
    let kill = sigterm + left.max(Span::from_seconds(2));
    let end = end(sigterm);
    Stop { sigterm, end: end.min(kill), is_killed: end > kill }
}

fn whole_seconds(span: Span) -> Span {
    Span::from_seconds(span.nanos() / 1_000_000_000)
}
