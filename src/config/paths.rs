//! The data directory and the names of what lies in it.

use std::path::{Path, PathBuf};

/// The data directory; everything that Provost keeps lies below it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DataDir(PathBuf);

impl DataDir {
    /// Takes a directory; nothing is read or made.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        DataDir(path.into())
    }

    /// Returns the directory itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Returns the cache: objects, repository maps, last good states. May be deleted.
    pub fn cache(&self) -> PathBuf {
        self.0.join("cache.sqlite")
    }

    /// Returns the directory of the published worlds.
    pub fn world(&self) -> PathBuf {
        self.0.join("world")
    }

    /// Returns the directory of the server's own state.
    pub fn state(&self) -> PathBuf {
        self.0.join("state")
    }
}
