//! The bars of RTR, on 760,000 VRPs and loopback: one router takes at most 3 times as long as with
//! a bare writer of the same bytes; a fast router beside 100 slow ones at most 1.5 times as long as
//! alone; 1,000 slow ones cost bounded memory.
//!
//! Medians of interleaved runs; `cargo bench --bench rtr`. With `PROVOST_BENCH_VRPS=FILE` the VRPs
//! are those of a file; with `PROVOST_BENCH_OTHER=ADDR` the RTR server of another project, which
//! serves the same VRPs, is measured beside. docs/performance.md has the commands.

#![expect(clippy::print_stdout, reason = "prints what it measured")]
#![expect(clippy::expect_used, reason = "a bench that cannot run ends")]

use std::fmt::Write as _;
use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use provost::model::Timestamp;
use provost::payload::VrpFile;
use provost::rtr::limits::Limits;
use provost::rtr::{Cache, LossPolicy, Options, Stop, Transport, Updater, serve};
use provost::world::View;

const VRPS: u32 = 760_000;
const ROUNDS: usize = 5;
const RESET_QUERY: [u8; 8] = [1, 2, 0, 0, 0, 0, 0, 8];

fn view() -> View {
    if let Some(path) = std::env::var_os("PROVOST_BENCH_VRPS") {
        let bytes = std::fs::read(path).expect("the file can be read");
        return View::of_vrp_file(VrpFile::parse(&bytes).expect("a VRP file"), "bench", None);
    }
    let mut csv = String::from("ASN,IP Prefix,Max Length,Trust Anchor\n");
    for number in 0..VRPS {
        let [_, a, b, c] = number.to_be_bytes();
        let asn = 64_496 + number % 70_000;
        let line = if number % 5 == 0 {
            writeln!(csv, "AS{asn},2001:{a:x}{b:02x}:{c:x}::/48,48,ta")
        } else {
            writeln!(csv, "AS{asn},{}.{b}.{c}.0/24,24,ta", 10 + a)
        };
        line.expect("a text grows");
    }
    View::of_vrp_file(VrpFile::parse(csv.as_bytes()).expect("a VRP file"), "bench", None)
}

/// Starts the server; `slow` routers from one address may be connected.
fn start(view: &View, connections: usize) -> (SocketAddr, Cache) {
    let cache = Cache::default();
    let directory = tempfile::tempdir().expect("a directory");
    let options = Options { max_age: Duration::MAX, loss: LossPolicy::Alarm };
    let mut updater = Updater::open(cache.clone(), directory.path().join("rtr"), options);
    let begun = Instant::now();
    updater.update(view, Timestamp(0));
    println!("payload set, digest, file: {:.0?}", begun.elapsed());
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let limits = Limits {
        connections,
        connections_per_address: connections,
        stall_timeout: Duration::from_secs(600),
        query_interval: Duration::ZERO,
        ..Limits::default()
    };
    let served =
        serve(listener, Transport::Tcp, cache.clone(), limits, std::future::pending::<Stop>());
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(served).expect("it serves");
    });
    (address, cache)
}

/// Starts what sends the same bytes to everyone who says anything.
fn start_bare(bytes: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut query = [0; 8];
            stream.read_exact(&mut query).expect("a query");
            // A client that has enough closes.
            let _ = stream.write_all(&bytes);
        }
    });
    address
}

fn connect(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("it answers");
    stream.write_all(&RESET_QUERY).expect("a query is sent");
    stream
}

/// Reads `length` bytes, and returns how long it took from the connection on.
fn take(address: SocketAddr, length: usize) -> Duration {
    let begun = Instant::now();
    let mut stream = connect(address);
    let mut buffer = vec![0; 256 * 1024];
    let mut read = 0;
    while read < length {
        match stream.read(&mut buffer).expect("bytes come") {
            0 => panic!("closed after {read} of {length} bytes"),
            more => read += more,
        }
    }
    begun.elapsed()
}

/// Reads the whole table once.
fn table(address: SocketAddr) -> Vec<u8> {
    let mut stream = BufReader::new(connect(address));
    let mut table = Vec::new();
    let mut header = [0; 8];
    loop {
        stream.read_exact(&mut header).expect("a header");
        let [_, kind, _, _, length @ ..] = header;
        let length = u32::from_be_bytes(length);
        table.extend(header);
        let mut body = vec![0; usize::try_from(length).expect("a length") - 8];
        stream.read_exact(&mut body).expect("a body");
        table.extend(body);
        if kind == 7 {
            return table;
        }
    }
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times.get(times.len() / 2).map_or(0.0, Duration::as_secs_f64)
}

fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// Measures the server of another project, if one was named, in turns with ours.
fn beside_another(address: SocketAddr, length: usize) {
    let Ok(other) = std::env::var("PROVOST_BENCH_OTHER") else { return };
    let other: SocketAddr = other.parse().expect("PROVOST_BENCH_OTHER is an address");
    let other_length = table(other).len();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(take(address, length));
        theirs.push(take(other, other_length));
    }
    let (ours, theirs) = (median(ours), median(theirs));
    println!(
        "one router: {:.1} ms, the other server {:.1} ms ({other_length} bytes): {:.1} times as fast \
         (bar: 20)",
        ours * 1e3,
        theirs * 1e3,
        theirs / ours
    );
}

/// What the kernel holds for all TCP sockets of the machine, those of the slow routers included.
fn socket_mib() -> u64 {
    let sockets = std::fs::read_to_string("/proc/net/sockstat").unwrap_or_default();
    let line = sockets.lines().find(|line| line.starts_with("TCP:")).unwrap_or_default();
    let pages = line.split_whitespace().last().and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * 4 / 1024
}

/// Waits until the slow routers have what fits into their sockets, and nothing more moves.
fn wait_until_stuck(cache: &Cache) {
    let sent = || cache.status().clients.iter().map(|client| client.sent_bytes).sum::<u64>();
    let (_keep, pause) = std::sync::mpsc::channel::<()>();
    let mut before = u64::MAX;
    while before != sent() {
        before = sent();
        let _ = pause.recv_timeout(Duration::from_millis(200));
    }
}

fn main() {
    let (address, cache) = start(&view(), 1_200);
    let begun = Instant::now();
    let bytes = table(address);
    println!("first table, with encoding it: {:.0?}, {} bytes", begun.elapsed(), bytes.len());
    let length = bytes.len();
    let bare = start_bare(bytes);

    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS * 3 {
        ours.push(take(address, length));
        theirs.push(take(bare, length));
    }
    let (ours, theirs) = (median(ours), median(theirs));
    println!(
        "one router: {:.1} ms, bare writer {:.1} ms: {:.2} times (bar: 3)",
        ours * 1e3,
        theirs * 1e3,
        ours / theirs
    );
    beside_another(address, length);

    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        // The same pause before both: after one, the processor is slow to come back.
        wait_until_stuck(&cache);
        alone.push(take(address, length));
        let slow: Vec<TcpStream> = (0..100).map(|_| connect(address)).collect();
        wait_until_stuck(&cache);
        beside.push(take(address, length));
        drop(slow);
    }
    let (alone, beside) = (median(alone), median(beside));
    println!(
        "alone {:.1} ms, beside 100 slow routers {:.1} ms: {:.2} times (bar: 1.5)",
        alone * 1e3,
        beside * 1e3,
        beside / alone
    );

    let (before, sockets_before) = (resident_mib(), socket_mib());
    let slow: Vec<TcpStream> = (0..1_000).map(|_| connect(address)).collect();
    while cache.status().open < slow.len() {
        std::thread::yield_now();
    }
    take(address, length);
    println!(
        "memory: {before} MiB, with 1,000 slow routers {} MiB; sockets in the kernel, both ends: \
         {sockets_before} MiB, then {} MiB",
        resident_mib(),
        socket_mib()
    );
}
