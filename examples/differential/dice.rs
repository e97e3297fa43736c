//! Numbers that a seed decides, so that a run can be repeated.

/// SplitMix64 (Steele, Lea and Flood, 2014): small, and every seed is a good one.
pub(crate) struct Dice(u64);

impl Dice {
    /// Returns the dice of one case: the same whatever was thrown for others.
    pub(crate) fn new(seed: u64, case: usize) -> Dice {
        let mut dice = Dice(seed ^ (case as u64).wrapping_mul(0xd6e8_feb8_6659_fd93));
        dice.next();
        dice
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Throws a number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// Throws an octet.
    pub(crate) fn octet(&mut self) -> u8 {
        self.next() as u8
    }
}
