//! What all sessions share: the snapshot in use, what changed, and who is connected.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use tokio::sync::watch;

use super::clients::{Client, Clients, Counts};
use super::guard::{Loss, LossPolicy};
use super::limits::MAX_LISTED_CLIENTS;
use super::pdu::Version;
use super::table::{LiveTables, Snapshot};

/// The cache that routers speak with; a clone is the same cache.
#[derive(Clone, Debug, Default)]
pub struct Cache(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    current: ArcSwapOption<Snapshot>,
    phase: watch::Sender<Phase>,
    tables: LiveTables,
    clients: Clients,
    guard: Mutex<(LossPolicy, Vec<Loss>)>,
}

/// What sessions wait for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Phase {
    /// Grows with each snapshot.
    pub change: u64,
    /// Grows when the data are withdrawn: sessions that had some end.
    pub withdrawal: u64,
    /// The server ends.
    pub stop: Option<Stop>,
}

/// Why the server ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stop {
    /// It will be back before the data expire: routers keep them.
    Restart,
    /// It will not be back: routers forget its data.
    Shutdown,
}

/// Everything about the cache that is worth a number.
#[derive(Clone, Debug)]
pub struct Status {
    /// Session of each version, serial, and how many items it has; `None` without data.
    pub serving: Option<Serving>,
    /// How many routers are connected.
    pub open: usize,
    /// The routers, at most [`MAX_LISTED_CLIENTS`].
    pub clients: Vec<Client>,
    /// Counts since the process began.
    pub counts: Counts,
    /// What is done about a sudden mass loss.
    pub loss_policy: LossPolicy,
    /// The losses that nobody took back.
    pub losses: Vec<Loss>,
}

/// What is served.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Serving {
    /// The sessions of versions 0, 1 and 2.
    pub sessions: [u16; 3],
    /// The serial.
    pub serial: u32,
    /// How many VRPs.
    pub vrps: usize,
    /// How many router keys.
    pub router_keys: usize,
    /// How many ASPAs.
    pub aspas: usize,
    /// How many changes back a router may be and still get the difference.
    pub deltas: usize,
}

impl Cache {
    pub(super) fn current(&self) -> Option<Arc<Snapshot>> {
        self.0.current.load_full()
    }

    pub(super) fn tables(&self) -> &LiveTables {
        &self.0.tables
    }

    pub(super) fn clients(&self) -> &Clients {
        &self.0.clients
    }

    pub(super) fn watch(&self) -> watch::Receiver<Phase> {
        self.0.phase.subscribe()
    }

    /// Answers from `snapshot` from now on, and lets the sessions know.
    pub(super) fn publish(&self, snapshot: Snapshot) {
        self.0.current.store(Some(Arc::new(snapshot)));
        self.0.phase.send_modify(|phase| phase.change += 1);
    }

    /// Has no data from now on; sessions that had some end, so that routers turn elsewhere.
    pub(super) fn withdraw(&self) {
        if self.0.current.swap(None).is_some() {
            self.0.phase.send_modify(|phase| phase.withdrawal += 1);
        }
    }

    /// Ends all sessions.
    pub(super) fn stop(&self, stop: Stop) {
        self.0.phase.send_modify(|phase| phase.stop = Some(stop));
    }

    pub(super) fn note_losses(&self, policy: LossPolicy, losses: Vec<Loss>) {
        *self.0.guard.lock().unwrap_or_else(PoisonError::into_inner) = (policy, losses);
    }

    /// Returns all numbers.
    pub fn status(&self) -> Status {
        let serving = self.current().map(|snapshot| {
            let history = snapshot.history();
            Serving {
                sessions: Version::ALL.map(|version| snapshot.session(version)),
                serial: history.serial,
                vrps: history.set.vrps().len(),
                router_keys: history.set.router_keys().len(),
                aspas: history.set.aspas().len(),
                deltas: history.deltas().count(),
            }
        });
        let (loss_policy, losses) =
            self.0.guard.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Status {
            serving,
            open: self.clients().len(),
            clients: self.clients().list(MAX_LISTED_CLIENTS),
            counts: self.clients().counts(),
            loss_policy,
            losses,
        }
    }
}
