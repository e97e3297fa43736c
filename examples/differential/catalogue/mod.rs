//! Every change that is tried, by its row of THREATS.

mod certificates;
mod contents;
mod envelopes;
mod points;
mod values;

use crate::change::{Change, Part};
use crate::dice::Dice;
use crate::world::Seat;

/// A change with its place in the table of threats.
pub(crate) struct Entry {
    /// The row: E01 to H21.
    pub(crate) row: &'static str,
    /// What is changed, and of which part.
    pub(crate) name: String,
    /// What ought to become of it.
    pub(crate) kind: Kind,
    pub(crate) change: Change,
}

/// What ought to become of a change.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// Nothing: the RFCs permit it.
    Harmless,
    /// It breaks one rule.
    Breaks,
    /// Nobody knows: bits were changed at random.
    Random,
}

/// Where the changes are collected.
pub(crate) struct Catalogue {
    pub(crate) seat: Seat,
    pub(crate) entries: Vec<Entry>,
}

impl Catalogue {
    /// Returns every change for a case, each with numbers of its own.
    pub(crate) fn new(seat: Seat, dice: &mut Dice) -> Catalogue {
        let mut catalogue = Catalogue { seat, entries: Vec::new() };
        points::add(&mut catalogue, dice);
        envelopes::add(&mut catalogue, dice);
        certificates::add(&mut catalogue, dice);
        contents::add(&mut catalogue, dice);
        catalogue
    }

    fn push(&mut self, row: &'static str, kind: Kind, name: &str, part: Part, change: Change) {
        let name = match part {
            Part::None => format!("{}-{name}", row.to_lowercase()),
            part => format!("{}-{name}.{}", row.to_lowercase(), part.word()),
        };
        self.entries.push(Entry { row, name, kind, change });
    }

    fn bad(&mut self, row: &'static str, name: &str, change: Change) {
        let part = change.part().unwrap_or(Part::None);
        // A Ghostbusters record is never trusted, so that nothing in it can be wrong.
        let is_judged = part != Part::Ghostbusters;
        let kind = if is_judged { Kind::Breaks } else { Kind::Harmless };
        self.push(row, kind, name, part, change);
    }

    fn good(&mut self, row: &'static str, name: &str, change: Change) {
        let part = change.part().unwrap_or(Part::None);
        self.push(row, Kind::Harmless, name, part, change);
    }

    fn random(&mut self, row: &'static str, name: &str, change: Change) {
        let part = change.part().unwrap_or(Part::None);
        self.push(row, Kind::Random, name, part, change);
    }
}

/// Flips a few bits.
fn flip(dice: &mut Dice, times: usize) -> impl Fn(&mut Vec<u8>) + use<> {
    let flips: Vec<_> = (0..times).map(|_| (dice.below(1 << 20), dice.below(8))).collect();
    move |bytes| {
        for (at, bit) in &flips {
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
        }
    }
}
