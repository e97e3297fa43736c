//! Limits, over a real listener.

use std::net::SocketAddr;
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;
use crate::http::limits::Limits;
use crate::http::serve;

struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<()>>,
}

fn short() -> Limits {
    Limits {
        connections: 4,
        connections_per_address: 4,
        header_timeout: Duration::from_millis(300),
        stall_timeout: Duration::from_millis(300),
        drain_timeout: Duration::from_millis(300),
    }
}

fn start(app: App, limits: Limits) -> Server {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async move {
        let _ = stopped.await;
    };
    Server { address, stop, task: tokio::spawn(serve(listener, app, limits, shutdown)) }
}

impl Server {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends `request` and returns everything until the server closes.
    async fn exchange(&self, request: &[u8]) -> String {
        let mut stream = self.connect().await;
        // The server may close before it has read everything.
        let _ = stream.write_all(request).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    async fn is_alive(&self) -> bool {
        let request = b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        self.exchange(request).await.starts_with("HTTP/1.1 200 OK")
    }
}

#[tokio::test]
async fn j01_slow_headers_and_idle_connections_are_closed() {
    let server = start(serving(world()), short());
    for head in ["", "GET /health HTTP/1.1\r\nx-slow: "] {
        let mut stream = server.connect().await;
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // Ends because the server closes; the client would wait for ever.
        let _ = stream.read_to_end(&mut answer).await;
    }
    let mut stream = server.connect().await;
    stream.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "idle after an answer: {answer}");
    assert!(server.is_alive().await);
}

#[tokio::test]
async fn j01_j02_connections_over_the_limit_wait_and_do_not_stop_the_service() {
    let server = start(serving(world()), short());
    let mut slow = Vec::new();
    for _ in 0..20 {
        let mut stream = server.connect().await;
        stream.write_all(b"GET /").await.unwrap();
        slow.push(stream);
    }
    assert!(server.is_alive().await, "served when the slow ones have timed out");
}

#[tokio::test]
async fn j06_a_client_that_reads_nothing_is_cut_off() {
    let mut world = world();
    let record = world.vrps.iter().next().unwrap();
    let vrp = |asn| crate::model::Vrp { asn: crate::model::Asn(asn), ..record.vrp };
    world.vrps.edit(|rows| {
        let more = (0..400_000).map(|asn| crate::world::VrpRecord { vrp: vrp(asn), ..record });
        rows.extend(more);
        rows.sort_unstable();
    });
    let app = serving(world);
    let server = start(app.clone(), short());
    let mut stream = server.connect().await;
    stream.write_all(b"GET /json HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    stream.readable().await.unwrap();
    // More than the kernel buffers for a client that does not read; the permit comes back.
    let closed = async {
        while app.counters.open_connections() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), closed).await.unwrap();
    assert!(server.is_alive().await);
}

#[tokio::test]
async fn j14_behind_two_kinds_of_length_no_second_request_is_answered() {
    let server = start(serving(world()), Limits::default());
    let hidden = "0\r\n\r\nGET /health HTTP/1.1\r\nhost: x\r\n\r\n";
    let length = format!("content-length: {}\r\n", hidden.len());
    let chunked = "transfer-encoding: chunked\r\n";
    for lengths in [format!("{length}{chunked}"), format!("{chunked}{length}")] {
        let head = format!("POST /v1/validity HTTP/1.1\r\nhost: x\r\n{lengths}\r\n");
        let answer = server.exchange(format!("{head}{hidden}").as_bytes()).await;
        // It ends with the connection, whoever was right about the length.
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
        assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
}

#[tokio::test]
async fn j05_huge_heads_odd_targets_and_bodies_are_refused_unread() {
    let server = start(serving(world()), Limits::default());
    let close = "host: x\r\nconnection: close\r\n\r\n";
    let path = "a".repeat(1 << 20);
    let many = "x: y\r\n".repeat(10_000);
    for (request, expected) in [
        (format!("GET /{path} HTTP/1.1\r\n{close}"), &["414", "431", ""][..]),
        (format!("GET /health HTTP/1.1\r\n{many}{close}"), &["431", ""][..]),
        (format!("CONNECT example.net:443 HTTP/1.1\r\n{close}"), &["404", "405"][..]),
        (format!("TRACE /health HTTP/1.1\r\n{close}"), &["405"][..]),
        (format!("GET http://x/health HTTP/1.1\r\n{close}"), &["200"][..]),
        (format!("OPTIONS * HTTP/1.1\r\n{close}"), &["404", "405"][..]),
        (format!("GET /caf\u{e9} HTTP/1.1\r\n{close}"), &["400", "404"][..]),
        (
            // The body never comes: it was not waited for.
            "POST /json HTTP/1.1\r\nhost: x\r\ncontent-length: 10000000000\r\n\r\n".to_owned(),
            &["405"][..],
        ),
        (
            // J14
            "GET /health HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n"
                .to_owned(),
            &["400"][..],
        ),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), &["400", ""][..]), // J13
        ("\u{0}\u{1}\u{2}\r\n\r\n".to_owned(), &["400"][..]),
    ] {
        let begun = Instant::now();
        let answer = server.exchange(request.as_bytes()).await;
        let status = answer.split(' ').nth(1).unwrap_or_default();
        let request = request.chars().take(60).collect::<String>();
        assert!(expected.contains(&status), "{request:?}: {answer}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{request:?} waited for a timeout");
    }
    assert!(server.is_alive().await);
}

#[tokio::test]
async fn shutdown_ends_idle_connections_and_frees_the_port() {
    let server = start(serving(world()), Limits::default());
    let mut idle = server.connect().await;
    idle.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut first = [0; 15];
    idle.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    server.stop.send(()).unwrap();
    server.task.await.unwrap().unwrap();
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).await.unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn what_is_answered_before_the_router_is_what_the_router_answers() {
    let app = serving(World { purpose: crate::world::Purpose::Lab, ..world() });
    let server = start(app.clone(), Limits::default());
    for (path, headers) in [
        ("/v1/validity?prefix=192.0.2.0/24&asn=64496", ""),
        ("/v1/validity?prefix=192.0.2.0%2F24&asn=64496", ""),
        ("/v1/validity?prefix=192.0.2.1/24&asn=64496", ""),
        ("/v1/validity?asn=1", ""),
        ("/v1/validity?prefix=::/0&asn=1", "origin: http://attacker.example\r\n"),
        ("/v1/validity/AS64496/192.0.2.0/24", ""),
        ("/v1/validity/AS64496/192.0.2.0%2F24", ""),
        ("/v1/validity/x/192.0.2.0/24", ""),
        ("/v1/validity//192.0.2.0/24", ""),
        ("/v1/validity/AS64496/", ""),
        ("/v1/validity/AS64496", ""),
        ("/api/v1/validity/AS64496/192.0.2.0/24", ""),
        ("/api/v1/validity/AS64496/192.0.2.0%2F24", ""),
        ("/api/v1/validity/AS64496/192.0.2.0/24/7", ""),
        ("/api/v1/validity/AS64496/", ""),
        ("/api/v1/validity/AS64496", ""),
        ("/api/v1/validity//192.0.2.0/24", ""),
    ] {
        let host = "host: localhost\r\nconnection: close\r\n";
        let request = format!("GET {path} HTTP/1.1\r\n{host}{headers}\r\n");
        let quick = server.exchange(request.as_bytes()).await;
        let (head, body) = quick.split_once("\r\n\r\n").unwrap();
        let pairs = headers.trim().split_once(": ");
        let pairs: Vec<(&str, &str)> = [("host", "localhost")].into_iter().chain(pairs).collect();
        let routed = send(&app, Method::GET, path, &pairs).await;
        assert_eq!(body, routed.body, "{path}");
        assert!(
            head.starts_with(&format!("HTTP/1.1 {}", routed.status.as_u16())),
            "{path}: {head}"
        );
        for (name, value) in &routed.headers {
            let line = format!("{name}: {}", value.to_str().unwrap());
            assert!(head.lines().any(|other| other == line), "{path}: {line}");
        }
    }
}
