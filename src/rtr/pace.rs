//! How fast a router's queries are answered: some at once, then one in each interval.

use std::time::Duration;

use tokio::time::Instant;

use super::limits::QUERY_BURST;

/// What a router may ask for now.
#[derive(Debug)]
pub(super) struct Pace {
    interval: Duration,
    /// How many queries are free.
    free: u32,
    /// Since when the next one is being earned.
    since: Instant,
}

impl Pace {
    pub fn new(interval: Duration, now: Instant) -> Self {
        Pace { interval, free: QUERY_BURST, since: now }
    }

    /// Returns when the next query is answered: not in the future if it may be at once.
    pub fn ready_at(&mut self, now: Instant) -> Instant {
        while self.free < QUERY_BURST && self.since + self.interval <= now {
            self.since += self.interval;
            self.free += 1;
        }
        if self.free == QUERY_BURST {
            // Nothing more is earned.
            self.since = now;
        }
        if self.free > 0 { now } else { self.since + self.interval }
    }

    /// Counts a query that is answered.
    pub fn spend(&mut self) {
        self.free = self.free.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i13_after_a_burst_each_query_waits_for_its_interval() {
        let second = Duration::from_secs(1);
        let start = Instant::now();
        let mut pace = Pace::new(second, start);
        for _ in 0..QUERY_BURST {
            assert_eq!(pace.ready_at(start), start);
            pace.spend();
        }
        assert_eq!(pace.ready_at(start), start + second);
        let later = start + second * 2;
        assert_eq!(pace.ready_at(later), later);
        pace.spend();
        assert_eq!(pace.ready_at(later), later);
        pace.spend();
        assert_eq!(pace.ready_at(later), later + second);
        // A long silence earns one burst and no more.
        let late = later + second * 1_000;
        for _ in 0..QUERY_BURST {
            assert_eq!(pace.ready_at(late), late);
            pace.spend();
        }
        assert!(pace.ready_at(late) > late);
    }
}
