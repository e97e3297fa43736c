//! What `provost doctor` looks at, from the directory to the last object.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::{Check, Level};
use crate::cli::CliError;
use crate::cli::sync::{as_fetched, open_engine};
use crate::config::{DataDir, Settings, format_duration, format_size, recorded_tals};
use crate::model::Timestamp;
use crate::service::{Child, ChildRecord, Comparison, read_suspects_in};
use crate::store::{Access, Examination, Store, StoreError, StoreErrorKind, free_bytes};
use crate::world::{self, Purpose};

/// Makes every check; says, too, whether there is anything to answer from.
pub(super) fn all(settings: &Settings, now: Timestamp) -> (Vec<Check>, bool) {
    let data = &settings.data;
    let mut checks = directory(data.path());
    checks.push(clock(now));
    checks.push(disk(data, settings.disk.reserve));
    checks.push(writer(data));
    let (cache, has_cache) = cache(data, now);
    checks.extend(cache);
    let (world, has_world) = published(data, now);
    checks.push(world);
    checks.extend(worker(data, now));
    checks.extend(locators(data));
    (checks, has_cache || has_world)
}

/// Judges the cache with what is remembered and without, and says what differs.
pub(super) fn memory(settings: Settings) -> Check {
    let name = "memory";
    let compare = || -> Result<Comparison, CliError> {
        let purpose = Store::purpose_of(&settings.data.cache())
            .map_err(|error| CliError::failed(error.to_string()))?;
        let at = match purpose {
            Purpose::Archive { at } => at,
            Purpose::Live | Purpose::Lab => crate::clock::now(),
        };
        let engine = open_engine(&settings.with_recorded_tals(), purpose, Access::Read)?;
        Ok(as_fetched(engine)?.compare(at)?)
    };
    match compare() {
        Err(error) => Check::new(name, Level::Problem, format!("cannot be compared: {error}"))
            .todo("run `provost validate --full`, which needs nothing that is remembered"),
        Ok(Comparison { differences, points, .. }) if differences.is_empty() => {
            let says = format!("judged anew, all {points} publication points come out the same");
            Check::new(name, Level::Ok, says)
        }
        Ok(Comparison { differences, .. }) => {
            let shown: Vec<&str> = differences.iter().take(10).map(String::as_str).collect();
            let says = format!("{} differences, such as: {}", differences.len(), shown.join("; "));
            Check::new(name, Level::Problem, says).todo(
                "run `provost validate --full`, and report this with the cache: it is a defect of \
                 this program",
            )
        }
    }
}

/// Finds what is wrong with the ownership and the mode of a data directory (THREATS D14).
pub(in crate::cli) fn exposure(path: &Path) -> Result<(), String> {
    let metadata = fs::metadata(path).map_err(|error| error.to_string())?;
    if metadata.mode() & 0o002 != 0 {
        return Err("everybody may write to it".to_owned());
    }
    let own = rustix::process::geteuid();
    // Root may look at what belongs to the service's user.
    if metadata.uid() != own.as_raw() && !own.is_root() {
        return Err(format!("it belongs to user {}, not to {}", metadata.uid(), own.as_raw()));
    }
    let is_link = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
    if is_link { Err("it is a symbolic link".to_owned()) } else { Ok(()) }
}

fn directory(path: &Path) -> Vec<Check> {
    let name = "directory";
    let exposed = match exposure(path) {
        Ok(()) => Check::new(name, Level::Ok, "only its owner may change it"),
        Err(says) => Check::new(name, Level::Problem, says)
            .todo("give it to the user who runs the service, with mode 0755 or less"),
    };
    let access = rustix::fs::Access::READ_OK | rustix::fs::Access::WRITE_OK;
    let writable = match rustix::fs::access(path, access) {
        Ok(()) => None,
        Err(error) => Some(
            Check::new(name, Level::Problem, format!("cannot be written to: {error}"))
                .todo("run it as the service's user, or make the disk writable again"),
        ),
    };
    std::iter::once(exposed).chain(writable).collect()
}

fn clock(now: Timestamp) -> Check {
    if now < crate::clock::RELEASED {
        let says = format!("says {now}, which is before this program was made");
        return Check::new("clock", Level::Problem, says)
            .todo("set it right: everything that was signed since counts as not yet valid");
    }
    Check::new("clock", Level::Ok, format!("says {now}"))
}

fn disk(data: &DataDir, reserve: u64) -> Check {
    match free_bytes(data.path()) {
        None => Check::new("disk", Level::Note, "does not tell how much is free"),
        Some(free) if free < reserve => {
            let (free, reserve) = (format_size(free), format_size(reserve));
            Check::new("disk", Level::Problem, format!("{free} free, and {reserve} are kept free"))
                .todo("free some space, or lower disk-reserve: nothing is fetched meanwhile")
        }
        Some(free) => Check::new("disk", Level::Ok, format!("{} free", format_size(free))),
    }
}

/// Finds who holds the lock of the cache, without touching it.
fn writer(data: &DataDir) -> Check {
    let mut lock = data.cache().into_os_string();
    lock.push(".lock");
    let Ok(metadata) = fs::metadata(&lock) else {
        return Check::new("writer", Level::Ok, "nobody writes the cache");
    };
    let locks = fs::read_to_string("/proc/locks").unwrap_or_default();
    let holder = locks.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, "FLOCK", _, _, pid, file, ..] = fields.as_slice() else { return None };
        let inode: u64 = file.rsplit(':').next()?.parse().ok()?;
        (inode == metadata.ino()).then(|| (*pid).to_owned())
    });
    match holder {
        Some(pid) => {
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            let says = format!("process {pid} ({}) writes the cache", name.trim());
            Check::new("writer", Level::Ok, says)
        }
        None => Check::new("writer", Level::Ok, "nobody writes the cache"),
    }
}

fn cache(data: &DataDir, now: Timestamp) -> (Vec<Check>, bool) {
    let path = data.cache();
    match path.try_exists() {
        Ok(true) => {}
        Ok(false) => {
            let check = Check::new("cache", Level::Note, "there is none yet");
            return (vec![check.todo("run `provost sync`, or start the service")], false);
        }
        Err(error) => return (vec![unreadable(&error.to_string())], true),
    }
    match Store::examine(&path) {
        Ok(found) => (examined(&found, now), true),
        Err(error) => (vec![failed(&error)], true),
    }
}

fn unreadable(error: &str) -> Check {
    let says = format!("cannot be read, which says nothing about what is in it: {error}");
    Check::new("cache", Level::Problem, says)
        .todo("run it as the service's user; if that is so already, look at the disk")
}

fn failed(error: &StoreError) -> Check {
    match error.kind {
        StoreErrorKind::Newer => Check::new("cache", Level::Problem, error.detail.clone())
            .todo("use the program that made it, or another data directory"),
        StoreErrorKind::Corrupt => {
            let says = format!("damaged: {}", error.detail);
            Check::new("cache", Level::Problem, says).todo(
                "nothing by hand: the next sync sets it aside and fetches everything again; the \
                 published world stays in use meanwhile. If it happens again, look at the disk",
            )
        }
        _ => unreadable(&error.detail),
    }
}

fn examined(found: &Examination, now: Timestamp) -> Vec<Check> {
    if let Some(first) = found.structure.first() {
        let says = format!("damaged: {first} ({} complaints of SQLite)", found.structure.len());
        return vec![Check::new("cache", Level::Problem, says).todo(
            "stop the service, delete cache.sqlite and what begins with its name, start it again; \
             what is lost is the last good state of points that fail just now",
        )];
    }
    let says = format!(
        "{} objects of {} repositories, {}, schema and structure are right",
        found.objects,
        found.repositories,
        format_size(found.bytes)
    );
    let mut checks = vec![Check::new("cache", Level::Ok, says)];
    let mut add = |count: u64, level, says: &str, todo: Option<&str>| {
        if count > 0 {
            let check = Check::new("cache", level, format!("{count} {says}"));
            checks.push(Check { todo: todo.map(str::to_owned), ..check });
        }
    };
    let again = "run `provost validate --full`, which drops what is damaged, and `provost sync`, \
                 which fetches it again (a running worker does both when it next needs the object; \
                 answers do not change meanwhile). If it happens again, look at the disk and the \
                 memory of this machine";
    let (problem, note) = (Level::Problem, Level::Note);
    add(found.damaged, problem, "objects do not fit their hash", Some(again));
    add(found.damaged_memos, problem, "memos do not fit their checksum", Some(again));
    let refer = "rows refer to rows that are not there";
    add(found.dangling, problem, refer, Some("delete cache.sqlite: it is fetched again"));
    add(found.awaited, note, "objects were damaged and wait to be fetched again", None);
    let lost = "last good states lack an object: they are of no use until their points are read";
    add(found.incomplete, note, lost, None);
    add(
        found.unreferenced,
        note,
        "objects are referred to by nothing, and go at the next tidying",
        None,
    );
    if let Some(latest) = found.latest.filter(|latest| *latest > now) {
        let says = format!("something was fetched at {latest}, which is in the future");
        checks.push(
            Check::new("clock", Level::Problem, says).todo(
                "look at the clock: it was or is wrong; times are right again with each fetch",
            ),
        );
    }
    checks
}

fn published(data: &DataDir, now: Timestamp) -> (Check, bool) {
    match world::load_current(&data.world()) {
        Ok(None) => {
            let check = Check::new("world", Level::Note, "none was published yet");
            (check.todo("run `provost sync`, or start the service"), false)
        }
        Ok(Some(found)) => {
            let age = format_duration(now.since(found.time));
            let says = format!("number {}, {} VRPs, {age} old", found.id.0, found.vrps.len());
            (Check::new("world", Level::Ok, says), true)
        }
        Err(error) if error.is_newer() => {
            let check = Check::new("world", Level::Problem, error.to_string());
            (check.todo("use the program that wrote it"), true)
        }
        Err(error) => {
            let check = Check::new("world", Level::Problem, error.to_string());
            (
                check.todo("run `provost validate`, or start the service: it publishes a new one"),
                true,
            )
        }
    }
}

fn worker(data: &DataDir, now: Timestamp) -> Vec<Check> {
    let state = data.state();
    let suspects = read_suspects_in(&state);
    let mut checks = Vec::new();
    if let Some(record) = ChildRecord::read(&state, Child::Worker) {
        let level = if record.sandbox == "full" { Level::Ok } else { Level::Note };
        let says = format!("started {}, sandbox {}", record.started, record.sandbox);
        checks.push(Check::new("worker", level, says));
    }
    if suspects.crashes > 0 {
        let last = suspects.last_crash.map_or(String::new(), |time| format!(", last at {time}"));
        let says = format!("ended {} times without saying goodbye{last}", suspects.crashes);
        checks.push(Check::new("worker", Level::Note, says));
    }
    for (unit, suspect) in &suspects.units {
        if let Some(until) = suspect.until.filter(|until| *until > now) {
            let unit = unit.trim_start_matches("F ").trim_start_matches("P ");
            let says = format!("died {} times with {unit} in hand", suspect.crashes);
            checks.push(
                Check::new("worker", Level::Problem, says)
                    .todo(format!("report it; it is left alone until {until}, all else goes on")),
            );
        }
    }
    checks
}

fn locators(data: &DataDir) -> Option<Check> {
    let tals = recorded_tals(data);
    let faults = tals.iter().filter_map(|path| {
        let text = fs::read(path).map_err(|error| error.to_string());
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let read = text.and_then(|text| {
            crate::object::Tal::parse(&name, &text).map(drop).map_err(|error| error.to_string())
        });
        read.err().map(|error| format!("{}: {error}", path.display()))
    });
    let first = faults.into_iter().next()?;
    Some(
        Check::new("locators", Level::Problem, first)
            .todo("run `provost sync`: it writes them anew"),
    )
}
