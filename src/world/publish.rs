//! The directory of published worlds: one file for each, and `CURRENT`, which names the newest.
//!
//! Every file is complete and on the disk before a name leads to it, so that a kill at any
//! instant leaves the old world or the new one (THREATS L01). Only the worker writes here; it
//! holds the lock on the data directory.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{World, WorldError, format};
use crate::model::{ObjectHash, WorldId};

/// How many worlds are kept: the current one, and two to fall back on if the disk loses it.
const KEPT_WORLDS: usize = 3;
const CURRENT: &str = "CURRENT";
const SUFFIX: &str = ".world";

/// Writes a world and makes it the current one; returns its digest.
///
/// # Errors
///
/// After an error the old world is still the current one.
pub fn publish(dir: &Path, world: &World) -> Result<ObjectHash, WorldError> {
    let file = format::encode(world)?;
    fs::create_dir_all(dir).map_err(|source| io_error(dir, source))?;
    let name = file_name(world.id);
    replace(dir, &name, &file.bytes)?;
    replace(dir, CURRENT, format!("{name} {}\n", file.digest).as_bytes())?;
    // What cannot be removed now is removed next time; the world is published either way.
    if let Err(error) = remove_old(dir, world.id) {
        tracing::warn!(%error, "cannot remove an old world");
    }
    Ok(file.digest)
}

/// Returns the number of the world to publish next, from the names in the directory alone.
///
/// # Errors
///
/// The directory exists and cannot be listed.
pub fn next_id(dir: &Path) -> Result<WorldId, WorldError> {
    let on_disk = ids(dir)?.into_iter().max();
    let current = read_current(dir).ok().flatten().map(|current| current.id);
    let last = on_disk.max(current).map_or(0, |id| id.0);
    Ok(WorldId(last.saturating_add(1)))
}

/// Loads the current world; `None` if none was ever published.
///
/// Where the disk lost it, the newest world before it is loaded, and a warning logged.
///
/// # Errors
///
/// No kept world can be read, or a newer program wrote the current one.
pub fn load_current(dir: &Path) -> Result<Option<World>, WorldError> {
    let Some(current) = read_current(dir)? else {
        return Ok(None);
    };
    let error = match load(dir, &current) {
        Ok(world) => return Ok(Some(world)),
        Err(error) if error.is_newer() => return Err(error),
        Err(error) => error,
    };
    let mut older = ids(dir)?;
    older.retain(|id| *id < current.id);
    older.sort_unstable();
    for id in older.into_iter().rev() {
        if let Ok((world, _)) = load_file(&dir.join(file_name(id))) {
            tracing::warn!(%error, world = id.0, "current world is lost, using an older one");
            return Ok(Some(world));
        }
    }
    Err(error)
}

/// What `CURRENT` says.
struct Current {
    id: WorldId,
    digest: ObjectHash,
}

fn read_current(dir: &Path) -> Result<Option<Current>, WorldError> {
    let path = dir.join(CURRENT);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(io_error(&path, source)),
    };
    let current = parse_current(&text);
    current.map(Some).ok_or_else(|| WorldError::File { path, source: WorldError::Current.into() })
}

fn parse_current(text: &[u8]) -> Option<Current> {
    let (name, digest) = std::str::from_utf8(text).ok()?.trim_end().split_once(' ')?;
    Some(Current { id: id_of(name)?, digest: digest.parse().ok()? })
}

/// Returns what `CURRENT` holds, unread: it changes exactly when another world is published.
pub(super) fn current_mark(dir: &Path) -> Option<Vec<u8>> {
    fs::read(dir.join(CURRENT)).ok()
}

fn load(dir: &Path, current: &Current) -> Result<World, WorldError> {
    let path = dir.join(file_name(current.id));
    let (world, digest) = load_file(&path)?;
    if digest != current.digest || world.id != current.id {
        return Err(WorldError::File { path, source: WorldError::Digest.into() });
    }
    Ok(world)
}

fn load_file(path: &Path) -> Result<(World, ObjectHash), WorldError> {
    let bytes = fs::read(path).map_err(|source| io_error(path, source))?;
    format::decode(&bytes)
        .map_err(|error| WorldError::File { path: path.to_owned(), source: error.into() })
}

fn file_name(id: WorldId) -> String {
    format!("{:010}{SUFFIX}", id.0)
}

fn id_of(name: &str) -> Option<WorldId> {
    let digits = name.strip_suffix(SUFFIX)?;
    let id = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())??;
    (file_name(WorldId(id)) == name).then_some(WorldId(id))
}

/// Returns the numbers of the worlds in the directory, in no order.
fn ids(dir: &Path) -> Result<Vec<WorldId>, WorldError> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(io_error(dir, source)),
    };
    let mut ids = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|source| io_error(dir, source))?;
        ids.extend(entry.file_name().to_str().and_then(id_of));
    }
    Ok(ids)
}

fn remove_old(dir: &Path, current: WorldId) -> Result<(), WorldError> {
    let mut old = ids(dir)?;
    // A file above the current number was never published: its writer was killed in between.
    // It stays, for its number is taken.
    old.retain(|id| *id < current);
    old.sort_unstable();
    let surplus = old.len().saturating_sub(KEPT_WORLDS - 1);
    for id in old.into_iter().take(surplus) {
        let path = dir.join(file_name(id));
        fs::remove_file(&path).map_err(|source| io_error(&path, source))?;
    }
    Ok(())
}

/// Gives `name` in `dir` new content: all of it, on the disk, or none of it.
fn replace(dir: &Path, name: &str, content: &[u8]) -> Result<(), WorldError> {
    // One name for all, so that what a killed writer left is overwritten (THREATS L16).
    let temporary = dir.join("next.tmp");
    let write = || {
        let mut file = File::create(&temporary)?;
        file.write_all(content)?;
        file.sync_all()
    };
    write().map_err(|source| io_error(&temporary, source))?;
    let path = dir.join(name);
    fs::rename(&temporary, &path).map_err(|source| io_error(&path, source))?;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(|source| io_error(dir, source))
}

fn io_error(path: &Path, source: io::Error) -> WorldError {
    WorldError::Io { path: PathBuf::from(path), source }
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    fn world(id: u64) -> World {
        World { id: WorldId(id), ..fixture::world() }
    }

    fn current(dir: &Path) -> u64 {
        load_current(dir).unwrap().unwrap().id.0
    }

    fn names(dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_published_world_is_the_current_one() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("world");
        assert!(load_current(&dir).unwrap().is_none());
        assert_eq!(next_id(&dir).unwrap(), WorldId(1));
        publish(&dir, &world(1)).unwrap();
        assert_eq!(load_current(&dir).unwrap(), Some(world(1)));
        assert_eq!(next_id(&dir).unwrap(), WorldId(2));
        assert_eq!(names(&dir), ["0000000001.world", "CURRENT"]);
    }

    #[test]
    fn only_the_last_worlds_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        for id in 1..=5 {
            publish(dir.path(), &world(id)).unwrap();
        }
        let kept = ["0000000003.world", "0000000004.world", "0000000005.world", "CURRENT"];
        assert_eq!(names(dir.path()), kept);
    }

    /// L01: what a kill leaves at each step of the writing of world 2.
    #[test]
    fn l01_a_kill_at_any_step_leaves_the_old_world_or_the_new_one() {
        let file = format::encode(&world(2)).unwrap();
        let half = &file.bytes[..file.bytes.len() / 2];
        let steps: [(&str, &[u8], u64); 4] = [
            ("next.tmp", half, 1),
            ("next.tmp", &file.bytes, 1),
            ("0000000002.world", &file.bytes, 1),
            ("next.tmp", b"0000000002.world", 1),
        ];
        for (name, content, expected) in steps {
            let dir = tempfile::tempdir().unwrap();
            publish(dir.path(), &world(1)).unwrap();
            fs::write(dir.path().join(name), content).unwrap();
            assert_eq!(current(dir.path()), expected);
            // The next worker goes on, and its number is above all that was ever written.
            let next = next_id(dir.path()).unwrap();
            assert_eq!(next.0, if name.starts_with('0') { 3 } else { 2 });
            publish(dir.path(), &world(next.0)).unwrap();
            assert_eq!(current(dir.path()), next.0);
            assert!(!names(dir.path()).iter().any(|name| name == "next.tmp"), "L16");
        }
    }

    #[test]
    fn a_lost_or_broken_current_world_falls_back_to_the_one_before() {
        let harms: [fn(&Path); 3] = [
            |path| fs::remove_file(path).unwrap(),
            |path| fs::write(path, &fs::read(path).unwrap()[..100]).unwrap(),
            // Sound, but not the one that CURRENT names (L06).
            |path| fs::copy(path.with_file_name("0000000001.world"), path).map(drop).unwrap(),
        ];
        for harm in harms {
            let dir = tempfile::tempdir().unwrap();
            for id in 1..=2 {
                publish(dir.path(), &world(id)).unwrap();
            }
            harm(&dir.path().join("0000000002.world"));
            assert_eq!(current(dir.path()), 1);
            assert_eq!(next_id(dir.path()).unwrap(), WorldId(3), "a number is used once");
        }
    }

    #[test]
    fn without_any_sound_world_the_error_names_the_file() {
        let dir = tempfile::tempdir().unwrap();
        publish(dir.path(), &world(1)).unwrap();
        fs::write(dir.path().join("0000000001.world"), b"PROVOST\n").unwrap();
        let error = load_current(dir.path()).unwrap_err();
        assert!(error.to_string().contains("0000000001.world"), "{error}");
        fs::write(dir.path().join("CURRENT"), b"../../etc/passwd 00").unwrap();
        let error = load_current(dir.path()).unwrap_err();
        assert!(error.to_string().contains("CURRENT"), "{error}");
    }

    #[test]
    fn l05_a_newer_world_is_refused_and_not_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        for id in 1..=2 {
            publish(dir.path(), &world(id)).unwrap();
        }
        let path = dir.path().join("0000000002.world");
        let mut bytes = fs::read(&path).unwrap();
        bytes[11] = 9;
        fs::write(&path, bytes).unwrap();
        assert!(load_current(dir.path()).unwrap_err().is_newer());
    }
}
