//! What bounds the reading of routes.

/// The longest line in bytes; a longer one is skipped and reported.
///
/// An AS path fills at most one extended BGP message (65,535 octets, RFC 8654): about 16,000 AS
/// numbers of at most 11 characters each.
pub(super) const MAX_LINE: usize = 256 * 1024;
