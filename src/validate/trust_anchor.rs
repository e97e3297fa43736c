//! A trust anchor's certificate against its locator (RFC 8630).

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::context::{CaContext, Place, parse_key};
use super::finding::Rejection;
use super::moment::Moment;
use super::object::check_validity;
use super::{ObjectKind, Reason};
use crate::model::{ObjectHash, ResourceSet, Timestamp};
use crate::object::{Cert, Profile, Tal};

/// From when on a validity of more than [`LONG_LIFE`] is worth a warning: 2026-02-02.
const LONG_LIFE_FROM: Timestamp = Timestamp(1_769_990_400);

/// From when on a validity of more than [`LONG_LIFE_LATER`] is worth a warning: 2027-03-03.
const LONG_LIFE_LATER_FROM: Timestamp = Timestamp(1_804_032_000);

/// 15 years; where rpki-client 9.4 draws the line.
const LONG_LIFE: Duration = Duration::from_secs(15 * 366 * 86_400);

/// 3 years; where rpki-client draws it then.
const LONG_LIFE_LATER: Duration = Duration::from_secs(3 * 366 * 86_400);

/// Judges the certificate `bytes` of the trust anchor number `index`; with what is strange about
/// it, but no reason to reject it.
///
/// Source: RFC 8630, section 3; RFC 6487, section 7.2.
pub(crate) fn judge_trust_anchor(
    tal: &Tal,
    index: usize,
    bytes: &Bytes,
    moment: &mut Moment,
) -> Result<(CaContext, Vec<Rejection>), Rejection> {
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
        certificate_uris: tal.uris.iter().map(|uri| uri.as_str().to_owned()).collect(),
        certificate_hash: ObjectHash::of(bytes),
    };
    let mut warnings: Vec<_> = long_life(&cert, moment).into_iter().collect();
    if !cert.subject().is_printable() {
        let detail = "the subject is written in another string type";
        warnings.push(Rejection::new(Reason::CertNameForm, detail));
    }
    Ok((CaContext::new(&cert, resources, place)?, warnings))
}

/// Warns of a certificate that can be replayed for many years.
fn long_life(cert: &Cert, moment: &mut Moment) -> Option<Rejection> {
    let limit = if moment.is_before(LONG_LIFE_FROM) {
        return None;
    } else if moment.is_before(LONG_LIFE_LATER_FROM) {
        LONG_LIFE
    } else {
        LONG_LIFE_LATER
    };
    let validity = cert.validity();
    (validity.until > validity.from.plus(limit)).then(|| {
        let detail = format!("valid from {} until {}", validity.from, validity.until);
        Rejection::new(Reason::TrustAnchorLongLived, detail)
    })
}

/// Tells whether the certificate `fetched` for `tal` replaces `kept`, which was fetched earlier.
///
/// One that does not pass never replaces one that does. Of two that do, the one that was issued
/// later is preferred, then the one that ends earlier, then the one that was fetched now: so an old
/// certificate cannot be replayed.
/// Source: RFC 10097; the order is the one of rpki-client.
pub fn replaces_trust_anchor(tal: &Tal, kept: &Bytes, fetched: &Bytes, now: Timestamp) -> bool {
    let validity = |bytes: &Bytes| {
        let mut moment = Moment::new(now);
        judge_trust_anchor(tal, 0, bytes, &mut moment).ok().map(|(ca, _)| ca.validity)
    };
    match (validity(kept), validity(fetched)) {
        (Some(kept), Some(fetched)) => {
            (fetched.from, Reverse(fetched.until)) >= (kept.from, Reverse(kept.until))
        }
        (Some(_), None) => false,
        (None, _) => true,
    }
}
