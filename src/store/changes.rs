//! The log of directories in which something has changed, so that work can grow with it.

use std::collections::BTreeSet;

use rusqlite::{Connection, Transaction, params};

use crate::model::RepositoryId;
use crate::validate::{ChangedDirectories, Changes};

/// Notes that something changes in `directories` of the repository in `row`.
///
/// The number is above that of every view that does not show the change.
pub(super) fn note(
    transaction: &Transaction<'_>,
    row: i64,
    directories: &BTreeSet<&str>,
) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare_cached(
        "INSERT INTO changes (repository, directory, generation)
         SELECT uri, ?2, (SELECT generation + 1 FROM meta) FROM repositories WHERE id = ?1
         ON CONFLICT (repository, directory) DO UPDATE SET generation = excluded.generation",
    )?;
    for directory in directories {
        statement.execute(params![row, directory])?;
    }
    Ok(())
}

/// Notes that everything changes in a repository.
pub(super) fn note_all(
    transaction: &Transaction<'_>,
    repository: &RepositoryId,
) -> rusqlite::Result<()> {
    transaction.execute("DELETE FROM changes WHERE repository = ?1", [repository.as_str()])?;
    transaction.execute(
        "INSERT INTO changes SELECT ?1, '', generation + 1 FROM meta",
        [repository.as_str()],
    )?;
    Ok(())
}

/// Forgets the changes up to `generation`: nobody asks for them any more.
pub(super) fn forget(transaction: &Transaction<'_>, generation: i64) -> rusqlite::Result<()> {
    transaction.execute("DELETE FROM changes WHERE generation <= ?1", [generation])?;
    transaction.execute("UPDATE meta SET changes_after = max(changes_after, ?1)", [generation])?;
    Ok(())
}

/// Returns what has changed after `generation`.
pub(super) fn since(connection: &Connection, generation: i64) -> rusqlite::Result<Changes> {
    let known: i64 =
        connection.query_row("SELECT changes_after FROM meta", [], |row| row.get(0))?;
    if generation < known {
        return Ok(Changes::Everything);
    }
    let mut statement = connection.prepare_cached(
        "SELECT repository, directory FROM changes WHERE generation > ?1 ORDER BY repository",
    )?;
    let mut rows = statement.query([generation])?;
    let mut changed = ChangedDirectories::default();
    let mut last: Option<(String, RepositoryId)> = None;
    while let Some(row) = rows.next()? {
        let (uri, directory): (String, String) = (row.get(0)?, row.get(1)?);
        if last.as_ref().is_none_or(|(known, _)| *known != uri) {
            let Ok(id) = uri.parse() else { return Ok(Changes::Everything) };
            last = Some((uri, id));
        }
        let Some((_, id)) = &last else { continue };
        match directory.parse() {
            Ok(directory) => changed.add(id, directory),
            // The empty one stands for all.
            Err(_) => changed.add_repository(id.clone()),
        }
    }
    Ok(Changes::Directories(changed))
}
