//! Copies of rsync modules: charged while they are made, kept between attempts where there is room.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::budget::{Budget, NoRoom, Share};

/// The copies between attempts, each with its share of what all of them may have.
#[derive(Clone, Debug, Default)]
pub(super) struct KeptCopies(Arc<Mutex<HashMap<PathBuf, Share>>>);

impl KeptCopies {
    fn lock(&self) -> MutexGuard<'_, HashMap<PathBuf, Share>> {
        // A map is a map, whoever panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the copy at `path`, which has `bytes`, if there is room for it.
    pub(super) fn keep(&self, path: &Path, mut share: Share, bytes: u64) -> Result<(), NoRoom> {
        share.set(bytes)?;
        self.lock().insert(path.to_owned(), share);
        Ok(())
    }

    /// Takes the copy at `path` for an attempt, and returns how many bytes it has.
    fn take(&self, path: &Path) -> u64 {
        self.lock().remove(path).map_or(0, |share| share.held())
    }
}

/// A copy that an attempt works on. When this is dropped it is kept, or removed where there is no
/// room for it: a copy only saves transfer.
pub(super) struct Working {
    path: PathBuf,
    kept: KeptCopies,
    keeping: Option<Share>,
    pub(super) size: Size,
}

/// How large a copy in the making is.
pub(super) struct Size {
    /// What it is charged.
    pub(super) share: Share,
    /// How many bytes it had when it was looked at last; unknown counts as too many.
    pub(super) measured: Option<u64>,
}

impl Working {
    /// Takes the copy at `path`, whether there is one or not.
    pub(super) fn on(path: PathBuf, kept: &KeptCopies, budget: &Budget, rank: u64) -> Self {
        let size = Size { share: budget.transfers.share(rank), measured: Some(kept.take(&path)) };
        Working { path, kept: kept.clone(), keeping: Some(budget.copies.share(rank)), size }
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        let kept = match (self.keeping.take(), self.size.measured) {
            (Some(share), Some(bytes)) => self.kept.keep(&self.path, share, bytes).is_ok(),
            _ => false,
        };
        if !kept {
            remove(&self.path);
        }
    }
}

/// Removes a copy, which may have very many files, without making anybody wait.
fn remove(path: &Path) {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    // Out of the way first: the next attempt may come before the last file is gone. What is left
    // when the process is killed goes at the next start.
    let aside = path.with_extension(format!("gone-{number}"));
    if std::fs::rename(path, &aside).is_err() {
        return;
    }
    let remove = move || {
        if let Err(error) = std::fs::remove_dir_all(&aside) {
            tracing::warn!(path = %aside.display(), %error, "cannot remove a copy");
        }
    };
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn_blocking(remove)),
        Err(_) => remove(),
    }
}
