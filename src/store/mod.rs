//! The cache: objects by hash, what each repository holds, the last good state.
//!
//! One SQLite file that may be deleted and rebuilt. One process writes it (a lock file beside it
//! says who); any number may read. A change of a repository is one transaction that moves its URI
//! map, its RRDP state and its status together, so a kill at any time leaves the old state or the
//! new one. Bytes are verified against their hash whenever they are read.

mod changes;
mod db;
mod error;
mod examine;
mod limits;
mod memos;
mod objects;
mod points;
mod prune;
mod repositories;
mod room;
mod schema;
mod select;
mod snapshot;
mod standing;
mod trust_anchors;
mod uri_map;

pub use db::{Access, Store};
pub use error::{StoreError, StoreErrorKind};
pub use examine::Examination;
pub use memos::MemoWriter;
pub use objects::Staging;
pub use prune::Pruned;
pub use repositories::{
    Attempt, Committed, DeltaHash, RepositoryRecord, RrdpState, Success, Validators,
};
pub use room::{Room, allowance, free_bytes};
pub use select::{Choice, Fallback, Known, Transports, select};
pub use snapshot::Snapshot;
pub use standing::{Standing, Stood};
pub use uri_map::{MapChange, UriMap};

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_memos;
