//! The protocol data units: their bytes, and which of them a router may send.
//!
//! Source: RFC 6810, RFC 8210 and draft-ietf-sidrops-8210bis-27, section 5.

use super::limits::{EXPIRE, MAX_ERROR_LENGTH, MAX_ERROR_TEXT, REFRESH, RETRY};

/// A version of the protocol.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Version {
    /// RFC 6810: prefixes.
    V0,
    /// RFC 8210: router keys, too.
    V1,
    /// draft-ietf-sidrops-8210bis: ASPAs, too.
    V2,
}

impl Version {
    /// All versions, in order.
    pub const ALL: [Version; 3] = [Version::V0, Version::V1, Version::V2];
    /// The highest that is spoken.
    pub const HIGHEST: Version = Version::V2;

    /// Returns the number in the first byte of every PDU.
    pub fn number(self) -> u8 {
        match self {
            Version::V0 => 0,
            Version::V1 => 1,
            Version::V2 => 2,
        }
    }

    /// Returns the version with this number, if it is spoken.
    pub fn from_number(number: u8) -> Option<Self> {
        Version::ALL.into_iter().find(|version| version.number() == number)
    }

    /// Returns the position in lists with one entry for each version.
    pub(super) fn index(self) -> usize {
        usize::from(self.number())
    }
}

/// The types of PDU.
pub(super) mod kind {
    pub const SERIAL_NOTIFY: u8 = 0;
    pub const SERIAL_QUERY: u8 = 1;
    pub const RESET_QUERY: u8 = 2;
    pub const CACHE_RESPONSE: u8 = 3;
    pub const IPV4_PREFIX: u8 = 4;
    pub const IPV6_PREFIX: u8 = 6;
    pub const END_OF_DATA: u8 = 7;
    pub const CACHE_RESET: u8 = 8;
    pub const ROUTER_KEY: u8 = 9;
    pub const ERROR_REPORT: u8 = 10;
    pub const ASPA: u8 = 11;
}

/// What is wrong, in an Error Report (section 12).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ErrorCode {
    /// The PDU's bytes contradict themselves or what went before.
    CorruptData,
    /// There is nothing to answer from; the session goes on.
    NoData,
    /// The PDU is none that a router may send.
    InvalidRequest,
    /// The version is none that is spoken.
    UnsupportedVersion,
    /// The type is none of the session's version.
    UnsupportedType,
    /// The version is another than the session's.
    UnexpectedVersion,
    /// The cache ends, and comes back before the data expire: keep them.
    CacheRestart,
    /// The cache ends for good: forget its data.
    CacheShutdown,
}

impl ErrorCode {
    /// Returns the code, or the one that says the same in an older version.
    pub(super) fn for_version(self, version: Version) -> Self {
        match self {
            ErrorCode::UnexpectedVersion if version == Version::V0 => ErrorCode::UnsupportedVersion,
            code => code,
        }
    }

    pub(super) fn number(self) -> u16 {
        match self {
            ErrorCode::CorruptData => 0,
            ErrorCode::NoData => 2,
            ErrorCode::InvalidRequest => 3,
            ErrorCode::UnsupportedVersion => 4,
            ErrorCode::UnsupportedType => 5,
            ErrorCode::UnexpectedVersion => 8,
            ErrorCode::CacheRestart => 12,
            ErrorCode::CacheShutdown => 13,
        }
    }
}

/// The first eight bytes of every PDU.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Header {
    pub version: u8,
    pub kind: u8,
    /// Session, error code, or flags, by type.
    pub field: u16,
    pub length: u32,
}

impl Header {
    pub const LENGTH: usize = 8;

    pub fn read(bytes: &[u8; Header::LENGTH]) -> Self {
        let [version, kind, f0, f1, l0, l1, l2, l3] = *bytes;
        Header {
            version,
            kind,
            field: u16::from_be_bytes([f0, f1]),
            length: u32::from_be_bytes([l0, l1, l2, l3]),
        }
    }

    /// Returns the length of the whole PDU, if it is one that a router may send.
    ///
    /// # Errors
    ///
    /// Says what to report; nothing beyond the header is to be read.
    pub fn check(self) -> Result<usize, ErrorCode> {
        let length = usize::try_from(self.length).unwrap_or(usize::MAX);
        let right = match self.kind {
            kind::RESET_QUERY => length == Header::LENGTH,
            kind::SERIAL_QUERY => length == Header::LENGTH + 4,
            kind::ERROR_REPORT => (Header::LENGTH + 8..=MAX_ERROR_LENGTH).contains(&length),
            kind::ROUTER_KEY if self.version == 0 => return Err(ErrorCode::UnsupportedType),
            kind::ASPA if self.version < 2 => return Err(ErrorCode::UnsupportedType),
            kind::SERIAL_NOTIFY
            | kind::CACHE_RESPONSE
            | kind::IPV4_PREFIX
            | kind::IPV6_PREFIX
            | kind::END_OF_DATA
            | kind::CACHE_RESET
            | kind::ROUTER_KEY
            | kind::ASPA => return Err(ErrorCode::InvalidRequest),
            _ => return Err(ErrorCode::UnsupportedType),
        };
        if right { Ok(length) } else { Err(ErrorCode::CorruptData) }
    }
}

/// Appends a header.
pub(super) fn put_header(
    out: &mut Vec<u8>,
    version: Version,
    kind: u8,
    field: [u8; 2],
    length: usize,
) {
    // Payload that needs a longer PDU is in no set.
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    let [f0, f1] = field;
    let [l0, l1, l2, l3] = length.to_be_bytes();
    out.extend([version.number(), kind, f0, f1, l0, l1, l2, l3]);
}

/// Makes a Serial Notify.
pub(super) fn serial_notify(version: Version, session: u16, serial: u32) -> Vec<u8> {
    let mut out = Vec::with_capacity(12);
    put_header(&mut out, version, kind::SERIAL_NOTIFY, session.to_be_bytes(), 12);
    out.extend(serial.to_be_bytes());
    out
}

/// Makes a Cache Reset.
pub(super) fn cache_reset(version: Version) -> Vec<u8> {
    let mut out = Vec::with_capacity(8);
    put_header(&mut out, version, kind::CACHE_RESET, [0; 2], 8);
    out
}

/// Appends a Cache Response.
pub(super) fn put_cache_response(out: &mut Vec<u8>, version: Version, session: u16) {
    put_header(out, version, kind::CACHE_RESPONSE, session.to_be_bytes(), 8);
}

/// Appends an End of Data; from version 1 on with the timers.
pub(super) fn put_end_of_data(out: &mut Vec<u8>, version: Version, session: u16, serial: u32) {
    let session = session.to_be_bytes();
    if version == Version::V0 {
        put_header(out, version, kind::END_OF_DATA, session, 12);
        out.extend(serial.to_be_bytes());
        return;
    }
    put_header(out, version, kind::END_OF_DATA, session, 24);
    out.extend(serial.to_be_bytes());
    for timer in [REFRESH, RETRY, EXPIRE] {
        let seconds = u32::try_from(timer.as_secs()).unwrap_or(u32::MAX);
        out.extend(seconds.to_be_bytes());
    }
}

/// Makes an Error Report about `pdu`, which may be cut off, with a text for people.
///
/// Source: RFC 8210, section 5.11.
pub(super) fn error_report(version: Version, code: ErrorCode, pdu: &[u8], text: &str) -> Vec<u8> {
    let length = Header::LENGTH + 4 + pdu.len() + 4 + text.len();
    let mut out = Vec::with_capacity(length);
    put_header(&mut out, version, kind::ERROR_REPORT, code.number().to_be_bytes(), length);
    for part in [pdu, text.as_bytes()] {
        out.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend(part);
    }
    out
}

/// Returns the text of an Error Report's bytes, made safe for a log; nothing where it has none or
/// its lengths lie (THREATS I09).
pub(super) fn error_text(pdu: &[u8]) -> String {
    let text = || {
        let (length, rest) = pdu.get(Header::LENGTH..)?.split_first_chunk::<4>()?;
        let rest = rest.get(usize::try_from(u32::from_be_bytes(*length)).ok()?..)?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        rest.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)
    };
    let text = String::from_utf8_lossy(text().unwrap_or_default());
    text.chars().take(MAX_ERROR_TEXT).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(version: u8, kind: u8, length: u32) -> Header {
        Header { version, kind, field: 0, length }
    }

    #[test]
    fn every_short_pdu_has_the_bytes_of_the_standard() {
        let end = |version| {
            let mut out = Vec::new();
            put_end_of_data(&mut out, version, 0x0102, 0x0304_0506);
            out
        };
        assert_eq!(
            serial_notify(Version::V1, 0x0102, 0x0304_0506),
            [1, 0, 1, 2, 0, 0, 0, 12, 3, 4, 5, 6]
        );
        assert_eq!(cache_reset(Version::V2), [2, 8, 0, 0, 0, 0, 0, 8]);
        assert_eq!(end(Version::V0), [0, 7, 1, 2, 0, 0, 0, 12, 3, 4, 5, 6]);
        assert_eq!(
            end(Version::V2),
            [2, 7, 1, 2, 0, 0, 0, 24, 3, 4, 5, 6, 0, 0, 2, 88, 0, 0, 2, 88, 0, 0, 0x1C, 0x20]
        );
        assert_eq!(
            error_report(Version::V1, ErrorCode::NoData, &[1, 2], "no"),
            [1, 10, 0, 2, 0, 0, 0, 20, 0, 0, 0, 2, 1, 2, 0, 0, 0, 2, b'n', b'o']
        );
    }

    #[test]
    fn i03_a_length_that_does_not_fit_the_type_is_corrupt() {
        for (kind, length) in [
            (kind::RESET_QUERY, 0),
            (kind::RESET_QUERY, 7),
            (kind::RESET_QUERY, 9),
            (kind::SERIAL_QUERY, 8),
            (kind::SERIAL_QUERY, 13),
            (kind::SERIAL_QUERY, u32::MAX),
            (kind::ERROR_REPORT, 15),
            (kind::ERROR_REPORT, u32::MAX),
        ] {
            assert_eq!(header(1, kind, length).check(), Err(ErrorCode::CorruptData), "{kind}");
        }
        assert_eq!(header(1, kind::RESET_QUERY, 8).check(), Ok(8));
        assert_eq!(header(1, kind::SERIAL_QUERY, 12).check(), Ok(12));
        assert_eq!(header(1, kind::ERROR_REPORT, 16).check(), Ok(16));
    }

    #[test]
    fn i06_unknown_types_are_unsupported_and_those_of_a_cache_are_invalid_requests() {
        for kind in [5, 12, 255] {
            assert_eq!(header(2, kind, 8).check(), Err(ErrorCode::UnsupportedType));
        }
        for kind in [0, 3, 4, 6, 7, 8, 9, 11] {
            assert_eq!(header(2, kind, u32::MAX).check(), Err(ErrorCode::InvalidRequest));
        }
        // Types that the version does not have.
        assert_eq!(header(0, kind::ROUTER_KEY, 8).check(), Err(ErrorCode::UnsupportedType));
        assert_eq!(header(1, kind::ASPA, 8).check(), Err(ErrorCode::UnsupportedType));
    }

    #[test]
    fn i09_the_text_of_an_error_report_is_made_safe_and_lying_lengths_give_none() {
        let report =
            |pdu: &[u8]| error_report(Version::V1, ErrorCode::CorruptData, pdu, "bad\n\u{1b}");
        assert_eq!(error_text(&report(b"")), "bad\\n\\u{1b}");
        assert_eq!(error_text(&report(b"\x01\x02\x03")), "bad\\n\\u{1b}");
        let mut lies = report(b"");
        lies[11] = 200;
        assert_eq!(error_text(&lies), "");
        let mut lies = report(b"");
        lies[15] = 200;
        assert_eq!(error_text(&lies), "");
        assert_eq!(error_text(&report(b"")[..12]), "");
        let mut bytes = report(b"");
        bytes[16] = 0xFF;
        assert!(error_text(&bytes).starts_with('\u{FFFD}'));
    }
}
