//! The published world: what validation found, before local exceptions and before expiry.

mod status;
#[expect(clippy::module_inception, reason = "the module is about this type")]
mod world;

pub use status::{RepositoryState, RepositoryStatus, TrustAnchorFetch};
pub use world::{
    AspaRecord, ObjectRecord, PointRecord, Purpose, RouterKeyRecord, TrustAnchorRecord, VrpRecord,
    World,
};
