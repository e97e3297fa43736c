//! Publication points of CAs, each with one thing changed in its manifest, CRL or files.

use super::super::surgery::*;
use super::*;
use crate::ca::tlv;

/// Changes what a point has published.
pub(super) type Publish = Box<dyn Fn(&TestCa, &mut MemorySource)>;

/// Publishes with another manifest content; the CRL stays.
fn manifest(change: impl Fn(&mut Vec<Vec<u8>>) + 'static) -> Publish {
    Box::new(move |point, source| {
        let fields = ManifestFields { number: 1, updates: point.updates, files: &point.list() };
        let mut parts = children(&ca::manifest_content(fields).unwrap());
        change(&mut parts);
        sign_manifest(point, source, join(0x30, &parts), &Resources::Inherit);
    })
}

fn sign_manifest(point: &TestCa, source: &mut MemorySource, content: Vec<u8>, held: &Resources) {
    let manifest = point.sign("ca.mft", MANIFEST_SERIAL, |fields| {
        ca::SignedObject::new(fields, ca::MANIFEST, content.clone(), held).unwrap()
    });
    source.put(&point.manifest, &manifest);
}

/// Publishes with the list of files changed.
fn files(change: impl Fn(&mut Vec<Vec<u8>>) + 'static) -> Publish {
    manifest(move |parts| edit_list(&mut parts[4], &[], &change))
}

/// Publishes with another CRL, which the manifest lists.
fn crl(change: impl Fn(&mut Vec<u8>) + 'static) -> Publish {
    Box::new(move |point, source| {
        let crl = ca::resign(&point.crl_bytes(), &point.key, |tbs| change(tbs)).unwrap();
        let mut list = point.list();
        list[0].1 = ObjectHash::of(&crl);
        let manifest = point.manifest_bytes(&list);
        point.publish_with(source, &manifest);
        source.put(&point.crl, &crl);
    })
}

/// Publishes with the extensions of the CRL changed.
fn crl_extensions(change: impl Fn(&mut Vec<Vec<u8>>) + 'static) -> Publish {
    crl(move |tbs| {
        let last = children(tbs).len() - 1;
        edit_list(tbs, &[last, 0], &change);
    })
}

/// Publishes a CRL with these entries.
fn revoked(entries: &'static [&'static [u8]]) -> Publish {
    crl(move |tbs| {
        let mut parts = children(tbs);
        let date = tlv(0x17, &[b"251231000000Z"]);
        let list: Vec<_> = entries.iter().map(|e| tlv(0x30, &[e, &date])).collect();
        let last = parts.len() - 1;
        parts.insert(last, join(0x30, &list));
        *tbs = join(0x30, &parts);
    })
}

/// Publishes after a change of the CA itself.
fn ca(change: impl Fn(&mut TestCa) + 'static) -> Publish {
    Box::new(move |point, source| {
        let mut point = point.clone();
        change(&mut point);
        point.publish(source);
    })
}

fn entry(name: &str, hash: &[u8]) -> Vec<u8> {
    tlv(0x30, &[&tlv(0x16, &[name.as_bytes()]), &tlv(0x03, &[hash])])
}

const CRL_NUMBER: &[u8] = &[0x55, 29, 20];

fn is_number(extension: &[u8]) -> bool {
    children(extension)[0] == tlv(0x06, &[CRL_NUMBER])
}

fn number(octets: &[u8]) -> Vec<u8> {
    extension(CRL_NUMBER, false, &tlv(0x02, &[octets]))
}

/// Returns every case: the name of the CA, what must become of its point, and the change.
#[rustfmt::skip]
fn cases() -> Vec<(&'static str, Expected, Publish)> {
    use Reason::*;
    let bad = |reason| Expected::Rejected(reason);
    let largest = [&[0x7f][..], &[0xff; 19]].concat();
    let above = [&[0, 0x80][..], &[0; 19]].concat();
    let future = TimeWindow::new(NOW.plus(hours(1)), NOW.plus(hours(2)));
    let past = TimeWindow::new(NOW.minus(hours(2)), NOW.minus(hours(1)));
    let set = |number: Vec<u8>| crl_extensions(move |l| for e in l { if is_number(e) { *e = super::points::number(&number); } });
    let other_number = largest.clone();
    vec![
        ("unchanged", Expected::Valid, Box::new(|_: &TestCa, _: &mut MemorySource| {}) as Publish),
        ("d01-name", bad(ManifestFileName), files(|l| l.push(entry("../a.roa", &[0; 33])))),
        ("e06-largest-number", Expected::Valid, manifest(move |p| p[0] = tlv(0x02, &[&largest]))),
        ("e07-number-above", bad(ManifestNumber), manifest(move |p| p[0] = tlv(0x02, &[&above]))),
        ("e07-number-negative", bad(ManifestNumber), manifest(|p| p[0] = tlv(0x02, &[&[0xff]]))),
        ("e08-empty", bad(ManifestEmpty), files(|l| l.clear())),
        ("e09-no-crl", bad(ManifestNoCrl), files(|l| l.retain(|e| !String::from_utf8_lossy(e).contains("ca.crl")))),
        ("e09-two-crls", bad(ManifestTwoCrls), files(|l| l.push(entry("other.crl", &[0; 33])))),
        ("e09-other-crl", bad(ManifestCrlName), files(|l| l[0] = entry("other.crl", &[0; 33]))),
        ("e10-twice-same-hash", bad(ManifestDuplicate), files(|l| l.push(l[1].clone()))),
        ("e10-twice-other-hash", bad(ManifestDuplicate), files(|l| l.push(entry("a.roa", &[0; 33])))),
        ("e11-missing", bad(ManifestMissingFile), Box::new(|ca, source| _ = source.files.remove(&ca.directory.join("a.roa").unwrap()))),
        ("e12-other-file", bad(ManifestHashMismatch), Box::new(|ca, source| source.put(&ca.directory.join("a.roa").unwrap(), &Bytes::from_static(b"x")))),
        ("e13-unknown-missing", bad(ManifestMissingFile), files(|l| l.push(entry("x.xyz", &[0; 33])))),
        ("e14-unlisted", Expected::Valid, Box::new(|ca, source| source.put(&ca.directory.join("x.roa").unwrap(), &Bytes::from_static(b"x")))),
        ("e15-stale", bad(ManifestStale), ca(move |ca| ca.updates = past)),
        ("e16-premature", bad(ManifestPremature), ca(move |ca| ca.updates = future)),
        ("e17-crossed", bad(ManifestInterval), manifest(|p| p.swap(1, 2))),
        ("e17-equal", bad(ManifestInterval), manifest(|p| p[2] = p[1].clone())),
        ("e21-31-octets", bad(ManifestHash), files(|l| l.push(entry("x.roa", &[0; 32])))),
        ("e21-unused-bits", bad(ManifestHash), files(|l| { let mut h = vec![0; 33]; h[0] = 1; l.push(entry("x.roa", &h)); })),
        ("e22-sha-384", bad(ManifestHash), manifest(|p| { let last = p[3].len() - 1; p[3][last] = 2; })),
        ("e23-resources", bad(ManifestResources), Box::new(|ca, source| { let fields = ManifestFields { number: 1, updates: ca.updates, files: &ca.list() }; sign_manifest(ca, source, ca::manifest_content(fields).unwrap(), &ca.resources); })),
        ("e24-revoked", bad(ObjectRevoked), ca(|ca| ca.revoked = vec![MANIFEST_SERIAL])),
        ("e25-crl-stale", bad(CrlStale), ca(move |ca| ca.crl_updates = past)),
        ("e25-crl-premature", bad(CrlPremature), ca(move |ca| ca.crl_updates = future)),
        ("e25-crl-crossed", bad(CrlProfile), crl(|tbs| edit_list(tbs, &[], &|p| p.swap(3, 4)))),
        ("e26-largest-number", Expected::Valid, set(other_number)),
        ("e26-no-number", bad(CrlNumber), crl_extensions(|l| l.retain(|e| !is_number(e)))),
        ("e26-number-twice", bad(CrlNumber), crl_extensions(|l| l.push(number(&[1])))),
        ("e26-number-critical", bad(CrlNumber), crl_extensions(|l| { l.retain(|e| !is_number(e)); l.push(extension(CRL_NUMBER, true, &[2, 1, 1])); })),
        ("e26-number-negative", bad(CrlNumber), set(vec![0x80])),
        ("e26-number-above", bad(CrlNumber), set([&[0, 0x80][..], &[0; 19]].concat())),
        ("e27-no-aki", bad(CrlProfile), crl_extensions(|l| l.retain(|e| is_number(e)))),
        ("e27-other-aki", bad(CrlIssuer), crl_extensions(|l| { l.retain(|e| is_number(e)); l.push(extension(&[0x55, 29, 35], false, &tlv(0x30, &[&tlv(0x80, &[&[7; 20]])]))); })),
        ("e28-entry-reason", bad(CrlProfile), crl(|tbs| { let mut p = children(tbs); let e = tlv(0x30, &[&[2, 1, 9], &tlv(0x17, &[b"251231000000Z"]), &tlv(0x30, &[&extension(&[0x55, 29, 21], false, &[0x0a, 1, 1])])]); let last = p.len() - 1; p.insert(last, tlv(0x30, &[&e])); *tbs = join(0x30, &p); })),
        ("e28-distribution-point", bad(CrlProfile), crl_extensions(|l| l.push(extension(&[0x55, 29, 28], true, &[0x30, 0])))),
        ("e28-delta", bad(CrlProfile), crl_extensions(|l| l.push(extension(&[0x55, 29, 27], true, &[2, 1, 1])))),
        ("e28-issuer-alt-name", bad(CrlProfile), crl_extensions(|l| l.push(extension(&[0x55, 29, 18], false, &[0x30, 0])))),
        ("e29-empty-list", bad(CrlProfile), revoked(&[])),
        ("e31-serial-zero", bad(CrlProfile), revoked(&[&[2, 1, 0]])),
        ("e31-serial-negative", bad(CrlProfile), revoked(&[&[2, 1, 0x80]])),
        ("e31-serial-21-octets", bad(CrlProfile), revoked(&[&[2, 21, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]])),
        ("crl-other-issuer-name", bad(CrlIssuer), crl(|tbs| edit(tbs, &[2, 0, 0, 1], &|v| v[2] ^= 1))),
        ("f08-version-0", bad(ManifestMalformed), manifest(|p| p.insert(0, tlv(0xa0, &[&[2, 1, 0]])))),
        ("g40-crl-algorithm", bad(CrlProfile), crl(|tbs| edit(tbs, &[1, 0], &|id| { let last = id.len() - 1; id[last] = 12; }))),
        ("manifest-signature", bad(ObjectSignature), Box::new(|ca, source| { let mut b = ca.manifest_bytes(&ca.list()).to_vec(); *b.last_mut().unwrap() ^= 1; source.put(&ca.manifest, &b.into()); })),
    ]
}

/// Makes a CA for each case, below the trust anchor.
pub(super) fn make(root: &mut TestCa) -> Vec<(TestCa, Expected, Publish)> {
    let cases = cases().into_iter().enumerate();
    cases
        .map(|(index, (name, expected, change))| {
            let held = Resources::Set(resources(&["10.3.0.0/16"], &[]));
            let mut point = root.child(name, 400 + index, held);
            point.roa("a.roa", 2, 64510, &[("10.3.0.0/16", None)]);
            (point, expected, change)
        })
        .collect()
}
