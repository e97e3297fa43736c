//! What a trust anchor says about its keys (RFC 9691): a warning, and never more.

use super::finding::Rejection;
use super::next_key::AnnouncedKey;
use super::object::Subject;
use super::{ObjectKind, Reason};
use crate::model::ObjectHash;
use crate::object::{SignedObject, Tak};

/// Tells whether a file is a TAK where one means something: in a trust anchor's own point.
pub(crate) fn is_tak(subject_is_trust_anchor: bool, name: &str) -> bool {
    subject_is_trust_anchor && name.ends_with(".tak")
}

/// Judges what a TAK says; returns the next key, if it announces one.
///
/// Source: RFC 9691, section 2.3.
pub(crate) fn judge_tak(
    object: &SignedObject,
    subject: Subject<'_>,
) -> Result<Option<AnnouncedKey>, Rejection> {
    if object.cert.resources().has_ranges() {
        let detail = "its certificate lists resources, which a TAK has no use for";
        return Err(Rejection::new(Reason::TakResources, detail));
    }
    let tak = Tak::decode(&object.content)
        .map_err(|error| Rejection::of_decoding(ObjectKind::Other, error))?;
    if !subject.ca.has_key(&tak.current.spki) {
        let detail = "the key that it calls current is not the key of the trust anchor";
        return Err(Rejection::new(Reason::TakCurrentKey, detail));
    }
    Ok(tak.successor.map(|next| AnnouncedKey {
        key: ObjectHash::of(&next.spki),
        certificate_uri: next.uris.into_iter().next().unwrap_or_default(),
        tak: (subject.uri.clone(), subject.hash),
    }))
}
