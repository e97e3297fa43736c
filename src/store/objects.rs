//! Objects by hash: staged unreferenced in batches, verified whenever they are read.

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::db::Store;
use super::error::StoreError;
use super::limits::{BATCH_BYTES, BATCH_OBJECTS};
use super::room::{self, Room};
use crate::model::ObjectHash;

/// Objects on their way into the cache, for a change that is not committed yet.
///
/// They are referenced by nothing until the change is committed, and safe from pruning as long
/// as this value lives. Dropped without a commit, they are what pruning removes.
#[derive(Debug)]
pub struct Staging {
    store: Store,
    room: Option<Room>,
    batch: Vec<(ObjectHash, Bytes)>,
    batch_bytes: usize,
    pinned: Vec<i64>,
}

impl Store {
    /// Starts to collect objects, however many.
    pub fn stage(&self) -> Staging {
        self.stage_in(None)
    }

    /// Starts to collect objects that the cache has `room` for; beyond it, [`Staging::put`] and
    /// all that follows fail as `Full`.
    pub fn stage_within(&self, room: Room) -> Staging {
        self.stage_in(Some(room))
    }

    fn stage_in(&self, room: Option<Room>) -> Staging {
        let store = self.clone();
        Staging { store, room, batch: Vec::new(), batch_bytes: 0, pinned: Vec::new() }
    }
}

impl Staging {
    pub(super) fn store(&self) -> Store {
        self.store.clone()
    }

    /// Adds an object, and returns its hash.
    pub fn put(&mut self, bytes: Bytes) -> Result<ObjectHash, StoreError> {
        let hash = ObjectHash::of(&bytes);
        self.batch_bytes = self.batch_bytes.saturating_add(bytes.len());
        self.batch.push((hash, bytes));
        if self.batch_bytes >= BATCH_BYTES || self.batch.len() >= BATCH_OBJECTS {
            self.flush()?;
        }
        Ok(hash)
    }

    /// Writes what was collected; until then it is only in memory.
    pub fn flush(&mut self) -> Result<(), StoreError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let mut writer = self.store.writer()?;
        let batch = std::mem::take(&mut self.batch);
        self.batch_bytes = 0;
        let (room, path) = (self.room, self.store.path());
        let ids = self.store.write_with(&mut writer.connection, |transaction| {
            let before = room::used_bytes(transaction)?;
            let ids: Result<Vec<i64>, _> =
                batch.iter().map(|(hash, bytes)| insert(transaction, hash, bytes)).collect();
            if let Some(room) = room {
                room::check(transaction, room, before, path)?;
            }
            Ok(ids?)
        })?;
        for id in &ids {
            *writer.pins.entry(*id).or_insert(0) += 1;
        }
        self.pinned.extend(ids);
        Ok(())
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if let Ok(mut writer) = self.store.writer() {
            for id in self.pinned.drain(..) {
                if let Some(users) = writer.pins.get_mut(&id) {
                    *users -= 1;
                    if *users == 0 {
                        writer.pins.remove(&id);
                    }
                }
            }
        }
    }
}

/// Inserts an object if it is new or was damaged, and returns its row id.
pub(super) fn insert(
    transaction: &Transaction<'_>,
    hash: &ObjectHash,
    bytes: &[u8],
) -> rusqlite::Result<i64> {
    let inserted = transaction
        .prepare_cached(
            "INSERT INTO objects (sha256, bytes) VALUES (?1, ?2)
             ON CONFLICT (sha256) DO UPDATE SET bytes = excluded.bytes WHERE bytes IS NULL
             RETURNING id",
        )?
        .query_row(params![hash.0, bytes], |row| row.get(0))
        .optional()?;
    if let Some(id) = inserted {
        return Ok(id);
    }
    transaction
        .prepare_cached("SELECT id FROM objects WHERE sha256 = ?1")?
        .query_row([hash.0], |row| row.get(0))
}

/// What the cache has under a hash.
pub(super) enum Stored {
    /// Bytes that fit the hash.
    Good(Bytes),
    /// Nothing.
    Absent,
    /// A row whose bytes do not fit, or were dropped because they did not.
    Damaged,
}

/// What is in the row of an object, not yet verified.
pub(super) struct Row(Option<Option<Vec<u8>>>);

impl Row {
    /// Reads the row of an object.
    pub(super) fn read(connection: &Connection, hash: &ObjectHash) -> rusqlite::Result<Self> {
        let bytes = connection
            .prepare_cached("SELECT bytes FROM objects WHERE sha256 = ?1")?
            .query_row([hash.0], |row| row.get(0))
            .optional()?;
        Ok(Row(bytes))
    }

    /// Verifies what was read; apart from reading it, so that nobody waits for the connection.
    pub(super) fn verify(self, hash: &ObjectHash) -> Stored {
        match self.0 {
            None => Stored::Absent,
            Some(Some(bytes)) if ObjectHash::of(&bytes) == *hash => Stored::Good(bytes.into()),
            Some(_) => Stored::Damaged,
        }
    }
}

impl Store {
    /// Drops the damaged bytes of an object, and has every repository that holds it fetched anew.
    ///
    /// Where only a last good state refers to it, the row goes, and it is absent from then on.
    pub(super) fn drop_damaged(&self, hash: &ObjectHash) -> Result<(), StoreError> {
        tracing::warn!(cache = %self.path().display(), object = %hash, "damaged object dropped");
        self.write(|transaction| {
            // A reader of an old snapshot may see damage that was repaired since.
            if !matches!(Row::read(transaction, hash)?.verify(hash), Stored::Damaged) {
                return Ok(());
            }
            let marked = transaction.execute(
                "UPDATE repositories SET refetch = 1, next_attempt = NULL WHERE id IN (
                     SELECT repository FROM repository_objects WHERE object =
                         (SELECT id FROM objects WHERE sha256 = ?1))",
                [hash.0],
            )?;
            transaction.execute(
                "UPDATE trust_anchors SET object = NULL WHERE object =
                     (SELECT id FROM objects WHERE sha256 = ?1)",
                [hash.0],
            )?;
            let statement = if marked > 0 {
                "UPDATE objects SET bytes = NULL WHERE sha256 = ?1"
            } else {
                "DELETE FROM objects WHERE sha256 = ?1"
            };
            transaction.execute(statement, [hash.0])?;
            Ok(super::db::bump_generation(transaction)?)
        })
    }
}
