//! The differences that are explained: read from `docs/differences.md`, so that the two agree.

use crate::judge::{Theirs, Verdict};
use crate::peers::Peer;

const PAGE: &str = include_str!("../../docs/differences.md");

/// How a peer differs from us.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum How {
    /// It has VRPs that we do not have.
    Takes,
    /// It lacks VRPs that we have.
    Rejects,
    /// Both.
    Changes,
    /// It ends.
    Ends,
    /// It loses every CA of the trust anchor.
    LosesAll,
}

impl How {
    /// Tells how a peer differs, if it does.
    pub(crate) fn of(verdict: &Verdict, theirs: &Theirs) -> Option<How> {
        match theirs {
            Theirs::Ended(_) => Some(How::Ends),
            Theirs::TookAll(_) => Some(How::LosesAll),
            Theirs::Vrps { rows, .. } => {
                let more = rows.difference(&verdict.ours).next().is_some();
                let less = verdict.ours.difference(rows).next().is_some();
                match (more, less) {
                    (false, false) => None,
                    (true, false) => Some(How::Takes),
                    (false, true) => Some(How::Rejects),
                    (true, true) => Some(How::Changes),
                }
            }
        }
    }

    /// Returns the word that the page uses.
    pub(crate) fn word(self) -> &'static str {
        match self {
            How::Takes => "takes",
            How::Rejects => "rejects",
            How::Changes => "reads otherwise",
            How::Ends => "ends",
            How::LosesAll => "loses all",
        }
    }
}

/// Tells whether the page explains that this change is judged so by this peer.
///
/// A row begins with the names of changes, in which `*` stands for any text, then names peers, then
/// says how they differ.
pub(crate) fn is_explained(name: &str, peer: Peer, how: How) -> bool {
    PAGE.lines().filter(|line| line.starts_with("| `")).any(|line| {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let patterns = cells[1].split(',').map(|cell| cell.trim().trim_matches('`'));
        cells.len() > 4
            && cells[2].split(',').any(|cell| cell.trim() == peer.program())
            && cells[3].split(',').any(|cell| cell.trim() == how.word())
            && patterns.clone().any(|pattern| fits(pattern, name))
    })
}

/// Tells whether `name` has the form of `pattern`.
pub(crate) fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => name.strip_prefix(start).is_some_and(|name| {
            (0..=name.len()).any(|at| name.is_char_boundary(at) && fits(rest, &name[at..]))
        }),
    }
}
