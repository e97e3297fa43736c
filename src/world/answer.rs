//! An answer: a verdict that also says how far it can be trusted.

use crate::model::{Route, Timestamp};
use crate::origin::Verdict;

use super::Freshness;

/// The answer to "is this route valid?"; never a bare state.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer {
    /// The route that was asked for.
    pub route: Route,
    /// The verdict; positions in it are positions in `View::vrps`.
    pub verdict: Verdict,
    /// How far it can be trusted.
    pub freshness: Freshness,
    /// When the oldest source that the answer rests on was last brought up to date.
    ///
    /// `None` if that is not known.
    pub as_of: Option<Timestamp>,
}
