//! What a client may cost the server.

use std::time::Duration;

/// Connections at a time; more wait in the kernel's queue.
///
/// Below the 8192 files of the shipped unit; a full dump is written as it is read, so a
/// connection costs little.
pub const MAX_CONNECTIONS: usize = 1024;

/// Connections from one address that is not loopback, where a proxy may ask for everyone: half
/// of all, so that nobody takes the place of all others (THREATS J02).
pub const MAX_CONNECTIONS_PER_ADDRESS: usize = MAX_CONNECTIONS / 2;

/// From the start of a request, or of idling, to the end of its headers; closes slow and idle
/// clients (THREATS J01).
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(15);

/// How long a client may read nothing while an answer waits (THREATS J01, J06).
pub const STALL_TIMEOUT: Duration = Duration::from_secs(30);

/// How long open answers may take when the server ends.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes of request line and headers; nothing that is asked here needs more than a tenth.
pub const MAX_HEADER_BYTES: usize = 16 * 1024;

/// Bytes that a connection buffers in each direction.
pub const MAX_BUFFER_BYTES: usize = 64 * 1024;

/// The first and the longest pause after `accept` failed, as with all files in use (THREATS J02).
pub const ACCEPT_BACKOFF: (Duration, Duration) =
    (Duration::from_millis(10), Duration::from_secs(1));

/// Repositories with metrics of their own: names come from certificates, and a hostile CA can
/// make them up (THREATS J10). In 2026 there are about 100.
pub const MAX_REPOSITORY_SERIES: usize = 1000;

/// Findings on one page, unless the client asks for fewer or more.
pub const DEFAULT_PAGE: usize = 100;

/// Findings on one page at most.
pub const MAX_PAGE: usize = 1000;

/// Bytes of a body that is written as the client reads it, at a time; Routinator's size.
pub const CHUNK_BYTES: usize = 64_000;

/// How many changes of the payload are kept for clients that ask for the difference: in 2026 the
/// payload changes about every minute, so this is more than an hour.
pub const MAX_HISTORY: usize = 100;

/// How many items the kept changes may have in all: about 10 MB. After a larger change clients
/// begin again with everything, which costs them less.
pub const MAX_HISTORY_ITEMS: usize = 200_000;

/// Requests at a time that wait for something to happen, of long polls and event streams: half of
/// the connections, so that questions are answered still (THREATS J07).
pub const MAX_WAITING: usize = MAX_CONNECTIONS / 2;

/// How long a long poll waits before it is answered though nothing has changed.
pub const POLL_TIMEOUT: Duration = Duration::from_secs(600);

/// Bytes of the body of `POST /validity`; Routinator's limit.
pub const MAX_LIST_BYTES: usize = 100_000;

/// KiB of differences between payloads above one KiB that wait in memory for single clients, in
/// all (THREATS J06): two of the largest that are kept. Beyond it the answer is 503.
pub const MAX_HELD_KIB: usize = 64 * 1024;

/// Clients at a time that read a whole payload (THREATS J06): each costs two chunks, a buffer of the
/// connection and the state of the compression, about half a megabyte. Beyond it the answer is 503.
pub const MAX_STREAMS: usize = 128;

/// How long a client may take to read a whole payload: 100 MB at 170 kB/s.
pub const STREAM_TIMEOUT: Duration = Duration::from_secs(600);

/// Views in memory that clients still read payloads from: the one in use, and one before. Beyond
/// it, those who read from the oldest are cut off.
pub const MAX_LIVE_VIEWS: usize = 2;

/// Bytes of a JSON list in the body of `POST /v1/validity`: about 20,000 routes.
pub const MAX_QUESTIONS_BYTES: usize = 1024 * 1024;

/// Bytes of a table in the body of `POST /v1/validity`: the table of the Internet, which has
/// about a million prefixes in 2026, in the longest of the forms that are read.
pub const MAX_TABLE_BYTES: usize = 256 * 1024 * 1024;

/// Routes of such a table: twice the Internet's. Each takes 40 bytes until it is answered.
pub const MAX_TABLE_ROUTES: usize = 2_000_000;

/// Bytes of a line of it, as `provost check -i` reads them.
pub const MAX_TABLE_LINE: usize = 256 * 1024;

/// How long a client may take to send it.
pub const TABLE_TIMEOUT: Duration = Duration::from_secs(120);

/// Tables that are read or answered at a time.
pub const MAX_TABLES: usize = 4;

/// Chains in one answer; a VRP that more objects give is no real one.
pub const MAX_CHAINS: usize = 100;

/// How often a stream of events says that it is alive: below the minute after which proxies
/// close what is silent.
pub const HEARTBEAT: Duration = Duration::from_secs(20);

/// How long a client may take to send a body that fits into memory (THREATS J01).
pub const BODY_TIMEOUT: Duration = Duration::from_secs(15);

/// How long clients may take, and are kept waiting; tests have shorter ones.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// See [`BODY_TIMEOUT`].
    pub body: Duration,
    /// See [`TABLE_TIMEOUT`].
    pub table: Duration,
    /// See [`STREAM_TIMEOUT`].
    pub stream: Duration,
    /// See [`POLL_TIMEOUT`].
    pub poll: Duration,
    /// See [`HEARTBEAT`].
    pub heartbeat: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Times {
            body: BODY_TIMEOUT,
            table: TABLE_TIMEOUT,
            stream: STREAM_TIMEOUT,
            poll: POLL_TIMEOUT,
            heartbeat: HEARTBEAT,
        }
    }
}

/// The limits of a listener; tests have shorter ones.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// See [`MAX_CONNECTIONS`].
    pub connections: usize,
    /// See [`MAX_CONNECTIONS_PER_ADDRESS`].
    pub connections_per_address: usize,
    /// See [`HEADER_TIMEOUT`].
    pub header_timeout: Duration,
    /// See [`STALL_TIMEOUT`].
    pub stall_timeout: Duration,
    /// See [`DRAIN_TIMEOUT`].
    pub drain_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: MAX_CONNECTIONS,
            connections_per_address: MAX_CONNECTIONS_PER_ADDRESS,
            header_timeout: HEADER_TIMEOUT,
            stall_timeout: STALL_TIMEOUT,
            drain_timeout: DRAIN_TIMEOUT,
        }
    }
}
