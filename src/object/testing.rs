//! Makes DER by hand, for tests.

use crate::ca::tlv;

/// Writes one value.
pub(crate) fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    tlv(tag, &[content])
}
