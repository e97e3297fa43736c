//! Signs what one CA of a lab of scale publishes. Pure.

use std::sync::Arc;

use bytes::Bytes;
use rayon::prelude::*;

use super::history::{
    FIRST_SERIAL, History, IssuedRoa, Standing, anchor_validity, certificate_validity,
};
use super::plan::{ScaleCa, ScalePlan};
use super::size::Scale;
use crate::ca::{
    CaFields, Issuer, KeyPool, ManifestFields, ObjectFields, Resources, SigningKey,
    TrustAnchorFields, ca_certificate, crl, sign_certificate, tal, trust_anchor_certificate,
};
use crate::lab::LabError;
use crate::model::{ObjectHash, ObjectUri};

/// How many keys EE certificates have in all; a key of its own for each would triple the work.
const EE_KEYS: usize = 64;

/// The keys of a lab of scale: one of the large pool for each CA, and a few for EE certificates.
pub(super) struct ScaleKeys {
    offset: usize,
    ee: Vec<Arc<SigningKey>>,
}

impl ScaleKeys {
    pub(super) fn new(seed: u64) -> Result<Self, LabError> {
        let pool = KeyPool::scale();
        let offset = usize::try_from(seed % pool.len() as u64).unwrap_or_default();
        let mut keys = ScaleKeys { offset, ee: Vec::new() };
        let first = Scale::Internet.size().cas;
        for number in first..first + EE_KEYS {
            keys.ee.push(Arc::new(pool.fresh(keys.index(number))?));
        }
        Ok(keys)
    }

    fn index(&self, number: usize) -> usize {
        (self.offset + number) % KeyPool::scale().len()
    }

    fn ca(&self, number: usize) -> Result<SigningKey, LabError> {
        Ok(KeyPool::scale().fresh(self.index(number))?)
    }

    /// Returns the EE key for the certificate of a CA with this serial number.
    fn ee(&self, ca: usize, serial: u64) -> Result<&SigningKey, LabError> {
        let key = self.ee.get((ca + usize::try_from(serial).unwrap_or_default()) % EE_KEYS);
        key.map(Arc::as_ref).ok_or_else(|| LabError::Plan("no EE key".into()))
    }
}

/// The files of one publication point by name, the manifest last.
pub(super) type Files = Vec<(String, Bytes)>;

/// A CA at work.
struct Signer<'a> {
    plan: &'a ScalePlan,
    keys: &'a ScaleKeys,
    history: &'a History,
    index: usize,
    ca: &'a ScaleCa,
    key: SigningKey,
    certificate: ObjectUri,
    directory: ObjectUri,
    crl: ObjectUri,
}

/// Signs everything that CA number `index` publishes after all that happened.
pub(super) fn sign_point(
    plan: &ScalePlan,
    keys: &ScaleKeys,
    index: usize,
    history: &History,
) -> Result<Files, LabError> {
    let ca = plan.cas.get(index).ok_or_else(|| LabError::Plan(format!("no CA {index}")))?;
    let directory = plan.directory(ca)?;
    let signer = Signer {
        plan,
        keys,
        history,
        index,
        ca,
        key: keys.ca(index)?,
        certificate: plan.certificate_uri(ca)?,
        crl: directory.join(&format!("{}.crl", ca.name))?,
        directory,
    };
    let standing = Standing::new(plan, index, ca, history);
    let children = ca.children.par_iter().enumerate();
    let children =
        children.map(|(place, child)| signer.sign_child(*child, FIRST_SERIAL + place as u64));
    let mut files: Files = children.collect::<Result<_, LabError>>()?;
    let roas = standing.roas.par_iter().map(|roa| signer.sign_roa(roa));
    files.extend(roas.collect::<Result<Files, LabError>>()?);
    let revoked = &standing.revoked;
    let crl = crl(&signer.key, standing.number, standing.updates, revoked)?;
    files.push((signer.crl.file_name().to_owned(), crl));
    files.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    files.push(signer.sign_manifest(&standing, &files)?);
    Ok(files)
}

/// Signs the certificate of trust anchor number `index`, and writes its TAL.
pub(super) fn sign_anchor(
    plan: &ScalePlan,
    keys: &ScaleKeys,
    index: usize,
    history: &History,
) -> Result<(Bytes, String), LabError> {
    let ca = plan.cas.get(index).ok_or_else(|| LabError::Plan(format!("no CA {index}")))?;
    let key = keys.ca(index)?;
    let (server, directory) = (plan.server(ca)?, plan.directory(ca)?);
    let tbs = trust_anchor_certificate(TrustAnchorFields {
        serial: 1,
        validity: anchor_validity(history.at),
        key: &key,
        resources: &ca.resources,
        repository: &directory,
        manifest: &directory.join(&format!("{}.mft", ca.name))?,
        notify: server.notification.as_ref(),
    })?;
    let https = server.ta_https(&ca.name);
    let uris = https.into_iter().chain([plan.certificate_uri(ca)?.to_string()]);
    let comment = "A trust anchor of a lab: invented resources, keys that are no secret.\n\
                   Never use it for routing.";
    let tal = tal(comment, &uris.collect::<Vec<_>>(), &key);
    Ok((sign_certificate(&tbs, &key)?, tal))
}

impl Signer<'_> {
    fn issuer(&self) -> Issuer<'_> {
        Issuer { key: &self.key, certificate: &self.certificate, crl: &self.crl }
    }

    fn sign_child(&self, child: usize, serial: u64) -> Result<(String, Bytes), LabError> {
        let ca = self.plan.cas.get(child).ok_or_else(|| LabError::Plan("no such child".into()))?;
        let directory = self.plan.directory(ca)?;
        let tbs = ca_certificate(
            self.issuer(),
            CaFields {
                serial,
                validity: certificate_validity(self.history.at),
                subject: &KeyPool::scale().public_half(self.keys.index(child))?,
                resources: &Resources::Set(ca.resources.clone()),
                repository: &directory,
                manifest: &directory.join(&format!("{}.mft", ca.name))?,
                notify: self.plan.server(ca)?.notification.as_ref(),
            },
        )?;
        Ok((format!("{}.cer", ca.name), sign_certificate(&tbs, &self.key)?))
    }

    fn sign_roa(&self, issued: &IssuedRoa) -> Result<(String, Bytes), LabError> {
        let name = format!("{}.roa", issued.roa.name);
        let object = ObjectFields {
            issuer: self.issuer(),
            key: self.keys.ee(self.index, issued.serial)?,
            serial: issued.serial,
            validity: issued.validity,
            signing_time: issued.validity.from,
            uri: &self.directory.join(&name)?,
        };
        Ok((name, object.roa(issued.roa.asn, &issued.roa.prefixes)?.encode()))
    }

    fn sign_manifest(
        &self,
        standing: &Standing,
        files: &Files,
    ) -> Result<(String, Bytes), LabError> {
        let name = format!("{}.mft", self.ca.name);
        let hashes = files.iter().map(|(name, bytes)| (name.clone(), ObjectHash::of(bytes)));
        let (number, updates) = (standing.number, standing.updates);
        let object = ObjectFields {
            issuer: self.issuer(),
            key: self.keys.ee(self.index, standing.manifest_serial)?,
            serial: standing.manifest_serial,
            validity: updates,
            signing_time: updates.from,
            uri: &self.directory.join(&name)?,
        };
        let files = hashes.collect::<Vec<_>>();
        Ok((name, object.manifest(ManifestFields { number, updates, files: &files })?.encode()))
    }
}
