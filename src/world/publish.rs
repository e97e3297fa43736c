//! The directory of published worlds: base files, each with a log of what came after it, and
//! `CURRENT`, which names the newest world.
//!
//! Every byte is complete and on the disk before `CURRENT` leads to it, so that a kill at any
//! instant leaves the old world or the new one (THREATS L01). What lies in a log behind the length
//! that `CURRENT` gives was never published, and is overwritten. Only the worker writes here; it
//! holds the lock on the data directory.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::delta::Delta;
use super::limits::{LOG_ALLOWANCE, LOG_SHARE};
use super::log::{self, Record};
use super::patch::Patch;
use super::{Head, World, WorldError, format};
use crate::model::{ObjectHash, WorldId};

/// How many bases are kept: the current one, and one to fall back on if the disk loses it.
const KEPT_BASES: usize = 2;
const CURRENT: &str = "CURRENT";
const SUFFIX: &str = ".world";
const LOG_SUFFIX: &str = ".log";

/// Writes a world as a base file and makes it the current one; returns its digest.
///
/// # Errors
///
/// After an error the old world is still the current one.
pub fn publish(dir: &Path, world: &World) -> Result<ObjectHash, WorldError> {
    publish_base(dir, world, None)
}

/// Publishes a base; `way` is the record that leads to it in the log of the base before, where
/// there is one: whoever has the world before need not read the whole of the new base.
fn publish_base(dir: &Path, world: &World, way: Option<&[u8]>) -> Result<ObjectHash, WorldError> {
    fs::create_dir_all(dir).map_err(|source| io_error(dir, source))?;
    let digest = replace(dir, &file_name(world.id), |file| format::write(world, file))?;
    if let Some(current) = read_current(dir).ok().flatten() {
        let path = dir.join(log_name(current.base));
        // What a killed writer left behind the end would lead to another world of this number.
        if way.is_some() || fs::metadata(&path).is_ok_and(|log| log.len() > current.log) {
            write_log(&path, current.log, way.unwrap_or_default())?;
        }
    }
    let current = Current { id: world.id, base: world.id, log: 0, last: 0, digest };
    replace_current(dir, &current)?;
    // What cannot be removed now is removed next time; the world is published either way.
    if let Err(error) = remove_old(dir, world.id) {
        tracing::warn!(%error, "cannot remove an old world");
    }
    Ok(digest)
}

/// Makes the world after the current one the current one, by what differs; returns its digest.
///
/// Only as much is written as has changed, until the log has grown to a tenth of its base: then
/// the world that `next` returns is written as a base.
///
/// # Errors
///
/// After an error the old world is still the current one.
pub fn publish_next(
    dir: &Path,
    delta: &Delta,
    next: impl FnOnce() -> Result<Arc<World>, WorldError>,
) -> Result<ObjectHash, WorldError> {
    match append(dir, delta)? {
        Appended::Published(digest) => Ok(digest),
        Appended::BaseIsDue(way) => publish_base(dir, &*next()?, way.as_deref()),
    }
}

/// What became of a delta.
enum Appended {
    Published(ObjectHash),
    /// A new base is due; the record goes before it if it is not large.
    BaseIsDue(Option<Vec<u8>>),
}

/// Appends a delta to the log, unless a new base is due.
fn append(dir: &Path, delta: &Delta) -> Result<Appended, WorldError> {
    let Some(current) = read_current(dir).ok().flatten() else {
        return Ok(Appended::BaseIsDue(None));
    };
    if delta.head.parent != Some(current.id) {
        return Ok(Appended::BaseIsDue(None));
    }
    let base_path = dir.join(file_name(current.base));
    let Ok(base) = fs::metadata(&base_path) else { return Ok(Appended::BaseIsDue(None)) };
    let (record, digest) = log::encode(&current.digest, delta)?;
    let mut addition = match current.log {
        0 => log::header(&current.digest),
        _ => Vec::new(),
    };
    let last = current.log + addition.len() as u64;
    addition.extend_from_slice(&record);
    let length = current.log + addition.len() as u64;
    let most = (base.len() / LOG_SHARE).max(LOG_ALLOWANCE);
    if length > most {
        let is_small = addition.len() as u64 <= most;
        return Ok(Appended::BaseIsDue(is_small.then_some(addition)));
    }
    write_log(&dir.join(log_name(current.base)), current.log, &addition)?;
    let current = Current { id: delta.head.id, log: length, last, digest, ..current };
    replace_current(dir, &current)?;
    Ok(Appended::Published(digest))
}

/// Puts `addition` behind what is published of a log, in the place of what a killed writer left.
fn write_log(path: &Path, published: u64, addition: &[u8]) -> Result<(), WorldError> {
    let write = || {
        let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
        file.set_len(published)?;
        file.seek(SeekFrom::Start(published))?;
        file.write_all(addition)?;
        file.sync_all()
    };
    write().map_err(|source| io_error(path, source))
}

/// Returns the number of the world to publish next, from the names in the directory alone.
///
/// # Errors
///
/// The directory exists and cannot be listed.
pub fn next_id(dir: &Path) -> Result<WorldId, WorldError> {
    let on_disk = ids(dir)?.into_iter().max();
    let current = match read_current(dir) {
        Ok(current) => current.map(|current| current.id),
        // Without it, the log says how far the numbers went.
        Err(_) => on_disk.and_then(|base| load_base(dir, base, None).ok()).map(|found| found.0.id),
    };
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
    Ok(load(dir)?.map(|(world, _)| world))
}

/// Loads the head of the current world, and reads no more than it needs to; `None` if none was
/// ever published.
///
/// # Errors
///
/// The head cannot be read. The world may be readable all the same, or an older one.
pub fn load_head(dir: &Path) -> Result<Option<Head>, WorldError> {
    let Some(current) = read_current(dir)? else { return Ok(None) };
    let (path, head, digest);
    if current.log == 0 {
        path = dir.join(file_name(current.base));
        let mut file = File::open(&path).map_err(|source| io_error(&path, source))?;
        (head, digest) = format::read_head(&mut file).map_err(|error| in_file(&path, error))?;
    } else {
        path = dir.join(log_name(current.base));
        let bytes = read_log(&path, current.last, current.log)?;
        let record = Record::first(&bytes).map_err(|error| in_file(&path, error))?;
        (head, digest) = (record.head().map_err(|error| in_file(&path, error))?, record.digest);
    }
    if digest != current.digest || head.id != current.id {
        return Err(in_file(&path, WorldError::Digest));
    }
    Ok(Some(head))
}

/// A place in the log: up to where a world that is at hand has come.
#[derive(Clone, Debug)]
pub(super) struct Place {
    base: WorldId,
    offset: u64,
    digest: ObjectHash,
}

/// Loads the current world, and says which place in the log it has come to.
pub(super) fn load(dir: &Path) -> Result<Option<(World, Place)>, WorldError> {
    let Some(current) = read_current(dir)? else {
        return Ok(None);
    };
    let error = match load_base(dir, current.base, Some(&current)) {
        Ok((world, place)) if place.digest == current.digest && world.id == current.id => {
            return Ok(Some((world, place)));
        }
        Ok((world, place)) => {
            let error = in_file(&dir.join(log_name(current.base)), WorldError::Digest);
            if world.id < current.id {
                let id = world.id.0;
                tracing::warn!(%error, world = id, "current world is lost, using an older one");
                return Ok(Some((world, place)));
            }
            error
        }
        Err(error) if error.is_newer() => return Err(error),
        Err(error) => error,
    };
    let mut older = ids(dir)?;
    older.retain(|id| *id < current.base);
    older.sort_unstable();
    for id in older.into_iter().rev() {
        if let Ok((world, place)) = load_base(dir, id, None) {
            let id = world.id.0;
            tracing::warn!(%error, world = id, "current world is lost, using an older one");
            return Ok(Some((world, place)));
        }
    }
    Err(error)
}

/// Brings a world at hand, which has come to `place`, up to the current one; `None` if that takes
/// loading it whole.
pub(super) fn catch_up(dir: &Path, world: &World, place: &Place) -> Option<(World, Place)> {
    let current = read_current(dir).ok().flatten()?;
    let mut patch = Patch::new(world);
    let mut place = place.clone();
    if current.base != place.base {
        // The log of the base before leads to the new one.
        let log = read_log(&dir.join(log_name(place.base)), place.offset, u64::MAX).ok()?;
        if follow(&mut patch, &log, &place).ok()?.0 != Some(current.base) {
            return None;
        }
        let mut base = File::open(dir.join(file_name(current.base))).ok()?;
        let (_, digest) = format::read_head(&mut base).ok()?;
        place = Place { base: current.base, offset: 0, digest };
    }
    if current.log < place.offset {
        return None;
    }
    let log = read_log(&dir.join(log_name(current.base)), place.offset, current.log);
    let log = if current.log > place.offset { log.ok()? } else { Vec::new() };
    (_, place.digest) = follow(&mut patch, &log, &place).ok()?;
    place.offset = current.log;
    let world = patch.finish().ok()?;
    (place.digest == current.digest && world.id == current.id).then_some((world, place))
}

/// Notes every delta of a part of a log that begins at `place`; returns the number of the last
/// world, if there is one, and the digest.
fn follow(
    patch: &mut Patch<'_>,
    log: &[u8],
    place: &Place,
) -> Result<(Option<WorldId>, ObjectHash), WorldError> {
    let (mut last, mut digest) = (None, place.digest);
    let mut records = match place.offset {
        0 if !log.is_empty() => log::records(log, &digest)?,
        _ => log,
    };
    while !records.is_empty() {
        let record = Record::first(records)?;
        if record.previous != digest {
            return Err(WorldError::Digest);
        }
        let delta = record.delta()?;
        last = Some(delta.head.id);
        patch.add(delta)?;
        (records, digest) = (record.rest, record.digest);
    }
    Ok((last, digest))
}

/// What `CURRENT` says.
#[derive(Clone, Debug)]
struct Current {
    id: WorldId,
    /// The base file.
    base: WorldId,
    /// How much of the log is published, in octets.
    log: u64,
    /// Where its last record begins.
    last: u64,
    digest: ObjectHash,
}

impl std::fmt::Display for Current {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Current { id, base, log, last, digest } = self;
        writeln!(f, "world {id} base {base} log {log} last {last} digest {digest}")
    }
}

fn read_current(dir: &Path) -> Result<Option<Current>, WorldError> {
    let path = dir.join(CURRENT);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(io_error(&path, source)),
    };
    let current = parse_current(&text);
    current.map(Some).ok_or_else(|| in_file(&path, WorldError::Current))
}

fn parse_current(text: &[u8]) -> Option<Current> {
    let text = std::str::from_utf8(text).ok()?.trim_end();
    let mut words = text.split(' ');
    let mut value = |name: &str| words.next().filter(|word| *word == name).and(words.next());
    let current = Current {
        id: WorldId(value("world")?.parse().ok()?),
        base: WorldId(value("base")?.parse().ok()?),
        log: value("log")?.parse().ok()?,
        last: value("last")?.parse().ok()?,
        digest: value("digest")?.parse().ok()?,
    };
    words.next().is_none().then_some(current)
}

/// Returns what `CURRENT` holds, unread: it changes exactly when another world is published.
pub(super) fn current_mark(dir: &Path) -> Option<Vec<u8>> {
    fs::read(dir.join(CURRENT)).ok()
}

/// Reads the base number `id` and its log: as far as `current` says, else as far as it is sound.
fn load_base(
    dir: &Path,
    id: WorldId,
    current: Option<&Current>,
) -> Result<(World, Place), WorldError> {
    let path = dir.join(file_name(id));
    let (base, digest) = {
        let mut file = File::open(&path).map_err(|source| io_error(&path, source))?;
        format::read_world(&mut file).map_err(|error| in_file(&path, error))?
    };
    let mut place = Place { base: id, offset: 0, digest };
    let end = match current {
        Some(current) => current.log,
        None => u64::MAX,
    };
    let log_path = dir.join(log_name(id));
    let log = match read_log(&log_path, 0, end) {
        Ok(log) if end > 0 => log,
        _ => return Ok((base, place)),
    };
    let mut patch = Patch::new(&base);
    let Ok(mut records) = log::records(&log, &digest) else { return Ok((base, place)) };
    // Up to the first that is not sound: what is behind it stands on nothing.
    while let Ok(record) = Record::first(records) {
        let delta = record.delta().ok().filter(|_| record.previous == place.digest);
        if delta.is_none_or(|delta| patch.add(delta).is_err()) {
            break;
        }
        place.digest = record.digest;
        place.offset = (log.len() - record.rest.len()) as u64;
        records = record.rest;
    }
    let world = patch.finish().map_err(|error| in_file(&log_path, error))?;
    Ok((world, place))
}

/// Reads the octets of a log from `start` to `end`, or to its own end.
fn read_log(path: &Path, start: u64, end: u64) -> Result<Vec<u8>, WorldError> {
    let read = || {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        file.take(end.saturating_sub(start)).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().map_err(|source| io_error(path, source))
}

fn file_name(id: WorldId) -> String {
    format!("{:010}{SUFFIX}", id.0)
}

fn log_name(base: WorldId) -> String {
    format!("{:010}{LOG_SUFFIX}", base.0)
}

fn id_of(name: &str, suffix: &str) -> Option<WorldId> {
    let digits = name.strip_suffix(suffix)?;
    let id = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())??;
    (format!("{id:010}{suffix}") == name).then_some(WorldId(id))
}

/// Returns the numbers of the bases in the directory, in no order.
fn ids(dir: &Path) -> Result<Vec<WorldId>, WorldError> {
    numbers(dir, SUFFIX)
}

fn numbers(dir: &Path, suffix: &str) -> Result<Vec<WorldId>, WorldError> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(io_error(dir, source)),
    };
    let mut ids = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|source| io_error(dir, source))?;
        ids.extend(entry.file_name().to_str().and_then(|name| id_of(name, suffix)));
    }
    Ok(ids)
}

fn remove_old(dir: &Path, current: WorldId) -> Result<(), WorldError> {
    let mut old = ids(dir)?;
    // A file above the current number was never published: its writer was killed in between.
    // It stays, for its number is taken.
    old.retain(|id| *id < current);
    old.sort_unstable();
    let surplus = old.len().saturating_sub(KEPT_BASES - 1);
    let (gone, kept) = old.split_at(surplus);
    let logs = numbers(dir, LOG_SUFFIX)?;
    let logs = logs.into_iter().filter(|id| *id < current && !kept.contains(id));
    for name in gone.iter().map(|id| file_name(*id)).chain(logs.map(log_name)) {
        let path = dir.join(name);
        fs::remove_file(&path).map_err(|source| io_error(&path, source))?;
    }
    Ok(())
}

fn replace_current(dir: &Path, current: &Current) -> Result<(), WorldError> {
    replace(dir, CURRENT, |file| file.write_all(current.to_string().as_bytes()))
}

/// Gives `name` in `dir` the content that `write` writes: all of it, on the disk, or none of it.
fn replace<T>(
    dir: &Path,
    name: &str,
    write: impl FnOnce(&mut File) -> io::Result<T>,
) -> Result<T, WorldError> {
    // One name for all, so that what a killed writer left is overwritten (THREATS L16).
    let temporary = dir.join("next.tmp");
    let write = || {
        let mut file = File::create(&temporary)?;
        let written = write(&mut file)?;
        file.sync_all()?;
        Ok(written)
    };
    let written = write().map_err(|source| io_error(&temporary, source))?;
    let path = dir.join(name);
    fs::rename(&temporary, &path).map_err(|source| io_error(&path, source))?;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(|source| io_error(dir, source))?;
    Ok(written)
}

fn io_error(path: &Path, source: io::Error) -> WorldError {
    WorldError::Io { path: PathBuf::from(path), source }
}

fn in_file(path: &Path, error: WorldError) -> WorldError {
    WorldError::File { path: path.to_owned(), source: error.into() }
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
        let kept = ["0000000004.world", "0000000005.world", "CURRENT"];
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
            ("next.tmp", b"world 2 base 2 log", 1),
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
