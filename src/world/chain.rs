//! What holds along the chain from a publication point to its trust anchor: validity and age.

use super::World;
use super::freshness::{Age, Aged};
use crate::model::TimeWindow;
use crate::validate::TrustAnchorStatus;

/// What a point's whole chain allows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Chain {
    /// When the point and all its ancestors are valid.
    pub validity: TimeWindow,
    /// The oldest among the trust anchor and the repositories on the chain.
    pub age: Age,
}

/// Returns the chain of every point, in one pass: parents come before children.
pub(super) fn chains(world: &World) -> Vec<Chain> {
    let mut chains: Vec<Chain> = Vec::with_capacity(world.points.len());
    for point in &world.points {
        let repository = point.repository.and_then(|index| {
            let status = world.repositories.get(index as usize)?;
            let time = status.last_success.unwrap_or(world.time);
            Some(Age { time, of: Aged::Repository(index) })
        });
        let above = match point.parent {
            Some(parent) => chains.get(parent as usize).copied(),
            None => Some(Chain {
                validity: TimeWindow::ALWAYS,
                age: trust_anchor_age(world, point.trust_anchor),
            }),
        };
        // A parent that does not come first is a broken world, and gives nothing.
        let above = above.unwrap_or(Chain {
            validity: TimeWindow::NEVER,
            age: trust_anchor_age(world, point.trust_anchor),
        });
        chains.push(Chain {
            validity: above.validity.intersect(point.validity),
            age: repository.map_or(above.age, |age| age.min(above.age)),
        });
    }
    chains
}

/// Returns the oldest among the valid trust anchors and the repositories of their own points.
pub(super) fn oldest_anchor(world: &World, chains: &[Chain]) -> Option<Age> {
    let anchors = (0..u16::MAX).zip(&world.trust_anchors);
    let anchors = anchors
        .filter(|(_, ta)| ta.status == TrustAnchorStatus::Valid)
        .map(|(index, _)| trust_anchor_age(world, index));
    let points = world.points.iter().zip(chains);
    let own = points.filter(|(point, _)| point.parent.is_none()).map(|(_, chain)| chain.age);
    anchors.chain(own).min()
}

/// Returns when the trust anchor's certificate was fetched last.
///
/// One that was never fetched comes from a file, and is as old as the world.
fn trust_anchor_age(world: &World, index: u16) -> Age {
    let fetched = world.trust_anchors.get(usize::from(index)).and_then(|ta| ta.fetch.last_success);
    Age { time: fetched.unwrap_or(world.time), of: Aged::TrustAnchor(index) }
}
