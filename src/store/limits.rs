//! Every limit of the cache, with its reason.

use std::time::Duration;

/// How many bytes of objects one transaction inserts: DESIGN, section 4. Larger batches make
/// another repository's commit wait.
pub(super) const BATCH_BYTES: usize = 8_000_000;

/// How many objects one transaction inserts; many tiny objects cost as much as few large ones.
pub(super) const BATCH_OBJECTS: usize = 8_000;

/// How many URIs of a new repository one transaction writes: about 50 ms of work.
pub(super) const MAP_BATCH: usize = 5_000;

/// How many objects one call of `prune` removes: some 100 ms of work.
pub(super) const PRUNE_ROWS: usize = 20_000;

/// How many bytes of memos one transaction writes: about 50 ms of work.
pub(super) const MEMO_BATCH: usize = 8_000_000;

/// How many transactions of memos wait to be written; whoever makes more waits, too.
pub(super) const MEMO_QUEUE: usize = 1;

/// How many connections a snapshot reads with at most; more than cores are of no use.
pub(super) const MAX_READERS: usize = 16;

/// How many bytes of one point are read together: nearly every point has less, and each thread
/// holds one point.
pub(super) const READ_TOGETHER: usize = 4_000_000;

/// How often a snapshot is tried again when a writer commits while it is being opened.
pub(super) const SNAPSHOT_ATTEMPTS: u32 = 100;

/// How long a connection waits for another one; only a checkpoint is ever waited for.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// How long RRDP may fail before rsync is read instead: Routinator's `rrdp-fallback-time`.
pub(super) const FALLBACK_TIME: Duration = Duration::from_secs(3600);
