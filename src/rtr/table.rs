//! Encoded answers, each made once and shared by all routers, with a bound on the old ones.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use tokio::sync::{OnceCell, watch};
use tokio::task::{JoinError, spawn_blocking};

use super::encode;
use super::history::History;
use super::limits::MAX_LIVE_TABLES;
use super::pdu::Version;

/// What is served at one serial.
#[derive(Debug)]
pub(super) struct Snapshot {
    history: History,
    tables: [OnceCell<Arc<Table>>; 3],
    /// By the number of changes that the router missed.
    changes: Vec<[OnceCell<Bytes>; 3]>,
}

/// A whole table in one version.
#[derive(Debug)]
pub(super) struct Table {
    pub bytes: Bytes,
    retired: watch::Sender<bool>,
}

impl Table {
    fn new(bytes: Vec<u8>) -> Self {
        Table { bytes: bytes.into(), retired: watch::Sender::new(false) }
    }

    /// Waits until whoever still sends this table must give up.
    pub async fn retirement(&self) {
        let mut retired = self.retired.subscribe();
        if retired.wait_for(|retired| *retired).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Snapshot {
    pub fn new(history: History) -> Self {
        let steps = history.deltas().count();
        Snapshot {
            tables: Default::default(),
            changes: (0..=steps).map(|_| Default::default()).collect(),
            history,
        }
    }

    /// Returns the session in `version`; each version has its own (8210bis, section 5.1).
    pub fn session(&self, version: Version) -> u16 {
        self.history.session.wrapping_add(u16::from(version.number()))
    }

    pub fn serial(&self) -> u32 {
        self.history.serial
    }

    pub fn history(&self) -> &History {
        &self.history
    }

    /// Returns the answer to a Reset Query.
    ///
    /// # Errors
    ///
    /// Encoding it panicked.
    pub async fn table(
        self: &Arc<Self>,
        version: Version,
        live: &LiveTables,
    ) -> Result<Arc<Table>, JoinError> {
        let Some(cell) = self.tables.get(version.index()) else {
            return Ok(Arc::new(Table::new(Vec::new())));
        };
        let make = || async {
            let snapshot = Arc::clone(self);
            let bytes = spawn_blocking(move || {
                let session = snapshot.session(version);
                encode::table(version, session, snapshot.serial(), &snapshot.history.set)
            });
            let table = Arc::new(Table::new(bytes.await?));
            live.add(&table);
            Ok(table)
        };
        cell.get_or_try_init(make).await.cloned()
    }

    /// Returns the answer to a Serial Query that names this session and `serial`; `None` where
    /// the way from there is not known.
    ///
    /// # Errors
    ///
    /// Encoding it panicked.
    pub async fn changes(
        self: &Arc<Self>,
        version: Version,
        serial: u32,
    ) -> Result<Option<Bytes>, JoinError> {
        let steps = self.history.steps_since(serial);
        let cells = steps.and_then(|steps| Some((steps, self.changes.get(steps)?)));
        let Some((steps, cell)) =
            cells.and_then(|(steps, cells)| Some((steps, cells.get(version.index())?)))
        else {
            return Ok(None);
        };
        let make = || async {
            let snapshot = Arc::clone(self);
            let bytes = spawn_blocking(move || {
                let delta = snapshot.history.delta_over(steps);
                encode::changes(version, snapshot.session(version), snapshot.serial(), &delta)
            });
            Ok(Bytes::from(bytes.await?))
        };
        cell.get_or_try_init(make).await.cloned().map(Some)
    }
}

/// The tables in memory, oldest first: a slow router keeps the one that it began with.
#[derive(Debug, Default)]
pub(super) struct LiveTables(Mutex<Vec<Weak<Table>>>);

impl LiveTables {
    /// Adds a table; where there are too many, the oldest are to be given up.
    fn add(&self, table: &Arc<Table>) {
        let mut tables = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tables.retain(|table| table.strong_count() > 0);
        tables.push(Arc::downgrade(table));
        let surplus = tables.len().saturating_sub(MAX_LIVE_TABLES);
        for old in tables.drain(..surplus).filter_map(|old| old.upgrade()) {
            old.retired.send_replace(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::PayloadSet;

    fn snapshot(session: u16) -> Arc<Snapshot> {
        Arc::new(Snapshot::new(History::begin(session, Arc::new(PayloadSet::default()))))
    }

    #[tokio::test]
    async fn a_table_is_encoded_once_and_shared() {
        let (snapshot, live) = (snapshot(1), LiveTables::default());
        let first = snapshot.table(Version::V1, &live).await.unwrap();
        let second = snapshot.table(Version::V1, &live).await.unwrap();
        assert!(Arc::ptr_eq(&first, &second));
        let other = snapshot.table(Version::V2, &live).await.unwrap();
        assert_ne!(first.bytes, other.bytes);
    }

    #[tokio::test]
    async fn i05_readers_of_the_oldest_of_too_many_tables_are_cut_off() {
        let live = LiveTables::default();
        let mut held = Vec::new();
        for session in 0..u16::try_from(MAX_LIVE_TABLES).unwrap() {
            held.push(snapshot(session).table(Version::V1, &live).await.unwrap());
        }
        let is_retired = |table: &Arc<Table>| *table.retired.borrow();
        assert!(!held.iter().any(is_retired));
        held.push(snapshot(99).table(Version::V1, &live).await.unwrap());
        held[0].retirement().await;
        assert!(!held[1..].iter().any(is_retired));
        // One that nobody reads does not count.
        held.remove(1);
        held.push(snapshot(100).table(Version::V1, &live).await.unwrap());
        assert!(!held[1..].iter().any(is_retired));
    }
}
