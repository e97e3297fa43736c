//! What a router has sent and nobody has answered yet. Pure.

use bytes::{Buf, BufMut, BytesMut};

use super::limits::READ_BUFFER;
use super::pdu::{ErrorCode, Header, Version, kind};

/// Bytes of a router, of any length, in any pieces.
#[derive(Debug, Default)]
pub(super) struct Inbox(BytesMut);

/// A whole PDU of a router.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Query {
    /// A Reset Query.
    Reset { pdu: BytesMut, version: Version },
    /// A Serial Query.
    Serial { pdu: BytesMut, version: Version, session: u16, serial: u32 },
    /// An Error Report, of any version.
    Error { pdu: BytesMut, code: u16 },
    /// A query of a version that is not spoken.
    Unspoken { pdu: BytesMut },
}

/// Bytes that no router may send.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Broken {
    /// It is to be told.
    Tell { code: ErrorCode, pdu: BytesMut },
    /// An Error Report that is broken itself: never answered (THREATS I08).
    Silent,
}

impl Inbox {
    /// Returns where to read to; bounded, whatever the router sends.
    pub fn space(&mut self) -> impl BufMut + '_ {
        let left = READ_BUFFER.saturating_sub(self.0.len());
        (&mut self.0).limit(left)
    }

    /// Tells whether nothing more can be read before something is taken.
    pub fn is_full(&self) -> bool {
        self.0.len() >= READ_BUFFER
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes the first PDU, if it is there whole. `agreed` is the session's version.
    pub fn take(&mut self, agreed: Option<Version>) -> Result<Option<Query>, Broken> {
        let Some(head) = self.0.first_chunk::<{ Header::LENGTH }>() else { return Ok(None) };
        let header = Header::read(head);
        let tell = |code, inbox: &BytesMut| {
            let pdu = inbox.get(..Header::LENGTH).unwrap_or_default();
            Err(Broken::Tell { code, pdu: BytesMut::from(pdu) })
        };
        let spoken = Version::from_number(header.version);
        if let Some(agreed) = agreed.filter(|agreed| spoken != Some(*agreed))
            && header.kind != kind::ERROR_REPORT
        {
            return tell(ErrorCode::UnexpectedVersion.for_version(agreed), &self.0);
        }
        let length = match header.check() {
            Ok(length) => length,
            Err(_) if header.kind == kind::ERROR_REPORT => return Err(Broken::Silent),
            Err(_) if spoken.is_none() => return tell(ErrorCode::UnsupportedVersion, &self.0),
            Err(code) => return tell(code, &self.0),
        };
        if self.0.len() < length {
            return Ok(None);
        }
        let pdu = self.0.split_to(length);
        let mut body = pdu.get(Header::LENGTH..).unwrap_or_default();
        Ok(Some(match (header.kind, spoken) {
            (kind::ERROR_REPORT, _) => Query::Error { pdu, code: header.field },
            (_, None) => Query::Unspoken { pdu },
            (kind::SERIAL_QUERY, Some(version)) => {
                let serial = body.try_get_u32().unwrap_or_default();
                Query::Serial { pdu, version, session: header.field, serial }
            }
            (_, Some(version)) => Query::Reset { pdu, version },
        }))
    }
}

/// Reads what a router sends in pieces of at most `piece` bytes; returns how many queries it makes, and
/// whether it ends in bytes that no router may send. For fuzzing.
pub fn count_queries(mut bytes: &[u8], piece: usize) -> (usize, bool) {
    let (mut inbox, mut queries) = (Inbox::default(), 0);
    loop {
        match inbox.take(None) {
            Ok(Some(_)) => queries += 1,
            Err(_) => return (queries, true),
            // A full inbox of which nothing can be taken would stall for ever.
            Ok(None) if bytes.is_empty() || inbox.is_full() => return (queries, inbox.is_full()),
            Ok(None) => {
                let room = inbox.space().remaining_mut();
                let (now, later) = bytes.split_at(piece.min(bytes.len()).min(room));
                inbox.space().put_slice(now);
                bytes = later;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inbox(bytes: &[u8]) -> Inbox {
        Inbox(BytesMut::from(bytes))
    }

    fn code(bytes: &[u8], agreed: Option<Version>) -> Option<ErrorCode> {
        match inbox(bytes).take(agreed) {
            Err(Broken::Tell { code, .. }) => Some(code),
            _ => None,
        }
    }

    const RESET: [u8; 8] = [1, 2, 0, 0, 0, 0, 0, 8];
    const SERIAL: [u8; 12] = [1, 1, 1, 2, 0, 0, 0, 12, 0, 0, 0, 9];

    #[test]
    fn i04_a_pdu_is_taken_when_its_last_byte_is_there() {
        for end in 0..SERIAL.len() {
            assert_eq!(inbox(&SERIAL[..end]).take(None), Ok(None));
        }
        let mut inbox = inbox(&[SERIAL.as_slice(), &RESET, &RESET[..3]].concat());
        let pdu = BytesMut::from(SERIAL.as_slice());
        let serial = Query::Serial { pdu, version: Version::V1, session: 0x0102, serial: 9 };
        assert_eq!(inbox.take(None), Ok(Some(serial)));
        let pdu = BytesMut::from(RESET.as_slice());
        assert_eq!(inbox.take(None), Ok(Some(Query::Reset { pdu, version: Version::V1 })));
        assert_eq!(inbox.take(None), Ok(None));
        assert!(!inbox.is_empty());
    }

    #[test]
    fn i07_versions_are_spoken_unspoken_or_unexpected() {
        let reset = |version| [version, 2, 0, 0, 0, 0, 0, 8];
        for version in 0..=2 {
            assert!(matches!(inbox(&reset(version)).take(None), Ok(Some(Query::Reset { .. }))));
        }
        for version in [3, 255] {
            assert!(matches!(inbox(&reset(version)).take(None), Ok(Some(Query::Unspoken { .. }))));
            // Of another version, nothing but the header is known.
            assert_eq!(
                code(&[version, 77, 0, 0, 0, 0, 0, 8], None),
                Some(ErrorCode::UnsupportedVersion)
            );
        }
        let unexpected = Some(ErrorCode::UnexpectedVersion);
        assert_eq!(code(&reset(1), Some(Version::V2)), unexpected);
        assert_eq!(code(&reset(3), Some(Version::V1)), unexpected);
        // Version 0 has no such code.
        assert_eq!(code(&reset(1), Some(Version::V0)), Some(ErrorCode::UnsupportedVersion));
    }

    #[test]
    fn i03_what_is_refused_is_refused_by_its_header() {
        assert_eq!(code(&[1, 2, 0, 0, 255, 255, 255, 255], None), Some(ErrorCode::CorruptData));
        assert_eq!(code(&[1, 4, 0, 0, 0, 0, 0, 20], None), Some(ErrorCode::InvalidRequest));
        assert_eq!(code(&[1, 5, 0, 0, 0, 0, 0, 20], None), Some(ErrorCode::UnsupportedType));
    }

    #[test]
    fn i08_a_broken_error_report_is_not_answered() {
        for bytes in [[1, 10, 0, 0, 255, 255, 255, 255], [9, 10, 0, 0, 0, 0, 0, 3]] {
            assert_eq!(inbox(&bytes).take(None), Err(Broken::Silent));
            assert_eq!(inbox(&bytes).take(Some(Version::V2)), Err(Broken::Silent));
        }
    }

    #[test]
    fn i13_no_more_is_read_than_has_room() {
        let mut inbox = Inbox::default();
        inbox.space().put_slice(&[0; READ_BUFFER]);
        assert!(inbox.is_full());
        assert_eq!(inbox.space().remaining_mut(), 0);
    }
}
