//! Signed objects of one CA, each with one thing changed.

use super::super::surgery::*;
use super::*;
use crate::ca::{ObjectFields, SignedObject, tlv};
use crate::model::Aspa;

/// The serial number of the object that is revoked.
pub(super) const REVOKED_SERIAL: u64 = 29;

/// Makes the bytes of an object from its fields.
type Make = Box<dyn Fn(&ObjectFields<'_>) -> Vec<u8>>;

fn held() -> Resources {
    Resources::Set(resources(&["10.1.4.0/24"], &[]))
}

fn prefix(unused: u8, octets: &[u8], max_length: &[u8]) -> Vec<u8> {
    let max_length = if max_length.is_empty() { vec![] } else { tlv(0x02, &[max_length]) };
    tlv(0x30, &[&tlv(0x03, &[&[unused], octets]), &max_length])
}

fn family(afi: &[u8], prefixes: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &[&tlv(0x04, &[afi]), &join(0x30, prefixes)])
}

/// Writes the content of a ROA.
fn roa(asn: &[u8], families: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &[&tlv(0x02, &[asn]), &join(0x30, families)])
}

fn v4(prefixes: &[Vec<u8>]) -> Vec<u8> {
    roa(&[1], &[family(&[0, 1], prefixes)])
}

/// A good content: 10.1.4.0/24, AS 1.
fn good() -> Vec<u8> {
    v4(&[prefix(0, &[10, 1, 4], &[])])
}

fn sign(fields: &ObjectFields<'_>, content: Vec<u8>, held: &Resources) -> SignedObject {
    SignedObject::new(fields, ca::ROA, content, held).unwrap()
}

/// A ROA with this content.
fn content(content: Vec<u8>) -> Make {
    Box::new(move |fields| sign(fields, content.clone(), &held()).encode().to_vec())
}

/// A good ROA whose certificate has these resources.
fn resourced(content: Vec<u8>, held: Resources) -> Make {
    Box::new(move |fields| sign(fields, content.clone(), &held).encode().to_vec())
}

/// A good ROA of which the bytes are changed, outside of what is signed.
fn bytes(change: impl Fn(&mut Vec<u8>) + 'static) -> Make {
    Box::new(move |fields| {
        let mut bytes = sign(fields, good(), &held()).encode().to_vec();
        change(&mut bytes);
        bytes
    })
}

/// Changes the list of values at a path.
fn list(path: &'static [usize], op: impl Fn(&mut Vec<Vec<u8>>) + 'static) -> Make {
    bytes(move |bytes| edit_list(bytes, path, &op))
}

/// Changes one value.
fn value(path: &'static [usize], change: impl Fn(&mut Vec<u8>) + 'static) -> Make {
    bytes(move |bytes| edit(bytes, path, &change))
}

/// A good ROA of which a part is changed before everything is signed again.
fn signed(change: impl Fn(&mut SignedObject) + 'static) -> Make {
    Box::new(move |fields| {
        let mut object = sign(fields, good(), &held());
        change(&mut object);
        object.sign(fields.key).unwrap().encode().to_vec()
    })
}

/// The signed attributes, changed and in order.
fn attributes(change: impl Fn(&mut Vec<Vec<u8>>) + 'static) -> Make {
    signed(move |object| {
        let mut list = children(&tlv(0x31, &[&object.attributes]));
        change(&mut list);
        list.sort();
        object.attributes = list.concat();
    })
}

fn attribute(last: u8, values: &[Vec<u8>]) -> Vec<u8> {
    let id = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, last];
    tlv(0x30, &[&tlv(0x06, &[&id]), &join(0x31, values)])
}

fn position(list: &[Vec<u8>], last: u8) -> usize {
    let empty = attribute(last, &[]);
    let id = children(&empty).remove(0);
    list.iter().position(|attribute| children(attribute)[0] == id).unwrap()
}

fn aspa(customer: u32, providers: &[u32], held: (u32, u32), prefixes: &'static [&str]) -> Make {
    let aspa = Aspa {
        customer: Asn(customer),
        providers: providers.iter().map(|asn| Asn(*asn)).collect(),
    };
    let held = Resources::Set(resources(prefixes, &[held]));
    Box::new(move |fields| {
        let content = ca::aspa_content(&aspa);
        SignedObject::new(fields, ca::ASPA, content, &held).unwrap().encode().to_vec()
    })
}

/// The paths to the parts of the signed data.
const VERSION: &[usize] = &[1, 0, 0];
const DIGESTS: &[usize] = &[1, 0, 1];
const ENCAPSULATED: &[usize] = &[1, 0, 2];
const CERTIFICATES: &[usize] = &[1, 0, 3];
const SIGNERS: &[usize] = &[1, 0, 4];
const SIGNER: &[usize] = &[1, 0, 4, 0];

/// Returns every case: the name of the object, what must become of it, and how it is made.
#[rustfmt::skip]
fn cases() -> Vec<(&'static str, Expected, Make)> {
    use Reason::*;
    let bad = |reason| Expected::Rejected(reason);
    let one = |unused, octets: &[u8], max: &[u8]| content(v4(&[prefix(unused, octets, max)]));
    let mapped = [&[0; 10][..], &[0xff, 0xff, 10, 1, 4]].concat();
    let sha384 = |id: &mut Vec<u8>| { let last = id.len() - 1; id[last] = 2; };
    vec![
        ("unchanged.roa", Expected::Valid, content(good())),
        ("f01-nul.roa", bad(ObjectMalformed), Box::new(|_| vec![0])),
        ("f02-inner-longer.roa", bad(ObjectMalformed), content({ let mut inner = good(); inner[6] = 0x7f; inner })),
        ("f03-length-4-gib.roa", bad(ObjectMalformed), Box::new(|_| vec![0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0x30])),
        ("f03-length-of-9-octets.roa", bad(ObjectMalformed), Box::new(|_| vec![0x30, 0x89, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0x30])),
        ("f04-tag-cut.roa", bad(ObjectMalformed), Box::new(|_| vec![0x3f, 0xff, 0xff])),
        ("f05-indefinite.roa", bad(ObjectMalformed), bytes(|b| { let inner = children(b).concat(); *b = [&[0x30, 0x80][..], &inner, &[0, 0]].concat(); })),
        ("f06-constructed-octets.roa", bad(ObjectMalformed), value(&[1, 0, 2, 1, 0], |v| { let part = v.clone(); *v = tlv(0x24, &[&part]); })),
        ("f07-long-length.roa", bad(ObjectMalformed), content([&[0x30, 0x81, good()[1]][..], &good()[2..]].concat())),
        ("f07-long-integer.roa", bad(ObjectMalformed), content(roa(&[0, 1], &[family(&[0, 1], &[prefix(0, &[10, 1, 4], &[])])]))),
        ("f08-version-0.roa", bad(ObjectMalformed), content({ let mut parts = children(&good()); parts.insert(0, tlv(0xa0, &[&[2, 1, 0]])); join(0x30, &parts) })),
        ("f09-unsorted-attributes.roa", bad(ObjectMalformed), signed(|o| { let mut l = children(&tlv(0x31, &[&o.attributes])); l.reverse(); o.attributes = l.concat(); })),
        ("f10-oid-cut.roa", bad(ObjectMalformed), value(&[1, 0, 2, 0], |v| { let last = v.len() - 1; v[last] = 0x9a; })),
        ("f10-oid-empty.roa", bad(ObjectMalformed), value(&[1, 0, 2, 0], |v| *v = vec![6, 0])),
        ("f11-unused-bits-9.roa", bad(RoaPrefix), one(9, &[10, 1, 4], &[])),
        ("f11-unused-bits-set.roa", bad(RoaPrefix), one(3, &[10, 1, 7], &[])),
        ("f12-nesting.roa", bad(ObjectMalformed), Box::new(|_| (0..400).fold(vec![5, 0], |inner, _| tlv(0x30, &[&inner])))),
        ("f13-behind-object.roa", bad(ObjectMalformed), bytes(|b| b.push(0))),
        ("f13-behind-content.roa", bad(ObjectMalformed), content([&good()[..], &[0]].concat())),
        ("f14-no-content.roa", bad(ObjectMalformed), list(ENCAPSULATED, |l| l.truncate(1))),
        ("f14-empty-content.roa", bad(ObjectMalformed), content(vec![])),
        ("f15-no-attributes.roa", bad(ObjectMalformed), attributes(|l| l.clear())),
        ("f16-attribute-twice.roa", bad(ObjectMalformed), attributes(|l| { let at = position(l, 3); l.push(l[at].clone()); })),
        ("f16-no-value.roa", bad(ObjectMalformed), attributes(|l| { let at = position(l, 4); l[at] = attribute(4, &[]); })),
        ("f16-two-values.roa", bad(ObjectMalformed), attributes(|l| { let at = position(l, 4); let v = children(&children(&l[at])[1]).remove(0); l[at] = attribute(4, &[v.clone(), v]); })),
        ("f17-no-signing-time.roa", bad(ObjectMalformed), attributes(|l| { let at = position(l, 5); l.remove(at); })),
        ("f17-binary-signing-time.roa", bad(ObjectMalformed), attributes(|l| { let id = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 2, 46]; l.push(tlv(0x30, &[&tlv(0x06, &[&id]), &tlv(0x31, &[&[2, 1, 1]])])); })),
        ("f18-signed-late.roa", bad(ObjectSigningTime), attributes(|l| { let at = position(l, 5); l[at] = attribute(5, &[tlv(0x17, &[b"400101000000Z"])]); })),
        ("f18-general-time.roa", bad(ObjectMalformed), attributes(|l| { let at = position(l, 5); l[at] = attribute(5, &[tlv(0x18, &[b"20260101000000Z"])]); })),
        ("f19-two-signers.roa", bad(ObjectMalformed), list(SIGNERS, |l| l.push(l[0].clone()))),
        ("f19-two-certificates.roa", bad(ObjectMalformed), list(CERTIFICATES, |l| l.push(l[0].clone()))),
        ("f19-crl.roa", bad(ObjectMalformed), list(&[1, 0], |l| l.insert(4, tlv(0xa1, &[])))),
        ("f19-unsigned-attributes.roa", bad(ObjectMalformed), list(SIGNER, |l| l.push(tlv(0xa1, &[&attribute(5, &[tlv(0x17, &[b"260101000000Z"])])])))),
        ("f20-issuer-and-serial.roa", bad(ObjectMalformed), list(SIGNER, |l| l[1] = tlv(0x30, &[&tlv(0x30, &[]), &[2, 1, 1]]))),
        ("f20-other-key.roa", bad(ObjectSigner), list(SIGNER, |l| l[1] = tlv(0x80, &[&[7; 20]]))),
        ("f21-version-1.roa", bad(ObjectMalformed), value(VERSION, |v| *v = vec![2, 1, 1])),
        ("f21-signer-version-1.roa", bad(ObjectMalformed), list(SIGNER, |l| l[0] = vec![2, 1, 1])),
        ("f22-rsa-encryption.roa", Expected::Valid, list(SIGNER, |l| l[4] = tlv(0x30, &[&tlv(0x06, &[&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1]]), &[5, 0]]))),
        ("f22-sha256-with-rsa.roa", Expected::Valid, list(SIGNER, |l| l[4] = tlv(0x30, &[&tlv(0x06, &[&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11]]), &[5, 0]]))),
        ("f23-no-digest.roa", bad(ObjectMalformed), value(DIGESTS, |v| *v = vec![0x31, 0])),
        ("f23-two-digests.roa", bad(ObjectMalformed), list(DIGESTS, |l| l.push(l[0].clone()))),
        ("f23-sha-384.roa", bad(ObjectAlgorithm), value(&[1, 0, 1, 0, 0], sha384)),
        ("f23-signer-sha-384.roa", bad(ObjectAlgorithm), value(&[1, 0, 4, 0, 2, 0], sha384)),
        ("f24-aspa-content.roa", bad(ObjectContentType), Box::new(|fields| fields.aspa(&Aspa { customer: Asn(64500), providers: vec![Asn(1)] }).unwrap().encode().to_vec())),
        ("f24-signed-type.roa", bad(ObjectContentType), attributes(|l| { let at = position(l, 3); l[at] = attribute(3, &[tlv(0x06, &[ca::ASPA])]); })),
        ("f26-signing-time-month-13.roa", bad(ObjectMalformed), attributes(|l| { let at = position(l, 5); l[at] = attribute(5, &[tlv(0x17, &[b"261301000000Z"])]); })),
        ("g40-signature-algorithm.roa", bad(ObjectAlgorithm), list(SIGNER, |l| l[4] = tlv(0x30, &[&tlv(0x06, &[&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]])]))),
        ("content-changed.roa", bad(ObjectDigest), value(&[1, 0, 2, 1, 0], |v| { let last = v.len() - 1; v[last] ^= 1; })),
        ("signature-changed.roa", bad(ObjectSignature), value(&[1, 0, 4, 0, 5], |v| v[9] ^= 1)),
        ("revoked.roa", bad(ObjectRevoked), content(good())),
        ("h01-max-length-equal.roa", Expected::Valid, one(0, &[10, 1, 4], &[24])),
        ("h01-max-length-32.roa", Expected::Valid, one(0, &[10, 1, 4], &[32])),
        ("h01-max-length-below.roa", bad(RoaMaxLength), one(0, &[10, 1, 4], &[23])),
        ("h01-max-length-33.roa", bad(RoaMaxLength), one(0, &[10, 1, 4], &[33])),
        ("h01-max-length-huge.roa", bad(ObjectMalformed), one(0, &[10, 1, 4], &[1, 0, 0, 0, 0])),
        ("h01-max-length-negative.roa", bad(ObjectMalformed), one(0, &[10, 1, 4], &[0xff])),
        ("h02-max-length-octets.roa", bad(ObjectMalformed), content(v4(&[tlv(0x30, &[&tlv(0x03, &[&[0, 10, 1, 4]]), &tlv(0x04, &[&[24]])])]))),
        ("h03-as-resources.roa", bad(RoaAsResources), resourced(good(), Resources::Set(resources(&["10.1.4.0/24"], &[(64500, 64500)])))),
        ("h04-inherit.roa", bad(RoaInherit), Box::new(|fields| {
            let mut object = sign(fields, good(), &held());
            let mut tbs = fields.certificate(&held()).unwrap();
            tbs.set_v4_resources_inherit();
            object.certificate = ca::sign_certificate(&tbs, fields.issuer.key).unwrap();
            object.encode().to_vec()
        })),
        ("h05-no-family.roa", bad(RoaEmpty), content(roa(&[1], &[]))),
        ("h05-family-twice.roa", bad(RoaFamily), content({ let f = family(&[0, 1], &[prefix(0, &[10, 1, 4], &[])]); roa(&[1], &[f.clone(), f]) })),
        ("h06-afi-25.roa", bad(RoaFamily), content(roa(&[1], &[family(&[0, 25], &[prefix(0, &[10, 1, 4], &[])])]))),
        ("h06-afi-1-octet.roa", bad(RoaFamily), content(roa(&[1], &[family(&[1], &[prefix(0, &[10, 1, 4], &[])])]))),
        ("h06-afi-3-octets.roa", bad(RoaFamily), content(roa(&[1], &[family(&[0, 1, 1], &[prefix(0, &[10, 1, 4], &[])])]))),
        ("h07-ipv4-mapped.roa", bad(RoaPrefix), content(roa(&[1], &[family(&[0, 2], &[prefix(0, &mapped, &[])])]))),
        ("h08-prefix-twice-unsorted.roa", Expected::Valid, content(v4(&[prefix(0, &[10, 1, 4, 128], &[]), prefix(0, &[10, 1, 4], &[]), prefix(0, &[10, 1, 4], &[])]))),
        ("g09-prefix-33.roa", bad(RoaPrefix), one(7, &[10, 1, 4, 0, 0x80], &[])),
        ("h12-as0.roa", Expected::Valid, content(roa(&[0], &[family(&[0, 1], &[prefix(0, &[10, 1, 4], &[])])]))),
        ("h12-as-23456.roa", Expected::Valid, content(roa(&[0x5b, 0xa0], &[family(&[0, 1], &[prefix(0, &[10, 1, 4], &[])])]))),
        ("h12-as-4294967295.roa", Expected::Valid, content(roa(&[0, 0xff, 0xff, 0xff, 0xff], &[family(&[0, 1], &[prefix(0, &[10, 1, 4], &[])])]))),
        ("g10-as-4294967296.roa", bad(ObjectMalformed), content(roa(&[1, 0, 0, 0, 0], &[family(&[0, 1], &[prefix(0, &[10, 1, 4], &[])])]))),
        ("g10-as-negative.roa", bad(ObjectMalformed), content(roa(&[0xff], &[family(&[0, 1], &[prefix(0, &[10, 1, 4], &[])])]))),
        ("h13-not-in-certificate.roa", bad(RoaNotCovered), resourced(good(), Resources::Set(resources(&["10.1.4.0/25"], &[])))),
        ("h13-not-in-ca.roa", bad(CertOverclaim), resourced(good(), Resources::Set(resources(&["10.1.4.0/24", "10.2.0.0/32"], &[])))),
        ("h14-good.asa", Expected::Valid, aspa(64500, &[1, 2], (64500, 64500), &[])),
        ("h14-as0-alone.asa", Expected::Valid, aspa(64501, &[0], (64501, 64501), &[])),
        ("h14-as0-and-others.asa", bad(AspaProviders), aspa(64500, &[0, 2], (64500, 64500), &[])),
        ("h14-unsorted.asa", bad(AspaProviders), aspa(64500, &[2, 1], (64500, 64500), &[])),
        ("h14-twice.asa", bad(AspaProviders), aspa(64500, &[1, 1], (64500, 64500), &[])),
        ("h14-no-provider.asa", bad(AspaProviders), aspa(64500, &[], (64500, 64500), &[])),
        ("h14-customer.asa", bad(AspaCustomer), aspa(64500, &[64500], (64500, 64500), &[])),
        ("h14-not-covered.asa", bad(AspaNotCovered), aspa(64500, &[1], (64501, 64501), &[])),
        ("h14-addresses.asa", bad(AspaIpResources), aspa(64500, &[1], (64500, 64500), &["10.1.4.0/24"])),
        ("g21-basic-constraints.roa", bad(CertProfile), ee(|tbs| edit_extensions(tbs, &|l| l.push(extension(&extension_id(BASIC_CONSTRAINTS), true, &[0x30, 0]))))),
        ("g21-key-usage-of-ca.roa", bad(CertProfile), ee(|tbs| set_content(tbs, KEY_USAGE, &tlv(0x03, &[&[1, 6]])))),
        ("g25-other-issuer-name.roa", bad(CertIssuerName), ee(|tbs| { let name = children(tbs)[SUBJECT].clone(); edit(tbs, &[ISSUER], &|f| *f = name.clone()); })),
        ("g31-other-issuer-uri.roa", Expected::Warned(CertIssuerUri), ee(|tbs| set_content(tbs, AIA, &join(0x30, &[access(2, "rsync://rpki.example.net/repo/elsewhere.cer")])))),
        ("g32-more-access.roa", Expected::Valid, ee(|tbs| { let mut l = children(&content_of(tbs)); l.push(access(13, "https://x.example/n.xml")); set_content(tbs, SIA, &join(0x30, &l)); })),
        ("other-uri.roa", bad(ObjectUri), ee(|tbs| set_content(tbs, SIA, &join(0x30, &[access(11, "rsync://rpki.example.net/repo/objects/x.roa")])))),
        ("g14-unknown-not-critical.roa", Expected::Valid, ee(|tbs| edit_extensions(tbs, &|l| l.push(extension(&[0x2b, 6, 1, 4, 1, 0x82, 0x37, 1], false, &[5, 0]))))),
        ("h20-checklist.sig", Expected::HashOnly, Box::new(|_| b"not judged".to_vec())),
        ("h19-contact.gbr", Expected::HashOnly, Box::new(|fields| fields.ghostbusters("BEGIN:VCARD\r\nFN:\u{1b}[31m\r\nEND:VCARD\r\n").unwrap().encode().to_vec())),
    ]
}

fn content_of(tbs: &[u8]) -> Vec<u8> {
    super::super::surgery::content(tbs, SIA)
}

/// A good ROA whose certificate is changed and signed again.
fn ee(change: impl Fn(&mut Vec<u8>) + 'static) -> Make {
    Box::new(move |fields| {
        let mut object = sign(fields, good(), &held());
        object.certificate =
            ca::resign(&object.certificate, fields.issuer.key, |tbs| change(tbs)).unwrap();
        object.encode().to_vec()
    })
}

/// Makes the objects.
pub(super) fn make(signer: &TestCa) -> Vec<Case> {
    let cases = cases().into_iter().enumerate();
    cases
        .map(|(index, (name, expected, make))| {
            let serial = if name == "revoked.roa" { REVOKED_SERIAL } else { 30 + index as u64 };
            let uri = signer.directory.join(name).unwrap();
            let key = key(usize::try_from(serial).unwrap());
            let bytes = make(&ObjectFields {
                issuer: signer.issuer(),
                key: &key,
                serial,
                validity: year(),
                signing_time: NOW.minus(hours(1)),
                uri: &uri,
            });
            Case { name: name.to_owned(), expected, bytes: bytes.into() }
        })
        .collect()
}
