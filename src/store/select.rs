//! Which repository a CA is read from, and which are fetched for it. Pure.

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;

use super::limits::FALLBACK_TIME;
use crate::model::{ObjectHash, RepositoryId, Timestamp};
use crate::validate::{CaLocation, Selection};
use crate::world::RepositoryState;

/// When rsync is used for a CA that offers RRDP: the names are Routinator's.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Fallback {
    /// Never.
    Never,
    /// When RRDP has never succeeded, or not for an hour.
    #[default]
    Stale,
    /// Only as long as RRDP has never succeeded.
    New,
}

impl Fallback {
    /// Returns the word for it in settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Fallback::Never => "never",
            Fallback::Stale => "stale",
            Fallback::New => "new",
        }
    }
}

/// The transports that the operator left on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Transports {
    /// RRDP over HTTPS (RFC 8182).
    pub rrdp: bool,
    /// The rsync program.
    pub rsync: bool,
    /// When the second is used in place of the first.
    pub fallback: Fallback,
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
/// RRDP comes first. Unless the policy says otherwise, rsync takes over when RRDP never succeeded,
/// or has failed for longer than an hour and rsync succeeded; until then the old RRDP data stay in
/// use, so that nothing vanishes during the change. A point is read from one repository only,
/// never from a mixture (THREATS A35).
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
    let stale = transports.fallback == Fallback::Stale
        && known
            .get(&rrdp)
            .and_then(|k| k.failing_since)
            .is_some_and(|since| now.since(since) > patience(&rrdp, since));
    match (state(&rrdp), rsync.filter(|_| transports.fallback != Fallback::Never)) {
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

/// Returns how long RRDP may fail: an hour and up to a quarter more, so that not all clients of a
/// server that failed ask its rsync server at once. They noticed it at different times.
pub(super) fn patience(rrdp: &RepositoryId, since: Timestamp) -> Duration {
    let hash = ObjectHash::of(format!("{rrdp} {}", since.0).as_bytes());
    let share = u32::from(hash.0.first().copied().unwrap_or(0));
    FALLBACK_TIME + FALLBACK_TIME / 1024 * share
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
    const BOTH: Transports = Transports { rrdp: true, rsync: true, fallback: Fallback::Stale };

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
            (Some((Failing, 4501)), Some(Current), Selection::Ready(rsync()), true),
            (Some((Failing, 4501)), Some(Failing), Selection::Ready(rsync()), true),
            (Some((Failing, 4501)), Some(Pending), Selection::Ready(rrdp()), true),
            (Some((Failing, 4501)), None, Selection::Ready(rrdp()), true),
            (Some((Failing, 4501)), Some(Unavailable), Selection::Ready(rrdp()), true),
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
        let only = |rrdp, rsync| Transports { rrdp, rsync, fallback: Fallback::Stale };
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

    #[test]
    fn a33_the_policy_says_whether_rsync_takes_over_never_when_stale_or_only_when_new() {
        let (mut read, mut fetched) = (Vec::new(), Vec::new());
        for fallback in [Fallback::Never, Fallback::Stale, Fallback::New] {
            for (state, seconds) in [(Failing, 4_501), (Unavailable, 10)] {
                let failing_since = Some(Timestamp(NOW.0 - seconds));
                let known = HashMap::from([
                    (rrdp(), Known { state, failing_since }),
                    (rsync(), Known { state: Current, failing_since: None }),
                ]);
                let transports = Transports { fallback, ..BOTH };
                let choice = select(&ca(true), transports, &known, NOW);
                read.push(choice.read);
                fetched.push(choice.fetch.contains(&rsync()));
                // A CA that has no RRDP is read by rsync, whatever the policy.
                let choice = select(&ca(false), transports, &known, NOW);
                assert_eq!(choice.read, Selection::Ready(rsync()));
            }
        }
        let [old, new] = [Selection::Ready(rrdp()), Selection::Ready(rsync())];
        let never = [old.clone(), Selection::Unavailable];
        let stale = [new.clone(), new.clone()];
        assert_eq!(read, [&never[..], &stale[..], &[old, new][..]].concat());
        assert_eq!(fetched, [false, false, true, true, false, true]);
    }

    #[test]
    fn a33_clients_of_a_server_that_failed_do_not_turn_to_rsync_together() {
        let times: Vec<Duration> =
            (0..200).map(|second| patience(&rrdp(), Timestamp(second))).collect();
        let (least, most) = (times.iter().min().unwrap(), times.iter().max().unwrap());
        assert!(*least >= FALLBACK_TIME && *most <= FALLBACK_TIME * 5 / 4);
        assert!(*most - *least > Duration::from_secs(600), "{least:?} to {most:?}");
    }
}
