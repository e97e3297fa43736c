//! Why bytes are no CCR: the rule as a value, and what was found in words.

use crate::object::error::{DecodeError, Fault};

/// Why bytes are no CCR.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{detail}")]
pub struct CcrError {
    /// Which rule was broken.
    pub rule: CcrRule,
    /// What was found, in words.
    pub detail: String,
}

/// The rules that a CCR can break.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum CcrRule {
    /// Not the DER structure of the draft.
    Syntax,
    /// More bytes or entries than are decoded.
    Limit,
    /// Another version than 0.
    Version,
    /// Another hash algorithm than SHA-256, or one with parameters.
    Algorithm,
    /// No state at all.
    NoState,
    /// A state whose hash is not that of its entries.
    Hash,
    /// Entries of a state that are unsorted, or there twice.
    Order,
    /// Address families or addresses of an AS that are not in the order of RFC 9582.
    AddressOrder,
    /// An address family, prefix or max length that a ROA cannot have.
    Address,
    /// AS 0 beside other providers.
    AsZero,
    /// A mostRecentUpdate that is not the newest thisUpdate.
    MostRecentUpdate,
    /// A manifest that is too small to be one, or whose number is out of range.
    Manifest,
    /// A router key that is not one of P-256.
    RouterKey,
}

impl CcrRule {
    /// Returns the rule in plain words.
    pub fn words(self) -> &'static str {
        match self {
            CcrRule::Syntax => "A CCR is the DER structure of draft-ietf-sidrops-rpki-ccr.",
            CcrRule::Limit => "Sizes and counts are bounded: docs/limits.md.",
            CcrRule::Version => "The version is 0, which DER does not write.",
            CcrRule::Algorithm => "The hash algorithm is SHA-256, without parameters.",
            CcrRule::NoState => "At least one of the five states is there.",
            CcrRule::Hash => "The hash of a state is the SHA-256 of the DER of its entries.",
            CcrRule::Order => "The entries of a state are sorted, and each is there once.",
            CcrRule::AddressOrder => {
                "The address families and addresses of an AS are in the canonical order of \
                 RFC 9582, section 4.3.3, and each is there once."
            }
            CcrRule::Address => {
                "Prefixes and max lengths are those that a ROA can have (RFC 9582)."
            }
            CcrRule::AsZero => "AS 0 is a provider only alone.",
            CcrRule::MostRecentUpdate => {
                "mostRecentUpdate is the newest thisUpdate of the manifests, or 1970-01-01 if there \
                 are none."
            }
            CcrRule::Manifest => {
                "A manifest has at least 1,000 bytes, and a number from 0 to 2^159 - 1."
            }
            CcrRule::RouterKey => "Router keys are keys of P-256 (RFC 8608).",
        }
    }
}

impl CcrError {
    /// Makes an error.
    pub(super) fn new(rule: CcrRule, detail: impl Into<String>) -> Self {
        CcrError { rule, detail: detail.into() }
    }
}

impl From<DecodeError> for CcrError {
    fn from(error: DecodeError) -> Self {
        let rule = match error.fault {
            Fault::TooLarge | Fault::TooMany => CcrRule::Limit,
            Fault::RoaFamily | Fault::RoaPrefix | Fault::RoaMaxLength => CcrRule::Address,
            Fault::CertificateKey => CcrRule::RouterKey,
            _ => CcrRule::Syntax,
        };
        CcrError::new(rule, error.detail)
    }
}
