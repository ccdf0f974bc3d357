//! Retries: which failures are tried again, and what bounds how many are. Pauses are `policy::backoff`'s.
//!
//! ```
//! use sim::policy::retry::{Conditions, Style};
//! use sim::vocabulary::failure::{Cause, Failure};
//! use sim::vocabulary::routing::RetryOn;
//!
//! let conditions = Conditions::new(Style::Envoy, &[RetryOn::GatewayError]);
//! assert!(conditions.retries(&Failure::local(Cause::AttemptTimeout, true)));
//! assert!(!conditions.retries(&Failure::local(Cause::Overflow, false)));
//! ```

mod budget;
mod conditions;

pub use budget::{Budget, TokenBudget};
pub use conditions::{Conditions, Style};
