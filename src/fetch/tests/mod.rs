//! The network stage against real sockets on loopback: honest servers and hostile ones.

mod heads;
mod proxy;
mod rrdp;
mod rsync;
mod server;
mod site;
mod tree;

use std::time::Duration;

use super::*;
use crate::model::{ObjectUri, RepositoryId, Timestamp};
use crate::store::{Access, Fallback, Store, Transports};
use crate::validate::ObjectSource;
use crate::world::Purpose;

const BOTH: Transports = Transports { rrdp: true, rsync: true, fallback: Fallback::Stale };

/// A cache and a fetcher in a directory of their own.
struct Bench {
    store: Store,
    fetcher: Fetcher,
    dir: tempfile::TempDir,
}

impl Bench {
    fn new(change: impl FnOnce(&mut FetchConfig)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cache.sqlite");
        let store = Store::open(&path, Purpose::Lab, Access::Write).unwrap();
        let mut config = FetchConfig::new(dir.path().join("work"));
        config.local_addresses = LocalAddresses::Allow;
        config.deadline = Duration::from_secs(60);
        change(&mut config);
        Bench { store, fetcher: Fetcher::new(&config).unwrap(), dir }
    }

    /// Reads what `id` holds under these names of `rsync://h/m/` or another base.
    fn contents(&self, id: &RepositoryId, base: &str, names: &[&str]) -> Vec<String> {
        let snapshot = self.store.snapshot(BOTH, Timestamp(0)).unwrap();
        let read = |name: &&str| {
            let uri: ObjectUri = format!("{base}{name}").parse().unwrap();
            let hash = snapshot.lookup(id, &uri).unwrap()?;
            let bytes = snapshot.bytes(&hash).unwrap().unwrap();
            Some(format!("{name}={}", String::from_utf8_lossy(&bytes)))
        };
        names.iter().filter_map(read).collect()
    }
}
