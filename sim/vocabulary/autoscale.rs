//! What a HorizontalPodAutoscaler is told: how many pods there may be, what is looked at, how fast they may change.

use crate::units::{Ratio, Span};

/// What an autoscaler is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// Fewest replicas (`minReplicas`).
    pub min: u32,
    /// Most replicas (`maxReplicas`).
    pub max: u32,
    /// What is looked at; the largest recommendation counts.
    pub metrics: Vec<Metric>,
    /// How fast replicas may change, where the autoscaler says so.
    pub behavior: Option<Behavior>,
}

/// A metric of CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Whose CPU.
    pub of: Of,
    /// How much it should be.
    pub target: Target,
}

/// Whose CPU a metric looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// All containers of a pod together (`Resource`).
    Pod,
    /// The application's container (`ContainerResource`).
    Application,
    /// The proxy's container (`ContainerResource`).
    Proxy,
}

/// What a metric is held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Per cent of what is requested (`averageUtilization`).
    Utilization(u32),
    /// Thousandths of a core per pod (`averageValue`).
    Value(u64),
}

impl Default for Metric {
    /// What Kubernetes looks at where an autoscaler names nothing (pkg/apis/autoscaling/v2/defaults.go).
    fn default() -> Self {
        Self { of: Of::Pod, target: Target::Utilization(80) }
    }
}

/// How much may change within a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// So many pods.
    Pods(u32),
    /// So many per cent of the pods at the start of the period.
    Percent(u32),
}

/// A limit to how fast replicas change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How much.
    pub change: Change,
    /// Within which time.
    pub period: Span,
}

/// Which of several policies holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Select {
    /// The one that allows the largest change.
    Max,
    /// The one that allows the smallest change.
    Min,
    /// None: nothing changes in this direction.
    Disabled,
}

/// Rules of one direction.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// Limits.
    pub policies: Vec<Policy>,
    /// Which of them holds.
    pub select: Select,
    /// How long recommendations are remembered; `None` is the controller's own, which is for becoming fewer.
    pub stabilization: Option<Span>,
    /// Share by which usage may be off its target; `None` is the controller's own.
    pub tolerance: Option<Ratio>,
}

/// Rules of both directions.
#[derive(Clone, Debug, PartialEq)]
pub struct Behavior {
    /// For more replicas.
    pub up: Rules,
    /// For fewer replicas.
    pub down: Rules,
}

impl Policy {
    /// Longest period that Kubernetes allows.
    pub const LONGEST: Span = Span::from_seconds(1800);
}

impl Rules {
    /// Longest stabilization that Kubernetes allows.
    pub const LONGEST: Span = Span::from_seconds(3600);
}

impl Default for Behavior {
    /// What is filled in where a `behavior` does not say (pkg/apis/autoscaling/v2/defaults.go).
    fn default() -> Self {
        let period = Span::from_seconds(15);
        let four = Policy { change: Change::Pods(4), period };
        let double = Policy { change: Change::Percent(100), period };
        let rules =
            |policies, stabilization| Rules { policies, select: Select::Max, stabilization, tolerance: None };
        Self { up: rules(vec![four, double], Some(Span::ZERO)), down: rules(vec![double], None) }
    }
}
