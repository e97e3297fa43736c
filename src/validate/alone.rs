//! What an object breaks by itself, without its issuer: for display, never for use.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use bytes::Bytes;

use super::finding::Rejection;
use super::{Finding, ObjectKind, Reason};
use crate::model::ObjectHash;
use crate::object::{
    Cert, Checklist, ContentType, Crl, DecodeError, Ghostbusters, Manifest, Outline, Profile,
    SignedObject, SignedPrefixList, Tak, decode_aspa, decode_roa,
};

/// Returns the first rule that the object breaks by itself.
///
/// Signatures of the issuer, times, revocation and resources held are not looked at: `None` says
/// only that nothing is wrong with the object as such. The order is that of the rules.
pub fn judge_alone(bytes: &Bytes, name: &str) -> Option<Finding> {
    let rejection = match Outline::of(bytes) {
        Outline::SignedObject { content_type, number, .. } => {
            signed_object(bytes, content_type, number)
        }
        Outline::Certificate => certificate(bytes),
        Outline::Crl => Crl::decode(bytes)
            .map(|_| ())
            .map_err(|error| Rejection::of_decoding(ObjectKind::Crl, error)),
        Outline::Unknown => {
            let detail = "neither a certificate, nor a CRL, nor a signed object";
            Err(Rejection::new(Reason::ObjectMalformed, detail))
        }
    };
    rejection.err().map(|rejection| rejection.into_finding(name, Some(ObjectHash::of(bytes))))
}

fn certificate(bytes: &Bytes) -> Result<(), Rejection> {
    let of_decoding = |error| Rejection::of_decoding(ObjectKind::CaCertificate, error);
    let cert = Cert::decode(bytes).map_err(of_decoding)?;
    let profile = match (cert.is_ca(), cert.has_extended_key_usage()) {
        (true, _) if cert.aki().is_none_or(|aki| aki == cert.ski()) => Profile::TrustAnchor,
        (true, _) => Profile::Ca,
        (false, true) => Profile::Router,
        (false, false) => {
            let detail = "an end entity certificate without the BGPsec router key usage";
            return Err(Rejection::new(Reason::CertUnknownKind, detail));
        }
    };
    cert.inspect(profile).map_err(of_decoding)
}

fn signed_object(
    bytes: &Bytes,
    content_type: Option<ContentType>,
    number: Option<u8>,
) -> Result<(), Rejection> {
    let Some(content_type) = content_type else {
        let detail = match number {
            Some(number) => format!("the content type ends in {number}, which is not known here"),
            None => "the content type cannot be read".to_owned(),
        };
        return Err(Rejection::new(Reason::ObjectContentType, detail));
    };
    let (kind, profile) = match content_type {
        ContentType::Manifest => (ObjectKind::Manifest, Profile::Ee),
        ContentType::Rsc => (ObjectKind::Other, Profile::DetachedEe),
        _ => (ObjectKind::Roa, Profile::Ee),
    };
    let of_decoding = |error| Rejection::of_decoding(kind, error);
    let object = SignedObject::decode(bytes, content_type).map_err(of_decoding)?;
    check_envelope(&object)?;
    object.cert.inspect(profile).map_err(of_decoding)?;
    check_own_signature(&object)?;
    decode_content(content_type, &object.content).map_err(of_decoding)
}

/// Checks that signer and digest fit certificate and content (RFC 6488, section 3).
pub(super) fn check_envelope(object: &SignedObject) -> Result<(), Rejection> {
    let ski = object.cert.ski();
    if object.sid != ski {
        let detail = format!("signed by {}, but the certificate is for {ski}", object.sid);
        return Err(Rejection::new(Reason::ObjectSigner, detail));
    }
    if ObjectHash::of(&object.content).0 != *object.digest {
        let detail = "the signed digest is not the SHA-256 of the content";
        return Err(Rejection::new(Reason::ObjectDigest, detail));
    }
    Ok(())
}

/// Checks the signature of the object with the key of its own certificate.
pub(super) fn check_own_signature(object: &SignedObject) -> Result<(), Rejection> {
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, object.cert.public_key())
        .verify(&object.signed_bytes(), &object.signature)
        .map_err(|_| {
            let detail = "the signature does not verify with the key of the certificate inside";
            Rejection::new(Reason::ObjectSignature, detail)
        })
}

fn decode_content(content_type: ContentType, content: &[u8]) -> Result<(), DecodeError> {
    match content_type {
        ContentType::Roa => decode_roa(content).map(|_| ()),
        ContentType::Manifest => Manifest::decode(content).map(|_| ()),
        ContentType::Aspa => decode_aspa(content).map(|_| ()),
        ContentType::Ghostbusters => Ghostbusters::decode(content).map(|_| ()),
        ContentType::Rsc => Checklist::decode(content).map(|_| ()),
        ContentType::Tak => Tak::decode(content).map(|_| ()),
        ContentType::Spl => SignedPrefixList::decode(content).map(|_| ()),
    }
}
