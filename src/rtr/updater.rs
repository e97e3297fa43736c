//! Takes each view to the routers: payload set, difference, state on disk, then the Notify.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::cache::Cache;
use super::guard::{Given, Guard, LossPolicy};
use super::history::History;
use super::saved::{Saved, save};
use super::table::Snapshot;
use crate::model::{Timestamp, Vrp};
use crate::payload::{PayloadDelta, PayloadSet};
use crate::world::{ItemSource, View};

/// What the operator may choose.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Routers get nothing any more when the world was not confirmed for this long.
    pub max_age: Duration,
    /// What to do about a sudden mass loss of VRPs.
    pub loss: LossPolicy,
}

/// Turns views into snapshots; there is one for each cache.
#[derive(Debug)]
pub struct Updater {
    cache: Cache,
    file: PathBuf,
    options: Options,
    guard: Guard,
    /// What the file held at the start, until the first view shows whether it still holds.
    saved: Option<Saved>,
    history: Option<History>,
    /// The session in the file.
    session_on_disk: Option<u16>,
    /// When time alone changes what is held.
    due: Option<Timestamp>,
    withdrawn: bool,
}

impl Updater {
    /// Reads the state in `file`.
    pub fn open(cache: Cache, file: PathBuf, options: Options) -> Self {
        let saved = Saved::load(&file).unwrap_or_else(|error| {
            let path = file.display();
            tracing::warn!(%path, %error, "cannot use the saved RTR state; beginning a new session");
            None
        });
        cache.note_losses(options.loss, Vec::new());
        Updater {
            cache,
            options,
            guard: Guard::new(options.loss),
            session_on_disk: saved.as_ref().map(|saved| saved.session),
            saved,
            history: None,
            file,
            due: None,
            withdrawn: false,
        }
    }

    /// Tells whether time alone has changed what routers get from `view`.
    pub fn is_due(&self, view: &View, now: Timestamp) -> bool {
        self.is_too_old(view, now) != self.withdrawn || self.due.is_some_and(|due| due <= now)
    }

    fn is_too_old(&self, view: &View, now: Timestamp) -> bool {
        !view.has_data()
            || view.confirmed().is_some_and(|time| now.since(time) > self.options.max_age)
    }

    /// Serves `view`: up to a second of work at full size, so not for async tasks.
    pub fn update(&mut self, view: &View, now: Timestamp) {
        self.withdrawn = self.is_too_old(view, now);
        if self.withdrawn {
            if self.cache.current().is_some() {
                tracing::error!("the data are too old for routers: they get none any more");
            }
            self.cache.withdraw();
            return;
        }
        let held = self.guard(view, now);
        let keys = view.router_keys().iter().map(|item| item.payload.clone());
        let aspas = view.aspas().iter().map(|item| item.payload.clone());
        self.serve(match held.is_empty() {
            true => PayloadSet::with_vrps(view.shared_vrps(), keys, aspas),
            false => PayloadSet::new(view.vrps().iter().copied().chain(held), keys, aspas),
        });
    }

    /// Returns the VRPs that are held.
    fn guard(&mut self, view: &View, now: Timestamp) -> Vec<Vrp> {
        let judgement = match self.options.loss {
            LossPolicy::Off => return Vec::new(),
            LossPolicy::Alarm | LossPolicy::Hold => {
                self.guard.judge(by_trust_anchor(view, self.options.loss), now)
            }
        };
        for loss in judgement.losses.iter().filter(|loss| loss.since == now) {
            tracing::error!(
                trust_anchor = loss.trust_anchor,
                before = loss.before,
                after = loss.after,
                held = loss.held,
                "a sudden mass loss of VRPs"
            );
        }
        self.due = judgement.due;
        self.cache.note_losses(self.options.loss, judgement.losses);
        // What the operator takes out is not held against their will.
        let is_wanted = |vrp: &Vrp| view.exceptions().filter_of_vrp(vrp).is_none();
        judgement.held.into_iter().filter(is_wanted).collect()
    }

    fn serve(&mut self, set: PayloadSet) {
        let set = Arc::new(set);
        let next = match &self.history {
            Some(history) if history.set == set => {
                // Nothing changed, unless the data were withdrawn in between.
                if self.cache.current().is_none() {
                    self.cache.publish(Snapshot::new(history.clone()));
                }
                return;
            }
            Some(history) => {
                let delta = PayloadDelta::between(&history.set, &set);
                history.with(set, delta)
            }
            None => match self.saved.take().filter(|saved| saved.digest == set.digest()) {
                Some(saved) => History::resume(saved.session, saved.serial, set, saved.deltas),
                None => History::begin(new_session(), set),
            },
        };
        let next = self.save(next);
        tracing::info!(serial = next.serial, vrps = next.set.vrps().len(), "new data for routers");
        self.cache.publish(Snapshot::new(next.clone()));
        self.history = Some(next);
    }

    /// Saves before anybody hears of it: else a restart could give another set the same serial.
    fn save(&mut self, history: History) -> History {
        let Err(error) = save(&self.file, &history) else {
            self.session_on_disk = Some(history.session);
            return history;
        };
        let path = self.file.display();
        tracing::error!(%path, %error, "cannot save the RTR state; a restart begins a new session");
        let is_gone = match fs::remove_file(&self.file) {
            Ok(()) => true,
            Err(error) => error.kind() == std::io::ErrorKind::NotFound,
        };
        if is_gone {
            self.session_on_disk = None;
            return history;
        }
        // What is on the disk names serials of this session that are no longer true.
        if self.session_on_disk != Some(history.session) {
            return history;
        }
        History::begin(new_session(), history.set)
    }
}

/// Returns what each trust anchor gives; where it may be held, with the end of each VRP.
///
/// What local exceptions take out is there, too: it is no loss of the trust anchor's.
fn by_trust_anchor(view: &View, policy: LossPolicy) -> BTreeMap<String, Given> {
    let names = view.trust_anchors();
    let mut all: Vec<(Given, Option<Vrp>)> = Vec::new();
    all.resize_with(names.len(), Default::default);
    let mut add = |vrp: Vrp, source: ItemSource| {
        let anchor = source.trust_anchor.and_then(|index| all.get_mut(usize::from(index)));
        let Some((given, last)) = anchor else { return };
        let is_new = last.replace(vrp) != Some(vrp);
        given.count += usize::from(is_new);
        if policy == LossPolicy::Hold {
            let expires = source.expires.unwrap_or(Timestamp::MAX);
            match given.rows.last_mut().filter(|_| !is_new) {
                Some((_, last)) => *last = expires.max(*last),
                None => given.rows.push((vrp, expires)),
            }
        }
    };
    let mut filtered = view.filtered_vrps().iter().peekable();
    for (position, vrp) in view.vrps().iter().enumerate() {
        while let Some(before) = filtered.next_if(|filtered| filtered.vrp < *vrp) {
            before.sources.iter().for_each(|source| add(before.vrp, *source));
        }
        view.vrp_sources(position).for_each(|source| add(*vrp, source));
    }
    for last in filtered {
        last.sources.iter().for_each(|source| add(last.vrp, *source));
    }
    names.iter().cloned().zip(all.into_iter().map(|(given, _)| given)).collect()
}

/// Returns a session that no router can know.
fn new_session() -> u16 {
    let mut bytes = [0; 2];
    // Where there is no randomness, a TLS connection would fail first; any number serves.
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    u16::from_be_bytes(bytes)
}
