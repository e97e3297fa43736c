//! Pruning: removes objects that nothing refers to, a bounded piece at a time.

use std::collections::HashSet;

use rusqlite::Connection;

use super::db::Store;
use super::error::StoreError;
use super::limits::PRUNE_ROWS;
use super::points::hashes;
use super::schema;
use crate::model::ObjectHash;

/// What one piece of pruning did.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Pruned {
    /// How many objects were removed.
    pub removed: u64,
    /// Whether there is nothing left to remove.
    pub finished: bool,
}

impl Store {
    /// Removes objects that no repository, last good state or trust anchor refers to, and that no
    /// fetch in progress has staged: at most 20,000.
    ///
    /// Call it when idle, until it says that it finished.
    pub fn prune(&self) -> Result<Pruned, StoreError> {
        // Looked for without the writer, whom most of this need not keep waiting.
        let reader = schema::open_reader(self.path())?;
        let mut candidates = unreferenced(&reader).map_err(|error| self.error(&error))?;
        drop(reader);
        let mut writer = self.writer()?;
        let writer = &mut *writer;
        candidates.retain(|id| !writer.pins.contains_key(id));
        let finished = candidates.len() <= PRUNE_ROWS;
        candidates.truncate(PRUNE_ROWS);
        if candidates.is_empty() {
            return Ok(Pruned { removed: 0, finished });
        }
        let removed = self.write_with(&mut writer.connection, |transaction| {
            // Something may refer to it since.
            let still: HashSet<i64> = unreferenced(transaction)?.into_iter().collect();
            candidates.retain(|id| still.contains(id));
            let mut delete = transaction.prepare_cached("DELETE FROM objects WHERE id = ?1")?;
            for id in &candidates {
                delete.execute([id])?;
            }
            Ok(candidates.len() as u64)
        })?;
        Ok(Pruned { removed, finished })
    }
}

/// Finds all objects that nothing refers to.
fn unreferenced(connection: &Connection) -> rusqlite::Result<Vec<i64>> {
    let mut referenced: Vec<i64> = Vec::new();
    for sql in [
        "SELECT object FROM repository_objects",
        "SELECT object FROM trust_anchors WHERE object IS NOT NULL",
    ] {
        let mut statement = connection.prepare(sql)?;
        for id in statement.query_map([], |row| row.get(0))? {
            referenced.push(id?);
        }
    }
    referenced.sort_unstable();
    let mut statement = connection.prepare("SELECT id, sha256 FROM objects")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, ObjectHash(row.get(1)?))))?;
    let is_held = |id: &i64| referenced.binary_search(id).is_ok();
    let mut found: Vec<(i64, ObjectHash)> = rows
        .filter(|row| row.as_ref().map_or(true, |(id, _)| !is_held(id)))
        .collect::<rusqlite::Result<_>>()?;
    if !found.is_empty() {
        let kept = last_good(connection)?;
        found.retain(|(_, hash)| !kept.contains(hash));
    }
    Ok(found.into_iter().map(|(id, _)| id).collect())
}

fn last_good(connection: &Connection) -> rusqlite::Result<HashSet<ObjectHash>> {
    let mut kept = HashSet::new();
    let mut statement = connection.prepare("SELECT objects, manifest FROM points")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        kept.extend(hashes(&row.get::<_, Vec<u8>>(0)?));
        kept.insert(ObjectHash(row.get(1)?));
    }
    Ok(kept)
}
