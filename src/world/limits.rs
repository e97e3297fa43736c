//! How large the files of a world may be.

/// How many records one section of a base file holds: 800,000 VRPs are 25 sections, enough to
/// keep a few cores busy, and each is large enough that its 41 octets of table are nothing.
pub(super) const SECTION_RECORDS: usize = 32_768;

/// How many sections are read before they are decoded, on all cores: some 16 MB.
pub(super) const SECTIONS_AT_ONCE: usize = 8;

/// The octets of a VRP with its object in a section: at least one each for family, length, max
/// length, AS and object, and four of address.
pub(super) const SMALLEST_VRP_RECORD: usize = 9;

/// How many sections a base file may have: 65 million records, eighty times today's VRPs.
pub(super) const MAX_SECTIONS: u32 = 2048;

/// The largest head in octets: some 300 octets for each of 2,000 repositories for each of five
/// trust anchors are 3 MB.
pub(super) const LARGEST_HEAD: usize = 16 << 20;

/// The largest record of the log in octets: what is larger becomes a base file of its own.
pub(super) const LARGEST_RECORD: usize = 1 << 30;

/// The log may grow to this part of its base file, then a new base is written: so what a start
/// reads is at most a tenth more than needed, and what is written at most ten times what changed.
pub(super) const LOG_SHARE: u64 = 10;

/// The log of a small world may have so many octets all the same, so that a lab is not written
/// anew with each change.
pub(super) const LOG_ALLOWANCE: u64 = 256 << 10;
