//! Autonomous system numbers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::short::Short;

/// A four-octet autonomous system number.
///
/// Source: RFC 6793. Written as `AS64500`; read with or without the `AS`, in any case.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Asn(pub u32);

impl Asn {
    /// AS 0, which no route can have as its origin (RFC 7607).
    pub const ZERO: Asn = Asn(0);

    /// Tells whether this is AS 0.
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for Asn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Short::<12>::new().push(b"AS").number(self.0).as_str())
    }
}

/// A text that is no AS number.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("invalid AS number: expected AS0 to AS4294967295")]
pub struct AsnError;

impl FromStr for Asn {
    type Err = AsnError;

    fn from_str(text: &str) -> Result<Self, AsnError> {
        let digits = match text.get(..2) {
            Some(head) if head.eq_ignore_ascii_case("as") => text.get(2..).unwrap_or_default(),
            _ => text,
        };
        // `u32::from_str` would take a sign.
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(AsnError);
        }
        digits.parse().map(Asn).map_err(|_| AsnError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_with_and_without_as() {
        for text in ["AS64500", "as64500", "As64500", "64500"] {
            assert_eq!(text.parse(), Ok(Asn(64500)), "{text}");
        }
        assert_eq!("AS4294967295".parse(), Ok(Asn(u32::MAX)));
    }

    #[test]
    fn refuses_what_is_no_number() {
        for text in ["", "AS", "A", "ASé", "é", "+1", "-1", "AS+1", "4294967296", "1.1", "AS 1"] {
            assert_eq!(text.parse::<Asn>(), Err(AsnError), "{text}");
        }
    }
}
