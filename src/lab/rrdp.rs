//! RRDP documents of one repository: notification, snapshot, deltas. Pure.

use std::collections::{BTreeMap, VecDeque};
use std::str::FromStr;

use bytes::Bytes;
use rpki::rrdp::{
    Delta, DeltaElement, DeltaInfo, Hash, NotificationFile, PublishElement, Snapshot,
    UpdateElement, UriAndHash, WithdrawElement,
};
use rpki::uri;
use uuid::Uuid;

use super::LabError;
use crate::ca::CaError;
use crate::model::{HttpsUri, ObjectUri};

/// How many deltas the notification lists; older serials start from the snapshot again.
const DELTAS: usize = 10;

/// One repository as RRDP shows it: its objects now, and how they became so.
#[derive(Clone, Debug)]
pub struct RrdpRepository {
    notification: HttpsUri,
    session: Uuid,
    serial: u64,
    objects: BTreeMap<ObjectUri, Bytes>,
    deltas: VecDeque<(u64, Bytes)>,
}

impl RrdpRepository {
    /// Starts a session at serial 1; its documents live beside `notification`.
    pub fn new(
        notification: HttpsUri,
        session: Uuid,
        objects: BTreeMap<ObjectUri, Bytes>,
    ) -> RrdpRepository {
        RrdpRepository { notification, session, serial: 1, objects, deltas: VecDeque::new() }
    }

    /// Returns the session.
    pub fn session(&self) -> Uuid {
        self.session
    }

    /// Returns the serial, which grows by one with each change.
    pub fn serial(&self) -> u64 {
        self.serial
    }

    /// Replaces the objects; if any differ, that is the next serial with a delta of its own.
    pub fn update(&mut self, objects: BTreeMap<ObjectUri, Bytes>) -> Result<(), LabError> {
        let mut elements: Vec<DeltaElement> = Vec::new();
        for (uri, bytes) in &objects {
            match self.objects.get(uri) {
                Some(old) if old == bytes => {}
                Some(old) => {
                    let hash = Hash::from_data(old);
                    elements.push(UpdateElement::new(rsync(uri)?, hash, bytes.clone()).into());
                }
                None => elements.push(PublishElement::new(rsync(uri)?, bytes.clone()).into()),
            }
        }
        for (uri, old) in self.objects.iter().filter(|(uri, _)| !objects.contains_key(*uri)) {
            elements.push(WithdrawElement::new(rsync(uri)?, Hash::from_data(old)).into());
        }
        if elements.is_empty() {
            return Ok(());
        }
        self.serial += 1;
        self.objects = objects;
        let delta = Delta::new(self.session, self.serial, elements);
        self.deltas.push_front((self.serial, xml(|out| delta.write_xml(out))?));
        self.deltas.truncate(DELTAS);
        Ok(())
    }

    /// Writes the documents, each under its path on the server; the notification comes last, so
    /// that a copy in this order never names a document that is not there yet.
    pub fn documents(&self) -> Result<Vec<(String, Bytes)>, LabError> {
        let elements = self.objects.iter();
        let elements: Result<Vec<_>, LabError> = elements
            .map(|(uri, bytes)| Ok(PublishElement::new(rsync(uri)?, bytes.clone())))
            .collect();
        let snapshot = Snapshot::new(self.session, self.serial, elements?);
        let snapshot = xml(|out| snapshot.write_xml(out))?;
        let snapshot_uri = self.beside(self.serial, "snapshot.xml")?;
        let mut documents = Vec::new();
        let mut deltas = Vec::new();
        for (serial, bytes) in &self.deltas {
            let uri = self.beside(*serial, "delta.xml")?;
            documents.push((path(&uri), bytes.clone()));
            deltas.push(DeltaInfo::new(*serial, https(&uri)?, Hash::from_data(bytes)));
        }
        let notification = NotificationFile::new(
            self.session,
            self.serial,
            UriAndHash::new(https(&snapshot_uri)?, Hash::from_data(&snapshot)),
            deltas,
        );
        documents.push((path(&snapshot_uri), snapshot));
        documents.push((path(&self.notification), xml(|out| notification.write_xml(out))?));
        Ok(documents)
    }

    /// Returns the URI of a document of this session.
    fn beside(&self, serial: u64, name: &str) -> Result<HttpsUri, LabError> {
        beside(&self.notification, self.session, serial, name)
    }
}

/// Returns the URI of a document of a session, in a directory beside its notification.
pub(super) fn beside(
    notification: &HttpsUri,
    session: Uuid,
    serial: u64,
    name: &str,
) -> Result<HttpsUri, LabError> {
    let directory = notification.as_str().rsplit_once('/').map_or("", |(directory, _)| directory);
    Ok(format!("{directory}/{session}/{serial}/{name}").parse()?)
}

/// Returns the path of a URI, with its first slash.
fn path(uri: &HttpsUri) -> String {
    let start = "https://".len() + uri.authority().len();
    uri.as_str().get(start..).unwrap_or_default().to_owned()
}

fn xml(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> Result<Bytes, LabError> {
    let mut bytes = Vec::new();
    write(&mut bytes).map_err(LabError::io("RRDP document"))?;
    Ok(bytes.into())
}

fn rsync(uri: &ObjectUri) -> Result<uri::Rsync, LabError> {
    uri::Rsync::from_str(uri.as_str()).map_err(|_| CaError::Uri.into())
}

pub(super) fn https(uri: &HttpsUri) -> Result<uri::Https, LabError> {
    uri::Https::from_str(uri.as_str()).map_err(|_| CaError::Uri.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(list: &[(&str, &str)]) -> BTreeMap<ObjectUri, Bytes> {
        list.iter()
            .map(|(name, text)| {
                let uri = format!("rsync://h/m/{name}").parse().unwrap();
                (uri, Bytes::copy_from_slice(text.as_bytes()))
            })
            .collect()
    }

    fn repository() -> RrdpRepository {
        let notification = "https://h:8443/rrdp/notification.xml".parse().unwrap();
        let session = Uuid::from_u128(0x1234);
        RrdpRepository::new(notification, session, objects(&[("a", "1"), ("b", "2")]))
    }

    fn notification(repository: &RrdpRepository) -> NotificationFile {
        let documents = repository.documents().unwrap();
        let (path, bytes) = documents.last().unwrap();
        assert_eq!(path, "/rrdp/notification.xml");
        NotificationFile::parse(bytes.as_ref()).unwrap()
    }

    #[test]
    fn a_change_becomes_a_delta_of_what_differs() {
        let mut repository = repository();
        assert_eq!(notification(&repository).serial(), 1);
        repository.update(objects(&[("a", "1"), ("b", "3"), ("c", "4")])).unwrap();
        repository.update(objects(&[("a", "1"), ("c", "4")])).unwrap();
        let read = notification(&repository);
        assert_eq!((read.serial(), read.deltas().len()), (3, 2));
        assert!(read.has_matching_origins(&"https://h:8443/x".parse().unwrap()));
        let documents: BTreeMap<_, _> = repository.documents().unwrap().into_iter().collect();
        for info in read.deltas() {
            let path = info.uri().as_str().strip_prefix("https://h:8443").unwrap();
            let bytes = &documents[path];
            assert!(info.hash().matches(bytes));
            let delta = Delta::parse(bytes.as_ref()).unwrap();
            let kinds: Vec<_> = delta
                .elements()
                .iter()
                .map(|element| match element {
                    DeltaElement::Publish(_) => "publish",
                    DeltaElement::Update(_) => "update",
                    DeltaElement::Withdraw(_) => "withdraw",
                })
                .collect();
            let expected: &[&str] =
                if info.serial() == 2 { &["update", "publish"] } else { &["withdraw"] };
            assert_eq!(kinds, expected);
        }
    }

    #[test]
    fn no_change_is_no_new_serial() {
        let mut repository = repository();
        repository.update(objects(&[("a", "1"), ("b", "2")])).unwrap();
        assert_eq!((repository.serial(), notification(&repository).deltas().len()), (1, 0));
    }

    #[test]
    fn only_the_last_deltas_are_listed() {
        let mut repository = repository();
        for round in 0..DELTAS + 5 {
            repository.update(objects(&[("a", &round.to_string())])).unwrap();
        }
        let mut read = notification(&repository);
        assert_eq!(read.deltas().len(), DELTAS);
        assert!(read.sort_and_verify_deltas(None), "the list has a gap");
    }
}
