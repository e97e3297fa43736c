//! Validated ROA payloads.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Asn, Prefix};

/// A validated ROA payload (VRP): this AS may originate this prefix, up to this length.
///
/// Ordered by prefix, then max length, then AS, as the origin index wants it.
/// Source: RFC 6811, section 2.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Vrp {
    /// The prefix that the ROA names.
    pub prefix: Prefix,
    /// The longest prefix length that the ROA permits; the prefix's own length if it names none.
    ///
    /// Invariant, checked where VRPs are made: prefix length <= max length <= 32 or 128.
    pub max_length: u8,
    /// The AS that may originate the prefix; AS 0 permits nobody.
    pub asn: Asn,
}

impl fmt::Display for Vrp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{} {}", self.prefix, self.max_length, self.asn)
    }
}
