//! The contents of ROAs, ASPAs and other objects, each with one thing changed.

use bytes::Bytes;
use provost::ca::{Resources, tlv};
use provost::model::{AsRange, ResourceSet};

use super::values::*;
use super::{Catalogue, Kind, flip};
use crate::change::{Change, Edit, Part};
use crate::dice::Dice;
use crate::surgery::*;

fn prefix(unused: u8, octets: &[u8], max_length: &[u8]) -> Vec<u8> {
    let max_length = if max_length.is_empty() { vec![] } else { number(max_length) };
    tlv(0x30, &[&bits(unused, octets), &max_length])
}

fn roa(asn: &[u8], families: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &[asn, &join(0x30, families)])
}

/// Replaces a whole content.
fn whole(content: Vec<u8>) -> Edit {
    Box::new(move |old| *old = content.clone())
}

pub(super) fn add(catalogue: &mut Catalogue, dice: &mut Dice) {
    roas(catalogue, dice);
    aspas(catalogue, dice);
    others(catalogue, dice);
    for part in [Part::Roa, Part::Manifest, Part::Aspa] {
        let flips = 1 + dice.below(2);
        catalogue.random("F33", "content", Change::Content(part, Box::new(flip(dice, flips))));
    }
}

fn roas(catalogue: &mut Catalogue, dice: &mut Dice) {
    let seat = catalogue.seat;
    let n = seat.number;
    let asn = integer(seat.asn(10));
    let third = dice.octet() % 64;
    // One of the longest prefixes that the ROA's certificate has, whatever its length is.
    let p = |max: &[u8]| prefix(0, &[10, n, 0], max);
    let one = |max: &[u8]| whole(roa(&asn, &[family(&[0, 1], &[p(max)])]));
    let content = |families: &[Vec<u8>]| whole(roa(&asn, families));
    let six: &[u8] = &[0x20, 1, 0xd, 0xb8, 0, n, 0];
    let bad_number = dice.below(20) as u8;
    let mapped = [&[0; 10][..], &[0xff, 0xff, 10, n, third]].concat();
    let mut bad = |row: &'static str, name: &str, edit: Edit| {
        catalogue.bad(row, name, Change::Content(Part::Roa, edit))
    };
    bad("H01", "below", one(&[bad_number]));
    bad("H01", "33", one(&[33]));
    bad("H01", "128", one(&[0, 128]));
    bad("H01", "255", one(&[0, 255]));
    bad("H01", "zero", one(&[0]));
    bad("H01", "huge", one(&[1, 0, 0, 0, 0]));
    bad("H01", "2-64", one(&[1, 0, 0, 0, 0, 0, 0, 0, 24]));
    bad("H01", "negative", one(&[0xff - bad_number]));
    bad("F07", "max-length", one(&[0, 24]));
    bad(
        "H02",
        "octets",
        content(&[family(&[0, 1], &[tlv(0x30, &[&bits(0, &[10, n, 0]), &tlv(0x04, &[&[24]])])])]),
    );
    bad(
        "H02",
        "boolean",
        content(&[family(&[0, 1], &[tlv(0x30, &[&bits(0, &[10, n, 0]), &[1, 1, 0xff]])])]),
    );
    bad(
        "H02",
        "null",
        content(&[family(&[0, 1], &[tlv(0x30, &[&bits(0, &[10, n, 0]), &[5, 0]])])]),
    );
    bad(
        "H02",
        "enumerated",
        content(&[family(&[0, 1], &[tlv(0x30, &[&bits(0, &[10, n, 0]), &[0x0a, 1, 24]])])]),
    );
    bad(
        "H02",
        "empty",
        content(&[family(&[0, 1], &[tlv(0x30, &[&bits(0, &[10, n, 0]), &[2, 0]])])]),
    );
    bad(
        "H02",
        "two",
        content(&[family(
            &[0, 1],
            &[tlv(0x30, &[&bits(0, &[10, n, 0]), &[2, 1, 24], &[2, 1, 25]])],
        )]),
    );
    let four = || family(&[0, 1], &[p(&[])]);
    bad("H05", "no-family", content(&[]));
    bad("H05", "no-prefix", content(&[family(&[0, 1], &[])]));
    bad("H05", "family-twice", content(&[four(), four()]));
    bad(
        "H05",
        "family-twice-other",
        content(&[four(), family(&[0, 1], &[prefix(0, &[10, n, 1], &[])])]),
    );
    bad("H05", "three", content(&[four(), four(), four()]));
    bad("H06", "afi-25", content(&[family(&[0, 25], &[p(&[])])]));
    bad("H06", "afi-0", content(&[family(&[0, 0], &[p(&[])])]));
    bad("H06", "afi-1-octet", content(&[family(&[1], &[p(&[])])]));
    bad("H06", "afi-3-octets", content(&[family(&[0, 1, 1], &[p(&[])])]));
    bad("H06", "afi-empty", content(&[family(&[], &[p(&[])])]));
    bad("H07", "mapped", content(&[family(&[0, 2], &[prefix(0, &mapped, &[])])]));
    bad(
        "H07",
        "mapped-host",
        content(&[family(&[0, 2], &[prefix(0, &[&mapped[..], &[1]].concat(), &[])])]),
    );
    bad("G09", "prefix-33", content(&[family(&[0, 1], &[prefix(7, &[10, n, 0, 0, 0x80], &[])])]));
    bad("G09", "prefix-40", content(&[family(&[0, 1], &[prefix(0, &[10, n, 0, third, 0], &[])])]));
    bad(
        "G09",
        "prefix-129",
        content(&[family(&[0, 2], &[prefix(7, &[six, &[0; 10]].concat(), &[])])]),
    );
    bad("F11", "prefix-unused-9", content(&[family(&[0, 1], &[prefix(9, &[10, n, 0], &[])])]));
    bad("F11", "prefix-padding", content(&[family(&[0, 1], &[prefix(1, &[10, n, 0, 1], &[])])]));
    let with_asn = |octets: &[u8]| whole(roa(&number(octets), &[four()]));
    bad("G10", "as-4294967296", with_asn(&[1, 0, 0, 0, 0]));
    bad("G10", "as-negative", with_asn(&[0xff]));
    bad("F07", "as-not-minimal", with_asn(&[0, 0, 0xfa, 0x01, 0x02]));
    bad(
        "F08",
        "version-0",
        whole(tlv(0x30, &[&tlv(0xa0, &[&[2, 1, 0]]), &asn, &tlv(0x30, &[&four()])])),
    );
    bad(
        "F08",
        "version-1",
        whole(tlv(0x30, &[&tlv(0xa0, &[&[2, 1, 1]]), &asn, &tlv(0x30, &[&four()])])),
    );
    bad("F13", "behind-content", Box::new(|content| content.push(0)));
    bad("F13", "in-content", Box::new(|content| edit_list(content, &[], &|l| l.push(vec![5, 0]))));
    bad("F14", "empty", whole(vec![]));
    bad(
        "F05",
        "content-indefinite",
        Box::new(|c| {
            let l = children(c);
            *c = [&[0x30, 0x80][..], &l.concat(), &[0, 0]].concat();
        }),
    );
    bad(
        "F07",
        "content-length",
        Box::new(|c| {
            let l = children(c).concat();
            *c = [&[0x30, 0x84][..], &(l.len() as u32).to_be_bytes(), &l].concat();
        }),
    );
    bad(
        "H13",
        "not-in-certificate",
        content(&[family(&[0, 1], &[p(&[]), prefix(0, &[10, n, 255], &[])])]),
    );
    bad("H13", "of-others", content(&[family(&[0, 1], &[prefix(0, &[10, n ^ 1, third], &[])])]));
    bad("H13", "everything", content(&[family(&[0, 1], &[prefix(0, &[], &[])])]));
    bad("H13", "one-above", content(&[family(&[0, 1], &[prefix(0, &[10], &[])])]));

    let mut good = |row: &'static str, name: &str, edit: Edit| {
        catalogue.good(row, name, Change::Content(Part::Roa, edit))
    };
    good("H01", "equal", one(&[24]));
    good("H01", "32", one(&[32]));
    good("H08", "twice", content(&[family(&[0, 1], &[p(&[]), p(&[])])]));
    good("H08", "twice-max-length", content(&[family(&[0, 1], &[p(&[]), p(&[24])])]));
    good("H08", "unsorted", content(&[family(&[0, 1], &[prefix(0, &[10, n, 1], &[]), p(&[])])]));
    good("H08", "max-lengths-unsorted", content(&[family(&[0, 1], &[p(&[30]), p(&[26]), p(&[])])]));
    good(
        "H08",
        "covered",
        content(&[family(&[0, 1], &[p(&[28]), prefix(0, &[10, n, 0, third], &[])])]),
    );
    for (name, asn) in [
        ("0", integer(0)),
        ("23456", integer(23_456)),
        ("4294967295", integer(u32::MAX)),
        ("65535", integer(65_535)),
        ("4294967294", integer(u32::MAX - 1)),
    ] {
        good("H12", name, whole(roa(&asn, &[four()])));
    }
    let mut many = |row: &'static str, count: usize| {
        let items: Vec<_> =
            (0..count).map(|i| prefix(0, &[10, n, (i >> 8) as u8 & 3, i as u8], &[])).collect();
        good(row, &format!("{count}-prefixes"), content(&[family(&[0, 1], &items)]));
    };
    many("H09", 250 + usize::from(third));
    many("H09", 1_000);
    let own = |set: ResourceSet| Change::Held(Part::Roa, Resources::Set(set));
    let set = |prefixes: &[provost::model::Prefix], asns: &[AsRange]| {
        let set = ResourceSet::from_prefixes(prefixes.iter().copied());
        ResourceSet::new(set.v4().iter().copied(), set.v6().iter().copied(), asns.iter().copied())
    };
    let all = seat.resources();
    let asns = [AsRange { min: seat.asn(10), max: seat.asn(10) }];
    let v4 = seat.v4(0, 16);
    catalogue.bad(
        "H03",
        "as-number",
        own(ResourceSet::new(all.v4().iter().copied(), all.v6().iter().copied(), asns)),
    );
    catalogue.bad("H03", "all-as-numbers", own(all.clone()));
    catalogue.bad("H04", "inherit-everything", Change::Held(Part::Roa, Resources::Inherit));
    for (name, families) in [("v4", &[1u8][..]), ("v6", &[2]), ("both", &[1, 2])] {
        let list: Vec<_> =
            families.iter().map(|f| tlv(0x30, &[&tlv(0x04, &[&[0, *f]]), &[5, 0]])).collect();
        let ip = join(0x30, &list);
        catalogue.bad(
            "H04",
            &format!("inherit-{name}"),
            Change::Certificate(Part::Roa, Box::new(move |tbs| set_content(tbs, IP, &ip))),
        );
    }
    catalogue.bad(
        "H03",
        "inherit-as",
        Change::Certificate(
            Part::Roa,
            Box::new(|tbs| {
                let asns = tlv(0x30, &[&tlv(0xa0, &[&[5, 0]])]);
                edit_extensions(tbs, &|list| list.push(extension(&extension_id(ASN), true, &asns)));
            }),
        ),
    );
    catalogue.bad("H13", "certificate-too-small", own(set(&[seat.v4(0, 28)], &[])));
    catalogue.bad("H13", "certificate-too-large", own(set(&["10.0.0.0/8".parse().unwrap()], &[])));
    catalogue.good(
        "H13",
        "certificate-larger",
        own(set(&[v4, "2001:db8::/32".parse().unwrap()], &[])),
    );
    let last = catalogue.entries.len() - 1;
    // What the certificate has beyond its CA's is too much, what it has beyond the ROA is not.
    catalogue.entries[last].kind = Kind::Breaks;
    catalogue.good(
        "H13",
        "certificate-wider",
        own(ResourceSet::new(all.v4().iter().copied(), all.v6().iter().copied(), [])),
    );
}

fn aspas(catalogue: &mut Catalogue, dice: &mut Dice) {
    let customer = catalogue.seat.asn(1);
    let aspa = move |customer: u32, providers: &[u32]| {
        let providers: Vec<_> = providers.iter().map(|asn| integer(*asn)).collect();
        whole(tlv(0x30, &[&tlv(0xa0, &[&[2, 1, 1]]), &integer(customer), &join(0x30, &providers)]))
    };
    let other = 64_000 + dice.below(400) as u32;
    let mut bad = |row: &'static str, name: &str, edit: Edit| {
        catalogue.bad(row, name, Change::Content(Part::Aspa, edit))
    };
    bad("H14", "as0-and-others", aspa(customer, &[0, other]));
    bad("H14", "unsorted", aspa(customer, &[other + 1, other]));
    bad("H14", "twice", aspa(customer, &[other, other]));
    bad("H14", "no-provider", aspa(customer, &[]));
    bad("H14", "customer", aspa(customer, &[other, customer]));
    bad("H14", "not-held", aspa(other, &[customer]));
    bad(
        "H14",
        "version-0",
        whole(tlv(0x30, &[&integer(customer), &tlv(0x30, &[&integer(other)])])),
    );
    bad(
        "H14",
        "version-2",
        whole(tlv(
            0x30,
            &[&tlv(0xa0, &[&[2, 1, 2]]), &integer(customer), &tlv(0x30, &[&integer(other)])],
        )),
    );
    bad(
        "H14",
        "provider-2-32",
        whole(tlv(
            0x30,
            &[
                &tlv(0xa0, &[&[2, 1, 1]]),
                &integer(customer),
                &tlv(0x30, &[&number(&[1, 0, 0, 0, 0])]),
            ],
        )),
    );
    let many: Vec<u32> = (1..=16_381 + dice.below(500) as u32).collect();
    bad("H15", "too-many-providers", aspa(customer, &many));
    let mut good = |row: &'static str, name: &str, edit: Edit| {
        catalogue.good(row, name, Change::Content(Part::Aspa, edit))
    };
    good("H14", "as0", aspa(customer, &[0]));
    good("H15", "many-providers", aspa(customer, &many[..4_000 + dice.below(6_000)]));
    good("H15", "few-providers", aspa(customer, &many[..1 + dice.below(300)]));
}

fn others(catalogue: &mut Catalogue, dice: &mut Dice) {
    let octet = dice.octet();
    let card = |text: &str| {
        whole(format!("BEGIN:VCARD\r\nVERSION:4.0\r\n{text}\r\nEND:VCARD\r\n").into_bytes())
    };
    let mut card_of =
        |name, edit| catalogue.bad("H19", name, Change::Content(Part::Ghostbusters, edit));
    card_of("escape", card("FN:\u{1b}[31m\u{7}"));
    card_of("no-name", card("EMAIL:noc@example.net"));
    card_of("unknown-property", card("X-SOMETHING:1"));
    card_of("no-end", whole(b"BEGIN:VCARD\r\nVERSION:4.0\r\nFN:a\r\n".to_vec()));
    card_of("binary", whole(vec![octet; 300]));
    card_of("nothing", whole(vec![]));
    card_of("long-line", card(&format!("FN:{}", "x".repeat(20_000 + usize::from(octet)))));
    card_of("two-cards", card("FN:a\r\nEND:VCARD\r\nBEGIN:VCARD\r\nVERSION:4.0\r\nFN:b"));
    card_of("line-feeds", whole(b"BEGIN:VCARD\nVERSION:4.0\nFN:a\nEND:VCARD\n".to_vec()));
    card_of("version-3", whole(b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:a\r\nEND:VCARD\r\n".to_vec()));
    let listed = move |name: &'static str, content: Vec<u8>| {
        Change::Listed(Box::new(move |files, _| {
            files.insert(name.to_owned(), Bytes::from(content.clone()));
        }))
    };
    for (name, file) in [
        ("checklist", "x.sig"),
        ("prefix-list", "x.spl"),
        ("key-list", "x.tak"),
        ("unknown", "x.xyz"),
        ("text", "readme.txt"),
        ("upper-case", "X.ROA"),
        ("all-characters", "a-B_9.abc"),
    ] {
        catalogue.good("H20", name, listed(file, vec![octet; 1 + usize::from(octet)]));
    }
    for (name, file) in [
        ("no-extension", "readme"),
        ("long-extension", "x.extension"),
        ("two-dots", "x.y.z"),
        ("digit-in-extension", "x.gb2"),
    ] {
        catalogue.bad("H20", name, listed(file, vec![octet; 1 + usize::from(octet)]));
    }
    catalogue.good("H20", "empty-file", listed("x.sig", vec![]));
    catalogue.good("H10", "many-origins", Change::Origins(10 + u32::from(octet) % 50));
}
