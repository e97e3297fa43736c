//! The content of Ghostbusters records (RFC 6493): for people to read, never trusted.

use super::error::{DecodeError, Fault};
use super::limits::MAX_VCARD_SIZE;
use super::text::printable;

/// The properties that a record may have (RFC 6493, section 5).
const PERMITTED: [&str; 5] = ["ADR", "EMAIL", "FN", "ORG", "TEL"];

/// Whom to call about a CA: the properties of a vCard, safe to print.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ghostbusters {
    /// The properties in their order, without BEGIN, VERSION and END.
    pub properties: Vec<VcardProperty>,
}

/// A property of a vCard.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VcardProperty {
    /// Its name in upper case; parameters are left out.
    pub name: String,
    /// Its value, unfolded, with everything replaced that is no printable character.
    pub value: String,
}

impl Ghostbusters {
    /// Decodes the eContent of a Ghostbusters record.
    ///
    /// Lines may end in LF alone, as records in use have it.
    ///
    /// Source: RFC 6493, section 5; RFC 6350, section 3.2, for the folding.
    pub fn decode(content: &[u8]) -> Result<Ghostbusters, DecodeError> {
        if content.len() > MAX_VCARD_SIZE {
            let detail = format!("a vCard of {} bytes, more than {MAX_VCARD_SIZE}", content.len());
            return Err(DecodeError::new(Fault::TooLarge, detail));
        }
        let text =
            std::str::from_utf8(content).map_err(|_| DecodeError::syntax("vCard: not UTF-8"))?;
        let lines = unfold(text);
        let mut lines = lines.iter().map(String::as_str);
        let is_card = lines.next().is_some_and(|line| line.eq_ignore_ascii_case("BEGIN:VCARD"))
            && lines.next().is_some_and(|line| line.eq_ignore_ascii_case("VERSION:4.0"))
            && lines.next_back().is_some_and(|line| line.eq_ignore_ascii_case("END:VCARD"));
        if !is_card {
            return Err(DecodeError::syntax("vCard: not one card of version 4.0"));
        }
        let properties: Vec<_> = lines.map(read_property).collect::<Result<_, _>>()?;
        let has = |names: &[&str]| properties.iter().any(|p| names.contains(&p.name.as_str()));
        if !has(&["FN"]) {
            return Err(DecodeError::syntax("vCard: no FN, which is the name"));
        }
        if !has(&["ADR", "EMAIL", "TEL"]) {
            return Err(DecodeError::syntax("vCard: no address, e-mail or telephone"));
        }
        Ok(Ghostbusters { properties })
    }
}

/// Splits into lines; one that begins with white space continues the one before.
fn unfold(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.split_terminator('\n') {
        let line = line.strip_suffix('\r').unwrap_or(line);
        match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(more), Some(last)) => last.push_str(more),
            _ => lines.push(line.to_owned()),
        }
    }
    lines
}

fn read_property(line: &str) -> Result<VcardProperty, DecodeError> {
    let (head, value) =
        line.split_once(':').ok_or_else(|| DecodeError::syntax("vCard: a line without a colon"))?;
    let name = head.split(';').next().unwrap_or(head).to_ascii_uppercase();
    if !PERMITTED.contains(&name.as_str()) {
        let shown: String = printable(&name).chars().take(40).collect();
        return Err(DecodeError::syntax(format!("vCard: the property {shown} is not permitted")));
    }
    Ok(VcardProperty { name, value: printable(value) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(lines: &str) -> Result<Vec<(String, String)>, Fault> {
        let text = format!("BEGIN:VCARD\r\nVERSION:4.0\r\n{lines}END:VCARD\r\n");
        let card = Ghostbusters::decode(text.as_bytes()).map_err(|error| error.fault)?;
        Ok(card.properties.into_iter().map(|p| (p.name, p.value)).collect())
    }

    fn property(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn reads_names_and_values_and_unfolds_lines() {
        let read = card("FN:A Per\r\n son\r\nTEL;TYPE=voice:+1-555\r\nemail:noc@example.net\r\n");
        let wanted = [
            property("FN", "A Person"),
            property("TEL", "+1-555"),
            property("EMAIL", "noc@example.net"),
        ];
        assert_eq!(read.unwrap(), wanted);
    }

    #[test]
    fn h19_values_are_safe_to_print() {
        let read = card("FN:\u{1b}[2J\u{202e}x\r\nEMAIL:a@example.net\r\n").unwrap();
        assert_eq!(read[0].1, "?[2J?x");
    }

    #[test]
    fn h19_only_the_cards_of_rfc_6493_pass() {
        for lines in [
            "",
            "FN:A\r\n",
            "EMAIL:a@example.net\r\n",
            "FN:A\r\nEMAIL:a\r\nPHOTO:x\r\n",
            "FN:A\r\nEMAIL\r\n",
        ] {
            assert_eq!(card(lines), Err(Fault::Syntax), "{lines:?}");
        }
        for bytes in [&b""[..], b"\xff\xfe", b"BEGIN:VCARD\r\n", b"BEGIN:VCARD\nEND:VCARD\n"] {
            assert!(Ghostbusters::decode(bytes).is_err(), "{bytes:?}");
        }
        let long = format!("FN:A\r\nEMAIL:{}\r\n", "a".repeat(MAX_VCARD_SIZE));
        assert_eq!(card(&long), Err(Fault::TooLarge));
    }
}
