//! What validation remembers between runs, kept for the next process.

use std::sync::Arc;

use rayon::prelude::*;
use rusqlite::{OptionalExtension, Transaction, params};

use super::db::Store;
use super::error::{StoreError, StoreErrorKind};
use super::limits::{MEMO_BATCH, MEMO_ROWS};
use super::points::write_state;
use super::schema;
use super::standing::{self, Standing};
use crate::model::{ObjectHash, ObjectUri, PointId, Timestamp};
use crate::validate::{Memory, PointMemo, Policy, State, basis};

impl Store {
    /// Reads what an earlier run remembers, as far as it was judged by these rules and `policy`.
    ///
    /// A memo that does not fit its checksum is left out, and made again.
    pub fn load_memory(&self, policy: &Policy) -> Result<Memory, StoreError> {
        let connection = schema::open_reader(self.path())?;
        let error = |error| self.error(&error);
        // One view of all, whatever is written meanwhile.
        connection.execute_batch("BEGIN").map_err(error)?;
        let read = connection
            .query_row("SELECT basis, generation FROM memory", [], |row| {
                Ok((ObjectHash(row.get(0)?), row.get(1)?))
            })
            .optional();
        let (known, generation) = match read.map_err(error)? {
            Some((known, generation)) if known == basis(policy) => (known, generation),
            _ => return Ok(Memory::default()),
        };
        let mut points = Vec::new();
        let mut statement =
            connection.prepare("SELECT id, sha256, memo FROM memos").map_err(error)?;
        let mut rows = statement
            .query_map([], |row| {
                let (id, hash) = (PointId(row.get(0)?), ObjectHash(row.get(1)?));
                Ok((id, hash, row.get::<_, Vec<u8>>(2)?))
            })
            .map_err(error)?;
        let mut damaged = Vec::new();
        loop {
            let batch: rusqlite::Result<Vec<_>> = rows.by_ref().take(MEMO_ROWS).collect();
            let batch = batch.map_err(error)?;
            if batch.is_empty() {
                break;
            }
            let decoded: Vec<_> = batch.par_iter().map(decode).collect();
            for (memo, (id, ..)) in decoded.into_iter().zip(batch) {
                match memo {
                    Some(memo) => points.push(memo),
                    None => damaged.push(id),
                }
            }
        }
        self.drop_memos(&damaged)?;
        Ok(Memory::new(known, generation, points))
    }

    /// Writes what differs in the last good states and in what is remembered.
    ///
    /// `before` is what the cache holds; `standing` is the result as a whole, if it stands without a
    /// walk over everything. Returns the name of what is remembered now. The states change in one
    /// transaction; memos are written ahead of it in pieces, which is safe because each says on
    /// which last good state it stands.
    pub fn save_run(
        &self,
        before: (&State, &Memory),
        after: (&State, &Memory),
        standing: Option<&Standing>,
    ) -> Result<Option<ObjectHash>, StoreError> {
        let (memory, known) = (after.1, before.1);
        let Some(basis) = memory.basis() else {
            return self.save_state(before.0, after.0).map(|()| None);
        };
        if known.basis() != Some(basis) {
            self.write(|transaction| {
                transaction.execute("DELETE FROM memos", [])?;
                transaction.execute(
                    "INSERT INTO memory (only, basis, version) VALUES (1, ?1, 1)
                     ON CONFLICT DO UPDATE SET basis = excluded.basis, generation = NULL,
                         standing = NULL, version = version + 1",
                    [basis.0],
                )?;
                Ok(())
            })?;
        }
        let new = memory.points().filter(|(id, memo)| !known.has_same(id, memo));
        self.write_memos(new)?;
        self.write(|transaction| {
            write_state(transaction, before.0, after.0)?;
            let mut delete = transaction.prepare_cached("DELETE FROM memos WHERE id = ?1")?;
            for (id, _) in known.points().filter(|(id, _)| !memory.has(id)) {
                delete.execute([id.0])?;
            }
            Ok(Some(standing::write(transaction, memory.generation(), standing)?))
        })
    }

    /// Drops memos that were found damaged.
    fn drop_memos(&self, ids: &[PointId]) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        tracing::warn!(cache = %self.path().display(), memos = ids.len(), "damaged memos dropped");
        if !self.is_writer() {
            return Ok(());
        }
        self.write(|transaction| {
            for id in ids {
                transaction.execute("DELETE FROM memos WHERE id = ?1", [id.0])?;
            }
            Ok(())
        })
    }

    /// Writes memos, in transactions that are short enough for others to write in between.
    pub(super) fn write_memos<'a>(
        &self,
        memos: impl Iterator<Item = (&'a PointId, &'a Arc<PointMemo>)>,
    ) -> Result<(), StoreError> {
        let memos: Vec<_> = memos.collect();
        for some in memos.chunks(MEMO_ROWS) {
            let rows: Result<Vec<_>, postcard::Error> =
                some.par_iter().map(|(id, memo)| Ok((**id, Row::of(memo)?))).collect();
            let rows = rows.map_err(|error| {
                StoreError::new(self.path(), StoreErrorKind::Io, error.to_string())
            })?;
            let mut rest = rows.as_slice();
            while !rest.is_empty() {
                let (batch, after) = rest.split_at(batch_length(rest));
                self.write(|transaction| Ok(write_batch(transaction, batch)?))?;
                rest = after;
            }
        }
        Ok(())
    }
}

/// Returns how many memos make one transaction, at least one.
fn batch_length(memos: &[(PointId, Row)]) -> usize {
    let mut bytes = 0usize;
    let fits = memos.iter().take_while(|(_, row)| {
        bytes = bytes.saturating_add(row.memo.len());
        bytes <= MEMO_BATCH
    });
    fits.count().max(1)
}

/// A memo, as it lies in the table.
pub(super) struct Row {
    parent: Option<PointId>,
    directory: ObjectUri,
    until: Timestamp,
    is_settled: bool,
    memo: Vec<u8>,
}

impl Row {
    pub(super) fn of(memo: &PointMemo) -> Result<Row, postcard::Error> {
        let outcome = memo.outcome();
        Ok(Row {
            parent: outcome.parent,
            directory: outcome.location.directory.clone(),
            until: memo.window().until,
            is_settled: memo.is_settled(),
            memo: memo.encode()?,
        })
    }
}

fn write_batch(transaction: &Transaction<'_>, batch: &[(PointId, Row)]) -> rusqlite::Result<()> {
    batch.iter().try_for_each(|(id, row)| write_memo(transaction, id, row))
}

pub(super) fn write_memo(
    transaction: &Transaction<'_>,
    id: &PointId,
    row: &Row,
) -> rusqlite::Result<()> {
    let sql = "REPLACE INTO memos VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let Row { parent, directory, until, is_settled, memo } = row;
    let parent = parent.map(|parent| parent.0);
    let hash = ObjectHash::of(memo).0;
    transaction.prepare_cached(sql)?.execute(params![
        id.0,
        parent,
        directory.as_str(),
        until.0,
        is_settled,
        hash,
        memo
    ])?;
    Ok(())
}

pub(super) fn decode((id, hash, memo): &(PointId, ObjectHash, Vec<u8>)) -> Option<PointMemo> {
    let memo = (ObjectHash::of(memo) == *hash).then(|| PointMemo::decode(memo)).flatten();
    memo.filter(|memo| memo.id() == *id)
}
