//! What to do with a notification, given where we stand: the rules of RFC 8182 and RFC 9697. Pure.

use std::collections::HashMap;
use std::fmt;

use super::limits::{DELTA_LIST, DELTAS_APPLIED};
use crate::model::{HttpsUri, ObjectHash};
use crate::store::{DeltaHash, RrdpState};

/// An RRDP update notification, decoded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Notification {
    /// The session, in the form of a UUID.
    pub session: String,
    /// The serial of the snapshot and of the last delta.
    pub serial: u64,
    /// The snapshot.
    pub snapshot: FileRef,
    /// The deltas, in the order of the file.
    pub deltas: Vec<DeltaRef>,
    /// Whether there were more deltas than are read; then `deltas` is empty.
    pub too_many_deltas: bool,
}

/// A file that a notification names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FileRef {
    /// Where it is.
    pub uri: HttpsUri,
    /// The hash of its bytes.
    pub hash: ObjectHash,
}

/// A delta that a notification names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DeltaRef {
    /// The serial to which it leads.
    pub serial: u64,
    /// The file.
    pub file: FileRef,
}

/// What to fetch.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Plan {
    /// Nothing: we are there already.
    Unchanged,
    /// These deltas, in this order.
    Deltas(Vec<DeltaRef>),
    /// The snapshot.
    Snapshot(SnapshotReason),
}

/// Why the snapshot is taken and not deltas.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SnapshotReason {
    /// Nothing was fetched before.
    First,
    /// An object in the cache was found damaged.
    Damaged,
    /// The session is a new one (RFC 8182, section 3.4.1).
    NewSession,
    /// The serial is lower than ours.
    SerialWentBack,
    /// The same serial, but another snapshot (RFC 9697).
    SnapshotChanged,
    /// A delta that was listed before has another hash now (RFC 9697).
    DeltaChanged,
    /// The list of deltas has a hole, a duplicate, or does not end at the serial.
    BadDeltaList,
    /// The list of deltas is longer than is read.
    DeltaListTooLong,
    /// The list does not reach back to our serial.
    TooFarBehind,
    /// More deltas would be applied than is worth it.
    TooManyDeltas,
    /// A delta could not be fetched or applied (RFC 8182, section 3.4.2).
    DeltaFailed,
}

impl fmt::Display for SnapshotReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SnapshotReason::First => "nothing fetched before",
            SnapshotReason::Damaged => "damaged object in the cache",
            SnapshotReason::NewSession => "new session",
            SnapshotReason::SerialWentBack => "serial went back",
            SnapshotReason::SnapshotChanged => "same serial, other snapshot",
            SnapshotReason::DeltaChanged => "known delta changed",
            SnapshotReason::BadDeltaList => "bad list of deltas",
            SnapshotReason::DeltaListTooLong => "list of deltas too long",
            SnapshotReason::TooFarBehind => "too far behind",
            SnapshotReason::TooManyDeltas => "too many deltas",
            SnapshotReason::DeltaFailed => "delta failed",
        })
    }
}

/// Decides what to fetch.
///
/// `damaged` says that what we hold must not be built upon. Source: RFC 8182, sections 3.4.1 to
/// 3.4.3, and RFC 9697, section 3.
pub fn plan(notification: &Notification, held: Option<&RrdpState>, damaged: bool) -> Plan {
    use SnapshotReason as Reason;
    let Some(held) = held else { return Plan::Snapshot(Reason::First) };
    if damaged {
        return Plan::Snapshot(Reason::Damaged);
    }
    if held.session != notification.session {
        return Plan::Snapshot(Reason::NewSession);
    }
    if notification.serial < held.serial {
        return Plan::Snapshot(Reason::SerialWentBack);
    }
    if delta_changed(notification, &held.deltas) {
        return Plan::Snapshot(Reason::DeltaChanged);
    }
    if notification.serial == held.serial {
        return if notification.snapshot.hash == held.snapshot {
            Plan::Unchanged
        } else {
            Plan::Snapshot(Reason::SnapshotChanged)
        };
    }
    if notification.too_many_deltas {
        return Plan::Snapshot(Reason::DeltaListTooLong);
    }
    let mut deltas = notification.deltas.clone();
    deltas.sort_by_key(|delta| delta.serial);
    if !contiguous(&deltas, notification.serial) {
        return Plan::Snapshot(Reason::BadDeltaList);
    }
    let missing = notification.serial - held.serial;
    deltas.retain(|delta| delta.serial > held.serial);
    if deltas.len() as u64 != missing {
        return Plan::Snapshot(Reason::TooFarBehind);
    }
    if missing > DELTAS_APPLIED {
        return Plan::Snapshot(Reason::TooManyDeltas);
    }
    Plan::Deltas(deltas)
}

/// Tells whether a delta that we saw listed before is listed with another hash now.
fn delta_changed(notification: &Notification, seen: &[DeltaHash]) -> bool {
    let seen: HashMap<u64, ObjectHash> = seen.iter().map(|d| (d.serial, d.hash)).collect();
    notification
        .deltas
        .iter()
        .any(|delta| seen.get(&delta.serial).is_some_and(|hash| *hash != delta.file.hash))
}

/// Tells whether sorted `deltas` have no hole and no duplicate and end at `serial`.
fn contiguous(deltas: &[DeltaRef], serial: u64) -> bool {
    deltas.last().is_none_or(|last| last.serial == serial)
        && deltas.is_sorted_by(|a, b| a.serial.checked_add(1) == Some(b.serial))
}

/// What is remembered of a list of deltas, so that the next notification can be compared.
pub fn delta_hashes(notification: &Notification) -> Vec<DeltaHash> {
    let pair = |delta: &DeltaRef| DeltaHash { serial: delta.serial, hash: delta.file.hash };
    notification.deltas.iter().take(DELTA_LIST).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Validators;

    fn file(name: &str) -> FileRef {
        let uri = format!("https://h/{name}").parse().unwrap();
        FileRef { uri, hash: ObjectHash::of(name.as_bytes()) }
    }

    fn notification(serial: u64, deltas: &[u64]) -> Notification {
        let delta = |serial: &u64| DeltaRef { serial: *serial, file: file(&format!("d{serial}")) };
        Notification {
            session: "s".into(),
            serial,
            snapshot: file(&format!("s{serial}")),
            deltas: deltas.iter().map(delta).collect(),
            too_many_deltas: false,
        }
    }

    fn held(serial: u64) -> RrdpState {
        RrdpState {
            session: "s".into(),
            serial,
            snapshot: file(&format!("s{serial}")).hash,
            deltas: vec![DeltaHash { serial, hash: file(&format!("d{serial}")).hash }],
            validators: Validators::default(),
        }
    }

    fn serials(plan: Plan) -> Vec<u64> {
        match plan {
            Plan::Deltas(deltas) => deltas.iter().map(|delta| delta.serial).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn deltas_are_used_when_they_lead_from_here_to_there() {
        let step =
            |serial, deltas: &[u64]| plan(&notification(serial, deltas), Some(&held(5)), false);
        assert_eq!(step(5, &[4, 5]), Plan::Unchanged);
        assert_eq!(step(5, &[]), Plan::Unchanged);
        assert_eq!(serials(step(7, &[6, 7])), [6, 7]);
        // B19: any order.
        assert_eq!(serials(step(8, &[7, 5, 8, 6])), [6, 7, 8]);
    }

    #[test]
    fn b12_to_b20_everything_else_takes_the_snapshot() {
        use SnapshotReason as Reason;
        let many: Vec<u64> = (1..=106).collect();
        for (id, serial, deltas, reason) in [
            ("B12", 4, &[3, 4][..], Reason::SerialWentBack),
            ("B15", 8, &[5, 6, 8], Reason::BadDeltaList),
            ("B16", 8, &[6, 7], Reason::BadDeltaList),
            ("B16", 8, &[6, 7, 8, 9], Reason::BadDeltaList),
            ("B18", 7, &[6, 6, 7], Reason::BadDeltaList),
            ("B17", 7, &[], Reason::TooFarBehind),
            ("B17", 8, &[7, 8], Reason::TooFarBehind),
            ("B20", 106, &many, Reason::TooManyDeltas),
            ("B11", u64::MAX, &[u64::MAX], Reason::TooFarBehind),
        ] {
            let plan = plan(&notification(serial, deltas), Some(&held(5)), false);
            assert_eq!(plan, Plan::Snapshot(reason), "{id} {deltas:?}");
        }
    }

    #[test]
    fn b13_b14_rfc_9697_desynchronised_sessions_take_the_snapshot() {
        let mut other_snapshot = notification(5, &[5]);
        other_snapshot.snapshot.hash = ObjectHash::of(b"other");
        let mut other_delta = notification(7, &[5, 6, 7]);
        other_delta.deltas[0].file.hash = ObjectHash::of(b"other");
        let mut other_session = notification(6, &[6]);
        other_session.session = "t".into();
        let mut oversized = notification(7, &[]);
        oversized.too_many_deltas = true;
        for (notification, reason) in [
            (other_snapshot, SnapshotReason::SnapshotChanged),
            (other_delta, SnapshotReason::DeltaChanged),
            (other_session, SnapshotReason::NewSession),
            (oversized, SnapshotReason::DeltaListTooLong),
        ] {
            assert_eq!(plan(&notification, Some(&held(5)), false), Plan::Snapshot(reason));
        }
    }

    #[test]
    fn nothing_held_or_damage_takes_the_snapshot() {
        let same = notification(5, &[5]);
        assert_eq!(plan(&same, None, false), Plan::Snapshot(SnapshotReason::First));
        assert_eq!(plan(&same, Some(&held(5)), true), Plan::Snapshot(SnapshotReason::Damaged));
    }
}
