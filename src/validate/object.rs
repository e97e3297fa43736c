//! The rules for certificates and signed objects below a CA (RFC 6487, section 7; RFC 6488).

use std::sync::Arc;

use aws_lc_rs::digest;
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use bytes::Bytes;

use super::context::{CaContext, Place};
use super::finding::Rejection;
use super::moment::Moment;
use super::{ObjectKind, Policy, Reason};
use crate::model::{AsRange, ObjectHash, ObjectUri, ResourceSet, V4Range, V6Range};
use crate::object::{Cert, ContentType, Profile, SignedObject};

/// Where an object was found, and below whom.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) ca: &'a Arc<CaContext>,
    pub(crate) uri: &'a ObjectUri,
    pub(crate) hash: ObjectHash,
    pub(crate) bytes: &'a Bytes,
}

/// Judges the envelope of a signed object and its certificate, but not its resources.
///
/// Source: RFC 6488, section 3.
pub(crate) fn judge_signed_object(
    subject: Subject<'_>,
    kind: ObjectKind,
    wanted: ContentType,
    moment: &mut Moment,
) -> Result<SignedObject, Rejection> {
    let of_decoding = |error| Rejection::of_decoding(kind, error);
    let object = SignedObject::decode(subject.bytes, wanted).map_err(of_decoding)?;
    let cert = &object.cert;
    if object.sid != cert.ski() {
        let detail = format!("signed by {}, but the certificate is for {}", object.sid, cert.ski());
        return Err(Rejection::new(Reason::ObjectSigner, detail));
    }
    if digest::digest(&digest::SHA256, &object.content).as_ref() != object.digest.as_ref() {
        let detail = "the signed digest is not the SHA-256 of the content";
        return Err(Rejection::new(Reason::ObjectDigest, detail));
    }
    cert.inspect(Profile::Ee).map_err(of_decoding)?;
    if !cert.has_signed_object_uri(subject.uri) {
        let named = cert.signed_object_uri().unwrap_or("nothing");
        let detail = format!("the certificate says that the object is at {named}");
        return Err(Rejection::new(Reason::ObjectUri, detail));
    }
    check_issuer(cert, subject.ca)?;
    check_validity(cert, moment)?;
    let not_after = cert.validity().until;
    if object.signing_time > not_after {
        let detail = format!("signed at {}, expired at {not_after}", object.signing_time);
        return Err(Rejection::new(Reason::ObjectSigningTime, detail));
    }
    check_signature(cert, subject.ca)?;
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, cert.public_key())
        .verify(&object.signed_bytes(), &object.signature)
        .map_err(|_| {
            let detail = "the signature does not verify with the key of the certificate inside";
            Rejection::new(Reason::ObjectSignature, detail)
        })?;
    Ok(object)
}

/// Judges the certificate of a CA below another.
///
/// Source: RFC 6487, section 7.2; RFC 8360, section 4.2.4.4, for those that are trimmed.
pub(crate) fn judge_ca(
    subject: Subject<'_>,
    cert: &Cert,
    trust_anchor_name: &Arc<str>,
    policy: &Policy,
    moment: &mut Moment,
) -> Result<CaContext, Rejection> {
    let ca = subject.ca;
    judge_certificate(cert, Profile::Ca, ca, moment)?;
    let resources = Arc::new(effective_resources(cert, ca)?);
    let place = Place {
        trust_anchor_name: trust_anchor_name.clone(),
        trust_anchor: ca.trust_anchor,
        issuer: Some(ca.clone()),
        certificate_uris: vec![subject.uri.as_str().to_owned()],
        certificate_hash: subject.hash,
    };
    let child = CaContext::new(cert, resources, place)?;
    if ca.is_in_chain(cert.spki(), &child.location.manifest) {
        let detail = format!("{} is the manifest of a CA above", child.location.manifest);
        return Err(Rejection::new(Reason::CaLoop, detail));
    }
    if child.depth > policy.max_depth {
        let detail = format!("depth {}, the limit is {}", child.depth, policy.max_depth);
        return Err(Rejection::new(Reason::CaTooDeep, detail));
    }
    Ok(child)
}

/// Judges what all certificates below a CA have in common, but not their resources.
pub(crate) fn judge_certificate(
    cert: &Cert,
    profile: Profile,
    ca: &CaContext,
    moment: &mut Moment,
) -> Result<(), Rejection> {
    cert.inspect(profile)
        .map_err(|error| Rejection::of_decoding(ObjectKind::CaCertificate, error))?;
    check_issuer(cert, ca)?;
    check_validity(cert, moment)?;
    check_signature(cert, ca)
}

/// Checks the CRL distribution point: the CRL of the manifest, or revocation means nothing.
pub(crate) fn check_crl_uri(cert: &Cert, crl_uri: &ObjectUri) -> Result<(), Rejection> {
    if cert.has_crl_uri(crl_uri) {
        return Ok(());
    }
    let detail = format!("it names {}, not {crl_uri}", cert.crl_uri().unwrap_or("none"));
    Err(Rejection::new(Reason::CertCrlUri, detail))
}

/// Returns what is strange about a certificate, but no reason to reject it.
pub(crate) fn warnings(cert: &Cert, ca: &CaContext) -> Vec<Rejection> {
    let mut warnings = Vec::new();
    if let Some(uri) = cert.issuer_uri().filter(|uri| !ca.is_published_at(uri)) {
        let detail = format!("it names {uri}, the issuer's is at {}", ca.certificate_uri);
        warnings.push(Rejection::new(Reason::CertIssuerUri, detail));
    }
    if !cert.issuer().is_printable() || !cert.subject().is_printable() {
        let detail = "issuer or subject is written in another string type";
        warnings.push(Rejection::new(Reason::CertNameForm, detail));
    }
    warnings
}

/// Checks the validity of a certificate; both ends are inside.
pub(crate) fn check_validity(cert: &Cert, moment: &mut Moment) -> Result<(), Rejection> {
    let validity = cert.validity();
    if moment.is_before(validity.from) {
        let detail = format!("valid from {}", validity.from);
        return Err(Rejection::new(Reason::CertNotYetValid, detail));
    }
    if moment.is_after(validity.until) {
        let detail = format!("valid until {}", validity.until);
        return Err(Rejection::new(Reason::CertExpired, detail));
    }
    Ok(())
}

/// Checks that key identifier and name of the issuer are those of the CA.
///
/// The name is compared with this CA's alone: no CA is ever looked up by name (THREATS G25).
fn check_issuer(cert: &Cert, ca: &CaContext) -> Result<(), Rejection> {
    match cert.aki() {
        Some(aki) if aki == ca.ski && *cert.issuer() == ca.subject => Ok(()),
        Some(aki) if aki == ca.ski => {
            let detail = "the key is that of the CA, but the name of the issuer is not";
            Err(Rejection::new(Reason::CertIssuerName, detail))
        }
        Some(aki) => {
            let detail = format!("issued by the key {aki}, the CA has {}", ca.ski);
            Err(Rejection::new(Reason::CertAki, detail))
        }
        None => Err(Rejection::new(Reason::CertAki, "no authority key identifier")),
    }
}

fn check_signature(cert: &Cert, ca: &CaContext) -> Result<(), Rejection> {
    if ca.verify(cert.tbs(), cert.signature()) {
        return Ok(());
    }
    let detail = "the signature does not verify with the key of the CA";
    Err(Rejection::new(Reason::CertSignature, detail))
}

/// Returns what a certificate may be used for below `ca`.
pub(crate) fn effective_resources(cert: &Cert, ca: &CaContext) -> Result<ResourceSet, Rejection> {
    let claimed = cert.resources().resolve(&ca.resources);
    if ca.resources.contains_set(&claimed) {
        return Ok(claimed);
    }
    if cert.is_trimmed() {
        return Ok(claimed.intersection(&ca.resources));
    }
    let excess = first_excess(&claimed, &ca.resources);
    Err(Rejection::new(Reason::CertOverclaim, format!("not held by the issuer: {excess}")))
}

/// Returns the first few ranges of `claimed` that are not in `held`, for people to read.
fn first_excess(claimed: &ResourceSet, held: &ResourceSet) -> ResourceSet {
    const SHOWN: usize = 5;
    let is_excess = |set: ResourceSet| !held.contains_set(&set);
    let v4 = claimed
        .v4()
        .iter()
        .copied()
        .filter(|r: &V4Range| is_excess(ResourceSet::new([*r], [], [])));
    let v6 = claimed
        .v6()
        .iter()
        .copied()
        .filter(|r: &V6Range| is_excess(ResourceSet::new([], [*r], [])));
    let asn = claimed
        .asn()
        .iter()
        .copied()
        .filter(|r: &AsRange| is_excess(ResourceSet::new([], [], [*r])));
    ResourceSet::new(v4.take(SHOWN), v6.take(SHOWN), asn.take(SHOWN))
}
