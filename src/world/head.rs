//! The head of a world: what is small, and changes with each publication. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Purpose, RepositoryStatus, TrustAnchorRecord, VrpList, World};
use crate::model::{ObjectHash, Timestamp, WorldId};
use crate::validate::{ObjectKind, PointStatus, Reason};

/// A world less its points and what they give, with the sums over those.
///
/// It says enough for a summary, so that a worker that finds nothing changed never reads the rest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// The number of the world.
    pub id: WorldId,
    /// The world that it follows.
    pub parent: Option<WorldId>,
    /// What the data are for.
    pub purpose: Purpose,
    /// The time at which everything was judged.
    pub time: Timestamp,
    /// How long validation took.
    pub validation_duration: Duration,
    /// Which state of a cache it shows; see [`World::stamp`].
    pub stamp: Option<ObjectHash>,
    /// One for each TAL.
    pub trust_anchors: Vec<TrustAnchorRecord>,
    /// One for each repository that a certificate names.
    pub repositories: Vec<RepositoryStatus>,
    /// The sums.
    pub tally: Tally,
}

/// How much there is of what.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// One for each trust anchor.
    pub trust_anchors: Vec<TrustAnchorTally>,
    /// One for each repository.
    pub repositories: Vec<RepositoryTally>,
    /// How many findings of its points are listed, by reason code.
    pub findings: BTreeMap<String, u64>,
}

/// How much a trust anchor gives.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct TrustAnchorTally {
    /// CAs.
    pub cas: u64,
    /// CAs whose data are not valid and current.
    pub incomplete_cas: u64,
    /// Valid ROAs.
    pub roas: u64,
    /// VRPs, one for each ROA that gives it.
    pub vrps: u64,
    /// Valid ASPAs.
    pub aspas: u64,
    /// Router keys.
    pub router_keys: u64,
    /// What there is to say of its next key.
    pub next_key: Option<String>,
}

/// How much a repository gives.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct RepositoryTally {
    /// VRPs, one for each ROA that gives it.
    pub vrps: u64,
    /// Findings about its points.
    pub findings: u64,
}

impl Tally {
    /// Returns the number of VRPs, one for each ROA that gives it.
    pub fn vrps(&self) -> u64 {
        self.trust_anchors.iter().map(|sum| sum.vrps).sum()
    }

    /// Sums up a world.
    pub fn of(world: &World) -> Tally {
        let mut tally = Tally {
            trust_anchors: vec![TrustAnchorTally::default(); world.trust_anchors.len()],
            repositories: vec![RepositoryTally::default(); world.repositories.len()],
            findings: BTreeMap::new(),
        };
        let mut reasons: BTreeMap<_, u64> = BTreeMap::new();
        for point in &world.points {
            for finding in &point.findings {
                *reasons.entry(finding.reason).or_default() += 1;
            }
            if let Some(sum) = tally.trust_anchors.get_mut(usize::from(point.trust_anchor)) {
                let count = |kind| u64::from(point.counts.get(&kind).copied().unwrap_or(0));
                sum.cas += 1;
                sum.incomplete_cas += u64::from(point.status != PointStatus::Current);
                sum.roas += count(ObjectKind::Roa);
                sum.aspas += count(ObjectKind::Aspa);
                let mut found = point.findings.iter();
                if let Some(finding) = found.find(|finding| is_about_next_key(finding.reason)) {
                    let text = format!("{}: {}", finding.reason.title(), finding.detail);
                    sum.next_key = Some(text);
                }
            }
            let repository =
                point.repository.and_then(|at| tally.repositories.get_mut(at as usize));
            if let Some(sum) = repository {
                sum.findings += point.findings.len() as u64 + u64::from(point.findings_left_out);
            }
        }
        let code = |(reason, count): (Reason, u64)| (reason.code().to_owned(), count);
        tally.findings = reasons.into_iter().map(code).collect();
        // First by object: there are three times as many VRPs as objects.
        let mut vrps = vec![0u32; world.objects.len()];
        for record in world.vrps.iter() {
            if let Some(count) = vrps.get_mut(record.object as usize) {
                *count = count.saturating_add(1);
            }
        }
        for (object, vrps) in world.objects.iter().zip(vrps) {
            let Some(point) = world.points.get(object.point as usize) else { continue };
            if let Some(sum) = tally.trust_anchors.get_mut(usize::from(point.trust_anchor)) {
                sum.vrps += u64::from(vrps);
            }
            let repository =
                point.repository.and_then(|at| tally.repositories.get_mut(at as usize));
            if let Some(sum) = repository {
                sum.vrps += u64::from(vrps);
            }
        }
        for record in &world.router_keys {
            let object = world.objects.get(record.object as usize);
            let point = object.and_then(|object| world.points.get(object.point as usize));
            let anchor = point.map(|point| usize::from(point.trust_anchor));
            if let Some(sum) = anchor.and_then(|at| tally.trust_anchors.get_mut(at)) {
                sum.router_keys += 1;
            }
        }
        tally
    }
}

fn is_about_next_key(reason: Reason) -> bool {
    matches!(reason, Reason::TakSuccessor | Reason::TakSuccessorDue)
}

impl World {
    /// Returns the head.
    pub fn head(&self) -> Head {
        Head {
            id: self.id,
            parent: self.parent,
            purpose: self.purpose,
            time: self.time,
            validation_duration: self.validation_duration,
            stamp: self.stamp,
            trust_anchors: self.trust_anchors.clone(),
            repositories: self.repositories.clone(),
            tally: Tally::of(self),
        }
    }
}

impl Head {
    /// Makes a world of it that has no points yet.
    pub(super) fn without_points(self) -> World {
        World {
            id: self.id,
            parent: self.parent,
            purpose: self.purpose,
            time: self.time,
            validation_duration: self.validation_duration,
            stamp: self.stamp,
            trust_anchors: self.trust_anchors,
            repositories: self.repositories,
            points: Vec::new(),
            objects: Vec::new(),
            vrps: VrpList::default(),
            aspas: Vec::new(),
            router_keys: Vec::new(),
        }
    }
}
