//! What an attempt at a repository did, for the worker, its log and its summary.

use std::time::Duration;

use super::FetchError;
use super::limits::LISTED_DROPS;
use super::plan::SnapshotReason;
use crate::world::RepositoryStatus;

/// How an attempt at one repository ended.
#[derive(Clone, Debug)]
pub struct FetchReport {
    /// What is known about the repository now.
    ///
    /// After an error of the cache this is what could be said without it.
    pub status: RepositoryStatus,
    /// What was done; `None` after a failure.
    pub done: Option<Done>,
    /// Whether what the repository holds may have changed.
    pub changed: bool,
    /// Single objects that were refused while the rest was taken.
    pub drops: Drops,
    /// Why it failed.
    pub error: Option<FetchError>,
    /// How long it took.
    pub elapsed: Duration,
}

/// What a successful attempt did.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Done {
    /// The server had nothing new.
    Unchanged,
    /// So many deltas were applied.
    Deltas(usize),
    /// The snapshot was taken.
    Snapshot(SnapshotReason),
    /// The rsync module was copied.
    Rsync,
}

/// Single objects that were refused while the rest of their repository was taken.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Drops {
    /// The first hundred: name as it was given, and why.
    pub listed: Vec<(String, DropReason)>,
    /// How many there were.
    pub count: u64,
}

/// Why a single object was refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DropReason {
    /// Its name is no URI of an object.
    Uri,
    /// It is larger than the limit.
    TooLarge,
    /// It is neither a file nor a directory; links are not followed.
    FileType,
    /// Another place has the same URI, and came first.
    Duplicate,
}

impl Drops {
    pub(super) fn add(&mut self, name: &str, reason: DropReason) {
        self.count += 1;
        if self.listed.len() < LISTED_DROPS {
            self.listed.push((super::error::printable(name), reason));
        }
    }
}
