//! The rules for CRLs (RFC 6487, section 5; RFC 9829).

use bytes::Bytes;

use super::context::CaContext;
use super::finding::Rejection;
use super::moment::Moment;
use super::{ObjectKind, Reason};
use crate::object::Crl;

/// Judges the CRL of a CA.
pub(crate) fn judge_crl(
    ca: &CaContext,
    bytes: &Bytes,
    moment: &mut Moment,
) -> Result<Crl, Rejection> {
    let crl = Crl::decode(bytes).map_err(|error| Rejection::of_decoding(ObjectKind::Crl, error))?;
    if crl.aki != ca.ski {
        let detail = format!("issued by the key {}, the CA has {}", crl.aki, ca.ski);
        return Err(Rejection::new(Reason::CrlIssuer, detail));
    }
    if crl.issuer != ca.subject {
        let detail = "the key is that of the CA, but the name of the issuer is not";
        return Err(Rejection::new(Reason::CrlIssuer, detail));
    }
    if moment.is_before(crl.this_update) {
        let detail = format!("thisUpdate is {}", crl.this_update);
        return Err(Rejection::new(Reason::CrlPremature, detail));
    }
    if moment.is_after(crl.next_update) {
        let detail = format!("nextUpdate was {}", crl.next_update);
        return Err(Rejection::new(Reason::CrlStale, detail));
    }
    if !ca.verify(crl.tbs(), crl.signature()) {
        let detail = "the signature does not verify with the key of the CA";
        return Err(Rejection::new(Reason::CrlSignature, detail));
    }
    Ok(crl)
}
