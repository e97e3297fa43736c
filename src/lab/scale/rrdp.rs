//! Writes RRDP documents that are too large to be held: each element goes to disk as it is made.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use rpki::rrdp::{DeltaInfo, Hash, NotificationFile, UriAndHash};
use rpki::util::base64;
use uuid::Uuid;

use crate::lab::rrdp::{beside, https};
use crate::lab::{LabError, ServerUris};
use crate::model::{ObjectHash, ObjectUri};

/// How many deltas a notification lists.
const DELTAS: usize = 10;

/// The RRDP documents of one server on disk.
pub(super) struct RrdpFiles {
    directory: PathBuf,
    uris: ServerUris,
    session: Uuid,
}

/// A change of one file: what it was, and what it is.
pub(super) struct Change {
    pub(super) old: Option<Bytes>,
    pub(super) new: Option<Bytes>,
}

impl RrdpFiles {
    /// The documents of a server below the directory of a lab.
    pub(super) fn new(lab: &Path, uris: &ServerUris, session: Uuid) -> Self {
        let directory = lab.join("rrdp").join(uris.module.authority());
        RrdpFiles { directory, uris: uris.clone(), session }
    }

    /// Starts the snapshot of a serial.
    pub(super) fn snapshot(&self, serial: u64) -> Result<Document, LabError> {
        Document::create(self.path(serial, "snapshot.xml"), "snapshot", self.session, serial)
    }

    /// Writes the notification of the first serial.
    pub(super) fn announce(&self, snapshot: ObjectHash) -> Result<(), LabError> {
        self.write_notification(1, snapshot, Vec::new())
    }

    /// Writes the next serial: a delta with these changes, a new snapshot and a notification.
    ///
    /// The snapshot before it is removed; the deltas stay.
    pub(super) fn change(&self, changes: &BTreeMap<ObjectUri, Change>) -> Result<(), LabError> {
        let path = self.directory.join("notification.xml");
        let text = fs::read(&path).map_err(LabError::io(path.display()))?;
        let known = NotificationFile::parse(text.as_slice())
            .map_err(|error| LabError::Plan(format!("{}: {error}", path.display())))?;
        let (before, serial) = (known.serial(), known.serial().saturating_add(1));
        let delta = self.path(serial, "delta.xml");
        let mut delta = Document::create(delta, "delta", self.session, serial)?;
        for (uri, change) in changes {
            delta.write(&match change {
                Change { old, new: Some(new) } => publish(uri, new, old.as_deref()),
                Change { old: Some(old), new: None } => withdraw(uri, old),
                Change { old: None, new: None } => String::new(),
            })?;
        }
        let delta = hash(delta.finish()?);
        let uri = beside(self.notification()?, self.session, serial, "delta.xml")?;
        let mut deltas = vec![DeltaInfo::new(serial, https(&uri)?, delta)];
        deltas.extend(known.deltas().iter().take(DELTAS - 1).cloned());
        let snapshot = self.copy_snapshot(before, serial, changes)?;
        self.write_notification(serial, snapshot, deltas)?;
        let old = self.path(before, "snapshot.xml");
        fs::remove_file(&old).map_err(LabError::io(old.display()))
    }

    /// Copies the snapshot of one serial to the next, with the changes.
    fn copy_snapshot(
        &self,
        before: u64,
        serial: u64,
        changes: &BTreeMap<ObjectUri, Change>,
    ) -> Result<ObjectHash, LabError> {
        let path = self.path(before, "snapshot.xml");
        let failed = || LabError::io(path.display());
        let old = BufReader::new(File::open(&path).map_err(failed())?);
        let mut snapshot = self.snapshot(serial)?;
        let changed: BTreeMap<&str, &Change> =
            changes.iter().map(|(uri, change)| (uri.as_str(), change)).collect();
        for line in old.lines() {
            let mut line = line.map_err(failed())?;
            // One element a line, as this module writes it.
            let Some(rest) = line.strip_prefix(PUBLISH) else { continue };
            let uri = rest.split('"').next().unwrap_or_default();
            if !changed.contains_key(uri) {
                line.push('\n');
                snapshot.write(&line)?;
            }
        }
        for (uri, change) in changes {
            if let Some(new) = &change.new {
                snapshot.write(&publish(uri, new, None))?;
            }
        }
        snapshot.finish()
    }

    fn write_notification(
        &self,
        serial: u64,
        snapshot: ObjectHash,
        deltas: Vec<DeltaInfo>,
    ) -> Result<(), LabError> {
        let uri = beside(self.notification()?, self.session, serial, "snapshot.xml")?;
        let snapshot = UriAndHash::new(https(&uri)?, hash(snapshot));
        let notification = NotificationFile::new(self.session, serial, snapshot, deltas);
        let path = self.directory.join("notification.xml");
        let mut text = Vec::new();
        notification.write_xml(&mut text).map_err(LabError::io(path.display()))?;
        // Renamed, so that no reader sees half of it.
        let new = path.with_extension("new");
        fs::write(&new, text).map_err(LabError::io(new.display()))?;
        fs::rename(&new, &path).map_err(LabError::io(path.display()))
    }

    fn notification(&self) -> Result<&crate::model::HttpsUri, LabError> {
        let none = || LabError::Plan("a server without RRDP".into());
        self.uris.notification.as_ref().ok_or_else(none)
    }

    fn path(&self, serial: u64, name: &str) -> PathBuf {
        self.directory.join(self.session.to_string()).join(serial.to_string()).join(name)
    }
}

/// How the element of an object begins.
const PUBLISH: &str = "<publish uri=\"";

/// Writes the element of a published object; with the one that it replaces, for a delta.
pub(super) fn publish(uri: &ObjectUri, new: &[u8], old: Option<&[u8]>) -> String {
    let hash = old.map(|old| format!(" hash=\"{}\"", ObjectHash::of(old))).unwrap_or_default();
    format!("{PUBLISH}{uri}\"{hash}>{}</publish>\n", base64::Xml.encode(new))
}

fn withdraw(uri: &ObjectUri, old: &[u8]) -> String {
    format!("<withdraw uri=\"{uri}\" hash=\"{}\"/>\n", ObjectHash::of(old))
}

fn hash(hash: ObjectHash) -> Hash {
    Hash::from(hash.0)
}

/// A document on its way to disk.
pub(super) struct Document {
    path: PathBuf,
    file: BufWriter<File>,
    digest: Context,
    kind: &'static str,
}

impl Document {
    fn create(
        path: PathBuf,
        kind: &'static str,
        session: Uuid,
        serial: u64,
    ) -> Result<Self, LabError> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(LabError::io(parent.display()))?;
        }
        let file = File::create(&path).map_err(LabError::io(path.display()))?;
        let file = BufWriter::with_capacity(1 << 20, file);
        let mut document = Document { path, file, digest: Context::new(&SHA256), kind };
        document.write(&format!(
            "<{kind} xmlns=\"http://www.ripe.net/rpki/rrdp\" version=\"1\" session_id=\"{session}\" serial=\"{serial}\">\n"
        ))?;
        Ok(document)
    }

    /// Appends elements.
    pub(super) fn write(&mut self, text: &str) -> Result<(), LabError> {
        self.digest.update(text.as_bytes());
        self.file.write_all(text.as_bytes()).map_err(LabError::io(self.path.display()))
    }

    /// Ends the document, and returns its hash.
    pub(super) fn finish(mut self) -> Result<ObjectHash, LabError> {
        self.write(&format!("</{}>\n", self.kind))?;
        self.file.flush().map_err(LabError::io(self.path.display()))?;
        Ok(ObjectHash::from_slice(self.digest.finish().as_ref()).unwrap_or(ObjectHash([0; 32])))
    }
}
