//! A trust anchor's certificate against its locator (RFC 8630).

use std::sync::Arc;

use bytes::Bytes;

use super::context::{CaContext, Place, parse_key};
use super::finding::Rejection;
use super::moment::Moment;
use super::object::check_validity;
use super::{ObjectKind, Reason};
use crate::model::{ObjectHash, ResourceSet};
use crate::object::{Cert, Profile, Tal};

/// Judges the certificate `bytes` of the trust anchor number `index`.
///
/// Source: RFC 8630, section 3; RFC 6487, section 7.2.
pub(crate) fn judge_trust_anchor(
    tal: &Tal,
    index: usize,
    bytes: &Bytes,
    moment: &mut Moment,
) -> Result<CaContext, Rejection> {
    let of_decoding = |error| Rejection::of_decoding(ObjectKind::CaCertificate, error);
    let cert = Cert::decode(bytes).map_err(of_decoding)?;
    if *cert.spki() != tal.spki {
        let detail = "the key of the certificate is not the key of the locator";
        return Err(Rejection::new(Reason::TrustAnchorKey, detail));
    }
    cert.inspect(Profile::TrustAnchor).map_err(of_decoding)?;
    check_validity(&cert, moment)?;
    if cert.resources().has_inherit() {
        let detail = "a trust anchor has nobody to inherit from";
        return Err(Rejection::new(Reason::TrustAnchorInherit, detail));
    }
    let key = parse_key(cert.public_key())?;
    if key.verify_sig(cert.tbs(), cert.signature()).is_err() {
        let detail = "the certificate is not signed by its own key";
        return Err(Rejection::new(Reason::TrustAnchorSignature, detail));
    }
    let resources = Arc::new(cert.resources().resolve(&ResourceSet::default()));
    let place = Place {
        trust_anchor_name: tal.name.as_str().into(),
        trust_anchor: index,
        issuer: None,
        certificate_uri: tal.uris.first().map(|uri| uri.as_str().to_owned()).unwrap_or_default(),
        certificate_hash: ObjectHash::of(bytes),
    };
    CaContext::new(&cert, resources, place)
}
