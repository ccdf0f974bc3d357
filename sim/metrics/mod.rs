//! What a run leaves behind, and what may be concluded from it.
//!
//! [`estimate()`] turns the records of a mesh's replications into [`Results`]: flat rows with confidence intervals where
//! one is warranted. [`difference`] does the same for what a mesh adds to another, paired on the replications, and
//! [`Results::with_model`] how far both move with what is not known of the mesh.

pub mod change;
pub mod estimate;
pub mod histogram;
pub mod labels;
mod lookup;
mod measure;
pub mod model;
mod notes;
pub(crate) mod pool;
mod quantile;
pub mod record;
pub mod results;
mod section;
mod stationary;
mod student;
#[cfg(test)]
pub(crate) mod synthetic;
pub mod telemetry;
pub mod timeline;

pub use change::{Change, changes};
pub use estimate::{
    PRECISION_LADDER, difference, entry_quantile, estimate, precision_possible, precision_reached,
    precision_shortages,
};
pub use labels::{ChangeLabel, EdgeLabel, EntryLabel, Labels, VersionLabel};
pub use model::{Drawn, Place, Values, places};
pub use record::RunRecord;
pub use results::{Estimate, Kind, Results, Row, Scope, Statistic, Unit};
pub use student::student_quantile;
pub use timeline::{TimelineRow, busiest_services, timeline};
