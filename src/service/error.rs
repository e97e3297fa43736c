//! Why a worker stops.

use crate::store::StoreError;
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
    /// A defect of ours: a task panicked.
    #[error("a task ended in a panic; this is a defect of provost, please report it: {0}")]
    Panic(String),
}

impl From<tokio::task::JoinError> for WorkerError {
    fn from(error: tokio::task::JoinError) -> Self {
        WorkerError::Panic(error.to_string())
    }
}
