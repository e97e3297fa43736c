//! One judgement: the cache, the last good states and a time in; a world out.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::error::WorkerError;
use super::schedule::Target;
use crate::clock;
use crate::fetch::Fetcher;
use crate::model::{RepositoryId, Timestamp};
use crate::object::Tal;
use crate::store::{Store, Transports};
use crate::validate::{self, Policy, State, Validation};
use crate::world::{self, Assembly, Purpose, RepositoryStatus, TrustAnchorFetch, World};

/// When a trust anchor whose certificate could not be fetched is tried again.
const TRUST_ANCHOR_RETRY: Duration = Duration::from_secs(120);

fn soon() -> Timestamp {
    clock::now().plus(TRUST_ANCHOR_RETRY)
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
}

/// A validation that ended.
pub struct Validated {
    /// The last good states after it.
    pub state: State,
    /// What it found.
    pub validation: Validation,
    /// How long it took.
    pub duration: Duration,
    /// The repositories that the certificates in it name, with what is known about each.
    pub wanted: Vec<RepositoryStatus>,
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
}

impl Engine {
    /// Fetches a trust anchor's certificate or a repository; how it went is kept in the cache.
    pub(super) async fn fetch(&self, target: &Target) -> Fetched {
        match target {
            Target::Repository(id) => {
                let report = self.fetcher.fetch_repository(&self.store, id).await;
                let next = report.status.next_attempt;
                Fetched { changed: report.changed, next_attempt: next.unwrap_or_else(soon) }
            }
            Target::TrustAnchor(name) => self.fetch_trust_anchor(name).await,
        }
    }

    async fn fetch_trust_anchor(&self, name: &str) -> Fetched {
        // Only the trust anchors of our TALs are ever scheduled.
        let Some(tal) = self.tals.iter().find(|tal| tal.name == name) else {
            return Fetched { changed: false, next_attempt: Timestamp::MAX };
        };
        match self.fetcher.fetch_trust_anchor(&self.store, tal, self.transports).await {
            Ok(fetch) => {
                let failed = fetch.error.is_some();
                let next = if failed { soon() } else { clock::now().plus(self.refresh) };
                // Certificates of trust anchors are small and seldom change: always look.
                Fetched { changed: !failed, next_attempt: next }
            }
            Err(error) => {
                tracing::warn!(trust_anchor = name, %error, "cannot keep the certificate");
                Fetched { changed: false, next_attempt: soon() }
            }
        }
    }

    /// Judges the cache at `now`, and keeps the new last good states in it. Blocks.
    pub fn validate(&self, state: &State, now: Timestamp) -> Result<Validated, WorkerError> {
        let validated = self.judge(state, now)?;
        self.store.save_state(state, &validated.state)?;
        let ids: Vec<RepositoryId> = validated.wanted.iter().map(|s| s.id.clone()).collect();
        self.store.discover(&ids)?;
        Ok(validated)
    }

    /// Judges the cache at `now`, and changes nothing. Blocks.
    pub fn judge(&self, state: &State, now: Timestamp) -> Result<Validated, WorkerError> {
        let started = Instant::now();
        let snapshot = self.store.snapshot(self.transports, now)?;
        let (state, validation) = validate::step(&self.tals, &snapshot, state, &self.policy, now);
        let mut statuses = self.statuses()?;
        let wanted = snapshot.wanted(validation.points.iter().map(|point| &point.location));
        let wanted = wanted
            .into_iter()
            .map(|id| statuses.remove(&id).unwrap_or_else(|| RepositoryStatus::pending(id)));
        let wanted = wanted.collect();
        Ok(Validated { state, validation, duration: started.elapsed(), wanted })
    }

    /// Makes the next world of what a validation found.
    pub fn assemble(
        &self,
        validated: &Validated,
        previous: Option<&World>,
    ) -> Result<World, WorkerError> {
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
            previous,
        }))
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
