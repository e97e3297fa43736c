//! Writing DER by hand, for what the `rpki` crate's builders do not make.

use rpki::dep::bcder::Mode;
use rpki::dep::bcder::encode::Values;

/// SEQUENCE.
pub(super) const SEQUENCE: u8 = 0x30;
/// SET.
pub(super) const SET: u8 = 0x31;
/// INTEGER.
pub(super) const INTEGER: u8 = 0x02;
/// OCTET STRING.
pub(super) const OCTET_STRING: u8 = 0x04;
/// BIT STRING.
pub(super) const BIT_STRING: u8 = 0x03;
/// UTF8String.
pub(super) const UTF8_STRING: u8 = 0x0c;
/// IA5String.
pub(super) const IA5_STRING: u8 = 0x16;
/// GeneralizedTime.
pub(super) const GENERALIZED_TIME: u8 = 0x18;
/// OBJECT IDENTIFIER.
pub(super) const OID: u8 = 0x06;
/// Context tag 0, constructed.
pub(super) const CONTEXT_0: u8 = 0xa0;
/// Context tag 1, constructed.
pub(super) const CONTEXT_1: u8 = 0xa1;
/// Context tag 0, primitive.
pub(super) const CONTEXT_0_PRIMITIVE: u8 = 0x80;

/// Writes one DER value: `tag`, length, and the parts one after the other.
pub fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut der = vec![tag];
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => der.push(short),
        _ => {
            let bytes = length.to_be_bytes();
            let start = bytes.iter().position(|byte| *byte != 0).unwrap_or_default();
            let bytes = bytes.get(start..).unwrap_or_default();
            // At most eight bytes.
            der.push(0x80 | u8::try_from(bytes.len()).unwrap_or_default());
            der.extend_from_slice(bytes);
        }
    }
    for part in parts {
        der.extend_from_slice(part);
    }
    der
}

/// Writes a non-negative INTEGER.
pub(super) fn integer(value: u32) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len() - 1);
    let digits = bytes.get(start..).unwrap_or_default();
    let sign: &[u8] = if digits.first().is_some_and(|byte| *byte >= 0x80) { &[0] } else { &[] };
    tlv(INTEGER, &[sign, digits])
}

/// Writes what the `rpki` crate encodes.
pub(super) fn encoded(values: impl Values) -> Vec<u8> {
    values.to_captured(Mode::Der).as_slice().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_integers_are_minimal() {
        assert_eq!(tlv(SEQUENCE, &[&[0; 127]])[..2], [0x30, 127]);
        assert_eq!(tlv(SEQUENCE, &[&[0; 128]])[..3], [0x30, 0x81, 128]);
        assert_eq!(tlv(SEQUENCE, &[&[0; 200], &[0; 100]])[..4], [0x30, 0x82, 1, 44]);
        assert_eq!(integer(0), [2, 1, 0]);
        assert_eq!(integer(127), [2, 1, 127]);
        assert_eq!(integer(128), [2, 2, 0, 128]);
        assert_eq!(integer(u32::MAX), [2, 5, 0, 255, 255, 255, 255]);
    }
}
