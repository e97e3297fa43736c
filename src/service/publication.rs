//! Whether the next world is worth publishing, or must not be. Pure.

use std::collections::BTreeMap;

use crate::model::RepositoryId;
use crate::validate::TrustAnchorStatus;
use crate::world::{Head, RepositoryStatus, TrustAnchorFetch};

/// What the next world would change.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Change {
    /// Payload, points, findings, or a state: to be published at once.
    Content,
    /// Only times and durations: to be published now and then, so that age stays true.
    Times,
    /// It must not be published: every trust anchor would be lost.
    Loss,
}

/// Compares the world that would be published with the one before; `has_same_points` tells whether
/// the points and what they give stay.
pub fn change(previous: Option<&Head>, next: &Head, has_same_points: bool) -> Change {
    let Some(previous) = previous else { return Change::Content };
    // A world without any trust anchor says nothing about the RPKI, but all about us: the data
    // that are there stay, and grow old in plain sight (THREATS K02).
    if !has_trust_anchor(next) && has_trust_anchor(previous) {
        return Change::Loss;
    }
    let same_anchors = previous.trust_anchors.len() == next.trust_anchors.len()
        && previous.trust_anchors.iter().zip(&next.trust_anchors).all(|(a, b)| {
            (&a.name, a.status, &a.findings, &a.fetch.error)
                == (&b.name, b.status, &b.findings, &b.fetch.error)
        });
    let same_repositories = previous.repositories.len() == next.repositories.len()
        && previous.repositories.iter().zip(&next.repositories).all(|(a, b)| same_state(a, b));
    match same_anchors && same_repositories && has_same_points {
        true => Change::Times,
        false => Change::Content,
    }
}

fn has_trust_anchor(world: &Head) -> bool {
    world.trust_anchors.iter().any(|anchor| anchor.status == TrustAnchorStatus::Valid)
}

fn same_state(a: &RepositoryStatus, b: &RepositoryStatus) -> bool {
    (&a.id, a.state, &a.error, &a.session, a.serial, a.objects)
        == (&b.id, b.state, &b.error, &b.session, b.serial, b.objects)
}

/// Returns the head of the world with newer states of its repositories and trust anchors.
///
/// The positions of both lists stay: records refer to them.
pub fn renewed(
    world: &Head,
    statuses: &BTreeMap<RepositoryId, RepositoryStatus>,
    fetches: &BTreeMap<String, TrustAnchorFetch>,
) -> Head {
    let mut next = world.clone();
    for repository in &mut next.repositories {
        if let Some(status) = statuses.get(&repository.id) {
            *repository = status.clone();
        }
    }
    for anchor in &mut next.trust_anchors {
        if let Some(fetch) = fetches.get(&anchor.name) {
            anchor.fetch = fetch.clone();
        }
    }
    next.parent = Some(world.id);
    next
}
