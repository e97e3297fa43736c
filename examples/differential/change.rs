//! The one thing that a case has changed, and where it takes effect while the case is signed.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use provost::ca::{self, Resources, SignedObject, SigningKey};
use provost::model::Timestamp;

/// What of a case is changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Part {
    /// The certificate of the case's CA.
    Ca,
    /// The certificate of the first CA below it.
    Child,
    /// That of the second.
    OtherChild,
    /// The first ROA.
    Roa,
    /// The others.
    OtherRoa,
    Aspa,
    Manifest,
    Router,
    Ghostbusters,
    /// What is never changed.
    None,
}

impl Part {
    /// Returns the word that ends the name of a case.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Part::Ca => "ca",
            Part::Child => "child",
            Part::Roa => "roa",
            Part::Aspa => "aspa",
            Part::Manifest => "manifest",
            Part::Router => "router",
            Part::Ghostbusters => "ghostbusters",
            Part::OtherChild | Part::OtherRoa | Part::None => "other",
        }
    }
}

/// Changes bytes.
pub(crate) type Edit = Box<dyn Fn(&mut Vec<u8>)>;
/// Changes the files of a publication point, with its CA's key.
pub(crate) type FilesEdit = Box<dyn Fn(&mut BTreeMap<String, Bytes>, &SigningKey)>;

/// A change. Whatever is signed is signed again after it.
pub(crate) enum Change {
    None,
    /// Of a certificate to be signed.
    Certificate(Part, Edit),
    /// Of the content of a signed object.
    Content(Part, Edit),
    /// Of the resources of a signed object's certificate.
    Held(Part, Resources),
    /// Of the parts of a signed object; its attributes are signed again.
    Parts(Part, Box<dyn Fn(&mut SignedObject)>),
    /// Of the bytes of a signed object, outside of what is signed.
    Envelope(Part, Edit),
    /// Of the list of revoked certificates to be signed.
    Crl(Edit),
    CrlTimes(Timestamp, Timestamp),
    ManifestTimes(Timestamp, Timestamp),
    /// A certificate is revoked.
    Revoked(Part),
    /// Of the files that the manifest will list.
    Listed(FilesEdit),
    /// Of the files that are published, after the manifest was made.
    Published(FilesEdit),
    /// Two CAs below the case have one key.
    SharedKey(OnceCell<Arc<SigningKey>>),
    /// Two CAs below the case.
    Children,
    /// So many ROAs of one prefix.
    Origins(u32),
    /// So many CAs, each below the one before.
    Chain(usize),
}

impl Change {
    /// Returns the part that is changed, where there is one.
    pub(crate) fn part(&self) -> Option<Part> {
        match self {
            Change::Certificate(part, _)
            | Change::Content(part, _)
            | Change::Held(part, _)
            | Change::Parts(part, _)
            | Change::Envelope(part, _)
            | Change::Revoked(part) => Some(*part),
            _ => None,
        }
    }

    /// Returns how many CAs there are below the case.
    pub(crate) fn children(&self) -> u8 {
        match (self, self.part()) {
            (Change::SharedKey(_) | Change::Children, _) => 2,
            (_, Some(Part::Child | Part::Ca)) => 1,
            _ => 0,
        }
    }

    pub(crate) fn certificate(&self, part: Part, der: Bytes, issuer: &SigningKey) -> Bytes {
        match self {
            Change::Certificate(changed, edit) if *changed == part => {
                ca::resign(&der, issuer, |tbs| edit(tbs)).unwrap()
            }
            _ => der,
        }
    }

    pub(crate) fn content(&self, part: Part, content: &mut Vec<u8>) {
        if let Change::Content(changed, edit) = self
            && *changed == part
        {
            edit(content);
        }
    }

    pub(crate) fn held(&self, part: Part) -> Option<&Resources> {
        match self {
            Change::Held(changed, held) if *changed == part => Some(held),
            _ => None,
        }
    }

    pub(crate) fn object(&self, part: Part, mut object: SignedObject, key: &SigningKey) -> Bytes {
        match self {
            Change::Parts(changed, edit) if *changed == part => {
                edit(&mut object);
                object.sign(key).unwrap().encode()
            }
            Change::Envelope(changed, edit) if *changed == part => {
                let mut bytes = object.encode().to_vec();
                edit(&mut bytes);
                bytes.into()
            }
            _ => object.encode(),
        }
    }

    pub(crate) fn crl(&self, der: Bytes, key: &SigningKey) -> Bytes {
        match self {
            Change::Crl(edit) => ca::resign(&der, key, |tbs| edit(tbs)).unwrap(),
            _ => der,
        }
    }

    pub(crate) fn is_revoked(&self, part: Part) -> bool {
        matches!(self, Change::Revoked(revoked) if *revoked == part)
    }
}
