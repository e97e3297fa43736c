//! The server: answers HTTP from the last published world. It parses no RPKI object, and never
//! opens the cache.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::clock;
use crate::http::limits::Limits;
use crate::http::{App, Served, serve};
use crate::model::Timestamp;
use crate::world::{Follower, World};

/// How often the clock is read to see whether something has expired.
///
/// The clock is read again and again because it may jump, which a timer would not notice
/// (THREATS L08).
const CLOCK_INTERVAL: Duration = Duration::from_millis(100);

/// What the operator may choose about the server.
#[derive(Clone, Copy, Debug)]
pub struct ServerOptions {
    /// Data older than this count as stale.
    pub max_age: Duration,
}

/// Answers on `listener` from the worlds in `world_dir` until `shutdown` ends.
///
/// Before the first world the answer is that there is none.
///
/// # Errors
///
/// The listener cannot be used.
pub async fn run(
    listener: std::net::TcpListener,
    world_dir: PathBuf,
    options: ServerOptions,
    shutdown: impl Future<Output = ()>,
) -> std::io::Result<()> {
    let app = App::new(options.max_age, clock::now);
    let (worlds, received) = mpsc::channel(1);
    let following = tokio::spawn(follow(world_dir, worlds));
    let viewing = tokio::spawn(view(app.clone(), received, clock::now));
    let served = serve(listener, app, Limits::default(), shutdown).await;
    following.abort();
    viewing.abort();
    served
}

/// Hands over every new world.
async fn follow(world_dir: PathBuf, worlds: mpsc::Sender<World>) {
    let mut follower = Follower::new(world_dir);
    while worlds.send(follower.next().await).await.is_ok() {}
}

/// Publishes a view of every new world, and another whenever time alone changes the payload.
async fn view(app: App, mut worlds: mpsc::Receiver<World>, now: fn() -> Timestamp) {
    loop {
        let world = tokio::select! {
            received = worlds.recv() => match received {
                Some(world) => {
                    tracing::info!(world = world.id.0, vrps = world.vrps.len(), "new world");
                    Arc::new(world)
                }
                None => return,
            },
            () = tokio::time::sleep(CLOCK_INTERVAL) => match app.current() {
                Some(served) if !served.is_right_at(now()) => Arc::clone(served.world()),
                _ => continue,
            },
        };
        let time = now();
        match tokio::task::spawn_blocking(move || Served::new(world, time)).await {
            Ok(served) => app.publish(served),
            Err(error) => tracing::error!(%error, "making a view panicked; keeping the old one"),
        }
    }
}
