//! The lab, read by other validators and by ours: each must find what the lab's plan says.
//!
//! A test whose program is not installed prints `skipped` and why. The command lines are those
//! that worked, and those of docs/lab.md; each module names the version.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "test code outside of functions that clippy sees as tests"
)]

mod fort;
mod krill;
mod ours;
mod routers;
mod routinator;
mod routinator_http;
mod rpki_client;
#[path = "../support/mod.rs"]
mod support;
mod tree;
