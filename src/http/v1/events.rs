//! `/v1/events`: server-sent events, one for each change of the payload.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::State;
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse, Response};
use hyper::body::Frame;
use serde::Serialize;
use tokio::sync::mpsc;

use super::changes::{StepBody, read_version, version};
use crate::http::json::WorldBody;
use crate::http::problem::Problem;
use crate::http::query::Parameters;
use crate::http::state::{App, Waiting};

/// How long a client should wait before it connects again, in milliseconds.
const RETRY: u32 = 5_000;

/// Answers `/v1/events`; `Last-Event-ID` names the payload that the client has.
pub(crate) async fn events(
    State(app): State<App>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    Parameters::read(&uri, &[])?;
    // An id that is none of ours is that of another server: begin anew.
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let last = last.and_then(read_version);
    let waiting = app.wait().ok_or_else(Problem::busy)?;
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(Feed { app, waiting, sender, last }.run());
    let headers = [(header::CONTENT_TYPE, "text/event-stream")];
    Ok((headers, Body::new(Events(receiver))).into_response())
}

/// What one client is told.
struct Feed {
    app: App,
    waiting: Waiting,
    sender: mpsc::Sender<Bytes>,
    /// The version that the client has.
    last: Option<(u64, u32)>,
}

impl Feed {
    /// Tells until the client is gone or the service ends.
    async fn run(mut self) {
        let mut text = format!("retry: {RETRY}\n\n");
        loop {
            text.push_str(&self.news());
            if !text.is_empty() && self.sender.send(std::mem::take(&mut text).into()).await.is_err()
            {
                return;
            }
            tokio::select! {
                goes_on = self.waiting.next() => if !goes_on { return },
                () = tokio::time::sleep(self.app.times.heartbeat) => text.push_str(": alive\n\n"),
                () = self.sender.closed() => return,
            }
        }
    }

    /// Writes the events since the version that the client has.
    fn news(&mut self) -> String {
        let mut text = String::new();
        let Some(served) = self.app.current() else { return text };
        let history = served.history();
        let known = self.last.and_then(|(session, serial)| history.since(session, serial));
        match known {
            Some(steps) => {
                for step in steps {
                    let id = version(history.session, step.serial);
                    push(&mut text, "change", &id, &StepBody::of(history, step));
                }
            }
            None => {
                let id = version(history.session, history.serial);
                let world = WorldBody::of(&self.app, &served);
                push(&mut text, "state", &id, &StateBody { version: &id, world });
            }
        }
        self.last = Some((history.session, history.serial));
        text
    }
}

#[derive(Serialize)]
struct StateBody<'a> {
    version: &'a str,
    world: WorldBody,
}

fn push(text: &mut String, event: &str, id: &str, data: &impl Serialize) {
    let data = serde_json::to_string(data).unwrap_or_default();
    text.push_str(&format!("event: {event}\nid: {id}\ndata: {data}\n\n"));
}

/// The stream as a body.
struct Events(mpsc::Receiver<Bytes>);

impl HttpBody for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|event| event.map(|event| Ok(Frame::data(event))))
    }
}
