//! The cache as validation sees it, with a record of which point is in hand.

use bytes::Bytes;

use super::in_hand::InHand;
use super::suspects::{POINT, Suspects};
use crate::model::{ObjectHash, ObjectUri, RepositoryId, Timestamp};
use crate::store::Snapshot;
use crate::validate::{CaLocation, Changes, Located, ObjectSource, Selection, SourceError, Wanted};

/// A snapshot that notes each point before work on it begins, and refuses quarantined ones.
pub(super) struct Watched<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) in_hand: Option<&'a InHand>,
    pub(super) suspects: Suspects,
    pub(super) now: Timestamp,
}

/// Names the point whose manifest is at `uri` as a unit of work.
pub(super) fn point_unit(uri: &ObjectUri) -> String {
    format!("{POINT}{uri}")
}

impl ObjectSource for Watched<'_> {
    fn trust_anchor(&self, name: &str) -> Result<Option<Bytes>, SourceError> {
        self.snapshot.trust_anchor(name)
    }

    fn select(&self, ca: &CaLocation) -> Result<Selection, SourceError> {
        let selection = self.foresee(ca)?;
        if let Some(in_hand) = self.in_hand {
            in_hand.hold_on_this_thread(&point_unit(&ca.manifest));
        }
        Ok(selection)
    }

    fn foresee(&self, ca: &CaLocation) -> Result<Selection, SourceError> {
        if self.in_hand.is_some() && !self.suspects.units.is_empty() {
            let unit = point_unit(&ca.manifest);
            if let Some(until) = self.suspects.quarantine(&unit, self.now) {
                // Not absence: the world keeps what it had for the point.
                return Err(SourceError(format!(
                    "the worker died thrice with this point in hand; not touched until {until}"
                )));
            }
        }
        self.snapshot.foresee(ca)
    }

    fn generation(&self) -> Option<i64> {
        self.snapshot.generation()
    }

    fn changes_since(&self, generation: i64) -> Result<Changes, SourceError> {
        self.snapshot.changes_since(generation)
    }

    fn lookup(
        &self,
        repository: &RepositoryId,
        uri: &ObjectUri,
    ) -> Result<Option<ObjectHash>, SourceError> {
        self.snapshot.lookup(repository, uri)
    }

    fn lookup_sorted(
        &self,
        repository: &RepositoryId,
        uris: &[&ObjectUri],
        wanted: Wanted,
    ) -> Result<Vec<Option<Located>>, SourceError> {
        self.snapshot.lookup_sorted(repository, uris, wanted)
    }

    fn bytes(&self, hash: &ObjectHash) -> Result<Option<Bytes>, SourceError> {
        self.snapshot.bytes(hash)
    }
}
