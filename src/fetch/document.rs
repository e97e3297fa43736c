//! Reads RRDP's three documents with the `rpki` crate's streaming parsers, behind our bounds.

use std::collections::BTreeMap;
use std::io::{BufReader, Read};

use rpki::rrdp::{
    self, NotificationFile, ObjectReader, ProcessDelta, ProcessError, ProcessSnapshot,
};
use uuid::Uuid;

use super::filter::{Refused, Watch, XmlFilter};
use super::headroom::{Limited, saw};
use super::limits::{
    DELTA_BYTES, DELTA_LIST, NOTIFICATION_BYTES, OBJECT_BYTES, REPOSITORY_NAME_BYTES,
    REPOSITORY_OBJECTS, SNAPSHOT_BYTES,
};
use super::plan::{DeltaRef, FileRef, Notification};
use super::report::{DropReason, Drops};
use super::stop::Stop;
use crate::model::{HttpsUri, ObjectHash, ObjectUri};
use crate::store::{Staging, StoreError, UriMap};

/// What is wrong with a document.
#[derive(Debug, thiserror::Error)]
pub(super) enum DocumentError {
    /// Refused before it was parsed.
    #[error("{0}")]
    Refused(Refused),
    /// Not well formed, or not what RFC 8182 describes.
    #[error("{0}")]
    Malformed(String),
    /// Another session or serial than the notification announced.
    #[error("session {session} serial {serial} announced, another found")]
    Session { session: String, serial: u64 },
    /// The same URI twice in a snapshot.
    #[error("{0} is published twice")]
    Duplicate(ObjectUri),
    /// More objects than one repository may hold.
    #[error("more than {REPOSITORY_OBJECTS} objects")]
    TooManyObjects,
    /// More bytes of names than one repository may have.
    #[error("the names of the objects have more than {REPOSITORY_NAME_BYTES} bytes")]
    TooManyNames,
    /// A change that does not fit what we hold (RFC 8182, section 3.4.2).
    #[error("{uri}: {fault}")]
    DoesNotFit { uri: ObjectUri, fault: &'static str },
    /// A delta without a change.
    #[error("no change in the delta")]
    Empty,
    /// The cache failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<ProcessError> for DocumentError {
    fn from(error: ProcessError) -> Self {
        DocumentError::Malformed(error.to_string())
    }
}

/// Runs a parser behind the filter; the filter's word on a failure is better than the parser's.
fn filtered<R: Read, T>(
    file: R,
    budget: u64,
    stop: Stop,
    parse: impl FnOnce(BufReader<XmlFilter<'_, R>>) -> Result<T, DocumentError>,
) -> Result<T, DocumentError> {
    let watch = Watch::new(stop);
    let reader = BufReader::with_capacity(65_536, XmlFilter::new(file, budget, &watch));
    parse(reader).map_err(|error| watch.refused().map_or(error, DocumentError::Refused))
}

/// Reads a notification. `DeltaRef`s keep the order of the file.
pub(super) fn read_notification(bytes: &[u8]) -> Result<Notification, DocumentError> {
    let file = filtered(bytes, NOTIFICATION_BYTES, Stop::default(), |reader| {
        NotificationFile::parse_limited(reader, DELTA_LIST)
            .map_err(|error| DocumentError::from(ProcessError::Xml(error)))
    })?;
    let reference = |file: &rrdp::UriAndHash| -> Result<FileRef, DocumentError> {
        let uri: Result<HttpsUri, _> = file.uri().as_str().parse();
        let uri = uri.map_err(|error| DocumentError::Malformed(error.to_string()))?;
        Ok(FileRef { uri, hash: ObjectHash(file.hash().into()) })
    };
    let delta =
        |delta: &rrdp::DeltaInfo| Ok(DeltaRef { serial: delta.serial(), file: reference(delta)? });
    let serial = file.serial();
    // SQLite's largest number; at one a second it lasts longer than the Sun (THREATS B11).
    if serial == 0 || i64::try_from(serial).is_err() {
        return Err(DocumentError::Malformed(format!("serial {serial} is out of range")));
    }
    Ok(Notification {
        session: file.session_id().to_string(),
        serial,
        snapshot: reference(file.snapshot())?,
        deltas: file.deltas().iter().map(delta).collect::<Result<_, DocumentError>>()?,
        too_many_deltas: file.delta_status().is_err(),
    })
}

/// What a document must say of itself.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    pub(super) session: String,
    pub(super) serial: u64,
}

impl Expected {
    fn check(&self, session: Uuid, serial: u64) -> Result<(), DocumentError> {
        if session.to_string() == self.session && serial == self.serial {
            Ok(())
        } else {
            Err(DocumentError::Session { session: self.session.clone(), serial: self.serial })
        }
    }
}

/// What is on its way into the cache.
#[derive(Debug)]
pub(super) struct Transfer {
    pub(super) staging: Staging,
    pub(super) drops: Drops,
    /// What deltas change: the new hash of each URI, or `None` where it was withdrawn.
    pub(super) changes: BTreeMap<ObjectUri, Option<ObjectHash>>,
    /// How many bytes the names have that were read so far.
    pub(super) names: u64,
    pub(super) bytes: u64,
}

impl Transfer {
    fn count_name(&mut self, name: &str) -> Result<(), DocumentError> {
        self.names = self.names.saturating_add(name.len() as u64);
        saw(Limited::Names, self.names);
        if self.names > REPOSITORY_NAME_BYTES { Err(DocumentError::TooManyNames) } else { Ok(()) }
    }
}

/// Reads a snapshot into the staging of `transfer`, and returns the URI map that it makes.
pub(super) fn read_snapshot(
    file: impl Read,
    expected: &Expected,
    transfer: &mut Transfer,
    stop: Stop,
) -> Result<BTreeMap<ObjectUri, ObjectHash>, DocumentError> {
    let mut reader = SnapshotReader { expected, transfer, map: BTreeMap::new(), dropped: 0 };
    filtered(file, SNAPSHOT_BYTES, stop, |file| reader.process(file))?;
    saw(Limited::Objects, reader.map.len() as u64);
    Ok(reader.map)
}

struct SnapshotReader<'a> {
    expected: &'a Expected,
    transfer: &'a mut Transfer,
    map: BTreeMap<ObjectUri, ObjectHash>,
    dropped: usize,
}

impl ProcessSnapshot for SnapshotReader<'_> {
    type Err = DocumentError;

    fn meta(&mut self, session: Uuid, serial: u64) -> Result<(), DocumentError> {
        self.expected.check(session, serial)
    }

    fn publish(
        &mut self,
        uri: rpki::uri::Rsync,
        data: &mut ObjectReader<'_>,
    ) -> Result<(), DocumentError> {
        if self.map.len() + self.dropped >= REPOSITORY_OBJECTS {
            return Err(DocumentError::TooManyObjects);
        }
        self.transfer.count_name(uri.as_str())?;
        let Some((uri, bytes)) = take_object(&uri, data, &mut self.transfer.drops)? else {
            self.dropped += 1;
            return Ok(());
        };
        let hash = self.transfer.staging.put(bytes.into())?;
        match self.map.insert(uri.clone(), hash) {
            None => Ok(()),
            Some(_) => Err(DocumentError::Duplicate(uri)),
        }
    }
}

/// Takes an object, or `None` if it alone is refused.
fn take_object(
    uri: &rpki::uri::Rsync,
    data: &mut ObjectReader<'_>,
    drops: &mut Drops,
) -> Result<Option<(ObjectUri, Vec<u8>)>, DocumentError> {
    let Ok(object): Result<ObjectUri, _> = uri.as_str().parse() else {
        drops.add(uri.as_str(), DropReason::Uri);
        return Ok(None);
    };
    let mut bytes = Vec::new();
    data.take(OBJECT_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| DocumentError::Malformed(format!("{object}: {error}")))?;
    saw(Limited::Object, bytes.len() as u64);
    if bytes.len() as u64 > OBJECT_BYTES {
        drops.add(object.as_str(), DropReason::TooLarge);
        return Ok(None);
    }
    Ok(Some((object, bytes)))
}

/// Reads a delta on top of what earlier deltas changed, and of what `map` holds.
pub(super) fn read_delta(
    file: impl Read,
    expected: &Expected,
    map: &UriMap,
    transfer: &mut Transfer,
    stop: Stop,
) -> Result<(), DocumentError> {
    let mut reader = DeltaReader { expected, map, transfer, elements: 0 };
    filtered(file, DELTA_BYTES, stop, |file| reader.process(file))?;
    // RFC 8182, section 3.5.3.3: at least one element (THREATS B22).
    if reader.elements == 0 { Err(DocumentError::Empty) } else { Ok(()) }
}

struct DeltaReader<'a> {
    expected: &'a Expected,
    map: &'a UriMap,
    transfer: &'a mut Transfer,
    elements: usize,
}

impl DeltaReader<'_> {
    /// Counts an element and checks that `replaces` is what we hold at `uri`.
    fn check(
        &mut self,
        uri: &ObjectUri,
        replaces: Option<rrdp::Hash>,
    ) -> Result<(), DocumentError> {
        let replaces = replaces.map(|hash| ObjectHash(hash.into()));
        let held = match self.transfer.changes.get(uri) {
            Some(changed) => *changed,
            None => self.map.get(uri)?,
        };
        let fault = match (held, replaces) {
            (None, None) => return Ok(()),
            (Some(held), Some(hash)) if held == hash => return Ok(()),
            (Some(_), None) => "published anew, but we hold it",
            (None, Some(_)) => "changed or withdrawn, but we do not hold it",
            (Some(_), Some(_)) => "changed or withdrawn, but we hold another version",
        };
        Err(DocumentError::DoesNotFit { uri: uri.clone(), fault })
    }

    fn count(&mut self, name: &str) -> Result<(), DocumentError> {
        self.transfer.count_name(name)?;
        self.elements += 1;
        if self.elements > REPOSITORY_OBJECTS {
            return Err(DocumentError::TooManyObjects);
        }
        Ok(())
    }
}

impl ProcessDelta for DeltaReader<'_> {
    type Err = DocumentError;

    fn meta(&mut self, session: Uuid, serial: u64) -> Result<(), DocumentError> {
        self.expected.check(session, serial)
    }

    fn publish(
        &mut self,
        uri: rpki::uri::Rsync,
        hash: Option<rrdp::Hash>,
        data: &mut ObjectReader<'_>,
    ) -> Result<(), DocumentError> {
        self.count(uri.as_str())?;
        let Some((uri, bytes)) = take_object(&uri, data, &mut self.transfer.drops)? else {
            // What it replaces must not stay as if it were current.
            if let Ok(uri) = uri.as_str().parse::<ObjectUri>() {
                self.transfer.changes.insert(uri, None);
            }
            return Ok(());
        };
        self.check(&uri, hash)?;
        let hash = self.transfer.staging.put(bytes.into())?;
        self.transfer.changes.insert(uri, Some(hash));
        Ok(())
    }

    fn withdraw(&mut self, uri: rpki::uri::Rsync, hash: rrdp::Hash) -> Result<(), DocumentError> {
        self.count(uri.as_str())?;
        let Ok(uri) = uri.as_str().parse::<ObjectUri>() else {
            self.transfer.drops.add(uri.as_str(), DropReason::Uri);
            return Ok(());
        };
        self.check(&uri, Some(hash))?;
        self.transfer.changes.insert(uri, None);
        Ok(())
    }
}
