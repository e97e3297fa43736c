//! Judges again only the points that may come out otherwise, and reads no more than that takes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rayon::prelude::*;

use super::assemble::Surroundings;
use super::context::CaContext;
use super::memo::{PointMemo, Recall};
use super::moment::Moment;
use super::next_key::announces_none;
use super::plan::{Changes, Plan};
use super::point::PointInput;
use super::run::{Inputs, judge_locator, judge_safely, remember};
use super::witness::Witness;
use super::{
    LastGood, Payload, PointOutcome, PointStatus, Policy, SourceError, TrustAnchorOutcome,
    TrustAnchorStatus, UnsafeVrps,
};
use crate::model::{PointId, TimeWindow};

/// What an earlier run left, to be asked for one point at a time.
pub trait Recollection: Sync {
    /// Returns what is remembered of a point.
    fn memo(&self, id: &PointId) -> Result<Option<Arc<PointMemo>>, SourceError>;

    /// Returns the last good state of a point.
    fn last_good(&self, id: &PointId) -> Result<Option<Arc<LastGood>>, SourceError>;
}

/// What differs from an earlier run.
#[derive(Debug)]
pub struct Revision {
    /// One for each TAL.
    pub trust_anchors: Vec<TrustAnchorOutcome>,
    /// The window in which the trust anchors' certificates are judged alike.
    pub trust_anchor_window: TimeWindow,
    /// The points that were judged again, parents before children.
    pub judged: Vec<Rejudged>,
}

/// A point that was judged again.
#[derive(Debug)]
pub struct Rejudged {
    /// What became of it.
    pub outcome: Arc<PointOutcome>,
    /// What is remembered of it from now on.
    pub memo: Arc<PointMemo>,
    /// What was remembered of it.
    pub known: Option<Arc<PointMemo>>,
    /// Its last good state, before and after.
    pub last_good: (Option<Arc<LastGood>>, Option<Arc<LastGood>>),
}

/// What all points of one trust anchor have together.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Sums {
    /// CAs.
    pub points: usize,
    /// VRPs, one for each ROA that gives it.
    pub vrps: usize,
}

impl Sums {
    /// Adds what one point has.
    pub fn add(&mut self, outcome: &PointOutcome) {
        self.points = self.points.saturating_add(1);
        self.vrps = self.vrps.saturating_add(vrps(outcome));
    }

    /// Takes away what one point had.
    pub fn subtract(&mut self, outcome: &PointOutcome) {
        self.points = self.points.saturating_sub(1);
        self.vrps = self.vrps.saturating_sub(vrps(outcome));
    }

    /// Tells whether nothing is left out because of a limit.
    pub fn fit(&self, policy: &Policy) -> bool {
        self.points < policy.max_points_per_trust_anchor
            && self.vrps <= policy.max_vrps_per_trust_anchor
    }
}

fn vrps(outcome: &PointOutcome) -> usize {
    let vrps = outcome.objects.iter().map(|object| match &object.payload {
        Payload::Roa(vrps) => vrps.len(),
        _ => 0,
    });
    vrps.sum()
}

/// Returns how many providers the ASPAs of a point name.
pub fn providers(outcome: &PointOutcome) -> usize {
    let providers = outcome.objects.iter().map(|object| match &object.payload {
        Payload::Aspa(aspa) => aspa.providers.len(),
        _ => 0,
    });
    providers.sum()
}

/// Tells whether the policy lets one point be judged without knowing all others.
pub fn allows_revision(policy: &Policy) -> bool {
    policy.unsafe_vrps == UnsafeVrps::Accept
}

/// Judges what `changes` touch, in a tree of which `follow` names the points that may come out
/// otherwise, with all that is above them.
///
/// The rules, the policy, the trust anchors and the choice of repositories must be as they were.
/// `None` where only a walk over everything tells the result: a CA is gone or publishes elsewhere,
/// or something could not be read.
pub fn revise(
    inputs: Inputs<'_>,
    recollection: &dyn Recollection,
    changes: Changes,
    follow: &HashSet<PointId>,
) -> Option<Revision> {
    let Inputs { tals, source, now, .. } = inputs;
    let names: Vec<Arc<str>> = tals.iter().map(|tal| tal.name.as_str().into()).collect();
    let plan = Plan { source, changes, now };
    let mut moment = Moment::new(now);
    let (mut trust_anchors, mut level) = (Vec::with_capacity(tals.len()), Vec::new());
    for (index, tal) in tals.iter().enumerate() {
        let (outcome, ca) = judge_locator(tal, index, source, &mut moment);
        if outcome.status == TrustAnchorStatus::Unreadable {
            return None;
        }
        trust_anchors.push(outcome);
        level.extend(ca.map(Arc::new));
    }
    let look = Look { inputs, recollection, plan, names: &names, follow };
    let mut judged = Vec::new();
    while !level.is_empty() {
        let seen: Option<Vec<Seen>> = level.par_iter().map(|ca| look.at(ca)).collect();
        level.clear();
        for seen in seen? {
            judged.extend(seen.judged);
            level.extend(seen.children);
        }
        level.sort_by_key(|ca| (ca.trust_anchor, ca.id));
    }
    Some(Revision { trust_anchors, trust_anchor_window: moment.window(), judged })
}

struct Look<'a> {
    inputs: Inputs<'a>,
    recollection: &'a dyn Recollection,
    plan: Plan<'a>,
    names: &'a [Arc<str>],
    follow: &'a HashSet<PointId>,
}

/// A point that was looked at, and the CAs below it that must be.
struct Seen {
    judged: Option<Rejudged>,
    children: Vec<Arc<CaContext>>,
}

impl Look<'_> {
    /// Looks at one point; `None` if that does not do.
    fn at(&self, ca: &Arc<CaContext>) -> Option<Seen> {
        let known = self.recollection.memo(&ca.id).ok()?;
        let last = self.recollection.last_good(&ca.id).ok()?;
        if let Some(memo) = &known
            && self.plan.is_clean(memo, ca, last.as_deref())
        {
            let mut children = memo.children(ca);
            children.retain(|child| self.follow.contains(&child.id));
            return Some(Seen { judged: None, children });
        }
        let now = self.inputs.now;
        let recall = known.as_deref().and_then(|memo| Recall::new(memo, ca, now));
        let source = Witness::new(self.inputs.source);
        let around = Surroundings {
            source: &source,
            policy: self.inputs.policy,
            trust_anchor_name: self.names.get(ca.trust_anchor)?,
            recall: recall.as_ref(),
        };
        let judged = judge_safely(PointInput { ca, last: last.as_ref(), around }, now);
        drop(recall);
        let taken = remember(judged, ca, &source);
        let is_silent = |known: &Arc<PointMemo>| announces_none(known.outcome());
        if taken.outcome.parent.is_none()
            && !(announces_none(&taken.outcome) && known.as_ref().is_some_and(is_silent))
        {
            return None;
        }
        let memo = taken.memo.filter(|_| taken.outcome.status != PointStatus::Unreadable)?;
        if known.as_ref().is_some_and(|known| known.outcome.location != taken.outcome.location) {
            return None;
        }
        // Those below that are as they were need not be looked at, unless something touches them.
        let before = known.as_ref().map(|known| known.children(ca)).unwrap_or_default();
        let mut before: HashMap<PointId, Arc<CaContext>> =
            before.into_iter().map(|child| (child.id, child)).collect();
        let mut children = taken.children;
        children.retain(|child| {
            let is_same = before.remove(&child.id).is_some_and(|old| *old.facts == *child.facts);
            !is_same || self.follow.contains(&child.id)
        });
        // What was below one that is gone is known to the whole tree alone.
        before.is_empty().then_some(Seen {
            judged: Some(Rejudged {
                outcome: taken.outcome,
                memo,
                known,
                last_good: (last, taken.last_good),
            }),
            children,
        })
    }
}
