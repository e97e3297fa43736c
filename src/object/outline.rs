//! The outline of an object: what it is and where its parts lie, even if it breaks rules.
//!
//! For display alone: nothing that is decided rests on it.

use bytes::Bytes;

use super::der::{self, Reader};
use super::limits::MAX_OBJECT_SIZE;
use super::signed::ContentType;

/// What bytes look like.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outline {
    /// A signed object.
    SignedObject {
        /// Its content type, if there is a decoder for it.
        content_type: Option<ContentType>,
        /// The last number of the content type's identifier, below `1.2.840.113549.1.9.16.1`.
        number: Option<u8>,
        /// The eContent, if it could be found.
        content: Option<Bytes>,
        /// The first certificate, if it could be found.
        cert: Option<Bytes>,
    },
    /// A certificate.
    Certificate,
    /// A certificate revocation list.
    Crl,
    /// Nothing that is known here.
    Unknown,
}

impl Outline {
    /// Looks at `bytes`; never fails, and reads each part at most once.
    pub fn of(bytes: &Bytes) -> Outline {
        if bytes.len() > MAX_OBJECT_SIZE {
            return Outline::Unknown;
        }
        let Ok(mut outer) = Reader::new(bytes).sequence("object") else { return Outline::Unknown };
        let Ok(first) = outer.value("object") else { return Outline::Unknown };
        match first.tag {
            der::OID => signed_object(bytes, outer).unwrap_or(Outline::SignedObject {
                content_type: None,
                number: None,
                content: None,
                cert: None,
            }),
            der::SEQUENCE => match first.content.first() {
                Some(&der::EXPLICIT_0) => Outline::Certificate,
                Some(&der::INTEGER) => Outline::Crl,
                _ => Outline::Unknown,
            },
            _ => Outline::Unknown,
        }
    }
}

fn signed_object(bytes: &Bytes, mut info: Reader<'_>) -> Option<Outline> {
    let mut data = Reader::new(info.expect(der::EXPLICIT_0, "content").ok()?);
    let mut signed = data.sequence("signedData").ok()?;
    signed.value("version").ok()?;
    signed.value("digestAlgorithms").ok()?;
    let mut encapsulated = signed.sequence("encapContentInfo").ok()?;
    let oid = encapsulated.oid("eContentType").ok()?;
    let content = encapsulated.expect(der::EXPLICIT_0, "eContent").ok().and_then(|explicit| {
        let octets = Reader::new(explicit).expect(der::OCTET_STRING, "eContent").ok()?;
        Some(bytes.slice_ref(octets))
    });
    let certificates = signed.optional(der::EXPLICIT_0, "certificates").ok().flatten();
    let cert = certificates.and_then(|list| {
        let first = Reader::new(list).value("certificate").ok()?;
        Some(bytes.slice_ref(first.whole))
    });
    Some(Outline::SignedObject {
        content_type: ContentType::of_oid(oid),
        number: oid.last().copied(),
        content,
        cert,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            Outline::of(&Bytes::from(bytes));
        }
    }

    #[test]
    fn text_and_emptiness_are_unknown() {
        assert_eq!(Outline::of(&Bytes::new()), Outline::Unknown);
        assert_eq!(Outline::of(&Bytes::from_static(b"rsync://x/y")), Outline::Unknown);
    }
}
