//! A CA as an issuer: its key, its effective resources, and its place in the tree.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use serde::{Deserialize, Serialize};

use super::finding::Rejection;
use super::{CaLocation, Reason};
use crate::model::{KeyIdentifier, ObjectHash, ObjectUri, PointId, ResourceSet, TimeWindow};
use crate::object::{Cert, Name};

/// A CA whose certificate is valid, at its place in the tree.
#[derive(Debug)]
pub(crate) struct CaContext {
    pub(crate) id: PointId,
    /// The index of the trust anchor.
    pub(crate) trust_anchor: usize,
    /// 0 for a trust anchor.
    pub(crate) depth: usize,
    pub(crate) issuer: Option<Arc<CaContext>>,
    pub(crate) facts: Arc<CaFacts>,
    // Parsed once: nine of sixteen signatures of a run are verified with a key used before. A CA
    // that is remembered has its key parsed only if something below it must be verified.
    key: OnceLock<Option<ParsedPublicKey>>,
}

/// What the certificate of a CA says, as far as it is used: what a run remembers of a CA.
#[derive(Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(crate) struct CaFacts {
    /// The URI of the certificate.
    pub(crate) certificate_uri: String,
    pub(crate) certificate_hash: ObjectHash,
    pub(crate) ski: KeyIdentifier,
    pub(crate) location: CaLocation,
    /// What the CA may sign for: inheritance resolved, and trimmed where RFC 8360 says so.
    pub(crate) resources: Arc<ResourceSet>,
    /// The validity of the certificate.
    pub(crate) validity: TimeWindow,
    /// The name under which it issues.
    pub(crate) subject: Name,
    /// Where its certificate may be found; several only for a trust anchor.
    certificate_uris: Vec<String>,
    spki: Vec<u8>,
}

impl CaFacts {
    /// Tells whether files below a CA of these facts are judged as below one of `other`; both are
    /// the same point.
    ///
    /// So the renewal of a CA's certificate costs nothing below it.
    pub(crate) fn judges_like(&self, other: &CaFacts) -> bool {
        let CaFacts { ski, location, resources, subject, certificate_uris, spki, .. } = self;
        (ski, location, spki) == (&other.ski, &other.location, &other.spki)
            && (subject, certificate_uris) == (&other.subject, &other.certificate_uris)
            && *resources == other.resources
    }
}

impl Deref for CaContext {
    type Target = CaFacts;

    fn deref(&self) -> &CaFacts {
        &self.facts
    }
}

/// What a context is made from, beside the certificate itself.
pub(crate) struct Place {
    pub(crate) trust_anchor_name: Arc<str>,
    pub(crate) trust_anchor: usize,
    pub(crate) issuer: Option<Arc<CaContext>>,
    /// Where the certificate may be found; the first is the one that is shown.
    pub(crate) certificate_uris: Vec<String>,
    pub(crate) certificate_hash: ObjectHash,
}

impl CaContext {
    /// Makes the context of a CA from its inspected certificate and effective resources.
    pub(crate) fn new(
        cert: &Cert,
        resources: Arc<ResourceSet>,
        place: Place,
    ) -> Result<CaContext, Rejection> {
        let location = location(cert)?;
        let issuer_id = place.issuer.as_ref().map(|issuer| issuer.id);
        Ok(CaContext {
            id: PointId::derive(
                &place.trust_anchor_name,
                issuer_id,
                cert.spki(),
                &location.manifest,
            ),
            trust_anchor: place.trust_anchor,
            depth: place.issuer.as_ref().map_or(0, |issuer| issuer.depth.saturating_add(1)),
            issuer: place.issuer,
            key: OnceLock::from(Some(parse_key(cert.public_key())?)),
            facts: Arc::new(CaFacts {
                certificate_uri: place.certificate_uris.first().cloned().unwrap_or_default(),
                certificate_uris: place.certificate_uris,
                subject: cert.subject().clone(),
                certificate_hash: place.certificate_hash,
                ski: cert.ski(),
                location,
                resources,
                validity: cert.validity(),
                // A copy, so that the context does not keep the whole certificate in memory.
                spki: cert.spki().to_vec(),
            }),
        })
    }

    /// Makes the context of a CA that an earlier run found valid below `issuer`.
    pub(crate) fn remembered(id: PointId, facts: Arc<CaFacts>, issuer: &Arc<CaContext>) -> Self {
        CaContext {
            id,
            trust_anchor: issuer.trust_anchor,
            depth: issuer.depth.saturating_add(1),
            issuer: Some(issuer.clone()),
            facts,
            key: OnceLock::new(),
        }
    }

    /// Tells whether this CA signed `message`.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        // The algorithm takes a SubjectPublicKeyInfo, too.
        let key = self.key.get_or_init(|| parse_key(&self.spki).ok());
        key.as_ref().is_some_and(|key| key.verify_sig(message, signature).is_ok())
    }

    /// Tells whether this CA has the key `spki` (DER).
    pub(crate) fn has_key(&self, spki: &[u8]) -> bool {
        self.spki == spki
    }

    /// Tells whether the certificate of this CA is published at `uri`.
    pub(crate) fn is_published_at(&self, uri: &ObjectUri) -> bool {
        self.certificate_uris.iter().any(|known| known == uri.as_str())
    }

    /// Tells whether a CA with this key and manifest is this one or above it.
    ///
    /// Both are compared: anyone can put any key into a certificate (THREATS G24).
    pub(crate) fn is_in_chain(&self, spki: &[u8], manifest: &ObjectUri) -> bool {
        let mut next = Some(self);
        while let Some(ca) = next {
            if ca.spki == spki && ca.location.manifest == *manifest {
                return true;
            }
            next = ca.issuer.as_deref();
        }
        false
    }
}

/// Parses an RSAPublicKey.
pub(crate) fn parse_key(public_key: &[u8]) -> Result<ParsedPublicKey, Rejection> {
    ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public_key)
        .map_err(|_| Rejection::new(Reason::CertKey, "the public key cannot be used"))
}

/// Returns where a CA publishes.
fn location(cert: &Cert) -> Result<CaLocation, Rejection> {
    let bad = |detail: &str| Rejection::new(Reason::CertLocation, detail);
    let directory = cert.ca_repository().ok_or_else(|| bad("caRepository is not usable"))?;
    let manifest = cert.manifest().ok_or_else(|| bad("rpkiManifest is not usable"))?;
    if manifest.directory() != directory {
        return Err(bad("rpkiManifest does not lie in caRepository"));
    }
    let notify = cert
        .notify()
        .map_err(|uri| bad(&format!("rpkiNotify {uri} is not a URI that can be fetched")))?;
    Ok(CaLocation { notify, directory, manifest })
}
