//! Fetches one repository or trust anchor within its deadline, and commits what came.

use std::fmt::Display;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::backoff::{Jitter, next_attempt};
use super::budget::{Budget, Parsers, Pool, Share};
use super::copies::KeptCopies;
use super::error::{FetchError, FetchErrorKind, Stage};
use super::guard::{Guard, LocalAddresses};
use super::headroom::{Headroom, seen};
use super::http::HttpClient;
use super::limits::{
    CACHE_BYTES, DISK_RESERVE, KEPT_COPIES_SHARE, MEMORY_BYTES, REFRESH, REPOSITORY_DEADLINE,
    RSYNC_BYTES, TRANSFER_BYTES,
};
use super::proxy::ProxyConfig;
use super::report::{Done, Drops, FetchReport};
use super::rrdp::Rrdp;
use super::rsync::Rsync;
use super::stop::Stop;
use tokio::sync::OwnedSemaphorePermit;

use crate::clock;
use crate::model::{ObjectHash, RepositoryId, RsyncModule, Timestamp};
use crate::store::{
    Attempt, MapChange, RrdpState, Staging, Store, StoreError, StoreErrorKind, Success,
};
use crate::world::RepositoryStatus;

/// What the operator chose about fetching.
#[derive(Clone, Debug)]
pub struct FetchConfig {
    /// Whether loopback and private addresses may be contacted.
    pub local_addresses: LocalAddresses,
    /// PEM files of TLS roots besides the system's.
    pub root_certificates: Vec<PathBuf>,
    /// The HTTP proxy.
    pub proxy: ProxyConfig,
    /// Where temporary files and rsync's copies live; made if missing.
    pub work_dir: PathBuf,
    /// The rsync program; a name is looked up in the usual places.
    pub rsync_program: PathBuf,
    /// How long one attempt at a repository may take.
    pub deadline: Duration,
    /// How often an up-to-date repository is asked again.
    pub refresh: Duration,
    /// How much all repositories together may have on disk.
    pub disk: DiskLimits,
}

/// How much all repositories together may have on disk, in bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DiskLimits {
    /// Documents on their way, and copies that rsync has made.
    pub transfers: u64,
    /// The cache.
    pub cache: u64,
    /// What is left free.
    pub reserve: u64,
}

impl Default for DiskLimits {
    fn default() -> Self {
        DiskLimits { transfers: TRANSFER_BYTES, cache: CACHE_BYTES, reserve: DISK_RESERVE }
    }
}

impl FetchConfig {
    /// Returns the defaults, with everything temporary below `work_dir`.
    pub fn new(work_dir: impl Into<PathBuf>) -> Self {
        FetchConfig {
            local_addresses: LocalAddresses::Refuse,
            root_certificates: Vec::new(),
            proxy: ProxyConfig::default(),
            work_dir: work_dir.into(),
            rsync_program: "rsync".into(),
            deadline: REPOSITORY_DEADLINE,
            refresh: REFRESH,
            disk: DiskLimits::default(),
        }
    }
}

/// The network. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Fetcher {
    pub(super) http: HttpClient,
    pub(super) rsync: Rsync,
    spool_dir: PathBuf,
    pub(super) deadline: Duration,
    refresh: Duration,
    pub(super) budget: Budget,
}

/// What an attempt holds of the common budgets until it is committed.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) _place: Option<OwnedSemaphorePermit>,
    pub(super) _memory: Option<Share>,
}

/// What a transport brought, to be committed.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) staging: Staging,
    pub(super) change: MapChange,
    pub(super) rrdp: Option<RrdpState>,
    pub(super) bytes: u64,
    pub(super) done: Done,
    pub(super) drops: Drops,
    pub(super) held: Held,
}

impl Fetcher {
    /// Makes a fetcher. Fails if the work directory cannot be made or a TLS root not be read.
    pub fn new(config: &FetchConfig) -> Result<Self, FetchError> {
        let local = |error| {
            let kind = FetchErrorKind::Store(StoreErrorKind::Io);
            FetchError::new(Stage::Tree, config.work_dir.display(), kind, error)
        };
        std::fs::create_dir_all(config.work_dir.join("rsync")).map_err(local)?;
        // The rsync program runs elsewhere and needs a path from the root.
        let work_dir = config.work_dir.canonicalize().map_err(local)?;
        let directory = work_dir.join("rsync");
        let guard = Guard(config.local_addresses);
        let DiskLimits { transfers, cache, reserve } = config.disk;
        let on_disk = |what, limit| Pool::on_disk(what, limit, &work_dir, reserve);
        let budget = Budget {
            transfers: on_disk("transfers", transfers),
            copies: on_disk("copies of rsync modules", transfers / KEPT_COPIES_SHARE),
            memory: Pool::new("documents in memory", MEMORY_BYTES),
            parsers: Parsers::default(),
            cache_bytes: cache,
            reserve,
        };
        Ok(Fetcher {
            http: HttpClient::new(guard, &config.root_certificates, &config.proxy)?,
            rsync: Rsync {
                program: config.rsync_program.clone(),
                guard,
                directory,
                byte_limit: RSYNC_BYTES,
                budget: budget.clone(),
                kept: KeptCopies::default(),
            },
            spool_dir: work_dir,
            deadline: config.deadline,
            refresh: config.refresh,
            budget,
        })
    }

    /// Makes one attempt at a repository, and records how it ended.
    ///
    /// Data and status change together or not at all; a deadline or an error changes the status
    /// only. Dropping the future stops the attempt, and leaves it unrecorded.
    pub async fn fetch_repository(&self, store: &Store, id: &RepositoryId) -> FetchReport {
        let (clock, began) = (Instant::now(), clock::now());
        let stage = stage_of(id);
        let begin = on_store(store, id, move |store, id| store.begin(&id, began)).await;
        let attempt = match begin {
            Ok(attempt) => attempt,
            Err(error) => {
                return broken(RepositoryStatus::pending(id.clone()), error, clock.elapsed());
            }
        };
        let stop = Stop::default();
        let fetched = {
            let _stop = stop.on_drop();
            let transfer = self.transfer(store, &attempt, stop.clone());
            match tokio::time::timeout(self.deadline, transfer).await {
                Ok(result) => result,
                Err(_) => {
                    let detail = format!("not done after {} s", self.deadline.as_secs_f64());
                    Err(FetchError::new(stage, id, FetchErrorKind::Timeout, detail))
                }
            }
        };
        let report = match fetched {
            Ok(outcome) => self.commit(store, &attempt, outcome, clock).await,
            Err(error) => self.fail(store, &attempt, error, clock).await,
        };
        log(&report);
        report
    }

    /// Removes rsync's copies of modules that are not in `keep`, and what killed attempts left.
    ///
    /// Call it at the start and between attempts; blocks.
    pub fn retain_mirrors(&self, keep: &[RsyncModule]) -> Result<(), FetchError> {
        self.rsync.retain(keep).map_err(|error| {
            let kind = FetchErrorKind::Store(StoreErrorKind::Io);
            FetchError::new(Stage::Tree, self.spool_dir.display(), kind, error)
        })
    }

    /// Returns how near each limit and each common budget was come to since the start.
    pub fn headroom(&self) -> Vec<Headroom> {
        let pool = |limit, pool: &Pool| {
            let (most, allowed) = pool.headroom();
            Headroom { limit, most, allowed }
        };
        let budget = &self.budget;
        let pools = [
            pool("transfer-bytes-in-all", &budget.transfers),
            pool("rsync-copy-bytes-in-all", &budget.copies),
            pool("memory-bytes-in-all", &budget.memory),
        ];
        seen().into_iter().chain(pools).collect()
    }

    /// Returns how many bytes the cache may have.
    pub fn cache_limit(&self) -> u64 {
        self.budget.cache_bytes
    }

    async fn transfer(
        &self,
        store: &Store,
        attempt: &Attempt,
        stop: Stop,
    ) -> Result<Outcome, FetchError> {
        match &attempt.id {
            RepositoryId::Rrdp(notify) => {
                let spool_dir = self.spool_dir.clone();
                let http = &self.http;
                let budget = &self.budget;
                Rrdp { http, store, budget, attempt, notify, spool_dir, stop }.fetch().await
            }
            RepositoryId::Rsync(module) => {
                self.rsync.fetch_module(store, module, attempt.rank, stop).await
            }
        }
    }

    async fn commit(
        &self,
        store: &Store,
        attempt: &Attempt,
        outcome: Outcome,
        clock: Instant,
    ) -> FetchReport {
        let now = clock::now();
        let success = Success {
            finished: now,
            duration: clock.elapsed(),
            next_attempt: next_attempt(now, 0, self.refresh, jitter(&attempt.id, now)),
            bytes: outcome.bytes,
            rrdp: outcome.rrdp,
        };
        let (staging, change, held) = (outcome.staging, outcome.change, outcome.held);
        let end = attempt.clone();
        let commit = on_store(store, &attempt.id, move |_, _| {
            let committed = staging.commit(&end, &change, &success);
            drop((change, held));
            committed
        });
        match commit.await {
            Ok(committed) => FetchReport {
                changed: committed.changed || committed.status.state != attempt.before.status.state,
                status: committed.status,
                done: Some(outcome.done),
                drops: outcome.drops,
                error: None,
                elapsed: clock.elapsed(),
            },
            Err(error) => self.fail(store, attempt, error, clock).await,
        }
    }

    async fn fail(
        &self,
        store: &Store,
        attempt: &Attempt,
        error: FetchError,
        clock: Instant,
    ) -> FetchReport {
        let (now, duration) = (clock::now(), clock.elapsed());
        let failures = attempt.before.failures.saturating_add(1);
        let next = next_attempt(now, failures, self.refresh, jitter(&attempt.id, now));
        let (end, text) = (attempt.clone(), error.to_string());
        let recorded =
            on_store(store, &attempt.id, move |store, _| store.fail(&end, &text, duration, next));
        match recorded.await {
            Ok(status) => FetchReport {
                changed: status.state != attempt.before.status.state,
                ..broken(status, error, duration)
            },
            Err(_) => broken(attempt.before.status.clone(), error, duration),
        }
    }
}

/// Runs work that blocks on another thread; a panic there becomes an error here.
pub(super) async fn blocking<T: Send + 'static>(
    stage: Stage,
    uri: impl Display,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, FetchError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        FetchError::new(stage, uri, FetchErrorKind::Internal, format!("fault of ours: {error}"))
    })
}

async fn on_store<T: Send + 'static>(
    store: &Store,
    id: &RepositoryId,
    work: impl FnOnce(Store, RepositoryId) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, FetchError> {
    let (store, own) = (store.clone(), id.clone());
    let done = blocking(stage_of(id), id, move || work(store, own)).await?;
    done.map_err(|error| FetchError::store(stage_of(id), id, &error))
}

fn stage_of(id: &RepositoryId) -> Stage {
    match id {
        RepositoryId::Rrdp(_) => Stage::Notification,
        RepositoryId::Rsync(_) => Stage::Rsync,
    }
}

fn broken(status: RepositoryStatus, error: FetchError, elapsed: Duration) -> FetchReport {
    FetchReport {
        status,
        done: None,
        changed: false,
        drops: Drops::default(),
        error: Some(error),
        elapsed,
    }
}

/// Spreads attempts: differs between repositories and between attempts, without a random source.
fn jitter(id: &RepositoryId, now: Timestamp) -> Jitter {
    let hash = ObjectHash::of(format!("{id} {} {}", now.0, std::process::id()).as_bytes());
    Jitter(hash.0.first().copied().unwrap_or(0))
}

fn log(report: &FetchReport) {
    let status = &report.status;
    let elapsed_ms = u64::try_from(report.elapsed.as_millis()).unwrap_or(u64::MAX);
    match (&report.error, report.done) {
        (Some(error), _) => {
            tracing::warn!(repository = %status.id, elapsed_ms, error = %error, "fetch failed");
        }
        (None, done) => tracing::info!(
            repository = %status.id,
            elapsed_ms,
            objects = status.objects,
            bytes = status.bytes,
            dropped = report.drops.count,
            done = ?done,
            "fetched"
        ),
    }
}
