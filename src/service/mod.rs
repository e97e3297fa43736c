//! The processes: supervisor, worker and server. The published world is all that passes between.

mod admission;
mod child;
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
mod watched;
pub mod worker;

pub use child::{Child, ChildRecord};
pub use error::WorkerError;
pub use in_hand::{InHand, read_suspects_in};
pub use suspects::{Suspect, Suspects};
