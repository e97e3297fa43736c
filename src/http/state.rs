//! What every handler answers from: the view in use, and what was derived from it once.

use std::fmt::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use uuid::Uuid;

use super::counters::Counters;
use super::history::History;
use super::limits::{MAX_HELD_KIB, MAX_LIVE_VIEWS, MAX_STREAMS, MAX_TABLES, MAX_WAITING, Times};
use super::routinator::Tally;
use super::summary::Summary;
use super::v1::findings::{Position, positions};
use super::worker::WorkerReport;
use crate::model::{ObjectHash, Timestamp};
use crate::output::{Format, Selection};
use crate::payload::Exceptions;
use crate::rtr;
use crate::world::{Purpose, View, World};

/// The state of the service; a clone is the same state.
#[derive(Clone, Debug)]
pub struct App {
    current: Arc<ArcSwapOption<Served>>,
    worker: Arc<ArcSwapOption<WorkerReport>>,
    pub(super) counters: Arc<Counters>,
    pub(super) max_age: Duration,
    /// Names that this server is asked by.
    pub(super) names: Arc<[String]>,
    now: fn() -> Timestamp,
    /// What routers get, and the age from which on they get nothing.
    rtr: Option<(rtr::Cache, Duration)>,
    exceptions: Arc<ArcSwapOption<ExceptionsStatus>>,
    /// Whether `/metrics` has Routinator's names, too.
    pub(super) routinator_metrics: bool,
    /// Who may read a whole payload (THREATS J06).
    pub(super) streams: Arc<Semaphore>,
    /// The views in memory, oldest first: a slow reader keeps the one that it began with.
    live: Arc<Mutex<Vec<Weak<Served>>>>,
    /// KiB of bodies that may wait in memory for single clients (THREATS J06).
    held: Arc<Semaphore>,
    /// Who may wait for changes (THREATS J07).
    pub(super) waiting: Arc<Semaphore>,
    pub(super) times: Times,
    /// Who may have a table answered (THREATS J06).
    pub(super) tables: Arc<Semaphore>,
    news: watch::Sender<News>,
    /// Names the numbering of the payloads that this process serves.
    session: u64,
}

/// What those are told who wait.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum News {
    /// Look again.
    Published,
    /// The service ends.
    Closing,
}

impl App {
    /// Makes a service without data; data older than `max_age` will count as stale.
    pub fn new(max_age: Duration, now: fn() -> Timestamp) -> Self {
        App {
            current: Arc::default(),
            worker: Arc::default(),
            counters: Arc::default(),
            max_age,
            rtr: None,
            exceptions: Arc::default(),
            names: Arc::default(),
            now,
            routinator_metrics: false,
            streams: Arc::new(Semaphore::new(MAX_STREAMS)),
            live: Arc::default(),
            held: Arc::new(Semaphore::new(MAX_HELD_KIB)),
            waiting: Arc::new(Semaphore::new(MAX_WAITING)),
            times: Times::default(),
            tables: Arc::new(Semaphore::new(MAX_TABLES)),
            news: watch::Sender::new(News::Published),
            session: Uuid::new_v4().as_u64_pair().0 >> 16,
        }
    }

    /// Answers also to these names: the paths of our own are else answered only to addresses and
    /// to names that no stranger can own.
    #[must_use]
    pub fn named(self, names: Vec<String>) -> Self {
        App { names: names.into(), ..self }
    }

    /// Shows the state of `cache`, too, and is not ready when the data are older than `max_age`,
    /// from which on routers get none.
    pub fn with_rtr(self, cache: rtr::Cache, max_age: Duration) -> Self {
        App { rtr: Some((cache, max_age)), ..self }
    }

    /// Shows metrics under Routinator's names, too.
    pub fn with_routinator_metrics(self) -> Self {
        App { routinator_metrics: true, ..self }
    }

    /// Answers from `served` from now on; requests under way finish with what they began with.
    ///
    /// Compares it with what was served before: milliseconds of work, so not for async tasks.
    pub fn publish(&self, mut served: Served) {
        let last = self.current();
        let history = match &last {
            Some(last) => &last.history,
            None => &History::begin(self.session),
        };
        let last = last.as_ref().map(|last| last.view());
        served.history = history.after(last, &served.view, &served.world);
        let served = Arc::new(served);
        self.retire_old(&served);
        self.current.store(Some(served));
        self.news.send_replace(News::Published);
    }

    /// Notes that `next` is in memory; where there are too many views, those who read from the
    /// oldest are cut off.
    fn retire_old(&self, next: &Arc<Served>) {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.retain(|view| view.strong_count() > 0);
        live.push(Arc::downgrade(next));
        let surplus = live.len().saturating_sub(MAX_LIVE_VIEWS);
        for old in live.drain(..surplus).filter_map(|old| old.upgrade()) {
            old.is_retired.store(true, Ordering::Relaxed);
        }
    }

    /// Returns a place among those who read a whole payload, if there is one.
    pub(super) fn place(&self, served: &Arc<Served>) -> Option<Place> {
        let place = Arc::clone(&self.streams).try_acquire_owned().ok()?;
        let end = Instant::now() + self.times.stream;
        Some(Place { served: Arc::clone(served), end, _place: place })
    }

    /// Ends every wait, because the service ends.
    pub(super) fn close(&self) {
        self.news.send_replace(News::Closing);
    }

    /// Returns session and serial of the payload in use; serial 0 is that there is none.
    pub(super) fn version(&self) -> (u64, u32) {
        (self.session, self.current().map_or(0, |served| served.history.serial))
    }

    /// Returns a place among those who wait for changes, if there is one.
    pub(super) fn wait(&self) -> Option<Waiting> {
        let place = Arc::clone(&self.waiting).try_acquire_owned().ok()?;
        Some(Waiting { news: self.news.subscribe(), longest: self.times.poll, _place: place })
    }

    /// Counts a body against the memory that bodies for single clients may take, for as long as
    /// anything of it is not sent; `None` if too much is waiting.
    pub(super) fn hold(&self, body: impl Into<Vec<u8>>) -> Option<Bytes> {
        let body = body.into();
        let kib = u32::try_from(body.len() / 1024).ok()?;
        let share = Arc::clone(&self.held).try_acquire_many_owned(kib).ok()?;
        Some(Bytes::from_owner(Held { body, _share: share }))
    }

    /// Returns what is answered from; `None` before the first world.
    pub fn current(&self) -> Option<Arc<Served>> {
        self.current.load_full()
    }

    /// Returns what the data are for.
    pub(super) fn purpose(&self) -> Option<Purpose> {
        self.current.load().as_ref().map(|served| served.world.purpose)
    }

    /// Shows what is known about the worker from now on.
    pub fn set_worker(&self, report: Option<WorkerReport>) {
        self.worker.store(report.map(Arc::new));
    }

    pub(super) fn worker(&self) -> Option<Arc<WorkerReport>> {
        self.worker.load_full()
    }

    /// Returns what is answered from, if it holds anything to answer from.
    ///
    /// A world in which no trust anchor is valid has states to show, but no answers.
    pub(super) fn answering(&self) -> Option<Arc<Served>> {
        self.current().filter(|served| served.view().has_data())
    }

    /// Tells whether a world is older than the maximal age; an archive never is.
    pub(super) fn is_old(&self, world: &World) -> bool {
        let is_archive = matches!(world.purpose, Purpose::Archive { .. });
        self.now().since(world.time) > self.max_age && !is_archive
    }

    /// Says what is known of the operator's exceptions; `None` if no file was named.
    pub fn set_exceptions(&self, status: Option<ExceptionsStatus>) {
        self.exceptions.store(status.map(Arc::new));
    }

    /// Returns what is known of the operator's exceptions; `None` if no file was named.
    pub(super) fn exceptions(&self) -> Option<Arc<ExceptionsStatus>> {
        self.exceptions.load_full()
    }

    /// Returns what is known about routers, where they are served.
    pub(super) fn rtr(&self) -> Option<rtr::Status> {
        self.rtr.as_ref().map(|(cache, _)| cache.status())
    }

    /// Tells whether the data are too old for routers.
    pub(super) fn is_too_old_for_routers(&self, served: &Served) -> bool {
        let limit = self.rtr.as_ref().map(|(_, max_age)| *max_age);
        let confirmed = served.view().confirmed();
        limit.zip(confirmed).is_some_and(|(limit, time)| self.now().since(time) > limit)
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.now)()
    }
}

/// A body with its share of the memory for such bodies.
struct Held {
    body: Vec<u8>,
    _share: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

/// A place among those who read a whole payload, from one view.
pub(super) struct Place {
    served: Arc<Served>,
    end: Instant,
    _place: OwnedSemaphorePermit,
}

impl Place {
    /// Tells whether reading must end: it took too long, or keeps an old view in memory.
    pub fn is_over(&self) -> bool {
        self.served.is_retired.load(Ordering::Relaxed) || self.end <= Instant::now()
    }
}

/// A place among those who wait for changes.
pub(super) struct Waiting {
    news: watch::Receiver<News>,
    longest: Duration,
    _place: OwnedSemaphorePermit,
}

impl Waiting {
    /// Waits until `is_so`, for no longer than a long poll may, or until the service ends.
    pub async fn until(&mut self, is_so: impl Fn() -> bool) {
        let longest = self.longest;
        let wait = async { while !is_so() && self.next().await {} };
        let _ = tokio::time::timeout(longest, wait).await;
    }

    /// Waits until something is published after the last call; no longer if the service ends.
    pub async fn next(&mut self) -> bool {
        let changed = self.news.changed().await.is_ok();
        changed && *self.news.borrow_and_update() == News::Published
    }
}

/// What is known of the operator's exceptions.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ExceptionsStatus {
    /// The files that were named.
    pub files: Vec<String>,
    /// Since when those in force are.
    pub since: Timestamp,
    /// Why a file cannot be used as it is now; the last good ones stay in force.
    pub error: Option<String>,
}

/// A view with what is the same for everyone who asks about it.
#[derive(Debug)]
pub struct Served {
    view: View,
    world: Arc<World>,
    made: Timestamp,
    summary: Summary,
    /// What was served before, as far as it is kept.
    history: History,
    tally: OnceLock<Tally>,
    findings: OnceLock<Vec<Position>>,
    /// What the tags of payloads are made from.
    identity: OnceLock<ObjectHash>,
    /// Whether those who still read from it are cut off.
    is_retired: AtomicBool,
}

impl Served {
    /// Derives what is answered from `world` at `now`, without local exceptions.
    pub fn new(world: Arc<World>, now: Timestamp) -> Self {
        Served::excepting(world, &Arc::default(), now)
    }

    /// Derives what is answered from `world` and the operator's exceptions at `now`: seconds of work, so not for async tasks.
    pub fn excepting(world: Arc<World>, exceptions: &Arc<Exceptions>, now: Timestamp) -> Self {
        let view = View::of_world(Arc::clone(&world), now).except(exceptions);
        let summary = Summary::of(&view, &world);
        Served {
            view,
            world,
            made: now,
            summary,
            history: History::begin(0),
            tally: OnceLock::new(),
            findings: OnceLock::new(),
            identity: OnceLock::new(),
            is_retired: AtomicBool::new(false),
        }
    }

    /// Returns the number of the payload, and what led to it.
    pub(super) fn history(&self) -> &History {
        &self.history
    }

    /// Returns the numbers as Routinator counts them: work at the first call.
    pub(super) fn tally(&self) -> &Tally {
        self.tally.get_or_init(|| Tally::of(&self.view, &self.world))
    }

    /// Returns the view.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Returns the world that the view was made from.
    pub fn world(&self) -> &Arc<World> {
        &self.world
    }

    /// Returns the first second in which another view is due; `None` means never.
    ///
    /// An archive stays at its own time, for which nothing expires.
    pub(super) fn due(&self) -> Option<Timestamp> {
        if self.is_archive() { None } else { self.view.next_expiry() }
    }

    /// Tells whether the view is right at `now`: not when something expired since, and not when
    /// the clock was set back to before the view was made (THREATS L08).
    pub fn is_right_at(&self, now: Timestamp) -> bool {
        self.is_archive() || (self.made <= now && self.due().is_none_or(|due| now < due))
    }

    fn is_archive(&self) -> bool {
        matches!(self.world.purpose, Purpose::Archive { .. })
    }

    /// Returns where the findings stand, sorted by object: work at the first call.
    pub(super) fn findings(&self) -> &[Position] {
        self.findings.get_or_init(|| positions(&self.world))
    }

    /// Returns when the payload changed last, as far as is known.
    pub(super) fn made(&self) -> Timestamp {
        self.made
    }

    pub(super) fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Returns the entity tag of what is selected in a format, with its quotes: a digest and the
    /// number of the world, in the form of Routinator's session and serial.
    ///
    /// It is of what the text is made from, so that it is there before the text, and is the same
    /// after a restart: nobody loads again what has not changed.
    pub(super) fn tag(&self, format: Format, selection: &Selection) -> String {
        let identity = self.identity.get_or_init(|| self.identity());
        let digest = ObjectHash::of(format!("{identity} {format:?} {selection:?}").as_bytes());
        let digest = digest.to_string();
        format!("\"{}-{}\"", digest.get(..16).unwrap_or_default(), self.world.id)
    }

    fn identity(&self) -> ObjectHash {
        let World { id, time, validation_duration, stamp, purpose, .. } = &*self.world;
        let exceptions = self.view.exceptions();
        let mut hash = Hashing(Context::new(&SHA256));
        // Of one world, time takes out one thing after the other; the last one says which.
        let since = self.view.since();
        let _ = write!(
            hash,
            "{} {id} {time} {validation_duration:?} {stamp:?} {purpose:?} {since:?}",
            env!("CARGO_PKG_VERSION")
        );
        for (_, rule) in exceptions.rules() {
            let _ = write!(hash, "{rule:?}");
        }
        let _ = write!(hash, "{:?} {:?}", exceptions.router_keys(), exceptions.aspas());
        ObjectHash::from_slice(hash.0.finish().as_ref()).unwrap_or(ObjectHash([0; 32]))
    }
}

/// The SHA-256 of a text that is not kept.
struct Hashing(Context);

impl Write for Hashing {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}
