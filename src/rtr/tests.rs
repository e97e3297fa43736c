//! What routers see, over a real listener on loopback.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::limits::{Limits, MAX_VERSION_TRIES};
use super::testing::{items, pdus};
use super::*;
use crate::model::{Asn, Timestamp, Vrp};
use crate::world::fixture::{NOW, world};
use crate::world::{View, VrpRecord, World};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

const TABLE_V1: [&str; 6] = [
    "+203.0.113.0/24-24 AS64499",
    "+198.51.100.0/22-24 AS64497",
    "+192.0.2.128/25-25 AS0",
    "+192.0.2.0/24-24 AS64496",
    "+2001:db8::/32-48 AS64496",
    "+key ab 3059fbff AS64497",
];

/// The world with more VRPs: one for each of these AS numbers.
fn world_with(asns: impl IntoIterator<Item = u32>) -> World {
    let mut world = world();
    let record = world.vrps.iter().next().unwrap();
    let more = asns
        .into_iter()
        .map(|asn| VrpRecord { vrp: Vrp { asn: Asn(asn), ..record.vrp }, ..record });
    world.vrps.edit(|rows| {
        rows.extend(more);
        rows.sort_unstable();
    });
    world
}

fn view(world: World) -> View {
    View::of_world(world.into(), NOW)
}

struct Server {
    cache: Cache,
    updater: Updater,
    address: std::net::SocketAddr,
    stop: oneshot::Sender<Stop>,
    task: JoinHandle<io::Result<()>>,
    directory: tempfile::TempDir,
}

fn options() -> Options {
    Options { max_age: Duration::from_secs(7200), loss: LossPolicy::Alarm }
}

fn file(directory: &tempfile::TempDir) -> PathBuf {
    directory.path().join("state/rtr")
}

impl Server {
    fn start(limits: Limits) -> Self {
        Server::start_in(tempfile::tempdir().unwrap(), limits)
    }

    fn start_in(directory: tempfile::TempDir, limits: Limits) -> Self {
        let cache = Cache::default();
        let updater = Updater::open(cache.clone(), file(&directory), options());
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let shutdown = async { stopped.await.unwrap_or(Stop::Restart) };
        let task = tokio::spawn(serve(listener, Transport::Tcp, cache.clone(), limits, shutdown));
        Server { cache, updater, address, stop, task, directory }
    }

    /// With the fixture's world.
    fn serving(limits: Limits) -> Self {
        let mut server = Server::start(limits);
        server.update(world());
        server
    }

    fn update(&mut self, world: World) {
        self.updater.update(&view(world), NOW);
    }

    async fn connect(&self) -> Router {
        Router(TcpStream::connect(self.address).await.unwrap())
    }

    async fn stop(self, stop: Stop) -> tempfile::TempDir {
        self.stop.send(stop).unwrap();
        self.task.await.unwrap().unwrap();
        self.directory
    }

    /// Waits until no router is connected.
    async fn until_empty(&self) {
        let empty = async {
            while self.cache.status().open > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, empty).await.expect("every session ends");
    }
}

fn serial_query(version: u8, session: u16, serial: u32) -> Vec<u8> {
    let mut query = vec![version, 1];
    query.extend(session.to_be_bytes());
    query.extend(12u32.to_be_bytes());
    query.extend(serial.to_be_bytes());
    query
}

fn reset_query(version: u8) -> Vec<u8> {
    vec![version, 2, 0, 0, 0, 0, 0, 8]
}

struct Router(TcpStream);

impl Router {
    async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    /// Reads one PDU.
    async fn pdu(&mut self) -> Vec<u8> {
        let read = async {
            let mut pdu = vec![0; 8];
            self.0.read_exact(&mut pdu).await.expect("a PDU comes");
            let length = u32::from_be_bytes(pdu[4..8].try_into().unwrap());
            pdu.resize(length as usize, 0);
            self.0.read_exact(&mut pdu[8..]).await.expect("a whole PDU comes");
            pdu
        };
        timeout(PATIENCE, read).await.expect("an answer in time")
    }

    /// Reads one whole answer.
    async fn answer(&mut self) -> Vec<u8> {
        let mut answer = Vec::new();
        loop {
            let pdu = self.pdu().await;
            let is_last = pdu[1] == 7;
            answer.extend(pdu);
            if is_last {
                return answer;
            }
        }
    }

    async fn ask(&mut self, query: &[u8]) -> Vec<u8> {
        self.send(query).await;
        self.answer().await
    }

    /// Reads until the server closes.
    async fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        let read = self.0.read_to_end(&mut rest);
        timeout(PATIENCE, read).await.expect("the server closes").unwrap();
        rest
    }

    /// Tells whether the session is up: a query gets an answer.
    async fn is_served(&mut self) -> bool {
        !self.ask(&reset_query(1)).await.is_empty()
    }
}

fn texts(answer: &[u8]) -> Vec<String> {
    items(answer).iter().map(ToString::to_string).collect()
}

/// Session and serial of an answer's End of Data.
fn state(answer: &[u8]) -> (u16, u32) {
    let end = *pdus(answer).last().unwrap();
    let session = u16::from_be_bytes([end[2], end[3]]);
    (session, u32::from_be_bytes(end[8..12].try_into().unwrap()))
}

/// Type, version and code of an Error Report that is a session's only or last word.
fn error(report: &[u8]) -> (u8, u8, u16) {
    assert_eq!(pdus(report).len(), 1);
    (report[1], report[0], u16::from_be_bytes([report[2], report[3]]))
}

#[tokio::test]
async fn a_router_of_each_version_gets_its_table_and_follows_a_change() {
    let mut server = Server::serving(Limits::default());
    let mut sessions = Vec::new();
    let mut routers = Vec::new();
    for version in 0..3 {
        let mut router = server.connect().await;
        let answer = router.ask(&reset_query(version)).await;
        let mut expected = TABLE_V1.to_vec();
        match version {
            0 => expected.truncate(5),
            1 => {}
            _ => expected.push("+aspa AS64496 [64498]"),
        }
        assert_eq!(texts(&answer), expected, "version {version}");
        sessions.push(state(&answer).0);
        routers.push(router);
    }
    sessions.dedup();
    assert_eq!(sessions.len(), 3, "each version has a session of its own");
    server.update(world_with([7]));
    for (version, router) in (0..3).zip(&mut routers) {
        let session = sessions[usize::from(version)];
        let notify = router.pdu().await;
        assert_eq!((notify[0], notify[1]), (version, 0));
        assert_eq!(notify[8..12], [0, 0, 0, 2]);
        let answer = router.ask(&serial_query(version, session, 1)).await;
        assert_eq!(texts(&answer), ["+192.0.2.0/24-24 AS7"]);
        assert_eq!(state(&answer), (session, 2));
        let nothing = router.ask(&serial_query(version, session, 2)).await;
        assert_eq!(pdus(&nothing).len(), 2);
    }
    let counts = server.cache.status().counts;
    assert_eq!((counts.tables, counts.changes, counts.notifies), (3, 6, 3));
    let clients = server.cache.status().clients;
    assert!(clients.iter().all(|client| client.serial == Some(2) && client.sent_bytes > 100));
}

#[tokio::test]
async fn i01_connections_that_are_reset_at_once_cost_nothing() {
    let server = Server::serving(Limits::default());
    for _ in 0..300 {
        let stream = TcpStream::connect(server.address).await.unwrap();
        // Closing with a linger of zero sends a reset.
        rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
    }
    server.until_empty().await;
    assert!(server.connect().await.is_served().await);
}

#[tokio::test]
async fn i02_idle_connections_take_no_more_than_their_share() {
    let limits = Limits { connections: 4, connections_per_address: 4, ..Limits::default() };
    let server = Server::serving(limits);
    let mut idle = Vec::new();
    for _ in 0..4 {
        let mut router = server.connect().await;
        assert!(router.is_served().await);
        idle.push(router);
    }
    assert!(server.connect().await.rest().await.is_empty(), "closed at once");
    assert_eq!(server.cache.status().counts.refused, 1);
    idle.pop();
    timeout(PATIENCE, async {
        while server.cache.status().open == 4 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    assert!(server.connect().await.is_served().await);
}

#[tokio::test]
async fn i03_a_length_that_does_not_fit_is_corrupt_and_closes() {
    let server = Server::serving(Limits::default());
    for length in [0u32, 7, 9, u32::MAX] {
        let mut router = server.connect().await;
        let mut query = vec![1, 2, 0, 0];
        query.extend(length.to_be_bytes());
        router.send(&query).await;
        assert_eq!(error(&router.rest().await), (10, 1, 0), "{length}");
    }
    assert_eq!(server.cache.status().counts.protocol_errors, 4);
}

#[tokio::test]
async fn i04_whoever_says_nothing_or_half_a_pdu_is_closed() {
    let short = Duration::from_millis(200);
    let server = Server::serving(Limits { handshake_timeout: short, ..Limits::default() });
    assert!(server.connect().await.rest().await.is_empty());
    let server = Server::serving(Limits { pdu_timeout: short, ..Limits::default() });
    let mut router = server.connect().await;
    assert!(router.is_served().await);
    router.send(&[1, 2, 0]).await;
    assert!(router.rest().await.is_empty());
    assert_eq!(server.cache.status().counts.too_slow, 1);
    let server = Server::serving(Limits { idle_timeout: short, ..Limits::default() });
    let mut router = server.connect().await;
    assert!(router.is_served().await);
    assert!(router.rest().await.is_empty());
}

#[tokio::test]
async fn i04_a_router_that_dribbles_bytes_across_a_change_is_answered() {
    let mut server = Server::serving(Limits::default());
    let mut router = server.connect().await;
    let (session, serial) = state(&router.ask(&reset_query(1)).await);
    let query = serial_query(1, session, serial);
    router.send(&query[..3]).await;
    server.update(world_with([7]));
    assert_eq!(router.pdu().await[1], 0, "the Notify comes between");
    for byte in &query[3..] {
        router.send(std::slice::from_ref(byte)).await;
    }
    assert_eq!(texts(&router.answer().await), ["+192.0.2.0/24-24 AS7"]);
}

#[tokio::test]
async fn i05_a_router_that_reads_nothing_is_cut_off() {
    let stall_timeout = Duration::from_millis(300);
    let mut server = Server::start(Limits { stall_timeout, ..Limits::default() });
    server.update(world_with(1_000_000..1_500_000));
    let mut routers = Vec::new();
    for _ in 0..8 {
        let mut router = server.connect().await;
        router.send(&reset_query(1)).await;
        routers.push(router);
    }
    server.until_empty().await;
    let counts = server.cache.status().counts;
    assert_eq!((counts.too_slow, counts.tables), (8, 0));
}

#[tokio::test]
async fn i06_pdus_that_no_router_sends_are_refused_by_type() {
    let server = Server::serving(Limits::default());
    for (version, kind, code) in [
        (1, 5, 5),
        (2, 12, 5),
        (2, 255, 5),
        (0, 9, 5),
        (1, 11, 5),
        (1, 0, 3),
        (1, 3, 3),
        (1, 4, 3),
        (1, 7, 3),
        (1, 8, 3),
        (2, 11, 3),
    ] {
        let mut router = server.connect().await;
        router.send(&[version, kind, 0, 0, 0, 0, 0, 20]).await;
        assert_eq!(error(&router.rest().await), (10, version, code), "type {kind}");
    }
}

#[tokio::test]
async fn i07_a_higher_version_is_told_ours_and_a_change_of_version_ends_the_session() {
    let server = Server::serving(Limits::default());
    let mut router = server.connect().await;
    for query in [reset_query(3), serial_query(255, 0, 0)] {
        router.send(&query).await;
        let report = router.pdu().await;
        assert_eq!(error(&report), (10, 2, 4));
        assert_eq!(report[12..12 + query.len()], query, "what it was about");
    }
    assert_eq!(router.ask(&reset_query(2)).await[0], 2, "then the router asks with ours");
    router.send(&reset_query(1)).await;
    assert_eq!(error(&router.rest().await), (10, 2, 8));

    let mut router = server.connect().await;
    assert_eq!(router.ask(&reset_query(0)).await[0], 0);
    router.send(&reset_query(1)).await;
    assert_eq!(error(&router.rest().await), (10, 0, 4), "version 0 has no code 8");

    let mut router = server.connect().await;
    router.send(&reset_query(9).repeat(MAX_VERSION_TRIES as usize + 5)).await;
    let reports = router.rest().await;
    assert_eq!(pdus(&reports).len(), MAX_VERSION_TRIES as usize);
}

#[tokio::test]
async fn i08_i09_error_reports_are_never_answered() {
    let server = Server::serving(Limits::default());
    let reports: [&[u8]; 5] = [
        &[1, 10, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0],
        &[9, 10, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0],
        &[1, 10, 0, 3, 0, 0, 0, 16, 255, 255, 255, 255, 255, 255, 255, 255],
        &[1, 10, 0, 0, 255, 255, 255, 255],
        &[1, 10, 0, 0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0, 0, 1, 0xFF],
    ];
    for report in reports {
        let mut router = server.connect().await;
        router.send(report).await;
        assert!(router.rest().await.is_empty(), "{report:?}");
    }
    // One that ends nothing.
    let mut router = server.connect().await;
    router.send(&[1, 10, 0, 2, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0]).await;
    assert!(router.is_served().await);
    assert_eq!(server.cache.status().counts.error_reports, 5);
}

#[tokio::test]
async fn i10_a_wrong_session_is_reset_at_first_and_corrupt_once_there_is_one() {
    let server = Server::serving(Limits::default());
    let mut router = server.connect().await;
    let session = server.cache.status().serving.unwrap().sessions[1];
    router.send(&serial_query(1, session.wrapping_add(9), 1)).await;
    assert_eq!(router.pdu().await, [1, 8, 0, 0, 0, 0, 0, 8]);
    assert!(router.is_served().await);
    router.send(&serial_query(1, session.wrapping_add(9), 1)).await;
    assert_eq!(error(&router.rest().await), (10, 1, 0));
    // A router that resumes after a reconnect.
    let mut router = server.connect().await;
    let answer = router.ask(&serial_query(1, session, 1)).await;
    assert_eq!(pdus(&answer).len(), 2);
}

#[tokio::test]
async fn i11_i12_a_serial_that_is_ahead_or_forgotten_is_reset() {
    let mut server = Server::serving(Limits::default());
    server.update(world_with([7]));
    let session = server.cache.status().serving.unwrap().sessions[1];
    let mut router = server.connect().await;
    for serial in [0, 3, u32::MAX, 1 << 31] {
        router.send(&serial_query(1, session, serial)).await;
        assert_eq!(router.pdu().await[1], 8, "serial {serial}");
    }
    assert_eq!(server.cache.status().counts.resets, 4);
}

#[tokio::test]
async fn i13_many_queries_at_once_are_answered_one_by_one_and_slowly() {
    let query_interval = Duration::from_secs(3600);
    let server = Server::serving(Limits { query_interval, ..Limits::default() });
    let mut router = server.connect().await;
    router.send(&reset_query(1).repeat(1_000)).await;
    let burst = limits::QUERY_BURST as usize;
    for _ in 0..burst {
        router.answer().await;
    }
    let more = timeout(Duration::from_millis(300), router.pdu()).await;
    assert!(more.is_err(), "the burst is over");
    assert_eq!(server.cache.status().counts.tables, u64::from(limits::QUERY_BURST));
    // It still hears that the server ends.
    server.stop(Stop::Restart).await;
    assert!(router.rest().await.is_empty());
}

#[tokio::test]
async fn i14_before_the_first_world_there_are_no_data_and_the_session_stays() {
    let mut server = Server::start(Limits::default());
    let mut router = server.connect().await;
    for query in [reset_query(1), serial_query(1, 5, 5)] {
        router.send(&query).await;
        assert_eq!(error(&router.pdu().await), (10, 1, 2));
    }
    server.update(world());
    assert_eq!(router.pdu().await[1], 0, "a Notify says that there are some");
    assert_eq!(texts(&router.ask(&reset_query(1)).await), TABLE_V1);
}

#[tokio::test]
async fn i15_a_restart_keeps_session_and_serial_only_when_they_are_exact() {
    let mut server = Server::serving(Limits::default());
    server.update(world_with([7]));
    let before = server.cache.status().serving.unwrap();
    assert_eq!(before.serial, 2);
    let directory = server.stop(Stop::Restart).await;

    let mut server = Server::start_in(directory, Limits::default());
    assert!(server.cache.status().serving.is_none(), "no data before the first view");
    server.update(world_with([7]));
    assert_eq!(server.cache.status().serving, Some(before));
    let mut router = server.connect().await;
    let answer = router.ask(&serial_query(1, before.sessions[1], 1)).await;
    assert_eq!(texts(&answer), ["+192.0.2.0/24-24 AS7"], "also for those who missed a change");
    let directory = server.stop(Stop::Restart).await;

    // Other data: nothing is known about the way there.
    let mut server = Server::start_in(directory, Limits::default());
    server.update(world_with([8]));
    let other = server.cache.status().serving.unwrap();
    assert_ne!(other.sessions, before.sessions);
    assert_eq!((other.serial, other.deltas), (1, 0));
    let directory = server.stop(Stop::Restart).await;

    // A file that was damaged.
    std::fs::write(file(&directory), b"PRVSTRTR nonsense").unwrap();
    let mut server = Server::start_in(directory, Limits::default());
    server.update(world_with([8]));
    assert_ne!(server.cache.status().serving.unwrap().sessions, other.sessions);
}

#[tokio::test]
async fn i15_what_cannot_be_saved_is_not_resumed() {
    let mut server = Server::serving(Limits::default());
    let before = server.cache.status().serving.unwrap();
    // Neither written nor removed: a directory lies in the way.
    let path = file(&server.directory);
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    server.update(world_with([7]));
    let after = server.cache.status().serving.unwrap();
    assert_ne!(after.sessions, before.sessions, "the disk may still name the old session");
    server.update(world_with([8]));
    let last = server.cache.status().serving.unwrap();
    assert_eq!((last.sessions, last.serial), (after.sessions, 2), "but only one new session");
}

#[tokio::test]
async fn i22_a_notify_is_sent_at_most_once_in_the_interval() {
    let mut server = Server::serving(Limits::default());
    let mut router = server.connect().await;
    assert!(router.is_served().await);
    for asn in 0..50 {
        server.update(world_with(0..asn));
    }
    assert_eq!(router.pdu().await[1], 0);
    let more = timeout(Duration::from_millis(500), router.pdu()).await;
    assert!(more.is_err(), "the next one waits for a minute");
    assert_eq!(server.cache.status().counts.notifies, 1);

    // With a short interval the next one comes, and names the last serial.
    let notify_interval = Duration::from_millis(200);
    let mut server = Server::serving(Limits { notify_interval, ..Limits::default() });
    let mut router = server.connect().await;
    assert!(router.is_served().await);
    server.update(world_with(0..1));
    assert_eq!(router.pdu().await[8..12], [0, 0, 0, 2]);
    server.update(world_with(0..2));
    server.update(world_with(0..3));
    assert_eq!(router.pdu().await[8..12], [0, 0, 0, 4]);
}

#[tokio::test]
async fn i22_no_notify_comes_before_the_version_is_agreed() {
    let mut server = Server::serving(Limits::default());
    let mut router = server.connect().await;
    while server.cache.status().open == 0 {
        tokio::task::yield_now().await;
    }
    server.update(world_with([7]));
    server.update(world_with([8]));
    let silence = timeout(Duration::from_millis(300), router.pdu()).await;
    assert!(silence.is_err());
    assert_eq!(pdus(&router.ask(&reset_query(1)).await)[0][1], 3);
}

#[tokio::test]
async fn i23_a_listener_that_blocks_is_set_not_to() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(false).unwrap();
    let (cache, limits) = (Cache::default(), Limits::default());
    serve(listener, Transport::Tcp, cache, limits, async { Stop::Restart }).await.unwrap();
}

#[tokio::test]
async fn i24_data_that_nobody_confirms_are_withdrawn_and_come_back() {
    let mut server = Server::serving(Limits::default());
    let before = server.cache.status().serving.unwrap();
    let mut router = server.connect().await;
    assert!(router.is_served().await);
    let view = view(world());
    let confirmed = view.confirmed().unwrap();
    let last = confirmed.plus(options().max_age);
    assert!(!server.updater.is_due(&view, last));
    let late = Timestamp(last.0 + 1);
    assert!(server.updater.is_due(&view, late));
    server.updater.update(&view, late);
    assert!(!server.updater.is_due(&view, late));
    assert!(router.rest().await.is_empty(), "sessions end, so that routers turn elsewhere");
    let mut router = server.connect().await;
    router.send(&reset_query(1)).await;
    assert_eq!(error(&router.pdu().await), (10, 1, 2));
    // The worker is back, and nothing has changed.
    server.updater.update(&view, last);
    assert_eq!(server.cache.status().serving, Some(before));
    assert_eq!(router.pdu().await[1], 0);
    assert!(router.is_served().await);
}

#[tokio::test]
async fn i25_a_mass_loss_is_in_the_status_and_may_be_held() {
    for (loss, vrps) in [(LossPolicy::Alarm, 5), (LossPolicy::Hold, 505)] {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::default();
        let mut updater =
            Updater::open(cache.clone(), file(&directory), Options { loss, ..options() });
        updater.update(&view(world_with(1_000..1_500)), NOW);
        assert!(cache.status().losses.is_empty());
        updater.update(&view(world()), NOW);
        let status = cache.status();
        assert_eq!(status.serving.unwrap().vrps, vrps);
        assert_eq!((status.losses.len(), status.losses[0].held), (1, vrps - 5));
    }
}

#[tokio::test]
async fn what_an_operator_takes_out_is_no_loss_and_is_not_held() {
    let local = crate::world::fixture::without("192.0.2.0/24");
    for loss in [LossPolicy::Alarm, LossPolicy::Hold] {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::default();
        let mut updater =
            Updater::open(cache.clone(), file(&directory), Options { loss, ..options() });
        updater.update(&view(world_with(1_000..1_500)), NOW);
        updater.update(&view(world_with(1_000..1_500)).except(&local), NOW);
        let status = cache.status();
        assert_eq!((status.serving.unwrap().vrps, status.losses.len()), (3, 0));
        // What is lost beneath the filter does not come back by being held.
        updater.update(&view(world()).except(&local), NOW);
        let status = cache.status();
        assert_eq!((status.serving.unwrap().vrps, status.losses.len()), (3, 1));
    }
}

#[tokio::test]
async fn version_2_is_told_why_the_server_ends() {
    for (stop, code) in [(Stop::Restart, 12), (Stop::Shutdown, 13)] {
        let server = Server::serving(Limits::default());
        let mut routers = Vec::new();
        for version in 0..3 {
            let mut router = server.connect().await;
            router.ask(&reset_query(version)).await;
            routers.push(router);
        }
        let silent = server.connect().await;
        server.stop(stop).await;
        assert!(routers[0].rest().await.is_empty());
        assert!(routers[1].rest().await.is_empty());
        assert_eq!(error(&routers[2].rest().await), (10, 2, code));
        drop(silent);
    }
}
