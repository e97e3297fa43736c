//! The network: RRDP and rsync, everything bounded.
//!
//! [`Fetcher`] makes one attempt at one repository; which one and when is for the worker to say.
//! Nothing that a server sends reaches the cache's maps before it is complete, hashed and within
//! every limit of `limits.rs`.

mod backoff;
mod document;
mod error;
mod fetcher;
mod filter;
mod guard;
mod http;
pub mod limits;
mod plan;
mod probe;
mod report;
mod rrdp;
mod rsync;
mod spool;
mod stop;
mod tree;
mod trust_anchor;
mod walk;

pub use backoff::{Jitter, next_attempt};
pub use error::{FetchError, FetchErrorKind, Stage};
pub use fetcher::{FetchConfig, Fetcher};
pub use guard::LocalAddresses;
pub use plan::SnapshotReason;
pub use probe::{DocumentProbe, RrdpDocument};
pub use report::{Done, DropReason, Drops, FetchReport};
pub use tree::{TreeReport, import_tree, record_absent};

#[cfg(test)]
mod tests;
