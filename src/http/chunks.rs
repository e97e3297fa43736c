//! Bodies that are written part by part, as the client reads them: never whole in memory.

use std::convert::Infallible;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::Frame;

use super::limits::CHUNK_BYTES;

/// Returns the body that `next` writes: it appends the next piece, until it breaks.
///
/// A piece should take well below a millisecond, since it is written between two writes to the
/// socket. A short body has a length, a long one comes in chunks.
pub(super) fn body(
    mut next: impl FnMut(&mut String) -> ControlFlow<()> + Send + Unpin + 'static,
) -> Body {
    let mut first = String::new();
    while first.len() < CHUNK_BYTES {
        if next(&mut first).is_break() {
            return Body::from(first);
        }
    }
    Body::new(Chunks { first: Some(first), next: Some(next) })
}

struct Chunks<F> {
    first: Option<String>,
    /// `None` after the last piece.
    next: Option<F>,
}

impl<F: FnMut(&mut String) -> ControlFlow<()> + Unpin> HttpBody for Chunks<F> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        if let Some(first) = this.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first.into()))));
        }
        let Some(next) = &mut this.next else { return Poll::Ready(None) };
        let mut chunk = String::with_capacity(CHUNK_BYTES + CHUNK_BYTES / 8);
        while chunk.len() < CHUNK_BYTES {
            if next(&mut chunk).is_break() {
                this.next = None;
                break;
            }
        }
        Poll::Ready((!chunk.is_empty()).then(|| Ok(Frame::data(chunk.into()))))
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    /// Writes the numbers below `end`, a line each.
    fn numbers(end: usize) -> Body {
        let mut number = 0;
        body(move |out| {
            if number == end {
                return ControlFlow::Break(());
            }
            out.push_str(&format!("{number}\n"));
            number += 1;
            ControlFlow::Continue(())
        })
    }

    #[tokio::test]
    async fn every_piece_is_sent_once_and_short_bodies_have_a_length() {
        for end in [0, 1, 100_000] {
            let body = numbers(end);
            assert_eq!(body.size_hint().exact().is_some(), end < 100_000);
            let text = to_bytes(body, usize::MAX).await.unwrap();
            let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            let lines: Vec<usize> =
                lines.map(|line| std::str::from_utf8(line).unwrap().parse().unwrap()).collect();
            assert!(lines.into_iter().eq(0..end));
        }
    }
}
