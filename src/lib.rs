//! Provost: an RPKI route origin validation checker.
//!
//! One value crosses each arrow, and each stage can be tested alone:
//!
//! ```text
//! TAL ─► fetch ─► store ─► validate ─► world ─► view ─► CLI / HTTP / RTR
//! ```
//!
//! Modules are layered: each uses only modules that stand before it in the list below (a test,
//! `tests/architecture.rs`, reads the source and says so). `ARCHITECTURE.md` is the map.

pub mod model;

pub mod ca;
pub mod object;

pub mod bgp;
pub mod payload;

pub mod origin;
pub mod validate;

pub mod world;

pub mod store;

pub mod clock;
pub mod fetch;
pub mod system;

pub mod output;

pub mod rtr;

pub mod http;
pub mod lab;

pub mod config;
pub mod service;

pub mod cli;
