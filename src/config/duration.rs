//! Durations as people write and read them: `45s`, `10m`, `2h`, `1h30m`, `1d`.

use std::time::Duration;

/// The units, with their seconds.
const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// Reads whole numbers with the units `d`, `h`, `m`, `s`, such as `2h` or `1h30m`.
///
/// A number alone is refused: nobody should have to guess its unit.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let mut seconds = 0u64;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or(DurationError)?;
        let (number, tail) = rest.split_at(digits);
        let number: u64 = number.parse().map_err(|_| DurationError)?;
        let mut tail = tail.chars();
        let unit = tail.next();
        let (_, factor) =
            UNITS.iter().find(|(name, _)| Some(*name) == unit).ok_or(DurationError)?;
        seconds = number
            .checked_mul(*factor)
            .and_then(|more| seconds.checked_add(more))
            .ok_or(DurationError)?;
        rest = tail.as_str();
    }
    if text.is_empty() { Err(DurationError) } else { Ok(Duration::from_secs(seconds)) }
}

/// Writes a duration in its two largest units, for people: `2 h 5 min`, `42 s`, `3 d`.
pub fn format_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (large, small, names) = match seconds {
        0..60 => return format!("{seconds} s"),
        60..3_600 => (seconds / 60, seconds % 60, ("min", "s")),
        3_600..86_400 => (seconds / 3_600, seconds % 3_600 / 60, ("h", "min")),
        _ => (seconds / 86_400, seconds % 86_400 / 3_600, ("d", "h")),
    };
    if small == 0 {
        format!("{large} {}", names.0)
    } else {
        format!("{large} {} {small} {}", names.0, names.1)
    }
}

/// A text that is no duration.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected a duration such as 2h, 90m or 1h30m (units d, h, m, s)")]
pub struct DurationError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_units() {
        for (text, seconds) in
            [("0s", 0), ("45s", 45), ("10m", 600), ("2h", 7200), ("1h30m", 5400), ("1d", 86400)]
        {
            assert_eq!(parse_duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn k07_refuses_signs_fractions_units_and_overflow() {
        for text in
            ["", "h", "-1s", "+1s", "1.5h", "1w", "1 h", "18446744073709551615d", "1hh", "é"]
        {
            assert_eq!(parse_duration(text), Err(DurationError), "{text}");
        }
    }

    #[test]
    fn writes_the_two_largest_units() {
        for (seconds, text) in
            [(42, "42 s"), (60, "1 min"), (3_700, "1 h 1 min"), (90_000, "1 d 1 h")]
        {
            assert_eq!(format_duration(Duration::from_secs(seconds)), text);
        }
    }
}
