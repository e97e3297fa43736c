//! A lab of scale on disk: makes it, and makes its next state.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::history::{History, Round, Standing};
use super::plan::{ScaleCa, ScalePlan};
use super::point::{Files, ScaleKeys, sign_anchor, sign_point};
use super::rrdp::{Change, Document, RrdpFiles, publish};
use super::size::{ANCHORS, Scale};
use crate::lab::LabError;
use crate::lab::running::TALS;
use crate::model::{ObjectHash, ObjectUri, Timestamp, Vrp};

/// How many CAs are signed before their documents are written: some ten megabytes.
const BATCH: usize = 512;

/// The file that says what the lab is, and what it went through.
const RECORD: &str = "scale.json";

/// What a lab of scale on disk explains about itself.
const README: &str = include_str!("readme.md");

/// What is counted in a lab of scale: the plan against which a run is measured.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    /// CAs, trust anchors included.
    pub cas: usize,
    /// ROAs.
    pub roas: usize,
    /// Distinct VRPs.
    pub vrps: usize,
    /// Published objects, without the trust anchors' certificates.
    pub objects: usize,
    /// Signatures that a validator verifies from nothing.
    pub verifications: usize,
}

/// What is kept of a lab of scale beside its files.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    scale: Scale,
    seed: u64,
    history: History,
    counts: Counts,
}

/// Writes a lab of scale below `directory`; scale, seed and time decide every byte.
pub fn generate_scale(
    directory: &Path,
    scale: Scale,
    seed: u64,
    now: Timestamp,
) -> Result<Counts, LabError> {
    let lab = ScaleLab::new(directory, scale, seed)?;
    let history = History { at: now, rounds: Vec::new() };
    lab.write_all(&history)?;
    lab.write_anchors(&history)?;
    lab.write_record(scale, history)
}

/// Makes the next state of the lab of scale in `directory`: changes `percent` of the CAs.
pub fn churn_scale(directory: &Path, percent: u8, now: Timestamp) -> Result<Counts, LabError> {
    let path = directory.join(RECORD);
    let text = fs::read(&path).map_err(LabError::io(path.display()))?;
    let Record { scale, seed, history, .. } = serde_json::from_slice(&text)
        .map_err(|error| LabError::Plan(format!("{}: {error}", path.display())))?;
    let last = history.rounds.last().map_or(history.at, |round| round.at);
    if now <= last {
        return Err(LabError::Plan(format!("the lab is of {last}, and {now} is not later")));
    }
    let lab = ScaleLab::new(directory, scale, seed)?;
    let mut next = history.clone();
    next.rounds.push(Round { percent, at: now });
    lab.write_changes(&history, &next)?;
    lab.write_record(scale, next)
}

struct ScaleLab<'a> {
    directory: &'a Path,
    plan: ScalePlan,
    keys: ScaleKeys,
    rrdp: Vec<RrdpFiles>,
}

impl<'a> ScaleLab<'a> {
    fn new(directory: &'a Path, scale: Scale, seed: u64) -> Result<Self, LabError> {
        let plan = ScalePlan::new(scale, seed)?;
        let session = |number: usize| {
            let hash = ObjectHash::of(format!("scale {seed} {number}").as_bytes());
            let mut bytes = [0; 16];
            bytes.iter_mut().zip(hash.0).for_each(|(to, from)| *to = from);
            uuid::Builder::from_random_bytes(bytes).into_uuid()
        };
        let rrdp = plan.servers.iter().enumerate();
        let rrdp = rrdp.map(|(number, uris)| RrdpFiles::new(directory, uris, session(number)));
        Ok(ScaleLab { directory, rrdp: rrdp.collect(), keys: ScaleKeys::new(seed)?, plan })
    }

    /// Signs and writes every point; none is held longer than its batch.
    fn write_all(&self, history: &History) -> Result<(), LabError> {
        let mut snapshots: Vec<Document> =
            self.rrdp.iter().map(|server| server.snapshot(1)).collect::<Result<_, _>>()?;
        let numbers: Vec<usize> = (0..self.plan.cas.len()).collect();
        for batch in numbers.chunks(BATCH) {
            let made = batch.par_iter().map(|index| self.write_point(*index, history));
            for (server, elements) in made.collect::<Result<Vec<_>, LabError>>()? {
                if let Some(snapshot) = snapshots.get_mut(server) {
                    snapshot.write(&elements)?;
                }
            }
        }
        let ended = snapshots.into_par_iter().zip(&self.rrdp);
        ended.try_for_each(|(snapshot, server)| server.announce(snapshot.finish()?))
    }

    /// Writes the files of one point; returns its server and its elements for RRDP.
    fn write_point(&self, index: usize, history: &History) -> Result<(usize, String), LabError> {
        let ca = self.ca(index)?;
        let files = sign_point(&self.plan, &self.keys, index, history)?;
        let directory = self.plan.directory(ca)?;
        let path = self.path(&directory);
        fs::create_dir_all(&path).map_err(LabError::io(path.display()))?;
        let mut elements = String::new();
        for (name, bytes) in files {
            let path = path.join(&name);
            fs::write(&path, &bytes).map_err(LabError::io(path.display()))?;
            elements.push_str(&publish(&directory.join(&name)?, &bytes, None));
        }
        Ok((ca.server, elements))
    }

    /// Writes what the last round of `next` changed.
    fn write_changes(&self, before: &History, next: &History) -> Result<(), LabError> {
        let Some(round) = next.rounds.last() else { return Ok(()) };
        let touched: Vec<usize> = (0..self.plan.cas.len())
            .filter(|index| round.touches(&self.plan, before.rounds.len(), *index))
            .collect();
        let mut changes: Vec<BTreeMap<ObjectUri, Change>> =
            self.rrdp.iter().map(|_| BTreeMap::new()).collect();
        for batch in touched.chunks(BATCH) {
            let made = batch.par_iter().map(|index| {
                let ca = self.ca(*index)?;
                let [old, new] = [before, next]
                    .map(|history| sign_point(&self.plan, &self.keys, *index, history));
                Ok((ca.server, difference(&self.plan.directory(ca)?, old?, new?)?))
            });
            for (server, difference) in made.collect::<Result<Vec<_>, LabError>>()? {
                if let Some(changes) = changes.get_mut(server) {
                    changes.extend(difference);
                }
            }
        }
        for (uri, change) in changes.iter().flatten() {
            let path = self.path(uri);
            match &change.new {
                Some(bytes) => fs::write(&path, bytes),
                None => fs::remove_file(&path),
            }
            .map_err(LabError::io(path.display()))?;
        }
        let servers = changes.par_iter().zip(&self.rrdp);
        servers
            .filter(|(changes, _)| !changes.is_empty())
            .try_for_each(|(changes, server)| server.change(changes))
    }

    fn write_anchors(&self, history: &History) -> Result<(), LabError> {
        for index in self.plan.anchors() {
            let ca = self.ca(index)?;
            let (certificate, tal) = sign_anchor(&self.plan, &self.keys, index, history)?;
            let as_rsync = self.path(&self.plan.certificate_uri(ca)?);
            let as_rpki_client = self.directory.join("ta").join(&ca.name);
            let as_rpki_client = as_rpki_client.join(format!("{}.cer", ca.name));
            let locator = self.directory.join(TALS).join(format!("{}.tal", ca.name));
            let tal = Bytes::from(tal);
            for (path, bytes) in
                [(as_rsync, &certificate), (as_rpki_client, &certificate), (locator, &tal)]
            {
                if let Some(parent) = path.parent() {
                    fs::create_dir_all(parent).map_err(LabError::io(parent.display()))?;
                }
                fs::write(&path, bytes).map_err(LabError::io(path.display()))?;
            }
        }
        Ok(())
    }

    /// Writes the truth, the counts and the readme; returns the counts.
    fn write_record(&self, scale: Scale, history: History) -> Result<Counts, LabError> {
        let mut vrps: BTreeSet<(Vrp, &str)> = BTreeSet::new();
        let mut counts = Counts { cas: self.plan.cas.len(), ..Counts::default() };
        for (index, ca) in self.plan.cas.iter().enumerate() {
            let standing = Standing::new(&self.plan, index, ca, &history);
            let anchor = ANCHORS.get(ca.anchor).map_or("", |anchor| anchor.name);
            counts.roas += standing.roas.len();
            for roa in standing.roas.iter().map(|issued| &issued.roa) {
                vrps.extend(roa.prefixes.iter().map(|entry| {
                    let max_length = entry.max_length.unwrap_or(entry.prefix.len());
                    (Vrp { prefix: entry.prefix, max_length, asn: roa.asn }, anchor)
                }));
            }
        }
        counts.vrps = vrps.len();
        let anchors = self.plan.anchors().len();
        // Each CA has a manifest and a CRL, and all but the trust anchors a certificate.
        counts.objects = counts.roas + 3 * counts.cas - anchors;
        // A certificate, a CRL and twice a manifest for each CA; and twice each ROA.
        counts.verifications = 4 * counts.cas + 2 * counts.roas;
        self.write_truth(&vrps)?;
        let readme = README
            .replace(
                "@TIME@",
                &history.rounds.last().map_or(history.at, |round| round.at).to_string(),
            )
            .replace("@CAS@", &counts.cas.to_string())
            .replace("@ROAS@", &counts.roas.to_string())
            .replace("@VRPS@", &counts.vrps.to_string());
        let record = Record { scale, seed: self.plan.seed, history, counts };
        let record = serde_json::to_string_pretty(&record)
            .map_err(|error| LabError::Plan(error.to_string()))?;
        for (name, text) in [("README.md", readme), (RECORD, record + "\n")] {
            let path = self.directory.join(name);
            fs::write(&path, text).map_err(LabError::io(path.display()))?;
        }
        Ok(counts)
    }

    fn write_truth(&self, vrps: &BTreeSet<(Vrp, &str)>) -> Result<(), LabError> {
        let path = self.directory.join("truth.csv");
        let write = || {
            let mut file = BufWriter::new(File::create(&path)?);
            writeln!(file, "ASN,IP Prefix,Max Length,Trust Anchor")?;
            for (vrp, anchor) in vrps {
                writeln!(file, "{},{},{},{anchor}", vrp.asn, vrp.prefix, vrp.max_length)?;
            }
            file.flush()
        };
        write().map_err(LabError::io(path.display()))
    }

    fn ca(&self, index: usize) -> Result<&ScaleCa, LabError> {
        self.plan.cas.get(index).ok_or_else(|| LabError::Plan(format!("no CA {index}")))
    }

    /// Returns where rsync would leave a file or a directory.
    fn path(&self, uri: &ObjectUri) -> PathBuf {
        let module = uri.module();
        self.directory.join(module.authority()).join(module.name()).join(uri.path())
    }
}

/// Returns what differs between two states of a point.
fn difference(
    directory: &ObjectUri,
    old: Files,
    new: Files,
) -> Result<BTreeMap<ObjectUri, Change>, LabError> {
    let mut changes = BTreeMap::new();
    let mut old: BTreeMap<String, Bytes> = old.into_iter().collect();
    for (name, bytes) in new {
        let before = old.remove(&name);
        if before.as_ref() != Some(&bytes) {
            let change = Change { old: before, new: Some(bytes) };
            changes.insert(directory.join(&name)?, change);
        }
    }
    for (name, bytes) in old {
        changes.insert(directory.join(&name)?, Change { old: Some(bytes), new: None });
    }
    Ok(changes)
}
