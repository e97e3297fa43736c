//! When a repository is asked again. Pure.

use std::time::Duration;

use super::limits::{FIRST_BACKOFF, LAST_BACKOFF};
use crate::model::Timestamp;

/// A share of a pause, from 0 (none) to 255 (nearly all), by which clients are spread.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Jitter(pub u8);

/// Returns the time of the next attempt after `failures` failures in a row (0: a success).
///
/// The pause after failures doubles from one minute to an hour. Up to a quarter is added, so that
/// clients that failed together do not return together (THREATS A33).
pub fn next_attempt(now: Timestamp, failures: u32, refresh: Duration, jitter: Jitter) -> Timestamp {
    let pause = match failures.checked_sub(1) {
        None => refresh,
        Some(doublings) => FIRST_BACKOFF
            .saturating_mul(1u32.checked_shl(doublings).unwrap_or(u32::MAX))
            .min(LAST_BACKOFF),
    };
    now.plus(pause + pause / 1024 * u32::from(jitter.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_an_hour() {
        let refresh = Duration::from_secs(600);
        for (failures, pause) in
            [(0, 600), (1, 60), (2, 120), (3, 240), (6, 1920), (7, 3600), (40, 3600)]
        {
            let next = next_attempt(Timestamp(0), failures, refresh, Jitter(0));
            assert_eq!(next, Timestamp(pause), "{failures} failures");
        }
        assert_eq!(next_attempt(Timestamp(0), u32::MAX, refresh, Jitter(0)), Timestamp(3600));
    }

    #[test]
    fn jitter_adds_less_than_a_quarter() {
        let next = |jitter| next_attempt(Timestamp(0), 0, Duration::from_secs(600), Jitter(jitter));
        assert_eq!(next(128), Timestamp(675));
        assert_eq!(next(255), Timestamp(749));
    }
}
