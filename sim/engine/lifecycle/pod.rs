//! A place for a pod, and the pod in it.

use crate::kernel::station::Window;
use crate::policy::crash_loop::CrashLoop;
use crate::policy::pod_start::Plan;
use crate::units::{SimTime, Span};

/// Kubelet's back-off (CrashLoopBackOff), see [`CrashLoop`].
const FIRST_PAUSE: Span = Span::from_seconds(10);
const LONGEST_PAUSE: Span = Span::from_seconds(300);

/// How far the pod in a place has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// There is none.
    Free,
    /// It is not ready.
    Starting,
    /// It is ready.
    Ready,
    /// It is being deleted.
    Ending,
    /// Its node is gone, and nobody is there again.
    Lost,
}

/// A place for a pod.
#[expect(clippy::struct_excessive_bools, reason = "facts that do not depend on each other")]
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) phase: Phase,
    /// Which version of the pods' description it was made from.
    pub(super) revision: u32,
    /// Counts the pods that were in this place.
    pub(super) incarnation: u16,
    pub(super) created: SimTime,
    pub(super) ready: Option<SimTime>,
    /// It has been ready for long enough.
    pub(super) is_available: bool,
    /// Its endpoint is written.
    pub(super) is_endpoint: bool,
    /// New connections are taken; its proxy, or without one its application, is there; its application is there.
    pub(super) accepts: bool,
    pub(super) is_reachable: bool,
    pub(super) serves: bool,
    /// Its node is gone, whether or not Kubernetes knows.
    pub(super) is_lost: bool,
    /// How it starts, as far as that is known when it is made, and when its configuration can be there at the earliest, once it
    /// has asked for it.
    pub(super) plan: Option<Plan>,
    pub(super) configured: Option<SimTime>,
    /// When its containers were started: with the pod, or its proxy's again.
    pub(super) began: SimTime,
    /// How often its proxy was killed.
    pub(super) crashes: CrashLoop,
    /// CPU of the applications that were in it, and what was used in it before the pod was made, by the application and by
    /// the proxy; in nanoseconds.
    pub(super) burnt: f64,
    pub(super) used_before: [f64; 2],
    /// Time in the window of the pods before it.
    before: u64,
}

impl Place {
    pub(super) const fn free() -> Self {
        Self {
            phase: Phase::Free,
            revision: 0,
            incarnation: 0,
            created: SimTime::ZERO,
            ready: None,
            is_available: false,
            is_endpoint: false,
            accepts: false,
            is_reachable: false,
            serves: false,
            is_lost: false,
            plan: None,
            configured: None,
            began: SimTime::ZERO,
            crashes: CrashLoop::new(FIRST_PAUSE, LONGEST_PAUSE),
            burnt: 0.0,
            used_before: [0.0; 2],
            before: 0,
        }
    }

    /// Of a pod that is there from the start on, and was long before.
    pub(super) const fn taken() -> Self {
        Self {
            phase: Phase::Ready,
            ready: Some(SimTime::ZERO),
            is_available: true,
            is_endpoint: true,
            accepts: true,
            is_reachable: true,
            serves: true,
            ..Self::free()
        }
    }

    /// A pod is made in it.
    pub(super) fn take(&mut self, revision: u32, used: [f64; 2], now: SimTime) {
        *self = Self {
            phase: Phase::Starting,
            revision,
            incarnation: self.incarnation.wrapping_add(1),
            created: now,
            began: now,
            before: self.before,
            burnt: self.burnt,
            used_before: used,
            ..Self::free()
        };
    }

    /// Its pod is gone.
    pub(super) fn leave(&mut self, window: Window, now: SimTime) {
        *self = Self {
            incarnation: self.incarnation.wrapping_add(1),
            burnt: self.burnt,
            before: self.before + window.overlap(self.created, now).nanos(),
            ..Self::free()
        };
    }

    /// It counts towards the pods that there are to be.
    pub(super) const fn is_active(&self) -> bool {
        matches!(self.phase, Phase::Starting | Phase::Ready)
    }

    /// Kubernetes knows of a pod in it.
    pub(super) const fn holds_a_pod(&self) -> bool {
        !matches!(self.phase, Phase::Free | Phase::Lost)
    }

    /// How long it has held pods in the window, in nanoseconds.
    pub(super) fn nanos_in(&self, window: Window, now: SimTime) -> u64 {
        let own = if self.holds_a_pod() { window.overlap(self.created, now).nanos() } else { 0 };
        self.before + own
    }
}
