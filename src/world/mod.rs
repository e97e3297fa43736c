//! The published world: what validation found, before local exceptions and before expiry.

mod assemble;
mod carry;
mod check;
mod error;
#[cfg(test)]
pub(crate) mod fixture;
mod follow;
pub mod format;
mod publish;
mod status;
#[expect(clippy::module_inception, reason = "the module is about this type")]
mod world;

pub use assemble::Assembly;
pub use error::WorldError;
pub use follow::Follower;
pub use publish::{load_current, next_id, publish};
pub use status::{RepositoryState, RepositoryStatus, TrustAnchorFetch};
pub use world::{
    AspaRecord, ObjectRecord, PointRecord, Purpose, RouterKeyRecord, TrustAnchorRecord, VrpRecord,
    World,
};
