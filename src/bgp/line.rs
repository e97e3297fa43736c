//! One line of text: a route, nothing, or an error that says what was expected.
//!
//! | form | written by |
//! | --- | --- |
//! | `PREFIX ASN`, `PREFIX,ASN` | people; pyasn's tables, with a tab |
//! | `PREFIX => ASN` | Routinator's `validate --input` |
//! | `TABLE_DUMP2\|...\|PREFIX\|AS PATH\|...` | `bgpdump -m` |
//!
//! `#` and `;` begin comments. An AS_SET (`{64496,64497}`) is an origin that nothing matches.

use crate::model::{Asn, AsnError, Origin, Prefix, PrefixError, Route};

/// What a line says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Line {
    /// A route is announced.
    Route(Route),
    /// Nothing about announced routes: blank, a comment, a withdrawal, a state change.
    Nothing,
}

/// Why a line could not be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum LineError {
    /// The first part is no prefix.
    #[error(transparent)]
    Prefix(#[from] PrefixError),
    /// The second part is no AS number.
    #[error(transparent)]
    Asn(#[from] AsnError),
    /// There is only a prefix.
    #[error("expected an AS number after the prefix")]
    NoOrigin,
    /// Something follows that is no comment.
    #[error("unexpected text after the AS number")]
    Trailing,
    /// A line of `bgpdump -m` has too few fields.
    #[error("expected TYPE|TIME|B|PEER|PEER AS|PREFIX|AS PATH|...")]
    Fields,
    /// The line is not UTF-8.
    #[error("not text")]
    NotText,
    /// The line is longer than any announced route can be.
    #[error("longer than 256 KiB")]
    TooLong,
}

/// Reads one line, with or without its end.
pub fn parse_line(line: &[u8]) -> Result<Line, LineError> {
    let text = std::str::from_utf8(line).map_err(|_| LineError::NotText)?.trim();
    if text.is_empty() || text.starts_with(['#', ';']) {
        return Ok(Line::Nothing);
    }
    if text.contains('|') {
        return parse_dump(text);
    }
    let end = text.find(|c: char| c.is_whitespace() || c == ',' || c == '=');
    let (prefix, rest) = end.map_or((text, ""), |end| text.split_at(end));
    let prefix: Prefix = prefix.parse()?;
    let rest = rest.trim_start();
    let rest = rest.strip_prefix("=>").or_else(|| rest.strip_prefix(',')).unwrap_or(rest);
    let (origin, rest) = split_origin(rest.trim_start());
    if origin.is_empty() {
        return Err(LineError::NoOrigin);
    }
    let origin = parse_origin(origin)?;
    if !rest.is_empty() && !rest.starts_with(['#', ';']) {
        return Err(LineError::Trailing);
    }
    Ok(Line::Route(Route { prefix, origin }))
}

/// Splits off the origin; a set may hold spaces.
fn split_origin(text: &str) -> (&str, &str) {
    let end = match text.strip_prefix('{').and_then(|set| set.find('}')) {
        Some(inside) => inside + 2,
        None => {
            text.find(|c: char| c.is_whitespace() || c == '#' || c == ';').unwrap_or(text.len())
        }
    };
    let (origin, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    (origin, rest.trim_start())
}

fn parse_origin(text: &str) -> Result<Origin, LineError> {
    let set = text.strip_prefix('{').and_then(|set| set.strip_suffix('}'));
    let Some(set) = set else { return Ok(Origin::As(text.parse()?)) };
    for member in set.split([',', ' ']).filter(|member| !member.is_empty()) {
        member.parse::<Asn>()?;
    }
    Ok(Origin::None)
}

/// Reads a line of `bgpdump -m`.
fn parse_dump(text: &str) -> Result<Line, LineError> {
    let mut fields = text.split('|');
    let kind = fields.nth(2).ok_or(LineError::Fields)?;
    // `B` is an entry of a table, `A` an announcement; `W` withdraws, `STATE` names no route.
    if kind == "W" || kind == "STATE" {
        return Ok(Line::Nothing);
    }
    if kind != "A" && kind != "B" {
        return Err(LineError::Fields);
    }
    let prefix = fields.nth(2).ok_or(LineError::Fields)?.parse()?;
    let path = fields.next().ok_or(LineError::Fields)?.trim_end();
    let last = path.rsplit(' ').next().unwrap_or_default();
    // An empty path, an AS_SET or a confederation's segment at the end names no origin AS that
    // a stranger could know (RFC 6811, section 2).
    let origin = match last.chars().next_back() {
        None | Some('}' | ']' | ')') => Origin::None,
        Some(_) => Origin::As(last.parse()?),
    };
    Ok(Line::Route(Route { prefix, origin }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(line: &str) -> Result<Line, LineError> {
        parse_line(line.as_bytes())
    }

    fn route(prefix: &str, origin: Origin) -> Result<Line, LineError> {
        Ok(Line::Route(Route { prefix: prefix.parse().unwrap(), origin }))
    }

    #[test]
    fn every_form_of_a_pair_is_read() {
        for line in [
            "192.0.2.0/24 64496",
            "192.0.2.0/24 AS64496\n",
            "  192.0.2.0/24\tas64496\r\n",
            "192.0.2.0/24,64496",
            "192.0.2.0/24, AS64496",
            "192.0.2.0/24 => AS64496",
            "192.0.2.0/24 => AS64496 # why",
            "192.0.2.0/24=>64496",
            "192.0.2.0/24 64496;why",
        ] {
            assert_eq!(read(line), route("192.0.2.0/24", Origin::As(Asn(64496))), "{line:?}");
        }
        assert_eq!(read("2001:db8::/32 1"), route("2001:db8::/32", Origin::As(Asn(1))));
    }

    #[test]
    fn comments_and_blank_lines_say_nothing() {
        for line in ["", " ", "\r\n", "# 192.0.2.0/24 1", "; IP-ASN32-DAT file", ";"] {
            assert_eq!(read(line), Ok(Line::Nothing), "{line:?}");
        }
    }

    #[test]
    fn an_as_set_is_no_origin() {
        for line in ["192.0.2.0/24 {64496,64497}", "192.0.2.0/24,{64496, 64497} # set"] {
            assert_eq!(read(line), route("192.0.2.0/24", Origin::None), "{line:?}");
        }
        assert_eq!(read("192.0.2.0/24 {x}"), Err(LineError::Asn(AsnError)));
    }

    #[test]
    fn lines_of_bgpdump_are_read() {
        let line = |kind: &str, path: &str| {
            format!(
                "TABLE_DUMP2|1|{kind}|198.51.100.1|1|192.0.2.0/24|{path}|IGP|198.51.100.1|0|0||NAG||"
            )
        };
        let as64496 = route("192.0.2.0/24", Origin::As(Asn(64496)));
        assert_eq!(read(&line("B", "1 2 64496")), as64496);
        assert_eq!(read(&line("A", "64496 64496")), as64496);
        for path in ["1 2 {64496,64497}", "1 {64496}", "", "1 (65000 65001)", "1 [65000]"] {
            assert_eq!(read(&line("B", path)), route("192.0.2.0/24", Origin::None), "{path}");
        }
        assert_eq!(read("BGP4MP|1|W|198.51.100.1|1|192.0.2.0/24"), Ok(Line::Nothing));
        assert_eq!(read("BGP4MP|1|STATE|198.51.100.1|1|3|2"), Ok(Line::Nothing));
        assert_eq!(read("BGP4MP|1|A|198.51.100.1|1|192.0.2.0/24"), Err(LineError::Fields));
        assert_eq!(read("BGP4MP|1|X|198.51.100.1|1|192.0.2.0/24|1"), Err(LineError::Fields));
        assert_eq!(read("||"), Err(LineError::Fields));
        assert_eq!(read(&line("B", "1 2x")), Err(LineError::Asn(AsnError)));
    }

    #[test]
    fn errors_say_what_was_expected() {
        for (line, error) in [
            ("192.0.2.0/24", LineError::NoOrigin),
            ("192.0.2.0/24 =>", LineError::NoOrigin),
            ("192.0.2.0/24 1 2", LineError::Trailing),
            ("192.0.2.0/24,1,ripe", LineError::Asn(AsnError)),
            ("192.0.2.0 1", LineError::Prefix(PrefixError::NoLength)),
            ("192.0.2.1/24 1", LineError::Prefix(PrefixError::HostBits)),
            ("prefix,asn", LineError::Prefix(PrefixError::NoLength)),
        ] {
            assert_eq!(read(line), Err(error), "{line:?}");
        }
        assert_eq!(parse_line(b"\xff"), Err(LineError::NotText));
    }

    proptest! {
        #[test]
        fn k10_no_line_makes_it_panic(line in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = parse_line(&line);
        }

        #[test]
        fn k10_no_likely_line_makes_it_panic(line in "[0-9/.:|{}, =>#a-fABWé\\[\\]()]{0,40}") {
            let _ = parse_line(line.as_bytes());
        }

        #[test]
        fn what_is_written_is_read(bits: u32, length in 0u8..=32, asn: u32) {
            let address = std::net::Ipv4Addr::from(bits).into();
            let prefix = Prefix::truncating(address, length).unwrap();
            let route = Route { prefix, origin: Origin::As(Asn(asn)) };
            prop_assert_eq!(read(&route.to_string()), Ok(Line::Route(route)));
        }
    }
}
