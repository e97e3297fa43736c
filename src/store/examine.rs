//! A look at every row of the cache: whether all of it is what was written. Changes nothing.

use std::collections::HashSet;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::db::Store;
use super::error::{StoreError, StoreErrorKind};
use super::points::hashes;
use super::schema::{self, Found};
use crate::model::{ObjectHash, Timestamp};
use crate::world::Purpose;

/// How many of SQLite's complaints are listed.
const COMPLAINTS: u32 = 20;

/// What a look at every row found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Examination {
    /// What the cache is for.
    pub purpose: Purpose,
    /// What SQLite says is wrong with the file; empty if nothing is.
    pub structure: Vec<String>,
    /// How many rows refer to rows that are not there.
    pub dangling: u64,
    /// How many repositories are known.
    pub repositories: u64,
    /// How many objects there are.
    pub objects: u64,
    /// How many bytes they have.
    pub bytes: u64,
    /// How many of them do not fit their hash.
    pub damaged: u64,
    /// How many were found damaged before, and wait to be fetched again.
    pub awaited: u64,
    /// How many nothing refers to.
    pub unreferenced: u64,
    /// How many points have a last good state.
    pub points: u64,
    /// For how many of these an object is missing.
    pub incomplete: u64,
    /// How many memos do not fit their checksum.
    pub damaged_memos: u64,
    /// The latest time at which something was fetched.
    pub latest: Option<Timestamp>,
}

impl Store {
    /// Looks at every row of the cache at `path`, without its lock: the writer may be at work.
    ///
    /// Errors: `Io` where it cannot be read, which says nothing about what is in it; `Corrupt`
    /// where it is not a cache, or so damaged that it cannot be gone through; `Newer`.
    pub fn examine(path: &Path) -> Result<Examination, StoreError> {
        let connection = open(path)?;
        let purpose = match schema::identify(&connection, path)? {
            Found::Cache(purpose) => purpose,
            Found::Empty => {
                return Err(StoreError::new(path, StoreErrorKind::Corrupt, "the file is empty"));
            }
            Found::Older => {
                let detail = "made by an older version; the next sync rebuilds it";
                return Err(StoreError::new(path, StoreErrorKind::Corrupt, detail));
            }
        };
        look(&connection, purpose).map_err(|error| StoreError::sqlite(path, &error))
    }
}

/// Opens the cache for reading, also where the directory is read-only and nobody writes.
fn open(path: &Path) -> Result<Connection, StoreError> {
    let usual = schema::open_reader(path)?;
    let probe = usual.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()));
    let Err(error) = probe.map_err(|error| StoreError::sqlite(path, &error)) else {
        return Ok(usual);
    };
    let log = path.with_extension("sqlite-wal");
    let is_clean = std::fs::metadata(log).map_or(true, |log| log.len() == 0);
    if error.kind != StoreErrorKind::Io || !is_clean {
        return Err(error);
    }
    // SQLite wants to write a file beside the log; without a log there is no need for it.
    let text = path.to_string_lossy();
    let escaped = text.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags(format!("file:{escaped}?immutable=1"), flags)
        .map_err(|error| StoreError::sqlite(path, &error))
}

fn look(connection: &Connection, purpose: Purpose) -> rusqlite::Result<Examination> {
    connection.execute_batch("BEGIN")?;
    let count = |sql: &str| -> rusqlite::Result<u64> {
        let count: i64 = connection.query_row(sql, [], |row| row.get(0))?;
        Ok(u64::try_from(count).unwrap_or(0))
    };
    let mut found = Examination {
        purpose,
        structure: structure(connection)?,
        dangling: 0,
        repositories: count("SELECT count(*) FROM repositories")?,
        objects: 0,
        bytes: 0,
        damaged: 0,
        awaited: count("SELECT count(*) FROM objects WHERE bytes IS NULL")?,
        unreferenced: 0,
        points: 0,
        incomplete: 0,
        damaged_memos: 0,
        latest: None,
    };
    if !found.structure.is_empty() {
        // What follows would only say the same again, row by row.
        return Ok(found);
    }
    found.dangling = count("SELECT count(*) FROM pragma_foreign_key_check")?;
    let latest = "SELECT max(t) FROM (SELECT max(last_attempt) t FROM repositories
         UNION ALL SELECT max(last_attempt) FROM trust_anchors)";
    found.latest =
        connection.query_row(latest, [], |row| row.get::<_, Option<i64>>(0))?.map(Timestamp);
    let kept = objects(connection, &mut found)?;
    points(connection, &kept, &mut found)?;
    let mut memos = connection.prepare("SELECT sha256, memo FROM memos")?;
    let mut rows = memos.query([])?;
    while let Some(row) = rows.next()? {
        let (hash, memo): ([u8; 32], Vec<u8>) = (row.get(0)?, row.get(1)?);
        found.damaged_memos += u64::from(ObjectHash::of(&memo) != ObjectHash(hash));
    }
    Ok(found)
}

fn structure(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(&format!("PRAGMA integrity_check({COMPLAINTS})"))?;
    let answers: rusqlite::Result<Vec<String>> =
        statement.query_map([], |row| row.get(0))?.collect();
    Ok(answers?.into_iter().filter(|answer| answer != "ok").collect())
}

/// Verifies each object, and returns the hashes of the good ones.
fn objects(
    connection: &Connection,
    found: &mut Examination,
) -> rusqlite::Result<HashSet<ObjectHash>> {
    let mut good = HashSet::new();
    let mut statement = connection.prepare("SELECT sha256, bytes FROM objects")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (hash, bytes): ([u8; 32], Option<Vec<u8>>) = (row.get(0)?, row.get(1)?);
        found.objects += 1;
        let Some(bytes) = bytes else { continue };
        found.bytes += bytes.len() as u64;
        if ObjectHash::of(&bytes) == ObjectHash(hash) {
            good.insert(ObjectHash(hash));
        } else {
            found.damaged += 1;
        }
    }
    Ok(good)
}

/// Looks whether each last good state is whole, and counts the objects that nothing refers to.
fn points(
    connection: &Connection,
    good: &HashSet<ObjectHash>,
    found: &mut Examination,
) -> rusqlite::Result<()> {
    let mut kept = HashSet::new();
    let mut statement = connection.prepare("SELECT objects, manifest FROM points")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let mut all: Vec<ObjectHash> = hashes(&row.get::<_, Vec<u8>>(0)?).collect();
        all.push(ObjectHash(row.get(1)?));
        found.points += 1;
        found.incomplete += u64::from(!all.iter().all(|hash| good.contains(hash)));
        kept.extend(all);
    }
    let mut statement = connection.prepare(
        "SELECT sha256 FROM objects WHERE id NOT IN
             (SELECT object FROM repository_objects UNION
              SELECT object FROM trust_anchors WHERE object IS NOT NULL)",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        found.unreferenced += u64::from(!kept.contains(&ObjectHash(row.get(0)?)));
    }
    Ok(())
}
