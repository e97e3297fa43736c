//! When to read again what may have changed: SIGHUP.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Says at each SIGHUP why nothing is done; ends never.
pub async fn decline(why: &str) {
    if let Some(mut signals) = signals() {
        while signals.recv().await.is_some() {
            tracing::warn!("SIGHUP: {why}");
        }
    }
}

/// Watches for SIGHUP, which then does not end the process any more.
pub fn signals() -> Option<Signal> {
    signal(SignalKind::hangup())
        .inspect_err(|error| tracing::warn!(%error, "cannot watch for SIGHUP"))
        .ok()
}
