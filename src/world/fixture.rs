//! A small validation and its world, for the tests of every module that reads worlds.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Assembly, Purpose, RepositoryState, RepositoryStatus, TrustAnchorFetch, World};
use crate::model::{
    AsRange, Asn, Aspa, KeyIdentifier, ObjectHash, ObjectUri, PointId, Prefix, RepositoryId,
    ResourceSet, RouterKey, TimeWindow, Timestamp, Vrp, WorldId,
};
use crate::validate::{
    CaLocation, Finding, ManifestRef, ObjectCounts, ObjectKind, Payload, PayloadObject,
    PointOutcome, PointStatus, Reason, TrustAnchorOutcome, TrustAnchorStatus, Validation,
};

/// When everything here was judged: 2026-11-24T06:00:00Z.
pub(crate) const NOW: Timestamp = Timestamp(1_795_500_000);

pub(crate) fn vrp(prefix: &str, max_length: u8, asn: u32) -> Vrp {
    Vrp { prefix: prefix.parse().unwrap(), max_length, asn: Asn(asn) }
}

pub(crate) fn hours(hours: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(hours * 3600))
}

pub(crate) fn day() -> TimeWindow {
    TimeWindow::new(NOW.minus(Duration::from_secs(3600)), hours(24))
}

pub(crate) fn object(uri: &str, payload: Payload) -> PayloadObject {
    PayloadObject {
        uri: uri.parse().unwrap(),
        hash: ObjectHash::of(uri.as_bytes()),
        validity: TimeWindow::new(NOW.minus(Duration::from_secs(3600)), hours(240)),
        payload,
    }
}

/// A point `name` of trust anchor number `ta`, below `parent`.
pub(crate) fn point(
    ta: usize,
    parent: Option<&PointOutcome>,
    name: &str,
    prefixes: &[&str],
    objects: Vec<PayloadObject>,
) -> PointOutcome {
    let directory: ObjectUri = format!("rsync://{name}.example/repo/").parse().unwrap();
    let manifest = directory.join("ca.mft").unwrap();
    let notify: crate::model::HttpsUri =
        format!("https://{name}.example/notify.xml").parse().unwrap();
    let prefixes = prefixes.iter().map(|p| p.parse::<Prefix>().unwrap());
    let addresses = ResourceSet::from_prefixes(prefixes);
    let resources = ResourceSet::new(
        addresses.v4().iter().copied(),
        addresses.v6().iter().copied(),
        [AsRange { min: 64496, max: 64511 }],
    );
    PointOutcome {
        id: PointId::derive("ta", parent.map(|p| p.id), name.as_bytes(), &manifest),
        parent: parent.map(|p| p.id),
        trust_anchor: ta,
        certificate_uri: format!("rsync://{name}.example/repo/ca.cer"),
        certificate_hash: ObjectHash::of(name.as_bytes()),
        ski: KeyIdentifier([u8::try_from(name.len()).unwrap(); 20]),
        repository: Some(RepositoryId::Rrdp(notify.clone())),
        location: CaLocation { notify: Some(notify), directory, manifest },
        resources: Arc::new(resources),
        status: PointStatus::Current,
        manifest: Some(ManifestRef {
            hash: ObjectHash::of(b"manifest"),
            number: [7; 20],
            this_update: NOW,
            next_update: hours(24),
        }),
        validity: day(),
        counts: ObjectCounts::from([(ObjectKind::Roa, u32::try_from(objects.len()).unwrap())]),
        objects: objects.into_iter().map(Arc::new).collect(),
        next_key: None,
        findings: Vec::new(),
    }
}

pub(crate) fn finding(detail: &str) -> Finding {
    Finding {
        object: "rsync://alpha.example/repo/old.mft".to_owned(),
        hash: Some(ObjectHash::of(b"old")),
        reason: Reason::ManifestStale,
        detail: detail.to_owned(),
    }
}

/// Two trust anchors; below `alpha` the CAs `left` and `right`, below `left` the CA `leaf`.
pub(crate) fn validation() -> Validation {
    let alpha =
        point(0, None, "alpha", &["192.0.2.0/24", "198.51.100.0/22", "2001:db8::/32"], vec![]);
    let left = point(
        0,
        Some(&alpha),
        "left",
        &["192.0.2.0/24", "2001:db8::/32"],
        vec![
            object(
                "rsync://left.example/repo/a.roa",
                Payload::Roa(vec![vrp("192.0.2.0/24", 24, 64496), vrp("2001:db8::/32", 48, 64496)]),
            ),
            object(
                "rsync://left.example/repo/p.asa",
                Payload::Aspa(Aspa { customer: Asn(64496), providers: vec![Asn(64498)] }),
            ),
        ],
    );
    let leaf = point(
        0,
        Some(&left),
        "leaf",
        &["192.0.2.128/25"],
        vec![object(
            "rsync://leaf.example/repo/zero.roa",
            Payload::Roa(vec![vrp("192.0.2.128/25", 25, 0)]),
        )],
    );
    let mut right = point(
        0,
        Some(&alpha),
        "right",
        &["198.51.100.0/22"],
        vec![
            object(
                "rsync://right.example/repo/b.roa",
                Payload::Roa(vec![vrp("198.51.100.0/22", 24, 64497)]),
            ),
            object(
                "rsync://right.example/repo/key.cer",
                Payload::RouterKeys(vec![RouterKey {
                    ski: KeyIdentifier([0xAB; 20]),
                    asn: Asn(64497),
                    spki: vec![0x30, 0x59, 0xFB, 0xFF],
                }]),
            ),
        ],
    );
    right.findings.push(finding("nextUpdate was 2026-11-23T06:00:00Z"));
    let beta = point(
        1,
        None,
        "beta",
        &["192.0.2.0/24", "203.0.113.0/24"],
        vec![object(
            "rsync://beta.example/repo/c.roa",
            Payload::Roa(vec![vrp("192.0.2.0/24", 24, 64496), vrp("203.0.113.0/24", 24, 64499)]),
        )],
    );
    let trust_anchor = |name: &str| TrustAnchorOutcome {
        name: name.to_owned(),
        status: TrustAnchorStatus::Valid,
        findings: Vec::new(),
    };
    Validation {
        time: NOW,
        trust_anchors: vec![trust_anchor("alpha"), trust_anchor("beta")],
        points: [alpha, left, leaf, right, beta].map(Arc::new).to_vec(),
        horizon: day(),
    }
}

pub(crate) fn status(name: &str, state: RepositoryState) -> RepositoryStatus {
    let id = RepositoryId::Rrdp(format!("https://{name}.example/notify.xml").parse().unwrap());
    let failed = state != RepositoryState::Current;
    RepositoryStatus {
        id,
        state,
        last_success: Some(NOW.minus(Duration::from_secs(if failed { 90_000 } else { 60 }))),
        last_attempt: Some(NOW.minus(Duration::from_secs(61))),
        duration: Some(Duration::from_millis(1500)),
        error: failed.then(|| "connection refused".to_owned()),
        session: Some("9df4b597-af9e-4dca-bdda-719cce2c4e28".to_owned()),
        serial: Some(3),
        objects: 5,
        bytes: 12_345,
        next_attempt: Some(NOW.plus(Duration::from_secs(540))),
    }
}

/// What the world of [`validation`] is assembled from.
pub(crate) fn assembly(validation: &Validation) -> Assembly<'_> {
    let fetch = TrustAnchorFetch {
        uri: Some("https://alpha.example/ta.cer".to_owned()),
        last_success: Some(NOW.minus(Duration::from_secs(60))),
        last_attempt: Some(NOW.minus(Duration::from_secs(61))),
        error: None,
    };
    Assembly {
        id: WorldId(1),
        purpose: Purpose::Live,
        validation,
        validation_duration: Duration::from_millis(250),
        repositories: vec![
            status("alpha", RepositoryState::Current),
            status("left", RepositoryState::Current),
            status("leaf", RepositoryState::Current),
            status("right", RepositoryState::Failing),
            status("beta", RepositoryState::Current),
        ],
        trust_anchor_fetches: BTreeMap::from([("alpha".to_owned(), fetch)]),
        parent: None,
        previous: None,
        stamp: None,
    }
}

/// Exceptions that filter one prefix.
pub(crate) fn without(prefix: &str) -> Arc<crate::payload::Exceptions> {
    use crate::payload::{Entry, Exceptions, PrefixFilter, SlurmFile};
    let rule = PrefixFilter { prefix: Some(prefix.parse().unwrap()), asn: None };
    let prefix_filters = vec![Entry { rule, line: 1, comment: Some("a test".to_owned()) }];
    let file = SlurmFile { version: 1, prefix_filters, ..SlurmFile::default() };
    Arc::new(Exceptions::new(vec![("local.json".to_owned(), file)]).unwrap())
}

/// The world of [`validation`].
pub(crate) fn world() -> World {
    World::assemble(assembly(&validation()))
}
