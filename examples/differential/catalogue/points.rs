//! Publication points: manifests, CRLs and the files beside them, each with one thing changed.

use std::cell::OnceCell;
use std::time::Duration;

use bytes::Bytes;
use provost::ca::{Resources, tlv};

use super::values::*;
use super::{Catalogue, flip};
use crate::change::{Change, Edit, Part};
use crate::dice::Dice;
use crate::surgery::*;
use crate::world::directory;

pub(super) fn add(catalogue: &mut Catalogue, dice: &mut Dice) {
    manifests(catalogue, dice);
    files(catalogue, dice);
    times(catalogue, dice);
    crls(catalogue, dice);
    trees(catalogue, dice);
}

/// Changes the fields of the content.
fn fields(op: impl Fn(&mut Vec<Vec<u8>>) + 'static) -> Change {
    Change::Content(Part::Manifest, Box::new(move |content| edit_list(content, &[], &op)))
}

/// Changes the list of files.
fn list(op: impl Fn(&mut Vec<Vec<u8>>) + 'static) -> Change {
    Change::Content(Part::Manifest, Box::new(move |content| edit_list(content, &[4], &op)))
}

fn entry(name: &str, hash: &[u8]) -> Vec<u8> {
    tlv(0x30, &[&tlv(0x16, &[name.as_bytes()]), &tlv(0x03, &[hash])])
}

fn is_named(entry: &[u8], name: &str) -> bool {
    children(entry)[0] == tlv(0x16, &[name.as_bytes()])
}

fn manifests(catalogue: &mut Catalogue, dice: &mut Dice) {
    let octet = dice.octet();
    let set_number = |octets: Vec<u8>| fields(move |p| p[0] = number(&octets));
    let largest = [&[0x7f][..], &[0xff; 19]].concat();
    let large = [&[1 + octet % 126][..], &vec![octet; usize::from(octet) % 19]].concat();
    catalogue.good("E06", "largest-number", set_number(largest));
    catalogue.good("E06", "large-number", set_number(large));
    catalogue.bad("E07", "number-above", set_number([&[0, 0x80][..], &[octet; 19]].concat()));
    catalogue.bad("E07", "number-21-octets", set_number(vec![1 + octet % 100; 21]));
    catalogue.bad("E07", "number-negative", set_number(vec![0x80 | octet]));
    catalogue.bad("E07", "number-very-negative", set_number(vec![0x80; 20]));
    catalogue.bad("F07", "number-not-minimal", set_number(vec![0, 1 + octet % 100]));
    catalogue.bad("E08", "empty", list(|l| l.clear()));
    catalogue.bad("E08", "only-crl", list(|l| l.retain(|e| is_named(e, "ca.crl"))));
    let last = catalogue.entries.len() - 1;
    // Nothing but a CRL is what a new CA lists; the other files are then not listed.
    catalogue.entries[last].kind = super::Kind::Harmless;
    catalogue.bad("E09", "no-crl", list(|l| l.retain(|e| !is_named(e, "ca.crl"))));
    catalogue.bad(
        "E09",
        "two-crls",
        Change::Listed(Box::new(move |files, _| {
            drop(files.insert("other.crl".to_owned(), vec![octet; 99].into()))
        })),
    );
    catalogue.bad(
        "E09",
        "other-name",
        list(|l| {
            for e in l.iter_mut() {
                if is_named(e, "ca.crl") {
                    let hash = children(e)[1].clone();
                    *e = tlv(0x30, &[&tlv(0x16, &[b"other.crl"]), &hash]);
                }
            }
        }),
    );
    catalogue.bad(
        "E10",
        "same-hash",
        list(|l| {
            let at = l.len() - 1;
            l.push(l[at].clone());
        }),
    );
    catalogue.bad(
        "E10",
        "other-hash",
        list(move |l| l.push(entry("a.roa", &[&[0][..], &[octet; 32]].concat()))),
    );
    catalogue.bad(
        "E10",
        "crl-twice",
        list(|l| {
            let crl = l.iter().find(|e| is_named(e, "ca.crl")).unwrap().clone();
            l.push(crl);
        }),
    );
    catalogue.bad(
        "E11",
        "roa-listed-only",
        list(move |l| l.push(entry("gone.roa", &[&[0][..], &[octet; 32]].concat()))),
    );
    catalogue.bad(
        "E13",
        "unknown-listed-only",
        list(move |l| l.push(entry("gone.xyz", &[&[0][..], &[octet; 32]].concat()))),
    );
    catalogue.bad(
        "E21",
        "31-octets",
        list(move |l| l.push(entry("x.roa", &[&[0][..], &[octet; 31]].concat()))),
    );
    catalogue.bad(
        "E21",
        "33-octets",
        list(move |l| l.push(entry("x.roa", &[&[0][..], &[octet; 33]].concat()))),
    );
    catalogue.bad("E21", "no-octets", list(|l| l.push(entry("x.roa", &[0]))));
    catalogue.bad(
        "E21",
        "unused-bits",
        list(move |l| l.push(entry("x.roa", &[&[1 + octet % 7][..], &[0; 32]].concat()))),
    );
    catalogue.bad(
        "E21",
        "unused-bits-of-roa",
        list(|l| {
            for e in l.iter_mut() {
                if is_named(e, "a.roa") {
                    let mut parts = children(e);
                    parts[1][2] = 1;
                    *e = join(0x30, &parts);
                }
            }
        }),
    );
    for (word, id) in [("sha-384", 2u8), ("sha-512", 3), ("sha-224", 4)] {
        catalogue.bad(
            "E22",
            word,
            fields(move |p| {
                let at = p[3].len() - 1;
                p[3][at] = id;
            }),
        );
    }
    catalogue.bad("E22", "sha-1", fields(|p| p[3] = tlv(0x06, &[&[0x2b, 14, 3, 2, 26]])));
    catalogue.bad("E22", "empty", fields(|p| p[3] = tlv(0x06, &[&[]])));
    let held = catalogue.seat.resources();
    catalogue.bad(
        "E23",
        "resources-of-ca",
        Change::Held(Part::Manifest, Resources::Set(held.clone())),
    );
    let v4 = provost::model::ResourceSet::new(held.v4().iter().copied(), [], []);
    catalogue.bad("E23", "v4-of-ca", Change::Held(Part::Manifest, Resources::Set(v4)));
    catalogue.bad(
        "E23",
        "v4-not-inherited",
        Change::Certificate(
            Part::Manifest,
            Box::new(|tbs| {
                set_content(
                    tbs,
                    IP,
                    &tlv(
                        0x30,
                        &[
                            &tlv(0x30, &[&tlv(0x04, &[&[0, 1]]), &tlv(0x30, &[&bits(0, &[10])])]),
                            &tlv(0x30, &[&tlv(0x04, &[&[0, 2]]), &[5, 0]]),
                        ],
                    ),
                )
            }),
        ),
    );
    catalogue.bad("E24", "manifest", Change::Revoked(Part::Manifest));
    catalogue.bad("F08", "version-0", fields(|p| p.insert(0, tlv(0xa0, &[&[2, 1, 0]]))));
    catalogue.bad("F08", "version-1", fields(|p| p.insert(0, tlv(0xa0, &[&[2, 1, 1]]))));
    catalogue.bad(
        "F13",
        "behind-content",
        Change::Content(Part::Manifest, Box::new(|c| c.push(0))),
    );
    catalogue.bad("F13", "in-content", fields(|p| p.push(vec![5, 0])));
    catalogue.bad("F14", "empty", Change::Content(Part::Manifest, Box::new(|c| c.clear())));
    for (word, text) in [
        ("above", "../a.roa"),
        ("below", "x/a.roa"),
        ("dot", "."),
        ("empty", ""),
        ("no-extension", "aroa"),
        ("space", "a b.roa"),
        ("nul", "a\0.roa"),
        ("absolute", "/etc/passwd"),
    ] {
        catalogue.bad(
            "E13",
            &format!("name-{word}"),
            list(move |l| l.push(entry(text, &[&[0][..], &[octet; 32]].concat()))),
        );
    }
    catalogue.bad("F26", "update-utc-time", fields(|p| p[1] = tlv(0x17, &[&p[1][4..]])));
    catalogue.bad(
        "F26",
        "update-fraction",
        fields(|p| {
            let mut text = p[1][2..].to_vec();
            text.truncate(14);
            text.extend(b".5Z");
            p[1] = tlv(0x18, &[&text]);
        }),
    );
    catalogue.bad(
        "F26",
        "update-no-seconds",
        fields(|p| {
            let mut text = p[1][2..].to_vec();
            text.truncate(12);
            text.push(b'Z');
            p[1] = tlv(0x18, &[&text]);
        }),
    );
    catalogue.bad(
        "F26",
        "update-zone",
        fields(|p| {
            let mut text = p[1][2..].to_vec();
            text.truncate(14);
            text.extend(b"+0000");
            p[1] = tlv(0x18, &[&text]);
        }),
    );
    catalogue.good(
        "E20",
        "order",
        list(move |l| {
            let at = usize::from(octet) % l.len();
            l.rotate_left(at);
            l.reverse();
        }),
    );
}

fn listed(edit: impl Fn(&mut std::collections::BTreeMap<String, Bytes>) + 'static) -> Change {
    Change::Listed(Box::new(move |files, _| edit(files)))
}

fn published(edit: impl Fn(&mut std::collections::BTreeMap<String, Bytes>) + 'static) -> Change {
    Change::Published(Box::new(move |files, _| edit(files)))
}

fn files(catalogue: &mut Catalogue, dice: &mut Dice) {
    let octet = dice.octet();
    let junk = move || Bytes::from(vec![octet; 1 + usize::from(octet)]);
    for name in ["a.roa", "b.roa", "a.asa", "ca.crl"] {
        catalogue.bad(
            "E11",
            &format!("missing-{name}"),
            published(move |files| drop(files.remove(name))),
        );
        catalogue.bad(
            "E12",
            &format!("junk-{name}"),
            published(move |files| drop(files.insert(name.to_owned(), junk()))),
        );
        catalogue.bad(
            "E12",
            &format!("longer-{name}"),
            published(move |files| {
                let long = [&files[name][..], &[octet]].concat();
                files.insert(name.to_owned(), long.into());
            }),
        );
        catalogue.bad(
            "E12",
            &format!("empty-{name}"),
            published(move |files| drop(files.insert(name.to_owned(), Bytes::new()))),
        );
    }
    catalogue.bad("E11", "missing-manifest", published(|files| drop(files.remove("ca.mft"))));
    catalogue.bad(
        "E12",
        "swapped",
        published(|files| {
            let (a, b) = (files["a.roa"].clone(), files["b.roa"].clone());
            files.insert("a.roa".to_owned(), b);
            files.insert("b.roa".to_owned(), a);
        }),
    );
    for name in
        ["x.roa", "x.cer", "x.crl", "x.mft", "x.asa", "x.gbr", "x.xyz", ".hidden", "x", "x.tal"]
    {
        catalogue.good(
            "E14",
            &format!("unlisted-{name}"),
            published(move |files| drop(files.insert(name.to_owned(), junk()))),
        );
    }
    catalogue.good(
        "E14",
        "unlisted-copy",
        published(|files| drop(files.insert("copy.roa".to_owned(), files["a.roa"].clone()))),
    );
    catalogue.good(
        "E33",
        "unlisted-copy",
        published(|files| drop(files.insert("other.mft".to_owned(), files["ca.mft"].clone()))),
    );
    catalogue.good(
        "E33",
        "unlisted-junk",
        published(move |files| drop(files.insert("a.mft".to_owned(), junk()))),
    );
    catalogue.good(
        "E33",
        "listed-junk",
        listed(move |files| drop(files.insert("other.mft".to_owned(), junk()))),
    );
    catalogue.good(
        "E36",
        "junk-roa",
        listed(move |files| drop(files.insert("d.roa".to_owned(), junk()))),
    );
    catalogue.good(
        "E36",
        "empty-roa",
        listed(move |files| drop(files.insert("d.roa".to_owned(), Bytes::new()))),
    );
    catalogue.good(
        "E36",
        "cut-roa",
        listed(move |files| {
            let cut = files["a.roa"].slice(..usize::from(octet) + 200);
            files.insert("d.roa".to_owned(), cut);
        }),
    );
    catalogue.good(
        "E36",
        "copy-of-roa",
        listed(|files| drop(files.insert("d.roa".to_owned(), files["a.roa"].clone()))),
    );
    catalogue.good(
        "E36",
        "junk-cer",
        listed(move |files| drop(files.insert("d.cer".to_owned(), junk()))),
    );
    catalogue.good(
        "E36",
        "junk-asa",
        listed(move |files| drop(files.insert("d.asa".to_owned(), junk()))),
    );
    catalogue.good(
        "E36",
        "junk-gbr",
        listed(move |files| drop(files.insert("d.gbr".to_owned(), junk()))),
    );
    catalogue.good(
        "E36",
        "cer-as-roa",
        listed(|files| drop(files.insert("d.roa".to_owned(), files["a.asa"].clone()))),
    );
    // The certificate inside of a ROA, as a file of its own.
    catalogue.good(
        "G23",
        "ee-of-roa",
        listed(|files| {
            let cert = children(&children(&children(&files["a.roa"])[1])[0]).remove(3);
            files.insert("ee.cer".to_owned(), children(&cert).remove(0).into());
        }),
    );
    catalogue.good(
        "G23",
        "ee-of-aspa",
        listed(|files| {
            let cert = children(&children(&children(&files["a.asa"])[1])[0]).remove(3);
            files.insert("ee.cer".to_owned(), children(&cert).remove(0).into());
        }),
    );
}

fn times(catalogue: &mut Catalogue, dice: &mut Dice) {
    let now = catalogue.seat.now;
    let hours = |n: usize| Duration::from_secs(3600 * n as u64);
    let (short, long) = (1 + dice.below(20), 30 + dice.below(1_000));
    let manifest = Change::ManifestTimes;
    catalogue.bad("E15", "stale", manifest(now.minus(hours(long)), now.minus(hours(short))));
    catalogue.bad(
        "E15",
        "stale-just-now",
        manifest(now.minus(hours(long)), now.minus(Duration::from_secs(5))),
    );
    catalogue.bad("E16", "future", manifest(now.plus(hours(short)), now.plus(hours(long))));
    catalogue.bad(
        "E16",
        "far-future",
        manifest(now.plus(hours(9_000)), now.plus(hours(9_000 + long))),
    );
    catalogue.bad("E17", "crossed", fields(|p| p.swap(1, 2)));
    catalogue.bad("E17", "equal", fields(|p| p[2] = p[1].clone()));
    catalogue.good("E18", "longer", manifest(now.minus(hours(short)), now.plus(hours(100 + long))));
    catalogue.good("E18", "shorter", manifest(now.minus(hours(short)), now.plus(hours(short))));
    catalogue.good(
        "E18",
        "certificate-earlier",
        manifest(now.minus(hours(200 + long)), now.plus(hours(short))),
    );
    let crl = Change::CrlTimes;
    catalogue.bad("E25", "stale", crl(now.minus(hours(long)), now.minus(hours(short))));
    catalogue.bad(
        "E25",
        "stale-just-now",
        crl(now.minus(hours(long)), now.minus(Duration::from_secs(5))),
    );
    catalogue.bad("E25", "future", crl(now.plus(hours(short)), now.plus(hours(long))));
    catalogue.bad(
        "E25",
        "crossed",
        Change::Crl(Box::new(|tbs| edit_list(tbs, &[], &|p| p.swap(3, 4)))),
    );
    catalogue.bad(
        "E25",
        "no-next-update",
        Change::Crl(Box::new(|tbs| edit_list(tbs, &[], &|p| drop(p.remove(4))))),
    );
    catalogue.good("E18", "crl-longer", crl(now.minus(hours(short)), now.plus(hours(long + 72))));
}

const CRL_NUMBER: &[u8] = &[0x55, 29, 20];

fn is_number(extension: &[u8]) -> bool {
    children(extension)[0] == tlv(0x06, &[CRL_NUMBER])
}

fn crl_number(octets: &[u8]) -> Vec<u8> {
    extension(CRL_NUMBER, false, &number(octets))
}

fn crl_extensions(op: impl Fn(&mut Vec<Vec<u8>>) + 'static) -> Change {
    let edit: Edit = Box::new(move |tbs| {
        let last = children(tbs).len() - 1;
        edit_list(tbs, &[last, 0], &op);
    });
    Change::Crl(edit)
}

/// Inserts a list of revoked certificates.
fn revoked(list: Vec<u8>) -> Change {
    Change::Crl(Box::new(move |tbs| edit_list(tbs, &[], &|parts| parts.insert(5, list.clone()))))
}

fn revoked_entry(serial: &[u8], extensions: &[Vec<u8>]) -> Vec<u8> {
    let date = tlv(0x17, &[b"260101000000Z"]);
    let extensions = if extensions.is_empty() { vec![] } else { join(0x30, extensions) };
    tlv(0x30, &[&number(serial), &date, &extensions])
}

fn crls(catalogue: &mut Catalogue, dice: &mut Dice) {
    let octet = dice.octet();
    let set = |octets: Vec<u8>| {
        crl_extensions(move |l| {
            for e in l.iter_mut() {
                if is_number(e) {
                    *e = crl_number(&octets);
                }
            }
        })
    };
    catalogue.good("E26", "largest", set([&[0x7f][..], &[0xff; 19]].concat()));
    catalogue.good("E26", "zero", set(vec![0]));
    catalogue.bad("E26", "missing", crl_extensions(|l| l.retain(|e| !is_number(e))));
    catalogue.bad("E26", "twice", crl_extensions(|l| l.push(crl_number(&[1]))));
    catalogue.bad(
        "E26",
        "critical",
        crl_extensions(|l| {
            l.retain(|e| !is_number(e));
            l.push(extension(CRL_NUMBER, true, &[2, 1, 1]));
        }),
    );
    catalogue.bad("E26", "negative", set(vec![0x80 | octet]));
    catalogue.bad("E26", "above", set([&[0, 0x80][..], &[octet; 19]].concat()));
    catalogue.bad("E26", "21-octets", set(vec![1 + octet % 100; 21]));
    let aki = |id: &[u8]| extension(&[0x55, 29, 35], false, &tlv(0x30, &[&tlv(0x80, &[id])]));
    let with_aki = |new: Option<Vec<u8>>| {
        crl_extensions(move |l| {
            l.retain(|e| is_number(e));
            l.extend(new.clone());
        })
    };
    catalogue.bad("E27", "missing", with_aki(None));
    catalogue.bad("E27", "other", with_aki(Some(aki(&[octet; 20]))));
    catalogue.bad("E27", "short", with_aki(Some(aki(&[octet; 19]))));
    catalogue.bad(
        "E27",
        "empty",
        with_aki(Some(extension(&[0x55, 29, 35], false, &tlv(0x30, &[])))),
    );
    catalogue.bad(
        "E27",
        "no-extensions",
        Change::Crl(Box::new(|tbs| edit_list(tbs, &[], &|p| drop(p.pop())))),
    );
    catalogue.bad(
        "E27",
        "other-issuer-name",
        Change::Crl(Box::new(|tbs| edit(tbs, &[2], &|n| *n = name(&[(3, 0x13, b"x")])))),
    );
    let reason = extension(&[0x55, 29, 21], false, &[0x0a, 1, 1]);
    let date = extension(&[0x55, 29, 24], false, &tlv(0x18, &[b"20260101000000Z"]));
    let issuer =
        extension(&[0x55, 29, 29], true, &tlv(0x30, &[&tlv(0xa4, &[&name(&[(3, 0x13, b"x")])])]));
    for (word, e) in [("reason", reason), ("invalidity-date", date), ("certificate-issuer", issuer)]
    {
        catalogue.bad(
            "E28",
            &format!("entry-{word}"),
            revoked(tlv(0x30, &[&revoked_entry(&[99], &[e])])),
        );
    }
    catalogue.bad(
        "E28",
        "distribution-point",
        crl_extensions(|l| l.push(extension(&[0x55, 29, 28], true, &[0x30, 0]))),
    );
    catalogue.bad(
        "E28",
        "delta",
        crl_extensions(|l| l.push(extension(&[0x55, 29, 27], true, &[2, 1, 1]))),
    );
    catalogue.bad(
        "E28",
        "issuer-alt-name",
        crl_extensions(|l| {
            l.push(extension(&[0x55, 29, 18], false, &tlv(0x30, &[&uri("http://x.example.net/")])))
        }),
    );
    catalogue.bad("E28", "unknown", crl_extensions(|l| l.push(extension(UNKNOWN, false, &[5, 0]))));
    catalogue.bad(
        "E28",
        "unknown-critical",
        crl_extensions(|l| l.push(extension(UNKNOWN, true, &[5, 0]))),
    );
    catalogue.bad("E29", "empty-list", revoked(tlv(0x30, &[])));
    catalogue.bad("E31", "zero", revoked(tlv(0x30, &[&revoked_entry(&[0], &[])])));
    catalogue.bad("E31", "negative", revoked(tlv(0x30, &[&revoked_entry(&[0x80 | octet], &[])])));
    catalogue.bad(
        "E31",
        "21-octets",
        revoked(tlv(0x30, &[&revoked_entry(&[1 + octet % 100; 21], &[])])),
    );
    catalogue.bad(
        "E31",
        "above",
        revoked(tlv(0x30, &[&revoked_entry(&[&[0, 0x80][..], &[octet; 19]].concat(), &[])])),
    );
    let many: Vec<_> = (0..1_000 + 10 * u32::from(octet))
        .map(|i| revoked_entry(&(0x4000_0000 + i).to_be_bytes(), &[]))
        .collect();
    catalogue.good("E30", "many", revoked(join(0x30, &many)));
    catalogue.good(
        "E30",
        "twice",
        revoked(join(
            0x30,
            &[revoked_entry(&[0x40, octet], &[]), revoked_entry(&[0x40, octet], &[])],
        )),
    );
    catalogue.bad(
        "F08",
        "crl-version-1",
        Change::Crl(Box::new(|tbs| edit_list(tbs, &[], &|p| drop(p.remove(0))))),
    );
    catalogue.bad(
        "G40",
        "crl-algorithm",
        Change::Crl(Box::new(|tbs| {
            edit(tbs, &[1, 0], &|id| {
                let last = id.len() - 1;
                id[last] = 12;
            })
        })),
    );
    let flips = 1 + dice.below(2);
    catalogue.random("F33", "crl", Change::Crl(Box::new(flip(dice, flips))));
}

fn trees(catalogue: &mut Catalogue, dice: &mut Dice) {
    catalogue.bad("E32", "child", Change::Revoked(Part::Child));
    catalogue.bad("E32", "roa", Change::Revoked(Part::Roa));
    catalogue.bad("E32", "aspa", Change::Revoked(Part::Aspa));
    catalogue.good("G24", "one-key-in-two", Change::SharedKey(OnceCell::new()));
    catalogue.good("G39", "two-children", Change::Children);
    catalogue.good("G04", "inherited", Change::Chain(2 + dice.below(8)));
    catalogue.good("G27", "deep", Change::Chain(9 + dice.below(8)));
    catalogue.bad("G27", "too-deep", Change::Chain(32 + dice.below(3)));
    // A certificate for the case itself, below itself.
    let seat = catalogue.seat;
    catalogue.good(
        "G26",
        "below-itself",
        Change::Listed(Box::new(move |files, key| {
            let own = directory(&seat.name());
            let crl = own.join("ca.crl").unwrap();
            let certificate =
                format!("rsync://rpki.example.net/repo/root/{}.cer", seat.name()).parse().unwrap();
            let issuer = provost::ca::Issuer { key, certificate: &certificate, crl: &crl };
            let year = Duration::from_secs(86_400 * 300);
            let fields = provost::ca::CaFields {
                serial: 77,
                validity: provost::model::TimeWindow::new(
                    seat.now.minus(Duration::from_secs(3600)),
                    seat.now.plus(year),
                ),
                subject: key.public_key(),
                resources: &Resources::Set(seat.resources()),
                repository: &own,
                manifest: &own.join("ca.mft").unwrap(),
                notify: None,
            };
            let tbs = provost::ca::ca_certificate(issuer, fields).unwrap();
            files.insert("loop.cer".to_owned(), provost::ca::sign_certificate(&tbs, key).unwrap());
        })),
    );
}
