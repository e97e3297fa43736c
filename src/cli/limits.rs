//! What bounds the files that a user hands in (THREATS K10): the same care as for the network.

/// The most bytes of routes after decompression: 64 GiB.
///
/// Routes are read as a stream, so this bounds time and not memory. A full table of 60 peers as
/// `bgpdump -m` text has about 60 million lines of 150 bytes: 9 GB.
pub(super) const MAX_ROUTE_BYTES: u64 = 64 << 30;

/// The most bytes of a VRP file after decompression: 1 GiB, held in memory while it is read.
///
/// The complete RPKI of July 2025 took 71 MB as rpki-client's JSON.
pub(super) const MAX_VRP_FILE_BYTES: u64 = 1 << 30;

/// The most different prefix-origin pairs that a summary counts: about 4 GB of memory.
///
/// A full table had about 1.3 million in 2025.
pub(super) const MAX_UNIQUE_ROUTES: usize = 100_000_000;

/// The most bytes of an object that is inspected, after decompression: 64 MiB.
///
/// Eight times what is decoded, so that an object that is too large is shown to be so.
pub(super) const MAX_INSPECTED_BYTES: u64 = 64 << 20;

/// The most bytes of another validator's configuration that are read: 1 MiB; real ones have a few
/// kilobytes.
pub(super) const MAX_IMPORTED_BYTES: u64 = 1 << 20;

/// The most entries of each part of a CCR that are listed; the rest is counted.
///
/// A whole one has some 700,000 VRPs, which `provost check --vrps` reads.
pub(super) const MAX_LISTED_CCR_ENTRIES: usize = 100;
