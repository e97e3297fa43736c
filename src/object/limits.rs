//! Every limit of decoding, with its source.

/// The largest object that is decoded, in bytes.
///
/// rpki-client takes 8,000,000, Routinator 20,000,000; the largest seen was 1.4 MB (2023).
pub const MAX_OBJECT_SIZE: usize = 8_000_000;

/// The largest certificate that is decoded, in bytes.
///
/// 200,000 address ranges (rpki-client's limit) of IPv6 need 8 MB; the largest certificates in use
/// have a few hundred kilobytes.
pub const MAX_CERTIFICATE_SIZE: usize = 4_000_000;

/// The most address ranges or AS ranges of one certificate; rpki-client's limit.
pub const MAX_RESOURCE_RANGES: usize = 200_000;

/// The most entries of one manifest; rpki-client's limit, five times the largest seen (2023).
pub const MAX_MANIFEST_ENTRIES: usize = 100_000;

/// The longest file name on a manifest, in bytes; what file systems permit.
pub const MAX_FILE_NAME: usize = 255;

/// The most revoked certificates of one CRL.
///
/// An entry has at least 22 bytes, so that the object size alone permits 360,000.
pub const MAX_CRL_ENTRIES: usize = 360_000;

/// The most prefixes of one ROA; far above the largest in use (some 2,000).
pub const MAX_ROA_PREFIXES: usize = 200_000;

/// The most providers of one ASPA: what one RTR PDU can carry (8210bis, section 5.12).
pub const MAX_ASPA_PROVIDERS: usize = 16_380;

/// The most AS numbers of one router certificate; each one is a payload item with a whole key.
pub const MAX_ROUTER_ASNS: usize = 1_000;

/// The longest signed attributes, in bytes; the three that RFC 9589 permits have 107.
pub const MAX_SIGNED_ATTRIBUTES: usize = 1_024;

/// The largest trust anchor locator, in bytes; in use are some 600.
pub const MAX_TAL_SIZE: usize = 65_536;

/// The most URIs of one trust anchor locator; in use are two.
pub const MAX_TAL_URIS: usize = 16;

/// The largest vCard of a Ghostbusters record, in bytes; those in use have a few hundred.
pub const MAX_VCARD_SIZE: usize = 65_536;

/// The most comments of one key in a TAK; RFC 9691 sets no limit, a locator has a handful.
pub const MAX_TAK_COMMENTS: usize = 64;

/// The most files of one signed checklist; RFC 9323 sets no limit, so that of manifests is taken.
pub const MAX_CHECKLIST_ENTRIES: usize = MAX_MANIFEST_ENTRIES;

/// The most parts of a distinguished name that are shown; RFC 6487 permits two.
pub const MAX_NAME_PARTS: usize = 8;

/// The largest CCR that is decoded, in bytes: 64 MiB.
///
/// The VRPs of July 2025 take about 10 MB in it, 50,000 manifests as many.
pub const MAX_CCR_SIZE: usize = 64 << 20;

/// The most manifests of one CCR: what `MAX_CCR_SIZE` permits of entries with some 130 bytes.
pub const MAX_CCR_MANIFESTS: usize = 500_000;

/// The most places of one manifest in a CCR; a certificate names one, rpki-client reads one.
pub const MAX_CCR_LOCATIONS: usize = 16;

/// The most VRPs of one CCR: nearly seven times the complete RPKI of July 2025.
pub const MAX_CCR_VRPS: usize = 5_000_000;

/// The most ASPAs of one CCR: ten times the AS numbers that announced anything in 2025.
pub const MAX_CCR_ASPAS: usize = 800_000;

/// The most trust anchors of one CCR; there are five, and labs have a few more.
pub const MAX_CCR_TRUST_ANCHORS: usize = 1_000;

/// The most router keys of one CCR; in use are a handful, and each holds its bytes.
pub const MAX_CCR_ROUTER_KEYS: usize = 500_000;

/// The longest DER of a router key in a CCR, in bytes; a P-256 key takes 91 (RFC 8608).
pub const MAX_CCR_ROUTER_KEY: usize = 1_024;
