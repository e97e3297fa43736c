//! Long polls and streams of events: those who wait are told, and are few.

use super::*;
use crate::http::limits::MAX_WAITING;
use crate::world::fixture::hours;

/// Begins a request and returns it while it waits.
fn begin(app: &App, path: &str) -> tokio::task::JoinHandle<Answer> {
    let (app, path) = (app.clone(), path.to_owned());
    tokio::spawn(async move { get(&app, &path).await })
}

fn change(app: &App) {
    app.publish(Served::new(Arc::new(world()), hours(25)));
}

fn notify(app: &App) -> String {
    let (session, serial) = app.version();
    format!("/json-delta/notify?session={session}&serial={serial}")
}

/// Waits until as many wait as are expected.
async fn until_waiting(app: &App, count: usize) {
    while app.waiting.available_permits() != MAX_WAITING - count {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_long_poll_ends_with_the_change() {
    let app = serving(world());
    let first = get(&app, "/json-delta/notify").await.json();
    assert_eq!(first["serial"], 1);
    let waiting = begin(&app, &notify(&app));
    until_waiting(&app, 1).await;
    // The same payload again is no news: the answer would have the first serial.
    app.publish(Served::new(Arc::new(world()), NOW));
    tokio::task::yield_now().await;
    change(&app);
    assert_eq!(waiting.await.unwrap().json()["serial"], 2);
    until_waiting(&app, 0).await;
}

#[tokio::test]
async fn a_long_poll_without_news_ends_with_what_is_so() {
    let mut app = serving(world());
    app.times.poll = Duration::from_millis(50);
    assert_eq!(get(&app, &notify(&app)).await.json()["serial"], 1);
}

#[tokio::test]
async fn j07_those_who_wait_are_bounded_and_leave_when_they_are_gone() {
    let app = serving(world());
    let waiting: Vec<_> = (0..MAX_WAITING).map(|_| begin(&app, &notify(&app))).collect();
    until_waiting(&app, MAX_WAITING).await;
    let answer = get(&app, &notify(&app)).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.json()["error"], "too many clients wait for changes");
    assert_eq!(answer.header("retry-after"), "10");
    assert_eq!(get(&app, "/v1/events").await.status, StatusCode::SERVICE_UNAVAILABLE);
    // Whoever asks for nothing new needs no place, and whoever breaks off gives it back.
    assert_eq!(get(&app, "/json-delta/notify").await.status, StatusCode::OK);
    waiting.into_iter().for_each(|task| task.abort());
    until_waiting(&app, 0).await;
    drop(events(&app, "").await);
    until_waiting(&app, 0).await;
    let waits = begin(&app, &notify(&app));
    until_waiting(&app, 1).await;
    app.close();
    assert_eq!(waits.await.unwrap().status, StatusCode::OK, "the end of the service ends waits");
}

/// Reads the stream until `end` comes.
async fn read_until(body: &mut Body, end: &str) -> String {
    let mut text = String::new();
    while !text.contains(end) {
        let frame = std::future::poll_fn(|cx| {
            axum::body::HttpBody::poll_frame(std::pin::Pin::new(&mut *body), cx)
        });
        let frame = frame.await.expect("the stream goes on").unwrap();
        text.push_str(std::str::from_utf8(&frame.into_data().unwrap()).unwrap());
    }
    text
}

async fn events(app: &App, last: &str) -> Body {
    let request = Request::builder().uri("/v1/events").header("last-event-id", last);
    let request = request.body(Body::empty()).unwrap();
    let response = router(app.clone()).oneshot(request).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    response.into_body()
}

#[tokio::test]
async fn events_tell_each_change_and_go_on_after_the_last_one_that_was_read() {
    let mut app = serving(world());
    app.times.heartbeat = Duration::from_millis(200);
    let mut stream = events(&app, "").await;
    let begun = read_until(&mut stream, "data: ").await;
    assert!(begun.starts_with("retry: 5000\n\nevent: state\nid: "), "{begun}");
    let (session, _) = app.version();
    assert!(begun.contains(&format!("id: {session:x}-1\n")), "{begun}");
    change(&app);
    let told = read_until(&mut stream, "data: ").await.replace(": alive\n\n", "");
    assert!(told.starts_with(&format!("event: change\nid: {session:x}-2\n")), "{told}");
    assert!(told.contains("\"withdrawn\":{\"vrps\":5,\"router_keys\":1,\"aspas\":1}"), "{told}");
    // Silence is filled.
    assert_eq!(read_until(&mut stream, "\n").await, ": alive\n\n");
    // Another client that knows the first version gets the change, one that knows all nothing.
    let mut late = events(&app, &format!("{session:x}-1")).await;
    let told = read_until(&mut late, "data: ").await;
    assert!(told.contains("event: change") && !told.contains("event: state"), "{told}");
    let mut current = events(&app, &format!("{session:x}-2")).await;
    assert_eq!(read_until(&mut current, "alive").await, "retry: 5000\n\n: alive\n\n");
    app.close();
    let ended = axum::body::to_bytes(current, 1000).await.unwrap();
    assert!(!ended.starts_with(b"event"));
}

#[tokio::test]
async fn a_stream_begins_before_there_are_data() {
    let app = empty();
    let mut stream = events(&app, "").await;
    assert_eq!(read_until(&mut stream, "\n\n").await, "retry: 5000\n\n");
    app.publish(Served::new(Arc::new(world()), NOW));
    assert!(read_until(&mut stream, "data").await.starts_with("event: state\n"));
}
