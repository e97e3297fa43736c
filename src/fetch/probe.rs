//! Reads one RRDP document and keeps nothing of it: for fuzzing, and to replay what that found.

use std::collections::BTreeMap;
use std::path::Path;

use super::document::{Expected, Transfer, read_delta, read_notification, read_snapshot};
use super::report::Drops;
use super::stop::Stop;
use crate::model::{RepositoryId, Timestamp};
use crate::store::{Access, Store, StoreError, UriMap};
use crate::world::Purpose;

/// The three documents of RRDP (RFC 8182, section 3.5).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RrdpDocument {
    /// The notification file.
    Notification,
    /// A snapshot.
    Snapshot,
    /// A delta, on top of a repository that holds nothing.
    Delta,
}

/// Reads documents as a fetch does, with an empty repository behind it.
#[derive(Debug)]
pub struct DocumentProbe {
    store: Store,
    map: UriMap,
}

impl DocumentProbe {
    /// Opens an empty cache in `directory`, in which `repository` holds nothing.
    pub fn open(directory: &Path, repository: &RepositoryId) -> Result<Self, StoreError> {
        let store = Store::open(&directory.join("cache.sqlite"), Purpose::Lab, Access::Write)?;
        let map = store.open_map(&store.begin(repository, Timestamp(0))?)?;
        Ok(DocumentProbe { store, map })
    }

    /// Reads a document that must be of this session and serial.
    ///
    /// Returns how many files or objects it names, or what is wrong with it.
    pub fn read(
        &self,
        document: RrdpDocument,
        session: &str,
        serial: u64,
        bytes: &[u8],
    ) -> Result<usize, String> {
        let expected = Expected { session: session.to_owned(), serial };
        let mut transfer = Transfer {
            staging: self.store.stage(),
            drops: Drops::default(),
            changes: BTreeMap::new(),
            bytes: 0,
        };
        let stop = Stop::default();
        let count = match document {
            RrdpDocument::Notification => {
                read_notification(bytes).map(|found| found.deltas.len().saturating_add(1))
            }
            RrdpDocument::Snapshot => {
                read_snapshot(bytes, &expected, &mut transfer, stop).map(|map| map.len())
            }
            RrdpDocument::Delta => read_delta(bytes, &expected, &self.map, &mut transfer, stop)
                .map(|()| transfer.changes.len()),
        };
        count.map_err(|error| error.to_string())
    }
}
