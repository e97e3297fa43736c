//! Addresses as numbers: what the index needs to know of each family.

use std::net::IpAddr;

use crate::model::Prefix;

/// A network address as a number; implemented by `u32` for IPv4 and `u128` for IPv6.
pub(super) trait Address: Copy + Ord {
    /// How many buckets [`Address::bucket`] knows.
    const BUCKETS: usize;

    /// Returns the bucket of this address: it grows with the address, and is below `BUCKETS`.
    fn bucket(self) -> usize;

    /// Tells whether both addresses have the same first `length` bits.
    fn shares(self, other: Self, length: u8) -> bool;
}

impl Address for u32 {
    const BUCKETS: usize = 1 << 16;

    fn bucket(self) -> usize {
        (self >> 16) as usize
    }

    fn shares(self, other: Self, length: u8) -> bool {
        // No bits at all are always the same.
        (self ^ other).checked_shr(32u32.saturating_sub(length.into())).is_none_or(|rest| rest == 0)
    }
}

impl Address for u128 {
    /// One for all below `2000::/4`, 16 bits inside it, one for all above.
    ///
    /// Every address that IANA has assigned for use lies inside (`2000::/3`, so far its first
    /// half), so the 16 bits that tell prefixes apart are the ones behind the first four.
    const BUCKETS: usize = (1 << 16) + 2;

    fn bucket(self) -> usize {
        match self >> 124 {
            0 | 1 => 0,
            2 => 1 + ((self >> 108) & 0xffff) as usize,
            _ => Self::BUCKETS - 1,
        }
    }

    fn shares(self, other: Self, length: u8) -> bool {
        (self ^ other)
            .checked_shr(128u32.saturating_sub(length.into()))
            .is_none_or(|rest| rest == 0)
    }
}

/// The address of a prefix, by family.
pub(super) enum Network {
    V4(u32),
    V6(u128),
}

impl Network {
    pub(super) fn of(prefix: Prefix) -> Self {
        match prefix.address() {
            IpAddr::V4(address) => Network::V4(address.into()),
            IpAddr::V6(address) => Network::V6(address.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn buckets_grow_with_the_address(a: u128, b: u128, c: u32, d: u32) {
            prop_assert!(a.bucket() < u128::BUCKETS && c.bucket() < u32::BUCKETS);
            prop_assert_eq!(a.min(b).bucket(), a.bucket().min(b.bucket()));
            prop_assert_eq!(c.min(d).bucket(), c.bucket().min(d.bucket()));
        }
    }

    #[test]
    fn the_edges_of_the_ipv6_buckets() {
        let bucket = |text: &str| u128::from(text.parse::<std::net::Ipv6Addr>().unwrap()).bucket();
        assert_eq!(bucket("::"), 0);
        assert_eq!(bucket("1fff:ffff::"), 0);
        assert_eq!(bucket("2000::"), 1);
        assert_eq!(bucket("2fff:ffff::"), 0x10000);
        assert_eq!(bucket("3000::"), 0x10001);
        assert_eq!(bucket("ffff::"), 0x10001);
    }

    #[test]
    fn a_length_of_zero_shares_everything() {
        assert!(0u32.shares(u32::MAX, 0) && 0u128.shares(u128::MAX, 0));
        assert!(!0u32.shares(1 << 31, 1) && !0u128.shares(1 << 127, 1));
        assert!(!0u32.shares(1, 32) && 0u32.shares(1, 31));
        assert!(!0u128.shares(1, 128) && 0u128.shares(1, 127));
    }
}
