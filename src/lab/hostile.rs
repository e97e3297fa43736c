//! How a publication server of the lab misbehaves while it sends one document.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::time::Sleep;

/// How long a dripping server waits before each byte.
const DRIP: Duration = Duration::from_millis(200);

/// How much an endless body sends at a time.
const BLOCK: Bytes = Bytes::from_static(&[b' '; 65_536]);

/// How a document is sent.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) enum Manner {
    /// As it should be.
    #[default]
    Honest,
    /// One byte at a time.
    Drip,
    /// Nothing after the head of the response.
    Silent,
    /// The document, and then blanks without end.
    Endless,
    /// Half of it; then the connection is closed.
    Dies,
    /// All of it, under a length that is too large.
    ShorterThanSaid,
    /// Under `Content-Encoding: gzip`.
    Gzip,
    /// Elsewhere.
    Redirect(String),
    /// Another status than 200, and when to come back.
    Refuse {
        /// The status.
        status: u16,
        /// `Retry-After`, in seconds.
        retry_after: u32,
    },
}

/// A body that is not sent as it should be.
pub(super) struct HostileBody {
    rest: Bytes,
    manner: Manner,
    pause: Pin<Box<Sleep>>,
}

impl HostileBody {
    /// Makes a body that sends `document` in this manner.
    pub(super) fn new(document: Bytes, manner: Manner) -> Self {
        HostileBody { rest: document, manner, pause: Box::pin(tokio::time::sleep(DRIP)) }
    }

    fn all(&mut self) -> Option<Bytes> {
        let rest = std::mem::take(&mut self.rest);
        (!rest.is_empty()).then_some(rest)
    }
}

impl Body for HostileBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        let next = match self.manner {
            Manner::Silent => return Poll::Pending,
            Manner::Drip => {
                if self.pause.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
                self.pause = Box::pin(tokio::time::sleep(DRIP));
                let one = self.rest.len().min(1);
                Some(self.rest.split_to(one)).filter(|byte| !byte.is_empty())
            }
            Manner::Endless => Some(self.all().unwrap_or(BLOCK)),
            Manner::Dies => {
                let half = self.rest.len() / 2;
                let start = self.rest.split_to(half);
                self.rest = Bytes::new();
                if start.is_empty() {
                    return Poll::Ready(Some(Err(std::io::Error::other("the server dies"))));
                }
                Some(start)
            }
            _ => self.all(),
        };
        Poll::Ready(next.map(|bytes| Ok(Frame::data(bytes))))
    }
}
