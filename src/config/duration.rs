//! Durations as people write them: `45s`, `10m`, `2h`, `1d`, or plain seconds.

use std::time::Duration;

/// Reads a duration: a whole number with the unit `s`, `m`, `h` or `d`; without a unit, seconds.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.get(digits.len()..) {
        Some("" | "s") => 1,
        Some("m") => 60,
        Some("h") => 3_600,
        Some("d") => 86_400,
        _ => return Err(DurationError),
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(DurationError);
    }
    let number: u64 = digits.parse().map_err(|_| DurationError)?;
    number.checked_mul(unit).map(Duration::from_secs).ok_or(DurationError)
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
#[error("invalid duration: expected a whole number with s, m, h or d, such as 90m")]
pub struct DurationError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_units_and_plain_seconds() {
        for (text, seconds) in
            [("0", 0), ("45", 45), ("45s", 45), ("10m", 600), ("2h", 7200), ("1d", 86400)]
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
