//! The validated model: what the user's files mean once every name is resolved and every unit typed.

pub mod model;
pub mod scenario;

pub use model::MeshModel;
pub use scenario::Scenario;
