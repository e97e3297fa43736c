//! A lab of the size of the Internet, on disk: made piece by piece, never held as a whole.
//!
//! [`ScalePlan`](plan::ScalePlan) says what there is, [`History`](history::History) what became
//! of it; the state of every CA is a function of both, so that a change needs no more of the
//! state before it than its number.

mod draw;
mod history;
mod plan;
mod point;
mod rrdp;
mod size;
mod space;
mod write;

pub use size::Scale;
pub use write::{Counts, churn_scale, generate_scale};

#[cfg(test)]
mod tests;
