//! The clock: the only place that reads the system time.

use crate::model::Timestamp;

/// Reads the system's clock.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
pub fn now() -> Timestamp {
    Timestamp::from(chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()))
}

/// When this program was made: a clock that says less is wrong (THREATS L08). 2026-11-24.
pub const RELEASED: Timestamp = Timestamp(1_795_478_400);
