//! The lab, read by other validators: each must find what the lab's plan says.
//!
//! A test whose program is not installed prints `skipped` and why. The command lines are those
//! that worked; each module names the version.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test ends by a panic and says that it is skipped"
)]

mod formats;
mod fort;
mod ours;
mod routinator;
mod rpki_client;
mod support;
