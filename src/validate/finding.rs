//! A finding: why an object or a point was rejected, as data and never only as a log line.

use serde::{Deserialize, Serialize};

use super::Reason;
use crate::model::ObjectHash;
use crate::object::{DecodeError, Fault};

use super::ObjectKind;

/// A rule that an object broke, or something about it that the operator should know.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Finding {
    /// The URI of the object, as text: hostile objects name things that are no URI.
    pub object: String,
    /// The SHA-256 of the bytes that were judged, where there were any.
    pub hash: Option<ObjectHash>,
    /// The rule.
    pub reason: Reason,
    /// What was found, in words, with the numbers; log-safe, at most 300 characters.
    pub detail: String,
}

/// The longest detail, in characters.
const MAX_DETAIL: usize = 300;

/// A verdict against an object: the rule, and what was found.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rejection {
    pub(crate) reason: Reason,
    detail: String,
}

impl Rejection {
    pub(crate) fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Rejection { reason, detail: detail.into() }
    }

    /// Says which rule a fault of syntax breaks in an object of `kind`.
    pub(crate) fn of_decoding(kind: ObjectKind, error: DecodeError) -> Self {
        Rejection { reason: reason_of(kind, error.fault), detail: error.detail.into_owned() }
    }

    pub(crate) fn into_finding(self, object: &str, hash: Option<ObjectHash>) -> Finding {
        let safe = |c: char| if c.is_control() { '?' } else { c };
        let detail = self.detail.chars().take(MAX_DETAIL).map(safe).collect();
        Finding { object: object.to_owned(), hash, reason: self.reason, detail }
    }
}

fn reason_of(kind: ObjectKind, fault: Fault) -> Reason {
    match fault {
        Fault::Syntax => match kind {
            ObjectKind::CaCertificate | ObjectKind::RouterCertificate => Reason::CertMalformed,
            ObjectKind::Crl => Reason::CrlMalformed,
            ObjectKind::Manifest => Reason::ManifestMalformed,
            _ => Reason::ObjectMalformed,
        },
        Fault::TooLarge => Reason::ObjectTooLarge,
        Fault::TooMany => Reason::ObjectTooManyEntries,
        Fault::ContentType => Reason::ObjectContentType,
        Fault::Algorithm => match kind {
            ObjectKind::CaCertificate | ObjectKind::RouterCertificate => Reason::CertAlgorithm,
            ObjectKind::Crl => Reason::CrlProfile,
            _ => Reason::ObjectAlgorithm,
        },
        Fault::CertificateProfile => Reason::CertProfile,
        Fault::CertificateSerial => Reason::CertSerial,
        Fault::CertificateKey => Reason::CertKey,
        Fault::CertificateResources => Reason::CertResourcesForm,
        Fault::CrlNumber => Reason::CrlNumber,
        Fault::CrlProfile => Reason::CrlProfile,
        Fault::ManifestNumber => Reason::ManifestNumber,
        Fault::ManifestInterval => Reason::ManifestInterval,
        Fault::ManifestFileName => Reason::ManifestFileName,
        Fault::ManifestDuplicate => Reason::ManifestDuplicate,
        Fault::ManifestEmpty => Reason::ManifestEmpty,
        Fault::ManifestHash => Reason::ManifestHash,
        Fault::RoaEmpty => Reason::RoaEmpty,
        Fault::RoaFamily => Reason::RoaFamily,
        Fault::RoaPrefix => Reason::RoaPrefix,
        Fault::RoaMaxLength => Reason::RoaMaxLength,
        Fault::AspaVersion => Reason::AspaVersion,
        Fault::AspaProviders => Reason::AspaProviders,
        Fault::AspaCustomer => Reason::AspaCustomer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h19_details_are_log_safe_and_short() {
        let detail = format!("\u{1b}[31m\n{}", "é".repeat(400));
        let finding = Rejection::new(Reason::ObjectMalformed, detail).into_finding("x", None);
        assert!(finding.detail.starts_with("?[31m?é"));
        assert_eq!(finding.detail.chars().count(), 300);
    }
}
