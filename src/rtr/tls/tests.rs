//! Routers over TLS: who is let in, and with which certificate they are met.

use std::path::Path;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::rustls::version::{TLS12, TLS13};

use super::*;
use crate::rtr::limits::Limits;
use crate::rtr::testing::items;
use crate::rtr::{Cache, LossPolicy, Options, Transport, Updater, serve};
use crate::world::View;
use crate::world::fixture::{NOW, world};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, as PEM.
struct Identity {
    certificate: String,
    key: String,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        Authority(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> String {
        self.0.as_ref().pem()
    }

    fn identity(&self, name: &str, purpose: ExtendedKeyUsagePurpose) -> Identity {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.extended_key_usages = vec![purpose];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Identity { certificate: certificate.pem(), key: key.serialize_pem() }
    }

    fn server(&self) -> Identity {
        self.identity("127.0.0.1", ExtendedKeyUsagePurpose::ServerAuth)
    }

    fn router(&self, address: &str) -> Identity {
        self.identity(address, ExtendedKeyUsagePurpose::ClientAuth)
    }
}

fn files(directory: &Path, server: &Identity, client_ca: Option<&Authority>) -> TlsFiles {
    let write = |name: &str, text: &str| {
        std::fs::write(directory.join(name), text).unwrap();
        directory.join(name)
    };
    TlsFiles {
        certificate: write("certificate.pem", &server.certificate),
        key: write("key.pem", &server.key),
        client_ca: client_ca.map(|authority| write("client-ca.pem", &authority.pem())),
    }
}

/// Serves the fixture's world over TLS.
fn serve_by(tls: Arc<Tls>) -> (std::net::SocketAddr, Cache) {
    let cache = Cache::default();
    let directory = tempfile::tempdir().unwrap();
    let options = Options { max_age: Duration::from_secs(7200), loss: LossPolicy::Alarm };
    let mut updater = Updater::open(cache.clone(), directory.path().join("rtr"), options);
    updater.update(&View::of_world(world().into(), NOW), NOW);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let limits = Limits { handshake_timeout: Duration::from_millis(500), ..Limits::default() };
    let transport = Transport::Tls(tls);
    tokio::spawn(serve(listener, transport, cache.clone(), limits, std::future::pending()));
    (address, cache)
}

/// Connects as a router that trusts `root`; an error may show only when it reads.
async fn connect(
    address: std::net::SocketAddr,
    root: &Authority,
    router: Option<&Identity>,
    version: &'static tokio_rustls::rustls::SupportedProtocolVersion,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(root.0.as_ref().der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots);
    let config = match router {
        None => config.with_no_client_auth(),
        Some(router) => {
            let chain = certificates(Path::new("router"), router.certificate.as_bytes()).unwrap();
            let key = KeyPair::from_pem(&router.key).unwrap().serialize_der();
            config.with_client_auth_cert(chain, PrivatePkcs8KeyDer::from(key).into()).unwrap()
        }
    };
    let name = ServerName::IpAddress(address.ip().into());
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

/// Asks for the table, and returns how many items come.
async fn table(stream: std::io::Result<TlsStream<TcpStream>>) -> std::io::Result<usize> {
    let mut stream = stream?;
    let read = async {
        stream.write_all(&[1, 2, 0, 0, 0, 0, 0, 8]).await?;
        let mut all = Vec::new();
        // Until End of Data, whose length no other PDU has here.
        while !all.windows(8).any(|head| head[..2] == [1, 7] && head[4..] == [0, 0, 0, 24]) {
            if stream.read_buf(&mut all).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        }
        while all.len() % 4 != 0 {
            stream.read_buf(&mut all).await?;
        }
        Ok(items(&all).len())
    };
    tokio::time::timeout(PATIENCE, read).await.expect("the server says something")
}

#[tokio::test]
async fn i21_without_roots_for_routers_each_gets_the_table_over_tls() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let tls = Tls::open(files(directory.path(), &authority.server(), None)).unwrap();
    let (address, _) = serve_by(Arc::new(tls));
    for version in [&TLS12, &TLS13] {
        let stream = connect(address, &authority, None, version).await;
        assert_eq!(table(stream).await.unwrap(), 6);
    }
    // The router checks us, too.
    let other = Authority::new();
    assert!(connect(address, &other, None, &TLS13).await.is_err());
}

#[tokio::test]
async fn i21_with_roots_a_router_needs_a_certificate_for_its_own_address() {
    let directory = tempfile::tempdir().unwrap();
    let (authority, routers, strangers) = (Authority::new(), Authority::new(), Authority::new());
    let tls = Tls::open(files(directory.path(), &authority.server(), Some(&routers))).unwrap();
    let (address, cache) = serve_by(Arc::new(tls));
    for version in [&TLS12, &TLS13] {
        let right = routers.router("127.0.0.1");
        let stream = connect(address, &authority, Some(&right), version).await;
        assert_eq!(table(stream).await.unwrap(), 6);
        let wrong = [
            None,
            // Of another router, or by a name that nobody has proven.
            Some(routers.router("127.0.0.2")),
            Some(routers.router("localhost")),
            Some(strangers.router("127.0.0.1")),
            // A certificate of a server is none of a router.
            Some(routers.identity("127.0.0.1", ExtendedKeyUsagePurpose::ServerAuth)),
        ];
        for identity in &wrong {
            let stream = connect(address, &authority, identity.as_ref(), version).await;
            assert!(table(stream).await.is_err());
        }
    }
    let counts = cache.status().counts;
    assert_eq!((counts.tables, counts.tls_failures), (2, 10));
}

#[tokio::test]
async fn i21_whoever_does_not_speak_tls_is_closed_and_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let tls = Tls::open(files(directory.path(), &authority.server(), None)).unwrap();
    let (address, cache) = serve_by(Arc::new(tls));
    for bytes in [&[1, 2, 0, 0, 0, 0, 0, 8][..], b"GET / HTTP/1.1\r\n\r\n", &[]] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        // An alert may come, or a reset; a table does not.
        let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
        let _ = read.expect("the connection ends");
        assert!(answer.len() < 16, "{answer:?}");
    }
    while cache.status().open > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(cache.status().counts.tls_failures, 3);
}

#[test]
fn i21_no_early_data_are_taken() {
    let directory = tempfile::tempdir().unwrap();
    let tls = Tls::open(files(directory.path(), &Authority::new().server(), None)).unwrap();
    assert_eq!(tls.current.load().config.max_early_data_size, 0);
}

#[tokio::test]
async fn renewed_certificates_are_used_and_broken_ones_change_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (old, new) = (Authority::new(), Authority::new());
    let tls = Arc::new(Tls::open(files(directory.path(), &old.server(), None)).unwrap());
    let (address, _) = serve_by(Arc::clone(&tls));
    std::fs::write(directory.path().join("certificate.pem"), "nonsense").unwrap();
    let error = tls.read_again().unwrap_err().to_string();
    assert!(error.ends_with("certificate.pem: there is no certificate in it"), "{error}");
    assert_eq!(table(connect(address, &old, None, &TLS13).await).await.unwrap(), 6);
    // The key of another certificate.
    std::fs::write(directory.path().join("certificate.pem"), new.server().certificate).unwrap();
    assert!(tls.read_again().is_err());
    files(directory.path(), &new.server(), None);
    tls.read_again().unwrap();
    assert_eq!(table(connect(address, &new, None, &TLS13).await).await.unwrap(), 6);
    assert!(connect(address, &old, None, &TLS13).await.is_err());
}

#[test]
fn files_that_make_no_server_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let good = files(directory.path(), &Authority::new().server(), None);
    let missing = directory.path().join("missing.pem");
    let large = directory.path().join("large.pem");
    std::fs::write(&large, vec![b'x'; 1 + usize::try_from(MAX_TLS_FILE_BYTES).unwrap()]).unwrap();
    for (bad, name) in [
        (TlsFiles { certificate: missing.clone(), ..good.clone() }, "missing.pem"),
        (TlsFiles { key: good.certificate.clone(), ..good.clone() }, "certificate.pem"),
        (TlsFiles { client_ca: Some(good.key.clone()), ..good.clone() }, "key.pem"),
        (TlsFiles { certificate: large, ..good.clone() }, "too large"),
    ] {
        let error = Tls::open(bad).unwrap_err().to_string();
        assert!(error.contains(name), "{error}");
    }
}
