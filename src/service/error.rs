//! Why a worker stops.

use crate::store::{StoreError, StoreErrorKind};
use crate::world::WorldError;

/// A worker cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The cache cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A world cannot be read or published.
    #[error(transparent)]
    World(#[from] WorldError),
    /// The record of what is in hand cannot be kept.
    #[error("cannot keep the worker's own record: {0}")]
    State(#[from] std::io::Error),
    /// A defect of ours: a task panicked.
    #[error("a task ended in a panic; this is a defect of provost, please report it: {0}")]
    Panic(String),
}

impl WorkerError {
    /// Tells whether the cache is damaged, so that it must be set aside and made anew.
    pub fn is_damaged_cache(&self) -> bool {
        matches!(self, WorkerError::Store(error) if error.kind == StoreErrorKind::Corrupt)
    }
}

impl From<tokio::task::JoinError> for WorkerError {
    fn from(error: tokio::task::JoinError) -> Self {
        WorkerError::Panic(error.to_string())
    }
}
