//! Our own validation of a repository, in this process.

use std::collections::BTreeMap;

use bytes::Bytes;
use provost::model::{ObjectHash, ObjectUri, RepositoryId};
use provost::validate::{
    CaLocation, ObjectSource, Payload, Policy, Selection, SourceError, State, step,
};

use crate::verdict::{Run, case_of, row};
use crate::world::Repository;

struct Objects<'a> {
    anchor: &'a Bytes,
    files: BTreeMap<&'a ObjectUri, ObjectHash>,
    bytes: BTreeMap<ObjectHash, &'a Bytes>,
}

impl ObjectSource for Objects<'_> {
    fn trust_anchor(&self, _: &str) -> Result<Option<Bytes>, SourceError> {
        Ok(Some(self.anchor.clone()))
    }

    fn select(&self, ca: &CaLocation) -> Result<Selection, SourceError> {
        Ok(Selection::Ready(RepositoryId::Rsync(ca.directory.module())))
    }

    fn lookup(&self, _: &RepositoryId, uri: &ObjectUri) -> Result<Option<ObjectHash>, SourceError> {
        Ok(self.files.get(uri).copied())
    }

    fn bytes(&self, hash: &ObjectHash) -> Result<Option<Bytes>, SourceError> {
        Ok(self.bytes.get(hash).map(|bytes| (*bytes).clone()))
    }
}

/// Judges a repository with the default policy.
pub(crate) fn run(repository: &Repository, now: provost::model::Timestamp) -> Run {
    let files: BTreeMap<_, _> =
        repository.files.iter().map(|(uri, bytes)| (uri, ObjectHash::of(bytes))).collect();
    let bytes = repository.files.values().map(|bytes| (ObjectHash::of(bytes), bytes)).collect();
    let source = Objects { anchor: &repository.anchor, files, bytes };
    let tals = [repository.tal()];
    let (_, found) = step(&tals, &source, &State::default(), &Policy::default(), now);
    let mut run = Run::default();
    for point in &found.points {
        for object in &point.objects {
            if let Payload::Roa(vrps) = &object.payload {
                run.rows.extend(vrps.iter().map(row));
            }
        }
        for finding in &point.findings {
            let object = finding.object.rsplit('/').next().unwrap_or_default();
            let said = format!("{object}: {}: {}", finding.reason.code(), finding.detail);
            run.said.entry(case_of(&finding.object)).or_default().push(said);
        }
    }
    run
}
