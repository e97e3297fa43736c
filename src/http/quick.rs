//! The question that is asked most, about one route, answered before the router: finding the way
//! to it would cost more than the answer (docs/performance.md).

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::http::{Method, Request, Uri};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::service::Service;
use tower::ServiceExt;
use tower::util::Oneshot;

use super::guard;
use super::router::{complete, panicked};
use super::routinator::validity as routinator;
use super::state::App;
use super::v1::validity as own;

/// What answers the requests of one connection.
#[derive(Clone)]
pub(super) struct Quick {
    pub app: App,
    pub router: Router,
}

/// An answer that is there already, or one of the router's.
pub(super) enum Answer {
    /// `None` once it was taken.
    Ready(Option<Response>),
    Routed(Pin<Box<Oneshot<Router, axum::extract::Request>>>),
}

impl Future for Answer {
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Answer::Ready(response) => {
                response.take().map_or(Poll::Pending, |it| Poll::Ready(Ok(it)))
            }
            Answer::Routed(answer) => answer.as_mut().poll(cx),
        }
    }
}

impl Service<Request<Incoming>> for Quick {
    type Response = Response;
    type Error = Infallible;
    type Future = Answer;

    fn call(&self, request: Request<Incoming>) -> Answer {
        if let Some(response) = self.answer(&request) {
            return Answer::Ready(Some(response));
        }
        let request = request.map(axum::body::Body::new);
        Answer::Routed(Box::pin(self.router.clone().oneshot(request)))
    }
}

impl Quick {
    /// Answers if this is a plain question about one route; else it is the router's.
    fn answer<B>(&self, request: &Request<B>) -> Option<Response> {
        let question = Question::of(request)?;
        let app = &self.app;
        let refusal = match question {
            Question::Routinator(..) => None,
            Question::Path(..) | Question::Query(_) => {
                guard::refusal(&app.names, request.uri(), request.headers())
            }
        };
        let answer = || match question {
            Question::Routinator(asn, prefix) => routinator::answer(app, Ok((asn, prefix))),
            Question::Path(asn, prefix) => own::answer(app, prefix, asn).into_response(),
            Question::Query(uri) => own::answer_query(app, uri).into_response(),
        };
        let mut response = match refusal {
            Some(problem) => problem.into_response(),
            None => catch_unwind(AssertUnwindSafe(answer))
                .unwrap_or_else(|panic| panicked(app, panic.as_ref())),
        };
        complete(app, question.is_ours(), &mut response);
        Some(response)
    }
}

/// A question about one route.
#[derive(Clone, Copy)]
enum Question<'a> {
    Routinator(&'a str, &'a str),
    Path(&'a str, &'a str),
    Query(&'a Uri),
}

impl<'a> Question<'a> {
    fn of<B>(request: &'a Request<B>) -> Option<Self> {
        if request.method() != Method::GET {
            return None;
        }
        let path = request.uri().path();
        if path == "/v1/validity" {
            return Some(Question::Query(request.uri()));
        }
        // What is encoded is left to the router.
        if path.contains('%') {
            return None;
        }
        if let Some(rest) = path.strip_prefix("/api/v1/validity/") {
            return rest.split_once('/').map(|(asn, prefix)| Question::Routinator(asn, prefix));
        }
        let rest = path.strip_prefix("/v1/validity/")?;
        // An empty part is no path of the router's.
        let (asn, prefix) = rest.split_once('/')?;
        (!asn.is_empty() && !prefix.is_empty()).then_some(Question::Path(asn, prefix))
    }

    fn is_ours(self) -> bool {
        !matches!(self, Question::Routinator(..))
    }
}
