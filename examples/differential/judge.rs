//! Chooses the cases, makes the repositories, and has each judged by everybody.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use provost::model::Timestamp;

use crate::catalogue::{Catalogue, Entry, Kind};
use crate::change::Change;
use crate::dice::Dice;
use crate::ours;
use crate::peers::{Failed, Peer};
use crate::verdict::{Run, row};
use crate::world::{Repository, Seat};

/// How the cases are judged.
pub(crate) struct Judge {
    pub(crate) seed: u64,
    pub(crate) now: Timestamp,
    pub(crate) peers: Vec<Peer>,
    /// How many cases share one repository.
    pub(crate) batch: usize,
    pub(crate) keep: Option<PathBuf>,
}

/// A case: which change of the catalogue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) number: usize,
    entry: usize,
}

/// What everybody says of a case.
pub(crate) struct Verdict {
    pub(crate) number: usize,
    pub(crate) row: &'static str,
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// The VRPs without the change.
    pub(crate) undamaged: BTreeSet<String>,
    pub(crate) ours: BTreeSet<String>,
    pub(crate) our_words: Vec<String>,
    pub(crate) peers: BTreeMap<Peer, Theirs>,
}

impl Verdict {
    /// Returns the name of the change; where bits were changed at random, with what we say of it.
    pub(crate) fn full_name(&self) -> String {
        let said = self.our_words.first().and_then(|word| word.split(": ").nth(1));
        match self.kind {
            Kind::Random => format!("{}/{}", self.name, said.unwrap_or("valid")),
            Kind::Harmless | Kind::Breaks => self.name.clone(),
        }
    }
}

/// What a peer says of a case.
pub(crate) enum Theirs {
    Vrps {
        rows: BTreeSet<String>,
        words: Vec<String>,
    },
    /// The case ended the program.
    Ended(String),
    /// The case took every other CA of its trust anchor with it.
    TookAll(Vec<String>),
}

/// The seat of the case in which nothing is changed; no other has it.
const CONTROL: u8 = 0;

impl Judge {
    /// Chooses so many cases: row by row, and within a row change by change.
    pub(crate) fn choose(&self, count: usize, only: &str) -> Vec<Case> {
        let catalogue = self.catalogue(1, 0);
        let mut rows: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, entry) in catalogue.iter().enumerate() {
            if entry.name.starts_with(only) {
                rows.entry(entry.row).or_default().push(index);
            }
        }
        let rows: Vec<_> = rows.into_values().collect();
        assert!(!rows.is_empty(), "no change has a name that begins with {only}");
        let case = |number: usize| {
            let row = &rows[number % rows.len()];
            Case { number, entry: row[number / rows.len() % row.len()] }
        };
        (0..count).map(case).collect()
    }

    fn catalogue(&self, seat: u8, case: usize) -> Vec<Entry> {
        let seat = Seat { number: seat, now: self.now };
        Catalogue::new(seat, &mut Dice::new(self.seed, case)).entries
    }

    /// Judges every case.
    pub(crate) fn run(&self, cases: &[Case]) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        for (number, batch) in cases.chunks(self.batch).enumerate() {
            let seats: Vec<_> = (1..).zip(batch.iter().copied()).collect();
            verdicts.extend(self.judge(number, &seats));
        }
        verdicts
    }

    fn repository(&self, seats: &[(u8, Case)]) -> Repository {
        let mut repository = Repository::new(self.now);
        let control = Seat { number: CONTROL, now: self.now };
        repository.add(control, &Change::None, &mut Dice::new(self.seed, usize::MAX));
        for (number, case) in seats {
            let seat = Seat { number: *number, now: self.now };
            let entry = self.catalogue(*number, case.number).swap_remove(case.entry);
            repository.add(seat, &entry.change, &mut Dice::new(!self.seed, case.number));
        }
        repository.finish()
    }

    fn judge(&self, batch: usize, seats: &[(u8, Case)]) -> Vec<Verdict> {
        let repository = self.repository(seats);
        let undamaged =
            Run { rows: repository.undamaged.iter().map(row).collect(), ..Run::default() };
        let ours = ours::run(&repository, self.now);
        let control = undamaged.of(CONTROL);
        assert_eq!(ours.of(CONTROL), control, "we lost the CA in which nothing is changed");
        let mut verdicts: Vec<_> = seats
            .iter()
            .map(|(seat, case)| {
                let entry = self.catalogue(*seat, case.number).swap_remove(case.entry);
                Verdict {
                    number: case.number,
                    row: entry.row,
                    name: entry.name,
                    kind: entry.kind,
                    undamaged: undamaged.of(*seat),
                    ours: ours.of(*seat),
                    our_words: ours.said(*seat),
                    peers: BTreeMap::new(),
                }
            })
            .collect();
        for peer in &self.peers {
            let mut found = BTreeMap::new();
            self.ask(*peer, batch, seats, &control, &mut found);
            for (verdict, (seat, _)) in verdicts.iter_mut().zip(seats) {
                verdict.peers.extend(found.remove(seat).map(|theirs| (*peer, theirs)));
            }
        }
        verdicts
    }

    /// Asks a peer; halves the cases until those that end it or hide all others are alone.
    fn ask(
        &self,
        peer: Peer,
        batch: usize,
        seats: &[(u8, Case)],
        control: &BTreeSet<String>,
        found: &mut BTreeMap<u8, Theirs>,
    ) {
        let repository = self.repository(seats);
        let temporary = tempfile::tempdir().unwrap();
        let directory = match &self.keep {
            Some(keep) => {
                let first = seats.first().map_or(0, |(_, case)| case.number);
                let name = format!("batch-{batch}-case-{first}-{}", peer.program());
                keep.join(name)
            }
            None => temporary.path().join("run"),
        };
        open_way(temporary.path());
        let result = peer.run(&repository, &directory);
        let is_whole = result.as_ref().is_ok_and(|run| run.of(CONTROL) == *control);
        if is_whole && let Ok(run) = result {
            for (seat, _) in seats {
                let theirs = Theirs::Vrps { rows: run.of(*seat), words: run.said(*seat) };
                found.insert(*seat, theirs);
            }
        } else if let [(seat, _)] = seats {
            let theirs = match result {
                Ok(run) => Theirs::TookAll(run.said(*seat)),
                Err(Failed(how)) => Theirs::Ended(how),
            };
            found.insert(*seat, theirs);
        } else {
            let (first, second) = seats.split_at(seats.len() / 2);
            self.ask(peer, batch, first, control, found);
            self.ask(peer, batch, second, control, found);
        }
    }
}

/// Lets programs that became somebody else pass through.
fn open_way(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).unwrap();
}
