//! `POST`: many routes at once.

use super::*;
use crate::http::limits::{MAX_LIST_BYTES, MAX_QUESTIONS_BYTES, MAX_TABLES};

async fn post(app: &App, path: &str, content_type: &str, body: impl Into<Body>) -> Answer {
    let request = Request::builder().method(Method::POST).uri(path);
    let request = request.header("content-type", content_type).body(body.into()).unwrap();
    answer_of(router(app.clone()).oneshot(request).await.unwrap()).await
}

const JSON: &str = "application/json";

#[tokio::test]
async fn a_list_gets_the_answers_of_single_questions() {
    let app = serving(world());
    let routes = r#"{"routes": [{"prefix": "192.0.2.0/24", "asn": "AS64496"},
                                {"prefix": "198.51.100.0/25", "asn": 64499}]}"#;
    let list = post(&app, "/v1/validity", JSON, routes).await;
    assert_eq!(list.status, StatusCode::OK, "{}", list.body);
    let list = list.json();
    for (number, path) in
        ["/v1/validity/64496/192.0.2.0/24", "/v1/validity/64499/198.51.100.0/25"].iter().enumerate()
    {
        let mut single = get(&app, path).await.json();
        assert_eq!(list["world"], single["world"]);
        single.as_object_mut().unwrap().remove("world");
        assert_eq!(list["answers"][number], single);
    }
    let empty = post(&app, "/v1/validity", JSON, r#"{"routes": []}"#).await.json();
    assert_eq!(empty["answers"], serde_json::json!([]));
}

#[tokio::test]
async fn a_table_is_answered_line_by_line_with_the_sums_at_the_end() {
    let app = serving(world());
    let table = "192.0.2.0/24 64496\n192.0.2.0/24,1\nbad\n10.0.0.0/8 => AS7 # why\n";
    let answer = post(&app, "/v1/validity", "text/plain; charset=utf-8", table).await;
    assert_eq!(answer.header("content-type"), "application/x-ndjson");
    let lines: Vec<serde_json::Value> =
        answer.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let states: Vec<_> = lines.iter().map(|line| line["state"].as_str()).collect();
    assert_eq!(states, [Some("valid"), Some("invalid"), Some("unknown"), None]);
    let summary = &lines[3]["summary"];
    for (member, count) in [("routes", 3), ("valid", 1), ("invalid", 1), ("bad_lines", 1)] {
        assert_eq!(summary[member], count, "{member}");
    }
    assert_eq!(summary["first_bad_lines"][0]["place"], "line 3");
    assert_eq!(summary["world"]["id"], 1);
}

#[tokio::test]
async fn j05_what_cannot_be_read_is_a_problem_and_never_an_empty_answer() {
    let app = serving(world());
    for (content_type, body, status, kind) in [
        (JSON, "", 400, "body"),
        (JSON, "[]", 400, "body"),
        (JSON, r#"{"routes": [], "more": 1}"#, 400, "body"),
        (JSON, r#"{"routes": [{"prefix": "192.0.2.1/24", "asn": 1}]}"#, 400, "body"),
        (JSON, r#"{"routes": [{"prefix": "::/0", "asn": 4294967296}]}"#, 400, "body"),
        ("text/html", "", 415, "media-type"),
        ("", "", 415, "media-type"),
    ] {
        let answer = post(&app, "/v1/validity", content_type, body).await;
        assert_eq!(answer.status.as_u16(), status, "{content_type} {body}");
        assert_eq!(answer.json()["type"], format!("urn:provost:problem:{kind}"));
    }
    let long = " ".repeat(MAX_QUESTIONS_BYTES + 1);
    let answer = post(&app, "/v1/validity", JSON, long).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    let long = " ".repeat(MAX_LIST_BYTES + 1);
    let answer = post(&app, "/validity", JSON, long).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(post(&empty(), "/v1/validity", JSON, r#"{"routes": []}"#).await.status, 503);
}

/// A body whose end never comes.
struct Endless;

impl axum::body::HttpBody for Endless {
    type Data = axum::body::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<axum::body::Bytes>, Self::Error>>> {
        std::task::Poll::Pending
    }
}

#[tokio::test]
async fn j01_a_body_that_never_ends_meets_its_deadline() {
    let mut app = serving(world());
    (app.times.body, app.times.table) = (Duration::from_millis(50), Duration::from_millis(50));
    for content_type in [JSON, "text/plain"] {
        let answer = post(&app, "/v1/validity", content_type, Body::new(Endless)).await;
        assert_eq!(answer.status, StatusCode::REQUEST_TIMEOUT);
    }
    let answer = post(&app, "/validity", JSON, Body::new(Endless)).await;
    assert_eq!(answer.status, StatusCode::REQUEST_TIMEOUT);
}

#[tokio::test]
async fn j06_differences_that_wait_for_single_clients_are_bounded() {
    use crate::http::limits::MAX_HELD_KIB;
    let app = serving(world());
    let first = app.hold(vec![0; MAX_HELD_KIB * 1024]).unwrap();
    assert!(app.hold(vec![0; 1024]).is_none());
    // Until the last byte is sent.
    let part = first.slice(..1);
    drop(first);
    assert!(app.hold(vec![0; 1024]).is_none());
    drop(part);
    assert!(app.hold(vec![0; 1024]).is_some());
}

/// A world whose payload is longer than a chunk.
fn large() -> World {
    let mut world = world();
    let record = world.vrps.iter().next().unwrap();
    world.vrps.edit(|rows| {
        for asn in 0..2_500 {
            let mut row = record;
            row.vrp.asn = crate::model::Asn(asn);
            rows.push(row);
        }
        rows.sort_unstable();
    });
    world
}

#[tokio::test]
async fn j06_few_clients_at_a_time_read_a_payload_and_each_gives_its_place_back() {
    let app = serving(large());
    let places = app.streams.available_permits();
    for path in ["/json", "/csv", "/jsonext", "/json-delta"] {
        assert_eq!(get(&app, path).await.status, StatusCode::OK);
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let reading = router(app.clone()).oneshot(request).await.unwrap();
        assert_eq!(app.streams.available_permits(), places - 1, "{path}");
        drop(reading);
        assert_eq!(app.streams.available_permits(), places, "{path}");
    }
    let all = u32::try_from(places).unwrap();
    let _taken = app.streams.try_acquire_many(all).unwrap();
    for path in ["/json", "/csv", "/jsonext", "/json-delta"] {
        assert_eq!(get(&app, path).await.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
    }
}

/// Begins to read `/json`.
async fn begun(app: &App) -> Body {
    let request = Request::builder().uri("/json").body(Body::empty()).unwrap();
    router(app.clone()).oneshot(request).await.unwrap().into_body()
}

#[tokio::test]
async fn j06_who_reads_from_a_view_that_is_too_old_or_for_too_long_is_cut_off() {
    let mut app = serving(large());
    let whole = to_bytes(begun(&app).await, usize::MAX).await.unwrap();
    let old = begun(&app).await;
    let publish = || app.publish(Served::new(Arc::new(large()), NOW));
    publish();
    let last = begun(&app).await;
    assert_eq!(to_bytes(last, usize::MAX).await.unwrap(), whole);
    let before = begun(&app).await;
    publish();
    // One view before the one in use may be read to its end.
    assert_eq!(to_bytes(before, usize::MAX).await.unwrap(), whole);
    assert!(to_bytes(old, usize::MAX).await.is_err());
    app.times.stream = Duration::ZERO;
    assert!(to_bytes(begun(&app).await, usize::MAX).await.is_err());
}

#[tokio::test]
async fn j06_few_tables_at_a_time_are_answered_and_each_gives_its_place_back() {
    let app = serving(world());
    for _ in 0..=MAX_TABLES {
        assert_eq!(post(&app, "/v1/validity", "text/plain", "").await.status, StatusCode::OK);
    }
    let _taken = app.tables.try_acquire_many(u32::try_from(MAX_TABLES).unwrap()).unwrap();
    let answer = post(&app, "/v1/validity", "text/plain", "").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.json()["type"], "urn:provost:problem:busy");
}
