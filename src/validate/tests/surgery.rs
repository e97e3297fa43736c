//! DER surgery: takes objects apart, so that a test changes one thing and signs again.

use crate::ca::tlv;

/// Splits a constructed value into the values inside it.
pub(super) fn children(value: &[u8]) -> Vec<Vec<u8>> {
    let mut rest = &value[header(value)..];
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let (head, length) = (header(rest), length(rest));
        parts.push(rest[..head + length].to_vec());
        rest = &rest[head + length..];
    }
    parts
}

/// Puts values into one with this tag.
pub(super) fn join(tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(tag, &parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

fn header(value: &[u8]) -> usize {
    if value[1] < 0x80 { 2 } else { 2 + usize::from(value[1] & 0x7f) }
}

fn length(value: &[u8]) -> usize {
    match value[1] {
        short @ 0..=0x7f => usize::from(short),
        long => {
            let digits = &value[2..2 + usize::from(long & 0x7f)];
            digits.iter().fold(0, |sum, digit| (sum << 8) | usize::from(*digit))
        }
    }
}

/// Changes the value at `path` (positions inside constructed values), and all lengths above it.
pub(super) fn edit(value: &mut Vec<u8>, path: &[usize], change: &dyn Fn(&mut Vec<u8>)) {
    match path.split_first() {
        None => change(value),
        Some((first, path)) => {
            let mut parts = children(value);
            edit(&mut parts[*first], path, change);
            parts.retain(|part| !part.is_empty());
            *value = join(value[0], &parts);
        }
    }
}

/// Changes the list of values at `path`.
pub(super) fn edit_list(value: &mut Vec<u8>, path: &[usize], op: &dyn Fn(&mut Vec<Vec<u8>>)) {
    edit(value, path, &|value| {
        let mut parts = children(value);
        op(&mut parts);
        *value = join(value[0], &parts);
    });
}

/// The positions of the fields of a certificate to be signed.
pub(super) const ISSUER: usize = 3;
pub(super) const VALIDITY: usize = 4;
pub(super) const SUBJECT: usize = 5;
pub(super) const SPKI: usize = 6;
/// The path to the list of extensions.
pub(super) const EXTENSIONS: &[usize] = &[7, 0];

/// The last octet of the identifiers below 2.5.29.
pub(super) const SKI: u8 = 14;
pub(super) const KEY_USAGE: u8 = 15;
pub(super) const BASIC_CONSTRAINTS: u8 = 19;
pub(super) const CRL_POINTS: u8 = 31;
pub(super) const POLICIES: u8 = 32;
pub(super) const AKI: u8 = 35;
pub(super) const EXTENDED_USAGE: u8 = 37;
/// Of those below 1.3.6.1.5.5.7.1.
pub(super) const AIA: u8 = 1;
pub(super) const IP: u8 = 7;
pub(super) const ASN: u8 = 8;
pub(super) const SIA: u8 = 11;

/// Returns the octets of the identifier of an extension.
pub(super) fn extension_id(last: u8) -> Vec<u8> {
    match last {
        AIA | IP | ASN | SIA => vec![0x2b, 6, 1, 5, 5, 7, 1, last],
        _ => vec![0x55, 29, last],
    }
}

/// Makes an extension.
pub(super) fn extension(id: &[u8], is_critical: bool, content: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if is_critical { &[0x01, 0x01, 0xff] } else { &[] };
    tlv(0x30, &[&tlv(0x06, &[id]), critical, &tlv(0x04, &[content])])
}

/// Changes the extensions of a certificate to be signed.
pub(super) fn edit_extensions(tbs: &mut Vec<u8>, op: &dyn Fn(&mut Vec<Vec<u8>>)) {
    edit_list(tbs, EXTENSIONS, op);
}

/// Returns the position of an extension.
pub(super) fn find(extensions: &[Vec<u8>], last: u8) -> usize {
    let id = tlv(0x06, &[&extension_id(last)]);
    extensions.iter().position(|extension| children(extension)[0] == id).unwrap()
}

/// Gives an extension another content, and keeps whether it is critical.
pub(super) fn set_content(tbs: &mut Vec<u8>, last: u8, content: &[u8]) {
    edit_extensions(tbs, &|extensions| {
        let at = find(extensions, last);
        let is_critical = children(&extensions[at]).len() == 3;
        extensions[at] = extension(&extension_id(last), is_critical, content);
    });
}

/// Returns the content of an extension.
pub(super) fn content(tbs: &[u8], last: u8) -> Vec<u8> {
    let list = children(&children(&children(tbs)[7])[0]);
    let octets = children(&list[find(&list, last)]).pop().unwrap();
    octets[header(&octets)..].to_vec()
}

/// Makes an access description with a URI.
pub(super) fn access(method: u8, uri: &str) -> Vec<u8> {
    let id = [0x2b, 6, 1, 5, 5, 7, 48, method];
    tlv(0x30, &[&tlv(0x06, &[&id]), &tlv(0x86, &[uri.as_bytes()])])
}
