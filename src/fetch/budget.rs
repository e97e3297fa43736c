//! What all attempts together may hold, on disk and in memory, and who meets the end of it first.
//!
//! Every share is charged before it is used and given back when its holder is dropped. Nobody
//! waits for room, so nobody can be made to wait: who finds none fails, and frees what it held.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::limits::{LARGE_DOCUMENT, LARGE_PARSERS, PARSERS};
use crate::store::{Room, allowance, free_bytes};

/// Why there is no room.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum NoRoom {
    /// The pool is used up, as far as it is for this one.
    #[error("no room for {what}: all attempts hold {used} bytes, and this one may fill {limit}")]
    Pool { what: &'static str, used: u64, limit: u64 },
    /// The disk is.
    #[error("the disk has {free} bytes left, and {reserve} are kept for the cache and the worlds")]
    Disk { free: u64, reserve: u64 },
}

/// A number of bytes that attempts share.
#[derive(Clone, Debug)]
pub(super) struct Pool(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    what: &'static str,
    limit: u64,
    used: AtomicU64,
    most: AtomicU64,
    /// The disk on which the bytes are, and how much of it stays free.
    disk: Option<(PathBuf, u64)>,
}

impl Pool {
    /// Makes a pool of `limit` bytes; `what` names them in errors.
    pub(super) fn new(what: &'static str, limit: u64) -> Self {
        Pool::on(what, limit, None)
    }

    /// Makes a pool of bytes below a directory, whose disk keeps `reserve` bytes free.
    pub(super) fn on_disk(what: &'static str, limit: u64, directory: &Path, reserve: u64) -> Self {
        Pool::on(what, limit, Some((directory.to_owned(), reserve)))
    }

    fn on(what: &'static str, limit: u64, disk: Option<(PathBuf, u64)>) -> Self {
        let (used, most) = (AtomicU64::new(0), AtomicU64::new(0));
        Pool(Arc::new(Shared { what, limit, used, most, disk }))
    }

    /// Starts a share for a repository before which `rank` others were known.
    pub(super) fn share(&self, rank: u64) -> Share {
        Share { pool: self.clone(), limit: allowance(self.0.limit, rank), held: 0 }
    }

    /// Returns the most bytes that were ever held at once, and how many may be.
    pub(super) fn headroom(&self) -> (u64, u64) {
        (self.0.most.load(Ordering::Relaxed), self.0.limit)
    }
}

/// What one attempt holds of a pool.
#[derive(Debug)]
pub(super) struct Share {
    pool: Pool,
    limit: u64,
    held: u64,
}

impl Share {
    /// Holds `bytes` in all from now on.
    pub(super) fn set(&mut self, bytes: u64) -> Result<(), NoRoom> {
        let shared = &*self.pool.0;
        let Some(more) = bytes.checked_sub(self.held).filter(|more| *more > 0) else {
            shared.used.fetch_sub(self.held.saturating_sub(bytes), Ordering::Relaxed);
            self.held = bytes;
            return Ok(());
        };
        let take = |used: u64| used.checked_add(more).filter(|all| *all <= self.limit);
        let order = Ordering::Relaxed;
        let used = shared.used.fetch_update(order, order, take).map_err(|used| NoRoom::Pool {
            what: shared.what,
            used,
            limit: self.limit,
        })?;
        self.held = bytes;
        shared.most.fetch_max(used + more, order);
        match &shared.disk {
            Some((directory, reserve)) => keep_free(directory, *reserve),
            None => Ok(()),
        }
    }

    /// Returns how many bytes it holds.
    pub(super) fn held(&self) -> u64 {
        self.held
    }

    /// Holds `bytes` more.
    pub(super) fn add(&mut self, bytes: u64) -> Result<(), NoRoom> {
        self.set(self.held.saturating_add(bytes))
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.pool.0.used.fetch_sub(self.held, Ordering::Relaxed);
    }
}

/// Makes sure that the disk of `directory` has `reserve` bytes left.
fn keep_free(directory: &Path, reserve: u64) -> Result<(), NoRoom> {
    match free_bytes(directory) {
        Some(free) if free < reserve => Err(NoRoom::Disk { free, reserve }),
        // A disk that does not tell is left to its own errors.
        _ => Ok(()),
    }
}

/// Everything that attempts share.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    /// Bytes on disk: documents on their way, and what rsync is copying.
    pub(super) transfers: Pool,
    /// Bytes on disk: copies of rsync modules between attempts.
    pub(super) copies: Pool,
    /// Bytes in memory.
    pub(super) memory: Pool,
    pub(super) parsers: Parsers,
    pub(super) cache_bytes: u64,
    pub(super) reserve: u64,
}

impl Budget {
    /// Returns the room that the cache has for a repository before which `rank` others were known.
    pub(super) fn room(&self, rank: u64) -> Room {
        Room { cache_bytes: allowance(self.cache_bytes, rank), reserve: self.reserve }
    }
}

/// Who may have a document parsed, which needs memory and a processor.
///
/// Large documents and small ones have places of their own, so that a small one never waits for
/// large ones; the pool of bytes on disk bounds how long the others wait.
#[derive(Clone, Debug)]
pub(super) struct Parsers {
    small: Arc<Semaphore>,
    large: Arc<Semaphore>,
}

impl Default for Parsers {
    fn default() -> Self {
        Parsers {
            small: Arc::new(Semaphore::new(PARSERS)),
            large: Arc::new(Semaphore::new(LARGE_PARSERS)),
        }
    }
}

impl Parsers {
    /// Waits for a place for a document of `bytes`; nothing is ever closed, so there is one.
    pub(super) async fn place(&self, bytes: u64) -> Option<OwnedSemaphorePermit> {
        let places = if bytes > LARGE_DOCUMENT { &self.large } else { &self.small };
        places.clone().acquire_owned().await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_charged_before_use_and_given_back() {
        let pool = Pool::new("tests", 1_000);
        let (mut first, mut late) = (pool.share(0), pool.share(u64::MAX));
        late.set(400).unwrap();
        first.add(500).unwrap();
        let error = late.add(1).unwrap_err();
        assert_eq!(error, NoRoom::Pool { what: "tests", used: 900, limit: 500 });
        first.add(100).unwrap();
        assert!(first.add(1).is_err(), "the end for everybody");
        first.set(50).unwrap();
        drop(first);
        late.add(100).unwrap();
        drop(late);
        pool.share(0).set(1_000).unwrap();
        assert_eq!(pool.headroom(), (1_000, 1_000));
    }

    #[test]
    fn l02_transfers_end_before_the_disk_is_full() {
        let dir = tempfile::tempdir().unwrap();
        let pool = Pool::on_disk("tests", u64::MAX, dir.path(), u64::MAX);
        assert!(matches!(pool.share(0).set(1), Err(NoRoom::Disk { .. })));
        Pool::on_disk("tests", u64::MAX, dir.path(), 0).share(0).set(1).unwrap();
    }

    #[tokio::test]
    async fn small_documents_do_not_wait_for_large_ones() {
        let parsers = Parsers::default();
        let mut places = Vec::new();
        for _ in 0..LARGE_PARSERS {
            places.push(parsers.place(LARGE_DOCUMENT + 1).await);
        }
        let waits = parsers.place(LARGE_DOCUMENT + 1);
        let waits = tokio::time::timeout(std::time::Duration::from_millis(20), waits).await;
        assert!(waits.is_err(), "large ones are few");
        assert!(parsers.place(LARGE_DOCUMENT).await.is_some());
    }
}
