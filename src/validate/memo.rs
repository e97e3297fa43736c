//! What one run remembers for the next: the outcome of each point, and the verdicts on its files.
//!
//! Only what pure functions gave is remembered, with the window of time in which they give the
//! same. A memory is worth only time: without it, a run ends in the same result.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::context::{CaContext, CaFacts};
use super::file::{FileVerdict, ValidFile};
use super::finding::Rejection;
use super::next_key::AnnouncedKey;
use super::{LastGood, ObjectKind, PayloadObject, PointOutcome, Selection};
use crate::model::{ObjectHash, ObjectUri, PointId, TimeWindow, Timestamp};
use crate::object::Serial;

/// What an earlier run left, for a walk over everything.
#[derive(Clone, Copy)]
pub struct Earlier<'a> {
    /// The rules and the policy that everything in it was judged by.
    pub basis: ObjectHash,
    /// The state of the source in which its outcomes stand; without one they are judged again, out
    /// of the verdicts that are there.
    pub generation: Option<i64>,
    /// Returns what is remembered of a point.
    pub memo: &'a (dyn Fn(&PointId) -> Option<Arc<PointMemo>> + Sync),
}

/// What a walk over everything leaves for the next run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Kept {
    /// The rules and the policy that everything was judged by.
    pub basis: ObjectHash,
    /// The state of the source in which the outcomes stand.
    pub generation: Option<i64>,
    /// The points that something is remembered of.
    pub points: HashSet<PointId>,
}

/// What is remembered of one point.
#[derive(Debug, Serialize, Deserialize)]
pub struct PointMemo {
    pub(crate) outcome: Arc<PointOutcome>,
    /// The CA, as it was when the point was judged.
    pub(crate) facts: Arc<CaFacts>,
    /// How long the outcome stands.
    pub(crate) window: TimeWindow,
    /// Where the objects were read from.
    pub(crate) selection: Selection,
    /// The last good state after the judgement.
    pub(crate) last: Option<(ObjectHash, ObjectUri)>,
    /// Whether the judgement left the last good state in such a way that the next gives the same.
    ///
    /// A warning about a gap between two manifests is true only once.
    pub(crate) is_settled: bool,
    /// The CRL that the certificates of the files had to name.
    pub(crate) crl_uri: Option<ObjectUri>,
    /// The verdicts on its files, in the order of the manifest.
    pub(crate) files: Vec<FileMemo>,
    /// Which of them are the objects of the outcome, and which the CAs below it, both in order.
    objects: Vec<u32>,
    children: Vec<u32>,
}

/// A verdict on a file, less revocation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct FileMemo {
    pub(crate) window: TimeWindow,
    pub(crate) verdict: Remembered,
}

/// A verdict that can be kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Remembered {
    Rejected { uri: ObjectUri, hash: ObjectHash, rejection: Rejection },
    Payload { object: Arc<PayloadObject>, about: About },
    Ca { id: PointId, facts: Arc<CaFacts>, about: About },
    Tak { uri: ObjectUri, hash: ObjectHash, next_key: Option<AnnouncedKey>, about: About },
}

/// What is kept of every file that passed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct About {
    kind: ObjectKind,
    serial: Serial,
    warnings: Vec<Rejection>,
}

/// The verdicts on the files of a point, as a judgement leaves them.
#[derive(Debug, Default)]
pub(crate) struct FileMemos {
    pub(crate) crl_uri: Option<ObjectUri>,
    pub(crate) files: Vec<FileMemo>,
}

impl FileMemo {
    /// Makes a memo of a verdict on the file at `uri`.
    pub(crate) fn new(
        uri: &ObjectUri,
        hash: ObjectHash,
        verdict: &Result<FileVerdict, Rejection>,
        window: TimeWindow,
    ) -> Self {
        let verdict = match verdict {
            Err(rejection) => {
                Remembered::Rejected { uri: uri.clone(), hash, rejection: rejection.clone() }
            }
            Ok(FileVerdict { kind, serial, valid, warnings }) => {
                let about = About { kind: *kind, serial: *serial, warnings: warnings.clone() };
                match valid {
                    ValidFile::Payload(object) => {
                        Remembered::Payload { object: object.clone(), about }
                    }
                    ValidFile::Ca(ca) => {
                        Remembered::Ca { id: ca.id, facts: ca.facts.clone(), about }
                    }
                    ValidFile::Tak(next_key) => {
                        let next_key = next_key.clone();
                        Remembered::Tak { uri: uri.clone(), hash, next_key, about }
                    }
                }
            }
        };
        FileMemo { window, verdict }
    }

    /// Returns the file that the verdict is on.
    fn file(&self) -> (&str, ObjectHash) {
        match &self.verdict {
            Remembered::Rejected { uri, hash, .. } | Remembered::Tak { uri, hash, .. } => {
                (uri.as_str(), *hash)
            }
            Remembered::Payload { object, .. } => (object.uri.as_str(), object.hash),
            Remembered::Ca { facts, .. } => (&facts.certificate_uri, facts.certificate_hash),
        }
    }

    /// Gives the verdict again.
    fn verdict(&self, ca: &Arc<CaContext>) -> Result<FileVerdict, Rejection> {
        let (valid, about) = match &self.verdict {
            Remembered::Rejected { rejection, .. } => return Err(rejection.clone()),
            Remembered::Payload { object, about } => (ValidFile::Payload(object.clone()), about),
            Remembered::Ca { id, facts, about } => {
                let ca = CaContext::remembered(*id, facts.clone(), ca);
                (ValidFile::Ca(Arc::new(ca)), about)
            }
            Remembered::Tak { next_key, about, .. } => (ValidFile::Tak(next_key.clone()), about),
        };
        let warnings = about.warnings.clone();
        Ok(FileVerdict { kind: about.kind, serial: about.serial, valid, warnings })
    }
}

impl PointMemo {
    /// Makes the memo of a judged point.
    pub(crate) fn new(judged: Judged<'_>) -> PointMemo {
        let Judged { outcome, ca, children, last, files, window, selection, is_settled } = judged;
        let FileMemos { crl_uri, files } = files;
        let by_file: HashMap<_, u32> = files.iter().map(FileMemo::file).zip(0..).collect();
        let position = |uri, hash| by_file.get(&(uri, hash)).copied();
        let objects = outcome.objects.iter();
        let objects: Vec<u32> =
            objects.filter_map(|object| position(object.uri.as_str(), object.hash)).collect();
        let children: Vec<u32> = children
            .iter()
            .filter_map(|ca| position(ca.certificate_uri.as_str(), ca.certificate_hash))
            .collect();
        PointMemo {
            facts: ca.facts.clone(),
            window,
            selection,
            last: last.map(PointMemo::mark),
            is_settled,
            crl_uri,
            objects,
            children,
            outcome,
            files,
        }
    }

    /// Returns the point.
    pub fn id(&self) -> PointId {
        self.outcome.id
    }

    /// Returns what became of it.
    pub fn outcome(&self) -> &Arc<PointOutcome> {
        &self.outcome
    }

    /// Returns how long its outcome stands.
    pub fn window(&self) -> TimeWindow {
        self.window
    }

    /// Tells whether judging it once more, with nothing changed, gives the same.
    pub fn is_settled(&self) -> bool {
        self.is_settled
    }

    /// Returns what tells one last good state of a point from another.
    pub(crate) fn mark(last: &LastGood) -> (ObjectHash, ObjectUri) {
        (last.manifest.hash, last.manifest_uri.clone())
    }

    /// Returns the CAs below the point, in their order.
    pub(crate) fn children(&self, ca: &Arc<CaContext>) -> Vec<Arc<CaContext>> {
        let children = self.children.iter().filter_map(|position| self.file(*position));
        children
            .filter_map(|file| match &file.verdict {
                Remembered::Ca { id, facts, .. } => {
                    Some(Arc::new(CaContext::remembered(*id, facts.clone(), ca)))
                }
                _ => None,
            })
            .collect()
    }

    fn file(&self, position: u32) -> Option<&FileMemo> {
        self.files.get(usize::try_from(position).ok()?)
    }

    /// Encodes the memo for the cache.
    ///
    /// # Errors
    ///
    /// Fails only where postcard does, which no memo is known to make it do.
    pub fn encode(&self) -> Result<Vec<u8>, postcard::Error> {
        postcard::to_stdvec(self)
    }

    /// Decodes a memo; `None` if it does not fit together.
    pub fn decode(bytes: &[u8]) -> Option<PointMemo> {
        let (mut memo, rest) = postcard::take_from_bytes::<PointMemo>(bytes).ok()?;
        let objects: Option<Vec<_>> = memo
            .objects
            .iter()
            .map(|position| match &memo.file(*position)?.verdict {
                Remembered::Payload { object, .. } => Some(object.clone()),
                _ => None,
            })
            .collect();
        Arc::get_mut(&mut memo.outcome)?.objects = objects?;
        rest.is_empty().then_some(memo)
    }
}

/// A judged point, as far as it is remembered.
pub(crate) struct Judged<'a> {
    pub(crate) outcome: Arc<PointOutcome>,
    pub(crate) ca: &'a CaContext,
    pub(crate) children: &'a [Arc<CaContext>],
    pub(crate) last: Option<&'a LastGood>,
    pub(crate) files: FileMemos,
    pub(crate) window: TimeWindow,
    pub(crate) selection: Selection,
    pub(crate) is_settled: bool,
}

/// The verdicts that are remembered on the files of one point, ready to be asked.
pub(crate) struct Recall<'a> {
    memo: &'a PointMemo,
    files: HashMap<(&'a str, ObjectHash), &'a FileMemo>,
    now: Timestamp,
}

impl<'a> Recall<'a> {
    /// Prepares what is remembered of a point; `None` if `ca` judges by other facts now.
    pub(crate) fn new(memo: &'a PointMemo, ca: &CaContext, now: Timestamp) -> Option<Self> {
        if !memo.facts.judges_like(&ca.facts) {
            return None;
        }
        let files = memo.files.iter().map(|file| (file.file(), file)).collect();
        Some(Recall { memo, files, now })
    }

    /// Returns the verdict on a file, and how long it stands, if it is known and holds now.
    pub(crate) fn verdict(
        &self,
        ca: &Arc<CaContext>,
        uri: &ObjectUri,
        hash: ObjectHash,
        crl_uri: &ObjectUri,
    ) -> Option<(Result<FileVerdict, Rejection>, TimeWindow)> {
        if self.memo.crl_uri.as_ref() != Some(crl_uri) {
            return None;
        }
        let file = self.files.get(&(uri.as_str(), hash))?;
        file.window.contains(self.now).then(|| (file.verdict(ca), file.window))
    }
}
