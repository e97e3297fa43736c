//! Bodies of requests, within bounds of size and time (THREATS J01, J05).

use std::pin::Pin;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use tokio::time::{Instant, timeout_at};

/// Why a body was not read to its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Unread {
    /// It is longer than its limit.
    TooLong,
    /// It did not come in time.
    TooLate,
    /// The connection broke, or the body broke the rules of HTTP.
    Broken,
}

/// Reads a body that fits into memory.
pub(super) async fn read(body: Body, limit: usize, time: Duration) -> Result<Vec<u8>, Unread> {
    let mut all = Vec::new();
    let mut parts = Parts::new(body, limit, time);
    while let Some(part) = parts.next().await? {
        all.extend_from_slice(&part);
    }
    Ok(all)
}

/// The parts of a body, as they come.
pub(super) struct Parts {
    body: Body,
    left: usize,
    deadline: Instant,
}

impl Parts {
    /// Reads at most `limit` bytes, which must come within `time`.
    pub fn new(body: Body, limit: usize, time: Duration) -> Self {
        Parts { body, left: limit, deadline: Instant::now() + time }
    }

    /// Returns the next part; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Unread> {
        loop {
            let frame = std::future::poll_fn(|cx| Pin::new(&mut self.body).poll_frame(cx));
            let frame = timeout_at(self.deadline, frame).await.map_err(|_| Unread::TooLate)?;
            let Some(frame) = frame else { return Ok(None) };
            let frame = frame.map_err(|_| Unread::Broken)?;
            // What follows the body as trailers says nothing here.
            if let Ok(part) = frame.into_data() {
                self.left = self.left.checked_sub(part.len()).ok_or(Unread::TooLong)?;
                return Ok(Some(part));
            }
        }
    }
}
