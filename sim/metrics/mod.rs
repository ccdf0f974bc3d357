//! What a run leaves behind, and what may be concluded from it.

pub mod histogram;
pub mod record;

pub use record::RunRecord;
