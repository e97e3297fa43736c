//! What is known about each repository and each trust anchor's certificate: state, age, error.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{RepositoryId, Timestamp};

/// The state of one repository.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct RepositoryStatus {
    /// The repository.
    pub id: RepositoryId,
    /// Whether its objects can be used.
    pub state: RepositoryState,
    /// When it was last found to be up to date or brought up to date.
    pub last_success: Option<Timestamp>,
    /// When the last attempt began.
    pub last_attempt: Option<Timestamp>,
    /// How long the last attempt took.
    pub duration: Option<Duration>,
    /// Why the last attempt failed; `None` after a success.
    pub error: Option<String>,
    /// The RRDP session, if it is an RRDP repository that was fetched.
    pub session: Option<String>,
    /// The RRDP serial.
    pub serial: Option<u64>,
    /// How many objects it holds.
    pub objects: u64,
    /// How many bytes its last successful change brought.
    pub bytes: u64,
    /// When it is tried again.
    pub next_attempt: Option<Timestamp>,
}

impl RepositoryStatus {
    /// Returns the status of a repository that a certificate named just now.
    pub fn pending(id: RepositoryId) -> Self {
        RepositoryStatus {
            id,
            state: RepositoryState::Pending,
            last_success: None,
            last_attempt: None,
            duration: None,
            error: None,
            session: None,
            serial: None,
            objects: 0,
            bytes: 0,
            next_attempt: None,
        }
    }
}

/// Whether a repository's objects can be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum RepositoryState {
    /// It was named by a certificate, and its first attempt has not ended.
    Pending,
    /// The last attempt succeeded.
    Current,
    /// The last attempt failed; what was fetched earlier is in use.
    Failing,
    /// No attempt has ever succeeded.
    Unavailable,
}

/// How fetching a trust anchor's certificate went.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct TrustAnchorFetch {
    /// The URI that it was fetched from.
    pub uri: Option<String>,
    /// When it was last fetched.
    pub last_success: Option<Timestamp>,
    /// When the last attempt began.
    pub last_attempt: Option<Timestamp>,
    /// Why the last attempt failed; `None` after a success.
    pub error: Option<String>,
}
