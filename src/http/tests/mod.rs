//! What clients see: bodies and headers by handler, limits over a real listener.

mod compatible;
mod connections;
mod lists;
mod many;
mod own;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use axum::response::Response;
use tower::ServiceExt;

use super::{App, Served, router};
use crate::world::World;
use crate::world::fixture::{NOW, world};

/// A service without data.
fn empty() -> App {
    App::new(Duration::from_secs(7200), || NOW)
}

/// A service that answers from `world`.
fn serving(world: World) -> App {
    let app = empty();
    app.publish(Served::new(Arc::new(world), NOW));
    app
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

async fn send(app: &App, method: Method, uri: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty()).unwrap();
    answer_of(router(app.clone()).oneshot(request).await.unwrap()).await
}

async fn answer_of(response: Response) -> Answer {
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let body = String::from_utf8(body.to_vec()).unwrap();
    Answer { status: parts.status, headers: parts.headers, body }
}

async fn get(app: &App, uri: &str) -> Answer {
    send(app, Method::GET, uri, &[]).await
}
