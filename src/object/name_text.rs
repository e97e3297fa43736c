//! Distinguished names as text for people, `/CN=..`, whatever rules they break.

use super::der::Reader;
use super::limits::MAX_NAME_PARTS;
use super::text::printable;

const COMMON_NAME: &[u8] = &[0x55, 4, 3];
const SERIAL_NUMBER: &[u8] = &[0x55, 4, 5];

/// Writes a Name as OpenSSL's one line form; parts that cannot be read are left out.
pub(crate) fn name_text(mut parts: Reader<'_>) -> String {
    let mut text = String::new();
    for _ in 0..MAX_NAME_PARTS {
        let Ok(set) = parts.value("name") else { break };
        let attribute = |set| {
            let mut fields = Reader::new(set).sequence("attribute").ok()?;
            let label = match fields.oid("attribute").ok()? {
                COMMON_NAME => "CN",
                SERIAL_NUMBER => "serialNumber",
                _ => "?",
            };
            let value = fields.value("value").ok()?.content;
            Some(format!("/{label}={}", printable(&String::from_utf8_lossy(value))))
        };
        text.extend(attribute(set.content));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::testing::der;

    #[test]
    fn writes_common_names_safely() {
        let attribute = |oid: &[u8], value: &str| {
            let pair = [der(0x06, oid), der(0x13, value.as_bytes())].concat();
            der(0x31, &der(0x30, &pair))
        };
        let name = [attribute(COMMON_NAME, "a\u{1b}b"), attribute(SERIAL_NUMBER, "7")].concat();
        assert_eq!(name_text(Reader::new(&name)), "/CN=a?b/serialNumber=7");
        assert_eq!(name_text(Reader::new(&[0x30, 0x05])), "");
    }
}
