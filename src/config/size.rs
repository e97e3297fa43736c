//! Sizes as people write them: `500M`, `4G`.

/// The units, with their bytes.
const UNITS: [(char, u64); 4] =
    [('k', 1_000), ('M', 1_000_000), ('G', 1_000_000_000), ('T', 1_000_000_000_000)];

/// Reads a whole number with one of the units `k`, `M`, `G`, `T` (of 1,000): `500M`, `4G`.
///
/// A number alone is refused: nobody should have to guess its unit.
pub fn parse_size(text: &str) -> Result<u64, SizeError> {
    let last = text.chars().next_back().ok_or(SizeError)?;
    let number = text.strip_suffix(last).unwrap_or_default();
    let (_, factor) = UNITS.iter().find(|(unit, _)| *unit == last).ok_or(SizeError)?;
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(SizeError);
    }
    number.parse::<u64>().ok().and_then(|n| n.checked_mul(*factor)).ok_or(SizeError)
}

/// Writes a size in its largest unit, for people: `4.0 GB`, `12 kB`, `17 bytes`.
pub fn format_size(bytes: u64) -> String {
    match UNITS.iter().rev().find(|(_, factor)| bytes >= *factor) {
        None => format!("{bytes} bytes"),
        Some((name, factor)) => match bytes / factor {
            whole @ 0..10 => format!("{whole}.{} {name}B", bytes % factor / (factor / 10)),
            whole => format!("{whole} {name}B"),
        },
    }
}

/// A text that is no size.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected a size such as 500M or 4G (units k, M, G, T)")]
pub struct SizeError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [("0k", 0), ("500M", 500_000_000), ("4G", 4_000_000_000)] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "4", "G", "4 G", "-4G", "+4G", "4g", "4GB", "99999999999T", "4é"] {
            assert_eq!(parse_size(text), Err(SizeError), "{text}");
        }
    }

    #[test]
    fn sizes_are_written_short() {
        for (bytes, text) in
            [(17, "17 bytes"), (1_540, "1.5 kB"), (12_999, "12 kB"), (4_000_000_000, "4.0 GB")]
        {
            assert_eq!(format_size(bytes), text);
        }
    }
}
