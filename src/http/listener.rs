//! Accepts connections within limits, and ends them in good order.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::limits::{ACCEPT_BACKOFF, Limits, MAX_BUFFER_BYTES, MAX_HEADER_BYTES};
use super::quick::Quick;
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
    let listener = TcpListener::from_std(listener)?;
    let connections = Connections::new(app, limits);
    tokio::select! {
        () = connections.accept_all(&listener) => {}
        () = shutdown => {}
    }
    // Nobody waits in a queue that is not served any more.
    drop(listener);
    connections.app.close();
    connections.drain().await;
    Ok(())
}

/// How many connections each address has; those of loopback are not counted.
#[derive(Debug, Default)]
struct Addresses(Mutex<HashMap<IpAddr, usize>>);

/// The share of one connection, given back when it is dropped.
#[derive(Debug)]
struct Share {
    addresses: Arc<Addresses>,
    address: IpAddr,
}

impl Addresses {
    /// Counts a connection, if its address may have one more.
    fn admit(self: &Arc<Self>, address: IpAddr, limit: usize) -> Option<Share> {
        let address = address.to_canonical();
        if !address.is_loopback() {
            let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let count = counts.entry(address).or_default();
            if *count >= limit {
                return None;
            }
            *count += 1;
        }
        Some(Share { addresses: Arc::clone(self), address })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut counts = self.addresses.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut entry) = counts.entry(self.address) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }
}

struct Connections {
    app: App,
    router: Router,
    limits: Limits,
    free: Arc<Semaphore>,
    addresses: Arc<Addresses>,
    open: GracefulShutdown,
}

impl Connections {
    fn new(app: App, limits: Limits) -> Self {
        let free = Arc::new(Semaphore::new(limits.connections));
        let router = router(app.clone());
        Connections {
            app,
            router,
            limits,
            free,
            addresses: Arc::default(),
            open: GracefulShutdown::new(),
        }
    }

    /// Accepts and serves for ever. A connection over the limit waits in the kernel's queue.
    async fn accept_all(&self, listener: &TcpListener) {
        let (mut pause, _) = ACCEPT_BACKOFF;
        while let Ok(permit) = Arc::clone(&self.free).acquire_owned().await {
            let accepted = listener.accept().await;
            if let Some(pause) = self.handle(accepted, permit, &mut pause) {
                tokio::time::sleep(pause).await;
            }
        }
    }

    /// Serves a connection, or says how long to wait before the next is accepted.
    fn handle(
        &self,
        accepted: io::Result<(TcpStream, SocketAddr)>,
        permit: OwnedSemaphorePermit,
        next_pause: &mut Duration,
    ) -> Option<Duration> {
        let (shortest, longest) = ACCEPT_BACKOFF;
        match accepted {
            Ok((stream, peer)) => {
                *next_pause = shortest;
                let limit = self.limits.connections_per_address;
                // One that is too many is closed: it would else hold a place of all.
                match self.addresses.admit(peer.ip(), limit) {
                    Some(share) => self.serve(stream, (permit, share)),
                    None => self.app.counters.refused(),
                }
                None
            }
            Err(error) if is_of_one_client(&error) => {
                self.app.counters.accept_error();
                None
            }
            Err(error) => {
                self.app.counters.accept_error();
                let pause = *next_pause;
                tracing::warn!(%error, ?pause, "cannot accept a connection");
                *next_pause = longest.min(pause * 2);
                Some(pause)
            }
        }
    }

    fn serve(&self, stream: TcpStream, place: (OwnedSemaphorePermit, Share)) {
        // Answers are short and the client waits for them.
        let _ = stream.set_nodelay(true);
        let stream = TokioIo::new(Stream::new(
            stream,
            self.limits.stall_timeout,
            Arc::clone(&self.app.counters),
        ));
        let service = Quick { app: self.app.clone(), router: self.router.clone() };
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
            drop(place);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::fixture::NOW;

    #[test]
    fn j02_one_address_takes_no_more_than_its_share_of_the_connections() {
        let addresses = Arc::new(Addresses::default());
        let admit = |address: &str| addresses.admit(address.parse().unwrap(), 2);
        let first = admit("192.0.2.1").unwrap();
        let _second = admit("::ffff:192.0.2.1").unwrap();
        assert!(admit("192.0.2.1").is_none());
        let _other = admit("192.0.2.2").unwrap();
        drop(first);
        let _third = admit("192.0.2.1").unwrap();
        assert!(admit("192.0.2.1").is_none());
        let proxied: Vec<_> = (0..10).map(|_| admit("127.0.0.1").unwrap()).collect();
        drop(proxied);
        assert_eq!(addresses.0.lock().unwrap().len(), 2);
    }

    #[tokio::test]
    async fn j02_a_failing_accept_is_counted_and_waited_out() {
        let app = App::new(Duration::from_secs(7200), || NOW);
        let connections = Connections::new(app.clone(), Limits::default());
        let (shortest, longest) = ACCEPT_BACKOFF;
        let mut pause = shortest;
        let mut fail = |code| {
            let permit = Arc::clone(&connections.free).try_acquire_owned().unwrap();
            connections.handle(Err(io::Error::from_raw_os_error(code)), permit, &mut pause)
        };
        // EMFILE, ENOMEM: this machine; ECONNABORTED: one client.
        assert_eq!(fail(24), Some(shortest));
        assert_eq!(fail(103), None);
        assert_eq!(fail(12), Some(shortest * 2));
        let last = (0..20).map(|_| fail(24)).last().unwrap();
        assert_eq!(last, Some(longest));
        assert_eq!(app.counters.accept_errors(), 23);
        assert_eq!(connections.free.available_permits(), Limits::default().connections);
    }
}
