//! One judgement: the cache, the last good states and a time in; a world out.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::admission::{self, Admission};
use super::child::{Child, ChildRecord, LimitUse};
use super::error::WorkerError;
use super::in_hand::InHand;
use super::schedule::Target;
use super::suspects::POINT;
use super::watched::{Watched, point_unit};
use crate::clock;
use crate::fetch::limits::REPOSITORIES_PER_TRUST_ANCHOR;
use crate::fetch::{FetchErrorKind, Fetcher};
use crate::model::{ObjectHash, PointId, RepositoryId, Timestamp, WorldId};
use crate::object::Tal;
use crate::store::{MemoWriter, Snapshot, Store, StoreErrorKind, Transports};
use crate::validate::{
    self, Advance, Earlier, Inputs, Kept, PointMemo, Policy, Recollection, State, Validation,
};
use crate::world::{self, Assembly, Purpose, RepositoryStatus, TrustAnchorFetch, World};

/// When a trust anchor whose certificate could not be fetched is tried again.
const TRUST_ANCHOR_RETRY: Duration = Duration::from_secs(120);

fn soon() -> Timestamp {
    clock::now().plus(TRUST_ANCHOR_RETRY)
}

/// Says why a repository is not fetched.
fn too_many(anchor: &str) -> String {
    format!("not fetched: {anchor} has {REPOSITORIES_PER_TRUST_ANCHOR} repositories already")
}

/// What a worker works with.
pub struct Engine {
    /// The trust anchors.
    pub tals: Vec<Tal>,
    /// The cache.
    pub store: Store,
    /// The network.
    pub fetcher: Fetcher,
    /// How often a trust anchor's certificate is fetched again.
    pub refresh: Duration,
    /// The transports in use.
    pub transports: Transports,
    /// Where worlds are published.
    pub world_dir: PathBuf,
    /// What the data are for.
    pub purpose: Purpose,
    /// The operator's choices.
    pub policy: Policy,
    /// The record of what is in hand; none where a person runs one pass and sees what happens.
    pub in_hand: Option<InHand>,
    /// What it says about itself, and the state directory; none where a person runs one pass.
    pub record: Option<(PathBuf, ChildRecord)>,
    /// Whose turn it is among those that may have killed an earlier worker.
    pub suspects_turn: tokio::sync::Mutex<()>,
}

/// What a walk over everything goes on from.
#[derive(Clone, Debug)]
pub struct Known {
    /// The last good states.
    pub state: State,
    /// Whether what the cache remembers is used; worth only time.
    pub with_memory: bool,
}

/// A validation that ended.
pub struct Validated {
    /// The last good states from now on.
    pub state: State,
    /// What it found.
    pub validation: Validation,
    /// How long it took.
    pub duration: Duration,
    /// The repositories that the certificates in it name, with what is known about each.
    pub wanted: Vec<RepositoryStatus>,
    /// Which of them are fetched.
    pub admission: Admission,
    /// The name of what the cache remembers from now on, if it does.
    pub stamp: Option<ObjectHash>,
    /// What is remembered of it, if it is kept.
    pub(super) kept: Kept,
    /// The repositories that the CAs below each trust anchor name, in the order of the tree.
    pub(super) named: Vec<(String, Vec<RepositoryId>)>,
    /// See [`Snapshot::circumstances`].
    pub(super) circumstances: Option<ObjectHash>,
}

impl Validated {
    /// Returns how many VRPs were found, each counted once for each ROA that gives it.
    pub fn vrps(&self) -> usize {
        let objects = self.validation.points.iter().flat_map(|point| &point.objects);
        let vrps = objects.map(|object| match &object.payload {
            validate::Payload::Roa(vrps) => vrps.len(),
            _ => 0,
        });
        vrps.sum()
    }
}

/// How a fetch ended, as far as the event loop needs it.
#[derive(Clone, Copy, Debug)]
pub struct Fetched {
    /// Whether something may have changed that validation reads.
    pub changed: bool,
    /// When the same is due again.
    pub next_attempt: Timestamp,
    /// Whether it succeeded.
    pub succeeded: bool,
    /// Whether the cache was found to be damaged.
    pub cache_damaged: bool,
}

impl Fetched {
    /// Makes the result of a fetch that failed without harm to the cache.
    pub(super) fn failed(next_attempt: Timestamp) -> Self {
        Fetched { changed: false, next_attempt, succeeded: false, cache_damaged: false }
    }
}

/// Returns the repositories that the CAs below each trust anchor name, each once, in the order of
/// the tree.
fn named(snapshot: &Snapshot, validation: &Validation) -> Vec<(String, Vec<RepositoryId>)> {
    let mut named: Vec<(String, Vec<RepositoryId>)> =
        validation.trust_anchors.iter().map(|anchor| (anchor.name.clone(), vec![])).collect();
    let mut seen: Vec<HashSet<RepositoryId>> = vec![HashSet::new(); named.len()];
    for point in &validation.points {
        let list = named.get_mut(point.trust_anchor).zip(seen.get_mut(point.trust_anchor));
        let Some(((_, ids), seen)) = list else { continue };
        for id in snapshot.choose(&point.location).fetch {
            if seen.insert(id.clone()) {
                ids.push(id);
            }
        }
    }
    named
}

impl Engine {
    /// Fetches a trust anchor's certificate or a repository; how it went is kept in the cache.
    pub(super) async fn fetch(&self, target: &Target) -> Fetched {
        let Some(in_hand) = &self.in_hand else { return self.fetch_unwatched(target).await };
        let unit = format!("F {target}");
        let suspects = in_hand.suspects();
        if let Some(until) = suspects.quarantine(&unit, clock::now()) {
            return self.leave_alone(target, until);
        }
        // One suspect at a time, so that the next crash has one culprit.
        let _turn = match suspects.is_suspect(&unit) {
            true => Some(self.suspects_turn.lock().await),
            false => None,
        };
        let _held = in_hand.hold(&unit);
        self.fetch_unwatched(target).await
    }

    /// Records that a target is in quarantine.
    fn leave_alone(&self, target: &Target, until: Timestamp) -> Fetched {
        let reason = format!("the worker died thrice with it in hand; not touched until {until}");
        tracing::error!(%target, %until, "in quarantine");
        if let Target::Repository(id) = target {
            let began = self.store.begin(id, clock::now());
            let failed =
                began.and_then(|attempt| self.store.fail(&attempt, &reason, Duration::ZERO, until));
            if let Err(error) = failed {
                tracing::warn!(%error, "cannot record a quarantine");
            }
        }
        Fetched { changed: true, ..Fetched::failed(until) }
    }

    async fn fetch_unwatched(&self, target: &Target) -> Fetched {
        match target {
            Target::Repository(id) => {
                let report = self.fetcher.fetch_repository(&self.store, id).await;
                let next = report.status.next_attempt;
                let damaged = FetchErrorKind::Store(StoreErrorKind::Corrupt);
                Fetched {
                    changed: report.changed,
                    next_attempt: next.unwrap_or_else(soon),
                    succeeded: report.error.is_none(),
                    cache_damaged: report.error.is_some_and(|error| error.kind == damaged),
                }
            }
            Target::TrustAnchor(name) => self.fetch_trust_anchor(name).await,
        }
    }

    async fn fetch_trust_anchor(&self, name: &str) -> Fetched {
        // Only the trust anchors of our TALs are ever scheduled.
        let Some(tal) = self.tals.iter().find(|tal| tal.name == name) else {
            return Fetched::failed(Timestamp::MAX);
        };
        match self.fetcher.fetch_trust_anchor(&self.store, tal, self.transports).await {
            Ok(fetch) if fetch.error.is_some() => Fetched::failed(soon()),
            Ok(_) => Fetched {
                // Certificates of trust anchors are small and seldom change: always look.
                changed: true,
                succeeded: true,
                ..Fetched::failed(clock::now().plus(self.refresh))
            },
            Err(error) => {
                tracing::warn!(trust_anchor = name, %error, "cannot keep the certificate");
                let damaged = FetchErrorKind::Store(StoreErrorKind::Corrupt);
                let cache_damaged = error.kind == damaged;
                Fetched { cache_damaged, ..Fetched::failed(soon()) }
            }
        }
    }

    /// Reads what a validation goes on from, with what the cache remembers. Blocks.
    pub fn load_known(&self) -> Result<Known, WorkerError> {
        Ok(Known { state: self.store.load_state()?, with_memory: true })
    }

    /// Judges the cache at `now`, and keeps in it what the next validation goes on from. Blocks.
    ///
    /// `known` is what the cache holds.
    pub fn validate(&self, known: &Known, now: Timestamp) -> Result<Validated, WorkerError> {
        let (mut validated, writer) = self.judge_to_keep(known, now)?;
        validated.stamp = Some(self.keep(known, &validated, writer)?);
        Ok(validated)
    }

    /// Judges the cache at `now`, keeps what the next validation goes on from, and makes the next
    /// world at the same time; `parent` is the number of the last one. Blocks.
    pub fn validate_to_world(
        &self,
        known: &Known,
        parent: Option<WorldId>,
        now: Timestamp,
    ) -> Result<(Validated, World), WorkerError> {
        let (mut validated, writer) = self.judge_to_keep(known, now)?;
        let (stamp, world) = std::thread::scope(|threads| {
            let keeping = threads.spawn(|| self.keep(known, &validated, writer));
            let world = self.assemble(&validated, parent);
            (keeping.join(), world)
        });
        let stamp = stamp.unwrap_or_else(|_| Err(std::io::Error::other("keeping failed").into()));
        let mut world = world?;
        validated.stamp = Some(stamp?);
        world.stamp = validated.stamp;
        Ok((validated, world))
    }

    fn judge_to_keep(
        &self,
        known: &Known,
        now: Timestamp,
    ) -> Result<(Validated, MemoWriter), WorkerError> {
        let writer = self.store.write_memos_beside(validate::basis(&self.policy))?;
        let judged = self.judge_with(known, now, &|memo| writer.keep(memo));
        match judged {
            Ok(validated) => Ok((validated, writer)),
            Err(error) => {
                writer.finish()?;
                Err(error)
            }
        }
    }

    /// Keeps what the next validation goes on from; returns its name.
    fn keep(
        &self,
        known: &Known,
        validated: &Validated,
        writer: MemoWriter,
    ) -> Result<ObjectHash, WorkerError> {
        let Validated { validation, named, circumstances, kept, state, .. } = validated;
        let standing = self.standing(*circumstances, kept, state, validation, named);
        // What was found counts for nothing where it cannot be kept.
        writer.finish()?;
        let stamp = self.store.save_run(&known.state, state, kept, standing.as_ref())?;
        for (trust_anchor, next) in &state.next_keys {
            let before = known.state.next_keys.get(trust_anchor);
            if before.is_none_or(|before| before.key != next.key) {
                let due = next.due();
                tracing::warn!(trust_anchor, key = %next.key, %due, "announces its next key");
            }
        }
        let ids: Vec<RepositoryId> = validated.admission.admitted.iter().cloned().collect();
        self.store.discover(&ids)?;
        Ok(stamp)
    }

    /// Judges the cache at `now`, and changes nothing. Blocks.
    pub fn judge(&self, known: &Known, now: Timestamp) -> Result<Validated, WorkerError> {
        self.judge_with(known, now, &|_| false)
    }

    fn judge_with(
        &self,
        known: &Known,
        now: Timestamp,
        keep: &(dyn Fn(&PointMemo) -> bool + Sync),
    ) -> Result<Validated, WorkerError> {
        let started = Instant::now();
        let snapshot = self.store.snapshot(self.transports, now)?;
        let suspects = self.in_hand.as_ref().map(InHand::suspects).unwrap_or_default();
        let watched =
            Watched { snapshot: &snapshot, in_hand: self.in_hand.as_ref(), suspects, now };
        let memos = match known.with_memory {
            // What cannot be read is judged again.
            true => snapshot.memos(&self.policy).ok().flatten(),
            false => None,
        };
        let damaged = AtomicUsize::new(0);
        let memo = |id: &PointId| {
            snapshot.memo(id).unwrap_or_else(|_| {
                damaged.fetch_add(1, Ordering::Relaxed);
                None
            })
        };
        let earlier = memos.map(|(basis, generation)| Earlier { basis, generation, memo: &memo });
        let inputs = Inputs { tals: &self.tals, source: &watched, policy: &self.policy, now };
        let step = || validate::advance(inputs, &known.state, earlier, keep);
        let Advance { state, validation, kept } = self.watch(&watched, step, now)?;
        let damaged = damaged.into_inner();
        if damaged > 0 {
            tracing::warn!(memos = damaged, "damaged memos are made again");
        }
        // One bad object is fetched again; a bad file is no cache any more.
        snapshot.check_health()?;
        let named = named(&snapshot, &validation);
        let circumstances = snapshot.circumstances(&self.tals).ok();
        let (wanted, admission) = self.wanted(&named)?;
        Ok(Validated {
            state,
            validation,
            duration: started.elapsed(),
            wanted,
            admission,
            stamp: None,
            kept,
            named,
            circumstances,
        })
    }

    /// Decides which of the repositories that certificates name are fetched, and returns what is
    /// known about each.
    pub(super) fn wanted(
        &self,
        named: &[(String, Vec<RepositoryId>)],
    ) -> Result<(Vec<RepositoryStatus>, Admission), WorkerError> {
        let mut statuses = self.statuses()?;
        let known: BTreeSet<RepositoryId> = statuses.keys().cloned().collect();
        let admission = admission::admit(named, &known, REPOSITORIES_PER_TRUST_ANCHOR);
        let ids = admission.admitted.iter().chain(admission.blocked.keys());
        let wanted = ids.collect::<BTreeSet<_>>().into_iter().map(|id| {
            statuses.remove(id).unwrap_or_else(|| RepositoryStatus {
                error: admission.blocked.get(id).map(|anchor| too_many(anchor)),
                ..RepositoryStatus::pending(id.clone())
            })
        });
        let wanted = wanted.collect();
        Ok((wanted, admission))
    }

    /// Runs the validation, and keeps the record of the points in hand.
    fn watch(
        &self,
        source: &Watched<'_>,
        step: impl FnOnce() -> Advance + Send,
        now: Timestamp,
    ) -> Result<Advance, WorkerError> {
        let Some(in_hand) = &self.in_hand else { return Ok(step()) };
        let is_open = |unit: &&String| unit.starts_with(POINT);
        let suspects: Vec<&String> = source.suspects.units.keys().filter(is_open).collect();
        // With a suspect among the points, one after the other: the next crash has one culprit.
        let result = match suspects.is_empty() {
            true => step(),
            false => rayon::ThreadPoolBuilder::new()
                .num_threads(1)
                .build()
                .map_err(|error| std::io::Error::other(error.to_string()))?
                .install(step),
        };
        in_hand.release_threads();
        let points =
            result.validation.points.iter().map(|point| point_unit(&point.location.manifest));
        let judged: BTreeSet<String> = points.collect();
        in_hand.forgive(
            suspects
                .into_iter()
                .filter(|unit| {
                    source.suspects.quarantine(unit, now).is_none() && judged.contains(*unit)
                })
                .map(String::as_str),
        );
        Ok(result)
    }

    /// Makes the next world of what a validation found; `parent` is the number of the last one.
    pub fn assemble(
        &self,
        validated: &Validated,
        parent: Option<WorldId>,
    ) -> Result<World, WorkerError> {
        let previous = match parent.is_some() && World::needs_previous(&validated.validation) {
            true => self.last_world()?,
            false => None,
        };
        let mut statuses = self.statuses()?;
        let wanted = validated.wanted.iter().map(|status| {
            // Fetches went on while validation ran: their times are newer, their states, too.
            statuses.remove(&status.id).unwrap_or_else(|| status.clone())
        });
        Ok(World::assemble(Assembly {
            id: world::next_id(&self.world_dir)?,
            purpose: self.purpose,
            validation: &validated.validation,
            validation_duration: validated.duration,
            repositories: wanted.collect(),
            trust_anchor_fetches: self.trust_anchor_fetches()?,
            parent,
            previous: previous.as_deref(),
            stamp: validated.stamp,
        }))
    }

    /// Says how near each limit was come to, for others to show.
    pub(super) fn report(&self, validated: Option<&Admission>) {
        let Some((state, record)) = &self.record else { return };
        let mut record = record.clone();
        record.limits = self.fetcher.headroom().into_iter().map(LimitUse::from).collect();
        let most = validated.and_then(|admission| admission.wanted.values().max().copied());
        record.limits.push(LimitUse {
            limit: "repositories-of-a-trust-anchor".to_owned(),
            most: most.map_or(0, |most| u64::try_from(most).unwrap_or(u64::MAX)),
            allowed: u64::try_from(REPOSITORIES_PER_TRUST_ANCHOR).unwrap_or(u64::MAX),
        });
        record.limits.push(LimitUse {
            limit: "cache-bytes".to_owned(),
            most: self.store.size(),
            allowed: self.fetcher.cache_limit(),
        });
        if let Err(error) = record.write(state, Child::Worker) {
            tracing::warn!(%error, "cannot write what the worker says about itself");
        }
    }

    /// Loads the world that was published last; a broken one counts as none, and is replaced.
    pub fn last_world(&self) -> Result<Option<Arc<World>>, WorkerError> {
        match world::load_current(&self.world_dir) {
            Ok(world) => Ok(world.map(Arc::new)),
            Err(error) if error.is_newer() => Err(error.into()),
            Err(error) => {
                tracing::warn!(%error, "the last world cannot be read and will be replaced");
                Ok(None)
            }
        }
    }

    /// Returns what is known about each repository.
    pub fn statuses(&self) -> Result<BTreeMap<RepositoryId, RepositoryStatus>, WorkerError> {
        let records = self.store.repositories()?.into_iter();
        Ok(records.map(|record| (record.status.id.clone(), record.status)).collect())
    }

    /// Returns how fetching each trust anchor's certificate went.
    pub fn trust_anchor_fetches(&self) -> Result<BTreeMap<String, TrustAnchorFetch>, WorkerError> {
        let fetch = |tal: &Tal| Ok((tal.name.clone(), self.store.trust_anchor_fetch(&tal.name)?));
        self.tals.iter().map(fetch).collect()
    }
}
