//! The bar of the HTTP API: questions about routes per second, on all real VRPs and loopback, are
//! at least 80 % of what a bare hyper server does that returns the same bytes.
//!
//! `cargo bench --bench http`; needs `wrk` and the shared data (see docs/performance.md). With
//! `PROVOST_BENCH_ROUTINATOR=ADDR` it asks a running Routinator there, too.

#![expect(clippy::print_stdout, reason = "prints what it measured")]
#![expect(clippy::expect_used, reason = "a bench that cannot run ends")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use provost::http::limits::Limits;
use provost::http::{App, Served, serve};
use provost::model::{
    Family, KeyIdentifier, ObjectHash, ObjectUri, PointId, RepositoryId, ResourceSet, TimeWindow,
    Timestamp, Vrp, WorldId,
};
use provost::payload::VrpFile;
use provost::validate::{PointStatus, TrustAnchorStatus};
use provost::world::{
    ObjectData, ObjectRecord, PointData, PointRecord, Purpose, RepositoryState, RepositoryStatus,
    TrustAnchorFetch, TrustAnchorRecord, VrpRecord, World,
};

const NOW: Timestamp = Timestamp(1_795_500_000);
const ROUNDS: usize = 5;
const SECONDS: &str = "4";
/// The questions: valid, invalid and unknown routes, spread over the table.
const QUESTIONS: usize = 1_000;

fn data() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    std::env::var_os("PROVOST_TEST_DATA").map_or(here, PathBuf::from)
}

fn vrps() -> Vec<Vrp> {
    let path = data().join("vrps/rpkiclient_summary_20250720T093135Z.json.bz2");
    let file = std::fs::File::open(&path).expect("the shared data are there");
    let mut text = Vec::new();
    bzip2::read::BzDecoder::new(file).read_to_end(&mut text).expect("it is whole");
    let file = VrpFile::parse(&text).expect("a VRP file");
    let mut vrps: Vec<Vrp> = file.vrps.iter().map(|row| row.vrp).collect();
    vrps.sort_unstable();
    vrps.dedup();
    vrps
}

/// Returns a world with these VRPs, three to an object, as real ROAs have on average.
fn world(vrps: &[Vrp]) -> World {
    let manifest: ObjectUri = "rsync://bench.example/repo/ca.mft".parse().expect("a URI");
    let repository: RepositoryId = "https://bench.example/notify.xml".parse().expect("a URI");
    let validity = TimeWindow::new(Timestamp(0), Timestamp(NOW.0 * 2));
    let objects = vrps.len().div_ceil(3);
    let object = |number: usize| ObjectRecord {
        point: 0,
        data: Arc::new(ObjectData {
            uri: format!("rsync://bench.example/repo/{number}.roa").parse().expect("a URI"),
            hash: ObjectHash::of(&number.to_be_bytes()),
            validity,
        }),
    };
    let rows = vrps.iter().enumerate().map(|(number, vrp)| VrpRecord {
        vrp: *vrp,
        object: u32::try_from(number / 3).expect("few objects"),
    });
    World {
        id: WorldId(1),
        parent: None,
        purpose: Purpose::Live,
        time: NOW,
        validation_duration: Duration::ZERO,
        stamp: None,
        trust_anchors: vec![TrustAnchorRecord {
            name: "bench".to_owned(),
            status: TrustAnchorStatus::Valid,
            fetch: TrustAnchorFetch { last_success: Some(NOW), ..TrustAnchorFetch::default() },
            findings: Vec::new(),
        }],
        repositories: vec![RepositoryStatus {
            state: RepositoryState::Current,
            last_success: Some(NOW),
            ..RepositoryStatus::pending(repository)
        }],
        points: vec![PointRecord {
            parent: None,
            repository: Some(0),
            data: Arc::new(PointData {
                id: PointId::derive("bench", None, b"key", &manifest),
                trust_anchor: 0,
                certificate_uri: "rsync://bench.example/repo/ca.cer".to_owned(),
                certificate_hash: ObjectHash::of(b"certificate"),
                ski: KeyIdentifier([1; 20]),
                manifest_uri: manifest,
                status: PointStatus::Current,
                manifest: None,
                validity,
                unproven: ResourceSet::default(),
                counts: std::collections::BTreeMap::new(),
                findings: Vec::new(),
                findings_left_out: 0,
            }),
        }],
        objects: (0..objects).map(object).collect(),
        vrps: rows.collect(),
        aspas: Vec::new(),
        router_keys: Vec::new(),
    }
}

fn start(app: App) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let serving = serve(listener, app, Limits::default(), std::future::pending());
        runtime.block_on(serving).expect("it serves");
    });
    address
}

/// What a bare server always sends.
#[derive(Clone)]
struct Fixed {
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

/// A body of one piece.
struct Whole(Option<Bytes>);

impl Body for Whole {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        std::task::Poll::Ready(self.0.take().map(|body| Ok(Frame::data(body))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |body| body.len() as u64))
    }
}

/// Starts hyper alone, with the same runtime and options, and one answer for everything.
fn start_bare(fixed: Fixed) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    listener.set_nonblocking(true).expect("a listener");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                stream.set_nodelay(true).expect("an option");
                let fixed = fixed.clone();
                let service = hyper::service::service_fn(move |_: Request<Incoming>| {
                    let mut response = Response::new(Whole(Some(fixed.body.clone())));
                    response.headers_mut().extend(fixed.headers.iter().cloned());
                    std::future::ready(Ok::<_, std::convert::Infallible>(response))
                });
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service);
                tokio::spawn(async move {
                    let _ = connection.await;
                });
            }
        });
    });
    address
}

/// Asks once, and returns what the bare server has to send.
fn ask(address: SocketAddr, path: &str) -> Fixed {
    let mut stream = TcpStream::connect(address).expect("it answers");
    write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .expect("a question is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a body");
    // These hyper adds itself.
    let own = ["date", "content-length", "connection"];
    let headers = head.lines().skip(1).filter_map(|line| line.split_once(": "));
    let headers = headers
        .filter(|(name, _)| !own.contains(name))
        .map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value")));
    Fixed { headers: headers.collect(), body: Bytes::copy_from_slice(body.as_bytes()) }
}

/// Runs `wrk` with the questions in `script`, and returns requests per second.
fn wrk(address: SocketAddr, script: &Path) -> f64 {
    let mut command = Command::new("wrk");
    command.args(["-t1", "-c16", "-d", SECONDS, "-s"]).arg(script);
    let output = command.arg(format!("http://{address}")).output().expect("wrk is installed");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(!text.contains("Non-2xx"), "{text}");
    let rate = text.lines().find_map(|line| line.strip_prefix("Requests/sec:"));
    rate.expect("a rate").trim().parse().expect("a number")
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().expect("runs")
}

/// Returns a script that asks all questions in turn.
fn script(directory: &Path, name: &str, paths: &[String]) -> PathBuf {
    let list: Vec<String> = paths.iter().map(|path| format!("  \"{path}\",\n")).collect();
    let text = format!(
        "local paths = {{\n{}}}\nlocal at = 0\nrequest = function()\n  at = at % #paths + 1\n  \
         return wrk.format(\"GET\", paths[at])\nend\n",
        list.concat()
    );
    let path = directory.join(name);
    std::fs::write(&path, text).expect("a file");
    path
}

fn main() {
    // `cargo test --benches` only asks whether it builds.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let vrps = vrps();
    println!("{} VRPs", vrps.len());
    let app = App::new(Duration::from_secs(7200), || NOW);
    app.publish(Served::new(Arc::new(world(&vrps)), NOW));
    let ours = start(app);
    let routes: Vec<(String, u32)> = vrps
        .iter()
        .step_by(vrps.len() / QUESTIONS)
        .enumerate()
        .map(|(number, vrp)| {
            let longest = if vrp.prefix.family() == Family::V4 { 32 } else { 128 };
            // A third each: as it is, too long, of another AS.
            match number % 3 {
                0 => (vrp.prefix.to_string(), vrp.asn.0),
                1 => (format!("{}/{longest}", vrp.prefix.address()), vrp.asn.0),
                _ => (vrp.prefix.to_string(), vrp.asn.0.wrapping_add(1)),
            }
        })
        .collect();
    let directory = tempfile::tempdir().expect("a directory");
    for (name, path) in [
        ("v1", |(prefix, asn): &(String, u32)| format!("/v1/validity?prefix={prefix}&asn={asn}")),
        ("routinator", |(prefix, asn): &(String, u32)| {
            format!("/api/v1/validity/AS{asn}/{prefix}")
        }),
    ] as [(&str, fn(&(String, u32)) -> String); 2]
    {
        let paths: Vec<String> = routes.iter().map(path).collect();
        // The answer of median length stands for all.
        let mut answers: Vec<Fixed> = paths.iter().map(|path| ask(ours, path)).collect();
        answers.sort_by_key(|fixed| fixed.body.len());
        let fixed = answers.swap_remove(answers.len() / 2);
        println!("{name}: {} bytes of body", fixed.body.len());
        let bare = start_bare(fixed);
        let script = script(directory.path(), name, &paths);
        let (mut rates, mut bare_rates, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let (rate, bare) = (wrk(ours, &script), wrk(bare, &script));
            rates.push(rate);
            bare_rates.push(bare);
            ratios.push(rate / bare);
        }
        println!(
            "{name}: {:.0} a second, bare hyper {:.0}, ratio {:.2} (median of {ROUNDS} pairs)",
            median(rates),
            median(bare_rates),
            median(ratios)
        );
        if let Ok(address) = std::env::var("PROVOST_BENCH_ROUTINATOR")
            && name == "routinator"
        {
            println!("Routinator: {:.0} a second", wrk(address.parse().expect("ADDR"), &script));
        }
    }
}
