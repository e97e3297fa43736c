//! An HTTPS server that answers exactly what a test wants, mistakes included.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{ServerConfig, pki_types::PrivateKeyDer};

#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
    /// Claims so much more body than it sends, and then waits instead of closing.
    pub(super) stalls: bool,
    /// Claims so many bytes more than it sends before it closes.
    pub(super) short_by: usize,
}

impl Reply {
    pub(super) fn ok(body: impl Into<Vec<u8>>) -> Self {
        Reply { status: 200, headers: vec![], body: body.into(), stalls: false, short_by: 0 }
    }

    pub(super) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

#[derive(Debug, Default)]
struct Shared {
    files: HashMap<String, Reply>,
    requests: Vec<String>,
}

/// The server; it ends with the test's runtime.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) root: PathBuf,
    shared: Arc<Mutex<Shared>>,
    _dir: tempfile::TempDir,
}

impl Server {
    pub(super) async fn start() -> Self {
        let key = rcgen::generate_simple_self_signed(vec![
            "127.0.0.1".to_owned(),
            "localhost".to_owned(),
            "repository.example".to_owned(),
        ])
        .unwrap();
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root.pem");
        std::fs::write(&root, key.cert.pem()).unwrap();
        let secret = PrivateKeyDer::try_from(key.signing_key.serialize_der()).unwrap();
        let mut config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![key.cert.der().clone()], secret)
            .unwrap();
        // Offered, so that every test shows that the client does not take it (THREATS A30).
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Mutex::new(Shared::default()));
        let state = shared.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, state) = (acceptor.clone(), state.clone());
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        answer(stream, &state).await;
                    }
                });
            }
        });
        Server { address, root, shared, _dir: dir }
    }

    pub(super) fn uri(&self, path: &str) -> String {
        format!("https://{}{path}", self.address)
    }

    pub(super) fn put(&self, path: &str, reply: Reply) {
        self.shared.lock().unwrap().files.insert(path.to_owned(), reply);
    }

    pub(super) fn get(&self, path: &str) -> Reply {
        self.shared.lock().unwrap().files[path].clone()
    }

    /// Returns the requests since the last call: path, and the ETag if it was conditional.
    pub(super) fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.lock().unwrap().requests)
    }
}

async fn answer(
    mut stream: tokio_rustls::server::TlsStream<tokio::net::TcpStream>,
    state: &Mutex<Shared>,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split(' ').nth(1).unwrap().to_owned();
    let condition = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("if-none-match"))
        .map(|(_, value)| value.to_owned());
    let reply = {
        let mut state = state.lock().unwrap();
        let asked = condition.as_ref().map(|etag| format!(" {etag}")).unwrap_or_default();
        state.requests.push(format!("{path}{asked}"));
        state.files.get(&path).cloned().unwrap_or(Reply::ok("").status(404))
    };
    let etag = reply.headers.iter().find(|(name, _)| *name == "ETag").map(|(_, value)| value);
    let mut out = Vec::new();
    if condition.is_some() && condition.as_ref() == etag {
        out.extend(b"HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n");
    } else {
        let length = reply.body.len() + reply.short_by + usize::from(reply.stalls);
        out.extend(format!("HTTP/1.1 {} X\r\nConnection: close\r\n", reply.status).bytes());
        out.extend(format!("Content-Length: {length}\r\n").bytes());
        for (name, value) in &reply.headers {
            out.extend(format!("{name}: {value}\r\n").bytes());
        }
        out.extend(b"\r\n");
        out.extend(&reply.body);
    }
    let _ = stream.write_all(&out).await;
    let _ = stream.flush().await;
    if reply.stalls {
        // Until the client gives up.
        let _ = stream.read_u8().await;
    }
    let _ = stream.shutdown().await;
}
