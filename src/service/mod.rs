//! The processes: supervisor, worker and server. The published world is all that passes between.

mod admission;
mod advance;
mod at_hand;
mod child;
mod compare;
pub mod engine;
mod error;
pub mod exceptions;
mod housekeeping;
mod in_hand;
pub mod limits;
mod publication;
mod restart;
mod routers;
mod schedule;
pub mod server;
pub mod supervisor;
mod suspects;
#[cfg(test)]
mod tests_advance;
mod watched;
pub mod worker;

pub use child::{Child, ChildRecord, LimitUse};
pub use compare::Comparison;
pub use error::WorkerError;
pub use in_hand::{Ending, InHand, read_suspects_in};
pub use suspects::{Suspect, Suspects};
