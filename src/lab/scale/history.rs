//! What has happened to a lab of scale, and how each CA stands after it. Pure.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::draw::Draw;
use super::plan::{ScaleCa, ScalePlan};
use super::size::ANCHORS;
use super::space::{any_asn, file_stem};
use crate::ca::Revoked;
use crate::lab::Roa;
use crate::model::{TimeWindow, Timestamp};

const DAY: Duration = Duration::from_secs(86_400);

/// How far before "now" objects become valid, so that a clock that is a little late accepts them.
const HEAD_START: Duration = Duration::from_secs(300);

/// The serial number of a CA's first child; the child's place among its siblings is added.
pub(super) const FIRST_SERIAL: u64 = 2;

/// When a lab was made, and what changed since.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(super) struct History {
    /// When everything was issued first.
    pub(super) at: Timestamp,
    /// The changes, oldest first.
    pub(super) rounds: Vec<Round>,
}

/// A change of some of the CAs.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(super) struct Round {
    /// How many of a hundred CAs that have ROAs it touches.
    pub(super) percent: u8,
    /// When it happened.
    pub(super) at: Timestamp,
}

impl Round {
    /// Tells whether round number `number` touches a CA.
    pub(super) fn touches(self, plan: &ScalePlan, number: usize, index: usize) -> bool {
        let has_roas = plan.cas.get(index).is_some_and(|ca| !ca.roas.is_empty());
        has_roas && self.draw(plan, number, index).chance(usize::from(self.percent) * 10)
    }

    fn draw(self, plan: &ScalePlan, number: usize, index: usize) -> Draw {
        // Rounds differ by their numbers, CAs by their indices.
        Draw::new(plan.seed ^ number as u64, "round", index)
    }
}

/// A ROA as it was issued.
pub(super) struct IssuedRoa {
    pub(super) roa: Roa,
    pub(super) serial: u64,
    pub(super) validity: TimeWindow,
}

/// How a CA stands: what it has issued, and what it revoked.
pub(super) struct Standing {
    pub(super) roas: Vec<IssuedRoa>,
    pub(super) revoked: Vec<Revoked>,
    /// Of the manifest and the CRL.
    pub(super) number: u64,
    /// Of the certificate of the manifest.
    pub(super) manifest_serial: u64,
    pub(super) updates: TimeWindow,
}

/// Returns the validity of certificates that are issued at a time: a year.
pub(super) fn certificate_validity(at: Timestamp) -> TimeWindow {
    TimeWindow::new(at.minus(HEAD_START), at.plus(365 * DAY))
}

/// Returns the validity of a trust anchor's certificate: ten years.
pub(super) fn anchor_validity(at: Timestamp) -> TimeWindow {
    TimeWindow::new(at.minus(HEAD_START), at.plus(3_650 * DAY))
}

impl Standing {
    /// Returns how a CA stands after all that happened.
    pub(super) fn new(plan: &ScalePlan, index: usize, ca: &ScaleCa, history: &History) -> Self {
        let mut next_serial = FIRST_SERIAL + ca.children.len() as u64;
        let mut take_serial = || {
            next_serial += 1;
            next_serial - 1
        };
        let validity = certificate_validity(history.at);
        let issue = |roa: &Roa| IssuedRoa { roa: roa.clone(), serial: take_serial(), validity };
        let roas = ca.roas.iter().map(issue).collect();
        let manifest_serial = take_serial();
        let mut standing = Standing {
            roas,
            revoked: Vec::new(),
            number: 1,
            manifest_serial,
            updates: updates(history.at),
        };
        for (number, round) in history.rounds.iter().enumerate() {
            if round.touches(plan, number, index) {
                let mut draw = round.draw(plan, number, index);
                draw.next();
                standing.change(ca, round.at, &mut draw, &mut take_serial);
            }
        }
        standing
    }

    /// Adds, replaces or withdraws a ROA, or none; then comes the next manifest.
    fn change(
        &mut self,
        ca: &ScaleCa,
        at: Timestamp,
        draw: &mut Draw,
        take_serial: &mut impl FnMut() -> u64,
    ) {
        #[derive(Clone, Copy)]
        enum Kind {
            Reissue,
            Add,
            Replace,
            Withdraw,
        }
        let kinds =
            [(25, Kind::Reissue), (30, Kind::Add), (25, Kind::Replace), (20, Kind::Withdraw)];
        let chosen = draw.below(self.roas.len());
        let asn = ANCHORS.get(ca.anchor).map(|anchor| any_asn(draw, anchor));
        let validity = certificate_validity(at);
        match (draw.choose(&kinds), asn) {
            (Some(Kind::Add), Some(asn)) => {
                // For an address that the CA had a ROA for at first.
                let old = ca.roas.get(draw.below(ca.roas.len()));
                let prefixes = old.and_then(|roa| roa.prefixes.first()).into_iter().copied();
                let roa = Roa { name: file_stem(draw), asn, prefixes: prefixes.collect() };
                self.roas.push(IssuedRoa { roa, serial: take_serial(), validity });
            }
            (Some(Kind::Replace), Some(asn)) => {
                if let Some(issued) = self.roas.get_mut(chosen) {
                    self.revoked.push(Revoked { serial: issued.serial, at });
                    issued.roa.asn = asn;
                    issued.serial = take_serial();
                    issued.validity = validity;
                }
            }
            (Some(Kind::Withdraw), _) if chosen < self.roas.len() => {
                let issued = self.roas.remove(chosen);
                self.revoked.push(Revoked { serial: issued.serial, at });
            }
            _ => {}
        }
        self.revoked.push(Revoked { serial: self.manifest_serial, at });
        self.manifest_serial = take_serial();
        self.number += 1;
        let mut updates = updates(at);
        // A manifest must be newer than the one before (RFC 9286, section 4.2.1).
        updates.from = updates.from.max(self.updates.from.plus(Duration::from_secs(1)));
        self.updates = updates;
    }
}

/// Returns from when to when manifests and CRLs that are issued at a time are valid: a week.
fn updates(at: Timestamp) -> TimeWindow {
    TimeWindow::new(at.minus(HEAD_START), at.plus(7 * DAY))
}
