//! Every limit of the network stage, with its source.
//!
//! A limit that is broken costs the smallest thing it can: an object, then a file, then one
//! attempt at one repository. It never costs another repository.

use std::time::Duration;

/// The largest object: Routinator's and FORT's limit; the largest seen in 2023 had 1.4 MB.
pub const OBJECT_BYTES: u64 = 20_000_000;

/// The largest trust anchor certificate: real ones have 2 KB; one may list all resources.
pub const TRUST_ANCHOR_BYTES: u64 = 1_000_000;

/// The largest notification, after decompression: 500 deltas need 150 KB; rpki-client allows more
/// deltas, some servers list thousands.
pub const NOTIFICATION_BYTES: u64 = 10_000_000;

/// The largest snapshot, after decompression: FORT's and rpki-client's limit for a file.
pub const SNAPSHOT_BYTES: u64 = 2_000_000_000;

/// The largest delta, and all deltas of one attempt, after decompression: beyond it the snapshot
/// is cheaper (THREATS B21).
pub const DELTA_BYTES: u64 = 200_000_000;

/// How many deltas a notification may list before the list is ignored: Routinator's limit.
pub const DELTA_LIST: usize = 500;

/// How many deltas are applied before the snapshot is taken instead: Routinator's limit.
pub const DELTAS_APPLIED: u64 = 100;

/// How many objects one repository may hold: twice the whole RPKI of 2026.
pub const REPOSITORY_OBJECTS: usize = 1_000_000;

/// How many bytes the names of one repository's objects may have in all: 200 for each of the most
/// objects that it may hold. Names are held in memory while a document is read.
pub const REPOSITORY_NAME_BYTES: u64 = 200_000_000;

/// How many bytes all attempts together may have on disk: documents on their way, and what rsync
/// has copied. A first sync of 2026 needs less than half (THREATS L20).
pub const TRANSFER_BYTES: u64 = 4_000_000_000;

/// How much of [`TRANSFER_BYTES`] the copies of rsync modules may have between attempts; one that
/// finds no room is removed, which costs its next transfer.
pub const KEPT_COPIES_SHARE: u64 = 4;

/// How many bytes the cache may have: ten times what the RPKI of 2026 needs.
pub const CACHE_BYTES: u64 = 20_000_000_000;

/// How many bytes of the disk are left alone by what is fetched, for states and worlds.
pub const DISK_RESERVE: u64 = 500_000_000;

/// How many bytes notifications, and names that deltas have changed, may have in memory.
pub const MEMORY_BYTES: u64 = 500_000_000;

/// How large a document counts as large: few repositories have such a snapshot.
pub const LARGE_DOCUMENT: u64 = 16_000_000;

/// How many documents that are not large are parsed at a time.
pub const PARSERS: usize = 8;

/// How many large documents are parsed at a time: each may hold a repository's names in memory.
pub const LARGE_PARSERS: usize = 2;

/// The largest tag, comment or declaration in RRDP's XML: two URIs of 2,048 bytes and a hash.
pub const XML_TAG_BYTES: usize = 16_384;

/// The longest URI of a redirect or the like that is written to a log.
pub const LOGGED_TEXT: usize = 300;

/// How many redirects are followed; peers follow 10, real servers use one.
pub const REDIRECTS: usize = 5;

/// How many addresses of one name are tried (THREATS L18).
pub const ADDRESSES: usize = 8;

/// How many headers a response may have (THREATS A29); hyper's default.
pub const HEADERS: usize = 100;

/// The longest `ETag` that is kept (THREATS A28).
pub const ETAG_BYTES: usize = 512;

/// The longest `Last-Modified` that is kept: the formats of HTTP dates have 29 bytes.
pub const LAST_MODIFIED_BYTES: usize = 40;

/// How long resolving a name, connecting and the TLS handshake may take: rpki-client's limit.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// How long a server may be silent: rpki-client allows 30 s in all and 10 s idle.
pub const READ_TIMEOUT: Duration = Duration::from_secs(15);

/// How long a body may be slower than [`MINIMUM_RATE`].
pub const RATE_GRACE: Duration = Duration::from_secs(30);

/// The lowest mean rate of a body in bytes a second, once [`RATE_GRACE`] is over; FORT wants
/// 100,000, which a slow but honest line may not reach.
pub const MINIMUM_RATE: u64 = 10_000;

/// How long one attempt at a repository may take in all: Routinator's limit for rsync.
pub const REPOSITORY_DEADLINE: Duration = Duration::from_secs(300);

/// How long rsync may take to connect: rpki-client's limit.
pub const RSYNC_CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// How long an rsync server may be silent: rpki-client's limit.
pub const RSYNC_READ_TIMEOUT: Duration = Duration::from_secs(30);

/// How often the size of what rsync has written is looked at.
pub const RSYNC_WATCH_INTERVAL: Duration = Duration::from_secs(2);

/// How many bytes one rsync module may hold: as a snapshot, less base64.
pub const RSYNC_BYTES: u64 = 1_500_000_000;

/// How much of what rsync writes to its standard error is kept.
pub const RSYNC_STDERR_BYTES: usize = 8_192;

/// How deep a tree of files is walked: real modules have five levels.
pub const TREE_DEPTH: usize = 32;

/// How many entries a tree of files may have, directories included.
pub const TREE_ENTRIES: u64 = 3_000_000;

/// How many dropped objects or names of one attempt are listed; the rest is counted.
pub const LISTED_DROPS: usize = 100;

/// How often an up-to-date repository is asked again: Routinator's and rpki-client's habit.
pub const REFRESH: Duration = Duration::from_secs(600);

/// The first pause after a failure; it doubles with each further one.
pub const FIRST_BACKOFF: Duration = Duration::from_secs(60);

/// The longest pause after failures.
pub const LAST_BACKOFF: Duration = Duration::from_secs(3600);

/// How many repositories one trust anchor may add: rpki-client's and rpki-prover's limit
/// (THREATS A11). The worker counts.
pub const REPOSITORIES_PER_TRUST_ANCHOR: usize = 1_000;
