//! BGPsec router keys.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Asn;

/// A key identifier: SHA-1 of the bits of a public key (RFC 6487, section 4.8.2).
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct KeyIdentifier(pub [u8; 20]);

impl fmt::Display for KeyIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

impl fmt::Debug for KeyIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A BGPsec router key of one AS.
///
/// Source: RFC 8209; RFC 8210, section 5.10.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct RouterKey {
    /// The subject key identifier.
    pub ski: KeyIdentifier,
    /// The AS whose routers hold the key.
    pub asn: Asn,
    /// The DER of the SubjectPublicKeyInfo.
    pub spki: Vec<u8>,
}
