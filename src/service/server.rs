//! The server: answers HTTP and RTR from the last published world. It parses no RPKI object, and
//! never opens the cache.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::exceptions::{self, ExceptionFiles};
use super::routers;
use crate::clock;
use crate::http::limits::Limits;
use crate::http::{App, Served, serve};
use crate::model::Timestamp;
use crate::payload::Exceptions;
use crate::rtr;
use crate::system::hang_up;
use crate::world::{Follower, Purpose, World};

/// How often the clock is read to see whether something has expired.
///
/// The clock is read again and again because it may jump, which a timer would not notice
/// (THREATS L08).
pub(super) const CLOCK_INTERVAL: Duration = Duration::from_millis(100);

/// What the operator may choose about the server.
#[derive(Clone, Copy, Debug)]
pub struct ServerOptions {
    /// Data older than this count as stale.
    pub max_age: Duration,
    /// Whether metrics have Routinator's names, too.
    pub routinator_metrics: bool,
}

/// The listeners for routers, and what belongs to them.
#[derive(Debug)]
pub struct Rtr {
    /// Where routers connect; without any, none are served.
    pub listeners: Vec<(std::net::TcpListener, rtr::Transport)>,
    /// Where session, serial and recent changes are kept.
    pub state: PathBuf,
    /// What the operator may choose.
    pub options: rtr::Options,
}

/// Answers on `listener`, and routers where `rtr` says, from the worlds in `world_dir` until
/// `shutdown` ends.
///
/// Before the first world the answer is that there is none.
///
/// # Errors
///
/// The listener cannot be used.
pub async fn run(
    listener: std::net::TcpListener,
    rtr: Rtr,
    world_dir: PathBuf,
    files: ExceptionFiles,
    options: ServerOptions,
    shutdown: impl Future<Output = ()>,
) -> std::io::Result<()> {
    let cache = rtr::Cache::default();
    let app = App::new(options.max_age, clock::now);
    let has_routers = !rtr.listeners.is_empty();
    let app = if has_routers { app.with_rtr(cache.clone(), rtr.options.max_age) } else { app };
    let app = if options.routinator_metrics { app.with_routinator_metrics() } else { app };
    app.set_exceptions(files.status());
    let (changed, in_force) = watch::channel(files.exceptions());
    let mut follower = Follower::new(world_dir);
    // Whoever waits for a server that is started again gets an answer, not "no world yet".
    if let Some(world) = follower.look().await {
        app.publish(Served::excepting(Arc::new(world), &files.exceptions(), clock::now()));
    }
    let (reload, asked) = mpsc::channel(1);
    let hanging_up = tokio::spawn(hang_ups(reload));
    let excepting =
        tokio::spawn(exceptions::follow(files, app.clone(), changed, asked, clock::now));
    let (worlds, received) = mpsc::channel(1);
    let following = tokio::spawn(follow(follower, worlds));
    let viewing = tokio::spawn(view(app.clone(), received, in_force, clock::now));
    let (stop, stopped) = watch::channel(false);
    let speaking = has_routers.then(|| tokio::spawn(speak(rtr, cache, app.clone(), stopped)));
    let shutdown = async {
        shutdown.await;
        stop.send_replace(true);
    };
    let served = serve(listener, app, Limits::default(), shutdown).await;
    drop(stop);
    following.abort();
    viewing.abort();
    excepting.abort();
    hanging_up.abort();
    match speaking {
        Some(speaking) => served.and(speaking.await.map_err(std::io::Error::other)?),
        None => served,
    }
}

/// Speaks with routers until the server is told to stop.
async fn speak(
    rtr: Rtr,
    cache: rtr::Cache,
    app: App,
    stopped: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let updater = rtr::Updater::open(cache.clone(), rtr.state, rtr.options);
    let feeding = tokio::spawn(routers::feed(app.clone(), updater, clock::now));
    let mut serving = JoinSet::new();
    for (listener, transport) in rtr.listeners {
        let (app, mut stopped) = (app.clone(), stopped.clone());
        let shutdown = async move {
            // An error means that the server is gone.
            let _ = stopped.wait_for(|stopped| *stopped).await;
            let is_lab = app.current().is_some_and(|served| served.world().purpose == Purpose::Lab);
            // A lab does not come back, and nobody should keep what it made up.
            if is_lab { rtr::Stop::Shutdown } else { rtr::Stop::Restart }
        };
        let limits = rtr::limits::Limits::default();
        serving.spawn(rtr::serve(listener, transport, cache.clone(), limits, shutdown));
    }
    let served = serving.join_all().await.into_iter().collect();
    feeding.abort();
    served
}

/// Asks for a reload of the local exceptions at each SIGHUP.
async fn hang_ups(reload: mpsc::Sender<()>) {
    let Some(mut signals) = hang_up::signals() else { return };
    while signals.recv().await.is_some() {
        // One that waits already is as good.
        let _ = reload.try_send(());
    }
}

/// Hands over every new world.
async fn follow(mut follower: Follower, worlds: mpsc::Sender<World>) {
    while worlds.send(follower.next().await).await.is_ok() {}
}

/// Publishes a view of every new world, and another whenever time or the operator's exceptions
/// change the payload.
async fn view(
    app: App,
    mut worlds: mpsc::Receiver<World>,
    mut exceptions: watch::Receiver<Arc<Exceptions>>,
    now: fn() -> Timestamp,
) {
    loop {
        let world = tokio::select! {
            received = worlds.recv() => match received {
                Some(world) => {
                    tracing::info!(world = world.id.0, vrps = world.vrps.len(), "new world");
                    Arc::new(world)
                }
                None => return,
            },
            Ok(()) = exceptions.changed() => match app.current() {
                Some(served) => Arc::clone(served.world()),
                None => continue,
            },
            () = tokio::time::sleep(CLOCK_INTERVAL) => match app.current() {
                Some(served) if !served.is_right_at(now()) => Arc::clone(served.world()),
                _ => continue,
            },
        };
        let time = now();
        let in_force = Arc::clone(&exceptions.borrow_and_update());
        match tokio::task::spawn_blocking(move || Served::excepting(world, &in_force, time)).await {
            Ok(served) => app.publish(served),
            Err(error) => tracing::error!(%error, "making a view panicked; keeping the old one"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::sync::oneshot;

    use super::*;
    use crate::model::WorldId;
    use crate::world::fixture::{NOW, hours, world};
    use crate::world::publish;

    /// Waits until `is_so`; the test itself never ends if it never is.
    async fn until(is_so: impl Fn() -> bool) {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    #[tokio::test]
    async fn l09_what_expires_leaves_the_answers_though_no_new_world_comes() {
        static CLOCK: AtomicI64 = AtomicI64::new(NOW.0);
        fn now() -> Timestamp {
            Timestamp(CLOCK.load(Ordering::Relaxed))
        }
        let vrps = |app: &App| app.current().map(|served| served.view().vrps().len());
        let app = App::new(Duration::from_secs(7200), now);
        let (worlds, received) = mpsc::channel(1);
        let (_changed, in_force) = watch::channel(Arc::default());
        let viewing = tokio::spawn(view(app.clone(), received, in_force, now));
        worlds.send(world()).await.unwrap();
        until(|| vrps(&app) == Some(5)).await;
        CLOCK.store(hours(24).0, Ordering::Relaxed);
        tokio::time::sleep(CLOCK_INTERVAL * 2).await;
        assert_eq!(vrps(&app), Some(5), "the last second counts");
        CLOCK.store(hours(24).0 + 1, Ordering::Relaxed);
        until(|| vrps(&app) == Some(0)).await;
        // The clock was wrong, and is set right.
        CLOCK.store(NOW.0, Ordering::Relaxed);
        until(|| vrps(&app) == Some(5)).await;
        viewing.abort();
    }

    #[tokio::test]
    async fn exceptions_that_change_change_the_answers_though_no_new_world_comes() {
        let vrps = |app: &App| app.current().map(|served| served.view().vrps().len());
        let app = App::new(Duration::from_secs(7200), || NOW);
        let (worlds, received) = mpsc::channel(1);
        let (changed, in_force) = watch::channel(Arc::default());
        let viewing = tokio::spawn(view(app.clone(), received, in_force, || NOW));
        worlds.send(world()).await.unwrap();
        until(|| vrps(&app) == Some(5)).await;
        changed.send_replace(crate::world::fixture::without("192.0.2.0/24"));
        until(|| vrps(&app) == Some(3)).await;
        // The next world is seen through them, too.
        worlds.send(World { id: WorldId(2), ..world() }).await.unwrap();
        until(|| app.current().is_some_and(|served| served.world().id == WorldId(2))).await;
        assert_eq!(vrps(&app), Some(3));
        changed.send_replace(Arc::default());
        until(|| vrps(&app) == Some(5)).await;
        viewing.abort();
    }

    async fn world_id(address: std::net::SocketAddr) -> Option<u64> {
        let mut stream = TcpStream::connect(address).await.ok()?;
        let request = b"GET /ready HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        stream.write_all(request).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        let (_, body) = answer.split_once("\r\n\r\n")?;
        serde_json::from_str::<serde_json::Value>(body).ok()?["world"]["id"].as_u64()
    }

    #[tokio::test]
    async fn a_server_answers_from_the_last_world_and_goes_on_to_the_next() {
        let dir = tempfile::tempdir().unwrap();
        publish(dir.path(), &world()).unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let options =
            ServerOptions { max_age: Duration::from_secs(7200), routinator_metrics: false };
        let shutdown = async move {
            let _ = stopped.await;
        };
        let none = ExceptionFiles::open(Vec::new(), dir.path().join("saved"), NOW).unwrap();
        let rtr = Rtr {
            listeners: Vec::new(),
            state: dir.path().join("rtr"),
            options: rtr::Options { max_age: Duration::MAX, loss: rtr::LossPolicy::Off },
        };
        let server =
            tokio::spawn(run(listener, rtr, dir.path().to_owned(), none, options, shutdown));
        while world_id(address).await != Some(1) {}

        // A broken publication changes nothing; the next good one does.
        std::fs::write(dir.path().join("CURRENT"), "nonsense").unwrap();
        tokio::time::sleep(CLOCK_INTERVAL * 4).await;
        assert_eq!(world_id(address).await, Some(1));
        publish(dir.path(), &World { id: WorldId(2), ..world() }).unwrap();
        while world_id(address).await != Some(2) {}

        stop.send(()).unwrap();
        server.await.unwrap().unwrap();
    }
}
