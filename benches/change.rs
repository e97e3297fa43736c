//! The bars of the server at full scale: how long after its publication a change is answered, and
//! how much memory the server takes at most, with a change of world, whole payloads over HTTP and
//! a table for a router in between.
//!
//! `cargo bench --bench change`: made-up data of the size of the RPKI of 2026, and the program
//! itself in a process of its own. Each change touches 1 % of the points; there are enough of them
//! that the log of worlds fills up and a new base is written.

#![expect(clippy::print_stdout, reason = "prints what it measured")]
#![expect(clippy::expect_used, reason = "a bench that cannot run ends")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant};

use provost::clock::now;
use provost::model::{
    Asn, KeyIdentifier, ObjectHash, PointId, Prefix, RepositoryId, ResourceSet, TimeWindow,
    Timestamp, Vrp, WorldId,
};
use provost::validate::{ManifestRef, ObjectKind, PointStatus, TrustAnchorStatus};
use provost::world::{
    Delta, Given, NewObject, NextPoint, ObjectData, ObjectRecord, PointData, PointDelta,
    PointRecord, Purpose, RepositoryState, RepositoryStatus, TrustAnchorFetch, TrustAnchorRecord,
    VrpRecord, World, publish, publish_next,
};

const POINTS: u32 = 45_000;
const OBJECTS: u32 = 276_000;
const VRPS: u32 = 782_902;
const CHANGES: u32 = 30;
/// One of so many points changes.
const SHARE: u32 = 100;

fn vrp(number: u32) -> Vrp {
    let [_, a, b, c] = number.to_be_bytes();
    let text = match number % 5 {
        0 => format!("2001:{a:x}{b:02x}:{c:x}::/48"),
        _ => format!("{}.{b}.{c}.0/24", 10 + a),
    };
    let prefix: Prefix = text.parse().expect("a prefix");
    Vrp { prefix, max_length: prefix.len(), asn: Asn(64_496 + number % 70_000) }
}

fn validity() -> TimeWindow {
    TimeWindow::new(Timestamp(0), Timestamp(now().0 + 864_000))
}

fn object(point: u32, number: u32) -> ObjectData {
    let uri = format!("rsync://host-{}.example/repo/ca-{point}/object-{number:08}.roa", point % 40);
    let hash = ObjectHash::of(&number.to_be_bytes());
    ObjectData { uri: uri.parse().expect("a URI"), hash, validity: validity() }
}

fn point(number: u32, manifest: u32) -> PointData {
    let directory = format!("rsync://host-{}.example/repo/ca-{number}", number % 40);
    let manifest_uri = format!("{directory}/{number:08}.mft").parse().expect("a URI");
    let mut ski = [0; 20];
    ski.iter_mut().zip(number.to_be_bytes()).for_each(|(to, from)| *to = from);
    let mut counter = [0; 20];
    counter.iter_mut().rev().zip(manifest.to_le_bytes()).for_each(|(to, from)| *to = from);
    PointData {
        id: PointId::derive("bench", None, &number.to_be_bytes(), &manifest_uri),
        trust_anchor: 0,
        certificate_uri: format!("rsync://host-0.example/repo/parent/{number:08}.cer"),
        certificate_hash: ObjectHash::of(&number.to_be_bytes()),
        ski: KeyIdentifier(ski),
        manifest_uri,
        status: PointStatus::Current,
        manifest: Some(ManifestRef {
            hash: ObjectHash::of(&manifest.to_be_bytes()),
            number: counter,
            this_update: Timestamp(0),
            next_update: Timestamp(i64::MAX),
        }),
        validity: validity(),
        unproven: ResourceSet::default(),
        counts: [(ObjectKind::Manifest, 1), (ObjectKind::Crl, 1), (ObjectKind::Roa, 6)].into(),
        findings: Vec::new(),
        findings_left_out: 0,
    }
}

/// Makes the first world, and the numbers of its points in order.
fn world() -> (World, Vec<u32>) {
    let mut points: Vec<(PointData, u32)> = (0..POINTS).map(|at| (point(at, 0), at)).collect();
    points.sort_by_key(|(point, _)| point.id);
    let numbers: Vec<u32> = points.iter().map(|(_, number)| *number).collect();
    let record =
        |(data, _)| PointRecord { parent: None, repository: Some(0), data: Arc::new(data) };
    // The objects of a point are one after the other, in the order of their names.
    let place = |at: u32| u32::try_from(u64::from(at) * u64::from(POINTS) / u64::from(OBJECTS));
    let objects = (0..OBJECTS).map(|at| {
        let point = place(at).expect("a point");
        let number = numbers.get(usize::try_from(point).expect("small")).expect("a point");
        ObjectRecord { point, data: Arc::new(object(*number, at)) }
    });
    let mut records: Vec<VrpRecord> =
        (0..VRPS).map(|at| VrpRecord { vrp: vrp(at), object: at % OBJECTS }).collect();
    records.sort_unstable();
    let repository: RepositoryId = "https://bench.example/notify.xml".parse().expect("a URI");
    let world = World {
        id: WorldId(1),
        parent: None,
        purpose: Purpose::Live,
        time: now(),
        validation_duration: Duration::ZERO,
        stamp: None,
        trust_anchors: vec![TrustAnchorRecord {
            name: "bench".to_owned(),
            status: TrustAnchorStatus::Valid,
            fetch: TrustAnchorFetch { last_success: Some(now()), ..TrustAnchorFetch::default() },
            findings: Vec::new(),
        }],
        repositories: vec![RepositoryStatus {
            state: RepositoryState::Current,
            last_success: Some(now()),
            ..RepositoryStatus::pending(repository)
        }],
        objects: objects.collect(),
        points: points.into_iter().map(record).collect(),
        vrps: records.into_iter().collect(),
        aspas: Vec::new(),
        router_keys: Vec::new(),
    };
    world.check().expect("a sound world");
    (world, numbers)
}

/// The VRP that tells the world of a change from all others.
fn marker(step: u32) -> Vrp {
    let prefix: Prefix = "198.51.100.0/24".parse().expect("a prefix");
    Vrp { prefix, max_length: 24, asn: Asn(step) }
}

/// One object of each changed point goes, another comes, and the manifest is new.
fn delta(world: &World, numbers: &[u32], step: u32) -> Delta {
    let mut head = world.head();
    head.parent = Some(head.id);
    head.id = WorldId(head.id.0 + 1);
    let changed = (0u32..).zip(numbers).filter(|(at, _)| at % SHARE == step % SHARE);
    let points = changed.map(|(at, number)| {
        let new = OBJECTS + step * POINTS + at;
        let vrps = (0..3).map(|more| Vrp { asn: Asn(new), ..vrp(new % VRPS + more) });
        let mut vrps: Vec<Vrp> = vrps.collect();
        vrps.extend((at < SHARE).then(|| marker(step)));
        let given = Given { vrps, ..Given::default() };
        let added = NewObject { data: Arc::new(object(*number, new)), given };
        let data = Arc::new(point(*number, step));
        let next = NextPoint {
            parent: None,
            repository: Some(0),
            dropped: vec![0],
            added: vec![added],
            data: Arc::clone(&data),
        };
        PointDelta { id: data.id, next: Some(next) }
    });
    Delta { points: points.collect(), head }
}

/// The program, as a process of its own.
struct Server {
    child: Child,
    http: SocketAddr,
    rtr: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address")
}

impl Server {
    fn start(data: &Path) -> Server {
        let (http, rtr) = (free_port(), free_port());
        let mut command = Command::new(env!("CARGO_BIN_EXE_provost"));
        command.args(["serve", "--no-worker", "--data-dir"]).arg(data);
        command.args(["--http", &http.to_string(), "--rtr", &rtr.to_string()]);
        command.stderr(std::process::Stdio::null());
        // As the supervisor and the systemd unit do.
        command.env("MALLOC_MMAP_THRESHOLD_", "131072");
        Server { child: command.spawn().expect("it starts"), http, rtr }
    }

    /// Returns the size in KiB of the line `name` of the process's status.
    fn kib(&self, name: &str) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap_or(0)
    }

    fn report(&self, what: &str) {
        let (most, now) = (self.kib("VmHWM") / 1000, self.kib("VmRSS") / 1000);
        println!("memory {what}: {now} MB, at most so far {most} MB");
    }

    /// Reads a whole answer, and returns its length.
    fn get(&self, path: &str) -> Option<(usize, String)> {
        let mut stream = TcpStream::connect(self.http).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").ok()?;
        let (mut length, mut first, mut buffer) = (0, String::new(), vec![0; 1 << 16]);
        loop {
            match stream.read(&mut buffer).ok()? {
                0 => return Some((length, first)),
                more => {
                    if length < 4096 {
                        let text = buffer.get(..more).unwrap_or_default();
                        first.push_str(&String::from_utf8_lossy(text));
                    }
                    length += more;
                }
            }
        }
    }

    fn is_answered(&self, vrp: Vrp) -> bool {
        let path = format!("/api/v1/validity/{}/{}", vrp.asn, vrp.prefix);
        self.get(&path).is_some_and(|(_, answer)| answer.contains("\"state\": \"valid\""))
    }

    /// Waits until a VRP is answered, and returns how long it took.
    fn wait_for(&self, vrp: Vrp) -> Duration {
        let begun = Instant::now();
        let (_keep, pause) = std::sync::mpsc::channel::<()>();
        while !self.is_answered(vrp) {
            assert!(begun.elapsed() < Duration::from_secs(60), "it never answers");
            // Often enough to see milliseconds, seldom enough to take nothing of the processor.
            let _ = pause.recv_timeout(Duration::from_millis(1));
        }
        begun.elapsed()
    }

    /// Reads the table that a router gets.
    fn table(&self) -> usize {
        let mut stream = std::io::BufReader::new(TcpStream::connect(self.rtr).expect("it answers"));
        stream.get_mut().write_all(&[1, 2, 0, 0, 0, 0, 0, 8]).expect("a query");
        let (mut total, mut header) = (0, [0; 8]);
        loop {
            stream.read_exact(&mut header).expect("a header");
            let [_, kind, _, _, length @ ..] = header;
            let mut body = vec![0; usize::try_from(u32::from_be_bytes(length)).expect("small") - 8];
            stream.read_exact(&mut body).expect("a body");
            total += 8 + body.len();
            match kind {
                7 => return total,
                10 => panic!("no data for routers"),
                _ => {}
            }
        }
    }

    fn read_everything(&self) {
        for path in ["/json", "/csv", "/jsonext"] {
            let begun = Instant::now();
            let (length, _) = self.get(path).expect("an answer");
            println!("{path}: {} MB in {:.0?}", length / 1_000_000, begun.elapsed());
        }
        let begun = Instant::now();
        println!("RTR: {} MB in {:.0?}", self.table() / 1_000_000, begun.elapsed());
    }
}

fn main() {
    let (mut world, numbers) = world();
    let directory = tempfile::tempdir().expect("a directory");
    let worlds = directory.path().join("world");
    publish(&worlds, &world).expect("it is published");
    let server = Server::start(directory.path());
    println!("start to first answer: {:.0?}", server.wait_for(vrp(1)));
    server.report("after it");
    // Routers get their data a little later.
    while server.get("/metrics").is_none_or(|(_, text)| !text.contains("provost_rtr_serving 1")) {
        std::thread::yield_now();
    }
    server.report("with data for routers");
    server.read_everything();
    server.report("after whole payloads and a table");
    let (mut times, mut bases) = (Vec::new(), 0);
    for step in 1..=CHANGES {
        let delta = delta(&world, &numbers, step);
        let next = world.after(delta.clone()).expect("it fits");
        publish_next(&worlds, &delta, || Ok(Arc::new(next.clone()))).expect("it is published");
        let took = server.wait_for(marker(step));
        let is_base = worlds.join(format!("{:010}.world", next.id.0)).exists();
        bases += u32::from(is_base);
        if is_base {
            println!("a change with a new base: {took:.0?}");
        }
        times.push(took);
        world = next;
        if step % 5 == 0 {
            server.table();
            server.get("/json").expect("an answer");
        }
    }
    server.report("after all changes");
    server.read_everything();
    server.report("at the end");
    times.sort();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    let worst = times.last().copied().unwrap_or_default();
    println!(
        "publication to answer, {CHANGES} changes of 1 % of the points, {bases} new bases: median \
         {median:.0?}, at most {worst:.0?}"
    );
    println!("memory at most: {} MB (bar: 250)", server.kib("VmHWM") / 1000);
}
