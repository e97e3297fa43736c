//! The rules for signed checklists (RFC 9323): judged on demand, below a CA that was judged before.

use bytes::Bytes;

use super::alone::{check_envelope, check_own_signature};
use super::context::{CaContext, Place};
use super::finding::Rejection;
use super::moment::Moment;
use super::object::{check_validity, effective_resources};
use super::{Finding, ObjectKind, ObjectSource, PointOutcome, Reason, SourceError, Validation};
use crate::model::{ObjectHash, TimeWindow, Timestamp};
use crate::object::{Cert, Checklist, ContentType, Crl, Manifest, Profile, SignedObject};

/// A checklist that is valid.
#[derive(Clone, Debug)]
pub struct ValidChecklist {
    /// What it says.
    pub checklist: Checklist,
    /// The index of the CA's point in [`Validation::points`].
    pub point: usize,
    /// The validity of its own certificate; the chain's is narrower.
    pub validity: TimeWindow,
    /// When it says that it was signed.
    pub signing_time: Timestamp,
}

/// Why a checklist is not valid.
#[derive(Clone, Debug)]
pub enum ChecklistFault {
    /// It broke this rule.
    Rejected(Box<Finding>),
    /// No CA with valid data has the key that issued its certificate.
    NoIssuer {
        /// The key, and where the issuer's certificate should be.
        wanted: String,
    },
    /// The cache could not be read.
    Unreadable(SourceError),
}

/// Judges a signed checklist below the CAs that `validation` found in `source`.
///
/// Source: RFC 9323, section 5; RFC 6488, section 3. The certificate names no place, so the CA is
/// found by the key; of several with one key, the one that signed is taken.
pub fn judge_checklist(
    bytes: &Bytes,
    name: &str,
    validation: &Validation,
    source: &dyn ObjectSource,
) -> Result<ValidChecklist, ChecklistFault> {
    let reject = |rejection: Rejection| {
        ChecklistFault::Rejected(Box::new(
            rejection.into_finding(name, Some(ObjectHash::of(bytes))),
        ))
    };
    let of_decoding = |error| reject(Rejection::of_decoding(ObjectKind::Other, error));
    let object = SignedObject::decode(bytes, ContentType::Rsc).map_err(of_decoding)?;
    check_envelope(&object).map_err(reject)?;
    let cert = &object.cert;
    cert.inspect(Profile::DetachedEe).map_err(of_decoding)?;
    check_own_signature(&object).map_err(reject)?;
    let checklist = Checklist::decode(&object.content).map_err(of_decoding)?;

    let candidates = validation.points.iter().enumerate();
    let candidates =
        candidates.filter(|(_, point)| point.manifest.is_some() && cert.aki() == Some(point.ski));
    let mut fault = None;
    for (index, point) in candidates {
        let ca = context(point, source)?;
        match judge_below(&object, &checklist, &ca, point, validation.time, source)? {
            Ok(()) => {
                return Ok(ValidChecklist {
                    checklist,
                    point: index,
                    validity: cert.validity(),
                    signing_time: object.signing_time,
                });
            }
            Err(rejection) => fault = Some(rejection),
        }
    }
    match fault {
        Some(rejection) => Err(reject(rejection)),
        None => {
            let key = cert.aki().map(|aki| aki.to_string()).unwrap_or_default();
            let wanted = format!(
                "{key}, certified at {}",
                cert.issuer_uri().map_or("?", |uri| uri.as_str())
            );
            Err(ChecklistFault::NoIssuer { wanted })
        }
    }
}

/// Makes the issuer again from what validation found.
fn context(point: &PointOutcome, source: &dyn ObjectSource) -> Result<CaContext, ChecklistFault> {
    let gone = || ChecklistFault::Unreadable(SourceError("the CA's certificate is gone".into()));
    let bytes = source.bytes(&point.certificate_hash).map_err(ChecklistFault::Unreadable)?;
    // It was judged a moment ago, so that only a damaged cache gets past here.
    let cert = Cert::decode(&bytes.ok_or_else(gone)?).map_err(|_| gone())?;
    let place = Place {
        trust_anchor_name: "".into(),
        trust_anchor: point.trust_anchor,
        issuer: None,
        certificate_uris: vec![point.certificate_uri.clone()],
        certificate_hash: point.certificate_hash,
    };
    CaContext::new(&cert, point.resources.clone(), place).map_err(|_| gone())
}

/// Judges the certificate of a checklist below one CA.
fn judge_below(
    object: &SignedObject,
    checklist: &Checklist,
    ca: &CaContext,
    point: &PointOutcome,
    now: Timestamp,
    source: &dyn ObjectSource,
) -> Result<Result<(), Rejection>, ChecklistFault> {
    let cert = &object.cert;
    let judge = || {
        if *cert.issuer() != ca.subject {
            let detail = "the key is that of the CA, but the name of the issuer is not";
            return Err(Rejection::new(Reason::CertIssuerName, detail));
        }
        if !ca.verify(cert.tbs(), cert.signature()) {
            let detail = "the signature does not verify with the key of the CA";
            return Err(Rejection::new(Reason::CertSignature, detail));
        }
        check_validity(cert, &mut Moment::new(now))?;
        let held = effective_resources(cert, ca)?;
        if !held.contains_set(&checklist.resources) {
            let detail = "the checklist names resources that its certificate does not hold";
            return Err(Rejection::new(Reason::CertOverclaim, detail));
        }
        Ok(())
    };
    if let Err(rejection) = judge() {
        return Ok(Err(rejection));
    }
    let crl = read_crl(point, cert, source)?;
    Ok(match crl.map(|crl| crl.is_revoked(&cert.serial())) {
        Some(false) => Ok(()),
        Some(true) => Err(Rejection::new(Reason::ObjectRevoked, "its serial number is on the CRL")),
        None => {
            let detail = "it does not name the CRL of the CA's manifest";
            Err(Rejection::new(Reason::CertCrlUri, detail))
        }
    })
}

/// Reads the CRL that the manifest in use lists, if the certificate names it.
fn read_crl(
    point: &PointOutcome,
    cert: &Cert,
    source: &dyn ObjectSource,
) -> Result<Option<Crl>, ChecklistFault> {
    let Some(manifest) = &point.manifest else { return Ok(None) };
    let read = |hash| source.bytes(hash).map_err(ChecklistFault::Unreadable);
    let Some(bytes) = read(&manifest.hash)? else { return Ok(None) };
    let Ok(object) = SignedObject::decode(&bytes, ContentType::Manifest) else { return Ok(None) };
    let Ok(content) = Manifest::decode(&object.content) else { return Ok(None) };
    let listed = content.files.iter().find(|file| {
        let uri = point.location.directory.join(&file.name);
        ObjectKind::of_name(&file.name) == ObjectKind::Crl
            && uri.is_ok_and(|uri| cert.has_crl_uri(&uri))
    });
    let Some(listed) = listed else { return Ok(None) };
    Ok(read(&listed.hash)?.and_then(|bytes| Crl::decode(&bytes).ok()))
}
