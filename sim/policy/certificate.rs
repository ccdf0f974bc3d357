//! When a proxy asks for its certificate: at the start, before the old one expires, and again when it is refused.
//!
//! Each mesh has its own rule. Istio's agent rotates when a share of the life is left, moved by a jitter so that proxies
//! that started together do not ask together (security/pkg/nodeagent/cache/secretcache.go, `rotateTime`); ztunnel at
//! half of the validity, without jitter (src/tls/certificate.rs, `refresh_at`); Linkerd's proxy after 70 % of what is
//! left when it looks, which is its way after a failure, too (linkerd/proxy/identity-client/src/certify.rs).

#[cfg(test)]
mod tests;

use crate::kernel::Uniform;
use crate::units::{Ratio, SimTime, Span};

/// When a certificate is replaced.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rotation {
    /// When this share of the time from issue to expiry is left, more or less by a uniform share up to the jitter.
    Left {
        /// Share that is left (`SECRET_GRACE_PERIOD_RATIO`).
        ratio: Ratio,
        /// By how much more or less (`SECRET_GRACE_PERIOD_RATIO_JITTER`).
        jitter: Ratio,
    },
    /// After this share of the validity, which begins before the issue.
    OfValidity {
        /// The share.
        ratio: Ratio,
    },
    /// After this share of what is left, within bounds; failures change nothing.
    OfWhatIsLeft {
        /// The share.
        ratio: Ratio,
        /// Not sooner.
        min: Span,
        /// Not later.
        max: Span,
    },
}

/// Pauses after failures: each half as long again as the one before, and by chance up to half longer or shorter (Go's and
/// Rust's `backoff`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// The first.
    pub first: Span,
    /// Longest, before chance.
    pub longest: Span,
}

impl Retry {
    fn pause<U: Uniform>(&self, failures: u32, uniform: &mut U) -> Span {
        let mut pause = self.first.min(self.longest);
        for _ in 1..failures {
            if pause == self.longest {
                break;
            }
            pause = pause.scale(1.5).min(self.longest);
        }
        pause.scale(0.5 + uniform.unit())
    }
}

/// A mesh's certificates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    /// From issue to expiry.
    pub life: Span,
    /// How long before its issue it begins to hold.
    pub backdated: Span,
    /// When it is replaced.
    pub rotation: Rotation,
    /// Pauses after failures; without effect where the rotation has its own way.
    pub retry: Retry,
}

impl Policy {
    /// Istio's sidecars and gateways: 24 h, half of them left by 1 %, retries from 0.5 s to 60 s.
    ///
    /// # Panics
    /// Never: its shares are ratios.
    pub fn istio() -> Self {
        let ratio = |share| Ratio::new(share).expect("a ratio");
        Self {
            life: DAY,
            backdated: Span::from_seconds(120),
            rotation: Rotation::Left { ratio: ratio(0.5), jitter: ratio(0.01) },
            retry: Retry { first: Span::from_millis(500), longest: Span::from_seconds(60) },
        }
    }

    /// ztunnel's, one for each service account on its node: 24 h, retries from 0.5 s to 150 s (src/identity/manager.rs).
    ///
    /// # Panics
    /// Never: its share is a ratio.
    pub fn ztunnel() -> Self {
        Self {
            life: DAY,
            backdated: Span::from_seconds(120),
            rotation: Rotation::OfValidity { ratio: Ratio::new(0.5).expect("a ratio") },
            retry: Retry { first: Span::from_millis(500), longest: Span::from_seconds(150) },
        }
    }

    /// Linkerd's: 24 h and 20 s for clocks that differ.
    ///
    /// # Panics
    /// Never: its share is a ratio.
    pub fn linkerd() -> Self {
        let (min, ratio) = (Span::from_seconds(10), Ratio::new(0.7).expect("a ratio"));
        Self {
            life: DAY + Span::from_seconds(20),
            backdated: Span::from_seconds(20),
            rotation: Rotation::OfWhatIsLeft { ratio, min, max: DAY },
            retry: Retry { first: min, longest: min },
        }
    }
}

const DAY: Span = Span::from_seconds(24 * 3600);

/// The certificate of one proxy, from its first request on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Certificate {
    policy: Policy,
    expiry: Option<SimTime>,
    failures: u32,
}

impl Certificate {
    /// None yet: the proxy asks for one at once.
    pub const fn new(policy: Policy) -> Self {
        Self { policy, expiry: None, failures: 0 }
    }

    /// The proxy has got one, issued now. Returns when it asks for the next.
    pub fn issued<U: Uniform>(&mut self, now: SimTime, uniform: &mut U) -> SimTime {
        self.failures = 0;
        let Policy { life, backdated, rotation, .. } = self.policy;
        self.expiry = Some(now + life);
        match rotation {
            Rotation::Left { ratio, jitter } => {
                let left = ratio.value() + jitter.value() * (2.0 * uniform.unit() - 1.0);
                now + (life - life.scale(left.clamp(0.0, 1.0)).min(life))
            }
            Rotation::OfValidity { ratio } => {
                now + (backdated + life).scale(ratio.value()).saturating_sub(backdated)
            }
            Rotation::OfWhatIsLeft { ratio, min, max } => now + after_share(life, ratio, min, max),
        }
    }

    /// The proxy has got none. Returns when it asks again.
    pub fn failed<U: Uniform>(&mut self, now: SimTime, uniform: &mut U) -> SimTime {
        self.failures = self.failures.saturating_add(1);
        match self.policy.rotation {
            Rotation::OfWhatIsLeft { ratio, min, max } => {
                let left = self.expiry.map_or(Span::ZERO, |expiry| expiry.since(now));
                now + after_share(left, ratio, min, max)
            }
            _ => now + self.policy.retry.pause(self.failures, uniform),
        }
    }

    /// What it has just got was issued so long ago.
    pub fn age(&mut self, age: Span) {
        let expiry = self.expiry.map(|expiry| expiry.since(SimTime::ZERO).saturating_sub(age));
        self.expiry = expiry.map(|left| SimTime::ZERO + left);
    }

    /// Whether it has one that holds.
    pub fn is_valid(&self, now: SimTime) -> bool {
        self.expiry.is_some_and(|expiry| now < expiry)
    }

    /// When the one it has expires.
    pub const fn expiry(&self) -> Option<SimTime> {
        self.expiry
    }
}

fn after_share(left: Span, ratio: Ratio, min: Span, max: Span) -> Span {
    left.scale(ratio.value()).max(min).min(max)
}
