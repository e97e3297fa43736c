//! Puts a publication point together from its manifest, its CRL and its listed files.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use rayon::prelude::*;

use super::context::CaContext;
use super::crl::judge_crl;
use super::file::{FileRules, FileVerdict, ValidFile, is_judged, judge_file};
use super::finding::Rejection;
use super::manifest::{JudgedManifest, file_uri};
use super::memo::{FileMemo, FileMemos, Recall};
use super::moment::Moment;
use super::next_key::AnnouncedKey;
use super::object::Subject;
use super::{
    Finding, LastGood, ManifestRef, ObjectCounts, ObjectKind, ObjectSource, Payload, PayloadObject,
    Policy, Reason, SourceError, Wanted,
};
use crate::model::{ObjectHash, ObjectUri, Prefix, RepositoryId, TimeWindow};
use crate::object::{Crl, ListedFile};

/// How many missing or wrong files of one manifest are named; each is reason enough.
const MAX_FILE_FINDINGS: usize = 20;

/// Above how many ROAs of one CA for the same prefix there is a warning.
///
/// Anycast prefixes have a few dozen origins at most.
const MANY_ORIGINS: usize = 100;

/// What judging needs beside the CA: where bytes come from, and what the operator chose.
#[derive(Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    pub(crate) source: &'a dyn ObjectSource,
    pub(crate) policy: &'a Policy,
    pub(crate) trust_anchor_name: &'a Arc<str>,
    /// What an earlier run found out about the files of the point.
    pub(crate) recall: Option<&'a Recall<'a>>,
}

/// Where the files of a manifest are looked for.
#[derive(Clone, Copy)]
pub(crate) enum Files<'a> {
    /// By URI in this repository, as fetched last.
    Fetched(&'a RepositoryId),
    /// By hash: the state that passed earlier.
    Earlier,
}

/// Why a point cannot be used.
pub(crate) enum Failure {
    /// It broke these rules.
    Rejected(Vec<Finding>),
    /// The cache could not be read, which says nothing about the point.
    Unreadable(SourceError),
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        Failure::Unreadable(error)
    }
}

/// A publication point that passed as a whole.
pub(crate) struct PointData {
    pub(crate) manifest: ManifestRef,
    /// Of manifest and CRL.
    pub(crate) validity: TimeWindow,
    pub(crate) objects: Vec<Arc<PayloadObject>>,
    pub(crate) counts: ObjectCounts,
    /// Of a trust anchor.
    pub(crate) next_key: Option<AnnouncedKey>,
    /// About single objects.
    pub(crate) findings: Vec<Finding>,
    /// In `PointId` order, each once.
    pub(crate) children: Vec<Arc<CaContext>>,
    pub(crate) last_good: LastGood,
    /// The verdicts on the files, to be remembered.
    pub(crate) files: FileMemos,
}

/// A file that a manifest lists.
struct Entry<'a> {
    file: &'a ListedFile,
    uri: ObjectUri,
    kind: ObjectKind,
    /// Its bytes, if they came along when it was looked up.
    bytes: Option<Bytes>,
}

/// Judges all that a judged manifest lists.
///
/// A file that is missing or has another hash fails the point (RFC 9286, sections 6.4 and 6.5); one
/// that is there but invalid costs only itself.
pub(crate) fn assemble(
    ca: &Arc<CaContext>,
    manifest: &JudgedManifest,
    files: Files<'_>,
    around: Surroundings<'_>,
    moment: &mut Moment,
) -> Result<PointData, Failure> {
    let entries = find_files(ca, manifest, files, around)?;
    let reader = FileReader { files, source: around.source };
    let crl = read_crl(ca, manifest, &entries, reader, moment)?;
    let rules = FileRules {
        crl_uri: &manifest.crl_uri,
        trust_anchor_name: around.trust_anchor_name,
        policy: around.policy,
    };
    let recall = around.recall;
    let verdicts: Vec<_> = entries
        .par_iter()
        .map(|entry| match recall_entry(ca, entry, reader, &rules, recall) {
            Some(known) => Ok(known),
            None => judge_entry(ca, entry, reader, &rules, moment.restarted()),
        })
        .collect();

    let mut point = Collector::new(manifest, &crl, &entries, ca);
    for (entry, verdict) in entries.iter().zip(verdicts) {
        let (verdict, window) = verdict?;
        moment.join(window);
        if let Some(verdict) = &verdict {
            let memo = FileMemo::new(&entry.uri, entry.file.hash, verdict, window);
            point.point.files.files.push(memo);
        }
        point.add(entry, verdict, &crl);
    }
    Ok(point.finish(around.policy))
}

/// Checks that every listed file is there with the listed hash.
fn find_files<'a>(
    ca: &Arc<CaContext>,
    manifest: &'a JudgedManifest,
    files: Files<'_>,
    around: Surroundings<'_>,
) -> Result<Vec<Entry<'a>>, Failure> {
    let mut entries = Vec::with_capacity(manifest.files.len());
    for file in &manifest.files {
        let uri = match file_uri(ca, file) {
            Ok(uri) => uri,
            Err(rejection) => return Err(rejected(rejection, ca, manifest)),
        };
        entries.push(Entry { file, uri, kind: ObjectKind::of_name(&file.name), bytes: None });
    }
    let Files::Fetched(repository) = files else { return Ok(entries) };
    let wanted = match around.recall {
        None => Wanted::Bytes,
        // Most verdicts are known; only what is new is read.
        Some(_) => Wanted::Hashes,
    };
    // Asked for in the order of the repository's map, told in that of the manifest.
    let mut order: Vec<&mut Entry<'_>> = entries.iter_mut().collect();
    order.sort_unstable_by(|a, b| a.uri.as_str().cmp(b.uri.as_str()));
    let uris: Vec<&ObjectUri> = order.iter().map(|entry| &entry.uri).collect();
    let located = around.source.lookup_sorted(repository, &uris, wanted)?;
    let mut unlike: BTreeMap<ObjectUri, Option<ObjectHash>> = BTreeMap::new();
    for (entry, found) in order.into_iter().zip(located) {
        match found {
            Some(found) if found.hash == entry.file.hash => entry.bytes = found.bytes,
            other => drop(unlike.insert(entry.uri.clone(), other.map(|found| found.hash))),
        }
    }
    let findings = entries.iter().filter_map(|entry| match unlike.get(&entry.uri)? {
        Some(hash) => {
            let detail = format!("the manifest says {}", entry.file.hash);
            let rejection = Rejection::new(Reason::ManifestHashMismatch, detail);
            Some(rejection.into_finding(entry.uri.as_str(), Some(*hash)))
        }
        None => Some(missing(&entry.uri, repository.as_str())),
    });
    let findings: Vec<_> = findings.take(MAX_FILE_FINDINGS).collect();
    if findings.is_empty() { Ok(entries) } else { Err(Failure::Rejected(findings)) }
}

fn missing(uri: &ObjectUri, place: &str) -> Finding {
    let detail = format!("listed in the manifest, but not in {place}");
    Rejection::new(Reason::ManifestMissingFile, detail).into_finding(uri.as_str(), None)
}

fn rejected(rejection: Rejection, ca: &CaContext, manifest: &JudgedManifest) -> Failure {
    let hash = Some(manifest.reference.hash);
    Failure::Rejected(vec![rejection.into_finding(ca.location.manifest.as_str(), hash)])
}

/// Reads the bytes of listed files.
#[derive(Clone, Copy)]
struct FileReader<'a> {
    files: Files<'a>,
    source: &'a dyn ObjectSource,
}

impl FileReader<'_> {
    fn read(self, entry: &Entry<'_>) -> Result<Bytes, Failure> {
        if let Some(bytes) = &entry.bytes {
            return Ok(bytes.clone());
        }
        match (self.source.bytes(&entry.file.hash)?, self.files) {
            (Some(bytes), _) => Ok(bytes),
            // The map knows it, so that its bytes must be there: the cache is damaged.
            (None, Files::Fetched(_)) => {
                let detail = format!("the bytes of {} are missing", entry.uri);
                Err(Failure::Unreadable(SourceError(detail)))
            }
            (None, Files::Earlier) => {
                let finding = missing(&entry.uri, "the earlier state in the cache");
                Err(Failure::Rejected(vec![finding]))
            }
        }
    }
}

/// Judges the CRL, and the manifest's certificate against it.
fn read_crl(
    ca: &Arc<CaContext>,
    manifest: &JudgedManifest,
    entries: &[Entry<'_>],
    reader: FileReader<'_>,
    moment: &mut Moment,
) -> Result<Crl, Failure> {
    let entry = entries.iter().find(|entry| entry.kind == ObjectKind::Crl);
    let Some(entry) = entry else {
        // A judged manifest has one.
        let rejection = Rejection::new(Reason::ManifestNoCrl, "no file with the extension crl");
        return Err(rejected(rejection, ca, manifest));
    };
    let bytes = reader.read(entry)?;
    let crl = judge_crl(ca, &bytes, moment).map_err(|rejection| {
        let finding = rejection.into_finding(entry.uri.as_str(), Some(entry.file.hash));
        Failure::Rejected(vec![finding])
    })?;
    if crl.is_revoked(&manifest.cert.serial()) {
        let rejection = Rejection::new(Reason::ObjectRevoked, "the certificate of the manifest");
        return Err(rejected(rejection, ca, manifest));
    }
    Ok(crl)
}

/// The verdict on one file, `None` for those of which only the hash counts; and how long it stands.
type Judged = (Option<Result<FileVerdict, Rejection>>, TimeWindow);

/// Returns what is known about a file from an earlier run.
///
/// Only of a file that was fetched: that the bytes of an earlier state are there is part of the
/// verdict.
fn recall_entry(
    ca: &Arc<CaContext>,
    entry: &Entry<'_>,
    reader: FileReader<'_>,
    rules: &FileRules<'_>,
    recall: Option<&Recall<'_>>,
) -> Option<Judged> {
    let recall = recall.filter(|_| matches!(reader.files, Files::Fetched(_)))?;
    let (verdict, window) = recall.verdict(ca, &entry.uri, entry.file.hash, rules.crl_uri)?;
    Some((Some(verdict), window))
}

fn judge_entry(
    ca: &Arc<CaContext>,
    entry: &Entry<'_>,
    reader: FileReader<'_>,
    rules: &FileRules<'_>,
    moment: Moment,
) -> Result<Judged, Failure> {
    if !is_judged(ca, entry.kind, &entry.file.name) {
        // What was fetched was looked up by its hash; an earlier state is known only by reading it.
        if matches!(reader.files, Files::Earlier) {
            reader.read(entry)?;
        }
        return Ok((None, TimeWindow::ALWAYS));
    }
    let bytes = reader.read(entry)?;
    let subject = Subject { ca, uri: &entry.uri, hash: entry.file.hash, bytes: &bytes };
    let mut moment = moment;
    let verdict = judge_file(subject, entry.kind, rules, &mut moment);
    Ok((Some(verdict), moment.window()))
}

/// Gathers the verdicts on the files of a point.
struct Collector {
    point: PointData,
}

impl Collector {
    fn new(manifest: &JudgedManifest, crl: &Crl, entries: &[Entry<'_>], ca: &CaContext) -> Self {
        let updates = TimeWindow::new(crl.this_update, crl.next_update);
        let hashes = entries.iter().map(|entry| entry.file.hash);
        let objects = std::iter::once(manifest.reference.hash).chain(hashes).collect();
        Collector {
            point: PointData {
                manifest: manifest.reference.clone(),
                validity: manifest.validity.intersect(updates),
                objects: Vec::new(),
                counts: ObjectCounts::from([(ObjectKind::Manifest, 1)]),
                next_key: None,
                findings: Vec::new(),
                children: Vec::new(),
                last_good: LastGood {
                    manifest: manifest.reference.clone(),
                    manifest_uri: ca.location.manifest.clone(),
                    objects,
                },
                files: FileMemos {
                    crl_uri: Some(manifest.crl_uri.clone()),
                    // Kept as long as the program runs: no room to spare.
                    files: Vec::with_capacity(entries.len()),
                },
            },
        }
    }

    fn add(
        &mut self,
        entry: &Entry<'_>,
        verdict: Option<Result<FileVerdict, Rejection>>,
        crl: &Crl,
    ) {
        let verdict = match verdict {
            None => return self.count(entry.kind),
            Some(Ok(verdict)) if crl.is_revoked(&verdict.serial) => {
                Err(Rejection::new(Reason::ObjectRevoked, "its serial number is on the CRL"))
            }
            Some(verdict) => verdict,
        };
        match verdict {
            Ok(FileVerdict { kind, valid, warnings, .. }) => {
                self.count(kind);
                for warning in warnings {
                    self.find(warning, entry.uri.as_str(), entry.file.hash);
                }
                match valid {
                    ValidFile::Ca(ca) => self.point.children.push(ca),
                    ValidFile::Payload(object) => self.point.objects.push(object),
                    ValidFile::Tak(next) => {
                        self.point.next_key = self.point.next_key.take().or(next);
                    }
                }
            }
            Err(rejection) => {
                self.find(rejection, entry.uri.as_str(), entry.file.hash);
            }
        }
    }

    fn count(&mut self, kind: ObjectKind) {
        let count = self.point.counts.entry(kind).or_default();
        *count = count.saturating_add(1);
    }

    fn find(&mut self, rejection: Rejection, object: &str, hash: ObjectHash) {
        self.point.findings.push(rejection.into_finding(object, Some(hash)));
    }

    /// Leaves out the ROAs beyond the limit, and warns of prefixes with very many origins.
    fn cap_vrps(&mut self, policy: &Policy) {
        let mut count = 0usize;
        let mut origins: BTreeMap<Prefix, (usize, ObjectUri, ObjectHash)> = BTreeMap::new();
        let mut left_out = Vec::new();
        self.point.objects.retain(|object| {
            let Payload::Roa(vrps) = &object.payload else { return true };
            if count.saturating_add(vrps.len()) > policy.max_vrps_per_point {
                left_out.push((object.uri.clone(), object.hash));
                return false;
            }
            count = count.saturating_add(vrps.len());
            let mut last = None;
            for vrp in vrps.iter().filter(|vrp| last.replace(vrp.prefix) != Some(vrp.prefix)) {
                let entry = origins
                    .entry(vrp.prefix)
                    .or_insert_with(|| (0, object.uri.clone(), object.hash));
                entry.0 = entry.0.saturating_add(1);
            }
            true
        });
        for (uri, hash) in left_out {
            let limit = policy.max_vrps_per_point;
            let detail = format!("the ROAs before it have the {limit} VRPs that a CA may have");
            self.find(Rejection::new(Reason::RoaTooManyVrps, detail), uri.as_str(), hash);
        }
        for (prefix, (count, uri, hash)) in origins {
            if count > MANY_ORIGINS {
                let detail = format!("{prefix} is in {count} ROAs of this CA; this is the first");
                self.find(Rejection::new(Reason::RoaManyOrigins, detail), uri.as_str(), hash);
            }
        }
    }

    /// Sorts the children; of two with the same identity the newer certificate stays.
    fn finish(mut self, policy: &Policy) -> PointData {
        self.cap_vrps(policy);
        self.point.objects.shrink_to_fit();
        let mut children = std::mem::take(&mut self.point.children);
        children.sort_by_key(|ca| {
            (ca.id, std::cmp::Reverse((ca.validity.from, ca.validity.until, ca.certificate_hash)))
        });
        for ca in children {
            match self.point.children.last() {
                Some(newer) if newer.id == ca.id => {
                    let detail = format!("{} is in use", newer.certificate_uri);
                    let rejection = Rejection::new(Reason::CaTwice, detail);
                    self.find(rejection, &ca.certificate_uri, ca.certificate_hash);
                }
                _ => self.point.children.push(ca),
            }
        }
        self.point
    }
}
