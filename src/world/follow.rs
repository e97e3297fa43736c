//! Follows the published worlds of another process.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::World;
use super::publish::{Place, catch_up, current_mark, load};

/// How often `CURRENT` is read: one line, which costs some 20 microseconds.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// How long after a failure the same world is tried again: the disk may have been busy or full.
const RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// Waits for new worlds in a directory.
#[derive(Debug)]
pub struct Follower {
    dir: PathBuf,
    /// The content of `CURRENT` that was loaded last.
    loaded: Option<Vec<u8>>,
    /// The world that was handed over last, and up to where in the log it has come.
    at_hand: Option<(Arc<World>, Place)>,
    /// The content of `CURRENT` that could not be loaded, and when it is tried again.
    failed: Option<(Vec<u8>, Instant)>,
}

impl Follower {
    /// Follows `dir`, which need not exist yet. The first world that there is counts as new.
    pub fn new(dir: PathBuf) -> Self {
        Follower { dir, loaded: None, at_hand: None, failed: None }
    }

    /// Waits until another world is published, and loads it.
    ///
    /// One that cannot be loaded is logged and passed over; the caller keeps what it has. May be
    /// cancelled: the next call then starts again.
    pub async fn next(&mut self) -> Arc<World> {
        loop {
            if let Some(world) = self.look().await {
                return world;
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Looks once: loads the current world if it is another than before.
    pub async fn look(&mut self) -> Option<Arc<World>> {
        let dir = self.dir.clone();
        match tokio::task::spawn_blocking(move || current_mark(&dir)).await {
            Ok(Some(mark)) if self.is_due(&mark) => self.load(mark).await,
            _ => None,
        }
    }

    fn is_due(&self, mark: &[u8]) -> bool {
        let waits = |(failed, retry): &(Vec<u8>, Instant)| {
            failed.as_slice() == mark && Instant::now() < *retry
        };
        self.loaded.as_deref() != Some(mark) && !self.failed.as_ref().is_some_and(waits)
    }

    async fn load(&mut self, mark: Vec<u8>) -> Option<Arc<World>> {
        let dir = self.dir.clone();
        let at_hand = self.at_hand.clone();
        let load = move || {
            let next = at_hand.and_then(|(world, place)| catch_up(&dir, &world, &place));
            next.map_or_else(|| load(&dir), |next| Ok(Some(next)))
        };
        let error = match tokio::task::spawn_blocking(load).await {
            Ok(Ok(Some((world, place)))) => {
                let world = Arc::new(world);
                self.loaded = Some(mark);
                self.at_hand = Some((world.clone(), place));
                return Some(world);
            }
            Ok(Ok(None)) => return None,
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        // Said once for each world, not at each attempt.
        if self.failed.as_ref().is_none_or(|(failed, _)| *failed != mark) {
            tracing::warn!(error, "cannot load the current world; keeping the one in use");
        }
        self.failed = Some((mark, Instant::now() + RETRY_INTERVAL));
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::{fixture, publish};
    use super::*;
    use crate::model::WorldId;

    fn world(id: u64) -> World {
        World { id: WorldId(id), ..fixture::world() }
    }

    #[tokio::test]
    async fn new_worlds_are_handed_over_and_broken_ones_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("world");
        let mut follower = Follower::new(path.clone());
        let writer = {
            let path = path.clone();
            tokio::task::spawn_blocking(move || publish(&path, &world(1)).unwrap())
        };
        assert_eq!(follower.next().await.id, WorldId(1));
        writer.await.unwrap();

        std::fs::write(path.join("CURRENT"), "nonsense").unwrap();
        let waited = tokio::time::timeout(POLL_INTERVAL * 2, follower.next()).await;
        assert!(waited.is_err(), "a broken CURRENT is no new world");

        publish(&path, &world(2)).unwrap();
        assert_eq!(follower.next().await.id, WorldId(2));
    }
}
