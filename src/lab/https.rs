//! The HTTPS side of a publication server: fixed documents by path, and conditional requests.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::body::Body;
use bytes::Bytes;
use chrono::DateTime;
use hyper::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, LAST_MODIFIED, LOCATION, RETRY_AFTER,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use super::hostile::{HostileBody, Manner};
use crate::model::{ObjectHash, Timestamp};

/// How many connections a server of the lab holds at once; a validator opens a handful.
pub(super) const CONNECTIONS: usize = 64;
/// How long a client may take for its handshake and for the head of each request.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many requests are remembered.
const REQUESTS: usize = 10_000;

/// What a server serves, and what it was asked.
#[derive(Default)]
pub(super) struct Site {
    /// By path; replaced as a whole, so that no reader sees half of a change.
    pub(super) documents: ArcSwap<BTreeMap<String, Document>>,
    requests: Mutex<VecDeque<Served>>,
}

/// A request that a server of the lab has answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Served {
    /// The path that was asked for.
    pub path: String,
    /// The status of the answer: 200, 304, 404.
    pub status: u16,
}

impl Site {
    /// Returns the last requests, oldest first.
    pub(super) fn requests(&self) -> Vec<Served> {
        self.lock().iter().cloned().collect()
    }

    fn remember(&self, served: Served) {
        let mut requests = self.lock();
        if requests.len() >= REQUESTS {
            requests.pop_front();
        }
        requests.push_back(served);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Served>> {
        // Nothing panics while it holds the lock, and a list is a list.
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One document with its validators.
pub(super) struct Document {
    body: Bytes,
    etag: String,
    modified: String,
    manner: Manner,
}

impl Document {
    /// Makes a document that changed last at `modified`.
    pub(super) fn new(body: Bytes, modified: Timestamp) -> Self {
        let etag = format!("\"{}\"", ObjectHash::of(&body));
        let modified = DateTime::from_timestamp(modified.0, 0).unwrap_or_default();
        let modified = modified.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        Document { body, etag, modified, manner: Manner::Honest }
    }

    /// Sets how it is sent.
    pub(super) fn sent(self, manner: Manner) -> Self {
        Document { manner, ..self }
    }

    /// Tells whether the client has this very document (RFC 9110, section 13).
    fn is_known(&self, headers: &HeaderMap) -> bool {
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        match (text(IF_NONE_MATCH), text(IF_MODIFIED_SINCE)) {
            (Some(tags), _) => tags.split(',').any(|tag| {
                let tag = tag.trim();
                tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == self.etag
            }),
            // The date that the client was given; no other one proves anything.
            (None, Some(date)) => date == self.modified,
            (None, None) => false,
        }
    }
}

/// Accepts connections until it is dropped, and with it every connection.
pub(super) async fn serve(listener: TcpListener, tls: Arc<ServerConfig>, site: Arc<Site>) {
    let acceptor = TlsAcceptor::from(tls);
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        if connections.len() >= CONNECTIONS {
            connections.join_next().await;
        }
        // An error is about one connection that is gone already.
        if let Ok((stream, _)) = listener.accept().await {
            connections.spawn(connection(stream, acceptor.clone(), site.clone()));
        }
    }
}

async fn connection(stream: TcpStream, acceptor: TlsAcceptor, site: Arc<Site>) {
    let Ok(Ok(stream)) = timeout(PATIENCE, acceptor.accept(stream)).await else { return };
    let service = service_fn(|request| {
        let response = answer(&request, &site.documents.load());
        let path = request.uri().path().to_owned();
        site.remember(Served { path, status: response.status().as_u16() });
        async { Ok::<_, Infallible>(response) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    // A client that went away is no concern of the lab.
    let _gone = http.serve_connection(TokioIo::new(stream), service).await;
}

fn answer<B>(request: &Request<B>, site: &BTreeMap<String, Document>) -> Response<Body> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return status(StatusCode::METHOD_NOT_ALLOWED);
    }
    let path = request.uri().path();
    let Some(document) = site.get(path) else { return status(StatusCode::NOT_FOUND) };
    if document.manner != Manner::Honest {
        return misbehave(document).unwrap_or_else(|_| status(StatusCode::INTERNAL_SERVER_ERROR));
    }
    let response =
        Response::builder().header(ETAG, &document.etag).header(LAST_MODIFIED, &document.modified);
    let response = if document.is_known(request.headers()) {
        response.status(StatusCode::NOT_MODIFIED).body(Body::empty())
    } else {
        let kind = if path.ends_with(".cer") { "application/pkix-cert" } else { "application/xml" };
        response.header(CONTENT_TYPE, kind).body(Body::from(document.body.clone()))
    };
    response.unwrap_or_else(|_| status(StatusCode::INTERNAL_SERVER_ERROR))
}

/// Answers as an attack wants it.
fn misbehave(document: &Document) -> Result<Response<Body>, hyper::http::Error> {
    let body = || Body::new(HostileBody::new(document.body.clone(), document.manner.clone()));
    let response = Response::builder().header(CONTENT_TYPE, "application/xml");
    match &document.manner {
        Manner::Gzip => response.header(CONTENT_ENCODING, "gzip").body(body()),
        Manner::ShorterThanSaid => {
            response.header(CONTENT_LENGTH, document.body.len() + 1_000).body(body())
        }
        Manner::Redirect(uri) => response.status(302).header(LOCATION, uri).body(Body::empty()),
        Manner::Refuse { status, retry_after } => {
            response.status(*status).header(RETRY_AFTER, *retry_after).body(Body::empty())
        }
        _ => response.body(body()),
    }
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(path: &str, header: Option<(HeaderName, &str)>) -> StatusCode {
        let document = Document::new(Bytes::from_static(b"<x/>"), Timestamp(1_795_502_270));
        let site = BTreeMap::from([("/n.xml".to_owned(), document)]);
        let mut request = Request::get(path);
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        answer(&request.body(()).unwrap(), &site).status()
    }

    #[test]
    fn conditional_requests_get_304_for_what_the_client_has_and_200_else() {
        let etag = Document::new(Bytes::from_static(b"<x/>"), Timestamp(0)).etag;
        let date = "Tue, 24 Nov 2026 06:37:50 GMT";
        assert_eq!(ask("/n.xml", None), StatusCode::OK);
        assert_eq!(ask("/other.xml", None), StatusCode::NOT_FOUND);
        for (header, expected) in [
            ((IF_NONE_MATCH, etag.as_str()), StatusCode::NOT_MODIFIED),
            ((IF_NONE_MATCH, &format!("\"a\", W/{etag}")), StatusCode::NOT_MODIFIED),
            ((IF_NONE_MATCH, "\"a\""), StatusCode::OK),
            ((IF_MODIFIED_SINCE, date), StatusCode::NOT_MODIFIED),
            ((IF_MODIFIED_SINCE, "Tue, 24 Nov 2026 06:37:49 GMT"), StatusCode::OK),
        ] {
            assert_eq!(ask("/n.xml", Some(header)), expected);
        }
    }
}
