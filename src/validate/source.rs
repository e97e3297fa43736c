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

    /// Looks up many files of a directory, which come in byte order of their URIs; answers in that
    /// order.
    ///
    /// What it wants is a wish: bytes that do not come with the answer come one by one.
    fn lookup_sorted(
        &self,
        repository: &RepositoryId,
        uris: &[&ObjectUri],
        _wanted: Wanted,
    ) -> Result<Vec<Option<Located>>, SourceError> {
        let find = |uri: &&ObjectUri| {
            let hash = self.lookup(repository, uri)?;
            Ok(hash.map(|hash| Located { hash, bytes: None }))
        };
        uris.iter().map(find).collect()
    }

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

/// What is wanted of files that are looked up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wanted {
    /// Their hashes.
    Hashes,
    /// Their bytes, too, as all of them will be read.
    Bytes,
}

/// A file that was looked up.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Located {
    /// The hash that the repository has for it.
    pub hash: ObjectHash,
    /// Its bytes, verified against the hash, if they came along.
    pub bytes: Option<Bytes>,
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
