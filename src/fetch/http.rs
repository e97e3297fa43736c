//! HTTPS requests that are bounded in every dimension: hops, hosts, headers, bytes, time, rate.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{StatusCode, redirect};

use super::FetchError;
use super::budget::Share;
use super::error::{FetchErrorKind, Stage};
use super::guard::{Guard, GuardError, split};
use super::limits::{
    CONNECT_TIMEOUT, ETAG_BYTES, HEADERS, LAST_MODIFIED_BYTES, MINIMUM_RATE, RATE_GRACE,
    READ_TIMEOUT, REDIRECTS,
};
use super::proxy::{Proxy, ProxyConfig, Resolver};
use super::spool::no_room;
use crate::model::HttpsUri;
use crate::store::Validators;

/// The client. One for the whole process; it keeps connections open.
#[derive(Clone, Debug)]
pub(super) struct HttpClient {
    /// Without TLS roots there is no client, but rsync goes on.
    client: Result<reqwest::Client, String>,
    guard: Guard,
    proxy: Option<Proxy>,
}

/// A body that is being read.
pub(super) struct Body {
    uri: HttpsUri,
    stage: Stage,
    response: reqwest::Response,
    started: Instant,
    received: u64,
    limit: u64,
    pub(super) validators: Validators,
}

impl HttpClient {
    /// Makes a client that trusts the system's TLS roots and the PEM files `roots`.
    pub(super) fn new(
        guard: Guard,
        roots: &[PathBuf],
        proxy: &ProxyConfig,
    ) -> Result<Self, FetchError> {
        let proxy = Proxy::new(proxy).map_err(|detail| {
            FetchError::new(Stage::TrustAnchor, "proxy", FetchErrorKind::Format, detail)
        })?;
        let mut certificates = Vec::new();
        for path in roots {
            let fault = |detail: String| {
                let uri = path.display();
                FetchError::new(Stage::TrustAnchor, uri, FetchErrorKind::Format, detail)
            };
            let pem = std::fs::read(path).map_err(|error| fault(error.to_string()))?;
            let read = reqwest::Certificate::from_pem_bundle(&pem)
                .map_err(|error| fault(error.to_string()))?;
            if read.is_empty() {
                return Err(fault("no certificate in PEM form".to_owned()));
            }
            certificates.extend(read);
        }
        let builder = reqwest::Client::builder();
        // The environment was looked at by whoever made the configuration.
        let builder = match proxy.clone() {
            None => builder.no_proxy(),
            Some(proxy) => builder.proxy(reqwest::Proxy::custom(move |url| {
                let host = url.host_str().unwrap_or_default();
                (!proxy.is_direct(host)).then(|| proxy.url.clone())
            })),
        };
        let client = builder
            .tls_certs_merge(certificates)
            .https_only(true)
            .http1_only()
            .http1_max_headers(HEADERS)
            .referer(false)
            .user_agent(concat!("provost/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .pool_max_idle_per_host(1)
            .redirect(redirect::Policy::custom(same_origin))
            .dns_resolver(Resolver { guard, proxy: proxy.clone() })
            .build()
            .map_err(|error| chain(&error));
        Ok(HttpClient { client, guard, proxy })
    }

    /// Checks host and port as written; where we resolve the name, what it leads to is checked, too.
    fn check(&self, uri: &HttpsUri) -> Result<(), GuardError> {
        self.guard.check_authority(uri.authority(), 443)?;
        let Some(proxy) = &self.proxy else { return Ok(()) };
        let (host, _) = split(uri.authority(), 443);
        if proxy.is_own(host) {
            return Err(GuardError::Proxy);
        }
        if proxy.is_direct(host) { Ok(()) } else { self.guard.check_unresolved(host) }
    }

    /// Sends a request. The body may have `limit` bytes, counted after decompression.
    pub(super) async fn get(
        &self,
        uri: &HttpsUri,
        stage: Stage,
        limit: u64,
    ) -> Result<Body, FetchError> {
        let body = self.get_if_changed(uri, stage, &Validators::default(), limit).await?;
        body.ok_or_else(|| FetchError::new(stage, uri, FetchErrorKind::Status(304), "no body"))
    }

    /// Sends a request on the condition that something has changed since `validators` were given;
    /// `None` if nothing has. Without validators the server must not answer so (THREATS A26).
    pub(super) async fn get_if_changed(
        &self,
        uri: &HttpsUri,
        stage: Stage,
        validators: &Validators,
        limit: u64,
    ) -> Result<Option<Body>, FetchError> {
        let fault = |kind, detail: String| FetchError::new(stage, uri, kind, detail);
        self.check(uri).map_err(|error| fault(FetchErrorKind::Refused, error.to_string()))?;
        let client = self
            .client
            .as_ref()
            .map_err(|error| fault(FetchErrorKind::Unreachable, format!("no TLS: {error}")))?;
        let mut request = client.get(uri.as_str());
        let conditions = conditions(validators);
        let conditional = !conditions.is_empty();
        for (name, value) in conditions {
            request = request.header(name, value);
        }
        let response = request.send().await.map_err(|error| classify(stage, uri, &error))?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_MODIFIED if conditional => return Ok(None),
            status => {
                return Err(fault(FetchErrorKind::Status(status.as_u16()), status.to_string()));
            }
        }
        // Gzip was decoded and its header removed; anything else was not asked for.
        if let Some(encoding) = response.headers().get(header::CONTENT_ENCODING) {
            let detail = format!("content encoding {encoding:?} was not asked for");
            return Err(fault(FetchErrorKind::Format, detail));
        }
        if response.content_length().is_some_and(|length| length > limit) {
            return Err(fault(FetchErrorKind::TooLarge, format!("body above {limit} bytes")));
        }
        Ok(Some(Body {
            uri: uri.clone(),
            stage,
            started: Instant::now(),
            received: 0,
            limit,
            validators: read_validators(response.headers()),
            response,
        }))
    }
}

impl Body {
    /// Returns the next piece, or `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, FetchError> {
        let piece = self.response.chunk().await;
        let piece = piece.map_err(|error| classify(self.stage, &self.uri, &error))?;
        let fault =
            |kind, detail: String| Err(FetchError::new(self.stage, &self.uri, kind, detail));
        let Some(piece) = piece else { return Ok(None) };
        self.received += piece.len() as u64;
        if self.received > self.limit {
            let detail = format!("body above {} bytes", self.limit);
            return fault(FetchErrorKind::TooLarge, detail);
        }
        if too_slow(self.received, self.started.elapsed()) {
            let detail = format!("slower than {MINIMUM_RATE} bytes a second");
            return fault(FetchErrorKind::Timeout, detail);
        }
        Ok(Some(piece))
    }

    /// Reads the whole body into memory, as far as `share` has room.
    pub(super) async fn collect(
        mut self,
        share: &mut Share,
    ) -> Result<(Bytes, Validators), FetchError> {
        let mut all = Vec::new();
        while let Some(piece) = self.next().await? {
            let added = share.add(piece.len() as u64);
            added.map_err(|error| no_room(self.stage, &self.uri, &error))?;
            all.extend_from_slice(&piece);
        }
        Ok((all.into(), self.validators))
    }
}

/// Tells whether a body is slower than an honest one could be (THREATS A10).
fn too_slow(received: u64, elapsed: Duration) -> bool {
    elapsed > RATE_GRACE && received < MINIMUM_RATE.saturating_mul(elapsed.as_secs())
}

/// The redirect policy: HTTPS, the same host and port as the first request, few hops.
///
/// Source: RFC 9674, section 2.
fn same_origin(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let origin = attempt.previous().first().map(|first| first.origin());
    if attempt.previous().len() > REDIRECTS {
        attempt.error(RedirectError::TooMany)
    } else if origin != Some(attempt.url().origin()) || attempt.url().scheme() != "https" {
        attempt.error(RedirectError::OtherOrigin)
    } else {
        attempt.follow()
    }
}

#[derive(Debug, thiserror::Error)]
enum RedirectError {
    #[error("more than {REDIRECTS} redirects")]
    TooMany,
    #[error("redirect to another origin (RFC 9674)")]
    OtherOrigin,
}

/// Returns the headers that make a request conditional.
fn conditions(validators: &Validators) -> Vec<(header::HeaderName, HeaderValue)> {
    let value = |text: &Option<String>| HeaderValue::from_str(text.as_ref()?).ok();
    let etag = value(&validators.etag).map(|etag| (header::IF_NONE_MATCH, etag));
    let modified = value(&validators.last_modified).map(|m| (header::IF_MODIFIED_SINCE, m));
    etag.into_iter().chain(modified).collect()
}

/// Reads the validators of a response; what is too long or no text is left out (THREATS A28).
fn read_validators(headers: &HeaderMap) -> Validators {
    let text = |name, limit| {
        let value = headers.get(name)?.to_str().ok()?;
        (value.len() <= limit).then(|| value.to_owned())
    };
    Validators {
        etag: text(header::ETAG, ETAG_BYTES),
        last_modified: text(header::LAST_MODIFIED, LAST_MODIFIED_BYTES),
    }
}

fn classify(stage: Stage, uri: &HttpsUri, error: &reqwest::Error) -> FetchError {
    let refused = find::<GuardError>(error).is_some() || find::<RedirectError>(error).is_some();
    let kind = if refused {
        FetchErrorKind::Refused
    } else if error.is_timeout() {
        FetchErrorKind::Timeout
    } else if error.is_decode() {
        FetchErrorKind::Format
    } else {
        FetchErrorKind::Unreachable
    };
    FetchError::new(stage, uri, kind, chain(error))
}

fn sources<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source()).take(16)
}

fn find<T: std::error::Error + 'static>(error: &reqwest::Error) -> Option<&T> {
    sources(error).find_map(|source| source.downcast_ref())
}

/// Writes an error with what caused it, without the URI, which the caller names.
fn chain(error: &reqwest::Error) -> String {
    let causes: Vec<String> = sources(error).skip(1).map(ToString::to_string).collect();
    if causes.is_empty() { error.to_string() } else { causes.join(": ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a10_a_body_must_keep_a_minimum_rate_once_the_grace_is_over() {
        let grace = RATE_GRACE.as_secs();
        for (received, seconds, slow) in [
            (0, grace, false),
            (0, grace + 1, true),
            (MINIMUM_RATE * (grace + 1), grace + 1, false),
            (MINIMUM_RATE * 100, 101, true),
        ] {
            let elapsed = Duration::from_secs(seconds);
            assert_eq!(too_slow(received, elapsed), slow, "{received} bytes in {seconds} s");
        }
    }
}
