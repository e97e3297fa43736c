//! Which repository a CA is read from, and which are fetched for it. Pure.

use std::collections::HashMap;

use super::limits::FALLBACK_TIME;
use crate::model::{RepositoryId, Timestamp};
use crate::validate::{CaLocation, Selection};
use crate::world::RepositoryState;

/// The transports that the operator left on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Transports {
    /// RRDP over HTTPS (RFC 8182).
    pub rrdp: bool,
    /// The rsync program.
    pub rsync: bool,
}

/// What is known about a repository as far as the choice needs it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Known {
    /// Whether its objects can be used.
    pub state: RepositoryState,
    /// Since when every attempt has failed.
    pub failing_since: Option<Timestamp>,
}

/// What to read and what to fetch for one CA.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Choice {
    /// Which repository its objects are read from.
    pub read: Selection,
    /// Which repositories are kept up to date for it, best first.
    pub fetch: Vec<RepositoryId>,
}

/// Chooses for one CA.
///
/// RRDP comes first. Rsync takes over when RRDP never succeeded, or has failed for longer than
/// an hour and rsync succeeded; until then the old RRDP data stay in use, so that nothing
/// vanishes during the change. A point is read from one repository only, never from a mixture
/// (THREATS A35).
pub fn select(
    ca: &CaLocation,
    transports: Transports,
    known: &HashMap<RepositoryId, Known>,
    now: Timestamp,
) -> Choice {
    let rrdp = ca.notify.clone().filter(|_| transports.rrdp).map(RepositoryId::Rrdp);
    let rsync = transports.rsync.then(|| RepositoryId::Rsync(ca.directory.module()));
    let state = |id: &RepositoryId| known.get(id).map_or(RepositoryState::Pending, |k| k.state);

    let Some(rrdp) = rrdp else {
        let read = rsync.as_ref().map_or(Selection::Unavailable, |id| read_only(id, state(id)));
        return Choice { read, fetch: rsync.into_iter().collect() };
    };
    let stale = known
        .get(&rrdp)
        .and_then(|k| k.failing_since)
        .is_some_and(|since| now.since(since) > FALLBACK_TIME);
    match (state(&rrdp), rsync) {
        (RepositoryState::Failing, Some(rsync)) if stale => {
            let read = match read_only(&rsync, state(&rsync)) {
                ready @ Selection::Ready(_) => ready,
                _ => Selection::Ready(rrdp.clone()),
            };
            Choice { read, fetch: vec![rrdp, rsync] }
        }
        (RepositoryState::Unavailable, Some(rsync)) => {
            Choice { read: read_only(&rsync, state(&rsync)), fetch: vec![rrdp, rsync] }
        }
        (state, _) => Choice { read: read_only(&rrdp, state), fetch: vec![rrdp] },
    }
}

/// Says what a repository is good for when it is the only one.
fn read_only(id: &RepositoryId, state: RepositoryState) -> Selection {
    match state {
        RepositoryState::Current | RepositoryState::Failing => Selection::Ready(id.clone()),
        RepositoryState::Pending => Selection::Pending,
        RepositoryState::Unavailable => Selection::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use RepositoryState::{Current, Failing, Pending, Unavailable};

    const NOW: Timestamp = Timestamp(100_000);
    const BOTH: Transports = Transports { rrdp: true, rsync: true };

    fn ca(notify: bool) -> CaLocation {
        CaLocation {
            notify: notify.then(|| "https://h/n.xml".parse().unwrap()),
            directory: "rsync://h/m/ca/".parse().unwrap(),
            manifest: "rsync://h/m/ca/a.mft".parse().unwrap(),
        }
    }

    fn rrdp() -> RepositoryId {
        "https://h/n.xml".parse().unwrap()
    }

    fn rsync() -> RepositoryId {
        "rsync://h/m/".parse().unwrap()
    }

    /// The RRDP state with seconds of failing, the rsync state; what to read, whether rsync
    /// is fetched.
    type Row = (Option<(RepositoryState, i64)>, Option<RepositoryState>, Selection, bool);

    #[test]
    fn a33_a34_a35_rrdp_first_then_rsync_never_both() {
        let table: Vec<Row> = vec![
            (None, None, Selection::Pending, false),
            (Some((Pending, 0)), Some(Current), Selection::Pending, false),
            (Some((Current, 0)), Some(Current), Selection::Ready(rrdp()), false),
            (Some((Failing, 3600)), Some(Current), Selection::Ready(rrdp()), false),
            (Some((Failing, 3601)), Some(Current), Selection::Ready(rsync()), true),
            (Some((Failing, 3601)), Some(Failing), Selection::Ready(rsync()), true),
            (Some((Failing, 3601)), Some(Pending), Selection::Ready(rrdp()), true),
            (Some((Failing, 3601)), None, Selection::Ready(rrdp()), true),
            (Some((Failing, 3601)), Some(Unavailable), Selection::Ready(rrdp()), true),
            (Some((Unavailable, 10)), None, Selection::Pending, true),
            (Some((Unavailable, 10)), Some(Pending), Selection::Pending, true),
            (Some((Unavailable, 10)), Some(Current), Selection::Ready(rsync()), true),
            (Some((Unavailable, 10)), Some(Failing), Selection::Ready(rsync()), true),
            (Some((Unavailable, 10)), Some(Unavailable), Selection::Unavailable, true),
        ];
        for (first, second, read, fetches_rsync) in table {
            let mut known = HashMap::new();
            if let Some((state, age)) = first {
                let failing_since = (age > 0).then_some(Timestamp(NOW.0 - age));
                known.insert(rrdp(), Known { state, failing_since });
            }
            if let Some(state) = second {
                known.insert(rsync(), Known { state, failing_since: None });
            }
            let choice = select(&ca(true), BOTH, &known, NOW);
            assert_eq!(choice.read, read, "{first:?} {second:?}");
            let mut fetch = vec![rrdp()];
            fetch.extend(fetches_rsync.then(rsync));
            assert_eq!(choice.fetch, fetch, "{first:?} {second:?}");
        }
    }

    #[test]
    fn a_transport_that_is_off_or_not_offered_is_never_chosen() {
        let known: HashMap<_, _> =
            [rrdp(), rsync()].map(|id| (id, Known { state: Current, failing_since: None })).into();
        let only = |rrdp, rsync| Transports { rrdp, rsync };
        let read = |notify, transports| select(&ca(notify), transports, &known, NOW);
        assert_eq!(read(true, only(false, true)).fetch, [rsync()]);
        assert_eq!(read(true, only(false, true)).read, Selection::Ready(rsync()));
        assert_eq!(read(false, BOTH).read, Selection::Ready(rsync()));
        let nothing = Choice { read: Selection::Unavailable, fetch: vec![] };
        assert_eq!(read(false, only(true, false)), nothing);
        let mut failed = known.clone();
        failed.insert(rrdp(), Known { state: Unavailable, failing_since: Some(Timestamp(0)) });
        let choice = select(&ca(true), only(true, false), &failed, NOW);
        assert_eq!(choice, Choice { read: Selection::Unavailable, fetch: vec![rrdp()] });
    }
}
