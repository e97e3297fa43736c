//! The HTTP API, one file for each resource.
//!
//! The unversioned paths and `/api/v1/` are Routinator's, to the byte where tools compare;
//! `/metrics`, `/health`, `/ready` and `/v1/` are ours. No handler opens a file or sees an RPKI
//! object: all answer from the [`Served`] view.

// What the server is made of.
mod counters;
mod guard;
mod history;
pub mod limits;
mod listener;
mod quick;
mod router;
mod state;
mod stream;

// What answers have in common.
mod body;
mod chunks;
mod conditional;
mod json;
mod problem;
mod query;
mod question;
mod summary;

// The resources.
mod exceptions;
mod health;
mod metrics;
mod payload;
mod repositories;
mod routers;
mod routinator;
mod rtr_metrics;
mod status;
mod v1;
mod worker;

#[cfg(test)]
mod tests;

pub use listener::serve;
pub use repositories::{RepositoryBody, transport};
pub use router::router;
pub use state::{App, ExceptionsStatus, Served};
pub use worker::WorkerReport;
