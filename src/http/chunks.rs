//! Bodies that are written part by part, as the client reads them: never whole in memory.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::body::Frame;

use super::limits::CHUNK_BYTES;
use super::state::Place;

/// How a body is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Coding {
    Identity,
    Gzip,
}

/// Returns the body that `next` writes: it appends the next piece, until it breaks.
///
/// A piece should take well below a millisecond, since it is written between two writes to the
/// socket. A short body has a length, a long one comes in chunks.
pub(super) fn body(
    next: impl FnMut(&mut String) -> ControlFlow<()> + Send + Unpin + 'static,
) -> Body {
    finish(Chunks { next: Some(next), first: None, encoder: None, place: None })
}

/// Does what [`body`] does, for as long as there is a place for it: then it breaks off.
pub(super) fn placed(
    place: Place,
    coding: Coding,
    next: impl FnMut(&mut String) -> ControlFlow<()> + Send + Unpin + 'static,
) -> Body {
    // The fastest level: half a second at full size.
    let encoder = || GzEncoder::new(Vec::new(), Compression::fast());
    let encoder = (coding == Coding::Gzip).then(encoder);
    finish(Chunks { next: Some(next), first: None, encoder, place: Some(place) })
}

fn finish<F>(mut chunks: Chunks<F>) -> Body
where
    F: FnMut(&mut String) -> ControlFlow<()> + Send + Unpin + 'static,
{
    let first = chunks.fill();
    if chunks.next.is_none() {
        return Body::from(first);
    }
    chunks.first = Some(first);
    Body::new(chunks)
}

struct Chunks<F> {
    first: Option<Bytes>,
    /// `None` after the last piece.
    next: Option<F>,
    encoder: Option<GzEncoder<Vec<u8>>>,
    place: Option<Place>,
}

impl<F: FnMut(&mut String) -> ControlFlow<()>> Chunks<F> {
    /// Writes the next chunk; empty only at the end.
    fn fill(&mut self) -> Bytes {
        loop {
            let mut text = String::with_capacity(CHUNK_BYTES + CHUNK_BYTES / 8);
            while let Some(next) = &mut self.next
                && text.len() < CHUNK_BYTES
            {
                if next(&mut text).is_break() {
                    self.next = None;
                }
            }
            let Some(encoder) = &mut self.encoder else { return text.into() };
            // Writing to memory does not fail.
            let _ = encoder.write_all(text.as_bytes());
            if self.next.is_none() {
                let encoder = self.encoder.take();
                let rest = encoder.map(GzEncoder::finish).transpose().ok().flatten();
                return rest.unwrap_or_default().into();
            }
            // What was compressed comes in blocks.
            if !encoder.get_ref().is_empty() {
                return std::mem::take(encoder.get_mut()).into();
            }
        }
    }
}

impl<F: FnMut(&mut String) -> ControlFlow<()> + Unpin> HttpBody for Chunks<F> {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = self.get_mut();
        if let Some(first) = this.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        if this.next.is_none() {
            return Poll::Ready(None);
        }
        if this.place.as_ref().is_some_and(Place::is_over) {
            this.next = None;
            return Poll::Ready(Some(Err(io::ErrorKind::TimedOut.into())));
        }
        let chunk = this.fill();
        Poll::Ready((!chunk.is_empty()).then(|| Ok(Frame::data(chunk))))
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
