//! The processes: supervisor, worker and server. The published world is all that passes between.

pub mod engine;
mod error;
mod publication;
mod restart;
mod routers;
mod schedule;
pub mod server;
pub mod supervisor;
pub mod worker;

pub use error::WorkerError;
