//! The HTTP API, one file for each resource.
//!
//! The unversioned paths and `/api/v1/` are Routinator's, to the byte where tools compare;
//! `/metrics`, `/health`, `/ready` and `/v1/` are ours. No handler reads a body, opens a file or
//! sees an RPKI object: all answer from the [`Served`] view.

// What the server is made of.
mod counters;
pub mod limits;
mod listener;
mod router;
mod state;
mod stream;

// What answers have in common.
mod json;
mod problem;
mod query;
mod routinator;
mod summary;

// The resources.
mod answer;
mod exceptions;
mod findings;
mod health;
mod metrics;
mod payload;
mod routers;
mod routinator_metrics;
mod rtr_metrics;
mod status;
mod validity;

#[cfg(test)]
mod tests;

pub use listener::serve;
pub use router::router;
pub use state::{App, ExceptionsStatus, Served};
