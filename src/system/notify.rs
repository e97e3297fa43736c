//! Messages to the service manager; nothing happens where there is none.

use sd_notify::NotifyState;

/// Says that the service answers.
pub fn ready() {
    send(&[NotifyState::Ready]);
}

/// Says that the service is about to end.
pub fn stopping() {
    send(&[NotifyState::Stopping]);
}

/// Sets the line that `systemctl status` shows.
pub fn status(text: &str) {
    send(&[NotifyState::Status(text)]);
}

/// Says that the supervisor is alive, for `WatchdogSec=`.
pub fn watchdog() {
    send(&[NotifyState::Watchdog]);
}

fn send(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!(%error, "the service manager did not take a message");
    }
}
