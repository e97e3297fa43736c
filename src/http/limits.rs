//! What a client may cost the server.

use std::time::Duration;

/// Connections at a time; more wait in the kernel's queue.
///
/// Below the 8192 files of the shipped unit; a full dump is shared, so a connection costs little.
pub const MAX_CONNECTIONS: usize = 1024;

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

/// The limits of a listener; tests have shorter ones.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// See [`MAX_CONNECTIONS`].
    pub connections: usize,
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
            header_timeout: HEADER_TIMEOUT,
            stall_timeout: STALL_TIMEOUT,
            drain_timeout: DRAIN_TIMEOUT,
        }
    }
}
