//! A strict DER reader over slices: it copies nothing, and never recurses.

use chrono::NaiveDate;

use super::error::DecodeError;
use crate::model::Timestamp;

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OID: u8 = 0x06;
pub(crate) const UTF8_STRING: u8 = 0x0c;
pub(crate) const PRINTABLE_STRING: u8 = 0x13;
pub(crate) const TELETEX_STRING: u8 = 0x14;
pub(crate) const IA5_STRING: u8 = 0x16;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const UNIVERSAL_STRING: u8 = 0x1c;
pub(crate) const BMP_STRING: u8 = 0x1e;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
/// `[0]`, primitive.
pub(crate) const IMPLICIT_0: u8 = 0x80;
/// `[0]`, constructed.
pub(crate) const EXPLICIT_0: u8 = 0xa0;
/// `[1]`, constructed.
pub(crate) const EXPLICIT_1: u8 = 0xa1;
/// `[3]`, constructed.
pub(crate) const EXPLICIT_3: u8 = 0xa3;

type Result<T> = std::result::Result<T, DecodeError>;

/// One value: its tag, its content, and the whole with tag and length.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Value<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
    pub(crate) whole: &'a [u8],
}

/// Reads one value after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes }
    }

    /// Reads bytes that are one SEQUENCE and nothing behind it.
    pub(crate) fn whole_sequence(bytes: &'a [u8], what: &'static str) -> Result<Reader<'a>> {
        let mut outer = Reader::new(bytes);
        let inner = outer.sequence(what)?;
        outer.end(what)?;
        Ok(inner)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Refuses anything that was not read.
    pub(crate) fn end(self, what: &'static str) -> Result<()> {
        match self.rest.is_empty() {
            true => Ok(()),
            false => Err(DecodeError::syntax(format!("{what}: unexpected data at its end"))),
        }
    }

    /// Reads the next value, whatever it is.
    #[inline]
    pub(crate) fn value(&mut self, what: &'static str) -> Result<Value<'a>> {
        let start = self.rest;
        let Some(value) = parse(start) else { return Err(not_der(what)) };
        self.rest = start.get(value.whole.len()..).unwrap_or_default();
        Ok(value)
    }

    /// Reads the content of the next value, which must have `tag`.
    #[inline]
    pub(crate) fn expect(&mut self, tag: u8, what: &'static str) -> Result<&'a [u8]> {
        let value = self.value(what)?;
        if value.tag == tag { Ok(value.content) } else { Err(unlike(value.tag, tag, what)) }
    }

    /// Reads the content of the next value if it has `tag`.
    #[inline]
    pub(crate) fn optional(&mut self, tag: u8, what: &'static str) -> Result<Option<&'a [u8]>> {
        if self.rest.first() == Some(&tag) { self.expect(tag, what).map(Some) } else { Ok(None) }
    }

    #[inline]
    pub(crate) fn sequence(&mut self, what: &'static str) -> Result<Reader<'a>> {
        self.expect(SEQUENCE, what).map(Reader::new)
    }

    /// Reads an OBJECT IDENTIFIER, as its octets.
    pub(crate) fn oid(&mut self, what: &'static str) -> Result<&'a [u8]> {
        let octets = self.expect(OID, what)?;
        // The last octet of each part has the top bit clear, and none starts with zero bits.
        let is_first = |index: usize| {
            let before = index.checked_sub(1).and_then(|before| octets.get(before));
            before.is_none_or(|octet| octet & 0x80 == 0)
        };
        let mut octets_with_index = octets.iter().enumerate();
        // Looked at by place only if there is one at all, which is rare.
        let is_padded = octets.contains(&0x80)
            && octets_with_index.any(|(index, octet)| *octet == 0x80 && is_first(index));
        match octets.last() {
            Some(0..=0x7f) if !is_padded => Ok(octets),
            _ => Err(DecodeError::syntax(format!("{what}: a malformed object identifier"))),
        }
    }

    /// Reads a non-negative INTEGER of at most 20 octets, padded on the left.
    ///
    /// Source: RFC 5280, section 4.1.2.2; RFC 9286, section 4.2.1.
    pub(crate) fn unsigned_20(&mut self, what: &'static str) -> Result<Option<[u8; 20]>> {
        let content = integer(self.expect(INTEGER, what)?, what)?;
        let mut number = [0; 20];
        let is_negative = content.first().is_some_and(|b| b & 0x80 != 0);
        match 20usize.checked_sub(content.len()).and_then(|start| number.get_mut(start..)) {
            Some(target) if !is_negative => target.copy_from_slice(content),
            _ => return Ok(None),
        }
        Ok(Some(number))
    }

    /// Reads an INTEGER between 0 and 2^32 - 1.
    pub(crate) fn u32(&mut self, what: &'static str) -> Result<u32> {
        to_u32(integer(self.expect(INTEGER, what)?, what)?)
            .ok_or_else(|| DecodeError::syntax(format!("{what}: not between 0 and 4294967295")))
    }

    /// Reads an INTEGER that must be `wanted`.
    pub(crate) fn version(&mut self, wanted: u32, what: &'static str) -> Result<()> {
        match self.u32(what)? {
            version if version == wanted => Ok(()),
            version => Err(DecodeError::syntax(format!("{what}: {version} instead of {wanted}"))),
        }
    }

    /// Reads a UTCTime or a GeneralizedTime, each only for the years that are its own.
    ///
    /// Source: RFC 5280, section 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050.
    pub(crate) fn time(&mut self, what: &'static str) -> Result<Timestamp> {
        let value = self.value(what)?;
        let bad = || DecodeError::syntax(format!("{what}: not a time in the form of RFC 5280"));
        match value.tag {
            UTC_TIME => utc_time(value.content).ok_or_else(bad),
            GENERALIZED_TIME => {
                let (year, time) = generalized_time(value.content).ok_or_else(bad)?;
                if year >= 2050 { Ok(time) } else { Err(bad()) }
            }
            _ => Err(bad()),
        }
    }

    /// Reads a GeneralizedTime of any year.
    pub(crate) fn generalized_time(&mut self, what: &'static str) -> Result<Timestamp> {
        generalized_time(self.expect(GENERALIZED_TIME, what)?)
            .map(|(_, time)| time)
            .ok_or_else(|| DecodeError::syntax(format!("{what}: not YYYYMMDDHHMMSSZ")))
    }
}

// Apart, so that reading a value, which is done a hundred times for each object, is short.
#[cold]
fn not_der(what: &'static str) -> DecodeError {
    DecodeError::syntax(format!("{what}: missing, cut off or not DER"))
}

#[cold]
fn unlike(found: u8, wanted: u8, what: &'static str) -> DecodeError {
    DecodeError::syntax(format!("{what}: tag 0x{found:02x} instead of 0x{wanted:02x}"))
}

/// Checks that an INTEGER is there, and not longer than it must be.
fn integer<'a>(content: &'a [u8], what: &'static str) -> Result<&'a [u8]> {
    match content {
        [] | [0x00, 0x00..=0x7f, ..] | [0xff, 0x80..=0xff, ..] => {
            Err(DecodeError::syntax(format!("{what}: not a minimal INTEGER")))
        }
        _ => Ok(content),
    }
}

fn to_u32(content: &[u8]) -> Option<u32> {
    let digits = match content {
        [0x80..=0xff, ..] => return None,
        [0x00, digits @ ..] => digits,
        digits => digits,
    };
    let mut bytes = [0; 4];
    bytes.get_mut(4usize.checked_sub(digits.len())?..)?.copy_from_slice(digits);
    Some(u32::from_be_bytes(bytes))
}

/// Splits a BIT STRING into its octets and the number of unused bits, which must be zero.
pub(crate) fn bit_string(content: &[u8]) -> Option<(&[u8], u8)> {
    let (&unused, octets) = content.split_first()?;
    let padding = match octets.last() {
        Some(last) if unused < 8 => last & !(0xffu8 << unused),
        None if unused == 0 => 0,
        _ => return None,
    };
    (padding == 0).then_some((octets, unused))
}

/// Reads one value; only low tag numbers and minimal definite lengths of up to four octets.
fn parse(bytes: &[u8]) -> Option<Value<'_>> {
    let (&tag, rest) = bytes.split_first()?;
    if tag & 0x1f == 0x1f {
        return None;
    }
    let (&first, rest) = rest.split_first()?;
    let (length, header) = match first {
        0..=0x7f => (usize::from(first), 2),
        0x81..=0x84 => {
            let octets = usize::from(first & 0x7f);
            let digits = rest.get(..octets)?;
            let length = digits.iter().fold(0usize, |sum, b| (sum << 8) | usize::from(*b));
            let is_minimal = length >= 0x80 && digits.first() != Some(&0);
            (is_minimal.then_some(length)?, 2 + octets)
        }
        _ => return None,
    };
    let whole = bytes.get(..header.checked_add(length)?)?;
    Some(Value { tag, content: whole.get(header..)?, whole })
}

fn utc_time(text: &[u8]) -> Option<Timestamp> {
    let (year, rest) = text.split_at_checked(2)?;
    let year = i32::try_from(number(year)?).ok()?;
    let year = if year >= 50 { 1900 + year } else { 2000 + year };
    date_time(year, rest)
}

fn generalized_time(text: &[u8]) -> Option<(i32, Timestamp)> {
    let (year, rest) = text.split_at_checked(4)?;
    let year = i32::try_from(number(year)?).ok()?;
    Some((year, date_time(year, rest)?))
}

/// Reads `MMDDHHMMSSZ`.
fn date_time(year: i32, rest: &[u8]) -> Option<Timestamp> {
    let digits = rest.strip_suffix(b"Z").filter(|digits| digits.len() == 10)?;
    let mut pairs = digits.chunks_exact(2).map(number);
    let mut next = || pairs.next().flatten();
    let (month, day, hour, minute, second) = (next()?, next()?, next()?, next()?, next()?);
    let date = NaiveDate::from_ymd_opt(year, month, day)?;
    Some(Timestamp(date.and_hms_opt(hour, minute, second)?.and_utc().timestamp()))
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |sum, b| b.is_ascii_digit().then(|| sum * 10 + u32::from(b - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn f02_to_f07_lengths_are_minimal_definite_and_inside() {
        for bytes in [
            &b""[..],
            b"\x30",
            b"\x30\x01",
            b"\x30\x80\x00\x00",
            b"\x30\x81\x7f",
            b"\x30\x82\x00\x80",
            b"\x30\x84\xff\xff\xff\xff",
            b"\x30\x89\x01\x01\x01\x01\x01\x01\x01\x01\x01",
            b"\x1f\x01\x00",
        ] {
            assert!(Reader::new(bytes).value("it").is_err(), "{bytes:02x?}");
        }
        let mut bytes = vec![0x04, 0x81, 0x80];
        bytes.extend([7; 0x80]);
        assert_eq!(Reader::new(&bytes).expect(OCTET_STRING, "it").unwrap().len(), 0x80);
    }

    #[test]
    fn f07_integers_are_minimal_and_in_range() {
        let read = |bytes: &[u8]| Reader::new(bytes).u32("it").ok();
        assert_eq!(read(b"\x02\x01\x00"), Some(0));
        assert_eq!(read(b"\x02\x05\x00\xff\xff\xff\xff"), Some(u32::MAX));
        for bytes in [
            &b"\x02\x00"[..],
            b"\x02\x02\x00\x01",
            b"\x02\x01\xff",
            b"\x02\x02\xff\x80",
            b"\x02\x05\x01\x00\x00\x00\x00",
        ] {
            assert_eq!(read(bytes), None, "{bytes:02x?}");
        }
    }

    #[test]
    fn e06_and_e07_numbers_end_at_2_to_the_159_minus_1() {
        let read = |content: &[u8]| {
            let length = u8::try_from(content.len()).unwrap();
            let bytes = [&[INTEGER, length], content].concat();
            Reader::new(&bytes).unsigned_20("it").unwrap()
        };
        let mut most = [0xff; 20];
        most[0] = 0x7f;
        assert_eq!(read(&most), Some(most));
        let mut above = [0; 21];
        above[1] = 0x80;
        assert_eq!(read(&above), None);
        assert_eq!(read(&[0xff]), None);
        assert_eq!(read(&[5]).map(|n| n[19]), Some(5));
    }

    #[test]
    fn f26_times_are_real_and_in_the_form_of_their_year() {
        let read = |tag: u8, text: &str| {
            let bytes = [&[tag, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
            Reader::new(&bytes).time("it").ok().map(|time| time.to_string())
        };
        assert_eq!(read(UTC_TIME, "491231235959Z").unwrap(), "2049-12-31T23:59:59Z");
        assert_eq!(read(UTC_TIME, "500101000000Z").unwrap(), "1950-01-01T00:00:00Z");
        assert_eq!(read(GENERALIZED_TIME, "20500101000000Z").unwrap(), "2050-01-01T00:00:00Z");
        for (tag, text) in [
            (UTC_TIME, "261301000000Z"),
            (UTC_TIME, "260230000000Z"),
            (UTC_TIME, "260101000060Z"),
            (UTC_TIME, "260101000000+0000"),
            (UTC_TIME, "2601010000Z"),
            (UTC_TIME, "26010100000\u{0}Z"),
            (GENERALIZED_TIME, "20260101000000Z"),
            (GENERALIZED_TIME, "20500101000000.5Z"),
        ] {
            assert_eq!(read(tag, text), None, "{text}");
        }
    }

    #[test]
    fn f10_object_identifiers_are_whole_and_minimal() {
        let read = |bytes: &[u8]| Reader::new(bytes).oid("it").is_ok();
        assert!(read(b"\x06\x03\x2a\x86\x48"));
        for bytes in [&b"\x06\x00"[..], b"\x06\x02\x2a\x86", b"\x06\x03\x2a\x80\x01"] {
            assert!(!read(bytes), "{bytes:02x?}");
        }
    }

    #[test]
    fn f11_bit_strings_have_zero_padding() {
        assert_eq!(bit_string(b"\x04\xf0"), Some((&b"\xf0"[..], 4)));
        assert_eq!(bit_string(b"\x00"), Some((&b""[..], 0)));
        for content in [&b""[..], b"\x01", b"\x08\x00", b"\x04\xf8"] {
            assert_eq!(bit_string(content), None, "{content:02x?}");
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_always_moves_on(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut reader = Reader::new(&bytes);
            let mut left = bytes.len();
            while let Ok(value) = reader.value("it") {
                left -= value.whole.len();
                prop_assert!(value.whole.len() >= 2);
            }
            prop_assert_eq!(reader.rest.len(), left);
        }
    }
}
