//! Watches what one judgement reads, to tell whether its result may be remembered.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;

use super::{CaLocation, Located, ObjectSource, Selection, SourceError, Wanted};
use crate::model::{ObjectHash, ObjectUri, RepositoryId};

/// A source that notes what a change of the repository's directory would not tell of.
pub(crate) struct Witness<'a> {
    source: &'a dyn ObjectSource,
    selection: Mutex<Option<Selection>>,
    /// Whether something could not be read, or bytes were asked for that are not there.
    saw_trouble: AtomicBool,
}

impl<'a> Witness<'a> {
    pub(crate) fn new(source: &'a dyn ObjectSource) -> Self {
        Witness { source, selection: Mutex::new(None), saw_trouble: AtomicBool::new(false) }
    }

    /// Returns the selection that was made, unless something else than the selection and the
    /// directory decided about the result.
    pub(crate) fn testimony(&self) -> Option<Selection> {
        match self.saw_trouble.load(Ordering::Relaxed) {
            true => None,
            false => self.selection.lock().ok()?.clone(),
        }
    }

    fn note<T>(&self, result: Result<T, SourceError>) -> Result<T, SourceError> {
        self.saw_trouble.fetch_or(result.is_err(), Ordering::Relaxed);
        result
    }
}

impl ObjectSource for Witness<'_> {
    fn trust_anchor(&self, name: &str) -> Result<Option<Bytes>, SourceError> {
        self.note(self.source.trust_anchor(name))
    }

    fn select(&self, ca: &CaLocation) -> Result<Selection, SourceError> {
        let selection = self.note(self.source.select(ca))?;
        if let Ok(mut known) = self.selection.lock() {
            *known = Some(selection.clone());
        }
        Ok(selection)
    }

    fn lookup(
        &self,
        repository: &RepositoryId,
        uri: &ObjectUri,
    ) -> Result<Option<ObjectHash>, SourceError> {
        self.note(self.source.lookup(repository, uri))
    }

    fn lookup_sorted(
        &self,
        repository: &RepositoryId,
        uris: &[&ObjectUri],
        wanted: Wanted,
    ) -> Result<Vec<Option<Located>>, SourceError> {
        self.note(self.source.lookup_sorted(repository, uris, wanted))
    }

    fn bytes(&self, hash: &ObjectHash) -> Result<Option<Bytes>, SourceError> {
        let bytes = self.note(self.source.bytes(hash))?;
        // They may come back without any change of the directory.
        self.saw_trouble.fetch_or(bytes.is_none(), Ordering::Relaxed);
        Ok(bytes)
    }
}
