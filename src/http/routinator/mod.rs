//! The paths of Routinator that are more than a payload format: its bodies, texts and numbers.

pub(super) mod delta;
pub(super) mod error;
pub(super) mod metrics;
pub(super) mod status;
mod tally;
pub(super) mod validity;

pub(super) use tally::Tally;
