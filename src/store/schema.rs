//! The tables, the version, and how a connection is set up.

use std::path::Path;
use std::str::FromStr;

use rusqlite::config::DbConfig;
use rusqlite::types::Type;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, RowIndex};

use super::limits::BUSY_TIMEOUT;
use super::{StoreError, StoreErrorKind};
use crate::model::{Timestamp, UriError};
use crate::world::Purpose;

/// "Prvc": tells our cache from any other SQLite file.
const APPLICATION_ID: i64 = 0x5072_7663;

/// The version of the tables. An older cache is rebuilt, a newer one refused.
const VERSION: i64 = 4;

/// `meta.generation` counts commits that change what validation reads; two connections that see
/// the same number see the same objects. An object whose bytes were found damaged keeps its row
/// without bytes, so that absence stays provable.
///
/// No index leads from an object to the repositories that hold it: it would hold all URIs once more,
/// and only pruning asks, which looks at all of them anyway.
///
/// `changes` holds the generation in which something changed last in a directory (empty: in all of
/// the repository), complete for those after `meta.changes_after`. `memos` is what validation
/// remembers of each point, with what tells which of them something touches; `memory.basis` says by
/// which rules, `memory.generation`, in which generation the outcomes stand, `memory.standing`, what
/// they give together. `meta.nonce` and `memory.version` name what is remembered: the world that
/// was made of it bears that name.
const TABLES: &str = "
CREATE TABLE meta (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    purpose TEXT NOT NULL,
    generation INTEGER NOT NULL,
    changes_after INTEGER NOT NULL DEFAULT 0,
    nonce TEXT NOT NULL DEFAULT (hex(randomblob(16)))
) STRICT;
CREATE TABLE objects (
    id INTEGER PRIMARY KEY,
    sha256 BLOB NOT NULL UNIQUE,
    bytes BLOB
) STRICT;
CREATE TABLE repositories (
    id INTEGER PRIMARY KEY,
    uri TEXT NOT NULL UNIQUE,
    revision INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL DEFAULT 'pending',
    last_success INTEGER,
    last_attempt INTEGER,
    duration_ms INTEGER,
    error TEXT,
    failures INTEGER NOT NULL DEFAULT 0,
    failing_since INTEGER,
    next_attempt INTEGER,
    objects INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    session TEXT,
    serial INTEGER,
    snapshot_sha256 BLOB,
    deltas BLOB,
    etag TEXT,
    last_modified TEXT,
    refetch INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE repository_objects (
    repository INTEGER NOT NULL,
    uri TEXT NOT NULL,
    object INTEGER NOT NULL,
    PRIMARY KEY (repository, uri)
) STRICT, WITHOUT ROWID;
CREATE TABLE trust_anchors (
    name TEXT PRIMARY KEY,
    uri TEXT,
    object INTEGER,
    last_success INTEGER,
    last_attempt INTEGER,
    error TEXT
) STRICT;
CREATE TABLE points (
    id BLOB PRIMARY KEY,
    manifest BLOB NOT NULL,
    number BLOB NOT NULL,
    this_update INTEGER NOT NULL,
    next_update INTEGER NOT NULL,
    manifest_uri TEXT NOT NULL,
    objects BLOB NOT NULL
) STRICT;
CREATE TABLE next_keys (
    trust_anchor TEXT PRIMARY KEY,
    key BLOB NOT NULL,
    first_seen INTEGER NOT NULL
) STRICT;
CREATE TABLE changes (
    repository TEXT NOT NULL,
    directory TEXT NOT NULL,
    generation INTEGER NOT NULL,
    PRIMARY KEY (repository, directory)
) STRICT, WITHOUT ROWID;
CREATE INDEX changes_by_generation ON changes (generation);
CREATE TABLE memory (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    basis BLOB NOT NULL,
    generation INTEGER,
    version INTEGER NOT NULL,
    standing BLOB
) STRICT;
CREATE TABLE memos (
    id BLOB PRIMARY KEY,
    parent BLOB,
    directory TEXT NOT NULL,
    until INTEGER NOT NULL,
    settled INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    memo BLOB NOT NULL
) STRICT;
CREATE INDEX memos_by_directory ON memos (directory);
CREATE INDEX memos_by_until ON memos (until);
CREATE INDEX memos_unsettled ON memos (id) WHERE settled = 0;
";

/// Opens a connection that may write, and makes the file if there is none.
pub(super) fn open_writer(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let setup = || {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        // Takes effect only in an empty file; WAL must come after it.
        connection.pragma_update(None, "page_size", 16_384)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.pragma_update(None, "trusted_schema", false)?;
        keep_to_directory(&connection)?;
        keep_plans(&connection)?;
        connection.set_prepared_statement_cache_capacity(32);
        Ok(connection)
    };
    setup().map_err(|error: rusqlite::Error| StoreError::sqlite(path, &error))
}

/// Opens a connection that only reads.
pub(super) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let setup = || {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "trusted_schema", false)?;
        keep_to_directory(&connection)?;
        keep_plans(&connection)?;
        Ok(connection)
    };
    setup().map_err(|error: rusqlite::Error| StoreError::sqlite(path, &error))
}

/// Keeps in memory what a statement must be able to take back.
///
/// Once that spans a few pages, SQLite would put it into a file where the system has such files, which
/// the sandbox of the worker refuses. It is no more than the pages that one statement touches.
fn keep_to_directory(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "temp_store", "MEMORY")
}

/// Lets a prepared statement keep its plan whatever is bound to it.
///
/// Otherwise SQLite parses it again at each new value, which took a tenth of a cold run.
fn keep_plans(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
}

/// What a file turned out to be.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Found {
    /// No tables at all.
    Empty,
    /// A cache of this version.
    Cache(Purpose),
    /// A cache of an earlier version: to be rebuilt.
    Older,
}

/// Tells what the open file is.
pub(super) fn identify(connection: &Connection, path: &Path) -> Result<Found, StoreError> {
    let sqlite = |error: rusqlite::Error| StoreError::sqlite(path, &error);
    let number = |name: &str| {
        connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map_err(sqlite)
    };
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(sqlite)?;
    if tables == 0 {
        return Ok(Found::Empty);
    }
    let version = number("user_version")?;
    if number("application_id")? != APPLICATION_ID {
        return Err(StoreError::new(path, StoreErrorKind::Corrupt, "not a Provost cache"));
    }
    if version > VERSION {
        let detail = format!("made by a newer version (tables {version}, known {VERSION})");
        return Err(StoreError::new(path, StoreErrorKind::Newer, detail));
    }
    if version < VERSION {
        return Ok(Found::Older);
    }
    let text: Option<String> = connection
        .query_row("SELECT purpose FROM meta", [], |row| row.get(0))
        .optional()
        .map_err(sqlite)?;
    let purpose = text.as_deref().and_then(read_purpose);
    purpose
        .map(Found::Cache)
        .ok_or_else(|| StoreError::new(path, StoreErrorKind::Corrupt, "no purpose recorded"))
}

/// Makes the tables, in one transaction.
pub(super) fn create(
    connection: &mut Connection,
    path: &Path,
    purpose: Purpose,
) -> Result<(), StoreError> {
    let mut make = || {
        let transaction = connection.transaction()?;
        transaction.execute_batch(TABLES)?;
        transaction.execute(
            "INSERT INTO meta (only, purpose, generation) VALUES (1, ?1, 0)",
            [write_purpose(purpose)],
        )?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
        transaction.commit()
    };
    make().map_err(|error| StoreError::sqlite(path, &error))
}

/// Checks the structure of the whole file.
pub(super) fn check(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let answer: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|error| StoreError::sqlite(path, &error))?;
    if answer == "ok" {
        Ok(())
    } else {
        Err(StoreError::new(path, StoreErrorKind::Corrupt, answer))
    }
}

/// Reads a column that holds a URI.
pub(super) fn read_uri<T: FromStr<Err = UriError>>(
    row: &Row<'_>,
    column: impl RowIndex,
) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    text.parse()
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(error)))
}

fn write_purpose(purpose: Purpose) -> String {
    match purpose {
        Purpose::Live => "live".to_owned(),
        Purpose::Lab => "lab".to_owned(),
        Purpose::Archive { at } => format!("archive {}", at.0),
    }
}

fn read_purpose(text: &str) -> Option<Purpose> {
    match text {
        "live" => Some(Purpose::Live),
        "lab" => Some(Purpose::Lab),
        _ => {
            let at = text.strip_prefix("archive ")?.parse().ok()?;
            Some(Purpose::Archive { at: Timestamp(at) })
        }
    }
}

/// Names a purpose for people.
pub(super) fn describe(purpose: Purpose) -> String {
    match purpose {
        Purpose::Live => "the live RPKI".to_owned(),
        Purpose::Lab => "a lab".to_owned(),
        Purpose::Archive { at } => format!("an archive of {at}"),
    }
}
