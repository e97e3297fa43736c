//! The URI map of a repository: look-ups, and the difference that a change makes.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::changes;
use super::db::{Store, WriteError};
use super::error::StoreError;
use super::limits::MAP_BATCH;
use super::repositories::Attempt;
use super::schema;
use crate::model::{ObjectHash, ObjectUri};

/// A change of a repository's URI map.
#[derive(Clone, Debug)]
pub enum MapChange {
    /// None.
    Unchanged,
    /// This is all that the repository holds now.
    Replace(BTreeMap<ObjectUri, ObjectHash>),
    /// These were published or, with `None`, withdrawn.
    Apply(BTreeMap<ObjectUri, Option<ObjectHash>>),
}

impl Store {
    /// Opens the URI map of a repository for many look-ups.
    pub fn open_map(&self, attempt: &Attempt) -> Result<UriMap, StoreError> {
        let connection = schema::open_reader(self.path())?;
        Ok(UriMap { store: self.clone(), connection, row: attempt.row() })
    }
}

/// The URI map of one repository, open for reading.
#[derive(Debug)]
pub struct UriMap {
    store: Store,
    connection: Connection,
    row: i64,
}

impl UriMap {
    /// Returns the hash of what the repository holds at `uri`.
    pub fn get(&self, uri: &ObjectUri) -> Result<Option<ObjectHash>, StoreError> {
        lookup(&self.connection, self.row, uri).map_err(|error| self.store.error(&error))
    }

    /// Returns what must be written (`Some`) and removed (`None`) to make `change`.
    pub(super) fn difference<'a>(
        &self,
        change: &'a MapChange,
    ) -> Result<Difference<'a>, StoreError> {
        let new = match change {
            MapChange::Unchanged => return Ok(Difference::default()),
            MapChange::Apply(changes) => {
                let (mut write, mut remove) = (Vec::new(), Vec::new());
                for (uri, hash) in changes {
                    match hash {
                        Some(hash) => write.push((uri.as_str(), hash)),
                        None => remove.push(uri.to_string()),
                    }
                }
                return Ok(Difference { write, remove });
            }
            MapChange::Replace(new) => new,
        };
        self.compare(new).map_err(|error| self.store.error(&error))
    }

    /// Walks old and new map side by side; both are in byte order of the URI.
    fn compare<'a>(
        &self,
        new: &'a BTreeMap<ObjectUri, ObjectHash>,
    ) -> rusqlite::Result<Difference<'a>> {
        let mut difference = Difference::default();
        let mut statement = self.connection.prepare(
            "SELECT uri, sha256 FROM repository_objects JOIN objects ON objects.id = object
             WHERE repository = ?1 ORDER BY uri",
        )?;
        let mut old = statement.query([self.row])?;
        let mut new = new.iter().peekable();
        while let Some(row) = old.next()? {
            let (uri, hash): (String, [u8; 32]) = (row.get(0)?, row.get(1)?);
            while let Some((uri, hash)) = new.next_if(|(next, _)| next.as_str() < uri.as_str()) {
                difference.write.push((uri.as_str(), hash));
            }
            match new.next_if(|(next, _)| next.as_str() == uri) {
                Some((_, same)) if same.0 == hash => {}
                Some((uri, hash)) => difference.write.push((uri.as_str(), hash)),
                None => difference.remove.push(uri),
            }
        }
        difference.write.extend(new.map(|(uri, hash)| (uri.as_str(), hash)));
        Ok(difference)
    }
}

/// What a change writes and removes.
#[derive(Debug, Default)]
pub(super) struct Difference<'a> {
    pub(super) write: Vec<(&'a str, &'a ObjectHash)>,
    pub(super) remove: Vec<String>,
}

impl<'a> Difference<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.write.is_empty() && self.remove.is_empty()
    }

    /// Takes a piece of what is written, or `None` if the rest is small enough for one transaction.
    pub(super) fn split_piece(&mut self) -> Option<Difference<'a>> {
        let rest = self.write.len().checked_sub(MAP_BATCH).filter(|rest| *rest > 0)?;
        Some(Difference { write: self.write.split_off(rest), remove: Vec::new() })
    }
}

pub(super) fn lookup(
    connection: &Connection,
    row: i64,
    uri: &ObjectUri,
) -> rusqlite::Result<Option<ObjectHash>> {
    connection
        .prepare_cached(
            "SELECT sha256 FROM repository_objects JOIN objects ON objects.id = object
             WHERE repository = ?1 AND uri = ?2",
        )?
        .query_row(params![row, uri.as_str()], |row| row.get(0).map(ObjectHash))
        .optional()
}

/// How many other files may lie between those that are looked up in a directory, for each of them.
const STRANGERS: usize = 4;

/// A file that was found: its hash, and its bytes if there was room for them, not yet verified.
pub(super) type Unverified = (ObjectHash, Option<Vec<u8>>);

/// Looks up many files of one directory, in byte order of their URIs; answers in that order.
///
/// One pass over the directory, as nearly all manifests list all that is there; where strangers
/// are in the way, the rest is looked up one by one. At most `room` bytes come along.
pub(super) fn lookup_sorted(
    connection: &Connection,
    row: i64,
    uris: &[&ObjectUri],
    mut room: usize,
) -> rusqlite::Result<Vec<Option<Unverified>>> {
    let mut found = Vec::with_capacity(uris.len());
    let (Some(first), Some(last)) = (uris.first(), uris.last()) else { return Ok(found) };
    let mut statement = connection.prepare_cached(match room {
        0 => {
            "SELECT uri, sha256, NULL FROM repository_objects JOIN objects ON objects.id = object
             WHERE repository = ?1 AND uri BETWEEN ?2 AND ?3 ORDER BY uri"
        }
        _ => {
            "SELECT uri, sha256, bytes FROM repository_objects JOIN objects ON objects.id = object
             WHERE repository = ?1 AND uri BETWEEN ?2 AND ?3 ORDER BY uri"
        }
    })?;
    let mut rows = statement.query(params![row, first.as_str(), last.as_str()])?;
    let mut strangers = uris.len().saturating_mul(STRANGERS);
    let mut rest = uris.iter().peekable();
    while strangers > 0 && rest.peek().is_some() {
        let Some(row) = rows.next()? else {
            found.extend(rest.by_ref().map(|_| None));
            break;
        };
        let uri = row.get_ref(0)?.as_str()?;
        while rest.next_if(|next| next.as_str() < uri).is_some() {
            found.push(None);
        }
        if rest.next_if(|next| next.as_str() == uri).is_none() {
            strangers = strangers.saturating_sub(1);
            continue;
        }
        let bytes = row.get_ref(2)?.as_blob_or_null()?.filter(|bytes| bytes.len() <= room);
        room = room.saturating_sub(bytes.map_or(0, <[u8]>::len));
        found.push(Some((ObjectHash(row.get(1)?), bytes.map(<[u8]>::to_vec))));
    }
    for uri in rest {
        found.push(lookup(connection, row, uri)?.map(|hash| (hash, None)));
    }
    Ok(found)
}

/// Makes a difference that [`UriMap::difference`] found.
pub(super) fn apply(
    transaction: &Transaction<'_>,
    row: i64,
    difference: &Difference<'_>,
) -> Result<(), WriteError> {
    let mut remove = transaction
        .prepare_cached("DELETE FROM repository_objects WHERE repository = ?1 AND uri = ?2")?;
    for uri in &difference.remove {
        remove.execute(params![row, uri])?;
    }
    let mut write = transaction.prepare_cached(
        "INSERT INTO repository_objects (repository, uri, object)
         SELECT ?1, ?2, id FROM objects WHERE sha256 = ?3
         ON CONFLICT (repository, uri) DO UPDATE SET object = excluded.object",
    )?;
    for (uri, hash) in &difference.write {
        // No row means that the object was dropped as damaged in between: begin again.
        if write.execute(params![row, uri, hash.0])? != 1 {
            return Err(WriteError::Superseded);
        }
    }
    let uris = difference.write.iter().map(|(uri, _)| *uri);
    let uris = uris.chain(difference.remove.iter().map(String::as_str));
    changes::note(transaction, row, &uris.map(directory).collect::<BTreeSet<_>>())?;
    transaction.execute(
        "UPDATE repositories SET objects =
             (SELECT count(*) FROM repository_objects WHERE repository = ?1)
         WHERE id = ?1",
        [row],
    )?;
    Ok(())
}

/// Returns the directory of a URI, with its final slash.
fn directory(uri: &str) -> &str {
    let end = uri.rfind('/').map_or(0, |slash| slash.saturating_add(1));
    uri.get(..end).unwrap_or_default()
}
