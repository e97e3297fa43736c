//! When a child process that ended is started again. Pure.

use std::time::Duration;

const FIRST_DELAY: Duration = Duration::from_millis(200);
const LONGEST_DELAY: Duration = Duration::from_secs(60);

/// A child that ran this long was healthy: its next end starts over with the shortest delay.
const HEALTHY_AFTER: Duration = Duration::from_secs(60);

/// How often a child ended in short succession, and so how long to wait.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Restart {
    short_runs: u32,
}

impl Restart {
    /// Returns how long to wait after a child ended that had run for `uptime`.
    ///
    /// The first restart comes at once after a healthy run: routers wait.
    pub fn after(&mut self, uptime: Duration) -> Duration {
        if uptime >= HEALTHY_AFTER {
            self.short_runs = 0;
        }
        let delay = FIRST_DELAY.saturating_mul(2u32.saturating_pow(self.short_runs));
        self.short_runs = self.short_runs.saturating_add(1);
        delay.min(LONGEST_DELAY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_loop_is_backed_off_and_a_healthy_run_forgives_it() {
        let mut restart = Restart::default();
        let short = Duration::from_secs(1);
        let delays: Vec<u128> = (0..11).map(|_| restart.after(short).as_millis()).collect();
        let expected = [200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 60_000, 60_000];
        assert_eq!(delays, expected);
        assert_eq!(restart.after(Duration::from_secs(3_600)).as_millis(), 200);
    }
}
