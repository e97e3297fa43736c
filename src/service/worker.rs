//! The worker's event loop: fetch what is due, validate what changed, publish the next world.
//!
//! `provost sync` is this loop, ended when nothing is left to do; with `--follow` it goes on.
//! Three events move it: a fetch ends, a validation ends, a time comes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::{JoinHandle, JoinSet};

use super::engine::{Engine, Fetched, Validated};
use super::error::WorkerError;
use super::publication::{self, Change};
use super::schedule::{Schedule, Target};
use crate::clock;
use crate::model::Timestamp;
use crate::validate::State;
use crate::world::{self, World};

/// How many fetches run at a time.
const MAX_FETCHES: usize = 32;

/// Publications that only renew "last up to date" are at least this far apart.
const RENEWAL_INTERVAL: Duration = Duration::from_secs(60);

/// The loop looks at the clock at least this often: the system's time may have been set.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

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
    fetches: JoinSet<(Target, Fetched)>,
    /// What is being fetched, for people.
    running: BTreeSet<String>,
    state: State,
    /// The validation that runs.
    validating: Option<JoinHandle<Result<Validated, WorkerError>>>,
    /// The last one, until it is published.
    validated: Option<Validated>,
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
    world: Option<Arc<World>>,
    last_publication: Option<Instant>,
    vrps: usize,
}

/// Runs the worker until the mode's end or `shutdown`; returns the world published last.
pub async fn run(
    engine: Arc<Engine>,
    mode: Mode,
    on_progress: &(dyn Fn(&Progress) + Sync),
    shutdown: impl Future<Output = ()>,
) -> Result<Option<Arc<World>>, WorkerError> {
    let world = engine.last_world()?;
    let state = engine.store.load_state()?;
    let mut run = Run {
        mode,
        on_progress,
        schedule: Schedule::default(),
        fetches: JoinSet::new(),
        running: BTreeSet::new(),
        validating: None,
        validated: None,
        last_validation: None,
        horizon: Timestamp::MAX,
        // The first validation judges what is in the cache, whatever the network does.
        dirty: true,
        renewed: false,
        // A cache that was deleted counts as new, too: nothing of the last world may vanish
        // only because it was not fetched again yet.
        first_world: world.is_none() || state.points.is_empty(),
        world,
        state,
        last_publication: None,
        vrps: 0,
        engine,
    };
    for tal in &run.engine.tals {
        run.schedule.add(Target::TrustAnchor(tal.name.clone()), Timestamp::MIN);
    }
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        run.start_fetches();
        run.start_validation();
        run.report();
        if run.is_done() {
            break;
        }
        let wake = run.wake_up();
        tokio::select! {
            () = &mut shutdown => break,
            Some(ended) = run.fetches.join_next() => run.fetch_ended(ended)?,
            ended = join(&mut run.validating) => run.validation_ended(ended??)?,
            () = tokio::time::sleep(wake) => run.time_came()?,
        }
    }
    Ok(run.world)
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

impl Run<'_> {
    fn start_fetches(&mut self) {
        for target in self.schedule.take_due(clock::now(), MAX_FETCHES) {
            let engine = self.engine.clone();
            self.running.insert(target.to_string());
            self.fetches.spawn(async move {
                let fetched = engine.fetch(&target).await;
                (target, fetched)
            });
        }
    }

    fn fetch_ended(
        &mut self,
        ended: Result<(Target, Fetched), tokio::task::JoinError>,
    ) -> Result<(), WorkerError> {
        let (target, fetched) = ended?;
        self.running.remove(&target.to_string());
        // After a first attempt, what waited for it is no longer pending, whatever the result.
        self.dirty |= fetched.changed || !self.schedule.was_attempted(&target);
        self.renewed = true;
        let next = match self.mode {
            Mode::OnePass => Timestamp::MAX,
            Mode::Follow => fetched.next_attempt,
        };
        self.schedule.finished(target, next);
        Ok(())
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
        let state = self.state.clone();
        let validate = move || engine.validate(&state, clock::now());
        self.validating = Some(tokio::task::spawn_blocking(validate));
    }

    fn validation_ended(&mut self, validated: Validated) -> Result<(), WorkerError> {
        self.last_validation = Some((Instant::now(), validated.duration));
        self.horizon = validated.validation.horizon.until;
        for status in &validated.wanted {
            let due = match self.mode {
                Mode::OnePass => Timestamp::MIN,
                Mode::Follow => status.next_attempt.unwrap_or(Timestamp::MIN),
            };
            self.schedule.add(Target::Repository(status.id.clone()), due);
        }
        let wanted = validated.wanted.iter().map(|status| status.id.clone()).collect();
        self.schedule.retain_repositories(&wanted);
        self.vrps = validated.vrps();
        self.state = validated.state.clone();
        self.validated = Some(validated);
        self.publish()
    }

    /// Publishes what the last validation found, if it may and should be.
    fn publish(&mut self) -> Result<(), WorkerError> {
        // The first world lists everything: it waits until each source was tried.
        if self.first_world {
            if !self.schedule.all_attempted() || self.dirty || self.validating.is_some() {
                return Ok(());
            }
            self.first_world = false;
        }
        let Some(validated) = self.validated.take() else { return Ok(()) };
        let next = self.engine.assemble(&validated, self.world.as_deref())?;
        match publication::change(self.world.as_deref(), &next) {
            Change::Loss => {
                tracing::error!("no trust anchor is valid; the last world stays in use");
                Ok(())
            }
            Change::Times if !self.renewal_is_due() => Ok(()),
            Change::Times | Change::Content => self.publish_world(next),
        }
    }

    /// Publishes the world again with newer times of its sources, now and then.
    fn renew(&mut self) -> Result<(), WorkerError> {
        let Some(world) = self.world.clone() else { return Ok(()) };
        if !self.renewed || self.first_world || !self.renewal_is_due() {
            return Ok(());
        }
        let mut next = publication::renewed(
            &world,
            &self.engine.statuses()?,
            &self.engine.trust_anchor_fetches()?,
        );
        next.id = world::next_id(&self.engine.world_dir)?;
        self.publish_world(next)
    }

    fn renewal_is_due(&self) -> bool {
        let recent = |at: Instant| at.elapsed() < RENEWAL_INTERVAL;
        // One pass ends with its own world, so that its ages are those of this pass.
        self.mode == Mode::OnePass || !self.last_publication.is_some_and(recent)
    }

    fn publish_world(&mut self, next: World) -> Result<(), WorkerError> {
        tokio::task::block_in_place(|| world::publish(&self.engine.world_dir, &next))?;
        tracing::info!(world = next.id.0, vrps = next.vrps.len(), "published");
        self.world = Some(Arc::new(next));
        self.last_publication = Some(Instant::now());
        self.renewed = false;
        Ok(())
    }

    /// A time came: what expired is judged again, and ages are renewed.
    fn time_came(&mut self) -> Result<(), WorkerError> {
        self.dirty |= clock::now() > self.horizon;
        self.renew()
    }

    /// Returns how long the loop may sleep when nothing else happens.
    fn wake_up(&self) -> Duration {
        let now = clock::now();
        let due = self.schedule.next_due().unwrap_or(Timestamp::MAX);
        // The second after the end of the window is the first with another result.
        let horizon = self.horizon.plus(Duration::from_secs(1));
        let timed = due.min(horizon).since(now);
        // While validation rests or ages wait, look again soon.
        let soon =
            if self.dirty || self.renewed { Duration::from_millis(250) } else { LONGEST_SLEEP };
        timed.min(soon).clamp(Duration::from_millis(50), LONGEST_SLEEP)
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
            fetching: self.running.iter().cloned().collect(),
            validating: self.validating.is_some(),
            vrps: self.vrps,
        });
    }
}
