//! A consistent view of the cache for one validation run, readable from many threads.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use rusqlite::Connection;

use super::changes;
use super::db::Store;
use super::error::{StoreError, StoreErrorKind};
use super::limits::{MAX_READERS, READ_TOGETHER, SNAPSHOT_ATTEMPTS};
use super::objects::{Row, Stored};
use super::select::{Choice, Known, Transports, select};
use super::{repositories, schema, uri_map};
use crate::model::{ObjectHash, ObjectUri, RepositoryId, Timestamp};
use crate::validate::{CaLocation, Changes, Located, ObjectSource, Selection, SourceError, Wanted};

/// The cache as it was at one moment: what is committed later is not seen.
///
/// Holds one read transaction on each of several connections, all of the same generation.
#[derive(Debug)]
pub struct Snapshot {
    store: Store,
    readers: Vec<Mutex<Connection>>,
    turn: AtomicUsize,
    rows: HashMap<RepositoryId, i64>,
    known: HashMap<RepositoryId, Known>,
    transports: Transports,
    now: Timestamp,
    generation: i64,
    /// Whether the file itself was found to be damaged.
    damaged: AtomicBool,
}

impl Store {
    /// Opens a view of the cache as it is now; `transports` and `now` decide what is read.
    pub fn snapshot(&self, transports: Transports, now: Timestamp) -> Result<Snapshot, StoreError> {
        let count = std::thread::available_parallelism().map_or(1, usize::from).min(MAX_READERS);
        let (readers, generation) = self.open_readers(count)?;
        let first = readers.first().ok_or_else(|| {
            StoreError::new(self.path(), StoreErrorKind::Io, "no connection to read with")
        })?;
        let (rows, known) = read_repositories(first).map_err(|error| self.error(&error))?;
        Ok(Snapshot {
            store: self.clone(),
            readers: readers.into_iter().map(Mutex::new).collect(),
            turn: AtomicUsize::new(0),
            rows,
            known,
            transports,
            now,
            generation,
            damaged: AtomicBool::new(false),
        })
    }

    /// Opens connections whose read transactions all see the same generation, and returns it, too.
    fn open_readers(&self, count: usize) -> Result<(Vec<Connection>, i64), StoreError> {
        let connections: Result<Vec<_>, _> =
            (0..count).map(|_| schema::open_reader(self.path())).collect();
        let connections = connections?;
        for _ in 0..SNAPSHOT_ATTEMPTS {
            let generations: rusqlite::Result<BTreeSet<i64>> =
                connections.iter().map(begin).collect();
            let generations = generations.map_err(|error| self.error(&error))?;
            if let (Some(only), 1) = (generations.first(), generations.len()) {
                return Ok((connections, *only));
            }
            for connection in &connections {
                connection.execute_batch("ROLLBACK").map_err(|error| self.error(&error))?;
            }
        }
        Err(StoreError::new(self.path(), StoreErrorKind::Locked, "writers never paused"))
    }
}

/// Begins a read transaction and returns its generation; reading fixes what it sees.
fn begin(connection: &Connection) -> rusqlite::Result<i64> {
    connection.execute_batch("BEGIN")?;
    connection.query_row("SELECT generation FROM meta", [], |row| row.get(0))
}

type Repositories = (HashMap<RepositoryId, i64>, HashMap<RepositoryId, Known>);

fn read_repositories(connection: &Connection) -> rusqlite::Result<Repositories> {
    let mut statement =
        connection.prepare("SELECT id, uri, state, failing_since FROM repositories")?;
    let rows = statement.query_map([], |row| {
        let state = repositories::read_state(&row.get::<_, String>(2)?);
        let known = Known { state, failing_since: row.get::<_, Option<i64>>(3)?.map(Timestamp) };
        Ok((row.get::<_, i64>(0)?, schema::read_uri::<RepositoryId>(row, 1)?, known))
    })?;
    let (mut ids, mut known) = (HashMap::new(), HashMap::new());
    for row in rows {
        let (row, id, state) = row?;
        ids.insert(id.clone(), row);
        known.insert(id, state);
    }
    Ok((ids, known))
}

impl Snapshot {
    /// Returns what to read and what to fetch for one CA.
    pub fn choose(&self, ca: &CaLocation) -> Choice {
        select(ca, self.transports, &self.known, self.now)
    }

    /// Returns every repository that the CAs at `locations` need fetched, each once, in order.
    pub fn wanted<'a>(
        &self,
        locations: impl IntoIterator<Item = &'a CaLocation>,
    ) -> BTreeSet<RepositoryId> {
        locations.into_iter().flat_map(|ca| self.choose(ca).fetch).collect()
    }

    /// Fails if the file itself was found to be damaged while this view was read.
    ///
    /// Its points are unreadable then, and no fetch would heal that.
    pub fn check_health(&self) -> Result<(), StoreError> {
        if self.damaged.load(Ordering::Relaxed) {
            let detail = "the file is damaged";
            return Err(StoreError::new(self.store.path(), StoreErrorKind::Corrupt, detail));
        }
        Ok(())
    }

    /// Returns what is known about each repository, as far as the choice needs it.
    pub(super) fn known(&self) -> &HashMap<RepositoryId, Known> {
        &self.known
    }

    pub(super) fn transports(&self) -> Transports {
        self.transports
    }

    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    /// Returns the hash of the certificate of the trust anchor `name`.
    pub(super) fn trust_anchor_hash(&self, name: &str) -> Result<Option<ObjectHash>, SourceError> {
        let reader = self.reader()?;
        let read = reader.query_row(
            "SELECT sha256 FROM trust_anchors JOIN objects ON objects.id = object
             WHERE name = ?1",
            [name],
            |row| row.get(0).map(ObjectHash),
        );
        match read {
            Err(rusqlite::Error::QueryReturnedNoRows) => Ok(None),
            other => Ok(Some(other.map_err(|error| self.unreadable(&error))?)),
        }
    }

    pub(super) fn unreadable(&self, error: &rusqlite::Error) -> SourceError {
        if self.store.error(error).kind == StoreErrorKind::Corrupt {
            self.damaged.store(true, Ordering::Relaxed);
        }
        SourceError(error.to_string())
    }

    /// Takes a connection that is free, else waits for the one whose turn it is.
    pub(super) fn reader(&self) -> Result<MutexGuard<'_, Connection>, SourceError> {
        if let Some(free) = self.readers.iter().find_map(|reader| reader.try_lock().ok()) {
            return Ok(free);
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.readers.len().max(1);
        let reader = self.readers.get(turn).ok_or_else(|| SourceError("no connection".into()))?;
        Ok(reader.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ObjectSource for Snapshot {
    fn trust_anchor(&self, name: &str) -> Result<Option<Bytes>, SourceError> {
        match self.trust_anchor_hash(name)? {
            Some(hash) => self.bytes(&hash),
            None => Ok(None),
        }
    }

    fn select(&self, ca: &CaLocation) -> Result<Selection, SourceError> {
        Ok(self.choose(ca).read)
    }

    fn lookup(
        &self,
        repository: &RepositoryId,
        uri: &ObjectUri,
    ) -> Result<Option<ObjectHash>, SourceError> {
        let Some(row) = self.rows.get(repository) else { return Ok(None) };
        uri_map::lookup(&*self.reader()?, *row, uri).map_err(|error| self.unreadable(&error))
    }

    fn lookup_sorted(
        &self,
        repository: &RepositoryId,
        uris: &[&ObjectUri],
        wanted: Wanted,
    ) -> Result<Vec<Option<Located>>, SourceError> {
        let Some(row) = self.rows.get(repository) else { return Ok(vec![None; uris.len()]) };
        let room = match wanted {
            Wanted::Hashes => 0,
            Wanted::Bytes => READ_TOGETHER,
        };
        let found = uri_map::lookup_sorted(&*self.reader()?, *row, uris, room)
            .map_err(|error| self.unreadable(&error))?;
        // Verified after the connection was given back. What is damaged is read once more by
        // itself, and dealt with there.
        let verified = found.into_iter().map(|file| {
            let (hash, bytes) = file?;
            let bytes = bytes.filter(|bytes| ObjectHash::of(bytes) == hash).map(Bytes::from);
            Some(Located { hash, bytes })
        });
        Ok(verified.collect())
    }

    fn generation(&self) -> Option<i64> {
        Some(self.generation)
    }

    fn changes_since(&self, generation: i64) -> Result<Changes, SourceError> {
        changes::since(&*self.reader()?, generation).map_err(|error| self.unreadable(&error))
    }

    fn bytes(&self, hash: &ObjectHash) -> Result<Option<Bytes>, SourceError> {
        let row = Row::read(&*self.reader()?, hash).map_err(|error| self.unreadable(&error))?;
        match row.verify(hash) {
            Stored::Good(bytes) => Ok(Some(bytes)),
            Stored::Absent => Ok(None),
            Stored::Damaged => {
                if self.store.is_writer() {
                    self.store.drop_damaged(hash).map_err(|e| SourceError(e.to_string()))?;
                }
                Err(SourceError(format!("object {hash} is damaged")))
            }
        }
    }
}
