//! Accepts connections within limits, and ends them in good order.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::limits::{ACCEPT_BACKOFF, Limits, MAX_BUFFER_BYTES, MAX_HEADER_BYTES};
use super::router::router;
use super::state::App;
use super::stream::Stream;

/// Answers on `listener` until `shutdown` ends; then waits for the open answers.
///
/// # Errors
///
/// The listener cannot be used at all. What goes wrong later is logged and counted, and serving
/// goes on (THREATS J02).
pub async fn serve(
    listener: std::net::TcpListener,
    app: App,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let accept = async || listener.accept().await.map(|(stream, _)| stream);
    let connections = Connections::new(app, limits);
    tokio::select! {
        () = connections.accept_all(accept) => {}
        () = shutdown => {}
    }
    // Nobody waits in a queue that is not served any more.
    drop(listener);
    connections.drain().await;
    Ok(())
}

struct Connections {
    app: App,
    limits: Limits,
    free: Arc<Semaphore>,
    open: GracefulShutdown,
}

impl Connections {
    fn new(app: App, limits: Limits) -> Self {
        let free = Arc::new(Semaphore::new(limits.connections));
        Connections { app, limits, free, open: GracefulShutdown::new() }
    }

    /// Accepts and serves for ever. A connection over the limit waits in the kernel's queue.
    async fn accept_all(&self, accept: impl AsyncFn() -> io::Result<TcpStream>) {
        let (shortest, longest) = ACCEPT_BACKOFF;
        let mut pause = shortest;
        while let Ok(permit) = Arc::clone(&self.free).acquire_owned().await {
            match accept().await {
                Ok(stream) => {
                    pause = shortest;
                    self.serve(stream, permit);
                }
                Err(error) if is_of_one_client(&error) => self.app.counters.accept_error(),
                Err(error) => {
                    self.app.counters.accept_error();
                    let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
                    tracing::warn!(%error, pause_ms, "cannot accept a connection");
                    tokio::time::sleep(pause).await;
                    pause = longest.min(pause * 2);
                }
            }
        }
    }

    fn serve(&self, stream: TcpStream, permit: OwnedSemaphorePermit) {
        // Answers are short and the client waits for them.
        let _ = stream.set_nodelay(true);
        let stream = TokioIo::new(Stream::new(stream, self.limits.stall_timeout));
        let service = TowerToHyperService::new(router(self.app.clone()));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.header_timeout)
            .max_header_size(MAX_HEADER_BYTES)
            .max_buf_size(MAX_BUFFER_BYTES)
            .serve_connection(stream, service);
        let connection = self.open.watch(connection);
        let app = self.app.clone();
        tokio::spawn(async move {
            let _counted = app.counters.connection();
            // A client that breaks off or breaks the rules is its own concern.
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended early");
            }
            drop(permit);
        });
    }

    async fn drain(self) {
        let limit: Duration = self.limits.drain_timeout;
        if tokio::time::timeout(limit, self.open.shutdown()).await.is_err() {
            tracing::info!("open connections are cut off");
        }
    }
}

/// Tells whether an error of `accept` means one client that is gone already.
fn is_of_one_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}
