//! When to read again what may have changed: SIGHUP.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Watches for SIGHUP, which then does not end the process any more.
pub fn signals() -> Option<Signal> {
    signal(SignalKind::hangup())
        .inspect_err(|error| tracing::warn!(%error, "cannot watch for SIGHUP"))
        .ok()
}
