//! Signed objects of which the envelope (CMS) or the encoding is changed.

use provost::ca::{self, SignedObject, tlv};

use super::Catalogue;
use crate::change::{Change, Edit, Part};
use crate::dice::Dice;
use crate::surgery::*;

const VERSION: &[usize] = &[1, 0, 0];
const DIGESTS: &[usize] = &[1, 0, 1];
const ENCAPSULATED: &[usize] = &[1, 0, 2];
const CERTIFICATES: &[usize] = &[1, 0, 3];
const SIGNERS: &[usize] = &[1, 0, 4];
const SIGNER: &[usize] = &[1, 0, 4, 0];
const ATTRIBUTES: &[usize] = &[1, 0, 4, 0, 3];

fn list(path: &'static [usize], op: impl Fn(&mut Vec<Vec<u8>>) + 'static) -> Edit {
    Box::new(move |bytes| edit_list(bytes, path, &op))
}

fn value(path: &'static [usize], change: impl Fn(&mut Vec<u8>) + 'static) -> Edit {
    Box::new(move |bytes| edit(bytes, path, &change))
}

/// Changes the signed attributes; what is signed is what is published.
fn attributes(part: Part, is_sorted: bool, op: impl Fn(&mut Vec<Vec<u8>>) + 'static) -> Change {
    Change::Parts(
        part,
        Box::new(move |object: &mut SignedObject| {
            let mut list = children(&tlv(0x31, &[&object.attributes]));
            op(&mut list);
            if is_sorted {
                list.sort();
            }
            object.attributes = list.concat();
        }),
    )
}

fn attribute(last: u8, values: &[Vec<u8>]) -> Vec<u8> {
    let id = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, last];
    tlv(0x30, &[&tlv(0x06, &[&id]), &join(0x31, values)])
}

fn position(list: &[Vec<u8>], last: u8) -> usize {
    let id = children(&attribute(last, &[])).remove(0);
    list.iter().position(|attribute| children(attribute)[0] == id).unwrap()
}

/// Changes a list of values.
type ListEdit = Box<dyn Fn(&mut Vec<Vec<u8>>)>;

const CONTENT_TYPE: u8 = 3;
const DIGEST: u8 = 4;
const SIGNING_TIME: u8 = 5;

fn time(tag: u8, text: &'static str) -> impl Fn(&mut Vec<Vec<u8>>) {
    move |list| {
        let at = position(list, SIGNING_TIME);
        list[at] = attribute(SIGNING_TIME, &[tlv(tag, &[text.as_bytes()])]);
    }
}

/// Splits a value into its header and what is inside.
fn split(value: &[u8]) -> (u8, Vec<u8>) {
    let long = if value[1] < 0x80 { 0 } else { usize::from(value[1] & 0x7f) };
    (value[0], value[2 + long..].to_vec())
}

fn indefinite(value: &mut Vec<u8>) {
    let (tag, inside) = split(value);
    *value = [&[tag, 0x80][..], &inside, &[0, 0]].concat();
}

/// Writes the length with these octets, whatever it is.
fn with_length(octets: &'static [u8]) -> impl Fn(&mut Vec<u8>) + Copy {
    move |value| {
        let (tag, inside) = split(value);
        *value = [&[tag][..], octets, &inside].concat();
    }
}

fn longer_length(value: &mut Vec<u8>) {
    let (tag, inside) = split(value);
    let length = (inside.len() as u32).to_be_bytes();
    *value = [&[tag, 0x84][..], &length, &inside].concat();
}

fn in_pieces(value: &mut Vec<u8>) {
    let (tag, inside) = split(value);
    let (first, second) = inside.split_at(inside.len() / 2);
    *value = tlv(tag | 0x20, &[&tlv(tag, &[first]), &tlv(tag, &[second])]);
}

fn claims_more(by: u8) -> impl Fn(&mut Vec<u8>) {
    move |value| {
        let last = if value[1] < 0x80 { 1 } else { 1 + usize::from(value[1] & 0x7f) };
        match value[last].checked_add(by) {
            Some(more) if last > 1 || more < 0x80 => value[last] = more,
            _ => value[last] = 0x7f,
        }
    }
}

pub(super) fn add(catalogue: &mut Catalogue, dice: &mut Dice) {
    for part in [Part::Roa, Part::Manifest, Part::Ghostbusters] {
        encoding(catalogue, dice, part);
        signing(catalogue, dice, part);
        envelope(catalogue, dice, part);
    }
}

/// The encoding itself (rows F01 to F14).
fn encoding(catalogue: &mut Catalogue, dice: &mut Dice, part: Part) {
    let octet = dice.octet();
    let (cut, flips) = (2 + dice.below(1200), dice.below(400));
    let mut bad = |row: &'static str, name: &str, edit: Edit| {
        catalogue.bad(row, name, Change::Envelope(part, edit))
    };
    bad("F01", "nul", Box::new(|bytes| *bytes = vec![0]));
    bad("F01", "nothing", Box::new(|bytes| bytes.clear()));
    bad("F01", "octets", Box::new(move |bytes| *bytes = vec![octet; usize::from(octet) + 1]));
    bad("F01", "zeros", Box::new(move |bytes| *bytes = vec![0; 100 + usize::from(octet)]));
    bad("F02", "outer", Box::new(claims_more(1 + octet % 8)));
    bad("F02", "content", value(&[1, 0, 2, 1, 0], claims_more(1 + octet % 8)));
    bad("F02", "signature", value(&[1, 0, 4, 0, 5], claims_more(1)));
    bad("F02", "certificate", value(&[1, 0, 3, 0], claims_more(1 + octet % 4)));
    for (name, octets) in [
        ("4-gib", &[0x84, 0xff, 0xff, 0xff, 0xff][..]),
        ("2-63", &[0x88, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        ("9-octets", &[0x89, 1, 0, 0, 0, 0, 0, 0, 0, 0]),
        ("126-octets", &[0xfe; 127]),
    ] {
        let fixed = with_length(octets);
        bad("F03", &format!("outer-{name}"), Box::new(fixed));
        bad("F03", &format!("content-{name}"), value(&[1, 0, 2, 1, 0], fixed));
    }
    bad("F04", "cut", Box::new(move |bytes| bytes.truncate(cut)));
    bad("F04", "tag-alone", Box::new(|bytes| *bytes = vec![0x3f]));
    bad("F04", "long-tag", Box::new(move |bytes| *bytes = vec![0x3f, 0x81, 0x80 | octet]));
    bad("F05", "outer", Box::new(indefinite));
    bad("F05", "signed-data", value(&[1, 0], indefinite));
    bad("F05", "encapsulated", value(ENCAPSULATED, indefinite));
    bad("F05", "certificates", value(CERTIFICATES, indefinite));
    bad("F05", "signer", value(SIGNER, indefinite));
    bad("F06", "content", value(&[1, 0, 2, 1, 0], in_pieces));
    bad("F06", "signature", value(&[1, 0, 4, 0, 5], in_pieces));
    bad(
        "F06",
        "key-identifier",
        value(&[1, 0, 4, 0, 1], |v| {
            let (_, inside) = split(v);
            *v = tlv(0xa0, &[&tlv(0x04, &[&inside])]);
        }),
    );
    bad("F07", "outer-length", Box::new(longer_length));
    bad("F07", "content-length", value(&[1, 0, 2, 1, 0], longer_length));
    bad("F07", "attributes-length", value(ATTRIBUTES, longer_length));
    bad("F07", "version", value(VERSION, |v| *v = vec![2, 2, 0, 3]));
    bad("F07", "signer-version", value(&[1, 0, 4, 0, 0], |v| *v = vec![2, 2, 0, 3]));
    bad(
        "F10",
        "type-cut",
        value(&[1, 0, 2, 0], |v| {
            let last = v.len() - 1;
            v[last] |= 0x80;
        }),
    );
    bad("F10", "type-empty", value(&[1, 0, 2, 0], |v| *v = vec![6, 0]));
    bad(
        "F10",
        "type-long",
        value(&[1, 0, 2, 0], move |v| {
            *v = tlv(6, &[&vec![0x81; 10_000 + usize::from(octet)], &[1]])
        }),
    );
    bad(
        "F10",
        "digest-cut",
        value(&[1, 0, 1, 0, 0], |v| {
            let last = v.len() - 1;
            v[last] |= 0x80;
        }),
    );
    for depth in [100, 4_000] {
        bad(
            "F12",
            &format!("certificates-{depth}"),
            list(CERTIFICATES, move |l| l.push(nested(depth))),
        );
        bad("F12", &format!("digests-{depth}"), list(DIGESTS, move |l| l[0] = nested(depth)));
        bad("F12", &format!("alone-{depth}"), Box::new(move |bytes| *bytes = nested(depth)));
    }
    bad("F13", "behind-object", Box::new(move |bytes| bytes.push(octet)));
    bad("F13", "null-behind-object", Box::new(|bytes| bytes.extend([5, 0])));
    bad("F13", "twice", Box::new(|bytes| *bytes = [&bytes[..], &bytes[..]].concat()));
    bad("F14", "no-content", list(ENCAPSULATED, |l| l.truncate(1)));
    bad("F14", "content-is-null", value(&[1, 0, 2, 1], |v| *v = tlv(0xa0, &[&[5, 0]])));
    catalogue.random(
        "F33",
        "bits-outside",
        Change::Envelope(
            part,
            Box::new(move |bytes| {
                let at = (flips * 7 + 11) % bytes.len();
                bytes[at] ^= 1 << (octet % 8);
            }),
        ),
    );
}

fn nested(depth: usize) -> Vec<u8> {
    (0..depth).fold(vec![5, 0], |inside, _| tlv(0x30, &[&inside]))
}

/// What is signed (rows F09 and F15 to F18).
fn signing(catalogue: &mut Catalogue, dice: &mut Dice, part: Part) {
    let octet = dice.octet();
    catalogue.bad("F09", "signed-unsorted", attributes(part, false, |l| l.reverse()));
    catalogue.bad(
        "F09",
        "signed-sorted",
        Change::Envelope(part, list(ATTRIBUTES, |l| l.reverse())),
    );
    catalogue.bad("F09", "rotated", Change::Envelope(part, list(ATTRIBUTES, |l| l.rotate_left(1))));
    let mut bad = |row: &'static str, name: &str, op: ListEdit| {
        catalogue.bad(row, name, attributes(part, true, op));
    };
    bad("F15", "no-attributes", Box::new(|l| l.clear()));
    for (word, last) in [("type", CONTENT_TYPE), ("digest", DIGEST), ("time", SIGNING_TIME)] {
        bad(
            "F16",
            &format!("{word}-twice"),
            Box::new(move |l| {
                let at = position(l, last);
                l.push(l[at].clone());
            }),
        );
        bad(
            "F16",
            &format!("{word}-without-value"),
            Box::new(move |l| {
                let at = position(l, last);
                l[at] = attribute(last, &[]);
            }),
        );
        bad(
            "F16",
            &format!("{word}-with-two"),
            Box::new(move |l| {
                let at = position(l, last);
                let v = children(&children(&l[at])[1]).remove(0);
                l[at] = attribute(last, &[v.clone(), v]);
            }),
        );
    }
    bad(
        "F16",
        "no-type",
        Box::new(|l| {
            let at = position(l, CONTENT_TYPE);
            l.remove(at);
        }),
    );
    bad(
        "F16",
        "no-digest",
        Box::new(|l| {
            let at = position(l, DIGEST);
            l.remove(at);
        }),
    );
    bad(
        "F16",
        "unknown-attribute",
        Box::new(move |l| l.push(attribute(60 + octet % 60, &[vec![5, 0]]))),
    );
    bad(
        "F17",
        "no-signing-time",
        Box::new(|l| {
            let at = position(l, SIGNING_TIME);
            l.remove(at);
        }),
    );
    let binary = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 2, 46];
    bad(
        "F17",
        "binary-too",
        Box::new(move |l| l.push(tlv(0x30, &[&tlv(0x06, &[&binary]), &tlv(0x31, &[&[2, 1, 1]])]))),
    );
    bad(
        "F17",
        "binary-only",
        Box::new(move |l| {
            let at = position(l, SIGNING_TIME);
            l[at] = tlv(0x30, &[&tlv(0x06, &[&binary]), &tlv(0x31, &[&[2, 1, octet & 0x7f]])]);
        }),
    );
    bad("F18", "signed-late", Box::new(time(0x17, "400101000000Z")));
    bad("F18", "general-time", Box::new(time(0x18, "20260101000000Z")));
    bad("F26", "signing-time-month-13", Box::new(time(0x17, "261301000000Z")));
    bad("F26", "signing-time-no-seconds", Box::new(time(0x17, "2601010000Z")));
    bad("F26", "signing-time-day-0", Box::new(time(0x17, "260100000000Z")));
    bad(
        "F24",
        "signed-type",
        Box::new(|l| {
            let at = position(l, CONTENT_TYPE);
            l[at] = attribute(CONTENT_TYPE, &[tlv(0x06, &[ca::ASPA])]);
        }),
    );
    let types = [
        ("aspa", ca::ASPA),
        ("tak", ca::TAK),
        ("checklist", ca::CHECKLIST),
        ("prefix-list", ca::PREFIX_LIST),
    ];
    let others = [("roa", ca::ROA), ("manifest", ca::MANIFEST)];
    let other = if part == Part::Manifest { others[0] } else { others[1] };
    for (word, kind) in types.into_iter().chain([other]) {
        let change: Box<dyn Fn(&mut SignedObject)> = Box::new(move |object| {
            let mut list = children(&tlv(0x31, &[&object.attributes]));
            let at = position(&list, CONTENT_TYPE);
            list[at] = attribute(CONTENT_TYPE, &[tlv(0x06, &[kind])]);
            list.sort();
            object.attributes = list.concat();
            object.content_type = kind.to_vec();
        });
        catalogue.bad("F24", &format!("{word}-type"), Change::Parts(part, change));
    }
    // A signing time before the certificate: RFC 9589 asks for none.
    catalogue.good("F18", "signed-early", attributes(part, true, time(0x17, "200101000000Z")));
}

/// The rest of the envelope (rows F19 to F23 and G40).
fn envelope(catalogue: &mut Catalogue, dice: &mut Dice, part: Part) {
    let octet = dice.octet();
    let id = |last: u8| tlv(0x06, &[&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, last]]);
    let sha = |last: u8| tlv(0x30, &[&tlv(0x06, &[&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, last]])]);
    let sha1 = || tlv(0x30, &[&tlv(0x06, &[&[0x2b, 14, 3, 2, 26]])]);
    let mut bad = |row: &'static str, name: &str, edit: Edit| {
        catalogue.bad(row, name, Change::Envelope(part, edit))
    };
    bad("F19", "two-signers", list(SIGNERS, |l| l.push(l[0].clone())));
    bad("F19", "no-signer", value(SIGNERS, |v| *v = vec![0x31, 0]));
    bad("F19", "two-certificates", list(CERTIFICATES, |l| l.push(l[0].clone())));
    bad(
        "F19",
        "no-certificate",
        list(&[1, 0], |l| {
            l.remove(3);
        }),
    );
    bad("F19", "crl", list(&[1, 0], |l| l.insert(4, tlv(0xa1, &[]))));
    bad(
        "F19",
        "unsigned-attributes",
        list(SIGNER, |l| l.push(tlv(0xa1, &[&attribute(5, &[tlv(0x17, &[b"260101000000Z"])])]))),
    );
    bad(
        "F20",
        "issuer-and-serial",
        list(SIGNER, |l| l[1] = tlv(0x30, &[&tlv(0x30, &[]), &[2, 1, 1]])),
    );
    bad("F20", "other-key", list(SIGNER, move |l| l[1] = tlv(0x80, &[&[octet; 20]])));
    bad("F20", "short-key", list(SIGNER, move |l| l[1] = tlv(0x80, &[&[octet; 19]])));
    for version in [0, 1, 2, 4, 5] {
        bad(
            "F21",
            &format!("version-{version}"),
            value(VERSION, move |v| *v = vec![2, 1, version]),
        );
        bad(
            "F21",
            &format!("signer-version-{version}"),
            list(SIGNER, move |l| l[0] = vec![2, 1, version]),
        );
    }
    bad("F23", "no-digest", value(DIGESTS, |v| *v = vec![0x31, 0]));
    bad("F23", "two-digests", list(DIGESTS, |l| l.push(l[0].clone())));
    bad("F23", "sha-1", list(DIGESTS, move |l| l[0] = sha1()));
    bad("F23", "sha-384", list(DIGESTS, move |l| l[0] = sha(2)));
    bad("F23", "sha-512", list(DIGESTS, move |l| l[0] = sha(3)));
    bad("F23", "signer-sha-384", list(SIGNER, move |l| l[2] = sha(2)));
    bad("F23", "signer-sha-1", list(SIGNER, move |l| l[2] = sha1()));
    bad(
        "G40",
        "ecdsa",
        list(SIGNER, |l| {
            l[4] = tlv(0x30, &[&tlv(0x06, &[&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]])])
        }),
    );
    bad("G40", "sha-384-with-rsa", list(SIGNER, move |l| l[4] = tlv(0x30, &[&id(12), &[5, 0]])));
    let mut good = |row: &'static str, name: &str, edit: Edit| {
        catalogue.good(row, name, Change::Envelope(part, edit))
    };
    good("F22", "rsa-encryption", list(SIGNER, move |l| l[4] = tlv(0x30, &[&id(1), &[5, 0]])));
    good("F22", "sha256-with-rsa", list(SIGNER, move |l| l[4] = tlv(0x30, &[&id(11), &[5, 0]])));
    let null = || tlv(0x30, &[&tlv(0x06, &[&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1]]), &[5, 0]]);
    good("F22", "digest-with-null", list(DIGESTS, move |l| l[0] = null()));
    good("F22", "signer-digest-with-null", list(SIGNER, move |l| l[2] = null()));
}
