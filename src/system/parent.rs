//! A child that does not outlive its supervisor, even when that is killed.

use rustix::process::{Signal, set_parent_process_death_signal};

/// Asks the system for a SIGTERM when the parent process ends.
pub fn end_with_parent() {
    if let Err(error) = set_parent_process_death_signal(Some(Signal::TERM)) {
        tracing::warn!(%error, "cannot ask to end with the supervisor");
    }
}
