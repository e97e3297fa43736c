//! Every limit of the worker and its supervisor, with its reason.
//!
//! What is slow, new or failing may hold back only others like it.

use std::time::Duration;

/// How many fetches run at a time. Most of them wait for somebody slow, which costs a socket.
pub const FETCHES: usize = 256;

/// How many fetches younger than [`PROMPT`] run at a time: those that are really at work;
/// rpki-client runs 32 RRDP sessions.
pub const FETCHES_AT_WORK: usize = 32;

/// How many of [`FETCHES_AT_WORK`] may be of repositories that were not prompt the last time: a
/// quarter is kept for those that were.
pub const UNPROVEN_AT_WORK: usize = 24;

/// How many of [`FETCHES`] may be of repositories that were not prompt the last time: as many as
/// leave room for all that [`FETCHES_AT_WORK`] allows.
pub const UNPROVEN_FETCHES: usize = FETCHES - FETCHES_AT_WORK;

/// How many repositories of one host are fetched at a time: rpki-prover's limit is five.
pub const FETCHES_PER_HOST: usize = 4;

/// How long a fetch may take and still count as prompt: an unchanged RRDP repository answers in
/// less than a second, a few deltas take a few.
pub const PROMPT: Duration = Duration::from_secs(10);

/// How long the first world waits for a repository from its discovery on: the time that one
/// attempt may take (`REPOSITORY_DEADLINE` in `fetch/limits.rs`).
pub const FIRST_DEADLINE: Duration = Duration::from_secs(300);

/// How long the first world waits in all, whatever is discovered meanwhile (THREATS A11).
pub const FIRST_WORLD_DEADLINE: Duration = Duration::from_secs(900);

/// Publications that only renew "last up to date" are at least this far apart.
pub const RENEWAL_INTERVAL: Duration = Duration::from_secs(60);

/// The loop looks at the clock at least this often: the system's time may have been set.
pub const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// How often what nothing needs any more is removed from the cache.
pub const HOUSEKEEPING_INTERVAL: Duration = Duration::from_secs(600);

/// How long a repository that no certificate names any more is kept: its CA may be away for a
/// while only, because of a fault somewhere above it.
pub const UNNAMED_KEPT: Duration = Duration::from_secs(24 * 3_600);

/// How many repositories that no certificate names any more are kept: whoever names new ones in
/// each cycle must not fill the disk with them (THREATS L20).
pub const UNNAMED_REPOSITORIES: usize = 200;

/// How many crashes with a unit in hand quarantine it (DESIGN, section 2).
pub const CRASHES_TO_QUARANTINE: u32 = 3;

/// How long a unit is left alone at first; it doubles with each further crash.
pub const FIRST_QUARANTINE: Duration = Duration::from_secs(600);

/// How long a unit is left alone at most.
pub const LONGEST_QUARANTINE: Duration = Duration::from_secs(24 * 3_600);

/// How many suspects are remembered: more than a worker ever has in hand at once.
pub const SUSPECTS: usize = 1_000;

/// How many bytes a file in the state directory may have that another process wrote: twice what a
/// thousand suspects with the longest names take.
pub const STATE_FILE_BYTES: u64 = 8_000_000;

/// How often the server reads what the worker says about itself.
pub const REPORT_INTERVAL: Duration = Duration::from_secs(5);

/// How many bytes the name of a unit in hand may have: the longest URI, and one letter before it.
pub const UNIT_BYTES: usize = 2_304;
