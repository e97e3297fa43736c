//! The time at which something is judged, and how long the judgement stands.

use crate::model::{TimeWindow, Timestamp};

/// A time, and the window in which every comparison made with it comes out the same.
///
/// Nothing in `validate` compares with the time but through this: so the horizon is complete.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    now: Timestamp,
    window: TimeWindow,
}

impl Moment {
    pub(crate) fn new(now: Timestamp) -> Self {
        Moment { now, window: TimeWindow::ALWAYS }
    }

    /// Returns the same time, without any comparison so far.
    pub(crate) fn restarted(self) -> Self {
        Moment::new(self.now)
    }

    /// Returns the window in which every comparison so far comes out the same.
    pub(crate) fn window(self) -> TimeWindow {
        self.window
    }

    /// Narrows the window to what holds for `other`, too.
    pub(crate) fn join(&mut self, other: TimeWindow) {
        self.window = self.window.intersect(other);
    }

    /// Tells whether the time is after `limit`.
    pub(crate) fn is_after(&mut self, limit: Timestamp) -> bool {
        let is_after = self.now > limit;
        let next = Timestamp(limit.0.saturating_add(1));
        self.join(match is_after {
            true => TimeWindow::new(next, Timestamp::MAX),
            false => TimeWindow::new(Timestamp::MIN, limit),
        });
        is_after
    }

    /// Tells whether the time is before `limit`.
    pub(crate) fn is_before(&mut self, limit: Timestamp) -> bool {
        let is_before = self.now < limit;
        let previous = Timestamp(limit.0.saturating_sub(1));
        self.join(match is_before {
            true => TimeWindow::new(Timestamp::MIN, previous),
            false => TimeWindow::new(limit, Timestamp::MAX),
        });
        is_before
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn inside_the_window_every_comparison_comes_out_the_same(
            now in -20i64..20,
            limits in prop::collection::vec((-20i64..20, any::<bool>()), 0..6),
            later in -20i64..20,
        ) {
            let ask = |now: i64| {
                let mut moment = Moment::new(Timestamp(now));
                let answers: Vec<bool> = limits
                    .iter()
                    .map(|&(limit, after)| match after {
                        true => moment.is_after(Timestamp(limit)),
                        false => moment.is_before(Timestamp(limit)),
                    })
                    .collect();
                (answers, moment.window())
            };
            let (answers, window) = ask(now);
            prop_assert!(window.contains(Timestamp(now)));
            let is_same = ask(later).0 == answers;
            prop_assert_eq!(window.contains(Timestamp(later)), is_same);
        }
    }
}
