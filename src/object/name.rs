//! Distinguished names, in the only form that the RPKI has (RFC 6487, sections 4.4 and 4.5).

use serde::{Deserialize, Serialize};

use super::der::{self, Reader};
use super::error::{DecodeError, Fault};

const COMMON_NAME: &[u8] = &[0x55, 4, 3];
const SERIAL_NUMBER: &[u8] = &[0x55, 4, 5];

/// A name: one common name, and at most one serial number.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Name {
    // For comparison: case and spaces folded.
    folded: Box<[u8]>,
    is_printable: bool,
}

impl PartialEq for Name {
    /// Compares without regard to case, string type and runs of spaces.
    ///
    /// Source: RFC 5280, section 7.1.
    fn eq(&self, other: &Self) -> bool {
        self.folded == other.folded
    }
}

impl Eq for Name {}

impl Name {
    /// Reads a Name; any string type of a DirectoryString will do.
    pub(crate) fn read(mut names: Reader<'_>, what: &'static str) -> Result<Name, DecodeError> {
        let bad =
            |detail: &str| DecodeError::new(Fault::CertificateProfile, format!("{what}: {detail}"));
        // Room for the key identifier in hexadecimal that most names are.
        let mut folded = Vec::with_capacity(48);
        let (mut common_names, mut serial_numbers, mut is_printable) = (0, 0, true);
        while !names.is_empty() {
            let mut set = Reader::new(names.expect(der::SET, what)?);
            if set.is_empty() {
                return Err(DecodeError::syntax(format!("{what}: an empty part")));
            }
            let mut last: &[u8] = &[];
            while !set.is_empty() {
                let attribute = set.value(what)?;
                if attribute.whole <= last {
                    return Err(DecodeError::syntax(format!("{what}: an unsorted part")));
                }
                last = attribute.whole;
                let mut attribute = Reader::whole_sequence(attribute.whole, what)?;
                let id = attribute.oid(what)?;
                let count = match id {
                    COMMON_NAME => &mut common_names,
                    SERIAL_NUMBER => &mut serial_numbers,
                    _ => return Err(bad("neither a common name nor a serial number")),
                };
                *count += 1;
                let value = attribute.value(what)?;
                attribute.end(what)?;
                is_printable &= value.tag == der::PRINTABLE_STRING;
                folded.extend_from_slice(id);
                fold(value, &mut folded).ok_or_else(|| bad("not a text"))?;
                folded.push(0);
            }
        }
        match (common_names, serial_numbers) {
            (1, 0 | 1) => Ok(Name { folded: folded.into(), is_printable }),
            _ => Err(bad("not one common name and at most one serial number")),
        }
    }

    /// Tells whether everything is a PrintableString, as RFC 6487 has it.
    pub fn is_printable(&self) -> bool {
        self.is_printable
    }
}

/// Appends a text with letters in lower case and runs of spaces as one.
fn fold(value: der::Value<'_>, folded: &mut Vec<u8>) -> Option<()> {
    let is_text = match value.tag {
        der::PRINTABLE_STRING => value.content.iter().all(|b| is_printable(*b)),
        der::UTF8_STRING => std::str::from_utf8(value.content).is_ok(),
        // The other choices of a DirectoryString: as they are.
        der::TELETEX_STRING | der::BMP_STRING | der::UNIVERSAL_STRING => {
            folded.extend_from_slice(value.content);
            return (!value.content.is_empty()).then_some(());
        }
        _ => false,
    };
    if !is_text || value.content.is_empty() {
        return None;
    }
    let words = value.content.split(|b| *b == b' ').filter(|word| !word.is_empty());
    for word in words {
        folded.push(b' ');
        folded.extend(word.iter().map(u8::to_ascii_lowercase));
    }
    Some(())
}

/// Tells whether a PrintableString may hold `byte`.
///
/// Beside what X.680 lists, `*`, `@`, `_` and `&` pass: CAs write them, and all peers read them.
fn is_printable(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b" '()+,-./:=?*@_&".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::testing::der;

    fn part(id: &[u8], tag: u8, text: &[u8]) -> Vec<u8> {
        der(0x31, &der(0x30, &[der(0x06, id), der(tag, text)].concat()))
    }

    fn name(parts: &[Vec<u8>]) -> Result<Name, Fault> {
        let bytes = parts.concat();
        Name::read(Reader::new(&bytes), "issuer").map_err(|error| error.fault)
    }

    #[test]
    fn f25_names_are_one_common_name_in_any_string_type() {
        let plain = name(&[part(COMMON_NAME, 0x13, b"A1 b")]).unwrap();
        assert!(plain.is_printable());
        let utf8 = name(&[part(COMMON_NAME, 0x0c, b" a1  B ")]).unwrap();
        assert!(!utf8.is_printable());
        assert_eq!(plain, utf8);
        let with_serial = [part(COMMON_NAME, 0x13, b"A1 b"), part(SERIAL_NUMBER, 0x13, b"1")];
        assert_ne!(plain, name(&with_serial).unwrap());
        let profile = Err(Fault::CertificateProfile);
        let cn = || part(COMMON_NAME, 0x13, b"a");
        for bad in [
            vec![],
            vec![cn(), cn()],
            vec![part(SERIAL_NUMBER, 0x13, b"1")],
            vec![cn(), part(&[0x55, 4, 10], 0x13, b"organisation")],
            vec![part(COMMON_NAME, 0x13, b"a\x1b[31m")],
            vec![part(COMMON_NAME, 0x13, b"")],
            vec![part(COMMON_NAME, 0x0c, b"\xff")],
            vec![part(COMMON_NAME, 0x04, b"a")],
        ] {
            assert_eq!(name(&bad), profile, "{bad:?}");
        }
        assert_eq!(name(&[der(0x31, &[])]), Err(Fault::Syntax));
    }
}
