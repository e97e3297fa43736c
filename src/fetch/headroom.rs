//! The largest thing seen of each kind that has a limit, since this process started.

use std::sync::atomic::{AtomicU64, Ordering};

use super::limits::{
    DELTA_BYTES, DELTA_LIST, NOTIFICATION_BYTES, OBJECT_BYTES, REPOSITORY_NAME_BYTES,
    REPOSITORY_OBJECTS, RSYNC_BYTES, SNAPSHOT_BYTES,
};

/// How near a limit was come to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Headroom {
    /// What is limited, as a word for metrics: `snapshot-bytes`.
    pub limit: &'static str,
    /// The largest seen; what broke the limit counts as far as it was read.
    pub most: u64,
    /// The limit.
    pub allowed: u64,
}

/// What is limited.
#[derive(Clone, Copy, Debug)]
pub(super) enum Limited {
    Notification,
    DeltaList,
    Snapshot,
    Delta,
    Object,
    Objects,
    Names,
    Module,
}

const ALL: [(Limited, &str, u64); 8] = [
    (Limited::Notification, "notification-bytes", NOTIFICATION_BYTES),
    (Limited::DeltaList, "listed-deltas", DELTA_LIST as u64),
    (Limited::Snapshot, "snapshot-bytes", SNAPSHOT_BYTES),
    (Limited::Delta, "delta-bytes", DELTA_BYTES),
    (Limited::Object, "object-bytes", OBJECT_BYTES),
    (Limited::Objects, "repository-objects", REPOSITORY_OBJECTS as u64),
    (Limited::Names, "repository-name-bytes", REPOSITORY_NAME_BYTES),
    (Limited::Module, "rsync-module-bytes", RSYNC_BYTES),
];

/// One for the process: it only ever grows, and nothing depends on it.
static MOST: [AtomicU64; ALL.len()] = [const { AtomicU64::new(0) }; ALL.len()];

/// Notes something that has a limit.
pub(super) fn saw(what: Limited, size: u64) {
    if let Some(most) = MOST.get(what as usize) {
        most.fetch_max(size, Ordering::Relaxed);
    }
}

/// Returns the largest things seen, each with its limit.
pub(super) fn seen() -> Vec<Headroom> {
    let each = ALL.iter().zip(&MOST);
    each.map(|((_, limit, allowed), most)| Headroom {
        limit,
        most: most.load(Ordering::Relaxed),
        allowed: *allowed,
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_thing_seen_stays() {
        for (position, (what, ..)) in ALL.iter().enumerate() {
            assert_eq!(*what as usize, position);
        }
        saw(Limited::DeltaList, 400);
        saw(Limited::DeltaList, 3);
        let most = seen().into_iter().find(|seen| seen.limit == "listed-deltas").unwrap();
        assert!(most.most >= 400 && most.allowed == 500, "{most:?}");
    }
}
