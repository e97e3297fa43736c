//! What goes wrong with local data.

use std::path::{Path, PathBuf};

/// The cache cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}: {detail}", path.display())]
pub struct StoreError {
    /// The file.
    pub path: PathBuf,
    /// What to do about it depends on this.
    pub kind: StoreErrorKind,
    /// What happened, in words.
    pub detail: String,
}

/// Kinds of trouble with the cache.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StoreErrorKind {
    /// The file system refused: no space, no permission, not there.
    Io,
    /// There is no cache yet.
    Missing,
    /// The file is damaged; [`super::Store::set_aside`] and open again.
    Corrupt,
    /// Another process writes this cache.
    Locked,
    /// A newer version of Provost made it.
    Newer,
    /// It was made for something else: a lab, an archive, the live RPKI.
    Purpose,
    /// There is no room for more: the limit of the cache, or what is kept free of the disk.
    Full,
    /// A late result: the repository changed in the meantime, or the attempt was given up.
    Superseded,
}

impl StoreError {
    pub(super) fn new(path: &Path, kind: StoreErrorKind, detail: impl Into<String>) -> Self {
        StoreError { path: path.to_owned(), kind, detail: detail.into() }
    }

    pub(super) fn io(path: &Path, error: &std::io::Error) -> Self {
        StoreError::new(path, StoreErrorKind::Io, error.to_string())
    }

    pub(super) fn sqlite(path: &Path, error: &rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        let kind = match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreErrorKind::Corrupt,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreErrorKind::Locked,
            Some(_) => StoreErrorKind::Io,
            // A column of a type that we never write, a missing row: the file is not what we made.
            None => StoreErrorKind::Corrupt,
        };
        StoreError::new(path, kind, error.to_string())
    }
}
