//! Why an attempt to fetch something failed.

use std::fmt;

use super::limits::LOGGED_TEXT;
use crate::store::{StoreError, StoreErrorKind};

/// Something could not be fetched; expected, and never the end of anything else.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{stage} {uri}: {detail}")]
pub struct FetchError {
    /// What was being fetched.
    pub uri: String,
    /// Where it failed.
    pub stage: Stage,
    /// How it failed.
    pub kind: FetchErrorKind,
    /// The same in words; printable ASCII, at most 300 characters.
    pub detail: String,
}

/// The steps of fetching.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stage {
    /// A trust anchor's certificate (RFC 8630).
    TrustAnchor,
    /// An RRDP notification (RFC 8182, section 3.5.1).
    Notification,
    /// An RRDP snapshot (RFC 8182, section 3.5.2).
    Snapshot,
    /// An RRDP delta (RFC 8182, section 3.5.3).
    Delta,
    /// An rsync module.
    Rsync,
    /// A tree of files.
    Tree,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stage::TrustAnchor => "trust anchor",
            Stage::Notification => "notification",
            Stage::Snapshot => "snapshot",
            Stage::Delta => "delta",
            Stage::Rsync => "module",
            Stage::Tree => "tree",
        })
    }
}

/// Kinds of failures.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FetchErrorKind {
    /// We do not go there: local address, odd port, another origin, too many redirects.
    Refused,
    /// No name, no connection, no TLS.
    Unreachable,
    /// Too slow, in one step or in all.
    Timeout,
    /// A limit on bytes or counts was reached.
    TooLarge,
    /// An HTTP status that is no answer.
    Status(u16),
    /// Not what the RFC describes.
    Format,
    /// The bytes do not fit the hash that was announced.
    Hash,
    /// Another session or serial than was announced.
    Session,
    /// The rsync program failed, or is not there.
    Rsync,
    /// The cache could not be read or written.
    Store(StoreErrorKind),
    /// A panic, which is a fault of ours.
    Internal,
}

impl FetchError {
    /// Makes an error; `detail` may come from the other side and is made safe to log.
    pub(super) fn new(
        stage: Stage,
        uri: impl fmt::Display,
        kind: FetchErrorKind,
        detail: impl fmt::Display,
    ) -> Self {
        let uri = printable(&uri.to_string());
        FetchError { uri, stage, kind, detail: printable(&detail.to_string()) }
    }

    pub(super) fn store(stage: Stage, uri: impl fmt::Display, error: &StoreError) -> Self {
        FetchError::new(stage, uri, FetchErrorKind::Store(error.kind), error)
    }
}

/// Returns `text` cut to what may be logged: printable ASCII of limited length.
pub(super) fn printable(text: &str) -> String {
    let safe = |c: char| if c == ' ' || c.is_ascii_graphic() { c } else { '?' };
    text.chars().take(LOGGED_TEXT).map(safe).collect()
}
