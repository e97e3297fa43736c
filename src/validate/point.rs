//! Which state of a publication point is in use: what was fetched, an earlier one, or none.

use std::sync::Arc;

use bytes::Bytes;

use super::assemble::{Failure, Files, PointData, Surroundings, assemble};
use super::context::CaContext;
use super::finding::Rejection;
use super::last_good::{Succession, reset, succession};
use super::manifest::{JudgedManifest, judge_manifest};
use super::memo::FileMemos;
use super::moment::Moment;
use super::object::Subject;
use super::{
    Finding, LastGood, Located, PointOutcome, PointStatus, Reason, Selection, SourceError, Wanted,
};
use crate::model::{ObjectHash, RepositoryId, TimeWindow, Timestamp};

/// A judged point: its outcome, and what goes on from it.
pub(crate) struct JudgedPoint {
    pub(crate) outcome: PointOutcome,
    /// The CAs to follow, in `PointId` order.
    pub(crate) children: Vec<Arc<CaContext>>,
    /// The last good state from now on.
    pub(crate) last_good: Option<Arc<LastGood>>,
    /// The verdicts on its files.
    pub(crate) files: FileMemos,
    /// Whether the same again, from this last good state on, would give the same.
    pub(crate) is_settled: bool,
    /// How long the outcome stands.
    pub(crate) window: TimeWindow,
}

/// A point to be judged.
#[derive(Clone, Copy)]
pub(crate) struct PointInput<'a> {
    pub(crate) ca: &'a Arc<CaContext>,
    /// The last state of it that passed.
    pub(crate) last: Option<&'a Arc<LastGood>>,
    pub(crate) around: Surroundings<'a>,
}

/// What was fetched last, if it cannot be used as it is.
enum Obstacle {
    Failure(Failure),
    /// It is older by its number, but not by its date.
    Regressed(Box<JudgedManifest>, Rejection),
    /// Nothing was fetched yet.
    Pending,
}

impl From<Failure> for Obstacle {
    fn from(failure: Failure) -> Self {
        Obstacle::Failure(failure)
    }
}

/// Judges a publication point.
///
/// Source: RFC 9286, section 6.6.
pub(crate) fn judge_point(input: PointInput<'_>, now: Timestamp) -> JudgedPoint {
    let PointInput { ca, around, .. } = input;
    let mut moment = Moment::new(now);
    let selection = around.source.select(&ca.location);
    let repository = match &selection {
        Ok(Selection::Ready(repository)) => Some(repository.clone()),
        _ => None,
    };
    let current = match &selection {
        Ok(Selection::Ready(repository)) => judge_fetched(input, repository, &mut moment),
        Ok(Selection::Pending) => Err(Obstacle::Pending),
        Ok(Selection::Unavailable) => {
            let rejection = Rejection::new(
                Reason::RepositoryUnavailable,
                format!("no repository of {} was ever fetched", ca.location.directory),
            );
            Err(Failure::Rejected(vec![about(ca, None, rejection)]).into())
        }
        Err(error) => Err(Failure::Unreadable(error.clone()).into()),
    };
    let verdict = match current {
        Ok(data) => Verdict { status: PointStatus::Current, data: Some(data), findings: vec![] },
        Err(obstacle) => fall_back(input, obstacle, repository.as_ref(), &mut moment),
    };
    finish(input, repository, verdict, moment.window())
}

/// Judges a point whose judgement ended in a panic: only an earlier state can be in use.
pub(crate) fn judge_after_panic(input: PointInput<'_>, now: Timestamp) -> JudgedPoint {
    let rejection = Rejection::new(Reason::InternalError, "the program failed on this point");
    let failure = Failure::Rejected(vec![about(input.ca, None, rejection)]);
    let mut moment = Moment::new(now);
    let verdict = fall_back(input, failure.into(), None, &mut moment);
    // A bug is no property of the input: the result stands only now.
    finish(input, None, verdict, TimeWindow::new(now, now))
}

/// Gives a point nothing at all, after a second panic.
pub(crate) fn give_up(input: PointInput<'_>, now: Timestamp) -> JudgedPoint {
    let rejection = Rejection::new(Reason::InternalError, "the program failed twice on this point");
    let findings = vec![about(input.ca, None, rejection)];
    let verdict = Verdict { status: PointStatus::Failed, data: None, findings };
    finish(input, None, verdict, TimeWindow::new(now, now))
}

struct Verdict {
    status: PointStatus,
    data: Option<PointData>,
    /// About the point as a whole.
    findings: Vec<Finding>,
}

fn about(ca: &CaContext, hash: Option<ObjectHash>, rejection: Rejection) -> Finding {
    rejection.into_finding(ca.location.manifest.as_str(), hash)
}

fn unreadable(ca: &CaContext, error: &SourceError) -> Finding {
    about(ca, None, Rejection::new(Reason::CacheUnreadable, error.to_string()))
}

/// Judges what was fetched last.
fn judge_fetched(
    input: PointInput<'_>,
    repository: &RepositoryId,
    moment: &mut Moment,
) -> Result<PointData, Obstacle> {
    let PointInput { ca, last, around } = input;
    let uri = &ca.location.manifest;
    let found = around.source.lookup_sorted(repository, &[uri], Wanted::Bytes);
    let found = found.map_err(Failure::from)?.pop().flatten();
    let Some(Located { hash, bytes }) = found else {
        let detail = format!("not in {repository}");
        let rejection = Rejection::new(Reason::ManifestMissing, detail);
        return Err(Failure::Rejected(vec![about(ca, None, rejection)]).into());
    };
    let manifest = read_manifest(ca, hash, bytes, around, moment)?.ok_or_else(|| {
        Failure::Unreadable(SourceError(format!("the bytes of {uri} are missing")))
    })?;
    let warning = match succession(last.map(Arc::as_ref), &manifest.reference, uri) {
        Succession::Accepted(warning) => warning,
        Succession::Replayed { rejection, is_newer: true } => {
            return Err(Obstacle::Regressed(Box::new(manifest), rejection));
        }
        Succession::Replayed { rejection, is_newer: false } => {
            return Err(Failure::Rejected(vec![about(ca, Some(hash), rejection)]).into());
        }
    };
    let mut data = assemble(ca, &manifest, Files::Fetched(repository), around, moment)?;
    data.findings.extend(warning.map(|warning| about(ca, Some(hash), warning)));
    Ok(data)
}

/// Reads and judges the manifest with this hash; `None` if its bytes are not there.
///
/// `read` are its bytes, if they came along when it was looked up.
fn read_manifest(
    ca: &Arc<CaContext>,
    hash: ObjectHash,
    read: Option<Bytes>,
    around: Surroundings<'_>,
    moment: &mut Moment,
) -> Result<Option<JudgedManifest>, Failure> {
    let bytes = match read {
        Some(bytes) => Some(bytes),
        None => around.source.bytes(&hash)?,
    };
    let Some(bytes) = bytes else { return Ok(None) };
    let subject = Subject { ca, uri: &ca.location.manifest, hash, bytes: &bytes };
    judge_manifest(subject, moment)
        .map(Some)
        .map_err(|rejection| Failure::Rejected(vec![about(ca, Some(hash), rejection)]))
}

/// Judges the last state that passed; the CA's certificate and the time may have changed since.
fn judge_earlier(
    ca: &Arc<CaContext>,
    last: &LastGood,
    around: Surroundings<'_>,
    moment: &mut Moment,
) -> Result<PointData, Failure> {
    match read_manifest(ca, last.manifest.hash, None, around, moment)? {
        Some(manifest) => assemble(ca, &manifest, Files::Earlier, around, moment),
        None => Err(Failure::Rejected(Vec::new())),
    }
}

/// Says what an obstacle is to the user, and the status with and without an earlier state.
fn describe(ca: &CaContext, obstacle: &Obstacle) -> (Vec<Finding>, PointStatus, PointStatus) {
    match obstacle {
        Obstacle::Failure(Failure::Rejected(findings)) => {
            (findings.clone(), PointStatus::LastGood, PointStatus::Failed)
        }
        Obstacle::Failure(Failure::Unreadable(error)) => {
            (vec![unreadable(ca, error)], PointStatus::LastGood, PointStatus::Unreadable)
        }
        Obstacle::Regressed(manifest, rejection) => {
            let finding = about(ca, Some(manifest.reference.hash), rejection.clone());
            (vec![finding], PointStatus::LastGood, PointStatus::Failed)
        }
        Obstacle::Pending => {
            let detail = format!("{} was not fetched yet", ca.location.directory);
            let rejection = Rejection::new(Reason::RepositoryPending, detail);
            (vec![about(ca, None, rejection)], PointStatus::Pending, PointStatus::Pending)
        }
    }
}

/// Chooses what is in use when what was fetched last is not.
fn fall_back(
    input: PointInput<'_>,
    obstacle: Obstacle,
    repository: Option<&RepositoryId>,
    moment: &mut Moment,
) -> Verdict {
    let PointInput { ca, last, around } = input;
    let earlier = last.map(|last| judge_earlier(ca, last, around, moment));
    let (mut findings, status, status_without) = describe(ca, &obstacle);
    match earlier {
        Some(Ok(data)) => return Verdict { status, data: Some(data), findings },
        Some(Err(Failure::Unreadable(error))) => {
            findings.push(unreadable(ca, &error));
            return Verdict { status: PointStatus::Unreadable, data: None, findings };
        }
        Some(Err(Failure::Rejected(more))) => {
            findings.extend(more);
            findings.dedup();
        }
        None => {}
    }
    if let (Obstacle::Regressed(manifest, _), Some(last), Some(repository)) =
        (obstacle, last, repository)
    {
        // The state before has run out, and this one was made after it: no old bytes.
        let warning = reset(&last.manifest, &manifest.reference);
        let hash = Some(manifest.reference.hash);
        match assemble(ca, &manifest, Files::Fetched(repository), around, moment) {
            Ok(data) => {
                let findings = vec![about(ca, hash, warning)];
                return Verdict { status: PointStatus::Current, data: Some(data), findings };
            }
            Err(Failure::Rejected(more)) => findings.extend(more),
            Err(Failure::Unreadable(error)) => {
                findings.push(unreadable(ca, &error));
                return Verdict { status: PointStatus::Unreadable, data: None, findings };
            }
        }
    }
    Verdict { status: status_without, data: None, findings }
}

fn finish(
    input: PointInput<'_>,
    repository: Option<RepositoryId>,
    verdict: Verdict,
    window: TimeWindow,
) -> JudgedPoint {
    let PointInput { ca, last, .. } = input;
    let Verdict { status, data, mut findings } = verdict;
    let mut outcome = PointOutcome {
        id: ca.id,
        parent: ca.issuer.as_ref().map(|issuer| issuer.id),
        trust_anchor: ca.trust_anchor,
        certificate_uri: ca.certificate_uri.clone(),
        certificate_hash: ca.certificate_hash,
        ski: ca.ski,
        location: ca.location.clone(),
        repository,
        resources: ca.resources.clone(),
        status,
        manifest: None,
        validity: ca.validity,
        objects: Vec::new(),
        counts: Default::default(),
        next_key: None,
        findings: Vec::new(),
    };
    let mut children = Vec::new();
    let mut last_good = None;
    let mut files = FileMemos::default();
    if let Some(data) = data {
        outcome.manifest = Some(data.manifest);
        outcome.validity = ca.validity.intersect(data.validity);
        outcome.objects = data.objects;
        outcome.counts = data.counts;
        outcome.next_key = data.next_key;
        findings.extend(data.findings);
        children = data.children;
        files = data.files;
        if status == PointStatus::Current {
            last_good = Some(data.last_good);
        }
    }
    // What did not pass leaves the state as it was, also after a replay.
    let last_good = match (last_good, last) {
        (Some(new), Some(last)) if new == **last => Some(last.clone()),
        (Some(new), _) => Some(Arc::new(new)),
        (None, last) => last.cloned(),
    };
    // A new last good state gives the same only if nothing was said about what it came after.
    let is_settled = last_good.as_ref() == last
        || !findings.iter().any(|finding| is_about_succession(finding.reason));
    // Stable: what costs the same stays in the order of the manifest.
    findings.sort_by_key(|finding| finding.reason.effect());
    outcome.findings = findings;
    JudgedPoint { outcome, children, last_good, files, is_settled, window }
}

/// Tells whether a finding compares with the last good state, so that it holds only once.
fn is_about_succession(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::ManifestNumberReused
            | Reason::ManifestNumberGap
            | Reason::ManifestNumberReset
            | Reason::ManifestReplay
    )
}
