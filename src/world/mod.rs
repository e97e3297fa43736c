//! The published world: what validation found, before local exceptions and before expiry.
//!
//! A [`View`] is what can be asked: a world less what has expired, with the origin index.

mod answer;
mod assemble;
mod carry;
mod chain;
mod check;
mod delta;
mod error;
#[cfg(test)]
pub(crate) mod fixture;
mod follow;
pub mod format;
mod freshness;
mod head;
mod limits;
mod log;
mod patch;
mod publish;
mod revise;
mod slurm;
mod status;
#[cfg(test)]
mod tests_delta;
mod view;
mod vrp_list;
#[expect(clippy::module_inception, reason = "the module is about this type")]
mod world;

pub use answer::Answer;
pub use assemble::Assembly;
pub use delta::{Delta, Given, NewObject, NextPoint, PointDelta};
pub use error::WorldError;
pub use follow::Follower;
pub use freshness::{DataSource, Freshness, Gap};
pub use head::{Head, RepositoryTally, Tally, TrustAnchorTally};
pub use patch::Patch;
pub use publish::{load_current, load_head, next_id, publish, publish_next};
pub use slurm::{FilteredVrp, LocalEffect};
pub use status::{RepositoryState, RepositoryStatus, TrustAnchorFetch};
pub use view::{Item, ItemSource, View, ViewSource};
pub use vrp_list::VrpList;
pub use world::{
    AspaRecord, ObjectData, ObjectRecord, PointData, PointRecord, Purpose, RouterKeyRecord,
    TrustAnchorRecord, VrpRecord, World,
};
