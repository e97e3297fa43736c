//! Durations as people write and read them.

use std::time::Duration;

/// The units, longest first, with their seconds.
const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// A text that is no duration.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected a duration such as 2h, 90m or 1h30m (units d, h, m, s)")]
pub struct DurationError;

/// Reads numbers with units, such as `2h` or `1h30m`.
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

/// Writes a duration with its two greatest units, such as `1 h 30 min`.
pub(super) fn in_words(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600, seconds / 60);
    let pair = |first: u64, unit: &str, second: u64, below: &str| match second {
        0 => format!("{first} {unit}"),
        _ => format!("{first} {unit} {second} {below}"),
    };
    match (days, hours, minutes) {
        (1.., _, _) => pair(days, "d", hours % 24, "h"),
        (_, 1.., _) => pair(hours, "h", minutes % 60, "min"),
        (_, _, 1..) => pair(minutes, "min", seconds % 60, "s"),
        _ => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_units() {
        for (text, seconds) in
            [("2h", 7200), ("90m", 5400), ("1h30m", 5400), ("0s", 0), ("1d", 86_400), ("7s", 7)]
        {
            assert_eq!(parse_duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn k07_refuses_what_is_no_duration() {
        for text in
            ["", "2", "h", "-2h", "2 h", "2x", "2hé", "99999999999999999999s", "300000000000000d"]
        {
            assert_eq!(parse_duration(text), Err(DurationError), "{text}");
        }
    }

    #[test]
    fn writes_two_units() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (61, "1 min 1 s"),
            (7200, "2 h"),
            (90_060, "1 d 1 h"),
            (86_400, "1 d"),
        ] {
            assert_eq!(in_words(Duration::from_secs(seconds)), text);
        }
    }
}
