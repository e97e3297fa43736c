//! Progress of long work, on a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::service::worker::Progress;

/// A line on standard error that says what goes on; nothing where it is not a terminal.
pub struct ProgressLine(ProgressBar);

impl ProgressLine {
    /// Starts the line.
    pub fn start(visible: bool) -> Self {
        let target =
            if visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed:>4}  {msg}") {
            bar.set_style(style);
        }
        if visible {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        ProgressLine(bar)
    }

    /// Shows what `progress` says.
    pub fn show(&self, progress: &Progress) {
        let fetching = match progress.fetching.as_slice() {
            [] => String::new(),
            [one] => format!(", fetching {one}"),
            [one, rest @ ..] => format!(", fetching {one} and {} more", rest.len()),
        };
        let validating = if progress.validating { ", validating" } else { "" };
        self.0.set_message(format!(
            "{} of {} sources fetched, {} VRPs so far{fetching}{validating}",
            progress.fetched, progress.known, progress.vrps,
        ));
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
