//! The paths of our own.

use super::*;
use crate::validate::PointStatus;
use crate::world::fixture::{assembly, finding, hours, validation};
use crate::world::{Purpose, World};

#[tokio::test]
async fn an_answer_names_reason_proof_and_age() {
    let app = serving(world());
    let mut bodies = String::new();
    for path in [
        "/v1/validity?prefix=192.0.2.0/24&asn=AS64496",
        "/v1/validity/AS64499/198.51.100.0/25",
        "/v1/validity?asn=64496&prefix=192.0.2.128/25",
    ] {
        let answer = get(&app, path).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        assert_eq!(answer.header("access-control-allow-origin"), "", "only Routinator's have it");
        bodies.push_str(&format!("# {path}\n{}", answer.body));
    }
    insta::assert_snapshot!(bodies);
}

#[tokio::test]
async fn an_answer_that_rests_on_missing_data_names_them() {
    let mut validation = validation();
    let right = validation.points.iter_mut().find(|p| p.certificate_uri.contains("right")).unwrap();
    let right = Arc::make_mut(right);
    right.status = PointStatus::Failed;
    right.objects.clear();
    let app = serving(World::assemble(assembly(&validation)));
    let answer = get(&app, "/v1/validity?prefix=198.51.100.0/24&asn=64497").await.json();
    assert_eq!(answer["state"], "unknown");
    assert_eq!(answer["freshness"]["state"], "incomplete");
    assert_eq!(answer["freshness"]["name"], "rsync://right.example/repo/ca.mft");
    assert_eq!(answer["freshness"]["status"], "failed");
}

#[tokio::test]
async fn a_lab_is_named_in_every_answer() {
    let app = serving(World { purpose: Purpose::Lab, ..world() });
    for path in ["/v1/validity?prefix=::/0&asn=1", "/v1/status", "/v1/findings", "/ready"] {
        let answer = get(&app, path).await;
        assert_eq!(answer.json()["world"]["lab"], true, "{path}");
        assert_eq!(answer.json()["world"]["purpose"], "lab", "{path}");
        assert_eq!(answer.header("provost-purpose"), "lab");
    }
}

#[tokio::test]
async fn a_bad_question_is_a_problem_that_names_what_is_wrong() {
    let app = serving(world());
    let mut bodies = String::new();
    for path in [
        "/v1/validity",
        "/v1/validity?prefix=::/0",
        "/v1/validity?prefix=::/0&asn=AS",
        "/v1/validity?prefix=10.0.0.1/8&asn=1",
        "/v1/validity?prefix=0.0.0.0/33&asn=1",
        "/v1/validity?prefix=::/0&asn=1&asn=2",
        "/v1/validity?prefix=::/0&asn=1&when=now",
        "/v1/validity/%FF/::/0",
        "/v1/findings?limit=1001",
        "/v1/findings?cursor=-1",
        "/v1/findings?reason=unlucky",
        "/v1/status?verbose",
    ] {
        let answer = get(&app, path).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        bodies.push_str(&format!("# {path}\n{}", answer.body));
    }
    let answer = get(&app, "/v1/nothing").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    bodies.push_str(&answer.body);
    let answer = send(&app, Method::POST, "/v1/status", &[]).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    bodies.push_str(&answer.body);
    insta::assert_snapshot!(bodies);
}

#[tokio::test]
async fn before_the_first_world_our_paths_say_so() {
    let app = empty();
    for path in ["/v1/validity?prefix=::/0&asn=1", "/v1/status", "/v1/findings", "/ready"] {
        let answer = get(&app, path).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert_eq!(answer.json()["type"], "urn:provost:problem:no-data");
    }
    assert_eq!(get(&app, "/health").await.status, StatusCode::OK);
    let metrics = get(&app, "/metrics").await;
    assert!(metrics.body.contains("\nprovost_ready 0\n"), "{}", metrics.body);
}

#[tokio::test]
async fn ready_says_how_old_the_data_are() {
    let app = serving(world());
    insta::assert_snapshot!(get(&app, "/ready").await.body);
    let old = World { time: NOW.minus(Duration::from_secs(7201)), ..world() };
    let answer = get(&serving(old.clone()), "/ready").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json()["world"]["age_seconds"], 7201);
    assert_eq!(answer.json()["world"]["older_than_max_age"], true);
    let archive = World { purpose: Purpose::Archive { at: NOW }, ..old };
    let answer = get(&serving(archive), "/ready").await;
    assert_eq!(answer.json()["world"]["older_than_max_age"], false);
}

#[tokio::test]
async fn status_shows_trust_anchors_and_repositories() {
    insta::assert_snapshot!(get(&serving(world()), "/v1/status").await.body);
}

#[tokio::test]
async fn findings_come_in_pages() {
    let mut validation = validation();
    validation.trust_anchors[1].findings.push(finding("of the trust anchor"));
    Arc::make_mut(&mut validation.points[3]).findings =
        (0..103).map(|n| finding(&format!("number {n}"))).collect();
    let app = serving(World::assemble(assembly(&validation)));

    let first = get(&app, "/v1/findings?limit=2").await;
    insta::assert_snapshot!(first.body);
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = get(&app, &format!("/v1/findings?limit=40{cursor}")).await.json();
        let details = page["findings"].as_array().unwrap().iter();
        seen.extend(details.map(|finding| finding["detail"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 101);
    assert_eq!(seen[100], "number 99");

    let beta = get(&app, "/v1/findings?trust-anchor=beta&reason=manifest.stale").await.json();
    assert_eq!((&beta["total"], &beta["left_out"]), (&1.into(), &3.into()));
    assert_eq!(beta["findings"][0]["manifest"], serde_json::Value::Null);
}

#[tokio::test]
async fn metrics_have_stable_names() {
    let app = serving(world());
    get(&app, "/json").await;
    get(&app, "/nothing").await;
    let plain = get(&app, "/metrics").await;
    assert_eq!(plain.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    insta::assert_snapshot!(plain.body.replace(env!("CARGO_PKG_VERSION"), "VERSION"));
    let accept = [("accept", "application/openmetrics-text; version=1.0.0")];
    let open = send(&app, Method::GET, "/metrics", &accept).await;
    assert!(open.header("content-type").starts_with("application/openmetrics-text"));
    assert!(open.body.ends_with("\n# EOF\n"));
}

#[tokio::test]
async fn j10_made_up_repositories_get_no_endless_series() {
    let mut world = world();
    let template = world.repositories[0].clone();
    for number in 0..5000 {
        let id = format!("https://host-{number}.example/n.xml").parse().unwrap();
        world.repositories.push(crate::world::RepositoryStatus { id, ..template.clone() });
    }
    let body = get(&serving(world), "/metrics").await.body;
    let series = body.lines().filter(|line| line.starts_with("provost_repository_up{"));
    assert_eq!(series.count(), crate::http::limits::MAX_REPOSITORY_SERIES);
    assert!(body.contains("\nprovost_repositories_without_series 4005\n"));
}

#[tokio::test]
async fn j10_labels_cannot_end_early() {
    let mut world = world();
    world.trust_anchors[0].name = "a\"} 1\nrouting_is_fine{x=\"\\".to_owned();
    let body = get(&serving(world), "/metrics?names=routinator").await.body;
    assert!(!body.lines().any(|line| line.starts_with("routing_is_fine")), "{body}");
    assert!(body.contains("routinator_valid_roas{tal=\"a\\\"} 1\\nrouting_is_fine"), "{body}");
}

#[tokio::test]
async fn every_answer_carries_the_headers_that_keep_browsers_safe() {
    let app = serving(world());
    for path in ["/json", "/v1/status", "/nothing", "/metrics"] {
        let answer = get(&app, path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        let policy = answer.header("content-security-policy");
        assert_eq!(policy, "default-src 'none'; frame-ancestors 'none'");
    }
}

#[tokio::test]
async fn what_expired_is_not_answered_any_more() {
    let app = App::new(Duration::from_secs(7200), || hours(25));
    let served = Served::new(Arc::new(world()), NOW);
    assert!(served.is_right_at(hours(24)), "the last second counts");
    assert!(!served.is_right_at(crate::model::Timestamp(hours(24).0 + 1)));
    assert!(!served.is_right_at(crate::model::Timestamp(NOW.0 - 1)), "L08: the clock jumped back");
    app.publish(Served::new(Arc::clone(served.world()), hours(25)));
    let answer = get(&app, "/v1/validity?prefix=192.0.2.0/24&asn=64496").await.json();
    assert_eq!(answer["state"], "unknown");
    assert_eq!(answer["freshness"]["state"], "stale", "{answer}");
}

#[tokio::test]
async fn a_defect_costs_one_answer_and_is_counted() {
    let app = App::new(Duration::from_secs(7200), || panic!("a defect"));
    app.publish(Served::new(Arc::new(world()), NOW));
    let answer = get(&app, "/ready").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer.json()["type"], "urn:provost:problem:internal");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    let metrics = get(&app, "/metrics").await;
    assert!(metrics.body.contains("\nprovost_http_panics_total 1\n"));
}

/// A service that answers from `world`, and routers by the same view.
fn serving_routers(max_age: Duration) -> App {
    let cache = crate::rtr::Cache::default();
    let directory = tempfile::tempdir().unwrap();
    let options = crate::rtr::Options { max_age, loss: crate::rtr::LossPolicy::Alarm };
    let app = serving(world()).with_rtr(cache.clone(), max_age);
    let file = directory.path().join("rtr");
    crate::rtr::Updater::open(cache, file, options).update(app.current().unwrap().view(), NOW);
    app
}

#[tokio::test]
async fn routers_are_in_the_status_and_in_the_metrics() {
    let app = serving_routers(Duration::from_secs(7200));
    let mut status = get(&app, "/v1/status").await.json();
    let sessions = status["rtr"]["serving"]["sessions"].take();
    assert_eq!(sessions.as_array().map(Vec::len), Some(3));
    let metrics = get(&app, "/metrics").await.body;
    let metrics: Vec<&str> = metrics.lines().filter(|line| line.contains("provost_rtr_")).collect();
    let status = serde_json::to_string_pretty(&status["rtr"]).unwrap();
    insta::assert_snapshot!(format!("{status}\n\n{}\n", metrics.join("\n")));
    assert_eq!(get(&app, "/ready").await.status, StatusCode::OK);
}

#[tokio::test]
async fn i24_the_service_is_not_ready_when_routers_get_nothing_any_more() {
    // The newest source of the fixture is a minute old.
    let app = serving_routers(Duration::from_secs(30));
    let answer = get(&app, "/ready").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.json()["type"], "urn:provost:problem:too-old");
    let status = get(&app, "/v1/status").await.json();
    assert_eq!(status["rtr"]["serving"], serde_json::Value::Null);
    assert!(get(&app, "/metrics").await.body.contains("provost_rtr_serving 0\n"));
}

#[tokio::test]
async fn j08_ranges_are_not_served_however_many_are_asked_for() {
    let app = serving(world());
    let many = format!("bytes={}", vec!["0-0"; 1_000].join(","));
    for path in ["/json", "/v1/vrps", "/metrics"] {
        for range in ["bytes=0-0", &many] {
            let answer = send(&app, Method::GET, path, &[("range", range)]).await;
            assert_eq!(answer.status, StatusCode::OK, "{path}");
            assert_eq!(answer.header("accept-ranges"), "", "{path}");
            assert!(answer.body.len() > 100, "the whole body of {path}");
        }
    }
}

#[tokio::test]
async fn j08_what_is_large_is_compressed_for_those_who_ask_and_nothing_in_it_is_secret() {
    use std::io::Read;
    let app = serving(world());
    for path in ["/json", "/csv", "/rpsl", "/v1/status", "/v1/vrps", "/metrics"] {
        let plain = get(&app, path).await;
        assert_eq!(plain.header("content-encoding"), "", "{path}");
        assert_eq!(plain.header("vary"), "accept-encoding", "{path}");
        let request = Request::builder().uri(path).header("accept-encoding", "br, gzip;q=0.5");
        let response =
            router(app.clone()).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let encoding = response.headers().get("content-encoding").cloned();
        let tag = response.headers().get("etag").cloned();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        if plain.body.len() < 1024 && path.starts_with("/v1") {
            assert_eq!(encoding, None);
            continue;
        }
        assert_eq!(encoding.unwrap(), "gzip", "{path}");
        let mut text = String::new();
        flate2::read::GzDecoder::new(&body[..]).read_to_string(&mut text).unwrap();
        if path != "/metrics" {
            assert_eq!(text, plain.body, "{path}");
        }
        if path == "/json" {
            let tag = tag.unwrap().to_str().unwrap().to_owned();
            assert_ne!(tag, plain.header("etag"), "other bytes have another tag");
            let headers = [("accept-encoding", "gzip"), ("if-none-match", tag.as_str())];
            let again = send(&app, Method::GET, path, &headers).await;
            assert_eq!(again.status, StatusCode::NOT_MODIFIED);
        }
    }
    for refused in ["gzip;q=0", "gzip; q=0.0", "br", ""] {
        let headers = [("accept-encoding", refused)];
        let answer = send(&app, Method::GET, "/json", &headers).await;
        assert_eq!(answer.header("content-encoding"), "", "{refused}");
    }
    // No part of an answer is sent: a range is not understood.
    let part = send(&app, Method::GET, "/json", &[("range", "bytes=0-1,0-2,0-3")]).await;
    assert_eq!(part.status, StatusCode::OK);
}

#[tokio::test]
async fn j12_a_stranger_is_refused_on_our_paths_and_no_method_changes_anything() {
    let app = serving(world());
    let rebound = send(&app, Method::GET, "/v1/status", &[("host", "attacker.example:8323")]).await;
    assert_eq!(rebound.status.as_u16(), 421);
    assert_eq!(rebound.json()["type"], "urn:provost:problem:foreign");
    let page = [("host", "localhost:8323"), ("origin", "https://attacker.example")];
    let asked = send(&app, Method::GET, "/v1/status", &page).await;
    assert_eq!(asked.status, StatusCode::FORBIDDEN);
    assert_eq!(asked.header("access-control-allow-origin"), "");
    // What Routinator gives to every page, ours gives, too.
    let asked = send(&app, Method::GET, "/json", &page).await;
    assert_eq!((asked.status, asked.header("access-control-allow-origin")), (StatusCode::OK, "*"));
    let named = app.clone().named(vec!["attacker.example".to_owned()]);
    let host = [("host", "attacker.example")];
    assert_eq!(send(&named, Method::GET, "/v1/status", &host).await.status, StatusCode::OK);
    for method in [Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
        for path in ["/v1/status", "/v1/vrps", "/v1/validity", "/metrics", "/v1/events"] {
            let answer = send(&app, method.clone(), path, &[]).await;
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            assert!(answer.header("allow").contains("GET"), "{method} {path}");
        }
    }
}
