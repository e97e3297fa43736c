//! RSA public keys as the RPKI has them: 2,048 bits, exponent 65,537.

use super::der::{self, Reader};
use super::error::{DecodeError, Fault};

const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

/// Takes the RSAPublicKey out of a DER SubjectPublicKeyInfo and checks its size and exponent.
///
/// Source: RFC 7935, section 3.
pub fn rsa_public_key(spki: &[u8]) -> Result<&[u8], DecodeError> {
    parse(spki).ok_or_else(|| {
        let detail = "the key is not RSA with a modulus of 2,048 bits and the exponent 65,537";
        DecodeError::new(Fault::CertificateKey, detail)
    })
}

/// Returns the bits of the key in a DER SubjectPublicKeyInfo, whatever the algorithm.
pub(super) fn subject_public_key(spki: &[u8]) -> Result<&[u8], DecodeError> {
    let mut info = Reader::whole_sequence(spki, "subjectPublicKeyInfo")?;
    info.sequence("key algorithm")?;
    let bits = der::bit_string(info.expect(der::BIT_STRING, "key")?);
    info.end("subjectPublicKeyInfo")?;
    match bits {
        Some((key, 0)) => Ok(key),
        _ => Err(DecodeError::syntax("key: unused bits")),
    }
}

/// Tells whether `spki` is a DER SubjectPublicKeyInfo, whatever the algorithm.
pub fn is_public_key_info(spki: &[u8]) -> bool {
    subject_public_key(spki).is_ok_and(|key| !key.is_empty())
}

fn parse(spki: &[u8]) -> Option<&[u8]> {
    let mut info = Reader::whole_sequence(spki, "key").ok()?;
    let mut algorithm = info.sequence("algorithm").ok()?;
    let oid = algorithm.oid("algorithm").ok()?;
    let null = algorithm.optional(der::NULL, "algorithm").ok()?;
    if oid != RSA_ENCRYPTION || null.is_some_and(|n| !n.is_empty()) || !algorithm.is_empty() {
        return None;
    }
    let (key, unused) = der::bit_string(info.expect(der::BIT_STRING, "key").ok()?)?;
    let mut numbers = Reader::whole_sequence(key, "key").ok()?;
    let modulus = numbers.expect(der::INTEGER, "modulus").ok()?;
    let exponent = numbers.expect(der::INTEGER, "exponent").ok()?;
    // A modulus is a product of two odd primes: an even one is no key.
    let is_2048 = matches!(modulus, [0, 0x80..=0xff, .., last] if last & 1 == 1);
    let is_good = is_2048 && modulus.len() == 257 && exponent == [1, 0, 1];
    (unused == 0 && is_good && numbers.is_empty() && info.is_empty()).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::rir_tals;

    #[test]
    fn f27_only_2048_bits_odd_and_65537_pass() {
        let good = rir_tals().remove(0).spki;
        assert!(rsa_public_key(&good).is_ok());
        let (modulus, exponent) = (33, good.len() - 3);
        for (position, byte) in [
            (modulus, good[modulus] & 0x7f),
            (good.len() - 6, good[good.len() - 6] & 0xfe),
            (exponent + 2, 3),
            (exponent, 3),
        ] {
            let mut bad = good.clone();
            bad[position] = byte;
            assert_eq!(rsa_public_key(&bad).map_err(|e| e.fault), Err(Fault::CertificateKey));
        }
    }
}
