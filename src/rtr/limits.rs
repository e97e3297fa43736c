//! What a router may cost the server, and the protocol's timers.

use std::net::IpAddr;
use std::time::Duration;

/// How often a router asks for changes; Routinator's value, one refresh of a repository.
pub const REFRESH: Duration = Duration::from_secs(600);

/// How long a router waits after a failure.
pub const RETRY: Duration = Duration::from_secs(600);

/// How long a router uses data that it cannot renew; the default of RFC 8210, section 6.
pub const EXPIRE: Duration = Duration::from_secs(7200);

/// Between two Serial Notify in one session (RFC 8210, section 8.2: at most one a minute).
pub const NOTIFY_INTERVAL: Duration = Duration::from_secs(60);

/// Connections at a time; more are closed at once.
///
/// A quarter of the files that a process of ours may have open; a network with more routers has
/// more than one cache.
pub const MAX_CONNECTIONS: usize = 2048;

/// Connections from one address at a time: two virtual routers behind one address are common,
/// 32 are not.
pub const MAX_CONNECTIONS_PER_ADDRESS: usize = 32;

/// From the connection to the end of the first query that is answered (THREATS I04).
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);

/// From the first byte of a PDU to its last.
pub const PDU_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a router may ask nothing at all: the longest refresh interval of RFC 8210, section 6.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(86_400);

/// How long a router may read nothing while an answer waits (THREATS I05). The draft's three
/// times retry, 30 minutes, would keep old tables in memory for as long.
pub const STALL_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a router may take for one answer, however it reads: a full table at 30 kB/s.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(600);

/// How often the certificates are read again: they are renewed days before they end.
pub const TLS_RELOAD_INTERVAL: Duration = Duration::from_secs(60);

/// Bytes of a file with certificates or a key; the roots of a whole browser have 220 kB.
pub const MAX_TLS_FILE_BYTES: u64 = 1 << 20;

/// How long the last words to a router may take.
pub const FAREWELL_TIMEOUT: Duration = Duration::from_secs(2);

/// Queries that are answered at once, and then one each second (THREATS I13).
pub const QUERY_BURST: u32 = 16;

/// Between two answers once the burst is used up.
pub const QUERY_INTERVAL: Duration = Duration::from_secs(1);

/// Versions that a router may try before it is closed: one for each that there may be soon.
pub const MAX_VERSION_TRIES: u32 = 4;

/// Bytes that are read from a router ahead of the answer.
pub const READ_BUFFER: usize = 4096;

/// The kernel's buffer for what a router has not read; without a limit it grows to megabytes for
/// each slow router (THREATS I05).
pub const SEND_BUFFER: usize = 256 * 1024;

/// Full tables in memory that routers still read: about 16 MB each at 800,000 VRPs.
///
/// Beyond it, those who read the oldest one are cut off.
pub const MAX_LIVE_TABLES: usize = 8;

/// Changes that are kept to answer routers that missed some: an hour, one a minute.
pub const MAX_DELTAS: usize = 64;

/// Items in all of them together: as many as one full table.
pub const MAX_DELTA_ITEMS: usize = 500_000;

/// Bytes of the state file that are read back: twice what `MAX_DELTA_ITEMS` can need for VRPs.
pub const MAX_STATE_BYTES: u64 = 64 * 1024 * 1024;

/// Bytes of an Error Report from a router: header, two lengths, any PDU that we send except an
/// ASPA, and a text.
pub const MAX_ERROR_LENGTH: usize = 2048;

/// Characters of a text in an Error Report that are sent or logged.
pub const MAX_ERROR_TEXT: usize = 200;

/// Routers with metrics of their own, and lines in `/v1/status`: addresses are the routers' own
/// choice, so they are bounded.
pub const MAX_LISTED_CLIENTS: usize = 500;

/// The first and the longest pause after `accept` failed, as with all files in use (THREATS I02).
pub const ACCEPT_BACKOFF: (Duration, Duration) =
    (Duration::from_millis(10), Duration::from_secs(1));

/// The limits of a listener; tests have others.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// See [`MAX_CONNECTIONS`].
    pub connections: usize,
    /// See [`MAX_CONNECTIONS_PER_ADDRESS`].
    pub connections_per_address: usize,
    /// See [`HANDSHAKE_TIMEOUT`].
    pub handshake_timeout: Duration,
    /// See [`PDU_TIMEOUT`].
    pub pdu_timeout: Duration,
    /// See [`IDLE_TIMEOUT`].
    pub idle_timeout: Duration,
    /// See [`STALL_TIMEOUT`].
    pub stall_timeout: Duration,
    /// See [`ANSWER_TIMEOUT`].
    pub answer_timeout: Duration,
    /// See [`NOTIFY_INTERVAL`].
    pub notify_interval: Duration,
    /// See [`QUERY_INTERVAL`].
    pub query_interval: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: MAX_CONNECTIONS,
            connections_per_address: MAX_CONNECTIONS_PER_ADDRESS,
            handshake_timeout: HANDSHAKE_TIMEOUT,
            pdu_timeout: PDU_TIMEOUT,
            idle_timeout: IDLE_TIMEOUT,
            stall_timeout: STALL_TIMEOUT,
            answer_timeout: ANSWER_TIMEOUT,
            notify_interval: NOTIFY_INTERVAL,
            query_interval: QUERY_INTERVAL,
        }
    }
}

/// Returns what counts as one address: an IPv6 host has a whole /64.
pub(super) fn one_address(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let network = v6.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(network.into())
        }
        v4 => v4,
    }
}
