//! Numbers that look drawn, and are the same each time. Pure.
//!
//! Integers only: a plan must not depend on how a machine rounds.

/// A stream of numbers; seed, purpose and index decide all of them.
pub(super) struct Draw(u64);

impl Draw {
    pub(super) fn new(seed: u64, purpose: &str, index: usize) -> Self {
        let mut draw = Draw(seed);
        for byte in purpose.bytes() {
            draw.0 = draw.next() ^ u64::from(byte);
        }
        draw.0 = draw.next() ^ index as u64;
        draw
    }

    /// Returns the next number (SplitMix64).
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number below `limit`, or 0 if that is 0.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        let wide = (u128::from(self.next()) * limit as u128) >> 64;
        usize::try_from(wide).unwrap_or_default()
    }

    /// Tells whether something happens that happens this often in a thousand.
    pub(super) fn chance(&mut self, per_mille: usize) -> bool {
        self.below(1_000) < per_mille
    }

    /// Chooses from a table of (weight, value).
    pub(super) fn choose<T: Copy>(&mut self, table: &[(usize, T)]) -> Option<T> {
        let mut rest = self.below(table.iter().map(|(weight, _)| weight).sum());
        for (weight, value) in table {
            match rest.checked_sub(*weight) {
                Some(left) => rest = left,
                None => return Some(*value),
            }
        }
        None
    }

    /// Returns a weight with a heavy tail: u^-0.75 for an even u from 0 to 1, in units of 2^-24.
    ///
    /// Half of the weights are below 1.7, one in a thousand is above 178; none is above 4,096.
    pub(super) fn weight(&mut self) -> u64 {
        let inverse = (1u64 << 48) / (self.next() % 65_536 + 1);
        let root = inverse.isqrt();
        root * root.isqrt()
    }
}

/// Divides `total` by weights; the shares add up to it.
pub(super) fn apportion(weights: &[u64], total: usize) -> Vec<usize> {
    let sum: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
    let mut shares: Vec<usize> = weights
        .iter()
        .map(|weight| {
            let share = u128::from(*weight) * total as u128 / sum.max(1);
            usize::try_from(share).unwrap_or_default()
        })
        .collect();
    // Rounded down, each lacks less than one.
    let lacking = total.saturating_sub(shares.iter().sum());
    let weighty = shares.iter_mut().zip(weights).filter(|(_, weight)| **weight > 0);
    weighty.take(lacking).for_each(|(share, _)| *share += 1);
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_reproducible_and_their_purposes_apart() {
        let three = |seed, purpose, index| {
            let mut draw = Draw::new(seed, purpose, index);
            [draw.next(), draw.next(), draw.next()]
        };
        assert_eq!(three(1, "a", 2), three(1, "a", 2));
        for other in [three(2, "a", 2), three(1, "b", 2), three(1, "a", 3)] {
            assert_ne!(three(1, "a", 2), other);
        }
        let mut draw = Draw::new(1, "table", 0);
        let drawn: Vec<_> = (0..1_000).filter_map(|_| draw.choose(&[(9, 'x'), (1, 'y')])).collect();
        let rare = drawn.iter().filter(|letter| **letter == 'y').count();
        assert_eq!(drawn.len(), 1_000);
        assert!((60..140).contains(&rare), "{rare}");
    }

    #[test]
    fn shares_add_up_and_follow_the_weights() {
        assert_eq!(apportion(&[1, 0, 3], 9), [3, 0, 6]);
        assert_eq!(apportion(&[0, 0], 5), [0, 0]);
        let mut draw = Draw::new(1, "weights", 0);
        let weights: Vec<_> = (0..10_000).map(|_| draw.weight()).collect();
        let mut shares = apportion(&weights, 60_000);
        assert_eq!(shares.iter().sum::<usize>(), 60_000);
        shares.sort_unstable();
        assert!(shares[5_000] <= 4, "the median is {}", shares[5_000]);
        assert!(shares[9_999] > 500, "the largest is {}", shares[9_999]);
    }
}
