//! The worker's event loop: fetch what is due, validate what changed, publish the next world.
//!
//! `provost sync` is this loop, ended when nothing is left to do; with `--follow` it goes on.
//! Three events move it: a fetch ends, a validation ends, a time comes.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::{JoinHandle, JoinSet};

use super::advance::{Advanced, Found};
use super::at_hand::{AtHand, Next};
use super::engine::{Engine, Fetched, Known};
use super::error::WorkerError;
use super::limits::{
    FIRST_WORLD_DEADLINE, HOUSEKEEPING_INTERVAL, LONGEST_SLEEP, PROMPT, RENEWAL_INTERVAL,
};
use super::publication::{self, Change};
use super::schedule::{Schedule, Standing, Target};
use crate::clock;
use crate::model::{RepositoryId, Timestamp};
use crate::store::{StoreError, StoreErrorKind};
use crate::world::{Head, RepositoryState, RepositoryStatus};

/// When a worker ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// When everything was fetched once, validated and published.
    OnePass,
    /// When it is told to.
    Follow,
}

/// What goes on, for a line on the terminal.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// How many trust anchors and repositories were fetched.
    pub fetched: usize,
    /// How many are known so far.
    pub known: usize,
    /// What is being fetched.
    pub fetching: Vec<String>,
    /// Whether validation runs.
    pub validating: bool,
    /// How many VRPs the last validation found.
    pub vrps: usize,
}

/// The loop's state.
struct Run<'a> {
    engine: Arc<Engine>,
    mode: Mode,
    on_progress: &'a (dyn Fn(&Progress) + Sync),
    schedule: Schedule,
    fetches: JoinSet<Fetched>,
    /// What each task fetches.
    tasks: HashMap<tokio::task::Id, Target>,
    /// The repositories that certificates name.
    wanted: BTreeSet<RepositoryId>,
    /// The removal of what nothing needs any more.
    tidying: Option<JoinHandle<Result<(), WorkerError>>>,
    last_tidying: Option<Instant>,
    started: Instant,
    /// What the cache holds of the last validation, kept until the first world is published: so long
    /// each validation walks over everything.
    known: Option<Known>,
    /// The validation that runs.
    validating: Option<JoinHandle<Result<Advanced, WorkerError>>>,
    /// The last one, until it is published.
    validated: Option<Advanced>,
    /// When the last validation ended, and how long it took.
    last_validation: Option<(Instant, Duration)>,
    /// The last second in which the last validation's result holds.
    horizon: Timestamp,
    /// Whether something changed that no validation has seen.
    dirty: bool,
    /// Whether a fetch ended whose time the published world does not show.
    renewed: bool,
    /// Whether the first world of this cache is still to come.
    first_world: bool,
    /// The world published last.
    at_hand: AtHand,
    last_publication: Option<Instant>,
    vrps: usize,
}

/// Runs the worker until the mode's end or `shutdown`; returns the head of the world published
/// last.
pub async fn run(
    engine: Arc<Engine>,
    mode: Mode,
    on_progress: &(dyn Fn(&Progress) + Sync),
    shutdown: impl Future<Output = ()>,
) -> Result<Option<Head>, WorkerError> {
    let at_hand = AtHand::load(&engine)?;
    // A cache that was deleted counts as new, too: nothing of the last world may vanish only
    // because it was not fetched again yet.
    let first_world = at_hand.head.is_none() || !engine.store.has_points()?;
    let mut run = Run {
        mode,
        on_progress,
        // Keyed anew in each process: nobody outside can tell whose turn comes first.
        schedule: Schedule::new(RandomState::new().hash_one(std::process::id())),
        fetches: JoinSet::new(),
        tasks: HashMap::new(),
        wanted: BTreeSet::new(),
        tidying: None,
        last_tidying: None,
        started: Instant::now(),
        validating: None,
        validated: None,
        last_validation: None,
        horizon: Timestamp::MAX,
        // The first validation judges what is in the cache, whatever the network does.
        dirty: true,
        renewed: false,
        first_world,
        at_hand,
        known: None,
        last_publication: None,
        vrps: 0,
        engine,
    };
    for tal in &run.engine.tals {
        let target = Target::TrustAnchor(tal.name.clone());
        run.schedule.add(target, Timestamp::MIN, Standing::Prompt, run.started);
    }
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        run.tidy_mirrors()?;
        run.start_fetches();
        run.start_validation();
        run.start_tidying();
        run.report();
        if run.is_done() {
            break;
        }
        let wake = run.wake_up();
        tokio::select! {
            () = &mut shutdown => break,
            Some(ended) = run.fetches.join_next_with_id() => run.fetch_ended(ended)?,
            ended = join(&mut run.validating) => run.validation_ended(ended??)?,
            ended = join(&mut run.tidying) => ended??,
            () = tokio::time::sleep(wake) => run.time_came()?,
        }
    }
    Ok(run.at_hand.head)
}

/// Waits for a task, and takes it away when it has ended; waits for ever where there is none.
async fn join<T>(task: &mut Option<JoinHandle<T>>) -> Result<T, tokio::task::JoinError> {
    match task {
        Some(handle) => {
            let ended = handle.await;
            *task = None;
            ended
        }
        None => std::future::pending().await,
    }
}

/// Tells how a repository did the last time.
fn standing(status: &RepositoryStatus) -> Standing {
    let prompt = status.duration.is_some_and(|took| took <= PROMPT);
    if prompt && status.state == RepositoryState::Current {
        Standing::Prompt
    } else {
        Standing::Unproven
    }
}

/// Makes the error that ends a worker whose cache must be made anew.
fn damaged(engine: &Engine) -> WorkerError {
    WorkerError::Store(StoreError {
        path: engine.store.path().to_owned(),
        kind: StoreErrorKind::Corrupt,
        detail: "the cache is damaged".to_owned(),
    })
}

impl Run<'_> {
    fn start_fetches(&mut self) {
        for target in self.schedule.take_due(clock::now(), Instant::now()) {
            let engine = self.engine.clone();
            let own = target.clone();
            let task = self.fetches.spawn(async move { engine.fetch(&own).await });
            self.tasks.insert(task.id(), target);
        }
    }

    fn fetch_ended(
        &mut self,
        ended: Result<(tokio::task::Id, Fetched), tokio::task::JoinError>,
    ) -> Result<(), WorkerError> {
        let (task, fetched) = match ended {
            Ok(ended) => ended,
            // A defect of ours costs this attempt, and nobody else's (THREATS L11).
            Err(error) => {
                tracing::error!(%error, "a fetch ended in a panic; please report it");
                let next = clock::now().plus(LONGEST_SLEEP * 20);
                (error.id(), Fetched::failed(next))
            }
        };
        if fetched.cache_damaged {
            return Err(damaged(&self.engine));
        }
        let Some(target) = self.tasks.remove(&task) else { return Ok(()) };
        // After a first attempt, what waited for it is no longer pending, whatever the result.
        self.dirty |= fetched.changed || !self.schedule.was_attempted(&target);
        self.renewed = true;
        let next = match self.mode {
            Mode::OnePass => Timestamp::MAX,
            Mode::Follow => fetched.next_attempt,
        };
        self.schedule.finished(target, next, fetched.succeeded, Instant::now());
        Ok(())
    }

    /// Removes old copies of rsync modules, once, before anything is fetched.
    fn tidy_mirrors(&mut self) -> Result<(), WorkerError> {
        if self.last_tidying.is_none() {
            self.last_tidying = Some(Instant::now());
            tokio::task::block_in_place(|| self.engine.tidy_mirrors())?;
        }
        Ok(())
    }

    /// Starts to remove what nothing needs any more, now and then.
    ///
    /// Before every certificate was seen it would remove what is only not named yet.
    fn start_tidying(&mut self) {
        let rested = self.last_tidying.is_none_or(|at| at.elapsed() >= HOUSEKEEPING_INTERVAL);
        if !rested || self.first_world || self.validating.is_some() || self.tidying.is_some() {
            return;
        }
        self.last_tidying = Some(Instant::now());
        let (engine, wanted) = (self.engine.clone(), self.wanted.clone());
        let tidy = move || engine.tidy(&wanted, clock::now());
        self.tidying = Some(tokio::task::spawn_blocking(tidy));
    }

    /// Starts a validation when there is something to validate.
    ///
    /// While fetches run, validations are as far apart as one takes, so that a first run over
    /// hundreds of repositories is not spent on validating after each.
    fn start_validation(&mut self) {
        if !self.dirty || self.validating.is_some() {
            return;
        }
        let rested = self.last_validation.is_none_or(|(ended, took)| ended.elapsed() >= took);
        if !self.schedule.is_idle() && !rested {
            return;
        }
        self.dirty = false;
        let engine = self.engine.clone();
        let known = self.known.take();
        let published = self.at_hand.head.clone();
        let validate = move || engine.advance(known, published.as_ref(), clock::now());
        self.validating = Some(tokio::task::spawn_blocking(validate));
    }

    fn validation_ended(&mut self, validated: Advanced) -> Result<(), WorkerError> {
        self.last_validation = Some((Instant::now(), validated.duration));
        self.horizon = validated.horizon;
        let at = Instant::now();
        let blocked = validated.admission.blocked.len();
        if blocked > 0 {
            tracing::warn!(blocked, "some repositories are too many for their trust anchor");
        }
        for status in &validated.wanted {
            if !validated.admission.admitted.contains(&status.id) {
                continue;
            }
            // Newcomers queue in the order of their discovery: a tree that grows below somebody
            // is behind what was there before it.
            let due = match self.mode {
                Mode::OnePass => clock::now(),
                Mode::Follow => status.next_attempt.unwrap_or_else(clock::now),
            };
            let target = Target::Repository(status.id.clone());
            self.schedule.add(target, due, standing(status), at);
        }
        self.wanted = validated.wanted.iter().map(|status| status.id.clone()).collect();
        self.schedule.retain_repositories(&validated.admission.admitted);
        self.vrps = validated.vrps;
        self.validated = Some(validated);
        self.publish()
    }

    /// Publishes what the last validation found, if it may and should be.
    fn publish(&mut self) -> Result<(), WorkerError> {
        if self.first_world {
            if !self.first_world_is_due() {
                if let Some(Advanced { found: Found::Whole(_, known), .. }) = &self.validated {
                    self.known = Some(known.clone());
                }
                return Ok(());
            }
            self.first_world = false;
        }
        let Some(validated) = self.validated.take() else { return Ok(()) };
        self.engine.report(Some(&validated.admission));
        let engine = self.engine.clone();
        let next = tokio::task::block_in_place(|| self.at_hand.next(&engine, validated))?;
        let Some(next) = next else {
            // Only a walk over everything tells what to publish.
            self.at_hand.distrust();
            self.dirty = true;
            return Ok(());
        };
        match publication::change(self.at_hand.head.as_ref(), &next.head, next.has_same_points()) {
            Change::Loss => {
                tracing::error!("no trust anchor is valid; the last world stays in use");
                self.at_hand.distrust();
                Ok(())
            }
            Change::Times if !self.renewal_is_due() => {
                self.at_hand.shows(&next);
                Ok(())
            }
            Change::Times | Change::Content => self.publish_world(next),
        }
    }

    /// Tells whether the first world may be published: it lists everything, so it waits until each
    /// source was tried, or had its time.
    fn first_world_is_due(&self) -> bool {
        let all_tried = self.schedule.all_attempted() && !self.dirty && self.validating.is_none();
        all_tried
            || self.schedule.first_deadlines_passed(Instant::now())
                && !self.schedule.all_attempted()
            || self.started.elapsed() >= FIRST_WORLD_DEADLINE
    }

    /// Publishes the world again with newer times of its sources, now and then.
    fn renew(&mut self) -> Result<(), WorkerError> {
        if !self.renewed || self.first_world || !self.renewal_is_due() {
            return Ok(());
        }
        let fetches = self.engine.trust_anchor_fetches()?;
        let renew = |head: &Head, statuses: &_| publication::renewed(head, statuses, &fetches);
        match self.at_hand.renewed(&self.engine, renew)? {
            Some(next) => self.publish_world(next),
            None => Ok(()),
        }
    }

    fn renewal_is_due(&self) -> bool {
        let recent = |at: Instant| at.elapsed() < RENEWAL_INTERVAL;
        // One pass ends with its own world, so that its ages are those of this pass.
        self.mode == Mode::OnePass || !self.last_publication.is_some_and(recent)
    }

    fn publish_world(&mut self, next: Next) -> Result<(), WorkerError> {
        let (world, vrps) = (next.head.id.0, next.head.tally.vrps());
        let engine = self.engine.clone();
        tokio::task::block_in_place(|| self.at_hand.publish(&engine, next))?;
        tracing::info!(world, vrps, "published");
        self.last_publication = Some(Instant::now());
        self.renewed = false;
        Ok(())
    }

    /// A time came: what expired is judged again, and ages are renewed.
    fn time_came(&mut self) -> Result<(), WorkerError> {
        self.dirty |= clock::now() > self.horizon;
        if self.first_world {
            self.publish()?;
        }
        self.renew()
    }

    /// Returns how long the loop may sleep when nothing else happens.
    fn wake_up(&self) -> Duration {
        let now = clock::now();
        let due = self.schedule.next_due(now).unwrap_or(Timestamp::MAX);
        // The second after the end of the window is the first with another result.
        let horizon = self.horizon.plus(Duration::from_secs(1));
        let timed = due.min(horizon).since(now);
        // While validation rests or ages wait, look again soon.
        let soon =
            if self.dirty || self.renewed { Duration::from_millis(250) } else { LONGEST_SLEEP };
        // Whoever waits for a slot gets one when a fetch ends, or stops to count as prompt.
        let slot = if self.schedule.is_crowded(now) { PROMPT / 10 } else { LONGEST_SLEEP };
        timed.min(soon).min(slot).clamp(Duration::from_millis(50), LONGEST_SLEEP)
    }

    fn is_done(&self) -> bool {
        self.mode == Mode::OnePass
            && !self.dirty
            && self.validating.is_none()
            && self.schedule.is_idle()
            && self.schedule.all_attempted()
    }

    fn report(&self) {
        let (fetched, known) = self.schedule.progress();
        (self.on_progress)(&Progress {
            fetched,
            known,
            fetching: self.schedule.running().map(ToString::to_string).collect(),
            validating: self.validating.is_some(),
            vrps: self.vrps,
        });
    }
}
