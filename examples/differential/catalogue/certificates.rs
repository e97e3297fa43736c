//! Certificates with one thing changed, of CAs and of the objects that they sign.

use std::time::Duration;

use provost::ca::{self, tlv};

use super::values::*;
use super::{Catalogue, flip};
use crate::change::{Change, Edit, Part};
use crate::dice::Dice;
use crate::surgery::*;
use crate::world::HOST;

fn content_of(last: u8, content: Vec<u8>) -> Edit {
    Box::new(move |tbs| set_content(tbs, last, &content))
}

fn add_extension(id: Vec<u8>, is_critical: bool, content: Vec<u8>) -> Edit {
    Box::new(move |tbs| {
        edit_extensions(tbs, &|list| list.push(extension(&id, is_critical, &content)));
    })
}

fn remove(last: u8) -> Edit {
    Box::new(move |tbs| {
        edit_extensions(tbs, &|list| {
            let at = find(list, last);
            list.remove(at);
        });
    })
}

fn twice(last: u8) -> Edit {
    Box::new(move |tbs| {
        edit_extensions(tbs, &|list| {
            let at = find(list, last);
            list.push(list[at].clone());
        });
    })
}

fn flip_critical(last: u8) -> Edit {
    Box::new(move |tbs| {
        let content = content(tbs, last);
        edit_extensions(tbs, &|list| {
            let at = find(list, last);
            let is_critical = children(&list[at]).len() == 3;
            list[at] = extension(&extension_id(last), !is_critical, &content);
        });
    })
}

fn field(position: usize, value: Vec<u8>) -> Edit {
    Box::new(move |tbs| edit(tbs, &[position], &|field| *field = value.clone()))
}

/// Replaces the IPv4 resources, and keeps those of IPv6.
fn with_v4(items: Vec<Vec<u8>>) -> Edit {
    Box::new(move |tbs| {
        let mut families = children(&content(tbs, IP));
        families.retain(|family| children(family)[0] != tlv(0x04, &[&[0, 1]]));
        families.insert(0, family(&[0, 1], &items));
        set_content(tbs, IP, &join(0x30, &families));
    })
}

/// A modulus of so many bits, not the product of two known primes.
fn key(bits: usize, exponent: &[u8]) -> Edit {
    let octets = bits.div_ceil(8);
    let mut modulus = vec![0xa5; octets];
    modulus[0] = 1 << ((bits - 1) % 8);
    modulus[octets - 1] |= 1;
    if modulus[0] >= 0x80 {
        modulus.insert(0, 0);
    }
    let public = tlv(0x30, &[&number(&modulus), &number(exponent)]);
    Box::new(move |tbs| edit(tbs, &[SPKI, 1], &|value| *value = tlv(0x03, &[&[0], &public])))
}

const EXPONENT: &[u8] = &[1, 0, 1];

pub(super) fn add(catalogue: &mut Catalogue, dice: &mut Dice) {
    for part in [Part::Ca, Part::Roa, Part::Manifest, Part::Child] {
        any(catalogue, dice, part);
    }
    for part in [Part::Ca, Part::Child] {
        of_ca(catalogue, dice, part);
    }
    for part in [Part::Ca, Part::Child, Part::Roa] {
        resources(catalogue, dice, part);
    }
    router(catalogue, dice);
    let flips = 1 + dice.below(3);
    for part in [Part::Ca, Part::Child, Part::Roa, Part::Manifest, Part::Aspa] {
        let random = flip(dice, flips);
        catalogue.random("F33", "bits", Change::Certificate(part, Box::new(random)));
    }
}

/// Changes that any certificate can have.
fn any(catalogue: &mut Catalogue, dice: &mut Dice, part: Part) {
    let seat = catalogue.seat;
    let is_ca = matches!(part, Part::Ca | Part::Child);
    let issuer = if part == Part::Ca { "root".to_owned() } else { seat.name() };
    let crl = format!("rsync://{HOST}/repo/{issuer}/ca.crl");
    let certificate = match part {
        Part::Ca => format!("rsync://{HOST}/ta/ta.cer"),
        _ => format!("rsync://{HOST}/repo/root/{}.cer", seat.name()),
    };
    let now = seat.now;
    let hour = Duration::from_secs(3600 * (1 + dice.below(40) as u64));
    let (before, later) = (utc(now.minus(hour)), utc(now.plus(hour)));
    let earlier = utc(now.minus(hour * 2));
    let year = utc(now.plus(Duration::from_secs(86_400 * 300)));
    let utc_validity = |a: &str, b: &str| field(VALIDITY, validity((UTC, a), (UTC, b)));
    let octet = dice.octet();
    let bad_names: &[&[u8]] = &[b"a\n", b"\x80", b"a;b", b"a\"b"];
    let bad_name = bad_names[dice.below(bad_names.len())];
    let usual_names: &[&[u8]] = &[b"a_b", b"a@b", b"a*b", b"a&b"];
    let usual_name = usual_names[dice.below(usual_names.len())];
    let odd = [0xed, 0x03, 0x11][dice.below(3)];

    let mut bad = |row: &'static str, name: &str, edit: Edit| {
        catalogue.bad(row, name, Change::Certificate(part, edit))
    };
    bad(
        "F08",
        "critical-false",
        Box::new(|tbs: &mut Vec<u8>| {
            edit_extensions(tbs, &|list| {
                let at = find(list, SKI);
                let mut parts = children(&list[at]);
                parts.insert(1, vec![0x01, 0x01, 0x00]);
                list[at] = join(0x30, &parts);
            });
        }),
    );
    bad(
        "F08",
        "true-is-1",
        Box::new(|tbs| {
            edit_extensions(tbs, &|list| {
                let at = find(list, KEY_USAGE);
                let mut parts = children(&list[at]);
                parts[1] = vec![0x01, 0x01, 0x01];
                list[at] = join(0x30, &parts);
            });
        }),
    );
    bad("F11", "unused-bits-of-key", Box::new(|tbs| edit(tbs, &[SPKI, 1], &|bits| bits[4] = 1)));
    bad("F11", "usage-padding", content_of(KEY_USAGE, tlv(0x03, &[&[7, 0x81]])));
    bad("F25", "bad-character", field(SUBJECT, name(&[(3, 0x13, bad_name)])));
    bad("F25", "organisation", field(SUBJECT, name(&[(3, 0x13, b"a"), (10, 0x13, b"b")])));
    bad("F25", "no-name", field(SUBJECT, tlv(0x30, &[])));
    bad("F26", "month-13", utc_validity("251301000000Z", &year));
    bad("F26", "second-60", utc_validity("251201000060Z", &year));
    bad("F26", "no-seconds", utc_validity("2512010000Z", &year));
    bad("F26", "zone", utc_validity("251201000000+0100", &year));
    bad(
        "F26",
        "fraction",
        field(VALIDITY, validity((UTC, &before), (GENERAL, "20500101000000.5Z"))),
    );
    bad("F26", "year-0000", field(VALIDITY, validity((GENERAL, "00000101000000Z"), (UTC, &year))));
    bad(
        "F26",
        "general-before-2050",
        field(VALIDITY, validity((UTC, &before), (GENERAL, &format!("20{year}")))),
    );
    bad("F27", "exponent-3", key(2048, &[3]));
    bad("F27", "exponent-1", key(2048, &[1]));
    bad("F27", "even-exponent", key(2048, &[1, 0, 0]));
    bad("F27", "1-bit", key(1, EXPONENT));
    bad("F27", "2047-bits", key(2047, EXPONENT));
    bad("F27", "2049-bits", key(2049, EXPONENT));
    bad("F27", "1024-bits", key(1024, EXPONENT));
    bad("F27", "16384-bits", key(16384, EXPONENT));
    bad(
        "F28",
        "empty-sequence",
        Box::new(|tbs| edit(tbs, &[SPKI, 1], &|v| *v = tlv(0x03, &[&[0, 0x30, 0]]))),
    );
    bad(
        "F28",
        "no-sequence",
        Box::new(|tbs| edit(tbs, &[SPKI, 1], &|v| *v = tlv(0x03, &[&[0, 5, 0]]))),
    );
    bad(
        "F28",
        "octets",
        Box::new(move |tbs| edit(tbs, &[SPKI, 1], &|v| *v = tlv(0x03, &[&[0], &[octet; 90]]))),
    );
    bad("F28", "nothing", Box::new(|tbs| edit(tbs, &[SPKI, 1], &|v| *v = tlv(0x03, &[&[0]]))));
    bad("F30", "p256", field(SPKI, ca::ROUTER_SPKI.to_vec()));
    bad("G11", "serial-zero", field(1, number(&[0])));
    bad("G11", "serial-negative", field(1, number(&[0x80 | octet])));
    bad("G11", "serial-21-octets", field(1, number(&[1; 21])));
    bad("G13", "unknown-critical", add_extension(UNKNOWN.to_vec(), true, vec![5, 0]));
    let all = [
        ("ski", SKI),
        ("aki", AKI),
        ("usage", KEY_USAGE),
        ("crl", CRL_POINTS),
        ("aia", AIA),
        ("sia", SIA),
        ("policies", POLICIES),
        ("ip", IP),
    ];
    for (word, last) in all {
        bad("G15", &format!("twice-{word}"), twice(last));
        bad("G16", &format!("critical-{word}"), flip_critical(last));
    }
    let point = |uri_text: &str| crl_point(&[full_name(&[uri(uri_text)])]);
    let crls = |points: &[Vec<u8>]| content_of(CRL_POINTS, join(0x30, points));
    bad("G17", "two-points", crls(&[point(&crl), point(&crl)]));
    bad("G17", "two-points-other", crls(&[point(&crl), point("rsync://other.example.net/ca.crl")]));
    bad("G18", "reasons", crls(&[crl_point(&[full_name(&[uri(&crl)]), tlv(0x81, &[&[1, 6]])])]));
    bad(
        "G18",
        "crl-issuer",
        crls(&[crl_point(&[full_name(&[uri(&crl)]), tlv(0xa2, &[&uri(&crl)])])]),
    );
    bad("G18", "relative-name", crls(&[crl_point(&[tlv(0xa0, &[&tlv(0xa1, &[])])])]));
    bad("G18", "no-rsync", crls(&[point("https://x.example.net/ca.crl")]));
    bad("G18", "other-crl", crls(&[point(&format!("rsync://{HOST}/repo/{issuer}/x.crl"))]));
    bad("G18", "missing", remove(CRL_POINTS));
    bad("G19", "empty", content_of(AKI, tlv(0x30, &[])));
    bad("G19", "missing", remove(AKI));
    bad("G19", "other-key", content_of(AKI, tlv(0x30, &[&tlv(0x80, &[&[octet; 20]])])));
    bad(
        "G19",
        "issuer-too",
        Box::new(|tbs| {
            let mut parts = children(&content(tbs, AKI));
            parts.push(tlv(0xa1, &[&tlv(0xa4, &[&name(&[(3, 0x13, b"x")])])]));
            parts.push(tlv(0x82, &[&[1]]));
            set_content(tbs, AKI, &join(0x30, &parts));
        }),
    );
    let usage: &[u8] = if is_ca { &[1, 6] } else { &[7, 0x80] };
    bad(
        "G20",
        "long",
        content_of(KEY_USAGE, tlv(0x03, &[usage, &vec![octet | 1; 1 + usize::from(octet)]])),
    );
    bad("G20", "empty", content_of(KEY_USAGE, tlv(0x03, &[&[0]])));
    bad("G21", "no-usage", remove(KEY_USAGE));
    let wrong: &[u8] = if is_ca { &[7, 0x80] } else { &[1, 6] };
    bad("G21", "usage-of-other", content_of(KEY_USAGE, tlv(0x03, &[wrong])));
    bad(
        "G21",
        "usage-more",
        content_of(KEY_USAGE, tlv(0x03, &[if is_ca { &[1, 0x86] } else { &[6, 0xc0] }])),
    );
    if is_ca {
        bad(
            "G21",
            "path-length",
            content_of(BASIC_CONSTRAINTS, vec![0x30, 6, 1, 1, 0xff, 2, 1, octet & 3]),
        );
        bad("G21", "no-constraints", remove(BASIC_CONSTRAINTS));
        bad("F08", "ca-false", content_of(BASIC_CONSTRAINTS, vec![0x30, 3, 1, 1, 0]));
    } else {
        bad(
            "G21",
            "constraints",
            add_extension(extension_id(BASIC_CONSTRAINTS), true, vec![0x30, 0]),
        );
        bad(
            "G21",
            "constraints-ca",
            add_extension(extension_id(BASIC_CONSTRAINTS), true, vec![0x30, 3, 1, 1, 0xff]),
        );
    }
    let usages = tlv(0x30, &[&tlv(0x06, &[&[0x2b, 6, 1, 5, 5, 7, 3, 30]])]);
    bad(
        "G22",
        "extended-usage",
        add_extension(extension_id(EXTENDED_USAGE), false, usages.clone()),
    );
    bad(
        "G22",
        "extended-usage-critical",
        add_extension(extension_id(EXTENDED_USAGE), true, usages),
    );
    bad("G25", "other-issuer-name", field(ISSUER, name(&[(3, 0x13, b"somebody else")])));
    bad(
        "G25",
        "own-name-as-issuer",
        Box::new(|tbs| {
            let own = children(tbs)[SUBJECT].clone();
            edit(tbs, &[ISSUER], &|issuer| *issuer = own.clone());
        }),
    );
    bad("G30", "future", utc_validity(&later, &year));
    bad("G30", "expired", utc_validity(&earlier, &before));
    bad("G30", "crossed", utc_validity(&later, &before));
    bad(
        "G32",
        "aia-no-rsync",
        content_of(AIA, join(0x30, &[access(2, "https://x.example.net/root.cer")])),
    );
    bad(
        "G40",
        "sha384",
        Box::new(|tbs| {
            edit(tbs, &[2, 0], &|id| {
                let last = id.len() - 1;
                id[last] = 12;
            })
        }),
    );
    bad(
        "G40",
        "sha1",
        Box::new(|tbs| {
            edit(tbs, &[2, 0], &|id| {
                let last = id.len() - 1;
                id[last] = 5;
            })
        }),
    );
    bad(
        "G40",
        "policy-of-others",
        content_of(POLICIES, tlv(0x30, &[&tlv(0x30, &[&tlv(0x06, &[&[0x55, 29, 32, 0]])])])),
    );
    bad("G40", "no-policy", remove(POLICIES));
    bad("F10", "extension-id-cut", add_extension(vec![0x2b, 0x86], false, vec![5, 0]));
    bad("F10", "extension-id-empty", add_extension(vec![], false, vec![5, 0]));
    bad(
        "F10",
        "extension-id-long-arc",
        add_extension([&[0x2b][..], &[0xff; 12], &[1]].concat(), true, vec![5, 0]),
    );
    bad(
        "F04",
        "long-tag",
        Box::new(move |tbs| edit_list(tbs, &[], &|l| l.push(vec![0xbf, 0x81 | odd, 0x01, 0]))),
    );
    bad("F07", "serial-not-minimal", field(1, number(&[0, 0, 1, octet])));
    bad("F13", "behind-extensions", Box::new(|tbs| edit_list(tbs, &[], &|l| l.push(vec![5, 0]))));

    let mut good = |row: &'static str, name: &str, edit: Edit| {
        catalogue.good(row, name, Change::Certificate(part, edit))
    };
    if !is_ca {
        // Whose name changes must issue under the new one; here only the certificate is made.
        good("F25", "usual-character", field(SUBJECT, name(&[(3, 0x13, usual_name)])));
        good("F25", "utf8-name", field(SUBJECT, name(&[(3, 0x0c, "n\u{e9}".as_bytes())])));
    }
    good(
        "F26",
        "general-from-2050",
        field(VALIDITY, validity((UTC, &before), (GENERAL, "20500101000000Z"))),
    );
    good(
        "F26",
        "year-9999",
        field(VALIDITY, validity((UTC, &before), (GENERAL, "99991231235959Z"))),
    );
    good("G11", "serial-largest", field(1, number(&[&[0x7f][..], &[0xff; 19]].concat())));
    good("G12", "serial-of-others", field(1, number(&[2])));
    good(
        "G14",
        "unknown-not-critical",
        add_extension([UNKNOWN, &[octet & 0x7f]].concat(), false, vec![5, 0]),
    );
    good(
        "G17",
        "two-uris",
        content_of(
            CRL_POINTS,
            join(
                0x30,
                &[crl_point(&[full_name(&[uri("http://x.example.net/ca.crl"), uri(&crl)])])],
            ),
        ),
    );
    good(
        "G31",
        "other-issuer-uri",
        content_of(AIA, join(0x30, &[access(2, "rsync://rpki.example.net/repo/elsewhere.cer")])),
    );
    good(
        "G32",
        "aia-two",
        content_of(
            AIA,
            join(0x30, &[access(2, &certificate), access(2, "https://x.example.net/root.cer")]),
        ),
    );
    good(
        "G32",
        "aia-ocsp",
        content_of(
            AIA,
            join(0x30, &[access(2, &certificate), access(1, "http://ocsp.example.net/")]),
        ),
    );
    good(
        "G32",
        "sia-more",
        Box::new(|tbs| {
            let mut list = children(&content(tbs, SIA));
            list.push(access(99, "rsync://x.example.net/x/"));
            set_content(tbs, SIA, &join(0x30, &list));
        }),
    );
}

/// Changes that only the certificate of a CA can have.
fn of_ca(catalogue: &mut Catalogue, dice: &mut Dice, part: Part) {
    let seat = catalogue.seat;
    let name_of = match part {
        Part::Ca => seat.name(),
        _ => format!("{}s0", seat.name()),
    };
    let base = format!("rsync://{HOST}/repo/{name_of}/");
    let repository = || access(5, &base);
    let manifest = || access(10, &format!("{base}ca.mft"));
    let sia = |parts: &[Vec<u8>]| content_of(SIA, join(0x30, parts));
    let label = format!("x{}", dice.octet());
    let mut good = |row: &'static str, name: &str, edit: Edit| {
        catalogue.good(row, name, Change::Certificate(part, edit))
    };
    good(
        "G32",
        "sia-https-first",
        sia(&[access(5, &format!("https://{label}.example.net/sub/")), repository(), manifest()]),
    );
    good(
        "G32",
        "sia-two-directories",
        sia(&[repository(), access(5, &format!("rsync://{label}.example.net/x/")), manifest()]),
    );
    good(
        "G32",
        "sia-two-manifests",
        sia(&[
            repository(),
            manifest(),
            access(10, &format!("rsync://{label}.example.net/x/ca.mft")),
        ]),
    );
    let named = tlv(
        0x30,
        &[&tlv(0x06, &[&[0x2b, 6, 1, 5, 5, 7, 48, 10]]), &tlv(0xa4, &[&name(&[(3, 0x13, b"x")])])],
    );
    good("G32", "sia-directory-name", sia(&[repository(), named, manifest()]));
    good(
        "G03",
        "inherit",
        content_of(
            IP,
            tlv(
                0x30,
                &[
                    &tlv(0x30, &[&tlv(0x04, &[&[0, 1]]), &[5, 0]]),
                    &tlv(0x30, &[&tlv(0x04, &[&[0, 2]]), &[5, 0]]),
                ],
            ),
        ),
    );
    let mut bad = |row: &'static str, name: &str, edit: Edit| {
        catalogue.bad(row, name, Change::Certificate(part, edit))
    };
    bad("G32", "sia-no-manifest", sia(&[repository()]));
    bad("G32", "sia-no-directory", sia(&[manifest()]));
    bad(
        "G32",
        "manifest-elsewhere",
        sia(&[repository(), access(10, &format!("rsync://{HOST}/repo/{label}/ca.mft"))]),
    );
    bad(
        "G32",
        "notify-http",
        sia(&[repository(), manifest(), access(13, "http://x.example.net/notification.xml")]),
    );
    bad("G21", "missing-sia", remove(SIA));
}

/// Changes of resources that are named.
fn resources(catalogue: &mut Catalogue, dice: &mut Dice, part: Part) {
    let number_ = catalogue.seat.number;
    let p = |third: u8| bits(0, &[10, number_, third]);
    let whole = || bits(0, &[10, number_]);
    let other = dice.octet() | 1;
    let as_number = integer(catalogue.seat.asn(5));
    let ip = |content| content_of(IP, content);
    let is_roa = part == Part::Roa;
    // A ROA's certificate has no AS numbers, so that the extension must be added.
    let with_asn = move |content: Vec<u8>| -> Edit {
        Box::new(move |tbs| {
            edit_extensions(tbs, &|list| {
                let id = tlv(0x06, &[&extension_id(ASN)]);
                list.retain(|extension| children(extension)[0] != id);
                list.push(extension(&extension_id(ASN), true, &content));
            });
        })
    };
    let mut bad = |row: &'static str, name: &str, edit: Edit| {
        catalogue.bad(row, name, Change::Certificate(part, edit))
    };
    bad("G01", "other-prefix", ip(v4(&[whole(), bits(0, &[11, other])])));
    bad("G01", "everything", ip(v4(&[bits(0, &[])])));
    bad("G02", "one-above", ip(v4(&[range(&bits(0, &[10, number_]), &bits(0, &[11, 0, 0, 0]))])));
    bad(
        "G02",
        "one-below",
        ip(v4(&[range(&bits(0, &[9, 255, 255, 255]), &bits(0, &[10, number_]))])),
    );
    bad("G05", "no-families", ip(tlv(0x30, &[])));
    bad("G05", "no-ranges", ip(v4(&[])));
    bad(
        "G05",
        "no-resources",
        Box::new(|tbs| {
            edit_extensions(tbs, &|list| {
                let ids = [IP, ASN].map(|last| tlv(0x06, &[&extension_id(last)]));
                list.retain(|extension| !ids.contains(&children(extension)[0]));
            })
        }),
    );
    bad("G06", "unsorted", ip(v4(&[p(64), p(0)])));
    bad("G06", "overlapping", ip(v4(&[whole(), p(other)])));
    bad("G06", "touching", ip(v4(&[bits(7, &[10, number_, 0]), bits(7, &[10, number_, 128])])));
    bad("G06", "reversed", ip(v4(&[range(&p(4), &p(2))])));
    bad("G06", "twice", ip(v4(&[whole(), whole()])));
    bad("G07", "prefix-as-range", ip(v4(&[range(&whole(), &whole())])));
    bad(
        "G07",
        "range-of-zeros",
        ip(v4(&[range(&bits(0, &[10, number_, 0, 0]), &bits(0, &[10, number_, 255, 255]))])),
    );
    bad("G08", "afi-3", ip(tlv(0x30, &[&family(&[0, 1], &[whole()]), &family(&[0, 3], &[p(2)])])));
    bad("G08", "afi-0", ip(tlv(0x30, &[&family(&[0, 0], &[p(2)]), &family(&[0, 1], &[whole()])])));
    bad("G08", "afi-1-octet", ip(tlv(0x30, &[&family(&[1], &[whole()])])));
    bad("G08", "safi", ip(tlv(0x30, &[&family(&[0, 1, 1], &[whole()])])));
    bad(
        "G08",
        "family-twice",
        ip(tlv(0x30, &[&family(&[0, 1], &[whole()]), &family(&[0, 1], &[whole()])])),
    );
    bad(
        "G08",
        "families-unsorted",
        ip(tlv(
            0x30,
            &[
                &family(&[0, 2], &[bits(0, &[0x20, 1, 0xd, 0xb8, 0, number_])]),
                &family(&[0, 1], &[whole()]),
            ],
        )),
    );
    bad(
        "G09",
        "prefix-33",
        ip(v4(&[bits(0, &[10, number_]), bits(7, &[10, number_, 0, 0, 0x80])])),
    );
    bad("G09", "prefix-40", ip(v4(&[bits(0, &[10, number_, other, 0, 0])])));
    bad(
        "G09",
        "prefix-129",
        ip(tlv(
            0x30,
            &[&family(
                &[0, 2],
                &[bits(7, &[0x20, 1, 0xd, 0xb8, 0, number_, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])],
            )],
        )),
    );
    bad("F11", "unused-bits-8", ip(v4(&[tlv(0x03, &[&[8, 10, number_]])])));
    bad("F11", "unused-bits-of-nothing", ip(v4(&[tlv(0x03, &[&[3]])])));
    bad("F11", "padding-not-zero", ip(v4(&[tlv(0x03, &[&[4, 10, number_, 0x1f]])])));
    bad("G10", "above-32-bits", with_asn(asns(&[number(&[1, 0, 0, 0, 0])])));
    bad("G10", "negative", with_asn(asns(&[number(&[0xff])])));
    bad("G10", "reversed", with_asn(asns(&[range(&integer(5), &integer(4))])));
    bad(
        "G10",
        "routing-domains",
        with_asn(tlv(
            0x30,
            &[
                &tlv(0xa0, &[&join(0x30, std::slice::from_ref(&as_number))]),
                &tlv(0xa1, &[&join(0x30, std::slice::from_ref(&as_number))]),
            ],
        )),
    );
    bad(
        "G10",
        "null-domain",
        with_asn(tlv(0x30, &[&tlv(0xa0, &[&join(0x30, &[as_number])]), &tlv(0xa1, &[&[5, 0]])])),
    );
    if is_roa {
        return;
    }
    bad("G01", "other-as", with_asn(asns(&[integer(64_496)])));
    let (first_as, last_as) = (integer(catalogue.seat.asn(0)), integer(catalogue.seat.asn(99)));
    // RFC 8360, where the certificate says so by its policy: what is too much is cut off.
    let mut good = |row: &'static str, name: &str, edit: Edit| {
        catalogue.good(row, name, Change::Certificate(part, edit))
    };
    good(
        "G01",
        "of-rfc-8360",
        Box::new(move |tbs| {
            let policy = [0x2b, 6, 1, 5, 5, 7, 14, 3];
            let four = family(&[0, 1], &[bits(0, &[10, number_]), bits(0, &[11, other])]);
            let six = family(&[0, 2], &[bits(0, &[0x20, 1, 0xd, 0xb8, 0, number_])]);
            set_content(tbs, POLICIES, &tlv(0x30, &[&tlv(0x30, &[&tlv(0x06, &[&policy])])]));
            edit_extensions(tbs, &|list| {
                for (last, new, content) in [
                    (IP, 28, tlv(0x30, &[&four, &six])),
                    (ASN, 29, asns(&[integer(64_496), range(&first_as, &last_as)])),
                ] {
                    let id = tlv(0x06, &[&extension_id(last)]);
                    if let Some(at) = list.iter().position(|e| children(e)[0] == id) {
                        list[at] = extension(&[0x2b, 6, 1, 5, 5, 7, 1, new], true, &content);
                    }
                }
            });
        }),
    );
    if part == Part::Ca {
        let ranges = 1_000 + dice.below(3_000);
        let mut items = vec![bits(0, &[10, number_])];
        items.extend((0..ranges).map(|i| bits(0, &[10, 250, (i >> 7) as u8, (i << 1) as u8])));
        good("F31", "many-ranges", with_v4(items));
        good(
            "F31",
            "many-as-numbers",
            with_asn(asns(
                &(0..ranges as u32).map(|i| integer(4_200_000_000 + 2 * i)).collect::<Vec<_>>(),
            )),
        );
        good(
            "F31",
            "range-of-prefixes",
            with_v4(vec![range(&bits(0, &[10, number_]), &bits(0, &[10, 249]))]),
        );
    }
}

/// Changes of a router certificate.
fn router(catalogue: &mut Catalogue, dice: &mut Dice) {
    let (own, octet) = (integer(catalogue.seat.asn(20)), dice.octet());
    let first = catalogue.seat.asn(0);
    let usage = |last: u8| tlv(0x30, &[&tlv(0x06, &[&[0x2b, 6, 1, 5, 5, 7, 3, last]])]);
    let point = move |flipped: usize| -> Edit {
        Box::new(move |tbs| edit(tbs, &[SPKI, 1], &|value| value[4 + flipped % 60] ^= 1 | octet))
    };
    let mut bad = |row: &'static str, name: &str, edit: Edit| {
        catalogue.bad(row, name, Change::Certificate(Part::Router, edit))
    };
    bad("F29", "not-on-curve-x", point(usize::from(octet) % 30));
    bad("F29", "not-on-curve-y", point(33 + usize::from(octet) % 25));
    bad("F29", "form", Box::new(|tbs| edit(tbs, &[SPKI, 1], &|value| value[3] = 7)));
    bad(
        "F29",
        "cut",
        Box::new(|tbs| {
            edit(tbs, &[SPKI, 1], &|value| {
                let short = value[2..value.len() - 9].to_vec();
                *value = tlv(0x03, &[&short]);
            })
        }),
    );
    bad("G22", "no-usage", remove(EXTENDED_USAGE));
    bad("G22", "other-usage", content_of(EXTENDED_USAGE, usage(octet % 28)));
    bad("G22", "critical", flip_critical(EXTENDED_USAGE));
    bad("H18", "inherit", content_of(ASN, tlv(0x30, &[&tlv(0xa0, &[&[5, 0]])])));
    bad(
        "H18",
        "addresses",
        add_extension(extension_id(IP), true, v4(&[bits(0, &[10, catalogue_number(first)])])),
    );
    bad("H18", "not-held", content_of(ASN, asns(&[integer(64_496)])));
    bad(
        "H18",
        "p384",
        Box::new(|tbs| edit(tbs, &[SPKI, 0, 1], &|id| *id = tlv(0x06, &[&[0x2b, 0x81, 4, 0, 34]]))),
    );
    bad(
        "H18",
        "sia",
        add_extension(
            extension_id(SIA),
            false,
            tlv(0x30, &[&access(11, "rsync://rpki.example.net/x.cer")]),
        ),
    );
    let mut good = |row: &'static str, name: &str, edit: Edit| {
        catalogue.good(row, name, Change::Certificate(Part::Router, edit))
    };
    good("H18", "two-as-numbers", content_of(ASN, asns(&[own, integer(first + 22)])));
    good("H18", "range", content_of(ASN, asns(&[range(&integer(first), &integer(first + 50))])));
}

fn catalogue_number(first_as: u32) -> u8 {
    (first_as % 100_000 / 100) as u8
}
