//! What is fetched when: each trust anchor and each repository on its own clock. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{RepositoryId, Timestamp};

/// Something that is fetched on its own.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Target {
    /// A trust anchor's certificate, by the TAL's name.
    TrustAnchor(String),
    /// A repository.
    Repository(RepositoryId),
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Target::TrustAnchor(name) => f.pad(name),
            Target::Repository(id) => f.pad(id.as_str()),
        }
    }
}

/// When each target is due, and which are being fetched.
#[derive(Debug, Default)]
pub struct Schedule {
    due: BTreeMap<Target, Timestamp>,
    running: BTreeSet<Target>,
    /// Those that were fetched, with whatever result, since the schedule was made.
    attempted: BTreeSet<Target>,
}

impl Schedule {
    /// Adds a target that is due at `at`; one that is known already keeps its time.
    pub fn add(&mut self, target: Target, at: Timestamp) {
        if !self.running.contains(&target) {
            self.due.entry(target).or_insert(at);
        }
    }

    /// Takes up to `limit` targets that are due at `now`, the longest due first.
    pub fn take_due(&mut self, now: Timestamp, limit: usize) -> Vec<Target> {
        let mut due: Vec<(Timestamp, Target)> = self
            .due
            .iter()
            .filter(|(_, at)| **at <= now)
            .map(|(target, at)| (*at, target.clone()))
            .collect();
        due.sort();
        due.truncate(limit.saturating_sub(self.running.len()));
        due.into_iter()
            .map(|(_, target)| {
                self.due.remove(&target);
                self.running.insert(target.clone());
                target
            })
            .collect()
    }

    /// Notes that a fetch ended; the target is due again at `next`.
    pub fn finished(&mut self, target: Target, next: Timestamp) {
        self.running.remove(&target);
        self.attempted.insert(target.clone());
        self.due.insert(target, next);
    }

    /// Forgets every repository that is not in `wanted`; one that is being fetched stays.
    pub fn retain_repositories(&mut self, wanted: &BTreeSet<RepositoryId>) {
        self.due.retain(|target, _| match target {
            Target::TrustAnchor(_) => true,
            Target::Repository(id) => wanted.contains(id),
        });
    }

    /// Tells whether the target was fetched, with whatever result.
    pub fn was_attempted(&self, target: &Target) -> bool {
        self.attempted.contains(target)
    }

    /// Tells whether nothing is being fetched.
    pub fn is_idle(&self) -> bool {
        self.running.is_empty()
    }

    /// Returns how many targets are known, and how many of them were fetched.
    pub fn progress(&self) -> (usize, usize) {
        let known = self.due.keys().chain(&self.running).collect::<BTreeSet<_>>();
        let done = known.iter().filter(|target| self.attempted.contains(**target)).count();
        (done, known.len())
    }

    /// Returns when the next target that is not being fetched is due.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.due.values().min().copied()
    }

    /// Tells whether every known target was fetched at least once.
    pub fn all_attempted(&self) -> bool {
        self.due.keys().chain(&self.running).all(|target| self.attempted.contains(target))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anchor(name: &str) -> Target {
        Target::TrustAnchor(name.to_owned())
    }

    #[test]
    fn the_longest_due_come_first_and_the_limit_counts_those_that_run() {
        let mut schedule = Schedule::default();
        schedule.add(anchor("late"), Timestamp(20));
        schedule.add(anchor("first"), Timestamp(5));
        schedule.add(anchor("second"), Timestamp(10));
        assert_eq!(schedule.take_due(Timestamp(4), 2), []);
        assert_eq!(schedule.take_due(Timestamp(30), 2), [anchor("first"), anchor("second")]);
        assert_eq!(schedule.take_due(Timestamp(30), 2), [], "two are running");
        schedule.finished(anchor("first"), Timestamp(100));
        assert_eq!(schedule.take_due(Timestamp(30), 2), [anchor("late")]);
        assert_eq!(schedule.next_due(), Some(Timestamp(100)));
    }

    #[test]
    fn a_target_that_is_named_again_keeps_its_time() {
        let mut schedule = Schedule::default();
        schedule.add(anchor("a"), Timestamp(5));
        schedule.add(anchor("a"), Timestamp(1));
        assert_eq!(schedule.next_due(), Some(Timestamp(5)));
        schedule.take_due(Timestamp(5), 9);
        schedule.add(anchor("a"), Timestamp(1));
        assert_eq!(schedule.next_due(), None, "it is being fetched");
        assert!(!schedule.all_attempted());
        schedule.finished(anchor("a"), Timestamp(9));
        assert!(schedule.all_attempted());
        assert_eq!(schedule.progress(), (1, 1));
    }

    #[test]
    fn a_repository_that_nobody_names_is_forgotten() {
        let id = |text: &str| text.parse::<RepositoryId>().unwrap();
        let mut schedule = Schedule::default();
        schedule.add(anchor("ta"), Timestamp(1));
        schedule.add(Target::Repository(id("https://a.example/n.xml")), Timestamp(1));
        schedule.add(Target::Repository(id("rsync://b.example/m/")), Timestamp(1));
        schedule.retain_repositories(&[id("rsync://b.example/m/")].into());
        let left = schedule.take_due(Timestamp(1), 9);
        assert_eq!(left, [anchor("ta"), Target::Repository(id("rsync://b.example/m/"))]);
    }
}
