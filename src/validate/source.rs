//! Where validation gets bytes from: the only storage trait.
//!
//! Its two users are the store's snapshot and the in-memory objects of the lab and the tests.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{CaLocation, Changes};
use crate::model::{ObjectHash, ObjectUri, RepositoryId};

/// A consistent, unchanging set of objects to judge.
pub trait ObjectSource: Sync {
    /// Returns the trust anchor certificate that was fetched last for the TAL `name`.
    fn trust_anchor(&self, name: &str) -> Result<Option<Bytes>, SourceError>;

    /// Chooses the repository from which the objects of a CA are read.
    ///
    /// RRDP comes first where the CA offers it and it is in use; a point is never read from two.
    fn select(&self, ca: &CaLocation) -> Result<Selection, SourceError>;

    /// Returns the hash that `repository` has for `uri`; `None` is proof of absence.
    fn lookup(
        &self,
        repository: &RepositoryId,
        uri: &ObjectUri,
    ) -> Result<Option<ObjectHash>, SourceError>;

    /// Returns the bytes of an object, verified against `hash`.
    fn bytes(&self, hash: &ObjectHash) -> Result<Option<Bytes>, SourceError>;

    /// Chooses as [`ObjectSource::select`] does, without beginning to work on the CA.
    fn foresee(&self, ca: &CaLocation) -> Result<Selection, SourceError> {
        self.select(ca)
    }

    /// Returns the number of this state, which grows with each change; `None` if it has none.
    fn generation(&self) -> Option<i64> {
        None
    }

    /// Returns which directories have changed after the state number `generation`.
    fn changes_since(&self, _generation: i64) -> Result<Changes, SourceError> {
        Ok(Changes::Everything)
    }
}

/// Which repository to read a CA's objects from.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum Selection {
    /// Read from this one.
    Ready(RepositoryId),
    /// No repository of the CA was fetched yet, and the first attempt has not ended.
    Pending,
    /// Every repository of the CA was tried, and none ever succeeded.
    Unavailable,
}

/// The source could not be read. This is never the same as "the object is not there".
#[derive(Clone, Debug, thiserror::Error)]
#[error("cannot read the cache: {0}")]
pub struct SourceError(pub String);
