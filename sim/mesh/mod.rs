//! The validated model: what the user's files mean once every name is resolved and every unit typed.

pub mod inventory;
pub mod model;
pub mod prices;
pub mod profile;
pub mod reserve;
pub mod scenario;
pub mod validate;

pub use model::MeshModel;
pub use profile::Profile;
pub use scenario::Scenario;
pub use validate::validate;
