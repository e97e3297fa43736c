//! One CA of a lab at work: it issues, revokes, and publishes its manifest and CRL. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::LabError;
use super::keys::Keys;
use super::plan::{Ca, Roa};
use crate::ca::{
    Issuer, ManifestFields, ObjectFields, Revoked, RouterFields, SigningKey, crl,
    router_certificate, sign_certificate,
};
use crate::model::{Asn, Aspa, ObjectHash, ObjectUri, TimeWindow, Timestamp};

const DAY: Duration = Duration::from_secs(86_400);

/// How far before "now" objects become valid, so that a clock that is a little late accepts them.
const HEAD_START: Duration = Duration::from_secs(300);

/// When the objects of a lab are valid.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// A trust anchor's certificate: ten years.
    pub(super) anchor: TimeWindow,
    /// CA and EE certificates: a year.
    pub(super) certificate: TimeWindow,
    /// Manifest and CRL: three days.
    updates: TimeWindow,
}

impl Times {
    /// Returns the times of what is issued at `now`.
    pub(super) fn at(now: Timestamp) -> Self {
        let from = now.minus(HEAD_START);
        let window = |days: u32| TimeWindow::new(from, now.plus(DAY * days));
        Times { anchor: window(3650), certificate: window(365), updates: window(3) }
    }
}

/// What a CA has issued under one file name.
struct Issued {
    serial: u64,
    bytes: Bytes,
}

/// A CA with its key and its publication point.
pub(super) struct CaState {
    pub(super) name: String,
    pub(super) server: usize,
    pub(super) parent: Option<usize>,
    pub(super) key: Arc<SigningKey>,
    pub(super) certificate: Bytes,
    pub(super) certificate_uri: ObjectUri,
    pub(super) directory: ObjectUri,
    crl_uri: ObjectUri,
    next_serial: u64,
    /// Of the manifest and the CRL published last.
    number: u64,
    this_update: Timestamp,
    revoked: Vec<Revoked>,
    /// Invariant: after `publish`, what the manifest lists, with the manifest and without more.
    files: BTreeMap<String, Issued>,
}

impl CaState {
    /// Makes a CA that has issued nothing.
    pub(super) fn new(
        planned: &Ca,
        parent: Option<usize>,
        key: Arc<SigningKey>,
        certificate: Bytes,
        certificate_uri: ObjectUri,
        directory: ObjectUri,
    ) -> Result<Self, LabError> {
        let crl_uri = directory.join(&format!("{}.crl", planned.name))?;
        Ok(CaState {
            name: planned.name.clone(),
            server: planned.server,
            parent,
            key,
            certificate,
            certificate_uri,
            directory,
            crl_uri,
            next_serial: 2,
            number: 0,
            this_update: Timestamp::MIN,
            revoked: Vec::new(),
            files: BTreeMap::new(),
        })
    }

    /// Returns the CA as the issuer of certificates.
    pub(super) fn issuer(&self) -> Issuer<'_> {
        Issuer { key: &self.key, certificate: &self.certificate_uri, crl: &self.crl_uri }
    }

    /// Returns everything that the CA publishes.
    pub(super) fn objects(&self) -> impl Iterator<Item = (ObjectUri, Bytes)> + '_ {
        // A file name that made a URI once makes one again.
        let files = self.files.iter();
        files.filter_map(|(name, file)| Some((self.directory.join(name).ok()?, file.bytes.clone())))
    }

    /// Returns a serial number that no certificate of this CA has.
    pub(super) fn take_serial(&mut self) -> u64 {
        let serial = self.next_serial;
        self.next_serial += 1;
        serial
    }

    /// Puts a certificate or object in place.
    pub(super) fn insert(&mut self, name: String, serial: u64, bytes: Bytes) {
        self.files.insert(name, Issued { serial, bytes });
    }

    /// Takes an object away, and revokes its EE certificate.
    pub(super) fn withdraw(&mut self, name: &str, now: Timestamp) {
        if let Some(old) = self.files.remove(name) {
            self.revoked.push(Revoked { serial: old.serial, at: now });
        }
    }

    /// Issues all objects that the plan has for this CA.
    pub(super) fn issue_all(
        &mut self,
        planned: &Ca,
        keys: &mut Keys,
        now: Timestamp,
    ) -> Result<(), LabError> {
        for roa in &planned.roas {
            self.issue_roa(roa, keys.next()?, now)?;
        }
        for aspa in &planned.aspas {
            self.issue_aspa(aspa, keys.next()?, now)?;
        }
        for &asn in &planned.routers {
            self.issue_router(asn, now)?;
        }
        if let Some(contact) = &planned.contact {
            self.issue_contact(contact, keys.next()?, now)?;
        }
        Ok(())
    }

    /// Issues a ROA.
    pub(super) fn issue_roa(
        &mut self,
        roa: &Roa,
        ee: Arc<SigningKey>,
        now: Timestamp,
    ) -> Result<(), LabError> {
        self.issue(format!("{}.roa", roa.name), &ee, Times::at(now).certificate, |fields| {
            Ok(fields.roa(roa.asn, &roa.prefixes)?.encode())
        })
    }

    fn issue_aspa(
        &mut self,
        aspa: &Aspa,
        ee: Arc<SigningKey>,
        now: Timestamp,
    ) -> Result<(), LabError> {
        self.issue(format!("{}.asa", aspa.customer), &ee, Times::at(now).certificate, |fields| {
            Ok(fields.aspa(aspa)?.encode())
        })
    }

    fn issue_contact(
        &mut self,
        name: &str,
        ee: Arc<SigningKey>,
        now: Timestamp,
    ) -> Result<(), LabError> {
        let lines = ["BEGIN:VCARD", "VERSION:4.0", &format!("FN:{name}"), "EMAIL:noc@lab.example"];
        let vcard = format!("{}\r\nEND:VCARD\r\n", lines.join("\r\n"));
        self.issue(format!("{}.gbr", self.name), &ee, Times::at(now).certificate, |fields| {
            Ok(fields.ghostbusters(&vcard)?.encode())
        })
    }

    fn issue_router(&mut self, asn: Asn, now: Timestamp) -> Result<(), LabError> {
        let serial = self.take_serial();
        let fields = RouterFields { serial, validity: Times::at(now).certificate, asn };
        let tbs = router_certificate(self.issuer(), fields)?;
        let bytes = sign_certificate(&tbs, &self.key)?;
        self.insert(format!("router-{asn}.cer"), serial, bytes);
        Ok(())
    }

    /// Makes a signed object with the next serial number, and puts it in place.
    fn issue(
        &mut self,
        name: String,
        ee: &SigningKey,
        validity: TimeWindow,
        make: impl FnOnce(ObjectFields<'_>) -> Result<Bytes, LabError>,
    ) -> Result<(), LabError> {
        let serial = self.take_serial();
        let uri = self.directory.join(&name)?;
        let signing_time = validity.from;
        let issuer = self.issuer();
        let bytes =
            make(ObjectFields { issuer, key: ee, serial, validity, signing_time, uri: &uri })?;
        self.insert(name, serial, bytes);
        Ok(())
    }

    /// Issues the next CRL and the next manifest over what is in place.
    pub(super) fn publish(&mut self, ee: Arc<SigningKey>, now: Timestamp) -> Result<(), LabError> {
        let manifest = format!("{}.mft", self.name);
        self.withdraw(&manifest, now);
        self.number += 1;
        let mut updates = Times::at(now).updates;
        // A manifest must be newer than the one before (RFC 9286, section 4.2.1); two changes in
        // one second use up the head start.
        updates.from = updates.from.max(self.this_update.plus(Duration::from_secs(1)));
        self.this_update = updates.from;
        let crl = crl(&self.key, self.number, updates, &self.revoked)?;
        // A CRL has no certificate to revoke.
        self.insert(self.crl_uri.file_name().to_owned(), 0, crl);
        let hashes = self.files.iter();
        let hashes: Vec<_> =
            hashes.map(|(name, file)| (name.clone(), ObjectHash::of(&file.bytes))).collect();
        let number = self.number;
        self.issue(manifest, &ee, updates, |fields| {
            Ok(fields.manifest(ManifestFields { number, updates, files: &hashes })?.encode())
        })
    }
}
