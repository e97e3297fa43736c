//! What the worker tidies up beside its work, so that the cache stays bounded (THREATS L20).

use std::collections::BTreeSet;

use super::engine::Engine;
use super::error::WorkerError;
use super::limits::{UNNAMED_KEPT, UNNAMED_REPOSITORIES};
use crate::model::{RepositoryId, RsyncModule, Timestamp};
use crate::store::RepositoryRecord;

impl Engine {
    /// Removes what nothing needs any more: repositories that no certificate names, objects that
    /// nothing refers to, the log of the database. Blocks, in steps that let writers in between.
    ///
    /// `wanted` are the repositories that are named now.
    pub fn tidy(&self, wanted: &BTreeSet<RepositoryId>, now: Timestamp) -> Result<(), WorkerError> {
        if wanted.is_empty() {
            // Nothing is named: that tells of our clock or our trust anchors (THREATS L08).
            return Ok(());
        }
        let gone = forgettable(&self.store.repositories()?, wanted, now);
        if !gone.is_empty() {
            self.store.retain_repositories(&|id| !gone.contains(id), gone.len())?;
        }
        let mut removed = 0;
        loop {
            let pruned = self.store.prune()?;
            removed += pruned.removed;
            if pruned.finished {
                break;
            }
        }
        self.store.checkpoint()?;
        if !gone.is_empty() || removed > 0 {
            tracing::info!(repositories = gone.len(), objects = removed, "removed from the cache");
        }
        Ok(())
    }

    /// Removes the copies of rsync modules that are not in the cache any more, and what killed
    /// attempts left. Only while nothing is fetched by rsync.
    pub fn tidy_mirrors(&self) -> Result<(), WorkerError> {
        let records = self.store.repositories()?;
        let modules: Vec<RsyncModule> = records
            .into_iter()
            .filter_map(|record| match record.status.id {
                RepositoryId::Rsync(module) => Some(module),
                RepositoryId::Rrdp(_) => None,
            })
            .collect();
        if let Err(error) = self.fetcher.retain_mirrors(&modules) {
            tracing::warn!(%error, "cannot remove old copies of rsync modules");
        }
        Ok(())
    }
}

/// Returns the repositories that may be forgotten: unnamed for a day, or too many of them.
fn forgettable(
    records: &[RepositoryRecord],
    wanted: &BTreeSet<RepositoryId>,
    now: Timestamp,
) -> BTreeSet<RepositoryId> {
    let newest = records.iter().filter_map(|record| record.status.last_attempt).max();
    if newest.is_none_or(|newest| now.since(newest) > UNNAMED_KEPT) {
        // Nothing was tried for so long: the clock has jumped, or the machine was off, and no age
        // says for how long a repository is unnamed (THREATS L08).
        return BTreeSet::new();
    }
    let status = |record: &RepositoryRecord| (record.status.last_attempt, record.status.id.clone());
    let mut unnamed: Vec<_> =
        records.iter().map(status).filter(|(_, id)| !wanted.contains(id)).collect();
    // The newest first.
    unnamed.sort_by(|a, b| b.cmp(a));
    let old = |last: &Option<_>| last.is_none_or(|last| now.since(last) > UNNAMED_KEPT);
    let each = unnamed.into_iter().enumerate();
    each.filter(|(position, (last, _))| *position >= UNNAMED_REPOSITORIES || old(last))
        .map(|(_, (_, id))| id)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;
    use crate::fetch::{FetchConfig, Fetcher};
    use crate::model::{ObjectHash, ObjectUri};
    use crate::store::{
        Access, Fallback, MapChange, RrdpState, Store, Success, Transports, Validators,
    };
    use crate::validate::Policy;
    use crate::world::Purpose;

    fn engine(dir: &std::path::Path) -> Engine {
        Engine {
            tals: Vec::new(),
            store: Store::open(&dir.join("cache.sqlite"), Purpose::Lab, Access::Write).unwrap(),
            fetcher: Fetcher::new(&FetchConfig::new(dir.join("staging"))).unwrap(),
            refresh: Duration::from_secs(600),
            transports: Transports { rrdp: true, rsync: true, fallback: Fallback::Stale },
            world_dir: dir.join("world"),
            purpose: Purpose::Lab,
            policy: Policy::default(),
            in_hand: None,
            record: None,
            suspects_turn: tokio::sync::Mutex::new(()),
        }
    }

    fn commit(store: &Store, id: &RepositoryId, cycle: i64) {
        let now = Timestamp(cycle * 600);
        let attempt = store.begin(id, now).unwrap();
        let mut staging = store.stage();
        let objects: BTreeMap<ObjectUri, ObjectHash> = (0..4)
            .map(|number| {
                let bytes = format!("{cycle} {number} ").repeat(2_000);
                let uri = format!("rsync://h/m/{number}.roa").parse().unwrap();
                (uri, staging.put(bytes.into_bytes().into()).unwrap())
            })
            .collect();
        let success = Success {
            finished: now,
            duration: Duration::from_millis(1),
            next_attempt: now.plus(Duration::from_secs(600)),
            bytes: 1,
            rrdp: Some(RrdpState {
                session: format!("session {cycle}"),
                serial: 1,
                snapshot: ObjectHash::of(b""),
                deltas: Vec::new(),
                validators: Validators::default(),
            }),
        };
        staging.commit(&attempt, &MapChange::Replace(objects), &success).unwrap();
    }

    fn bytes(dir: &std::path::Path) -> u64 {
        let files = ["cache.sqlite", "cache.sqlite-wal"];
        files.iter().filter_map(|name| Some(std::fs::metadata(dir.join(name)).ok()?.len())).sum()
    }

    /// L20: a repository with another session and other objects in each of 2,000 cycles, and
    /// beside it another new repository in each, that is named once and never again.
    #[test]
    fn l20_changing_sessions_and_names_leave_the_cache_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let engine = engine(dir.path());
        let id = |name: &str| format!("https://{name}.example/n.xml").parse().unwrap();
        let steady: RepositoryId = id("steady");
        let mut sizes = Vec::new();
        for cycle in 1..=2_000 {
            let fleeting: RepositoryId = id(&format!("n{cycle}"));
            commit(&engine.store, &steady, cycle);
            commit(&engine.store, &fleeting, cycle);
            if cycle % 100 == 0 {
                let wanted = [steady.clone(), fleeting].into();
                engine.tidy(&wanted, Timestamp(cycle * 600)).unwrap();
                sizes.push(bytes(dir.path()));
            }
        }
        let records = engine.store.repositories().unwrap();
        assert!(records.len() <= UNNAMED_REPOSITORIES + 2, "{}", records.len());
        let (early, late) = (sizes[4], sizes[sizes.len() - 1]);
        assert!(late <= early * 11 / 10, "grew from {early} to {late} bytes: {sizes:?}");
    }

    #[test]
    fn what_is_named_stays_and_what_is_not_goes_after_a_day() {
        let dir = tempfile::tempdir().unwrap();
        let engine = engine(dir.path());
        let id = |name: &str| format!("https://{name}.example/n.xml").parse().unwrap();
        let (named, unnamed): (RepositoryId, RepositoryId) = (id("a"), id("b"));
        commit(&engine.store, &named, 1);
        commit(&engine.store, &unnamed, 1);
        let count = |hours: u64| {
            let now = Timestamp(600).plus(Duration::from_secs(hours * 3_600));
            engine.tidy(&[named.clone()].into(), now).unwrap();
            engine.store.repositories().unwrap().len()
        };
        assert_eq!(count(23), 2);
        assert_eq!(count(25), 2, "nothing was tried for a day: no age tells anything");
        commit(&engine.store, &named, 150);
        assert_eq!(count(25), 1);
        assert_eq!(engine.store.repositories().unwrap()[0].status.id, named);
    }
}
