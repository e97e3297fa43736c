//! DER values that several changes are made of.

use provost::ca::tlv;
use provost::model::Timestamp;

use crate::surgery::join;

pub(super) const UTC: u8 = 0x17;
pub(super) const GENERAL: u8 = 0x18;

pub(super) fn number(octets: &[u8]) -> Vec<u8> {
    tlv(0x02, &[octets])
}

/// Writes a number below 2^32.
pub(super) fn integer(value: u32) -> Vec<u8> {
    let bytes = [&[0][..], &value.to_be_bytes()].concat();
    let start = (0..4).find(|&at| bytes[at] != 0 || bytes[at + 1] >= 0x80).unwrap_or(4);
    number(&bytes[start..])
}

/// Writes an address or prefix as a BIT STRING.
pub(super) fn bits(unused: u8, octets: &[u8]) -> Vec<u8> {
    tlv(0x03, &[&[unused], octets])
}

pub(super) fn range(from: &[u8], to: &[u8]) -> Vec<u8> {
    tlv(0x30, &[from, to])
}

/// Writes a family of the extension for addresses.
pub(super) fn family(afi: &[u8], items: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &[&tlv(0x04, &[afi]), &join(0x30, items)])
}

pub(super) fn v4(items: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &[&family(&[0, 1], items)])
}

/// Writes the extension for AS numbers.
pub(super) fn asns(items: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &[&tlv(0xa0, &[&join(0x30, items)])])
}

pub(super) fn uri(text: &str) -> Vec<u8> {
    tlv(0x86, &[text.as_bytes()])
}

/// Writes one CRL distribution point.
pub(super) fn crl_point(parts: &[Vec<u8>]) -> Vec<u8> {
    join(0x30, parts)
}

pub(super) fn full_name(names: &[Vec<u8>]) -> Vec<u8> {
    tlv(0xa0, &[&join(0xa0, names)])
}

/// Writes a name from its attributes: the last octet of the type, the tag, the text.
pub(super) fn name(parts: &[(u8, u8, &[u8])]) -> Vec<u8> {
    let part = |&(id, tag, text): &(u8, u8, &[u8])| {
        let attribute = tlv(0x30, &[&tlv(0x06, &[&[0x55, 4, id]]), &tlv(tag, &[text])]);
        tlv(0x31, &[&attribute])
    };
    join(0x30, &parts.iter().map(part).collect::<Vec<_>>())
}

/// Writes a time as UTCTime text.
pub(super) fn utc(time: Timestamp) -> String {
    let text: String = time.to_string().chars().filter(char::is_ascii_digit).collect();
    format!("{}Z", &text[2..14])
}

pub(super) fn validity(from: (u8, &str), until: (u8, &str)) -> Vec<u8> {
    let time = |(tag, text): (u8, &str)| tlv(tag, &[text.as_bytes()]);
    tlv(0x30, &[&time(from), &time(until)])
}

/// An object identifier that nobody knows.
pub(super) const UNKNOWN: &[u8] = &[0x2b, 6, 1, 4, 1, 0x82, 0x37, 1];
