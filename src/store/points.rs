//! The state that validation carries on: last good publication points, announced keys.

use std::sync::Arc;

use rusqlite::{Row, Transaction, params};

use super::db::{Store, bump_generation};
use super::error::StoreError;
use super::schema;
use crate::model::{ObjectHash, PointId, Timestamp};
use crate::validate::{LastGood, ManifestRef, NextKey, State};

impl Store {
    /// Reads the last good state of every point, and since when keys are announced.
    pub fn load_state(&self) -> Result<State, StoreError> {
        let connection = schema::open_reader(self.path())?;
        let read = || -> rusqlite::Result<State> {
            let mut statement = connection.prepare("SELECT * FROM points")?;
            let points = statement.query_map([], read_point)?.collect::<Result<_, _>>()?;
            let mut statement = connection.prepare("SELECT * FROM next_keys")?;
            let next_keys = statement.query_map([], read_next_key)?.collect::<Result<_, _>>()?;
            Ok(State { points, next_keys })
        };
        read().map_err(|error| self.error(&error))
    }

    /// Writes what differs between `before`, which the cache holds, and `after`.
    pub fn save_state(&self, before: &State, after: &State) -> Result<(), StoreError> {
        self.write(|transaction| {
            write_state(transaction, before, after)?;
            Ok(bump_generation(transaction)?)
        })
    }
}

pub(super) fn write_state(
    transaction: &Transaction<'_>,
    before: &State,
    after: &State,
) -> rusqlite::Result<()> {
    let gone = before.points.keys().filter(|id| !after.points.contains_key(id));
    let changed = after.points.iter().filter(|(id, last)| before.points.get(id) != Some(last));
    let mut delete = transaction.prepare_cached("DELETE FROM points WHERE id = ?1")?;
    for id in gone {
        delete.execute([id.0])?;
    }
    let mut write =
        transaction.prepare_cached("REPLACE INTO points VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
    for (id, last) in changed {
        let manifest = &last.manifest;
        write.execute(params![
            id.0,
            manifest.hash.0,
            manifest.number,
            manifest.this_update.0,
            manifest.next_update.0,
            last.manifest_uri.as_str(),
            last.objects.iter().flat_map(|hash| hash.0).collect::<Vec<u8>>(),
        ])?;
    }
    if before.next_keys != after.next_keys {
        transaction.execute("DELETE FROM next_keys", [])?;
        for (name, next) in &after.next_keys {
            let row = params![name, next.key.0, next.first_seen.0];
            transaction.execute("INSERT INTO next_keys VALUES (?1, ?2, ?3)", row)?;
        }
    }
    Ok(())
}

fn read_next_key(row: &Row<'_>) -> rusqlite::Result<(String, NextKey)> {
    let key = ObjectHash(row.get("key")?);
    let first_seen = Timestamp(row.get("first_seen")?);
    Ok((row.get("trust_anchor")?, NextKey { key, first_seen }))
}

fn read_point(row: &Row<'_>) -> rusqlite::Result<(PointId, Arc<LastGood>)> {
    let manifest = ManifestRef {
        hash: ObjectHash(row.get("manifest")?),
        number: row.get("number")?,
        this_update: Timestamp(row.get("this_update")?),
        next_update: Timestamp(row.get("next_update")?),
    };
    let manifest_uri = schema::read_uri(row, "manifest_uri")?;
    let objects = hashes(&row.get::<_, Vec<u8>>("objects")?).collect();
    Ok((PointId(row.get("id")?), Arc::new(LastGood { manifest, manifest_uri, objects })))
}

/// Takes a column of hashes apart.
pub(super) fn hashes(column: &[u8]) -> impl Iterator<Item = ObjectHash> {
    column.chunks_exact(32).filter_map(ObjectHash::from_slice)
}
