//! The next key of a trust anchor: announced in a TAK, watched for 30 days, never taken by itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::finding::Rejection;
use super::moment::Moment;
use super::{Effect, PointOutcome, PointStatus, Reason, TrustAnchorOutcome};
use crate::model::{ObjectHash, ObjectUri, Timestamp};

/// For how long a key has to be announced before it may be used.
///
/// Source: RFC 9691, section 4.
pub const ACCEPTANCE: Duration = Duration::from_secs(30 * 86_400);

/// A key that a valid TAK calls the successor.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(crate) struct AnnouncedKey {
    /// The SHA-256 of the DER of its SubjectPublicKeyInfo.
    pub(crate) key: ObjectHash,
    /// The first place of its certificate, says the TAK.
    pub(crate) certificate_uri: String,
    /// The TAK.
    pub(crate) tak: (ObjectUri, ObjectHash),
}

/// What is remembered of an announced key between runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NextKey {
    /// The SHA-256 of the DER of its SubjectPublicKeyInfo.
    pub key: ObjectHash,
    /// Since when every run has found it announced.
    pub first_seen: Timestamp,
}

/// The next keys of trust anchors, by the names of their locators.
pub type NextKeys = BTreeMap<String, NextKey>;

/// Goes on from what is known about a next key to what a run finds at `now`.
///
/// Another key starts the time again.
/// Source: RFC 9691, section 4.
fn go_on(known: Option<NextKey>, announced: ObjectHash, now: Timestamp) -> NextKey {
    match known {
        // It is seen now, so that a later time is that of a clock which was ahead.
        Some(NextKey { key, first_seen }) if key == announced => {
            NextKey { key, first_seen: first_seen.min(now) }
        }
        _ => NextKey { key: announced, first_seen: now },
    }
}

/// Tells the operator about the next key of each trust anchor, as findings in its own point, and
/// returns what is remembered of them.
///
/// A valid point that announces none ends the time; one without valid data says nothing, so that
/// what was known stays. Trust anchors without a locator are forgotten.
pub(super) fn watch_keys(
    trust_anchors: &[TrustAnchorOutcome],
    points: &mut [Arc<PointOutcome>],
    known: &NextKeys,
    now: Timestamp,
    moment: &mut Moment,
) -> NextKeys {
    let mut kept = NextKeys::new();
    for (index, anchor) in trust_anchors.iter().enumerate() {
        let known = known.get(&anchor.name).copied();
        let own = points.iter_mut().find(|p| p.trust_anchor == index && p.parent.is_none());
        let next = match own {
            Some(point) if has_data(point) => {
                let announced = point.next_key.clone();
                announced.map(|announced| {
                    let next = go_on(known, announced.key, now);
                    tell(point, &announced, next, moment);
                    next
                })
            }
            _ => known,
        };
        kept.extend(next.map(|next| (anchor.name.clone(), next)));
    }
    kept
}

fn has_data(point: &PointOutcome) -> bool {
    matches!(point.status, PointStatus::Current | PointStatus::LastGood)
}

fn tell(
    point: &mut Arc<PointOutcome>,
    announced: &AnnouncedKey,
    next: NextKey,
    moment: &mut Moment,
) {
    let due = next.first_seen.plus(ACCEPTANCE);
    let reason = match moment.is_before(due) {
        true => Reason::TakSuccessor,
        false => Reason::TakSuccessorDue,
    };
    let detail = format!(
        "first seen at {}, to be used from {due} on: the key with the SHA-256 {}, its certificate is at {}",
        next.first_seen, announced.key, announced.certificate_uri
    );
    let (tak, hash) = &announced.tak;
    let finding = Rejection::new(reason, detail).into_finding(tak.as_str(), Some(*hash));
    let findings = &mut Arc::make_mut(point).findings;
    // Before the other warnings, so that no limit on findings hides it.
    let place = findings.partition_point(|other| other.reason.effect() < Effect::Warning);
    findings.insert(place, finding);
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    #[test]
    fn g37_the_time_goes_on_for_the_same_key_alone() {
        let (a, b) = (ObjectHash::of(b"a"), ObjectHash::of(b"b"));
        let start = Timestamp(1_800_000_000);
        let first = go_on(None, a, start);
        assert_eq!(first, NextKey { key: a, first_seen: start });
        assert_eq!(go_on(Some(first), a, start.plus(DAY)), first);
        let changed = go_on(Some(first), b, start.plus(DAY));
        assert_eq!(changed, NextKey { key: b, first_seen: start.plus(DAY) });
        let back = go_on(Some(changed), a, start.plus(2 * DAY));
        assert_eq!(back.first_seen, start.plus(2 * DAY), "going back starts again, too");
        let ahead = NextKey { key: a, first_seen: start.plus(900 * DAY) };
        assert_eq!(go_on(Some(ahead), a, start), first, "a clock that was ahead");
    }
}
