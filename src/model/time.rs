//! Points and spans of time, in whole seconds of UTC.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Datelike, Timelike, Utc};
use serde::{Deserialize, Serialize};

/// A point in time: whole seconds since 1970-01-01T00:00:00Z.
///
/// Written and read as RFC 3339, always in UTC. RPKI objects have no finer times.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The earliest time that can be written.
    pub const MIN: Timestamp = Timestamp(i64::MIN);
    /// The latest time that can be written.
    pub const MAX: Timestamp = Timestamp(i64::MAX);

    /// Returns this time plus `duration`, rounded down to the second.
    pub fn plus(self, duration: Duration) -> Self {
        let seconds = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        Timestamp(self.0.saturating_add(seconds))
    }

    /// Returns this time minus `duration`, rounded down to the second.
    pub fn minus(self, duration: Duration) -> Self {
        let seconds = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        Timestamp(self.0.saturating_sub(seconds))
    }

    /// Returns how long ago `earlier` was, zero if it lies ahead.
    pub fn since(self, earlier: Timestamp) -> Duration {
        let seconds = self.0.saturating_sub(earlier.0);
        Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(time: DateTime<Utc>) -> Self {
        Timestamp(time.timestamp())
    }
}

/// The years 0 to 9999; RFC 3339, section 1, has no others.
const RFC_3339_YEARS: std::ops::RangeInclusive<i64> = -62_167_219_200..=253_402_300_799;

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // In UTC already: chrono would else look at the offset for each field.
        let time = DateTime::from_timestamp(self.0, 0).map(|time| time.naive_utc());
        let Some(time) = time.filter(|_| RFC_3339_YEARS.contains(&self.0)) else {
            return write!(f, "@{}", self.0);
        };
        let fields = [
            time.year().unsigned_abs(),
            time.month(),
            time.day(),
            time.hour(),
            time.minute(),
            time.second(),
        ];
        // Digit by digit: an answer has many times, and chrono's way takes ten times as long.
        let mut text = *b"0000-00-00T00:00:00Z";
        for (digits, mut value) in text.split_mut(|byte| !byte.is_ascii_digit()).zip(fields) {
            for digit in digits.iter_mut().rev() {
                *digit += u8::try_from(value % 10).unwrap_or_default();
                value /= 10;
            }
        }
        f.pad(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A text that is no time.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("invalid time: expected RFC 3339 such as 2026-11-24T06:00:00Z, or @SECONDS since 1970")]
pub struct TimeError;

impl FromStr for Timestamp {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        if let Some(seconds) = text.strip_prefix('@') {
            return seconds.parse().map(Timestamp).map_err(|_| TimeError);
        }
        DateTime::parse_from_rfc3339(text)
            .map(|time| Timestamp(time.timestamp()))
            .map_err(|_| TimeError)
    }
}

/// A span of time from `from` to `until`, both included.
///
/// Both ends count, because a certificate is valid at its `notAfter` (RFC 5280, section 4.1.2.5).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub struct TimeWindow {
    /// The first second inside.
    pub from: Timestamp,
    /// The last second inside.
    pub until: Timestamp,
}

impl TimeWindow {
    /// All of time.
    pub const ALWAYS: TimeWindow = TimeWindow { from: Timestamp::MIN, until: Timestamp::MAX };
    /// No time at all.
    pub const NEVER: TimeWindow = TimeWindow { from: Timestamp::MAX, until: Timestamp::MIN };

    /// Makes a window.
    pub fn new(from: Timestamp, until: Timestamp) -> Self {
        TimeWindow { from, until }
    }

    /// Tells whether `time` lies inside.
    pub fn contains(self, time: Timestamp) -> bool {
        self.from <= time && time <= self.until
    }

    /// Returns what both windows have in common; empty if `from` is above `until`.
    pub fn intersect(self, other: TimeWindow) -> Self {
        TimeWindow { from: self.from.max(other.from), until: self.until.min(other.until) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_and_reads_rfc_3339_in_utc() {
        let time = Timestamp(1_795_502_270);
        assert_eq!(time.to_string(), "2026-11-24T06:37:50Z");
        assert_eq!("2026-11-24T06:37:50Z".parse(), Ok(time));
        assert_eq!("2026-11-24T07:37:50+01:00".parse(), Ok(time));
        assert_eq!("@1795502270".parse(), Ok(time));
        assert_eq!("yesterday".parse::<Timestamp>(), Err(TimeError));
    }

    #[test]
    fn times_that_rfc_3339_cannot_name_are_written_as_seconds() {
        for (seconds, text) in [
            (253_402_300_799, "9999-12-31T23:59:59Z"),
            (253_402_300_800, "@253402300800"),
            (-62_167_219_200, "0000-01-01T00:00:00Z"),
            (-62_167_219_201, "@-62167219201"),
        ] {
            assert_eq!(Timestamp(seconds).to_string(), text);
            assert_eq!(text.parse(), Ok(Timestamp(seconds)));
        }
    }

    #[test]
    fn both_ends_of_a_window_are_inside() {
        let window = TimeWindow::new(Timestamp(10), Timestamp(20));
        let inside = [9, 10, 20, 21].map(|t| window.contains(Timestamp(t)));
        assert_eq!(inside, [false, true, true, false]);
    }
}
