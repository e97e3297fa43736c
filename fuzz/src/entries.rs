//! One function for each decoder: it must return, whatever the bytes are.
//!
//! Where more can be said than "no panic", it is asserted: what was read and is written again
//! reads as the same, and payload is in range.

use std::fmt::{Debug, Display};
use std::path::Path;
use std::str::FromStr;

use bytes::Bytes;
use provost::bgp::Routes;
use provost::config::{ConfigFile, parse_duration};
use provost::fetch::{DocumentProbe, RrdpDocument};
use provost::model::{
    Asn, HttpsUri, ObjectHash, ObjectUri, Prefix, RepositoryId, RsyncModule, Timestamp, Vrp,
};
use provost::object::{
    Ccr, Cert, Checklist, ContentType, Crl, Ghostbusters, Manifest, Outline, Profile, SignedObject,
    SignedPrefixList, Tak, Tal, decode_aspa, decode_roa,
};
use provost::payload::{Exceptions, SlurmFile, VrpFile};
use provost::rtr::count_queries;
use provost::validate::{Constraints, judge_alone};
use provost::world::format;

use crate::point;

/// Takes any bytes, and returns.
pub type Entry = fn(&[u8]);

/// Every entry with the name of its target and of its directory of the corpus.
pub const ENTRIES: &[(&str, Entry)] = &[
    ("tal", tal),
    ("certificate", certificate),
    ("crl", crl),
    ("manifest", manifest),
    ("roa", roa),
    ("aspa", aspa),
    ("ghostbusters", ghostbusters),
    ("checklist", checklist),
    ("tak", tak),
    ("prefix_list", prefix_list),
    ("signed_object", signed_object),
    ("ccr", ccr),
    ("notification", notification),
    ("snapshot", snapshot),
    ("delta", delta),
    ("vrp_file", vrp_file),
    ("bgp_table", bgp_table),
    ("world", world),
    ("config", config),
    ("words", words),
    ("constraints", constraints),
    ("slurm", slurm),
    ("rtr", rtr),
    ("display", display),
    ("point", point),
];

/// A trust anchor locator.
pub fn tal(data: &[u8]) {
    let _ = Tal::parse("fuzz", data);
}

/// A certificate, judged by the profile of each kind.
pub fn certificate(data: &[u8]) {
    let Ok(cert) = Cert::decode(&Bytes::copy_from_slice(data)) else { return };
    for profile in [Profile::TrustAnchor, Profile::Ca, Profile::Ee, Profile::DetachedEe] {
        let _ = cert.inspect(profile);
    }
    let _ = (cert.inspect(Profile::Router), cert.issuer_name(), cert.manifest(), cert.notify());
    let resolved = cert.resources().resolve(&Default::default());
    assert!(cert.resources().has_inherit() || resolved == cert.resources().resolve(&resolved));
}

/// A CRL.
pub fn crl(data: &[u8]) {
    let Ok(crl) = Crl::decode(&Bytes::copy_from_slice(data)) else { return };
    let _ = crl.issuer_name();
    assert!(crl.revocations().iter().all(|(serial, _)| crl.is_revoked(serial)));
}

/// The content of a manifest.
pub fn manifest(data: &[u8]) {
    let _ = Manifest::decode(data);
}

/// The content of a ROA.
pub fn roa(data: &[u8]) {
    if let Ok(vrps) = decode_roa(data) {
        vrps.iter().for_each(assert_in_range);
    }
}

fn assert_in_range(vrp: &Vrp) {
    let longest = if vrp.prefix.address().is_ipv4() { 32 } else { 128 };
    assert!((vrp.prefix.len()..=longest).contains(&vrp.max_length), "{vrp}");
}

/// The content of an ASPA.
pub fn aspa(data: &[u8]) {
    if let Ok(aspa) = decode_aspa(data) {
        assert!(!aspa.providers.is_empty() && !aspa.providers.contains(&aspa.customer));
    }
}

/// The content of a Ghostbusters record.
pub fn ghostbusters(data: &[u8]) {
    let Ok(record) = Ghostbusters::decode(data) else { return };
    let texts = record.properties.iter().map(|property| &property.value);
    assert!(texts.flat_map(|text| text.chars()).all(|character| !character.is_control()));
}

/// The content of a signed checklist.
pub fn checklist(data: &[u8]) {
    let _ = Checklist::decode(data);
}

/// The content of a list of a trust anchor's keys.
pub fn tak(data: &[u8]) {
    let _ = Tak::decode(data);
}

/// The content of a signed prefix list.
pub fn prefix_list(data: &[u8]) {
    let _ = SignedPrefixList::decode(data);
}

/// A signed object, as each of the kinds.
pub fn signed_object(data: &[u8]) {
    let bytes = Bytes::copy_from_slice(data);
    for kind in [
        ContentType::Roa,
        ContentType::Manifest,
        ContentType::Aspa,
        ContentType::Ghostbusters,
        ContentType::Rsc,
        ContentType::Tak,
        ContentType::Spl,
    ] {
        if let Ok(object) = SignedObject::decode(&bytes, kind) {
            let _ = object.signed_bytes();
        }
    }
}

/// A canonical cache representation.
pub fn ccr(data: &[u8]) {
    let Ok(ccr) = Ccr::decode(data) else { return };
    assert!(Ccr::is_ccr(data));
    let vrps = ccr.vrps.map(|state| state.entries).unwrap_or_default();
    vrps.iter().for_each(assert_in_range);
    let keys: Vec<_> = vrps.iter().map(|vrp| (vrp.asn, *vrp)).collect();
    assert!(keys.windows(2).all(|pair| pair[0] < pair[1]));
    let aspas = ccr.aspas.map(|state| state.entries).unwrap_or_default();
    assert!(aspas.iter().all(|aspa| !aspa.providers.is_empty()));
    let read = VrpFile::parse(data).map(|file| file.vrps.len());
    assert!(read.is_err() || read == Ok(vrps.len()));
}

/// The session that every document of the corpus has.
pub const SESSION: &str = "9df4b597-af9e-4dca-bdda-719cce2c4e28";
/// The serial that every document of the corpus has.
pub const SERIAL: u64 = 2;

fn rrdp(document: RrdpDocument, data: &[u8]) {
    thread_local! {
        static PROBE: (tempfile::TempDir, DocumentProbe) = {
            let directory = tempfile::tempdir().expect("a temporary directory");
            let repository = "rsync://fuzz.example.net/repo/".parse().expect("a module");
            let probe = DocumentProbe::open(directory.path(), &repository);
            let probe = probe.expect("an empty cache");
            (directory, probe)
        };
    }
    PROBE.with(|(_, probe)| {
        let _ = probe.read(document, SESSION, SERIAL, data);
    });
}

/// An RRDP notification.
pub fn notification(data: &[u8]) {
    rrdp(RrdpDocument::Notification, data);
}

/// An RRDP snapshot.
pub fn snapshot(data: &[u8]) {
    rrdp(RrdpDocument::Snapshot, data);
}

/// An RRDP delta.
pub fn delta(data: &[u8]) {
    rrdp(RrdpDocument::Delta, data);
}

/// A file of VRPs that another validator wrote.
pub fn vrp_file(data: &[u8]) {
    if let Ok(file) = VrpFile::parse(data) {
        file.vrps.iter().for_each(|row| assert_in_range(&row.vrp));
    }
}

/// A table of announced routes.
pub fn bgp_table(data: &[u8]) {
    let mut routes = Routes::new(data);
    let read = routes.by_ref().filter(Result::is_ok).count();
    let lines = data.split(|byte| *byte == b'\n').count();
    assert!(read <= lines);
}

/// The sections of a world file, each behind its kind and its length in two bytes: their table is made
/// to fit, so that decoding reaches them.
pub fn world(data: &[u8]) {
    let (mut table, mut bodies) = (Vec::new(), Vec::<u8>::new());
    let (mut rest, mut count) = (data, 0u32);
    while let Some(([kind, high, low], after)) = rest.split_first_chunk::<3>() {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(after.len());
        let (body, after) = after.split_at(length);
        table.push(*kind);
        table.extend((length as u64).to_be_bytes());
        table.extend(ObjectHash::of(body).0);
        bodies.extend(body);
        (rest, count) = (after, count + 1);
    }
    let fields = [&b"PROVOST\n"[..], &format::VERSION.to_be_bytes(), &count.to_be_bytes(), &table];
    let mut file = fields.concat();
    let digest = ObjectHash::of(&file);
    file.extend(digest.0);
    file.extend(bodies);
    if let Ok((world, found)) = format::decode(&file) {
        assert_eq!(found, digest);
        let again = format::encode(&world).expect("what was decoded can be encoded");
        assert_eq!(format::decode(&again.bytes).map(|(world, _)| world).ok(), Some(world));
    }
    let _ = format::decode(data);
}

/// The sections of a file as [`world`] takes them.
pub fn world_seed(file: &[u8]) -> Vec<u8> {
    let count = file[12..16].iter().fold(0, |count, byte| count * 256 + usize::from(*byte));
    let (table, mut bodies) = file[16..].split_at(count * 41);
    let mut seed = Vec::new();
    for entry in table.chunks(41) {
        let length = usize::from(u16::from_be_bytes([entry[7], entry[8]]));
        let (body, rest) = bodies[if seed.is_empty() { 32 } else { 0 }..].split_at(length);
        seed.extend([entry[0], entry[7], entry[8]]);
        seed.extend(body);
        bodies = rest;
    }
    seed
}

/// A configuration file.
pub fn config(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = ConfigFile::parse(Path::new("/etc/provost.toml"), text);
    }
}

/// Prefixes, AS numbers, URIs, hashes, times and durations: each that is read is written the same.
pub fn words(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    same::<Prefix>(text);
    same::<Asn>(text);
    same::<ObjectUri>(text);
    same::<RsyncModule>(text);
    same::<HttpsUri>(text);
    same::<RepositoryId>(text);
    same::<ObjectHash>(text);
    same::<Timestamp>(text);
    let _ = parse_duration(text);
    if let Ok(uri) = text.parse::<ObjectUri>() {
        let module = uri.module();
        assert!(!uri.path().split('/').any(|part| part == ".."), "{uri}");
        assert!(!module.name().contains('/') && !module.authority().contains('/'), "{uri}");
    }
}

fn same<T: FromStr + Display + PartialEq + Debug>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        let written = value.to_string();
        assert_eq!(written.parse().ok(), Some(value), "{text:?} is written as {written:?}");
    }
}

/// A constraints file.
pub fn constraints(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = Constraints::parse(text);
    }
}

/// A file of local exceptions.
pub fn slurm(data: &[u8]) {
    let Ok(file) = SlurmFile::parse(data) else { return };
    let asserted = file.prefix_assertions.iter().map(|entry| entry.rule);
    asserted.for_each(|vrp| assert_in_range(&vrp));
    if let Ok(exceptions) = Exceptions::new(vec![("fuzz.json".to_owned(), file)]) {
        for (id, _) in exceptions.rules() {
            assert!(exceptions.get(id).is_some());
        }
        for (vrp, _) in exceptions.vrps() {
            let _ = exceptions.filter_of_vrp(vrp);
        }
    }
}

/// What a router sends, in pieces as long as the first byte says.
pub fn rtr(data: &[u8]) {
    let Some((first, data)) = data.split_first() else { return };
    let whole = count_queries(data, usize::MAX);
    assert_eq!(count_queries(data, usize::from(*first).max(1)), whole);
}

/// What `provost inspect` looks at: any object, damaged as it may be.
pub fn display(data: &[u8]) {
    let bytes = Bytes::copy_from_slice(data);
    let _ = Outline::of(&bytes);
    let _ = judge_alone(&bytes, "fuzz");
}

/// A whole publication point with one part replaced, and signed again where that can be.
pub fn point(data: &[u8]) {
    point::judge(data);
}
