//! `state/rtr`: session, serial and recent changes on disk, so that a restart goes on with them.
//!
//! ```text
//! 8 bytes   magic              "PRVSTRTR"
//! 4 bytes   format version     big endian
//! 32 bytes  SHA-256 of what follows
//! body      in postcard's encoding
//! ```
//!
//! A file that cannot be read, or is of another version, costs a new session and no more.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::history::History;
use super::limits::{MAX_DELTAS, MAX_STATE_BYTES};
use crate::model::ObjectHash;
use crate::payload::PayloadDelta;

const MAGIC: &[u8; 8] = b"PRVSTRTR";
/// A change of any type in the file must raise it.
const VERSION: u32 = 1;

/// What was served last.
#[derive(Debug, Deserialize, PartialEq)]
pub(super) struct Saved {
    pub session: u16,
    pub serial: u32,
    /// The digest of the set that had this serial.
    pub digest: ObjectHash,
    pub deltas: Vec<PayloadDelta>,
}

#[derive(Serialize)]
struct ToSave<'a> {
    session: u16,
    serial: u32,
    digest: ObjectHash,
    deltas: Vec<&'a PayloadDelta>,
}

impl Saved {
    /// Reads the file; `None` where there is none.
    ///
    /// # Errors
    ///
    /// It cannot be read, is too large, or is not what was written.
    pub fn load(path: &Path) -> io::Result<Option<Self>> {
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let mut bytes = Vec::new();
        file.take(MAX_STATE_BYTES).read_to_end(&mut bytes)?;
        decode(&bytes).map(Some).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }
}

fn decode(bytes: &[u8]) -> Option<Saved> {
    let (magic, rest) = bytes.split_first_chunk::<8>()?;
    let (version, rest) = rest.split_first_chunk::<4>()?;
    let (digest, body) = rest.split_first_chunk::<32>()?;
    let is_ours = magic == MAGIC && u32::from_be_bytes(*version) == VERSION;
    if !is_ours || ObjectHash::of(body).0 != *digest {
        return None;
    }
    let saved: Saved = postcard::from_bytes(body).ok()?;
    (saved.deltas.len() <= MAX_DELTAS).then_some(saved)
}

/// Writes what is served, so that it is on the disk when this returns.
pub(super) fn save(path: &Path, history: &History) -> io::Result<()> {
    let saved = ToSave {
        session: history.session,
        serial: history.serial,
        digest: history.set.digest(),
        deltas: history.deltas().collect(),
    };
    let body = postcard::to_stdvec(&saved).map_err(io::Error::other)?;
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let temporary = path.with_extension("tmp");
    let mut file = File::create(&temporary)?;
    file.write_all(MAGIC)?;
    file.write_all(&VERSION.to_be_bytes())?;
    file.write_all(&ObjectHash::of(&body).0)?;
    file.write_all(&body)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{Asn, Vrp};
    use crate::payload::PayloadSet;

    fn history() -> History {
        let vrp = Vrp { prefix: "192.0.2.0/24".parse().unwrap(), max_length: 24, asn: Asn(1) };
        let set = Arc::new(PayloadSet::new([vrp], [], []));
        let delta = PayloadDelta::between(&PayloadSet::default(), &set);
        History::begin(7, Arc::new(PayloadSet::default())).with(set, delta)
    }

    #[test]
    fn what_was_saved_is_read_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state/rtr");
        assert_eq!(Saved::load(&path).unwrap(), None);
        let history = history();
        save(&path, &history).unwrap();
        let saved = Saved::load(&path).unwrap().unwrap();
        assert_eq!((saved.session, saved.serial), (7, 2));
        assert_eq!(saved.digest, history.set.digest());
        assert_eq!(saved.deltas.iter().collect::<Vec<_>>(), history.deltas().collect::<Vec<_>>());
    }

    #[test]
    fn a_file_that_was_damaged_or_is_of_another_version_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rtr");
        save(&path, &history()).unwrap();
        let good = fs::read(&path).unwrap();
        for position in 0..good.len() {
            let mut bytes = good.clone();
            bytes[position] ^= 1;
            assert_eq!(decode(&bytes), None, "byte {position}");
            assert_eq!(decode(&good[..position]), None, "cut at {position}");
        }
        assert!(decode(&good).is_some());
    }
}
