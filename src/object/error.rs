//! Why bytes are no object: the fault as a value, and what was found in words.

use std::borrow::Cow;

/// An object that could not be decoded, or whose content breaks its own syntax.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{detail}")]
pub struct DecodeError {
    /// Which rule was broken.
    pub fault: Fault,
    /// What was found, in words.
    pub detail: Cow<'static, str>,
}

impl DecodeError {
    /// Makes an error.
    pub fn new(fault: Fault, detail: impl Into<Cow<'static, str>>) -> Self {
        DecodeError { fault, detail: detail.into() }
    }

    /// Makes an error for bytes that are not the DER that is wanted.
    pub(crate) fn syntax(detail: impl Into<Cow<'static, str>>) -> Self {
        DecodeError::new(Fault::Syntax, detail)
    }

    /// Makes an error for a count or size above its limit.
    pub(crate) fn too_many(what: &str, limit: usize) -> Self {
        DecodeError::new(Fault::TooMany, format!("more than {limit} {what}"))
    }
}

/// The rules of syntax that an object can break.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Fault {
    /// Not the DER structure that the object's RFC demands.
    Syntax,
    /// More bytes than are decoded.
    TooLarge,
    /// More entries than are decoded.
    TooMany,
    /// An eContentType that is not the wanted one.
    ContentType,
    /// A signature or digest algorithm that the RPKI does not use.
    Algorithm,
    /// A certificate that breaks the profile of RFC 6487.
    CertificateProfile,
    /// A serial number that is zero, negative or above 20 octets.
    CertificateSerial,
    /// A key that is not RSA with 2,048 bits and exponent 65,537.
    CertificateKey,
    /// Resources that are not in the canonical form of RFC 3779.
    CertificateResources,
    /// A CRL number that is missing, there twice, critical or out of range.
    CrlNumber,
    /// An extension or entry that the CRL profile does not permit.
    CrlProfile,
    /// A manifest number that is negative or above 2^159 - 1.
    ManifestNumber,
    /// A manifest whose nextUpdate does not come after its thisUpdate.
    ManifestInterval,
    /// A file name that RFC 9286 does not permit.
    ManifestFileName,
    /// A file name that is there twice.
    ManifestDuplicate,
    /// A manifest that lists nothing.
    ManifestEmpty,
    /// A hash that is no SHA-256, or another algorithm.
    ManifestHash,
    /// A ROA without prefixes.
    RoaEmpty,
    /// An address family that is unknown or there twice.
    RoaFamily,
    /// A prefix longer than its family permits, or an IPv4 prefix in IPv6 form.
    RoaPrefix,
    /// A max length below the prefix length or above what the family permits.
    RoaMaxLength,
    /// An ASPA of another version than 1.
    AspaVersion,
    /// Providers that are missing, not ascending, or there twice.
    AspaProviders,
    /// A customer that is its own provider.
    AspaCustomer,
}
