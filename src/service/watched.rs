//! The cache as validation sees it, with a record of which point is in hand.

use bytes::Bytes;

use super::in_hand::InHand;
use super::suspects::Suspects;
use crate::model::{ObjectHash, ObjectUri, RepositoryId, Timestamp};
use crate::store::Snapshot;
use crate::validate::{CaLocation, ObjectSource, Selection, SourceError};

/// A snapshot that notes each point before work on it begins, and refuses quarantined ones.
pub(super) struct Watched<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) in_hand: Option<&'a InHand>,
    pub(super) suspects: Suspects,
    pub(super) now: Timestamp,
}

/// Names the point whose manifest is at `uri` as a unit of work.
pub(super) fn point_unit(uri: &ObjectUri) -> String {
    format!("P {uri}")
}

impl ObjectSource for Watched<'_> {
    fn trust_anchor(&self, name: &str) -> Result<Option<Bytes>, SourceError> {
        self.snapshot.trust_anchor(name)
    }

    fn select(&self, ca: &CaLocation) -> Result<Selection, SourceError> {
        if let Some(in_hand) = self.in_hand {
            let unit = point_unit(&ca.manifest);
            if let Some(until) = self.suspects.quarantine(&unit, self.now) {
                // Not absence: the world keeps what it had for the point.
                return Err(SourceError(format!(
                    "the worker died thrice with this point in hand; not touched until {until}"
                )));
            }
            in_hand.hold_on_this_thread(&unit);
        }
        self.snapshot.select(ca)
    }

    fn lookup(
        &self,
        repository: &RepositoryId,
        uri: &ObjectUri,
    ) -> Result<Option<ObjectHash>, SourceError> {
        self.snapshot.lookup(repository, uri)
    }

    fn bytes(&self, hash: &ObjectHash) -> Result<Option<Bytes>, SourceError> {
        self.snapshot.bytes(hash)
    }
}
