//! What is fetched when: each trust anchor and each repository on its own clock. Pure.
//!
//! Slots are shared so that nobody can take them all: a host has a few, and whoever was slow, or
//! failed, or is new, leaves some to those who answered promptly the last time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::limits::{
    FETCHES, FETCHES_AT_WORK, FETCHES_PER_HOST, FIRST_DEADLINE, PROMPT, UNPROVEN_AT_WORK,
    UNPROVEN_FETCHES,
};
use crate::model::{ObjectHash, RepositoryId, Timestamp};

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

impl Target {
    /// Returns the host whose slots it takes, without the port; trust anchors are few and ours.
    fn host(&self) -> Option<&str> {
        let authority = match self {
            Target::TrustAnchor(_) => return None,
            Target::Repository(RepositoryId::Rrdp(uri)) => uri.authority(),
            Target::Repository(RepositoryId::Rsync(module)) => module.authority(),
        };
        match authority.rsplit_once(':') {
            // A colon inside brackets belongs to an IPv6 address.
            Some((host, port)) if !port.contains(']') => Some(host),
            _ => Some(authority),
        }
    }
}

/// How a target did the last time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Standing {
    /// It succeeded within [`PROMPT`].
    Prompt,
    /// It failed, was slow, or was never tried.
    Unproven,
}

#[derive(Debug)]
struct Waiting {
    due: Timestamp,
    standing: Standing,
}

#[derive(Debug)]
struct Running {
    since: Instant,
    standing: Standing,
}

/// When each target is due, and which are being fetched.
#[derive(Debug)]
pub struct Schedule {
    /// Decides the order of those that are due in the same second, so that no name comes first.
    seed: u64,
    waiting: BTreeMap<Target, Waiting>,
    running: BTreeMap<Target, Running>,
    /// Those that were fetched, with whatever result, since the schedule was made.
    attempted: BTreeSet<Target>,
    /// When each of the others became known.
    known_since: BTreeMap<Target, Instant>,
}

/// The slots that are taken.
struct Slots<'a> {
    all: usize,
    at_work: usize,
    unproven: usize,
    unproven_at_work: usize,
    hosts: BTreeMap<&'a str, usize>,
}

impl<'a> Slots<'a> {
    fn has_room(&self, target: &Target, standing: Standing) -> bool {
        let host = target.host().and_then(|host| self.hosts.get(host));
        self.all < FETCHES
            && self.at_work < FETCHES_AT_WORK
            && host.is_none_or(|taken| *taken < FETCHES_PER_HOST)
            && (standing == Standing::Prompt
                || self.unproven < UNPROVEN_FETCHES && self.unproven_at_work < UNPROVEN_AT_WORK)
    }

    fn take(&mut self, target: &'a Target, standing: Standing, at_work: bool) {
        self.all += 1;
        self.at_work += usize::from(at_work);
        if standing == Standing::Unproven {
            self.unproven += 1;
            self.unproven_at_work += usize::from(at_work);
        }
        if let Some(host) = target.host() {
            *self.hosts.entry(host).or_default() += 1;
        }
    }
}

impl Schedule {
    /// Makes an empty schedule; `seed` should differ between processes.
    pub fn new(seed: u64) -> Self {
        Schedule {
            seed,
            waiting: BTreeMap::new(),
            running: BTreeMap::new(),
            attempted: BTreeSet::new(),
            known_since: BTreeMap::new(),
        }
    }

    /// Adds a target that is due at `due`; one that is known already keeps its time.
    pub fn add(&mut self, target: Target, due: Timestamp, standing: Standing, at: Instant) {
        if self.running.contains_key(&target) || self.waiting.contains_key(&target) {
            return;
        }
        if !self.attempted.contains(&target) {
            self.known_since.entry(target.clone()).or_insert(at);
        }
        self.waiting.insert(target, Waiting { due, standing });
    }

    /// Takes the targets that are due at `now` and have a slot, the longest due first.
    pub fn take_due(&mut self, now: Timestamp, at: Instant) -> Vec<Target> {
        let mut due: Vec<(Timestamp, ObjectHash, Target, Standing)> = self
            .waiting
            .iter()
            .filter(|(_, waiting)| waiting.due <= now)
            .map(|(target, waiting)| {
                (waiting.due, self.order(target), target.clone(), waiting.standing)
            })
            .collect();
        due.sort_by_key(|entry| (entry.0, entry.1));
        let mut slots =
            Slots { all: 0, at_work: 0, unproven: 0, unproven_at_work: 0, hosts: BTreeMap::new() };
        for (target, running) in &self.running {
            let late = at.saturating_duration_since(running.since) > PROMPT;
            let standing = if late { Standing::Unproven } else { running.standing };
            slots.take(target, standing, !late);
        }
        let mut taken = Vec::new();
        for (_, _, target, standing) in &due {
            if slots.has_room(target, *standing) {
                slots.take(target, *standing, true);
                taken.push((target.clone(), *standing));
            }
        }
        for (target, standing) in &taken {
            self.waiting.remove(target);
            self.running.insert(target.clone(), Running { since: at, standing: *standing });
        }
        taken.into_iter().map(|(target, _)| target).collect()
    }

    fn order(&self, target: &Target) -> ObjectHash {
        ObjectHash::of(format!("{} {target}", self.seed).as_bytes())
    }

    /// Notes that a fetch ended; the target is due again at `next`.
    ///
    /// Its standing is decided by `succeeded` and by how long it ran until `at`.
    pub fn finished(&mut self, target: Target, next: Timestamp, succeeded: bool, at: Instant) {
        let took = self.running.remove(&target).map(|run| at.saturating_duration_since(run.since));
        let prompt = succeeded && took.is_some_and(|took| took <= PROMPT);
        let standing = if prompt { Standing::Prompt } else { Standing::Unproven };
        self.known_since.remove(&target);
        self.attempted.insert(target.clone());
        self.waiting.insert(target, Waiting { due: next, standing });
    }

    /// Forgets every repository that is not in `wanted`; one that is being fetched stays.
    pub fn retain_repositories(&mut self, wanted: &BTreeSet<RepositoryId>) {
        let keep = |target: &Target| match target {
            Target::TrustAnchor(_) => true,
            Target::Repository(id) => wanted.contains(id),
        };
        self.waiting.retain(|target, _| keep(target));
        let running = &self.running;
        self.attempted.retain(|target| keep(target) || running.contains_key(target));
        self.known_since.retain(|target, _| keep(target) || running.contains_key(target));
    }

    /// Tells whether the target was fetched, with whatever result.
    pub fn was_attempted(&self, target: &Target) -> bool {
        self.attempted.contains(target)
    }

    /// Tells whether nothing is being fetched.
    pub fn is_idle(&self) -> bool {
        self.running.is_empty()
    }

    /// Returns what is being fetched.
    pub fn running(&self) -> impl Iterator<Item = &Target> {
        self.running.keys()
    }

    /// Returns how many targets are known, and how many of them were fetched.
    pub fn progress(&self) -> (usize, usize) {
        let known = self.waiting.keys().chain(self.running.keys());
        let known = known.collect::<BTreeSet<_>>();
        let done = known.iter().filter(|target| self.attempted.contains(**target)).count();
        (done, known.len())
    }

    /// Returns when the next target becomes due after `now`.
    ///
    /// Those that are due already wait for a slot: the end of a fetch is their event.
    pub fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        self.waiting.values().map(|waiting| waiting.due).filter(|due| *due > now).min()
    }

    /// Tells whether something that is due waits for a slot.
    pub fn is_crowded(&self, now: Timestamp) -> bool {
        self.waiting.values().any(|waiting| waiting.due <= now)
    }

    /// Tells whether every known target was fetched at least once.
    pub fn all_attempted(&self) -> bool {
        let known = self.waiting.keys().chain(self.running.keys());
        known.into_iter().all(|target| self.attempted.contains(target))
    }

    /// Tells whether every known target was fetched, or was known for its first deadline.
    pub fn first_deadlines_passed(&self, at: Instant) -> bool {
        self.known_since
            .values()
            .all(|since| at.saturating_duration_since(*since) >= FIRST_DEADLINE)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn anchor(name: &str) -> Target {
        Target::TrustAnchor(name.to_owned())
    }

    fn id(text: &str) -> RepositoryId {
        text.parse().unwrap()
    }

    fn rrdp(host: &str, path: usize) -> Target {
        Target::Repository(id(&format!("https://{host}/{path}/n.xml")))
    }

    struct Bench {
        schedule: Schedule,
        at: Instant,
    }

    impl Bench {
        fn new() -> Self {
            Bench { schedule: Schedule::new(7), at: Instant::now() }
        }

        fn add(&mut self, target: Target, due: i64, standing: Standing) {
            self.schedule.add(target, Timestamp(due), standing, self.at);
        }

        fn take(&mut self, now: i64) -> Vec<Target> {
            self.schedule.take_due(Timestamp(now), self.at)
        }

        fn finish(&mut self, target: Target, next: i64, succeeded: bool) {
            self.schedule.finished(target, Timestamp(next), succeeded, self.at);
        }
    }

    #[test]
    fn the_longest_due_come_first() {
        let mut bench = Bench::new();
        bench.add(anchor("late"), 20, Standing::Prompt);
        bench.add(anchor("first"), 5, Standing::Prompt);
        bench.add(anchor("second"), 10, Standing::Prompt);
        assert_eq!(bench.take(4), []);
        assert_eq!(bench.take(12), [anchor("first"), anchor("second")]);
        bench.finish(anchor("first"), 100, true);
        assert_eq!(bench.take(30), [anchor("late")]);
        assert_eq!(bench.schedule.next_due(Timestamp(30)), Some(Timestamp(100)));
    }

    #[test]
    fn a_target_that_is_named_again_keeps_its_time() {
        let mut bench = Bench::new();
        bench.add(anchor("a"), 5, Standing::Prompt);
        bench.add(anchor("a"), 1, Standing::Prompt);
        assert_eq!(bench.schedule.next_due(Timestamp(0)), Some(Timestamp(5)));
        bench.take(5);
        bench.add(anchor("a"), 1, Standing::Prompt);
        assert_eq!(bench.schedule.next_due(Timestamp(0)), None, "it is being fetched");
        assert!(!bench.schedule.all_attempted());
        bench.finish(anchor("a"), 9, false);
        assert!(bench.schedule.all_attempted());
        assert_eq!(bench.schedule.progress(), (1, 1));
    }

    #[test]
    fn a_repository_that_nobody_names_is_forgotten() {
        let mut bench = Bench::new();
        let kept = id("rsync://b.example/m/");
        bench.add(anchor("ta"), 1, Standing::Prompt);
        bench.add(rrdp("a.example", 1), 1, Standing::Prompt);
        bench.add(Target::Repository(kept.clone()), 1, Standing::Prompt);
        bench.schedule.retain_repositories(&[kept.clone()].into());
        let left: BTreeSet<_> = bench.take(1).into_iter().collect();
        assert_eq!(left, [anchor("ta"), Target::Repository(kept)].into());
    }

    #[test]
    fn a11_a_host_has_few_slots_however_many_repositories_and_ports_it_has() {
        let mut bench = Bench::new();
        for number in 0..100 {
            bench.add(
                rrdp(&format!("evil.example:{}", 1_000 + number), number),
                1,
                Standing::Prompt,
            );
        }
        bench.add(rrdp("good.example", 0), 2, Standing::Prompt);
        bench.add(rrdp("[2001:db8::1]", 0), 2, Standing::Prompt);
        let taken = bench.take(3);
        assert_eq!(taken.len(), FETCHES_PER_HOST + 2);
        assert!(taken.contains(&rrdp("good.example", 0)));
        assert_eq!(bench.take(3), [], "the others wait for the end of one of the four");
        bench.finish(taken[0].clone(), 9, false);
        assert_eq!(bench.take(3).len(), 1);
    }

    #[test]
    fn a11_thousands_of_new_hosts_leave_slots_to_those_that_are_known_to_be_prompt() {
        let mut bench = Bench::new();
        for number in 0..5_000 {
            bench.add(rrdp(&format!("h{number}.example"), 0), 1, Standing::Unproven);
        }
        assert_eq!(bench.take(1).len(), UNPROVEN_AT_WORK);
        // Those that stay count as waiting, not as working; others come in beside them.
        for _ in 0..100 {
            bench.at += PROMPT + Duration::from_secs(1);
            bench.take(1);
        }
        assert_eq!(bench.schedule.running.len(), UNPROVEN_FETCHES, "and no more");
        for number in 0..10 {
            bench.add(rrdp(&format!("good{number}.example"), 0), 2, Standing::Prompt);
        }
        assert_eq!(bench.take(2).len(), 10, "all of the good ones at once");
        // They stay prompt, and are served in each round.
        for number in 0..10 {
            bench.finish(rrdp(&format!("good{number}.example"), 0), 3, true);
        }
        assert_eq!(bench.take(3).len(), 10);
    }

    #[test]
    fn a10_who_was_slow_or_failed_is_no_longer_prompt() {
        for (seconds, succeeded, standing) in [
            (1, true, Standing::Prompt),
            (11, true, Standing::Unproven),
            (1, false, Standing::Unproven),
        ] {
            let mut bench = Bench::new();
            bench.add(rrdp("h.example", 0), 1, Standing::Prompt);
            bench.take(1);
            bench.at += Duration::from_secs(seconds);
            bench.finish(rrdp("h.example", 0), 2, succeeded);
            assert_eq!(bench.schedule.waiting[&rrdp("h.example", 0)].standing, standing);
        }
    }

    #[test]
    fn no_name_comes_first_in_every_process() {
        let first = |seed| {
            let mut schedule = Schedule::new(seed);
            let at = Instant::now();
            for number in 0..50 {
                let target = rrdp(&format!("h{number}.example"), 0);
                schedule.add(target, Timestamp(1), Standing::Unproven, at);
            }
            schedule.take_due(Timestamp(1), at)[0].clone()
        };
        let firsts: BTreeSet<Target> = (0..20).map(first).collect();
        assert!(firsts.len() > 5, "{firsts:?}");
    }

    #[test]
    fn a11_the_first_world_waits_for_nobody_longer_than_the_first_deadline() {
        let mut bench = Bench::new();
        bench.add(rrdp("slow.example", 0), 1, Standing::Unproven);
        bench.take(1);
        assert!(!bench.schedule.first_deadlines_passed(bench.at));
        let late = bench.at + FIRST_DEADLINE;
        assert!(bench.schedule.first_deadlines_passed(late));
        bench.at = late;
        bench.add(rrdp("later.example", 0), 1, Standing::Unproven);
        assert!(!bench.schedule.first_deadlines_passed(late), "each has its own");
    }
}
