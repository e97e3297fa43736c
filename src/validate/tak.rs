//! What a trust anchor says about its next key (RFC 9691): a warning, and never more.

use super::finding::Rejection;
use super::object::Subject;
use super::{ObjectKind, Reason};
use crate::object::{SignedObject, Tak};

/// Tells whether a file is a TAK where one means something: in a trust anchor's own point.
pub(crate) fn is_tak(subject_is_trust_anchor: bool, name: &str) -> bool {
    subject_is_trust_anchor && name.ends_with(".tak")
}

/// Judges what a TAK says; returns the warning that there is a next key.
///
/// The key is not used, and no time is counted: RFC 9691, section 4, wants it seen for 30 days
/// before a relying party takes it, which is the operator's to decide.
pub(crate) fn judge_tak(
    object: &SignedObject,
    subject: Subject<'_>,
) -> Result<Option<Rejection>, Rejection> {
    let tak = Tak::decode(&object.content)
        .map_err(|error| Rejection::of_decoding(ObjectKind::Other, error))?;
    if !subject.ca.has_key(&tak.current.spki) {
        let detail = "the key that it calls current is not the key of the trust anchor";
        return Err(Rejection::new(Reason::TakCurrentKey, detail));
    }
    Ok(tak.successor.map(|next| {
        let uri = next.uris.first().map(String::as_str).unwrap_or_default();
        let detail = format!("the next key is at {uri}, says a TAK signed {}", object.signing_time);
        Rejection::new(Reason::TakSuccessor, detail)
    }))
}
