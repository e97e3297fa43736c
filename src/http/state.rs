//! What every handler answers from: the view in use, and what was derived from it once.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use tokio::sync::Semaphore;

use super::counters::Counters;
use super::summary::Summary;
use crate::model::{ObjectHash, Timestamp};
use crate::output::{Format, Selection};
use crate::payload::Exceptions;
use crate::rtr;
use crate::world::{Purpose, View, World};

/// The state of the service; a clone is the same state.
#[derive(Clone, Debug)]
pub struct App {
    current: Arc<ArcSwapOption<Served>>,
    pub(super) counters: Arc<Counters>,
    pub(super) max_age: Duration,
    now: fn() -> Timestamp,
    /// What routers get, and the age from which on they get nothing.
    rtr: Option<(rtr::Cache, Duration)>,
    exceptions: Arc<ArcSwapOption<ExceptionsStatus>>,
    /// Whether `/metrics` has Routinator's names, too.
    pub(super) routinator_metrics: bool,
    /// Who may have a payload written for itself alone, in memory (THREATS J06).
    pub(super) writers: Arc<Semaphore>,
}

/// How many payloads are written for single clients at a time.
const MAX_WRITERS: usize = 4;

impl App {
    /// Makes a service without data; data older than `max_age` will count as stale.
    pub fn new(max_age: Duration, now: fn() -> Timestamp) -> Self {
        let writers = Arc::new(Semaphore::new(MAX_WRITERS));
        let (current, counters, exceptions) = Default::default();
        App {
            current,
            counters,
            max_age,
            now,
            rtr: None,
            exceptions,
            routinator_metrics: false,
            writers,
        }
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
    pub fn publish(&self, served: Served) {
        self.current.store(Some(Arc::new(served)));
    }

    /// Returns what is answered from; `None` before the first world.
    pub fn current(&self) -> Option<Arc<Served>> {
        self.current.load_full()
    }

    /// Returns what is answered from, if it holds anything to answer from.
    ///
    /// A world in which no trust anchor is valid has states to show, but no answers.
    pub(super) fn answering(&self) -> Option<Arc<Served>> {
        self.current().filter(|served| served.view().has_data())
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
    csv: OnceLock<Payload>,
    json: OnceLock<Payload>,
}

/// A whole payload in one format: shared by everyone who downloads it (THREATS J06).
#[derive(Clone, Debug)]
pub(super) struct Payload {
    pub body: Bytes,
    /// The entity tag, with its quotes: digest of the body and number of the world, in the form
    /// of Routinator's session and serial.
    pub etag: String,
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
        Served { view, world, made: now, summary, csv: OnceLock::new(), json: OnceLock::new() }
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

    /// Returns when the payload changed last, as far as is known.
    pub(super) fn made(&self) -> Timestamp {
        self.made
    }

    pub(super) fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Returns the whole payload if it was written before.
    pub(super) fn written(&self, format: Format) -> Option<&Payload> {
        self.slot(format)?.get()
    }

    /// Tells whether the whole payload in this format is kept once it was written.
    pub(super) fn is_shared(&self, format: Format) -> bool {
        self.slot(format).is_some()
    }

    /// Writes what is selected: a second of work at full size, so not for async tasks.
    ///
    /// The formats that are asked for most are written once and shared.
    pub(super) fn write(&self, format: Format, selection: &Selection) -> Payload {
        let write = || {
            let mut body = Vec::new();
            // Writing to memory does not fail.
            let _ = format.write(&self.view, selection, &mut body);
            let digest = ObjectHash::of(&body).to_string();
            let session = digest.get(..16).unwrap_or_default();
            Payload { body: body.into(), etag: format!("\"{session}-{}\"", self.world.id) }
        };
        match self.slot(format) {
            Some(slot) if selection.is_everything() => slot.get_or_init(write).clone(),
            _ => write(),
        }
    }

    fn slot(&self, format: Format) -> Option<&OnceLock<Payload>> {
        match format {
            Format::Csv => Some(&self.csv),
            Format::Json => Some(&self.json),
            _ => None,
        }
    }
}
