//! The open cache: its lock, its one writing connection, and how it is set aside.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::schema::{self, Found};
use super::{StoreError, StoreErrorKind};
use crate::world::Purpose;

/// What is added to the cache's name to say that it is damaged.
const CONDEMNED: &str = ".condemned";

/// Whether a process may write the cache.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Access {
    /// Takes the lock; makes or rebuilds the file where needed.
    Write,
    /// Reads what is there; may run beside the writer.
    Read,
}

/// The cache. Cheap to clone; clones share the writing connection.
#[derive(Clone, Debug)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    purpose: Purpose,
    writer: Option<Mutex<Writer>>,
    /// Held, never read: the operating system frees it when the process ends, however it ends.
    _lock: Option<File>,
}

/// What only one thread at a time may use.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) connection: Connection,
    /// Objects that were inserted for a change that is not committed yet, with a count of users.
    pub(super) pins: HashMap<i64, u32>,
}

impl Store {
    /// Opens the cache at `path` for `purpose`.
    ///
    /// With [`Access::Write`] a missing file is made, and a damaged or older one is set aside and
    /// made anew. Errors: `Locked` by another writer, `Newer` than this program, made for another
    /// `Purpose`, `Corrupt` (only with [`Access::Read`]), `Io`.
    pub fn open(path: &Path, purpose: Purpose, access: Access) -> Result<Self, StoreError> {
        let (found, writer, lock) = match access {
            Access::Read => (Self::purpose_of(path)?, None, None),
            Access::Write => {
                if let Some(parent) = path.parent() {
                    std::fs::create_dir_all(parent)
                        .map_err(|error| StoreError::io(parent, &error))?;
                }
                let lock = take_lock(path)?;
                let (connection, found) = open_or_rebuild(path, purpose)?;
                let writer = Writer { connection, pins: HashMap::new() };
                (found, Some(Mutex::new(writer)), Some(lock))
            }
        };
        if found != purpose {
            let (has, wants) = (schema::describe(found), schema::describe(purpose));
            let detail = format!("this cache is for {has}, not for {wants}");
            return Err(StoreError::new(path, StoreErrorKind::Purpose, detail));
        }
        Ok(Store(Arc::new(Inner { path: path.to_owned(), purpose, writer, _lock: lock })))
    }

    /// Reads what the cache at `path` is for, without taking the lock.
    pub fn purpose_of(path: &Path) -> Result<Purpose, StoreError> {
        let missing = || StoreError::new(path, StoreErrorKind::Missing, "there is no cache yet");
        // What cannot be looked at is not absent.
        if !path.try_exists().map_err(|error| StoreError::io(path, &error))? {
            return Err(missing());
        }
        match schema::identify(&schema::open_reader(path)?, path)? {
            Found::Cache(purpose) => Ok(purpose),
            Found::Empty => Err(missing()),
            Found::Older => {
                let detail = "made by an older version; the next sync rebuilds it";
                Err(StoreError::new(path, StoreErrorKind::Corrupt, detail))
            }
        }
    }

    /// Renames the cache at `path` out of the way, and returns its new name.
    ///
    /// No process may have it open. Only the last one is kept, so damage cannot fill the disk.
    pub fn set_aside(path: &Path) -> Result<PathBuf, StoreError> {
        let aside = with_suffix(path, ".damaged");
        // The log first: a cache without its log is still one that is set aside.
        for suffix in ["-wal", "-shm", ""] {
            let (from, to) = (with_suffix(path, suffix), with_suffix(&aside, suffix));
            let moved = match std::fs::rename(&from, &to) {
                Err(error) if error.kind() == ErrorKind::NotFound => std::fs::remove_file(&to),
                other => other,
            };
            match moved {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(StoreError::io(path, &error));
                }
                _ => {}
            }
        }
        tracing::warn!(cache = %path.display(), aside = %aside.display(), "cache set aside");
        Ok(aside)
    }

    /// Marks the cache as damaged: whoever opens it next for writing sets it aside first.
    pub fn condemn(&self) -> Result<(), StoreError> {
        let mark = with_suffix(self.path(), CONDEMNED);
        File::create(&mark).map(drop).map_err(|error| StoreError::io(&mark, &error))
    }

    /// Returns the path of the cache.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Returns how many bytes the cache has on disk, its log included.
    pub fn size(&self) -> u64 {
        let files = [self.path().to_owned(), with_suffix(self.path(), "-wal")];
        files.iter().filter_map(|file| Some(std::fs::metadata(file).ok()?.len())).sum()
    }

    /// Returns what the cache is for.
    pub fn purpose(&self) -> Purpose {
        self.0.purpose
    }

    /// Waits for the writing connection.
    pub(super) fn writer(&self) -> Result<MutexGuard<'_, Writer>, StoreError> {
        let writer = self.0.writer.as_ref().ok_or_else(|| {
            StoreError::new(self.path(), StoreErrorKind::Locked, "opened for reading only")
        })?;
        // A panic in a transaction rolled it back; pins of the lost thread only delay pruning.
        Ok(writer.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Tells whether this process may write.
    pub(super) fn is_writer(&self) -> bool {
        self.0.writer.is_some()
    }

    /// Runs `work` in one transaction: all of it happens, or nothing.
    pub(super) fn write<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, WriteError>,
    ) -> Result<T, StoreError> {
        let mut writer = self.writer()?;
        self.write_with(&mut writer.connection, work)
    }

    /// The same, for who holds the writing connection already.
    pub(super) fn write_with<T>(
        &self,
        connection: &mut Connection,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, WriteError>,
    ) -> Result<T, StoreError> {
        let run = || {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = work(&transaction)?;
            transaction.commit()?;
            Ok(value)
        };
        run().map_err(|error| match error {
            WriteError::Sqlite(error) => self.error(&error),
            WriteError::Superseded => StoreError::new(
                self.path(),
                StoreErrorKind::Superseded,
                "a late result was dropped",
            ),
            WriteError::Full(detail) => StoreError::new(self.path(), StoreErrorKind::Full, detail),
        })
    }

    pub(super) fn error(&self, error: &rusqlite::Error) -> StoreError {
        StoreError::sqlite(self.path(), error)
    }

    /// Moves the write-ahead log into the file and truncates it; worth doing after a sync.
    pub fn checkpoint(&self) -> Result<(), StoreError> {
        let writer = self.writer()?;
        writer
            .connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .map_err(|error| self.error(&error))
    }
}

/// Why a transaction was rolled back.
#[derive(Debug)]
pub(super) enum WriteError {
    Sqlite(rusqlite::Error),
    Superseded,
    Full(String),
}

impl From<rusqlite::Error> for WriteError {
    fn from(error: rusqlite::Error) -> Self {
        WriteError::Sqlite(error)
    }
}

/// Counts one more commit that changes what validation reads.
pub(super) fn bump_generation(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.prepare_cached("UPDATE meta SET generation = generation + 1")?.execute([])?;
    Ok(())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn take_lock(path: &Path) -> Result<File, StoreError> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(with_suffix(path, ".lock"))
        .map_err(|error| StoreError::io(path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::new(
            path,
            StoreErrorKind::Locked,
            "another provost process writes this cache",
        )),
        Err(TryLockError::Error(error)) => Err(StoreError::io(path, &error)),
    }
}

fn open_or_rebuild(path: &Path, purpose: Purpose) -> Result<(Connection, Purpose), StoreError> {
    let mark = with_suffix(path, CONDEMNED);
    if mark.exists() {
        tracing::error!(cache = %path.display(), "cache was found to be damaged");
        Store::set_aside(path)?;
        std::fs::remove_file(&mark).map_err(|error| StoreError::io(&mark, &error))?;
    }
    match try_open(path) {
        Ok((connection, Found::Cache(found))) => return Ok((connection, found)),
        Ok((mut connection, Found::Empty)) => {
            schema::create(&mut connection, path, purpose)?;
            return Ok((connection, purpose));
        }
        Ok((_, Found::Older)) => {}
        Err(error) if error.kind == StoreErrorKind::Corrupt => {
            tracing::error!(cache = %path.display(), error = %error.detail, "cache is damaged");
        }
        Err(error) => return Err(error),
    }
    Store::set_aside(path)?;
    let mut connection = schema::open_writer(path)?;
    schema::create(&mut connection, path, purpose)?;
    Ok((connection, purpose))
}

fn try_open(path: &Path) -> Result<(Connection, Found), StoreError> {
    // SQLite removes the log when the last connection closes, so one that has content tells of
    // a process that was killed.
    let unclean = std::fs::metadata(with_suffix(path, "-wal")).is_ok_and(|wal| wal.len() > 0);
    let connection = schema::open_writer(path)?;
    let found = schema::identify(&connection, path)?;
    if unclean {
        schema::check(&connection, path)?;
    }
    Ok((connection, found))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    fn open(path: &Path) -> Result<Store, StoreError> {
        Store::open(path, Purpose::Live, Access::Write)
    }

    #[test]
    fn l07_a_second_writer_is_refused_and_a_reader_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sub/cache.sqlite");
        let first = open(&path).unwrap();
        assert_eq!(open(&path).unwrap_err().kind, StoreErrorKind::Locked);
        let reader = Store::open(&path, Purpose::Live, Access::Read).unwrap();
        assert_eq!(reader.write(|_| Ok(())).unwrap_err().kind, StoreErrorKind::Locked);
        drop(first);
        open(&path).unwrap();
    }

    #[test]
    fn a_cache_serves_one_purpose() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cache.sqlite");
        let archive = Purpose::Archive { at: Timestamp(-5) };
        drop(Store::open(&path, archive, Access::Write).unwrap());
        assert_eq!(Store::purpose_of(&path).unwrap(), archive);
        for access in [Access::Write, Access::Read] {
            let error = Store::open(&path, Purpose::Lab, access).unwrap_err();
            assert_eq!(error.kind, StoreErrorKind::Purpose);
            assert!(error.to_string().contains("archive of 1969-12-31T23:59:55Z"), "{error}");
        }
        Store::open(&path, archive, Access::Write).unwrap();
    }

    #[test]
    fn l05_a_newer_cache_is_refused_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cache.sqlite");
        let store = open(&path).unwrap();
        store.writer().unwrap().connection.pragma_update(None, "user_version", 99).unwrap();
        drop(store);
        assert_eq!(open(&path).unwrap_err().kind, StoreErrorKind::Newer);
        assert_eq!(open(&path).unwrap_err().kind, StoreErrorKind::Newer);
    }

    #[test]
    fn l05_an_older_or_damaged_cache_is_set_aside_and_rebuilt() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cache.sqlite");
        std::fs::write(&path, [7; 50_000]).unwrap();
        assert_eq!(
            Store::open(&path, Purpose::Live, Access::Read).unwrap_err().kind,
            StoreErrorKind::Corrupt
        );
        drop(open(&path).unwrap());
        assert!(dir.path().join("cache.sqlite.damaged").exists());
        Store::open(&path, Purpose::Live, Access::Read).unwrap();
    }

    #[test]
    fn l04_a_cache_that_was_found_damaged_while_in_use_is_set_aside_at_the_next_start() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cache.sqlite");
        let store = open(&path).unwrap();
        store.discover(&["https://h/n.xml".parse().unwrap()]).unwrap();
        store.condemn().unwrap();
        drop(store);
        let store = open(&path).unwrap();
        assert_eq!(store.repositories().unwrap(), []);
        assert!(dir.path().join("cache.sqlite.damaged").exists());
        drop(store);
        std::fs::remove_file(dir.path().join("cache.sqlite.damaged")).unwrap();
        open(&path).unwrap();
        assert!(!dir.path().join("cache.sqlite.damaged").exists(), "once is enough");
    }

    #[test]
    fn a_cache_that_was_never_made_cannot_be_read() {
        let dir = tempfile::tempdir().unwrap();
        let error = Store::purpose_of(&dir.path().join("cache.sqlite")).unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Missing);
    }
}
