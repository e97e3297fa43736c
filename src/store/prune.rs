//! Pruning: removes objects that nothing refers to, a bounded piece at a time.

use std::collections::HashSet;

use rusqlite::Transaction;

use super::db::Store;
use super::error::StoreError;
use super::limits::PRUNE_ROWS;
use super::points::hashes;
use crate::model::ObjectHash;

/// What one piece of pruning did.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Pruned {
    /// How many objects were removed.
    pub removed: u64,
    /// Whether the end of the table was reached; the next call begins anew.
    pub finished: bool,
}

impl Store {
    /// Removes objects of the next 20,000 rows that no repository, last good state or trust
    /// anchor refers to, and that no fetch in progress has staged.
    ///
    /// Call it when idle, until it says that it finished.
    pub fn prune(&self) -> Result<Pruned, StoreError> {
        let mut writer = self.writer()?;
        let writer = &mut *writer;
        let (cursor, pins) = (writer.prune_cursor, &writer.pins);
        let (pruned, cursor) = self.write_with(&mut writer.connection, |transaction| {
            let end: Option<i64> = transaction.query_row(
                "SELECT max(id) FROM (SELECT id FROM objects WHERE id > ?1 ORDER BY id LIMIT ?2)",
                [cursor, i64::from(PRUNE_ROWS)],
                |row| row.get(0),
            )?;
            let Some(end) = end else {
                return Ok((Pruned { removed: 0, finished: true }, 0));
            };
            let mut candidates = unreferenced(transaction, cursor, end)?;
            candidates.retain(|(id, _)| !pins.contains_key(id));
            if !candidates.is_empty() {
                let kept = last_good(transaction)?;
                candidates.retain(|(_, hash)| !kept.contains(hash));
            }
            let mut delete = transaction.prepare_cached("DELETE FROM objects WHERE id = ?1")?;
            for (id, _) in &candidates {
                delete.execute([id])?;
            }
            Ok((Pruned { removed: candidates.len() as u64, finished: false }, end))
        })?;
        writer.prune_cursor = cursor;
        Ok(pruned)
    }
}

fn unreferenced(
    transaction: &Transaction<'_>,
    after: i64,
    end: i64,
) -> rusqlite::Result<Vec<(i64, ObjectHash)>> {
    transaction
        .prepare_cached(
            "SELECT id, sha256 FROM objects WHERE id > ?1 AND id <= ?2
             AND NOT EXISTS (SELECT 1 FROM repository_objects WHERE object = objects.id)
             AND NOT EXISTS (SELECT 1 FROM trust_anchors WHERE object = objects.id)",
        )?
        .query_map([after, end], |row| Ok((row.get(0)?, ObjectHash(row.get(1)?))))?
        .collect()
}

fn last_good(transaction: &Transaction<'_>) -> rusqlite::Result<HashSet<ObjectHash>> {
    let mut kept = HashSet::new();
    let mut statement = transaction.prepare_cached("SELECT objects, manifest FROM points")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        kept.extend(hashes(&row.get::<_, Vec<u8>>(0)?));
        kept.insert(ObjectHash(row.get(1)?));
    }
    Ok(kept)
}
