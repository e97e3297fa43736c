//! What validation remembers between runs, kept for the next process.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::{OptionalExtension, Transaction, params};

use super::db::Store;
use super::error::{StoreError, StoreErrorKind};
use super::limits::{MEMO_BATCH, MEMO_QUEUE};
use super::points::write_state;
use super::snapshot::Snapshot;
use super::standing::{self, Standing};
use crate::model::{ObjectHash, ObjectUri, PointId, Timestamp};
use crate::validate::{Kept, PointMemo, Policy, SourceError, State, basis};

/// Writes memos on a thread of its own, while the run goes on that makes them.
///
/// Each piece is a transaction, so that others may write in between. That is safe because each memo
/// says on which last good state it stands, and because the result as a whole is forgotten first: a
/// kill before the end costs the next run a walk over everything.
#[derive(Debug)]
pub struct MemoWriter {
    store: Store,
    open: Mutex<Batch>,
    queue: SyncSender<Batch>,
    thread: JoinHandle<Result<(), StoreError>>,
}

/// The memos of one transaction, so that few make the other thread run.
#[derive(Debug, Default)]
struct Batch {
    rows: Vec<(PointId, Row)>,
    bytes: usize,
}

impl MemoWriter {
    /// Takes a memo, which is lost if it cannot be encoded or written: returns whether it was taken.
    pub fn keep(&self, memo: &PointMemo) -> bool {
        let Ok(row) = Row::of(memo) else { return false };
        let full = {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            open.bytes = open.bytes.saturating_add(row.memo.len());
            open.rows.push((memo.id(), row));
            (open.bytes >= MEMO_BATCH).then(|| std::mem::take(&mut *open))
        };
        // If it is gone, its error tells why, and all that was taken counts for nothing.
        full.is_none_or(|full| self.queue.send(full).is_ok())
    }

    /// Waits until everything is written.
    pub fn finish(self) -> Result<(), StoreError> {
        let rest = self.open.into_inner().unwrap_or_else(PoisonError::into_inner);
        // An error of the other thread comes out below.
        let _ = self.queue.send(rest);
        drop(self.queue);
        self.thread.join().unwrap_or_else(|_| {
            let detail = "the thread that writes memos failed";
            Err(StoreError::new(self.store.path(), StoreErrorKind::Io, detail))
        })
    }
}

impl Store {
    /// Starts to write what a run by the rules and policy `basis` remembers.
    pub fn write_memos_beside(&self, basis: ObjectHash) -> Result<MemoWriter, StoreError> {
        let (queue, batches) = sync_channel(MEMO_QUEUE);
        let store = self.clone();
        let thread = std::thread::Builder::new()
            .name("memos".to_owned())
            .spawn(move || store.write_from(&batches, basis))
            .map_err(|error| StoreError::io(self.path(), &error))?;
        Ok(MemoWriter { store: self.clone(), open: Mutex::default(), queue, thread })
    }

    fn write_from(&self, batches: &Receiver<Batch>, basis: ObjectHash) -> Result<(), StoreError> {
        for batch in batches.iter().filter(|batch| !batch.rows.is_empty()) {
            self.write(|transaction| {
                prepare(transaction, basis)?;
                Ok(batch.rows.iter().try_for_each(|(id, row)| write_memo(transaction, id, row))?)
            })?;
        }
        Ok(())
    }

    /// Writes what differs in the last good states, and of which points something is remembered.
    ///
    /// `before` are the states that the cache holds; the new memos are written already. `standing`
    /// is the result as a whole, if it stands without a walk over everything. Returns the name of
    /// what is remembered now.
    pub fn save_run(
        &self,
        before: &State,
        after: &State,
        kept: &Kept,
        standing: Option<&Standing>,
    ) -> Result<ObjectHash, StoreError> {
        self.write(|transaction| {
            prepare(transaction, kept.basis)?;
            write_state(transaction, before, after)?;
            let gone: Vec<PointId> = {
                let mut ids = transaction.prepare_cached("SELECT id FROM memos")?;
                let ids = ids.query_map([], |row| row.get(0).map(PointId))?;
                ids.filter(|id| id.as_ref().map_or(true, |id| !kept.points.contains(id)))
                    .collect::<Result<_, _>>()?
            };
            let mut delete = transaction.prepare_cached("DELETE FROM memos WHERE id = ?1")?;
            for id in gone {
                delete.execute([id.0])?;
            }
            Ok(standing::write(transaction, kept.generation, standing)?)
        })
    }
}

/// Makes room for what is remembered by other rules, and forgets the result as a whole.
fn prepare(transaction: &Transaction<'_>, basis: ObjectHash) -> rusqlite::Result<()> {
    let known = transaction
        .prepare_cached("SELECT basis FROM memory")?
        .query_row([], |row| row.get(0).map(ObjectHash))
        .optional()?;
    if known == Some(basis) {
        let sql = "UPDATE memory SET standing = NULL WHERE standing IS NOT NULL";
        return transaction.prepare_cached(sql)?.execute([]).map(drop);
    }
    transaction.execute("DELETE FROM memos", [])?;
    transaction.execute(
        "INSERT INTO memory (only, basis, version) VALUES (1, ?1, 1)
         ON CONFLICT DO UPDATE SET basis = excluded.basis, generation = NULL,
             standing = NULL, version = version + 1",
        [basis.0],
    )?;
    Ok(())
}

impl Snapshot {
    /// Returns in which generation the memos stand, if they were judged by these rules and `policy`.
    pub fn memos(&self, policy: &Policy) -> Result<Option<(ObjectHash, Option<i64>)>, SourceError> {
        let reader = self.reader()?;
        let read = reader
            .query_row("SELECT basis, generation FROM memory", [], |row| {
                Ok((ObjectHash(row.get(0)?), row.get(1)?))
            })
            .optional();
        let read = read.map_err(|error| self.unreadable(&error))?;
        Ok(read.filter(|(known, _)| *known == basis(policy)))
    }
}

/// A memo, as it lies in the table.
#[derive(Debug)]
pub(super) struct Row {
    parent: Option<PointId>,
    directory: ObjectUri,
    until: Timestamp,
    is_settled: bool,
    hash: ObjectHash,
    memo: Vec<u8>,
}

impl Row {
    pub(super) fn of(memo: &PointMemo) -> Result<Row, postcard::Error> {
        let outcome = memo.outcome();
        // Nearly all URIs of a point begin alike: this halves it.
        let encoded = lz4_flex::compress_prepend_size(&memo.encode()?);
        Ok(Row {
            parent: outcome.parent,
            directory: outcome.location.directory.clone(),
            until: memo.window().until,
            is_settled: memo.is_settled(),
            hash: ObjectHash::of(&encoded),
            memo: encoded,
        })
    }
}

pub(super) fn write_memo(
    transaction: &Transaction<'_>,
    id: &PointId,
    row: &Row,
) -> rusqlite::Result<()> {
    // All columns come out of the memo: the same is left alone, a damaged one is not the same.
    let sql = "INSERT INTO memos VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (id) DO UPDATE SET parent = excluded.parent, directory = excluded.directory,
             until = excluded.until, settled = excluded.settled, sha256 = excluded.sha256,
             memo = excluded.memo
         WHERE (excluded.sha256, excluded.memo) IS NOT (memos.sha256, memos.memo)";
    let Row { parent, directory, until, is_settled, hash, memo } = row;
    let parent = parent.map(|parent| parent.0);
    transaction.prepare_cached(sql)?.execute(params![
        id.0,
        parent,
        directory.as_str(),
        until.0,
        is_settled,
        hash.0,
        memo
    ])?;
    Ok(())
}

pub(super) fn decode((id, hash, memo): &(PointId, ObjectHash, Vec<u8>)) -> Option<PointMemo> {
    if ObjectHash::of(memo) != *hash {
        return None;
    }
    let memo = PointMemo::decode(&lz4_flex::decompress_size_prepended(memo).ok()?);
    memo.filter(|memo| memo.id() == *id)
}
