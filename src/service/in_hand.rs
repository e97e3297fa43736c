//! What the worker has in hand, on disk, so that the next worker knows what the last one died of.
//!
//! One small file of slots, written before work on a repository or a point begins and never
//! synced: it must survive the process, not the machine. It is removed at an orderly end.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;

use super::limits::UNIT_BYTES;
use super::suspects::Suspects;
use crate::model::Timestamp;

/// The name of the file of slots.
const SLOTS: &str = "in-hand";
/// The name of the file with what earlier workers died of.
const SUSPECTS: &str = "suspects.json";
/// Names a unit (a part of its URI is enough) at which the process aborts, as a defect would make
/// it: for tests of what then happens.
const ABORT_AT: &str = "PROVOST_TEST_ABORT_AT";

/// How the last worker ended, if it did not say goodbye.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ending {
    /// Nobody knows: what it had in hand may be the reason.
    Unknown,
    /// Somebody killed it while the machine had memory enough: what it had in hand is no reason.
    Killed,
}

/// What is in hand, and what earlier workers died of.
#[derive(Debug)]
pub struct InHand {
    directory: PathBuf,
    abort_at: Option<String>,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    file: File,
    free: Vec<u64>,
    end: u64,
    threads: HashMap<ThreadId, (u64, String)>,
    suspects: Suspects,
}

/// A unit that is in hand until this is dropped.
#[derive(Debug)]
pub struct Held<'a> {
    owner: &'a InHand,
    slot: u64,
    unit: String,
}

impl InHand {
    /// Opens the record below `directory`; what an earlier worker left there counts as a crash, and
    /// as a reason for it unless the worker was killed.
    pub fn open(directory: &Path, last: Ending, now: Timestamp) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        let mut suspects = read_suspects(&directory.join(SUSPECTS));
        let slots = directory.join(SLOTS);
        match fs::read(&slots) {
            Ok(left) => {
                let units = if last == Ending::Killed { Vec::new() } else { units(&left) };
                suspects.note_crash(&units, now);
                tracing::error!(
                    crashes = suspects.crashes,
                    in_hand = units.len(),
                    "the last worker ended without saying goodbye"
                );
                write_suspects(directory, &suspects)?;
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let inner = Inner {
            file: File::create(&slots)?,
            free: Vec::new(),
            end: 0,
            threads: HashMap::new(),
            suspects,
        };
        let abort_at = std::env::var(ABORT_AT).ok().filter(|text| !text.is_empty());
        Ok(InHand { directory: directory.to_owned(), abort_at, inner: Mutex::new(inner) })
    }

    /// Takes a unit in hand.
    pub fn hold(&self, unit: &str) -> Held<'_> {
        let slot = {
            let mut inner = self.lock();
            let slot = inner.take_slot();
            inner.write(slot, unit);
            slot
        };
        self.abort_if_told(unit);
        Held { owner: self, slot, unit: unit.to_owned() }
    }

    /// Takes a unit in hand in place of the one that this thread had before.
    pub fn hold_on_this_thread(&self, unit: &str) {
        {
            let mut inner = self.lock();
            let thread = std::thread::current().id();
            let slot = match inner.threads.get(&thread) {
                Some((slot, _)) => *slot,
                None => inner.take_slot(),
            };
            inner.write(slot, unit);
            inner.threads.insert(thread, (slot, unit.to_owned()));
        }
        self.abort_if_told(unit);
    }

    /// Lays down what all threads have in hand.
    pub fn release_threads(&self) {
        let mut inner = self.lock();
        for (slot, _) in std::mem::take(&mut inner.threads).into_values() {
            inner.write(slot, "");
            inner.free.push(slot);
        }
    }

    /// Forgives units that were worked on without harm.
    pub fn forgive<'a>(&self, units: impl IntoIterator<Item = &'a str>) {
        let mut inner = self.lock();
        let mut changed = false;
        for unit in units {
            changed |= inner.suspects.forgive(unit);
        }
        if changed && let Err(error) = write_suspects(&self.directory, &inner.suspects) {
            tracing::warn!(%error, "cannot note what is no suspect any more");
        }
    }

    /// Returns what earlier workers died of.
    pub fn suspects(&self) -> Suspects {
        self.lock().suspects.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every value in it is whole after each step.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn abort_if_told(&self, unit: &str) {
        if self.abort_at.as_ref().is_some_and(|text| unit.contains(text)) {
            std::process::abort();
        }
    }
}

impl Inner {
    fn take_slot(&mut self) -> u64 {
        self.free.pop().unwrap_or_else(|| {
            self.end += 1;
            self.end - 1
        })
    }

    fn write(&mut self, slot: u64, unit: &str) {
        let mut line = [b'\n'; UNIT_BYTES];
        line.iter_mut().zip(unit.bytes()).for_each(|(to, from)| *to = from);
        let written = self.file.write_all_at(&line, slot * UNIT_BYTES as u64);
        if let Err(error) = written {
            // A full disk costs the knowledge of a culprit, not the work itself.
            tracing::debug!(%error, "cannot note what is in hand");
        }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        {
            let mut inner = self.owner.lock();
            inner.write(self.slot, "");
            inner.free.push(self.slot);
        }
        self.owner.forgive([self.unit.as_str()]);
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        // Left behind, it would count as a crash that was none.
        let _ = fs::remove_file(self.directory.join(SLOTS));
    }
}

/// Returns what a file of slots names, each once.
fn units(file: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(file);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let distinct: BTreeMap<String, ()> = lines.map(|line| (line.to_owned(), ())).collect();
    distinct.into_keys().collect()
}

/// Reads what earlier workers died of from the data directory's `state`; nothing if there is none.
pub fn read_suspects_in(directory: &Path) -> Suspects {
    read_suspects(&directory.join(SUSPECTS))
}

fn read_suspects(path: &Path) -> Suspects {
    // A broken file means that nobody is suspect, which costs three more crashes at worst.
    let text = super::child::read_bounded(path).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

fn write_suspects(directory: &Path, suspects: &Suspects) -> io::Result<()> {
    let temporary = directory.join("suspects.tmp");
    fs::write(&temporary, serde_json::to_vec_pretty(suspects)?)?;
    fs::rename(temporary, directory.join(SUSPECTS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leave(in_hand: InHand) {
        // As a killed process does: nothing is tidied up.
        std::mem::forget(in_hand);
    }

    #[test]
    fn what_a_killed_worker_had_in_hand_is_known_to_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let open = |now| InHand::open(dir.path(), Ending::Unknown, Timestamp(now)).unwrap();
        let first = open(1);
        assert_eq!(first.suspects(), Suspects::default());
        drop(first.hold("done"));
        std::mem::forget(first.hold("https://evil.example/n.xml"));
        first.hold_on_this_thread("before");
        first.hold_on_this_thread("rsync://h/m/a.mft");
        leave(first);
        let second = open(2);
        let suspects = second.suspects();
        assert_eq!(suspects.crashes, 1);
        let names: Vec<&str> = suspects.units.keys().map(String::as_str).collect();
        assert_eq!(names, ["https://evil.example/n.xml", "rsync://h/m/a.mft"]);
        // Worked on without harm: forgiven, also on disk.
        drop(second.hold("https://evil.example/n.xml"));
        assert_eq!(read_suspects_in(dir.path()).units.len(), 1);
        drop(second);
        assert_eq!(open(3).suspects().crashes, 1, "an orderly end is no crash");
    }

    #[test]
    fn l10_what_a_worker_had_in_hand_when_somebody_killed_it_is_not_suspect() {
        let dir = tempfile::tempdir().unwrap();
        for (end, suspects) in [(Ending::Killed, 0), (Ending::Unknown, 1)] {
            let first = InHand::open(dir.path(), Ending::Killed, Timestamp(1)).unwrap();
            std::mem::forget(first.hold("https://innocent.example/n.xml"));
            leave(first);
            let second = InHand::open(dir.path(), end, Timestamp(2)).unwrap();
            assert_eq!(second.suspects().units.len(), suspects, "{end:?}");
        }
    }

    #[test]
    fn slots_are_used_again() {
        let dir = tempfile::tempdir().unwrap();
        let in_hand = InHand::open(dir.path(), Ending::Unknown, Timestamp(1)).unwrap();
        for _ in 0..1_000 {
            let _a = in_hand.hold("a");
            in_hand.hold_on_this_thread("b");
            in_hand.release_threads();
        }
        let size = fs::metadata(dir.path().join(SLOTS)).unwrap().len();
        assert!(size <= 3 * UNIT_BYTES as u64, "{size}");
    }
}
