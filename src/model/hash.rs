//! SHA-256 of an object's bytes, the name under which it is stored.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The SHA-256 of an object's bytes, as manifests and RRDP give it.
///
/// Written as 64 lower-case hex digits; read in any case.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct ObjectHash(pub [u8; 32]);

impl ObjectHash {
    /// Hashes `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
        ObjectHash::from_slice(digest.as_ref()).unwrap_or(ObjectHash([0; 32]))
    }

    /// Takes a hash from exactly 32 bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(ObjectHash)
    }
}

impl fmt::Display for ObjectHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digit = |value: u8| if value < 10 { b'0' + value } else { b'a' + value - 10 };
        let mut text = [0; 64];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for ObjectHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A text that is no SHA-256 in hex.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("invalid hash: expected 64 hex digits")]
pub struct HashError;

impl FromStr for ObjectHash {
    type Err = HashError;

    fn from_str(text: &str) -> Result<Self, HashError> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return Err(HashError);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| HashError)?;
            if !pair.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(HashError);
            }
            *byte = u8::from_str_radix(pair, 16).map_err(|_| HashError)?;
        }
        Ok(ObjectHash(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_and_reads_hex() {
        let hash = ObjectHash::of(b"abc");
        let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hash.to_string(), text);
        assert_eq!(text.parse(), Ok(hash));
        assert_eq!(text.to_uppercase().parse(), Ok(hash));
    }

    #[test]
    fn refuses_other_lengths_and_digits() {
        assert_eq!("ba".parse::<ObjectHash>(), Err(HashError));
        assert_eq!("+0".repeat(32).parse::<ObjectHash>(), Err(HashError));
        assert_eq!("é".repeat(32).parse::<ObjectHash>(), Err(HashError));
    }
}
