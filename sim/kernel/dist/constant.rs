//! Always the same value.

use super::{Dist, DistError, DistributionHelp, Law, non_negative};
use crate::kernel::Uniform;

pub(super) const HELP: DistributionHelp =
    DistributionHelp { name: "constant", parameters: &["value"], doc: "Always the same value." };

/// Always `value`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Constant {
    pub(super) value: f64,
}

impl Dist {
    /// Always `value`.
    ///
    /// # Errors
    /// When `value` is negative or not finite.
    pub fn constant(value: f64) -> Result<Self, DistError> {
        Ok(Self::Constant(Constant { value: non_negative("the value of a constant", value)? }))
    }
}

impl Constant {
    /// `value`, which the caller has checked.
    pub(super) const fn checked(value: f64) -> Self {
        Self { value }
    }
}

impl Law for Constant {
    fn help(&self) -> &'static DistributionHelp {
        &HELP
    }

    #[inline]
    fn sample<U: Uniform + ?Sized>(&self, _: &mut U) -> f64 {
        self.value
    }

    fn mean(&self) -> f64 {
        self.value
    }

    fn variance(&self) -> f64 {
        0.0
    }

    fn quantile(&self, _: f64) -> Option<f64> {
        Some(self.value)
    }

    fn scaled(&self, factor: f64) -> Self {
        Self { value: self.value * factor }
    }
}
