//! What each repository holds and how fetching it went, moved together in one transaction.

use std::time::Duration;

use rusqlite::{Row, Transaction, params};

use super::changes;
use super::db::{Store, WriteError, bump_generation};
use super::error::StoreError;
use super::objects::Staging;
use super::schema;
use super::uri_map::{MapChange, apply};
use crate::model::{ObjectHash, RepositoryId, Timestamp};
use crate::world::{RepositoryState, RepositoryStatus};

/// Everything that is kept about a repository, less its objects.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RepositoryRecord {
    /// What the world shows of it.
    pub status: RepositoryStatus,
    /// How many attempts failed in a row.
    pub failures: u32,
    /// Since when every attempt has failed.
    pub failing_since: Option<Timestamp>,
    /// What RRDP needs to go on from here.
    pub rrdp: Option<RrdpState>,
    /// Whether an object was found damaged, so that the next fetch must bring everything.
    pub refetch: bool,
}

/// Where an RRDP client stands (RFC 8182, section 3.4; RFC 9697).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RrdpState {
    /// The session.
    pub session: String,
    /// The serial.
    pub serial: u64,
    /// The hash of the snapshot of that serial.
    pub snapshot: ObjectHash,
    /// The deltas that the last notification listed.
    pub deltas: Vec<DeltaHash>,
    /// What makes the next request for the notification a conditional one.
    pub validators: Validators,
}

/// A delta as a notification named it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DeltaHash {
    /// The serial to which it leads.
    pub serial: u64,
    /// The hash of the file.
    pub hash: ObjectHash,
}

/// HTTP validators (RFC 9110, section 8.8).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Validators {
    /// `ETag`, as received.
    pub etag: Option<String>,
    /// `Last-Modified`, as received.
    pub last_modified: Option<String>,
}

/// An attempt to fetch a repository that has begun.
///
/// A later attempt, or the end of this one, makes any result of it that comes too late void
/// (THREATS A12).
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The repository.
    pub id: RepositoryId,
    /// When the attempt began.
    pub started: Timestamp,
    /// What was known before.
    pub before: RepositoryRecord,
    /// How many repositories were known before it.
    pub rank: u64,
    row: i64,
    revision: i64,
}

impl Attempt {
    pub(super) fn row(&self) -> i64 {
        self.row
    }
}

/// How a successful attempt went.
#[derive(Clone, Debug)]
pub struct Success {
    /// When the data were seen to be up to date.
    pub finished: Timestamp,
    /// How long it took.
    pub duration: Duration,
    /// When the next attempt is due.
    pub next_attempt: Timestamp,
    /// How many bytes it brought.
    pub bytes: u64,
    /// Where RRDP stands now.
    pub rrdp: Option<RrdpState>,
}

const COLUMNS: &str = "uri, state, last_success, last_attempt, duration_ms, error, failures, \
     failing_since, next_attempt, objects, bytes, session, serial, snapshot_sha256, deltas, \
     etag, last_modified, refetch";

impl Store {
    /// Returns what is known about every repository, ordered by URI.
    pub fn repositories(&self) -> Result<Vec<RepositoryRecord>, StoreError> {
        let connection = schema::open_reader(self.path())?;
        let read = || -> rusqlite::Result<Vec<_>> {
            connection
                .prepare(&format!("SELECT {COLUMNS} FROM repositories ORDER BY uri"))?
                .query_map([], read_record)?
                .collect()
        };
        read().map_err(|error| self.error(&error))
    }

    /// Records repositories that certificates name, as pending where they are new.
    pub fn discover(&self, ids: &[RepositoryId]) -> Result<(), StoreError> {
        self.write(|transaction| Ok(ids.iter().try_for_each(|id| ensure(transaction, id))?))
    }

    /// Begins an attempt to fetch `id`, which makes every earlier one void.
    pub fn begin(&self, id: &RepositoryId, started: Timestamp) -> Result<Attempt, StoreError> {
        self.write(|transaction| {
            ensure(transaction, id)?;
            let before = transaction.query_row(
                &format!("SELECT {COLUMNS} FROM repositories WHERE uri = ?1"),
                [id.as_str()],
                read_record,
            )?;
            let (row, revision) = transaction.query_row(
                "UPDATE repositories SET revision = revision + 1, last_attempt = ?2
                 WHERE uri = ?1 RETURNING id, revision",
                params![id.as_str(), started.0],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?;
            let rank = transaction.query_row(
                "SELECT count(*) FROM repositories WHERE id < ?1",
                [row],
                |row| row.get(0).map(unsigned),
            )?;
            Ok(Attempt { id: id.clone(), started, before, rank, row, revision })
        })
    }

    /// Ends an attempt that failed; the repository keeps what it has.
    pub fn fail(
        &self,
        attempt: &Attempt,
        error: &str,
        duration: Duration,
        next_attempt: Timestamp,
    ) -> Result<RepositoryStatus, StoreError> {
        self.write(|transaction| {
            supersede(transaction, attempt)?;
            transaction.execute(
                "UPDATE repositories SET
                     state = CASE WHEN last_success IS NULL THEN 'unavailable' ELSE 'failing' END,
                     error = ?2, duration_ms = ?3, next_attempt = ?4, failures = failures + 1,
                     failing_since = coalesce(failing_since, ?5)
                 WHERE id = ?1",
                params![
                    attempt.row,
                    error,
                    milliseconds(duration),
                    next_attempt.0,
                    attempt.started.0
                ],
            )?;
            // The choice between RRDP and rsync depends on it.
            bump_generation(transaction)?;
            Ok(read_by_row(transaction, attempt.row)?.status)
        })
    }

    /// Forgets the repositories that are not in `keep`, with their maps; at most `limit` of them.
    pub fn retain_repositories(
        &self,
        keep: &dyn Fn(&RepositoryId) -> bool,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let records = self.repositories()?;
        let old = records.iter().map(|r| &r.status.id).filter(|id| !keep(id)).take(limit);
        let mut forgotten = 0;
        for id in old {
            self.write(|transaction| {
                transaction.execute(
                    "DELETE FROM repository_objects WHERE repository =
                         (SELECT id FROM repositories WHERE uri = ?1)",
                    [id.as_str()],
                )?;
                transaction.execute("DELETE FROM repositories WHERE uri = ?1", [id.as_str()])?;
                changes::note_all(transaction, id)?;
                Ok(bump_generation(transaction)?)
            })?;
            forgotten += 1;
        }
        Ok(forgotten)
    }
}

impl Staging {
    /// Ends an attempt that succeeded: objects, map, RRDP state and status change together.
    ///
    /// `Superseded` if the attempt was given up in the meantime; then nothing changes.
    pub fn commit(
        mut self,
        attempt: &Attempt,
        change: &MapChange,
        success: &Success,
    ) -> Result<Committed, StoreError> {
        self.flush()?;
        let store = self.store();
        // Found outside of the transaction, so that other writers wait only for the difference;
        // nobody else changes this map while the attempt is the latest.
        let mut difference = store.open_map(attempt)?.difference(change)?;
        let changed = !difference.is_empty();
        if attempt.before.status.last_success.is_none() {
            // Nobody reads the map of a repository that never succeeded, so most of it can be
            // written ahead, in pieces that let others write in between.
            while let Some(piece) = difference.split_piece() {
                store.write(|transaction| {
                    check_latest(transaction, attempt)?;
                    apply(transaction, attempt.row, &piece)
                })?;
            }
        }
        store.write(|transaction| {
            supersede(transaction, attempt)?;
            apply(transaction, attempt.row, &difference)?;
            write_success(transaction, attempt, success)?;
            if matches!(change, MapChange::Replace(_)) {
                transaction
                    .execute("UPDATE repositories SET refetch = 0 WHERE id = ?1", [attempt.row])?;
            }
            bump_generation(transaction)?;
            let status = read_by_row(transaction, attempt.row)?.status;
            Ok(Committed { status, changed })
        })
    }
}

/// What a commit did.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Committed {
    /// What is known about the repository now.
    pub status: RepositoryStatus,
    /// Whether its URI map has changed.
    pub changed: bool,
}

fn ensure(transaction: &Transaction<'_>, id: &RepositoryId) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("INSERT INTO repositories (uri) VALUES (?1) ON CONFLICT DO NOTHING")?
        .execute([id.as_str()])?;
    Ok(())
}

/// Makes sure that `attempt` is the latest.
fn check_latest(transaction: &Transaction<'_>, attempt: &Attempt) -> Result<(), WriteError> {
    let sql = "SELECT revision FROM repositories WHERE id = ?1";
    let revision: i64 = transaction.query_row(sql, [attempt.row], |row| row.get(0))?;
    if revision == attempt.revision { Ok(()) } else { Err(WriteError::Superseded) }
}

/// Makes sure that `attempt` is the latest, and makes everything that comes after it too late.
fn supersede(transaction: &Transaction<'_>, attempt: &Attempt) -> Result<(), WriteError> {
    let changed = transaction.execute(
        "UPDATE repositories SET revision = revision + 1 WHERE id = ?1 AND revision = ?2",
        [attempt.row, attempt.revision],
    )?;
    if changed == 1 { Ok(()) } else { Err(WriteError::Superseded) }
}

fn write_success(
    transaction: &Transaction<'_>,
    attempt: &Attempt,
    success: &Success,
) -> rusqlite::Result<()> {
    let rrdp = success.rrdp.as_ref();
    let deltas: Option<Vec<u8>> = rrdp.map(|state| {
        let pair = |d: &DeltaHash| [&d.serial.to_be_bytes()[..], &d.hash.0[..]].concat();
        state.deltas.iter().flat_map(pair).collect()
    });
    transaction.execute(
        "UPDATE repositories SET state = 'current', last_success = ?2, duration_ms = ?3,
             error = NULL, failures = 0, failing_since = NULL, next_attempt = ?4, bytes = ?5,
             session = ?6, serial = ?7, snapshot_sha256 = ?8, deltas = ?9, etag = ?10,
             last_modified = ?11
         WHERE id = ?1",
        params![
            attempt.row,
            success.finished.0,
            milliseconds(success.duration),
            success.next_attempt.0,
            signed(success.bytes),
            rrdp.map(|state| &state.session),
            rrdp.map(|state| signed(state.serial)),
            rrdp.map(|state| state.snapshot.0),
            deltas,
            rrdp.and_then(|state| state.validators.etag.as_ref()),
            rrdp.and_then(|state| state.validators.last_modified.as_ref()),
        ],
    )?;
    Ok(())
}

fn read_by_row(transaction: &Transaction<'_>, row: i64) -> rusqlite::Result<RepositoryRecord> {
    let sql = format!("SELECT {COLUMNS} FROM repositories WHERE id = ?1");
    transaction.query_row(&sql, [row], read_record)
}

/// Reads `COLUMNS`, by their places: looking for names is slower than all the rest, and each
/// publication reads every repository.
fn read_record(row: &Row<'_>) -> rusqlite::Result<RepositoryRecord> {
    let time = |column: usize| -> rusqlite::Result<Option<Timestamp>> {
        Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp))
    };
    let count = |column: usize| -> rusqlite::Result<u64> { Ok(unsigned(row.get(column)?)) };
    let id = schema::read_uri(row, 0)?;
    let duration: Option<i64> = row.get(4)?;
    let session: Option<String> = row.get(11)?;
    let serial = row.get::<_, Option<i64>>(12)?.map(unsigned);
    let status = RepositoryStatus {
        id,
        state: read_state(&row.get::<_, String>(1)?),
        last_success: time(2)?,
        last_attempt: time(3)?,
        duration: duration.map(|ms| Duration::from_millis(unsigned(ms))),
        error: row.get(5)?,
        session: session.clone(),
        serial,
        objects: count(9)?,
        bytes: count(10)?,
        // What a directory was imported from is never tried again by itself.
        next_attempt: time(8)?.filter(|time| *time != Timestamp::MAX),
    };
    let snapshot = row.get::<_, Option<[u8; 32]>>(13)?.map(ObjectHash);
    let deltas: Option<Vec<u8>> = row.get(14)?;
    let validators = Validators { etag: row.get(15)?, last_modified: row.get(16)? };
    let rrdp = match (session, serial, snapshot) {
        (Some(session), Some(serial), Some(snapshot)) => Some(RrdpState {
            session,
            serial,
            snapshot,
            deltas: read_deltas(&deltas.unwrap_or_default()),
            validators,
        }),
        _ => None,
    };
    Ok(RepositoryRecord {
        status,
        failures: u32::try_from(row.get::<_, i64>(6)?).unwrap_or(u32::MAX),
        failing_since: time(7)?,
        rrdp,
        refetch: row.get(17)?,
    })
}

fn read_deltas(bytes: &[u8]) -> Vec<DeltaHash> {
    let read = |chunk: &[u8]| {
        let (serial, hash) = chunk.split_first_chunk::<8>()?;
        let hash = ObjectHash::from_slice(hash)?;
        Some(DeltaHash { serial: u64::from_be_bytes(*serial), hash })
    };
    bytes.chunks_exact(40).filter_map(read).collect()
}

pub(super) fn read_state(text: &str) -> RepositoryState {
    match text {
        "current" => RepositoryState::Current,
        "failing" => RepositoryState::Failing,
        "unavailable" => RepositoryState::Unavailable,
        _ => RepositoryState::Pending,
    }
}

/// SQLite has signed integers only; what is above is cut.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
