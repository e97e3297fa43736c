//! What bounds the reading of VRP files; the bytes are bounded where they are read.

/// How many VRPs, ASPAs or router keys a file may hold.
///
/// The complete RPKI of July 2025 had 723,521 VRPs; this is 27 times as many.
pub(super) const MAX_ITEMS: usize = 20_000_000;

/// How many trust anchors a file may name; there are five, and labs have a few more.
pub(super) const MAX_TRUST_ANCHORS: usize = 1_000;

/// How many providers one ASPA may have, as rpki-client limits it.
pub(super) const MAX_PROVIDERS: usize = 10_000;

/// The longest DER of a router key in bytes; a P-256 key takes 91 (RFC 8608).
pub(super) const MAX_ROUTER_KEY: usize = 1_024;

/// The largest SLURM file in bytes; held in memory while it is read.
///
/// The whole payload of 2026 as one (Routinator's `slurm`) has about 110 MB; those that operators
/// write have a few kilobytes.
pub const MAX_SLURM_BYTES: usize = 256 << 20;

/// How many filters and assertions a SLURM file may have: twice the whole payload of 2026.
pub(super) const MAX_SLURM_ENTRIES: usize = 2_000_000;

/// How many SLURM files may be in use together.
pub const MAX_SLURM_FILES: usize = 100;

/// Providers of one customer: what an RTR PDU of 65,535 bytes holds (8210bis, section 5.12).
pub const MAX_PROVIDERS_PER_PDU: usize = 16_380;

/// Bytes of a router key: what an RTR PDU of 65,535 bytes holds (RFC 8210, section 5.10).
pub const MAX_ROUTER_KEY_LENGTH: usize = 65_503;
