//! What servers do before a body begins, and to names: TLS, heads of responses, forms of hashes.

use std::time::Duration;

use tokio::net::TcpListener;

use super::server::{Reply, Server};
use super::site::{Site, publish};
use super::*;
use crate::fetch::limits::LAST_BACKOFF;
use crate::model::ObjectHash;

fn bench(server: &Server) -> Bench {
    Bench::new(|config| config.root_certificates = vec![server.root.clone()])
}

async fn fetch(bench: &Bench, server: &Server) -> FetchReport {
    bench.fetcher.fetch_repository(&bench.store, &Site::id(server)).await
}

#[tokio::test]
async fn a13_a_wish_to_wait_for_a_day_is_not_granted() {
    let server = Server::start().await;
    let bench = bench(&server);
    let busy = Reply::ok("").status(429).header("Retry-After", "86400");
    server.put("/notification.xml", busy);
    let before = crate::clock::now();
    let report = fetch(&bench, &server).await;
    assert_eq!(report.error.unwrap().kind, FetchErrorKind::Status(429));
    let next = report.status.next_attempt.unwrap();
    assert!(next.since(before) <= LAST_BACKOFF, "{next}");
}

#[tokio::test]
async fn a18_a29_heads_that_make_no_sense_fail_the_attempt_only() {
    let server = Server::start().await;
    let bench = bench(&server);
    let lost = Reply::ok("").status(302).header("Location", "https://[::");
    let mut many = Reply::ok("x");
    many.headers = (0..1_000).map(|_| ("X-More", "y".repeat(100))).collect();
    let long = Reply::ok("x").header("X-Long", "y".repeat(2_000_000));
    for reply in [lost, many, long] {
        server.put("/notification.xml", reply);
        assert!(fetch(&bench, &server).await.error.is_some());
    }
    Site::new(&[("a", "1")]).put(&server);
    assert!(fetch(&bench, &server).await.error.is_none(), "and the next one succeeds");
}

/// The server of these tests offers HTTP/2 first, and does not speak it.
#[tokio::test]
async fn a30_only_http_1_is_spoken() {
    let server = Server::start().await;
    let bench = bench(&server);
    Site::new(&[("a", "1")]).put(&server);
    assert!(fetch(&bench, &server).await.error.is_none());
}

#[tokio::test]
async fn a32_a_handshake_that_stalls_meets_the_deadline() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bench = Bench::new(|config| config.deadline = Duration::from_millis(300));
    let id = format!("https://{}/n.xml", listener.local_addr().unwrap()).parse().unwrap();
    let report = bench.fetcher.fetch_repository(&bench.store, &id).await;
    assert_eq!(report.error.unwrap().kind, FetchErrorKind::Timeout);
    assert!(report.elapsed < Duration::from_secs(30));
}

#[tokio::test]
async fn a22_a_delta_of_another_origin_is_refused() {
    let server = Server::start().await;
    let bench = bench(&server);
    let mut site = Site::new(&[("a", "1")]);
    site.put(&server);
    fetch(&bench, &server).await;
    site.step(&server, &[("a", Some("2"))]);
    let text = site.notification(&server, ObjectHash::of(site.snapshot().as_bytes()));
    let foreign = text.replace(&server.uri("/delta-2.xml"), "https://127.0.0.1:1/d.xml");
    assert_ne!(foreign, text);
    site.put_notification(&server, &foreign);
    let report = fetch(&bench, &server).await;
    assert_eq!(report.error.unwrap().kind, FetchErrorKind::Refused);
    assert_eq!(bench.contents(&Site::id(&server), "rsync://h/m/", &["a"]), ["a=1"]);
}

#[tokio::test]
async fn b06_hashes_have_64_hexadecimal_digits_of_either_case() {
    let server = Server::start().await;
    let bench = bench(&server);
    let site = Site::new(&[("a", "1")]);
    site.put(&server);
    let hash = ObjectHash::of(site.snapshot().as_bytes()).to_string();
    let text = site.notification(&server, ObjectHash::of(site.snapshot().as_bytes()));
    for bad in ["", "00", &hash[1..], &format!("{hash}00"), &hash.replace(&hash[..1], "g")] {
        site.put_notification(&server, &text.replace(&hash, bad));
        let kind = fetch(&bench, &server).await.error.unwrap().kind;
        assert_eq!(kind, FetchErrorKind::Format, "{bad}");
    }
    site.put_notification(&server, &text.replace(&hash, &hash.to_uppercase()));
    assert!(fetch(&bench, &server).await.error.is_none());
}

#[tokio::test]
async fn b37_comments_and_instructions_change_nothing() {
    let server = Server::start().await;
    let bench = bench(&server);
    let site = Site::new(&[("a", "1")]);
    let one = publish("a", b"1", None);
    let noisy = site.snapshot().replace(&one, &format!("<!-- <publish> -->{one}<!-- x -->"));
    site.put_with(&server, &noisy);
    assert!(fetch(&bench, &server).await.error.is_none());
    assert_eq!(bench.contents(&Site::id(&server), "rsync://h/m/", &["a"]), ["a=1"]);
}

#[tokio::test]
async fn d07_names_that_differ_in_case_are_two_objects() {
    let server = Server::start().await;
    let bench = bench(&server);
    Site::new(&[("A", "1"), ("a", "2")]).put(&server);
    fetch(&bench, &server).await;
    let names = ["A", "a"];
    assert_eq!(bench.contents(&Site::id(&server), "rsync://h/m/", &names), ["A=1", "a=2"]);
}
