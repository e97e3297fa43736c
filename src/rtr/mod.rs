//! RTR: gives routers the payload of each view, in versions 0, 1 and 2 of the protocol.
//!
//! The formats are those of RFC 6810, RFC 8210 and draft-ietf-sidrops-8210bis-27. The
//! [`Updater`] turns views into what a [`Cache`] holds; [`serve`] speaks with routers.

// What is sent: pure.
mod encode;
mod guard;
mod history;
mod inbox;
mod pdu;

// What is kept.
mod cache;
mod clients;
mod saved;
mod table;
mod updater;

// Who is spoken with.
pub mod limits;
mod listener;
mod pace;
mod session;
mod tls;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use cache::{Cache, Serving, Status, Stop};
pub use clients::{Client, Counts};
pub use guard::{Loss, LossPolicy, LossPolicyError};
pub use inbox::count_queries;
pub use listener::{Transport, serve};
pub use pdu::Version;
pub use tls::{Tls, TlsError, TlsFiles};
pub use updater::{Options, Updater};
