//! The conformance suite: one repository with good and bad objects, each with what it must give.
//!
//! The files lie in `testdata/conformance`; its README says how they are made anew.

mod certificates;
mod objects;
mod points;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::*;

/// What must become of an object or of a publication point.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Expected {
    Valid,
    /// Valid, with this warning.
    Warned(Reason),
    Rejected(Reason),
    /// Only its hash counts: no finding, and nothing comes from it.
    HashOnly,
}

impl Expected {
    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Expected::Valid => ("valid", "-", "-"),
            Expected::HashOnly => ("hash-only", "-", "-"),
            Expected::Warned(reason) => ("valid", reason.code(), reason.rfc()),
            Expected::Rejected(reason) => ("rejected", reason.code(), reason.rfc()),
        }
    }
}

/// One object of the suite.
struct Case {
    name: String,
    expected: Expected,
    bytes: Bytes,
}

/// The whole suite: files by their path, and what each case must give, by the path of the object
/// (of the manifest, where the case is about a whole point).
#[derive(Default)]
struct Suite {
    files: BTreeMap<String, Bytes>,
    expected: BTreeMap<String, Expected>,
}

fn path_of(uri: &ObjectUri) -> String {
    uri.as_str().trim_start_matches("rsync://").to_owned()
}

/// Makes the suite; the same bytes every time.
fn make() -> (Suite, TestCa) {
    let everything = resources(&["10.0.0.0/8", "2001:db8::/32"], &[(64496, 64511)]);
    let certificate = uri("rsync://rpki.example.net/repo/root.cer");
    let mut root = TestCa::new("root", ROOT_KEY, Resources::Set(everything), certificate);
    let held = resources(&["10.1.0.0/16", "2001:db8:1::/48"], &[(64500, 64501)]);
    let mut signer = root.child("objects", ISP_KEY, Resources::Set(held));
    let mut suite = Suite::default();
    for case in certificates::make(&root) {
        suite.expected.insert(format!("root/{}", case.name), case.expected);
        root.files.insert(case.name, case.bytes);
    }
    signer.revoked = vec![objects::REVOKED_SERIAL];
    for case in objects::make(&signer) {
        suite.expected.insert(format!("objects/{}", case.name), case.expected);
        signer.files.insert(case.name, case.bytes);
    }
    let mut source = MemorySource::default();
    for (point, expected, change) in points::make(&mut root) {
        point.publish(&mut source);
        change(&point, &mut source);
        let directory = path_of(&point.directory);
        let name = directory.trim_start_matches("rpki.example.net/repo/");
        suite.expected.insert(format!("{name}ca.mft"), expected);
    }
    root.publish(&mut source);
    signer.publish(&mut source);
    source.put(&root.certificate, &trust_anchor(&root, year()));
    for (uri, hash) in &source.files {
        suite.files.insert(path_of(uri), source.bytes[hash].clone());
    }
    (suite, root)
}

/// Writes what each case must give, one line each.
fn expectations(suite: &Suite) -> String {
    let mut text = String::from("object\tverdict\tcode\trule\n");
    for (name, expected) in &suite.expected {
        let (verdict, code, rfc) = expected.words();
        writeln!(text, "{name}\t{verdict}\t{code}\t{rfc}").unwrap();
    }
    text
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/conformance")
}

/// Reads all files below a directory.
fn read_tree(directory: &Path, prefix: &str, files: &mut BTreeMap<String, Bytes>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        match entry.file_type().unwrap().is_dir() {
            true => read_tree(&entry.path(), &format!("{name}/"), files),
            false => _ = files.insert(name, std::fs::read(entry.path()).unwrap().into()),
        }
    }
}

#[test]
#[ignore = "writes testdata/conformance anew; its README has the command"]
fn regenerate_the_conformance_suite() {
    let (suite, root) = make();
    let directory = directory();
    let tree = directory.join("repository");
    if tree.exists() {
        std::fs::remove_dir_all(&tree).unwrap();
    }
    for (name, bytes) in &suite.files {
        let path = tree.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    std::fs::write(directory.join("expected.tsv"), expectations(&suite)).unwrap();
    let tal = ca::tal("The conformance suite", &[root.certificate.as_str()], &root.key);
    std::fs::write(directory.join("conformance.tal"), tal).unwrap();
}

#[test]
fn the_conformance_suite_on_disk_is_what_the_generator_makes() {
    let (suite, _) = make();
    let mut files = BTreeMap::new();
    read_tree(&directory().join("repository"), "", &mut files);
    let names: Vec<_> = files.keys().collect();
    assert_eq!(names, suite.files.keys().collect::<Vec<_>>());
    for (name, bytes) in &suite.files {
        assert_eq!(files[name], *bytes, "{name}");
    }
    let expected = std::fs::read_to_string(directory().join("expected.tsv")).unwrap();
    assert_eq!(expected, expectations(&suite));
    let size: usize = files.values().map(Bytes::len).sum();
    assert!(size < 1_000_000, "{size} bytes");
}

#[test]
fn every_object_of_the_conformance_suite_is_judged_as_expected() {
    let (suite, root) = make();
    let mut files = BTreeMap::new();
    read_tree(&directory().join("repository"), "", &mut files);
    let mut source = MemorySource::default();
    for (name, bytes) in &files {
        source.put(&uri(&format!("rsync://{name}")), bytes);
    }
    let anchor = files["rpki.example.net/repo/root.cer"].clone();
    source.trust_anchors.insert("test".to_owned(), anchor);
    let uris = vec![TalUri::Rsync(root.certificate.clone())];
    let tal = Tal { name: "test".to_owned(), uris, spki: root.key.spki_der().to_vec() };
    let run = source.step(&tal, &State::default(), NOW).1;

    let mut found: BTreeMap<&str, Vec<Reason>> = BTreeMap::new();
    for finding in run.points.iter().flat_map(|point| &point.findings) {
        found.entry(&finding.object).or_default().push(finding.reason);
    }
    let given: BTreeSet<&str> =
        run.points.iter().flat_map(|p| &p.objects).map(|object| object.uri.as_str()).collect();
    let certified: BTreeSet<&str> = run.points.iter().map(|p| &*p.certificate_uri).collect();
    for (name, expected) in &suite.expected {
        let uri = format!("rsync://rpki.example.net/repo/{name}");
        let reasons = found.get(uri.as_str()).cloned().unwrap_or_default();
        let point = run.points.iter().find(|point| point.location.manifest.as_str() == uri);
        let (wanted, is_used) = match expected {
            Expected::Valid => (vec![], true),
            Expected::Warned(reason) => (vec![*reason], true),
            Expected::Rejected(reason) => (vec![*reason], false),
            Expected::HashOnly => (vec![], false),
        };
        match point {
            // About a whole point: the finding may be about any of its files.
            Some(point) => {
                let reasons: Vec<_> = point.findings.iter().map(|f| f.reason).collect();
                assert_eq!(reasons, wanted, "{name}");
                assert_eq!(point.status == PointStatus::Current, is_used, "{name}");
            }
            None => {
                assert_eq!(reasons, wanted, "{name}");
                let is_seen = given.contains(uri.as_str()) || certified.contains(uri.as_str());
                assert_eq!(is_seen, is_used, "{name}");
            }
        }
    }
    assert!(suite.expected.len() > 150, "{}", suite.expected.len());
}

#[test]
fn what_the_page_on_strictness_says_of_the_rpki_crate_is_so() {
    use rpki::repository::{Cert, Roa};
    let (suite, _) = make();
    let read = |name: &str| suite.files[&format!("rpki.example.net/repo/{name}")].clone();
    for (name, is_taken) in [
        ("objects/unchanged.roa", true),
        ("objects/f05-indefinite.roa", true),
        ("objects/f07-long-integer.roa", false),
        ("objects/f17-no-signing-time.roa", false),
        ("objects/f18-general-time.roa", true),
        ("objects/f22-rsa-encryption.roa", true),
        ("objects/g40-signature-algorithm.roa", false),
    ] {
        assert_eq!(Roa::decode(read(name), false).is_ok(), is_taken, "{name}");
    }
    assert!(Roa::decode(read("objects/f05-indefinite.roa"), true).is_err());
    for (name, is_taken) in [
        ("unchanged.cer", true),
        ("f08-critical-false.cer", true),
        ("f08-ca-false.cer", true),
        ("f25-organisation.cer", true),
        ("f25-utf8-name.cer", true),
        ("g13-unknown-critical.cer", false),
        ("g14-unknown-not-critical.cer", true),
        ("g17-two-points.cer", false),
        ("g17-two-uris.cer", true),
        ("g32-aia-two.cer", false),
        ("g32-sia-more.cer", true),
    ] {
        let cert = Cert::decode(read(&format!("root/{name}")));
        assert_eq!(cert.is_ok(), is_taken, "{name}");
    }
}
