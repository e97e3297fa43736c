//! Fetches a trust anchor's certificate from the first of its URIs that gives the right key.

use bytes::Bytes;
use rpki::repository::Cert;

use super::FetchError;
use super::error::{FetchErrorKind, Stage, printable};
use super::fetcher::{Fetcher, blocking};
use super::limits::TRUST_ANCHOR_BYTES;
use crate::clock;
use crate::model::Timestamp;
use crate::object::{Tal, TalUri};
use crate::store::{Store, StoreError, Transports};
use crate::validate::replaces_trust_anchor;
use crate::world::TrustAnchorFetch;

impl Fetcher {
    /// Fetches the certificate that `tal` locates, and records how it went.
    ///
    /// The URIs are tried in their order until one gives a certificate with the locator's key
    /// (RFC 8630, section 3); without one, the certificate that is kept stays. Without the rsync
    /// transport, rsync URIs are passed over. A certificate that is older than the one that is
    /// kept does not replace it (RFC 10097). Fails only if the cache does.
    pub async fn fetch_trust_anchor(
        &self,
        store: &Store,
        tal: &Tal,
        transports: Transports,
    ) -> Result<TrustAnchorFetch, FetchError> {
        let began = clock::now();
        let mut errors = Vec::new();
        let mut fetched = None;
        for uri in &tal.uris {
            if matches!(uri, TalUri::Rsync(_)) && !transports.rsync {
                continue;
            }
            match self.fetch_certificate(uri, &tal.spki).await {
                Ok(certificate) => {
                    fetched = Some((uri.as_str().to_owned(), certificate));
                    break;
                }
                Err(error) => {
                    tracing::warn!(trust_anchor = %tal.name, error = %error, "fetch failed");
                    errors.push(error.to_string());
                }
            }
        }
        let (store, tal) = (store.clone(), tal.clone());
        let subject = tal.name.clone();
        let record = blocking(Stage::TrustAnchor, &subject, move || {
            let name = &tal.name;
            match fetched {
                Some((uri, fetched)) => {
                    let kept = store.trust_anchor_certificate(name)?;
                    let certificate = newer(&tal, kept, fetched, began);
                    store.save_trust_anchor(name, &uri, &certificate, began)?;
                }
                None => {
                    let error = match errors.is_empty() {
                        true => "no URI for a transport that is in use".to_owned(),
                        false => printable(&errors.join("; ")),
                    };
                    store.fail_trust_anchor(name, &error, began)?;
                }
            }
            store.trust_anchor_fetch(name)
        });
        record
            .await?
            .map_err(|error: StoreError| FetchError::store(Stage::TrustAnchor, &subject, &error))
    }

    async fn fetch_certificate(&self, uri: &TalUri, spki: &[u8]) -> Result<Bytes, FetchError> {
        let stage = Stage::TrustAnchor;
        let fetch = async {
            match uri {
                TalUri::Rsync(uri) => {
                    self.rsync.fetch_file(uri, stage, TRUST_ANCHOR_BYTES).await.map(Bytes::from)
                }
                TalUri::Https(uri) => {
                    let body = self.http.get(uri, stage, TRUST_ANCHOR_BYTES).await?;
                    // Trust anchors are few and ours: they come before everybody else.
                    Ok(body.collect(&mut self.budget.memory.share(0)).await?.0)
                }
            }
        };
        let fault = |kind, detail: &str| Err(FetchError::new(stage, uri.as_str(), kind, detail));
        let bytes = match tokio::time::timeout(self.deadline, fetch).await {
            Ok(bytes) => bytes?,
            Err(_) => return fault(FetchErrorKind::Timeout, "deadline passed"),
        };
        match check_key(&bytes, spki) {
            Ok(()) => Ok(bytes),
            Err(detail) => fault(FetchErrorKind::Format, detail),
        }
    }
}

/// Returns the certificate that is used from now on.
fn newer(tal: &Tal, kept: Option<Bytes>, fetched: Bytes, now: Timestamp) -> Bytes {
    match kept {
        Some(kept) if kept != fetched && !replaces_trust_anchor(tal, &kept, &fetched, now) => {
            let name = &tal.name;
            tracing::warn!(trust_anchor = %name, "an older certificate was fetched: not used");
            kept
        }
        _ => fetched,
    }
}

/// Checks that `bytes` are a certificate with the key `spki` (RFC 8630, section 3); the rest of
/// what a trust anchor's certificate must be is for validation to say.
pub(super) fn check_key(bytes: &Bytes, spki: &[u8]) -> Result<(), &'static str> {
    match Cert::decode(bytes.clone()) {
        Err(_) => Err("not a certificate"),
        Ok(certificate) if certificate.subject_public_key_info().to_info_bytes() == spki => Ok(()),
        Ok(_) => Err("the certificate's key is not the one of the trust anchor locator"),
    }
}
