//! How the pods of a service start, end and are replaced.
//!
//! Times in distributions are nanoseconds.

use crate::kernel::dist::Dist;
use crate::units::Span;

/// What is said of the life of a pod, beside what a mesh and Kubernetes add to it.
#[derive(Clone, Debug, PartialEq)]
pub struct PodLife {
    /// Pulling the application's image.
    pub image_pull: Dist,
    /// From when the application's container is created until it answers.
    pub start: Dist,
    /// How Kubernetes learns that the application answers; `None` takes it for ready as soon as its container runs.
    pub readiness: Option<Readiness>,
    /// Length of the application's preStop hook.
    pub pre_stop: Span,
    /// How long the application goes on after SIGTERM to finish what it has.
    pub shutdown: Span,
    /// So long after its deletion a pod is killed; whole seconds.
    pub grace: Span,
    /// How pods are replaced.
    pub strategy: UpdateStrategy,
    /// A pod is available once it has been ready for so long.
    pub min_ready: Span,
    /// A proxy beside it whose memory passes its limit is killed and started again.
    pub oom_kill: bool,
}

/// A readiness probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// Time between two probes.
    pub period: Span,
    /// Not before the container has run for so long.
    pub delay: Span,
}

/// A number of pods, or a share of all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// So many.
    Pods(u32),
    /// So many per cent.
    Percent(u32),
}

/// How old pods are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateStrategy {
    /// Little by little.
    RollingUpdate {
        /// So many more than wanted at a time, rounded up.
        max_surge: Amount,
        /// So many fewer than wanted available at a time, rounded down; one if both come to none.
        max_unavailable: Amount,
    },
    /// All old pods end before a new one starts.
    Recreate,
}

impl Default for PodLife {
    /// What holds where a scenario is silent.
    fn default() -> Self {
        let seconds = |seconds: u64| {
            Dist::constant(Span::from_seconds(seconds).nanos() as f64).expect("a positive constant")
        };
        Self {
            image_pull: seconds(2),
            start: seconds(1),
            readiness: Some(Readiness::default()),
            pre_stop: Span::ZERO,
            shutdown: Span::from_seconds(1),
            grace: Span::from_seconds(30),
            strategy: UpdateStrategy::default(),
            min_ready: Span::ZERO,
            oom_kill: false,
        }
    }
}

impl Default for Readiness {
    /// Kubernetes' own: every 10 s from the start on.
    fn default() -> Self {
        Self { period: Span::from_seconds(10), delay: Span::ZERO }
    }
}

impl Default for UpdateStrategy {
    /// Kubernetes' own for a Deployment.
    fn default() -> Self {
        Self::RollingUpdate { max_surge: Amount::Percent(25), max_unavailable: Amount::Percent(25) }
    }
}

impl Amount {
    /// Of so many pods, rounded up.
    pub fn rounded_up(self, replicas: u32) -> u32 {
        match self {
            Self::Pods(pods) => pods,
            Self::Percent(percent) => (u64::from(replicas) * u64::from(percent)).div_ceil(100) as u32,
        }
    }

    /// Of so many pods, rounded down.
    pub fn rounded_down(self, replicas: u32) -> u32 {
        match self {
            Self::Pods(pods) => pods,
            Self::Percent(percent) => (u64::from(replicas) * u64::from(percent) / 100) as u32,
        }
    }

    /// Whether it is none of whatever.
    pub const fn is_none(self) -> bool {
        matches!(self, Self::Pods(0) | Self::Percent(0))
    }
}

impl UpdateStrategy {
    /// Pods more than wanted, and fewer available, at a time.
    pub fn bounds(self, replicas: u32) -> (u32, u32) {
        let Self::RollingUpdate { max_surge, max_unavailable } = self else { return (0, replicas) };
        let (surge, unavailable) = (max_surge.rounded_up(replicas), max_unavailable.rounded_down(replicas));
        let unavailable = if surge == 0 && unavailable == 0 { 1 } else { unavailable };
        (surge, unavailable.min(replicas))
    }
}
