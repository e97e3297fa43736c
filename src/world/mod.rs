//! The published world: what validation found, before local exceptions and before expiry.
//!
//! A [`View`] is what can be asked: a world less what has expired, with the origin index.

mod answer;
mod assemble;
mod carry;
mod chain;
mod check;
mod error;
#[cfg(test)]
pub(crate) mod fixture;
mod follow;
pub mod format;
mod freshness;
mod publish;
mod slurm;
mod status;
mod view;
#[expect(clippy::module_inception, reason = "the module is about this type")]
mod world;

pub use answer::Answer;
pub use assemble::Assembly;
pub use error::WorldError;
pub use follow::Follower;
pub use freshness::{DataSource, Freshness, Gap};
pub use publish::{load_current, next_id, publish};
pub use slurm::{FilteredVrp, LocalEffect};
pub use status::{RepositoryState, RepositoryStatus, TrustAnchorFetch};
pub use view::{Item, ItemSource, View, ViewSource};
pub use world::{
    AspaRecord, ObjectRecord, PointRecord, Purpose, RouterKeyRecord, TrustAnchorRecord, VrpRecord,
    World,
};
