//! Certificate revocation lists.

use bytes::Bytes;
use rpki::crypto::RpkiSignatureAlgorithm;
use rpki::repository::crl::{CrlEntry, RevokedCertificates, TbsCertList};
use rpki::repository::x509::Serial;

use super::certificate::{time, wrap_signed};
use super::der::encoded;
use super::{CaError, SigningKey};
use crate::model::{TimeWindow, Timestamp};

/// One revoked certificate.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Revoked {
    /// Its serial number.
    pub serial: u64,
    /// When it was revoked.
    pub at: Timestamp,
}

/// Makes a CRL that runs from `updates.from` (thisUpdate) to `updates.until` (nextUpdate).
///
/// Source: RFC 6487, section 5.
pub fn crl(
    key: &SigningKey,
    number: u64,
    updates: TimeWindow,
    revoked: &[Revoked],
) -> Result<Bytes, CaError> {
    let mut entries = Vec::new();
    for entry in revoked {
        entries.push(CrlEntry::new(Serial::from(entry.serial), time(entry.at)?));
    }
    let tbs = TbsCertList::new(
        RpkiSignatureAlgorithm::default(),
        key.public_key().to_subject_name(),
        time(updates.from)?,
        time(updates.until)?,
        entries,
        key.public_key().key_identifier(),
        Serial::from(number),
    );
    wrap_signed(&encoded(TbsCertList::<RevokedCertificates>::from(tbs).encode_ref()), key)
}
