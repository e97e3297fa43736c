//! TLS towards routers: our certificate, and whose certificates are accepted.
//!
//! Source: RFC 8210, section 9.2.

use std::fs::File;
use std::io::Read;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::client::verify_server_name;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tokio_rustls::server::TlsStream;

use super::limits::{MAX_TLS_FILE_BYTES, TLS_RELOAD_INTERVAL};

/// The PEM files of a TLS server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TlsFiles {
    /// Our certificate, and those that lead from it to a root that routers know.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Roots of the routers' certificates; without them routers need none.
    pub client_ca: Option<PathBuf>,
}

/// Files that make no TLS server.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be used.
    #[error("{path}: {message}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The files do not fit each other.
    #[error("certificate and key for routers: {0}")]
    Config(String),
}

/// A TLS server whose files are read again and again, so that renewed certificates are used.
#[derive(Debug)]
pub struct Tls {
    files: TlsFiles,
    current: ArcSwap<Loaded>,
}

#[derive(Debug)]
struct Loaded {
    /// The bytes of the files.
    bytes: Vec<Vec<u8>>,
    config: Arc<ServerConfig>,
}

impl TlsFiles {
    fn paths(&self) -> impl Iterator<Item = &Path> {
        let files = [Some(&self.certificate), Some(&self.key), self.client_ca.as_ref()];
        files.into_iter().flatten().map(PathBuf::as_path)
    }

    fn read(&self) -> Result<Vec<Vec<u8>>, TlsError> {
        self.paths().map(read).collect()
    }
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    ///
    /// Says which file cannot be used, and why.
    pub fn open(files: TlsFiles) -> Result<Self, TlsError> {
        let loaded = load(&files, files.read()?)?;
        Ok(Tls { current: ArcSwap::from_pointee(loaded), files })
    }

    /// Reads the files again and again; ends never. Files that cannot be used change nothing.
    pub(super) async fn keep_current(self: Arc<Self>) {
        loop {
            tokio::time::sleep(TLS_RELOAD_INTERVAL).await;
            let tls = Arc::clone(&self);
            let read = tokio::task::spawn_blocking(move || tls.read_again());
            match read.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::error!(%error, "the last good certificates for routers stay in use");
                }
                Err(error) => tracing::error!(%error, "reading certificates panicked"),
            }
        }
    }

    fn read_again(&self) -> Result<(), TlsError> {
        let bytes = self.files.read()?;
        if bytes != self.current.load().bytes {
            self.current.store(Arc::new(load(&self.files, bytes)?));
            tracing::info!("new certificates for routers are in use");
        }
        Ok(())
    }

    /// Shakes hands with the router at `address`.
    ///
    /// # Errors
    ///
    /// It has no certificate that is accepted, or does not speak TLS.
    pub(super) async fn accept(
        &self,
        stream: TcpStream,
        address: IpAddr,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let config = Arc::clone(&self.current.load().config);
        let stream = TlsAcceptor::from(config).accept(stream).await?;
        if self.files.client_ca.is_some() {
            let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
            let shown = certificates.first().ok_or_else(|| refused("it shows no certificate"))?;
            let parsed = ParsedCertificate::try_from(shown).map_err(refused)?;
            // A certificate is for the addresses that it names, and for no other router.
            let name = ServerName::IpAddress(address.to_canonical().into());
            verify_server_name(&parsed, &name).map_err(refused)?;
        }
        Ok(stream)
    }
}

fn refused(why: impl ToString) -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::PermissionDenied, why.to_string())
}

fn bad(path: &Path, why: impl ToString) -> TlsError {
    TlsError::File { path: path.to_owned(), message: why.to_string() }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let file = File::open(path).map_err(|error| bad(path, error))?;
    let mut bytes = Vec::new();
    let read = file.take(MAX_TLS_FILE_BYTES + 1).read_to_end(&mut bytes);
    let length = read.map_err(|error| bad(path, error))?;
    if u64::try_from(length).is_ok_and(|length| length <= MAX_TLS_FILE_BYTES) {
        Ok(bytes)
    } else {
        Err(bad(path, "too large for certificates"))
    }
}

fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let all = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    let all = all.map_err(|error| bad(path, error))?;
    if all.is_empty() { Err(bad(path, "there is no certificate in it")) } else { Ok(all) }
}

fn load(files: &TlsFiles, bytes: Vec<Vec<u8>>) -> Result<Loaded, TlsError> {
    let part = |position: usize| bytes.get(position).map(Vec::as_slice).unwrap_or_default();
    let chain = certificates(&files.certificate, part(0))?;
    let key = PrivateKeyDer::from_pem_slice(part(1)).map_err(|error| bad(&files.key, error))?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::Config(error.to_string()))?;
    let config = match &files.client_ca {
        None => config.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for root in certificates(path, part(2))? {
                roots.add(root).map_err(|error| bad(path, error))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            config.with_client_cert_verifier(verifier.build().map_err(|error| bad(path, error))?)
        }
    };
    let config =
        config.with_single_cert(chain, key).map_err(|error| TlsError::Config(error.to_string()))?;
    Ok(Loaded { bytes, config: Arc::new(config) })
}

#[cfg(test)]
mod tests;
