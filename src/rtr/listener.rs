//! Accepts routers within limits, and takes leave of them when the server ends.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustix::net::sockopt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::cache::{Cache, Stop};
use super::clients::Entry;
use super::limits::{ACCEPT_BACKOFF, FAREWELL_TIMEOUT, Limits, SEND_BUFFER};
use super::session::Session;
use super::tls::Tls;
use crate::clock;

/// A connection that is silent for so long is probed, at this interval, and dropped after
/// `KEEPALIVE_PROBES` without an answer (RFC 8210, section 9: keepalives).
const KEEPALIVE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
const KEEPALIVE_PROBES: u32 = 4;

/// What routers connect by.
#[derive(Clone, Debug)]
pub enum Transport {
    /// Bare TCP: no encryption, no authentication.
    Tcp,
    /// TLS, with what it shows and asks for.
    Tls(Arc<Tls>),
}

/// Speaks with routers on `listener` until `shutdown` ends, which says why.
///
/// # Errors
///
/// The listener cannot be used at all. What goes wrong later is logged and counted, and serving
/// goes on (THREATS I01, I02).
pub async fn serve(
    listener: std::net::TcpListener,
    transport: Transport,
    cache: Cache,
    limits: Limits,
    shutdown: impl Future<Output = Stop>,
) -> io::Result<()> {
    // Systemd and our supervisor pass sockets that block (THREATS I23).
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let mut sessions = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    let mut renewal = std::pin::pin!(renew(transport.clone()));
    let (mut pause, _) = ACCEPT_BACKOFF;
    let stop = loop {
        let accepted = tokio::select! {
            stop = &mut shutdown => break stop,
            accepted = listener.accept() => accepted,
            () = &mut renewal => continue,
            Some(ended) = sessions.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a session with a router met a defect of the program");
                }
                continue;
            }
        };
        match accepted {
            Ok((stream, address)) => {
                (pause, _) = ACCEPT_BACKOFF;
                if let Some(entry) = admit(&stream, address, &cache, &limits) {
                    sessions.spawn(speak(transport.clone(), stream, cache.clone(), entry, limits));
                }
            }
            Err(error) => tokio::select! {
                stop = &mut shutdown => break stop,
                () = tokio::time::sleep(failed(&cache, &error, &mut pause)) => {}
            },
        }
    };
    drop(listener);
    cache.stop(stop);
    let all = async { while sessions.join_next().await.is_some() {} };
    if tokio::time::timeout(FAREWELL_TIMEOUT, all).await.is_err() {
        tracing::info!("routers that do not listen are cut off");
    }
    Ok(())
}

/// Counts an error of `accept`, and returns how long to wait: all files may be in use (I02).
fn failed(cache: &Cache, error: &io::Error, next_pause: &mut Duration) -> Duration {
    let (_, longest) = ACCEPT_BACKOFF;
    let pause = *next_pause;
    *next_pause = longest.min(pause * 2);
    cache.clients().count(|counts| counts.accept_errors += 1);
    tracing::warn!(%error, ?pause, "cannot accept a router");
    pause
}

/// Keeps the certificates current; ends never.
async fn renew(transport: Transport) {
    match transport {
        Transport::Tcp => std::future::pending().await,
        Transport::Tls(tls) => tls.keep_current().await,
    }
}

/// Lets a router in, or closes its connection.
fn admit(stream: &TcpStream, address: SocketAddr, cache: &Cache, limits: &Limits) -> Option<Entry> {
    let Some(entry) = cache.clients().admit(address, limits, clock::now()) else {
        tracing::warn!(client = %address, "too many connections; this one is closed");
        return None;
    };
    // Options that cannot be set cost no more than what they are for.
    let _ = stream.set_nodelay(true);
    let _ = sockopt::set_socket_send_buffer_size(stream, SEND_BUFFER);
    let _ = sockopt::set_socket_keepalive(stream, true);
    let _ = sockopt::set_tcp_keepidle(stream, KEEPALIVE);
    let _ = sockopt::set_tcp_keepintvl(stream, KEEPALIVE_INTERVAL);
    let _ = sockopt::set_tcp_keepcnt(stream, KEEPALIVE_PROBES);
    Some(entry)
}

/// Speaks with one router from the connection to its end.
async fn speak(
    transport: Transport,
    stream: TcpStream,
    cache: Cache,
    entry: Entry,
    limits: Limits,
) {
    let tls = match transport {
        Transport::Tcp => return Session::new(stream, cache, entry, limits).run().await,
        Transport::Tls(tls) => tls,
    };
    let shaken = tls.accept(stream, entry.address().ip());
    let error = match tokio::time::timeout(limits.handshake_timeout, shaken).await {
        Ok(Ok(stream)) => return Session::new(stream, cache, entry, limits).run().await,
        Ok(Err(error)) => error,
        Err(_) => io::ErrorKind::TimedOut.into(),
    };
    tracing::info!(client = %entry.address(), %error, "no TLS with a router");
    entry.count(|counts| counts.tls_failures += 1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i02_a_failing_accept_is_counted_and_waited_out() {
        let cache = Cache::default();
        let (shortest, longest) = ACCEPT_BACKOFF;
        let mut pause = shortest;
        // EMFILE
        let mut fail = || failed(&cache, &io::Error::from_raw_os_error(24), &mut pause);
        assert_eq!((fail(), fail()), (shortest, shortest * 2));
        assert_eq!((0..20).map(|_| fail()).last(), Some(longest));
        assert_eq!(cache.status().counts.accept_errors, 22);
    }
}
