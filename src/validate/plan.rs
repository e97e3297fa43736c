//! What is dirty: which points must be judged again, and which stand as they are. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::context::CaContext;
use super::memo::PointMemo;
use super::{LastGood, ObjectSource, Selection};
use crate::model::{ObjectUri, RepositoryId, Timestamp};

/// What has changed in a source since a generation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Changes {
    /// Nobody knows: anything may have changed.
    Everything,
    /// Only what lies in these directories, or anywhere in these repositories.
    Directories(ChangedDirectories),
}

/// Directories in which something has changed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ChangedDirectories {
    directories: BTreeMap<RepositoryId, BTreeSet<ObjectUri>>,
    repositories: BTreeSet<RepositoryId>,
}

impl ChangedDirectories {
    /// Adds a directory.
    pub fn add(&mut self, repository: &RepositoryId, directory: ObjectUri) {
        match self.directories.get_mut(repository) {
            Some(known) => drop(known.insert(directory)),
            None => drop(self.directories.insert(repository.clone(), [directory].into())),
        }
    }

    /// Adds every directory of a repository.
    pub fn add_repository(&mut self, repository: RepositoryId) {
        self.repositories.insert(repository);
    }

    /// Returns the directories that were added one by one.
    pub fn directories(&self) -> impl Iterator<Item = &ObjectUri> {
        self.directories.values().flatten()
    }

    /// Tells whether all of some repository may have changed.
    pub fn has_repositories(&self) -> bool {
        !self.repositories.is_empty()
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.directories.is_empty() && self.repositories.is_empty()
    }
}

impl Changes {
    /// Tells whether a directory may have changed.
    pub fn touch(&self, repository: &RepositoryId, directory: &ObjectUri) -> bool {
        match self {
            Changes::Everything => true,
            Changes::Directories(changed) => {
                changed.repositories.contains(repository)
                    || changed
                        .directories
                        .get(repository)
                        .is_some_and(|directories| directories.contains(directory))
            }
        }
    }
}

/// What decides whether a remembered outcome still stands.
pub(crate) struct Plan<'a> {
    pub(crate) source: &'a dyn ObjectSource,
    pub(crate) changes: Changes,
    pub(crate) now: Timestamp,
}

impl Plan<'_> {
    /// Tells whether judging the point again could only give what `memo` remembers.
    ///
    /// All that a judgement depends on is compared: the CA's certificate and place, the time, the
    /// last good state, the repository, and what lies in the CA's directory there.
    pub(crate) fn is_clean(
        &self,
        memo: &PointMemo,
        ca: &CaContext,
        last: Option<&LastGood>,
    ) -> bool {
        memo.is_settled
            && memo.window.contains(self.now)
            && memo.outcome.trust_anchor == ca.trust_anchor
            && memo.last.as_ref() == last.map(PointMemo::mark).as_ref()
            && *memo.facts == *ca.facts
            && self.is_untouched(memo, ca)
    }

    fn is_untouched(&self, memo: &PointMemo, ca: &CaContext) -> bool {
        match self.source.foresee(&ca.location) {
            Ok(selection) if selection == memo.selection => match &selection {
                Selection::Ready(repository) => {
                    !self.changes.touch(repository, &ca.location.directory)
                }
                Selection::Pending | Selection::Unavailable => true,
            },
            // Judging it gives the error its place in the result.
            _ => false,
        }
    }
}
