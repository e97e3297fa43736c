//! RRDP end to end, and the hostile cases of THREATS A and B.

use std::io::Write;
use std::time::Duration;

use super::server::{Reply, Server};
use super::site::{SESSION, Site, document, publish, uri, withdraw};
use super::*;
use crate::fetch::limits::OBJECT_BYTES;
use crate::model::ObjectHash;
use crate::store::StoreErrorKind;
use crate::world::RepositoryState;

const BASE: &str = "rsync://h/m/";

fn bench(server: &Server) -> Bench {
    Bench::new(|config| config.root_certificates = vec![server.root.clone()])
}

async fn fetch(bench: &Bench, server: &Server) -> FetchReport {
    bench.fetcher.fetch_repository(&bench.store, &Site::id(server)).await
}

fn contents(bench: &Bench, server: &Server) -> Vec<String> {
    bench.contents(&Site::id(server), BASE, &["a", "b", "c", "d"])
}

#[tokio::test]
async fn snapshot_then_deltas_then_nothing() {
    let server = Server::start().await;
    let bench = bench(&server);
    let mut site = Site::new(&[("a", "1"), ("b", "2")]);
    site.put(&server);

    let report = fetch(&bench, &server).await;
    assert!(report.error.is_none(), "{:?}", report.error);
    assert_eq!(report.done, Some(Done::Snapshot(SnapshotReason::First)));
    assert!(report.changed);
    assert_eq!((report.status.serial, report.status.objects), (Some(1), 2));
    assert_eq!(report.status.session.as_deref(), Some(SESSION));
    assert_eq!(contents(&bench, &server), ["a=1", "b=2"]);
    assert_eq!(server.requests(), ["/notification.xml", "/snapshot.xml"]);

    let report = fetch(&bench, &server).await;
    assert_eq!((report.done, report.changed), (Some(Done::Unchanged), false));
    let requests = server.requests();
    assert!(requests[0].starts_with("/notification.xml \""), "conditional: {requests:?}");

    site.step(&server, &[("a", Some("3")), ("c", Some("4"))]);
    site.step(&server, &[("b", None), ("c", Some("5"))]);
    site.put(&server);
    let report = fetch(&bench, &server).await;
    assert_eq!((report.done, report.changed), (Some(Done::Deltas(2)), true), "{report:?}");
    assert_eq!((report.status.serial, report.status.objects), (Some(3), 2));
    assert_eq!(contents(&bench, &server), ["a=3", "c=5"]);

    // The server answers anew, but with what we have.
    let reply = server.get("/notification.xml");
    server.put("/notification.xml", Reply::ok(reply.body));
    assert_eq!(fetch(&bench, &server).await.done, Some(Done::Unchanged));
}

/// What is wrong with the server's answer, and how it must fail.
async fn fails(id: &str, want: FetchErrorKind, spoil: impl FnOnce(&Server, &Site)) {
    let server = Server::start().await;
    let bench = bench(&server);
    let site = Site::new(&[("a", "1")]);
    site.put(&server);
    spoil(&server, &site);
    let report = fetch(&bench, &server).await;
    let error = report.error.unwrap_or_else(|| panic!("{id}: did not fail"));
    assert_eq!(error.kind, want, "{id}: {error}");
    assert_eq!(report.status.state, RepositoryState::Unavailable, "{id}");
    assert_eq!(report.status.error.as_deref(), Some(error.to_string().as_str()), "{id}");
    assert_eq!(contents(&bench, &server), Vec::<String>::new(), "{id}");
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn a01_a04_a06_a09_a26_hostile_bodies_fail_the_attempt_only() {
    fails("A01", FetchErrorKind::Format, |server, site| {
        let bomb = "<!DOCTYPE a [<!ENTITY b \"bb\"><!ENTITY c \"&b;&b;\">]>";
        let text = site.notification(server, ObjectHash::of(b""));
        site.put_notification(server, &format!("{bomb}{text}"));
    })
    .await;
    fails("A02", FetchErrorKind::Format, |server, site| {
        site.put_with(server, &format!("<!DOCTYPE a>{}", site.snapshot()));
    })
    .await;
    fails("A04", FetchErrorKind::TooLarge, |server, _| {
        let body = gzip(&vec![b' '; 11_000_000]);
        server.put("/notification.xml", Reply::ok(body).header("Content-Encoding", "gzip"));
    })
    .await;
    fails("A06", FetchErrorKind::Format, |server, _| {
        let body = server.get("/notification.xml").body;
        server.put("/notification.xml", Reply::ok(body).header("Content-Encoding", "br"));
    })
    .await;
    fails("A09", FetchErrorKind::Format, |server, _| {
        let mut reply = server.get("/snapshot.xml");
        reply.short_by = 10;
        server.put("/snapshot.xml", reply);
    })
    .await;
    fails("A26", FetchErrorKind::Status(304), |server, _| {
        server.put("/notification.xml", Reply::ok("").status(304));
    })
    .await;
}

#[tokio::test]
async fn a14_to_a25_redirects_origins_and_statuses() {
    let redirect = |to: String| Reply::ok("").status(302).header("Location", to);
    fails("A15", FetchErrorKind::Refused, |server, _| {
        server.put("/notification.xml", redirect(server.uri("/notification.xml")));
    })
    .await;
    fails("A14", FetchErrorKind::Refused, |server, _| {
        server.put("/notification.xml", redirect(server.uri("/0")));
        for hop in 0..20 {
            server.put(&format!("/{hop}"), redirect(server.uri(&format!("/{}", hop + 1))));
        }
    })
    .await;
    for elsewhere in ["https://127.0.0.1:1/n.xml", "https://localhost/n.xml", "http://127.0.0.1/"] {
        fails("A16, A17", FetchErrorKind::Refused, |server, _| {
            server.put("/notification.xml", redirect(elsewhere.to_owned()));
        })
        .await;
    }
    fails("A18", FetchErrorKind::Status(302), |server, _| {
        server.put("/notification.xml", Reply::ok("").status(302));
    })
    .await;
    fails("A21", FetchErrorKind::Refused, |server, site| {
        let text = site.notification(server, ObjectHash::of(site.snapshot().as_bytes()));
        let foreign = text.replace(&server.uri("/snapshot.xml"), "https://127.0.0.1:1/s.xml");
        site.put_notification(server, &foreign);
    })
    .await;
    for status in [203, 206, 404, 500] {
        fails("A25", FetchErrorKind::Status(status), |server, _| {
            server.put("/snapshot.xml", server.get("/snapshot.xml").status(status));
        })
        .await;
    }
}

#[tokio::test]
async fn a14_an_honest_redirect_is_followed() {
    let server = Server::start().await;
    let bench = bench(&server);
    Site::new(&[("a", "1")]).put(&server);
    server.put("/moved.xml", server.get("/notification.xml"));
    let moved = Reply::ok("").status(301).header("Location", "/moved.xml");
    server.put("/notification.xml", moved);
    assert!(fetch(&bench, &server).await.error.is_none());
    assert_eq!(contents(&bench, &server), ["a=1"]);
}

#[tokio::test]
async fn b01_to_b38_snapshots_that_are_not_what_was_announced() {
    use FetchErrorKind::{Format, Hash, Session};
    let serial = "1";
    let whole = |content: &str| document("snapshot", SESSION, serial, content);
    let one = publish("a", b"1", None);
    let other_session = "11111111-af9e-4dca-bdda-719cce2c4e28";
    let with_base64 =
        |text: &str| whole(&format!("<publish uri=\"{}\">{text}</publish>", uri("a")));
    for (id, want, text) in [
        ("B01", Format, with_base64("A!==")),
        ("B03", Format, with_base64("QUI")),
        ("B07", Session, document("snapshot", other_session, serial, &one)),
        ("B09", Session, document("snapshot", SESSION, "2", &one)),
        ("B10", Format, document("snapshot", "no-uuid", serial, &one)),
        ("B11", Format, document("snapshot", SESSION, "1000000000000000000000", &one)),
        ("B27", Format, whole(&format!("{one}{one}"))),
        ("B33", Format, whole(&one).replace("rpki/rrdp", "rpki/other")),
        ("B33", Format, whole(&one).replace("version=\"1\"", "version=\"2\"")),
        ("B33", Format, whole(&one.replace("<publish", "<publish x=\"y\""))),
        ("B35", Format, whole(&"<publish>".repeat(10_000))),
        ("B38", Format, whole(&one).replace("</snapshot>", "")),
        ("B38", Format, format!("{}<more/>", whole(&one))),
    ] {
        fails(id, want, |server, site| site.put_with(server, &text)).await;
    }
    fails("B04", Hash, |server, site| {
        server.put("/snapshot.xml", Reply::ok(site.snapshot() + " "));
    })
    .await;
    for serial in ["0", "-1", "9223372036854775808", "18446744073709551616"] {
        fails("B11", Format, |server, site| {
            let text = site.notification(server, ObjectHash::of(b""));
            let text = text.replace("serial=\"1\"", &format!("serial=\"{serial}\""));
            site.put_notification(server, &text);
        })
        .await;
    }
}

#[tokio::test]
async fn b32_one_oversize_object_costs_itself_only() {
    let server = Server::start().await;
    let bench = bench(&server);
    let mut site = Site::new(&[("a", "1"), ("c", "3")]);
    site.objects.insert("b".into(), vec![7; usize::try_from(OBJECT_BYTES).unwrap() + 1]);
    // B30: and so does a name that is no URI for us.
    let strange = "<publish uri=\"rsync://h/-m/x\">QUI=</publish></snapshot>";
    site.put_with(&server, &site.snapshot().replace("</snapshot>", strange));
    let report = fetch(&bench, &server).await;
    assert!(report.error.is_none(), "{:?}", report.error);
    assert_eq!(contents(&bench, &server), ["a=1", "c=3"]);
    let want = [(uri("b"), DropReason::TooLarge), ("rsync://h/-m/x".into(), DropReason::Uri)];
    assert_eq!(report.drops, Drops { listed: want.to_vec(), count: 2 });
}

#[tokio::test]
async fn b02_to_b26_a_bad_delta_leads_to_the_snapshot() {
    let other_session = "11111111-af9e-4dca-bdda-719cce2c4e28";
    let good = publish("c", b"3", None);
    let delta = |content: &str| document("delta", SESSION, "2", content);
    for (id, text) in [
        ("B02", delta(&good.replace("Mw==", "M!=="))),
        ("B08", document("delta", other_session, "2", &good)),
        ("B09", document("delta", SESSION, "3", &good)),
        ("B22", delta("")),
        ("B23", delta(&publish("a", b"9", None))),
        ("B24", delta(&publish("c", b"3", Some(b"2")))),
        ("B24", delta(&publish("a", b"9", Some(b"other")))),
        ("B25", delta(&withdraw("d", b"4"))),
        ("B26", delta(&withdraw("a", b"other"))),
        ("B28", delta(&format!("{good}{}{}", withdraw("c", b"3"), withdraw("c", b"3")))),
        ("B38", delta(&good).replace("</delta>", "")),
        ("A02", format!("<!DOCTYPE a>{}", delta(&good))),
    ] {
        let server = Server::start().await;
        let bench = bench(&server);
        let mut site = Site::new(&[("a", "1"), ("b", "2")]);
        site.put(&server);
        assert!(fetch(&bench, &server).await.error.is_none());
        site.serial = 2;
        site.objects = Site::new(&[("a", "1"), ("b", "9")]).objects;
        site.put_delta_text(&server, &text);
        site.put(&server);
        let report = fetch(&bench, &server).await;
        let want = Some(Done::Snapshot(SnapshotReason::DeltaFailed));
        assert_eq!(report.done, want, "{id}: {:?}", report.error);
        assert_eq!(contents(&bench, &server), ["a=1", "b=9"], "{id}");
        assert_eq!(report.status.serial, Some(2), "{id}");
    }
}

#[tokio::test]
async fn b05_b28_deltas_are_hashed_and_applied_in_order() {
    let server = Server::start().await;
    let bench = bench(&server);
    let mut site = Site::new(&[("a", "1")]);
    site.put(&server);
    assert!(fetch(&bench, &server).await.error.is_none());

    site.serial = 2;
    let content = [
        publish("b", b"2", None),
        withdraw("b", b"2"),
        withdraw("a", b"1"),
        publish("a", b"5", None),
        publish("a", b"6", Some(b"5")),
    ];
    site.put_delta(&server, &content.concat());
    site.objects = Site::new(&[("a", "6")]).objects;
    site.put(&server);
    assert_eq!(fetch(&bench, &server).await.done, Some(Done::Deltas(1)));
    assert_eq!(contents(&bench, &server), ["a=6"]);

    site.step(&server, &[("a", Some("7"))]);
    site.put(&server);
    let mut changed = server.get("/delta-3.xml");
    changed.body.push(b' ');
    server.put("/delta-3.xml", changed);
    let want = Some(Done::Snapshot(SnapshotReason::DeltaFailed));
    assert_eq!(fetch(&bench, &server).await.done, want);
    assert_eq!(contents(&bench, &server), ["a=7"]);
}

#[tokio::test]
async fn b12_b13_b14_a_server_that_contradicts_itself_is_read_from_the_snapshot() {
    let server = Server::start().await;
    let bench = bench(&server);
    let mut site = Site::new(&[("a", "1")]);
    site.step(&server, &[("a", Some("2"))]);
    site.put(&server);
    assert!(fetch(&bench, &server).await.error.is_none());

    // B13: other content under the same serial.
    site.objects = Site::new(&[("a", "3")]).objects;
    site.put(&server);
    let want = Some(Done::Snapshot(SnapshotReason::SnapshotChanged));
    assert_eq!(fetch(&bench, &server).await.done, want);
    // B14: the delta that we saw is another one now.
    site.put_delta(&server, &publish("a", b"4", Some(b"1")));
    site.step(&server, &[("a", Some("5"))]);
    site.put(&server);
    let want = Some(Done::Snapshot(SnapshotReason::DeltaChanged));
    assert_eq!(fetch(&bench, &server).await.done, want);
    // B12: back to an earlier serial.
    site.serial = 1;
    site.deltas.clear();
    site.put(&server);
    let want = Some(Done::Snapshot(SnapshotReason::SerialWentBack));
    assert_eq!(fetch(&bench, &server).await.done, want);
    // A new session.
    site.session = "11111111-af9e-4dca-bdda-719cce2c4e28".into();
    site.put(&server);
    let want = Some(Done::Snapshot(SnapshotReason::NewSession));
    assert_eq!(fetch(&bench, &server).await.done, want);
    assert_eq!(contents(&bench, &server), ["a=5"]);
}

#[tokio::test]
async fn a27_validators_are_kept_only_with_the_state_that_they_belong_to() {
    let server = Server::start().await;
    let bench = bench(&server);
    let mut site = Site::new(&[("a", "1")]);
    site.put(&server);
    fetch(&bench, &server).await;
    let old = server.get("/notification.xml").headers[0].1.clone();

    site.serial = 9;
    site.objects = Site::new(&[("a", "2")]).objects;
    site.put(&server);
    let snapshot = server.get("/snapshot.xml");
    server.put("/snapshot.xml", Reply::ok("").status(500));
    server.requests();
    let report = fetch(&bench, &server).await;
    assert_eq!(report.error.unwrap().kind, FetchErrorKind::Status(500));
    assert_eq!(report.status.state, RepositoryState::Failing);
    assert_eq!((report.status.serial, report.changed), (Some(1), true));
    assert_eq!(contents(&bench, &server), ["a=1"]);

    server.put("/snapshot.xml", snapshot);
    server.requests();
    let report = fetch(&bench, &server).await;
    assert_eq!(server.requests()[0], format!("/notification.xml {old}"));
    assert_eq!(report.done, Some(Done::Snapshot(SnapshotReason::TooFarBehind)));
    assert_eq!(contents(&bench, &server), ["a=2"]);
}

#[tokio::test]
async fn a28_validators_that_are_too_long_are_left_out() {
    let server = Server::start().await;
    let bench = bench(&server);
    Site::new(&[("a", "1")]).put(&server);
    let body = server.get("/notification.xml").body;
    let long = format!("\"{}\"", "e".repeat(2000));
    server.put("/notification.xml", Reply::ok(body).header("ETag", long));
    fetch(&bench, &server).await;
    server.requests();
    assert_eq!(fetch(&bench, &server).await.done, Some(Done::Unchanged));
    assert_eq!(server.requests(), ["/notification.xml"]);
}

#[tokio::test]
async fn a10_a12_a_body_that_never_ends_meets_the_total_deadline() {
    let server = Server::start().await;
    let bench = Bench::new(|config| {
        config.root_certificates = vec![server.root.clone()];
        config.deadline = Duration::from_millis(300);
    });
    Site::new(&[("a", "1")]).put(&server);
    let mut reply = server.get("/snapshot.xml");
    reply.stalls = true;
    server.put("/snapshot.xml", reply);
    let report = fetch(&bench, &server).await;
    assert_eq!(report.error.unwrap().kind, FetchErrorKind::Timeout);
    assert!(report.elapsed < Duration::from_secs(30));
    assert_eq!(contents(&bench, &server), Vec::<String>::new());
}

#[tokio::test]
async fn a19_a_local_server_is_not_even_contacted() {
    let server = Server::start().await;
    let bench = Bench::new(|config| {
        config.root_certificates = vec![server.root.clone()];
        config.local_addresses = LocalAddresses::Refuse;
    });
    Site::new(&[("a", "1")]).put(&server);
    let report = fetch(&bench, &server).await;
    assert_eq!(report.error.unwrap().kind, FetchErrorKind::Refused);
    let by_name: RepositoryId =
        format!("https://localhost:{}/n.xml", server.address.port()).parse().unwrap();
    let report = bench.fetcher.fetch_repository(&bench.store, &by_name).await;
    assert_eq!(report.error.unwrap().kind, FetchErrorKind::Refused);
    assert_eq!(server.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn a31_a_certificate_of_nobody_is_refused() {
    let server = Server::start().await;
    let bench = Bench::new(|_| {});
    Site::new(&[("a", "1")]).put(&server);
    let report = fetch(&bench, &server).await;
    assert_eq!(report.error.unwrap().kind, FetchErrorKind::Unreachable);
    assert_eq!(server.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn b20_a_list_of_deltas_beyond_the_limit_is_passed_over() {
    let server = Server::start().await;
    let bench = bench(&server);
    let mut site = Site::new(&[("a", "1")]);
    site.serial = 1000;
    site.put(&server);
    fetch(&bench, &server).await;
    site.serial = 1001;
    let hash = ObjectHash::of(b"");
    site.deltas = (1..=1001).map(|serial| (serial, format!("/{serial}"), hash)).collect();
    site.put(&server);
    let want = Some(Done::Snapshot(SnapshotReason::DeltaListTooLong));
    assert_eq!(fetch(&bench, &server).await.done, want);
}

/// L20: what all attempts together may have on disk is bounded; the error names who found no room.
#[tokio::test]
async fn l20_an_attempt_that_finds_no_room_fails_alone_and_frees_what_it_held() {
    let server = Server::start().await;
    let bench = Bench::new(|config| {
        config.root_certificates = vec![server.root.clone()];
        config.disk.transfers = 100_000;
    });
    let large = "x".repeat(90_000);
    Site::new(&[("a", &large)]).put(&server);
    let report = fetch(&bench, &server).await;
    let error = report.error.unwrap();
    assert_eq!(error.kind, FetchErrorKind::Store(StoreErrorKind::Full), "{error}");
    assert!(error.to_string().contains("no room for transfers"), "{error}");
    assert!(error.to_string().contains(&server.uri("/snapshot.xml")), "{error}");

    // What it held is free again for the next one.
    Site::new(&[("a", "1")]).put(&server);
    let report = fetch(&bench, &server).await;
    assert!(report.error.is_none(), "{:?}", report.error);
    let most = bench.fetcher.headroom();
    let most = most.iter().find(|seen| seen.limit == "transfer-bytes-in-all").unwrap();
    assert!(most.most > 10_000 && most.most <= 100_000, "{most:?}");
}

#[tokio::test]
async fn l20_a_cache_without_room_keeps_what_it_has_and_says_so() {
    let server = Server::start().await;
    let bench = Bench::new(|config| {
        config.root_certificates = vec![server.root.clone()];
        config.disk.cache = 600_000;
    });
    Site::new(&[("a", "1")]).put(&server);
    assert!(fetch(&bench, &server).await.error.is_none());
    let large = "x".repeat(600_000);
    let mut site = Site::new(&[("a", "1")]);
    site.step(&server, &[("b", Some(&large))]);
    site.put(&server);
    let report = fetch(&bench, &server).await;
    let error = report.error.unwrap();
    assert_eq!(error.kind, FetchErrorKind::Store(StoreErrorKind::Full), "{error}");
    assert!(error.to_string().contains("this repository may fill it to 600000"), "{error}");
    assert_eq!(report.status.state, RepositoryState::Failing);
    assert_eq!(contents(&bench, &server), ["a=1"]);
}

/// Where the log of a test goes.
#[derive(Clone, Default)]
struct Log(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn d09_an_attempt_logs_few_and_short_lines_whatever_the_repository_sends() {
    let server = Server::start().await;
    let bench = bench(&server);
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(move || writer.clone())
        .finish();
    let logging = tracing::subscriber::set_default(subscriber);
    // Thousands of names that are no URIs of objects; then a session that makes no sense, and
    // deltas that fail.
    let names: Vec<String> = (0..3_000).map(|number| format!("%41{number}")).collect();
    let objects: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
    let mut site = Site::new(&objects);
    site.put(&server);
    let report = fetch(&bench, &server).await;
    assert_eq!((report.error.map(|e| e.to_string()), report.drops.count), (None, 3_000));
    site.step(&server, &[("a", Some("2"))]);
    site.put(&server);
    server.put("/delta-2.xml", Reply::ok("\u{1b}[31m\n".repeat(10_000)));
    server.put("/snapshot.xml", Reply::ok("<\n".repeat(10_000)));
    assert!(fetch(&bench, &server).await.error.is_some());
    drop(logging);
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let ours: Vec<&str> = text.lines().filter(|line| line.contains("provost")).collect();
    assert!(!ours.is_empty() && ours.len() <= 6, "{ours:?}");
    assert!(ours.iter().all(|line| line.len() < 1_500), "{ours:?}");
    assert!(!text.contains("\u{1b}[31m\n"), "what was sent is written as it came");
}
