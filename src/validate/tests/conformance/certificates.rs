//! Certificates of CAs below the trust anchor, each with one thing changed.

use super::super::surgery::*;
use super::*;
use crate::ca::tlv;

/// A change of a certificate to be signed.
type Change = Box<dyn Fn(&mut Vec<u8>)>;

fn content_of(last: u8, content: Vec<u8>) -> Change {
    Box::new(move |tbs| set_content(tbs, last, &content))
}

fn add(id: Vec<u8>, is_critical: bool, content: Vec<u8>) -> Change {
    Box::new(move |tbs| {
        edit_extensions(tbs, &|list| list.push(extension(&id, is_critical, &content)));
    })
}

fn remove(last: u8) -> Change {
    Box::new(move |tbs| {
        edit_extensions(tbs, &|list| {
            let at = find(list, last);
            list.remove(at);
        });
    })
}

fn twice(last: u8) -> Change {
    Box::new(move |tbs| {
        edit_extensions(tbs, &|list| {
            let at = find(list, last);
            list.push(list[at].clone());
        });
    })
}

/// Makes a critical extension not critical, and the other way round.
fn flip_critical(last: u8) -> Change {
    Box::new(move |tbs| {
        let content = content(tbs, last);
        edit_extensions(tbs, &|list| {
            let at = find(list, last);
            let is_critical = children(&list[at]).len() == 3;
            list[at] = extension(&extension_id(last), !is_critical, &content);
        });
    })
}

fn field(position: usize, value: Vec<u8>) -> Change {
    Box::new(move |tbs| edit(tbs, &[position], &|field| *field = value.clone()))
}

fn name(parts: &[(u8, u8, &[u8])]) -> Vec<u8> {
    let part = |&(id, tag, text): &(u8, u8, &[u8])| {
        let attribute = tlv(0x30, &[&tlv(0x06, &[&[0x55, 4, id]]), &tlv(tag, &[text])]);
        tlv(0x31, &[&attribute])
    };
    join(0x30, &parts.iter().map(part).collect::<Vec<_>>())
}

fn times(before: (u8, &str), after: (u8, &str)) -> Vec<u8> {
    let time = |(tag, text): (u8, &str)| tlv(tag, &[text.as_bytes()]);
    tlv(0x30, &[&time(before), &time(after)])
}

/// Writes a CRL distribution point from the parts of its inside.
fn crl_point(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, &[&tlv(0x30, parts)])
}

fn full_name(names: &[&[u8]]) -> Vec<u8> {
    tlv(0xa0, &[&tlv(0xa0, names)])
}

fn uri_name(uri: &str) -> Vec<u8> {
    tlv(0x86, &[uri.as_bytes()])
}

fn v4(items: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, &[&tlv(0x30, &[&tlv(0x04, &[&[0, 1]]), &tlv(0x30, items)])])
}

fn v4_prefix(unused: u8, octets: &[u8]) -> Vec<u8> {
    tlv(0x03, &[&[unused], octets])
}

fn asns(items: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, &[&tlv(0xa0, &[&tlv(0x30, items)])])
}

fn number(octets: &[u8]) -> Vec<u8> {
    tlv(0x02, &[octets])
}

/// The certificate that each case changes, as it is.
const URI: &str = "rsync://rpki.example.net/repo/";

/// Returns every case: its name, what is wrong, and the change.
#[rustfmt::skip]
fn cases() -> Vec<(&'static str, Expected, Change)> {
    use Reason::*;
    let bad = |reason| Expected::Rejected(reason);
    let sia = |parts: &[Vec<u8>]| content_of(SIA, join(0x30, parts));
    let repository = || access(5, &format!("{URI}sub/"));
    let manifest = || access(10, &format!("{URI}sub/ca.mft"));
    let crl = || uri_name(&format!("{URI}root/ca.crl"));
    let issuer = || access(2, &format!("{URI}root.cer"));
    let p = |a: u8| v4_prefix(0, &[10, a]);
    let unknown = || vec![0x2b, 6, 1, 4, 1, 0x82, 0x37, 1];
    let utc = |text: &'static str| (0x17u8, text);
    let general = |text: &'static str| (0x18u8, text);
    vec![
        ("unchanged", Expected::Valid, Box::new(|_: &mut Vec<u8>| {}) as Change),
        ("f08-critical-false", bad(CertMalformed), Box::new(|tbs| edit_extensions(tbs, &|list| {
            let at = find(list, SKI);
            let mut parts = children(&list[at]);
            parts.insert(1, vec![0x01, 0x01, 0x00]);
            list[at] = join(0x30, &parts);
        }))),
        ("f08-ca-false", bad(CertMalformed), content_of(BASIC_CONSTRAINTS, vec![0x30, 3, 1, 1, 0])),
        ("f11-key-bits", bad(CertMalformed), Box::new(|tbs| edit(tbs, &[SPKI, 1], &|bits| bits[4] = 1))),
        ("f25-utf8-name", Expected::Warned(CertNameForm), field(SUBJECT, name(&[(3, 0x0c, "é".as_bytes())]))),
        ("f25-bad-character", bad(CertProfile), field(SUBJECT, name(&[(3, 0x13, b"a\n")]))),
        ("f25-organisation", bad(CertProfile), field(SUBJECT, name(&[(3, 0x13, b"a"), (10, 0x13, b"b")]))),
        ("f25-no-name", bad(CertProfile), field(SUBJECT, tlv(0x30, &[]))),
        ("f26-month-13", bad(CertMalformed), field(VALIDITY, times(utc("251301000000Z"), utc("270101000000Z")))),
        ("f26-second-60", bad(CertMalformed), field(VALIDITY, times(utc("251201000060Z"), utc("270101000000Z")))),
        ("f26-no-seconds", bad(CertMalformed), field(VALIDITY, times(utc("2512010000Z"), utc("270101000000Z")))),
        ("f26-zone", bad(CertMalformed), field(VALIDITY, times(utc("251201000000+0100"), utc("270101000000Z")))),
        ("f26-fraction", bad(CertMalformed), field(VALIDITY, times(utc("251201000000Z"), general("20500101000000.5Z")))),
        ("f26-year-0000", bad(CertMalformed), field(VALIDITY, times(general("00000101000000Z"), utc("270101000000Z")))),
        ("f26-general-before-2050", bad(CertMalformed), field(VALIDITY, times(utc("251201000000Z"), general("20270101000000Z")))),
        ("f26-general-from-2050", Expected::Valid, field(VALIDITY, times(utc("251201000000Z"), general("20500101000000Z")))),
        ("f26-year-9999", Expected::Valid, field(VALIDITY, times(utc("251201000000Z"), general("99991231235959Z")))),
        ("f27-exponent-3", bad(CertKey), Box::new(|tbs| edit(tbs, &[SPKI, 1], &|bits| { let last = bits.len() - 1; bits[last] = 3; }))),
        ("f27-even-modulus", bad(CertKey), Box::new(|tbs| edit(tbs, &[SPKI, 1], &|bits| { let at = bits.len() - 6; bits[at] &= 0xfe; }))),
        ("f28-key-no-sequence", bad(CertKey), Box::new(|tbs| edit(tbs, &[SPKI, 1], &|bits| *bits = tlv(0x03, &[&[0, 5, 0]])))),
        ("f30-p256-key", bad(CertKey), field(SPKI, ca::ROUTER_SPKI.to_vec())),
        ("g05-no-families", bad(CertResourcesForm), content_of(IP, tlv(0x30, &[]))),
        ("g05-no-ranges", bad(CertResourcesForm), content_of(IP, v4(&[]))),
        ("g05-no-resources", bad(CertProfile), remove(IP)),
        ("g06-unsorted", bad(CertResourcesForm), content_of(IP, v4(&[&p(4), &p(2)]))),
        ("g06-overlapping", bad(CertResourcesForm), content_of(IP, v4(&[&v4_prefix(0, &[10]), &p(2)]))),
        ("g06-touching", bad(CertResourcesForm), content_of(IP, v4(&[&p(2), &p(3)]))),
        ("g06-reversed", bad(CertResourcesForm), content_of(IP, v4(&[&tlv(0x30, &[&p(4), &p(2)])]))),
        ("g07-prefix-as-range", bad(CertResourcesForm), content_of(IP, v4(&[&tlv(0x30, &[&p(2), &p(2)])]))),
        ("g08-afi-3", bad(CertResourcesForm), content_of(IP, tlv(0x30, &[&tlv(0x30, &[&tlv(0x04, &[&[0, 3]]), &tlv(0x30, &[&p(2)])])]))),
        ("g08-safi", bad(CertResourcesForm), content_of(IP, tlv(0x30, &[&tlv(0x30, &[&tlv(0x04, &[&[0, 1, 1]]), &tlv(0x30, &[&p(2)])])]))),
        ("g08-family-twice", bad(CertResourcesForm), content_of(IP, { let f = tlv(0x30, &[&tlv(0x04, &[&[0, 1]]), &tlv(0x30, &[&p(2)])]); tlv(0x30, &[&f, &f]) })),
        ("g09-prefix-33", bad(CertResourcesForm), content_of(IP, v4(&[&v4_prefix(7, &[10, 2, 0, 0, 0x80])]))),
        ("g10-as-above-32-bits", bad(CertResourcesForm), add(extension_id(ASN), true, asns(&[&number(&[1, 0, 0, 0, 0])]))),
        ("g10-as-negative", bad(CertResourcesForm), add(extension_id(ASN), true, asns(&[&number(&[0xff])]))),
        ("g10-as-reversed", bad(CertResourcesForm), add(extension_id(ASN), true, asns(&[&tlv(0x30, &[&number(&[5]), &number(&[4])])]))),
        ("g10-rdi", bad(CertResourcesForm), add(extension_id(ASN), true, tlv(0x30, &[&tlv(0xa0, &[&tlv(0x05, &[])]), &tlv(0xa1, &[&tlv(0x05, &[])])]))),
        ("g11-serial-zero", bad(CertSerial), field(1, number(&[0]))),
        ("g11-serial-negative", bad(CertSerial), field(1, number(&[0x80]))),
        ("g11-serial-21-octets", bad(CertSerial), field(1, number(&[1; 21]))),
        ("g11-serial-largest", Expected::Valid, field(1, number(&[&[0x7f][..], &[0xff; 19]].concat()))),
        ("g13-unknown-critical", bad(CertProfile), add(unknown(), true, vec![5, 0])),
        ("g14-unknown-not-critical", Expected::Valid, add(unknown(), false, vec![5, 0])),
        ("g15-ski-twice", bad(CertProfile), twice(SKI)),
        ("g15-aki-twice", bad(CertProfile), twice(AKI)),
        ("g15-key-usage-twice", bad(CertProfile), twice(KEY_USAGE)),
        ("g15-basic-constraints-twice", bad(CertProfile), twice(BASIC_CONSTRAINTS)),
        ("g15-crl-points-twice", bad(CertProfile), twice(CRL_POINTS)),
        ("g15-aia-twice", bad(CertProfile), twice(AIA)),
        ("g15-sia-twice", bad(CertProfile), twice(SIA)),
        ("g15-policies-twice", bad(CertProfile), twice(POLICIES)),
        ("g15-ip-twice", bad(CertProfile), twice(IP)),
        ("g16-ski", bad(CertProfile), flip_critical(SKI)),
        ("g16-aki", bad(CertProfile), flip_critical(AKI)),
        ("g16-key-usage", bad(CertProfile), flip_critical(KEY_USAGE)),
        ("g16-basic-constraints", bad(CertProfile), flip_critical(BASIC_CONSTRAINTS)),
        ("g16-crl-points", bad(CertProfile), flip_critical(CRL_POINTS)),
        ("g16-aia", bad(CertProfile), flip_critical(AIA)),
        ("g16-sia", bad(CertProfile), flip_critical(SIA)),
        ("g16-policies", bad(CertProfile), flip_critical(POLICIES)),
        ("g16-ip", bad(CertResourcesForm), flip_critical(IP)),
        ("g17-two-points", bad(CertProfile), content_of(CRL_POINTS, { let point = tlv(0x30, &[&full_name(&[&crl()])]); tlv(0x30, &[&point, &point]) })),
        ("g17-two-uris", Expected::Valid, content_of(CRL_POINTS, crl_point(&[&full_name(&[&uri_name("http://x.example/ca.crl"), &crl()])]))),
        ("g18-reasons", bad(CertProfile), content_of(CRL_POINTS, crl_point(&[&full_name(&[&crl()]), &tlv(0x81, &[&[1, 6]])]))),
        ("g18-crl-issuer", bad(CertProfile), content_of(CRL_POINTS, crl_point(&[&full_name(&[&crl()]), &tlv(0xa2, &[&crl()])]))),
        ("g18-relative-name", bad(CertProfile), content_of(CRL_POINTS, crl_point(&[&tlv(0xa0, &[&tlv(0xa1, &[])])]))),
        ("g18-no-rsync", bad(CertProfile), content_of(CRL_POINTS, crl_point(&[&full_name(&[&uri_name("https://x.example/ca.crl")])]))),
        ("g18-other-crl", bad(CertCrlUri), content_of(CRL_POINTS, crl_point(&[&full_name(&[&uri_name(&format!("{URI}root/x.crl"))])]))),
        ("g19-aki-empty", bad(CertProfile), content_of(AKI, tlv(0x30, &[]))),
        ("g19-aki-missing", bad(CertAki), remove(AKI)),
        ("g20-key-usage-long", bad(CertProfile), content_of(KEY_USAGE, tlv(0x03, &[&[1, 6, 0, 0, 0, 2]]))),
        ("g21-path-length", bad(CertProfile), content_of(BASIC_CONSTRAINTS, vec![0x30, 6, 1, 1, 0xff, 2, 1, 0])),
        ("g21-key-usage-of-ee", bad(CertProfile), content_of(KEY_USAGE, tlv(0x03, &[&[7, 0x80]]))),
        ("g21-no-basic-constraints", bad(CertUnknownKind), remove(BASIC_CONSTRAINTS)),
        ("g22-extended-usage", bad(CertProfile), add(extension_id(EXTENDED_USAGE), false, tlv(0x30, &[&tlv(0x06, &[&[0x2b, 6, 1, 5, 5, 7, 3, 30]])]))),
        ("g25-other-issuer-name", bad(CertIssuerName), field(ISSUER, name(&[(3, 0x13, b"somebody else")]))),
        ("g31-other-issuer-uri", Expected::Warned(CertIssuerUri), content_of(AIA, join(0x30, &[access(2, &format!("{URI}elsewhere.cer"))]))),
        ("g32-aia-two", Expected::Valid, content_of(AIA, join(0x30, &[issuer(), access(2, "https://x.example/root.cer"), access(1, "http://ocsp.example/")]))),
        ("g32-aia-no-rsync", bad(CertProfile), content_of(AIA, join(0x30, &[access(2, "https://x.example/root.cer")]))),
        ("g32-sia-more", Expected::Valid, sia(&[access(5, "https://x.example/sub/"), repository(), access(5, "rsync://other.example/x/"), manifest(), access(99, "rsync://x.example/x/")])),
        ("g32-sia-directory-name", Expected::Valid, sia(&[repository(), tlv(0x30, &[&tlv(0x06, &[&[0x2b, 6, 1, 5, 5, 7, 48, 10]]), &tlv(0xa4, &[&name(&[(3, 0x13, b"x")])])]), manifest()])),
        ("g32-sia-no-manifest", bad(CertProfile), sia(&[repository()])),
        ("g32-notify-http", bad(CertLocation), sia(&[repository(), manifest(), access(13, "http://x.example/notification.xml")])),
        ("g01-overclaim", bad(CertOverclaim), content_of(IP, v4(&[&v4_prefix(0, &[11])]))),
        ("g40-policy-of-others", bad(CertProfile), content_of(POLICIES, tlv(0x30, &[&tlv(0x30, &[&tlv(0x06, &[&[0x55, 29, 32, 0]])])]))),
        ("g01-resources-of-other-policy", bad(CertProfile), Box::new(|tbs| {
            let ip = content(tbs, IP);
            edit_extensions(tbs, &|list| {
                let at = find(list, IP);
                list[at] = extension(&[0x2b, 6, 1, 5, 5, 7, 1, 28], true, &ip);
            });
        })),
        ("g40-sha384", bad(CertAlgorithm), Box::new(|tbs| edit(tbs, &[2, 0], &|id| { let last = id.len() - 1; id[last] = 12; }))),
    ]
}

/// Makes a certificate for each case.
pub(super) fn make(root: &TestCa) -> Vec<Case> {
    let held = Resources::Set(resources(&["10.2.0.0/16"], &[]));
    let cases = cases().into_iter().enumerate();
    cases
        .map(|(index, (name, expected, change))| {
            let subject = TestCa::new("sub", 600, held.clone(), root.certificate.clone());
            // Those that pass must not be one CA: each gets a key of its own.
            let subject = TestCa { key: key(300 + index), ..subject };
            let good = root.certify(&subject, 1_000 + index as u64, year());
            let bytes = ca::resign(&good, &root.key, |tbs| change(tbs)).unwrap();
            Case { name: format!("{name}.cer"), expected, bytes }
        })
        .collect()
}
