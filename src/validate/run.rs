//! Walks the tree of CAs, level by level, with all cores.

use std::collections::{BTreeMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use rayon::prelude::*;

use super::assemble::Surroundings;
use super::context::CaContext;
use super::finding::Rejection;
use super::key;
use super::last_good::is_worth_keeping;
use super::memo::{Earlier, Judged, Kept, PointMemo, Recall};
use super::moment::Moment;
use super::next_key::watch_keys;
use super::plan::{Changes, Plan};
use super::point::{JudgedPoint, PointInput, give_up, judge_after_panic, judge_point};
use super::settle::settle;
use super::trust_anchor::judge_trust_anchor;
use super::witness::Witness;
use super::{
    LastGood, ObjectSource, PointOutcome, Policy, Reason, State, TrustAnchorOutcome,
    TrustAnchorStatus, Validation,
};
use crate::model::{ObjectHash, PointId, TimeWindow, Timestamp};
use crate::object::Tal;

/// What is judged: by which trust anchors, out of which objects, by which policy, when.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    /// The trust anchors.
    pub tals: &'a [Tal],
    /// The objects.
    pub source: &'a dyn ObjectSource,
    /// The operator's choices.
    pub policy: &'a Policy,
    /// The time.
    pub now: Timestamp,
}

/// What a run gives.
#[derive(Debug)]
pub struct Advance {
    /// The state for the next run.
    pub state: State,
    /// What was found.
    pub validation: Validation,
    /// What the next run need not judge again.
    pub kept: Kept,
}

/// Judges everything below the trust anchors at the time `now`.
///
/// Returns the state for the next step, and what was found: a function of its arguments alone. Each
/// level of the tree is one parallel pass, and the next is sorted before it is cut at the policy's
/// limit, so that neither threads nor publishers choose who is left out.
pub fn step(
    tals: &[Tal],
    source: &dyn ObjectSource,
    state: &State,
    policy: &Policy,
    now: Timestamp,
) -> (State, Validation) {
    let step = advance(Inputs { tals, source, policy, now }, state, None, &|_| false);
    (step.state, step.validation)
}

/// Judges as [`step`] does, but only what may come out otherwise than an earlier run remembers.
///
/// What is new to be remembered of a point goes to `keep` as soon as the point is judged, from many
/// threads; it tells whether it keeps it. State and validation are the same without what is
/// remembered.
pub fn advance(
    inputs: Inputs<'_>,
    state: &State,
    earlier: Option<Earlier<'_>>,
    keep: &(dyn Fn(&PointMemo) -> bool + Sync),
) -> Advance {
    let Inputs { tals, source, policy, now } = inputs;
    let names: Vec<Arc<str>> = tals.iter().map(|tal| tal.name.as_str().into()).collect();
    let walk = Walk::new(inputs, state, earlier, &names, keep);
    let mut moment = Moment::new(now);
    let mut trust_anchors = Vec::with_capacity(tals.len());
    let mut level = Vec::new();
    for (index, tal) in tals.iter().enumerate() {
        let (outcome, ca) = judge_locator(tal, index, source, &mut moment);
        trust_anchors.push(outcome);
        level.extend(ca.map(Arc::new));
    }
    let mut points: Vec<Vec<_>> = tals.iter().map(|_| Vec::new()).collect();
    let mut remembered = BTreeMap::new();
    let mut remembering = HashSet::new();
    while !level.is_empty() {
        // Each CA is dropped when it was judged, with its key: a level may have 40,000.
        let cas = std::mem::take(&mut level).into_par_iter();
        let taken: Vec<Taken> = cas.filter_map(|ca| walk.take(&ca)).collect();
        for point in taken {
            moment.join(point.window);
            remembered.extend(point.last_good.map(|last| (point.outcome.id, last)));
            remembering.extend(point.is_remembered.then_some(point.outcome.id));
            level.extend(point.children);
            if let Some(list) = points.get_mut(point.outcome.trust_anchor) {
                list.push(point.outcome);
            }
        }
        level.sort_by_key(|ca| (ca.trust_anchor, ca.id));
        for (index, list) in points.iter().enumerate() {
            let left = policy.max_points_per_trust_anchor.saturating_sub(list.len());
            let cut = cut_level(&mut level, index, left);
            if let (true, Some(outcome)) = (cut > 0, trust_anchors.get_mut(index)) {
                let limit = policy.max_points_per_trust_anchor;
                let detail = format!("{cut} CAs beyond the limit of {limit} are not followed");
                let rejection = Rejection::new(Reason::CaTooMany, detail);
                outcome.findings.push(rejection.into_finding(&outcome.name, None));
            }
        }
    }
    keep_unreached(&mut remembered, state, policy, now);
    let mut points: Vec<_> = points.into_iter().flatten().collect();
    settle(&mut trust_anchors, &mut points, policy);
    let next_keys = watch_keys(&trust_anchors, &mut points, &state.next_keys, now, &mut moment);
    let validation = Validation { time: now, trust_anchors, points, horizon: moment.window() };
    let basis = key::basis(policy);
    let kept = Kept { basis, generation: source.generation(), points: remembering };
    Advance { state: State { points: remembered, next_keys }, validation, kept }
}

/// A walk over the tree, beside what an earlier run remembers of it.
struct Walk<'a> {
    inputs: Inputs<'a>,
    state: &'a State,
    names: &'a [Arc<str>],
    plan: Plan<'a>,
    earlier: Option<Earlier<'a>>,
    keep: &'a (dyn Fn(&PointMemo) -> bool + Sync),
}

/// A point that is done: judged, or found to stand as it is remembered.
struct Taken {
    outcome: Arc<PointOutcome>,
    children: Vec<Arc<CaContext>>,
    last_good: Option<Arc<LastGood>>,
    window: TimeWindow,
    is_remembered: bool,
}

/// A point that was judged, and what is to be remembered of it.
pub(super) struct Remembering {
    pub(super) outcome: Arc<PointOutcome>,
    pub(super) children: Vec<Arc<CaContext>>,
    pub(super) last_good: Option<Arc<LastGood>>,
    pub(super) window: TimeWindow,
    pub(super) memo: Option<Arc<PointMemo>>,
}

impl<'a> Walk<'a> {
    fn new(
        inputs: Inputs<'a>,
        state: &'a State,
        earlier: Option<Earlier<'a>>,
        names: &'a [Arc<str>],
        keep: &'a (dyn Fn(&PointMemo) -> bool + Sync),
    ) -> Self {
        let Inputs { source, now, .. } = inputs;
        let earlier = earlier.filter(|earlier| earlier.basis == key::basis(inputs.policy));
        let generation = earlier.and_then(|earlier| earlier.generation);
        let changes = generation.map(|generation| source.changes_since(generation));
        // What cannot be read may have changed.
        let changes = changes.and_then(Result::ok).unwrap_or(Changes::Everything);
        Walk { inputs, state, names, plan: Plan { source, changes, now }, earlier, keep }
    }

    fn take(&self, ca: &Arc<CaContext>) -> Option<Taken> {
        let memo = self.earlier.and_then(|earlier| (earlier.memo)(&ca.id));
        let last = self.state.points.get(&ca.id);
        if let Some(memo) = &memo
            && self.plan.is_clean(memo, ca, last.map(Arc::as_ref))
        {
            return Some(Taken {
                outcome: memo.outcome.clone(),
                children: memo.children(ca),
                last_good: last.cloned(),
                window: memo.window,
                is_remembered: true,
            });
        }
        let now = self.inputs.now;
        let recall = memo.as_ref().and_then(|memo| Recall::new(memo, ca, now));
        let source = Witness::new(self.inputs.source);
        let trust_anchor_name = self.names.get(ca.trust_anchor)?;
        let around = Surroundings {
            source: &source,
            policy: self.inputs.policy,
            trust_anchor_name,
            recall: recall.as_ref(),
        };
        let judged = judge_safely(PointInput { ca, last, around }, now);
        let Remembering { outcome, children, last_good, window, memo } =
            remember(judged, ca, &source);
        let is_remembered = memo.is_some_and(|memo| (self.keep)(&memo));
        Some(Taken { outcome, children, last_good, window, is_remembered })
    }
}

/// Makes the memo of a judged point, if its outcome is that of pure functions alone.
pub(super) fn remember(
    judged: JudgedPoint,
    ca: &Arc<CaContext>,
    source: &Witness<'_>,
) -> Remembering {
    let JudgedPoint { outcome, children, last_good, files, is_settled, window } = judged;
    let outcome = Arc::new(outcome);
    let selection = source.testimony();
    let is_pure = outcome.findings.iter().all(|finding| finding.reason != Reason::InternalError);
    let memo = selection.filter(|_| is_pure).map(|selection| {
        Arc::new(PointMemo::new(Judged {
            outcome: outcome.clone(),
            ca,
            children: &children,
            last: last_good.as_deref(),
            files,
            window,
            selection,
            is_settled,
        }))
    });
    Remembering { outcome, children, last_good, window, memo }
}

/// Leaves at most `left` CAs of one trust anchor in a sorted level; returns how many were cut.
fn cut_level(level: &mut Vec<Arc<CaContext>>, trust_anchor: usize, left: usize) -> usize {
    let start = level.partition_point(|ca| ca.trust_anchor < trust_anchor);
    let end = level.partition_point(|ca| ca.trust_anchor <= trust_anchor);
    let keep = start.saturating_add(left).min(end);
    level.drain(keep..end).count()
}

/// Keeps what is known of points that this run did not reach, as long as it may be of use: their
/// issuer may have failed for this once.
fn keep_unreached(
    remembered: &mut BTreeMap<PointId, Arc<LastGood>>,
    state: &State,
    policy: &Policy,
    now: Timestamp,
) {
    let unreached: Vec<_> = state
        .points
        .iter()
        .filter(|(id, last)| !remembered.contains_key(id) && is_worth_keeping(last, now))
        .take(policy.max_points_per_trust_anchor)
        .map(|(id, last)| (*id, last.clone()))
        .collect();
    remembered.extend(unreached);
}

/// Judges one trust anchor's certificate.
pub(super) fn judge_locator(
    tal: &Tal,
    index: usize,
    source: &dyn ObjectSource,
    moment: &mut Moment,
) -> (TrustAnchorOutcome, Option<CaContext>) {
    let uri = tal.uris.first().map(|uri| uri.as_str()).unwrap_or(&tal.name);
    let outcome = |status, finding: Option<_>| TrustAnchorOutcome {
        name: tal.name.clone(),
        status,
        findings: finding.into_iter().collect(),
    };
    let bytes = match source.trust_anchor(&tal.name) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => {
            let detail = "no certificate was ever fetched";
            let finding = Rejection::new(Reason::TrustAnchorMissing, detail);
            let finding = Some(finding.into_finding(uri, None));
            return (outcome(TrustAnchorStatus::Missing, finding), None);
        }
        Err(error) => {
            let finding = Rejection::new(Reason::CacheUnreadable, error.to_string());
            let finding = Some(finding.into_finding(uri, None));
            return (outcome(TrustAnchorStatus::Unreadable, finding), None);
        }
    };
    match judge_trust_anchor(tal, index, &bytes, moment) {
        Ok((ca, warnings)) => {
            let hash = Some(ObjectHash::of(&bytes));
            let mut outcome = outcome(TrustAnchorStatus::Valid, None);
            let findings = warnings.into_iter().map(|warning| warning.into_finding(uri, hash));
            outcome.findings.extend(findings);
            (outcome, Some(ca))
        }
        Err(rejection) => {
            let finding = Some(rejection.into_finding(uri, Some(ObjectHash::of(&bytes))));
            (outcome(TrustAnchorStatus::Rejected, finding), None)
        }
    }
}

/// Judges a point so that a bug costs only this point.
pub(super) fn judge_safely(input: PointInput<'_>, now: Timestamp) -> JudgedPoint {
    catch_unwind(AssertUnwindSafe(|| judge_point(input, now)))
        .or_else(|_| catch_unwind(AssertUnwindSafe(|| judge_after_panic(input, now))))
        .unwrap_or_else(|_| give_up(input, now))
}
