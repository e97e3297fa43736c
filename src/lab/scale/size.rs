//! How big a lab of scale is, and how it is skewed: tables of numbers, no logic.
//!
//! Proportions as in the RPKI of 2026: one registry has half of the CAs, another the most ROAs
//! for each of them, a few hosts have nearly everything, and the longest prefixes are the most.

use crate::model::Family;

/// How big a lab is.
#[derive(
    Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// A tenth of the Internet: 4,500 CAs, 27,600 ROAs
    Medium,
    /// The RPKI of 2026: 45,000 CAs, 276,000 ROAs, 790,000 VRPs; 3 GB on disk
    Internet,
    /// Eighty CAs, for the tests of the generator itself
    #[value(skip)]
    Tiny,
}

/// The numbers that a scale stands for.
#[derive(Clone, Copy)]
pub(super) struct Size {
    /// All CAs, trust anchors included.
    pub(super) cas: usize,
    /// All ROAs.
    pub(super) roas: usize,
    /// All prefixes in ROAs; a few VRPs are there twice.
    pub(super) prefixes: usize,
    /// The hosts of CAs that run themselves, beside the one of each registry.
    pub(super) delegated_hosts: usize,
}

impl Scale {
    pub(super) fn size(self) -> Size {
        match self {
            Scale::Internet => {
                Size { cas: 45_000, roas: 276_000, prefixes: 840_000, delegated_hosts: 35 }
            }
            Scale::Medium => {
                Size { cas: 4_500, roas: 27_600, prefixes: 84_000, delegated_hosts: 10 }
            }
            Scale::Tiny => Size { cas: 80, roas: 150, prefixes: 400, delegated_hosts: 2 },
        }
    }
}

/// A trust anchor, and what its registry is like.
pub(super) struct Anchor {
    pub(super) name: &'static str,
    /// How many of a thousand CAs are below it.
    pub(super) cas: usize,
    /// How many ROAs its members have, beside those of others.
    pub(super) roas: u64,
    /// How many CAs of its own stand between it and its members.
    pub(super) registries: usize,
    /// The first and the last octet of its IPv4 addresses.
    pub(super) v4: (u8, u8),
    /// The first 12 bits of its IPv6 addresses, as a /16.
    pub(super) v6: u16,
    /// Its first and last AS number.
    pub(super) asn: (u32, u32),
}

/// The trust anchors. Their address space is ordinary: nothing that is set aside.
pub(super) const ANCHORS: [Anchor; 5] = [
    Anchor {
        name: "north",
        cas: 490,
        roas: 10,
        registries: 1,
        v4: (11, 75),
        v6: 0x2a00,
        asn: (200_000, 299_999),
    },
    Anchor {
        name: "east",
        cas: 200,
        roas: 12,
        registries: 4,
        v4: (76, 99),
        v6: 0x2400,
        asn: (130_000, 159_999),
    },
    Anchor {
        name: "west",
        cas: 170,
        roas: 25,
        registries: 2,
        v4: (128, 168),
        v6: 0x2600,
        asn: (394_000, 424_999),
    },
    Anchor {
        name: "south",
        cas: 110,
        roas: 11,
        registries: 1,
        v4: (173, 191),
        v6: 0x2800,
        asn: (262_000, 279_999),
    },
    Anchor {
        name: "centre",
        cas: 30,
        roas: 10,
        registries: 1,
        v4: (101, 126),
        v6: 0x2c00,
        asn: (327_000, 339_999),
    },
];

/// How many of a thousand members run a host of their own, or use one of a third party.
pub(super) const DELEGATED: usize = 30;
/// How many of a thousand members are customers of another one.
pub(super) const CUSTOMERS: usize = 40;
/// How many of a thousand members have no ROA.
pub(super) const WITHOUT_ROAS: usize = 120;
/// How many of a thousand prefixes are IPv6.
pub(super) const V6: usize = 210;
/// How many of a thousand prefixes are part of another one of the same CA.
pub(super) const INSIDE: usize = 180;
/// How many of a thousand prefixes have a max length of their own.
pub(super) const WITH_MAX_LENGTH: usize = 220;
/// How many of a thousand ROAs are for an AS of somebody else.
pub(super) const FOREIGN_ASN: usize = 200;

const V4_LENGTHS: &[(usize, u8)] = &[
    (591, 24),
    (110, 23),
    (150, 22),
    (60, 21),
    (45, 20),
    (22, 19),
    (12, 18),
    (4, 17),
    (5, 16),
    (1, 15),
];

const V6_LENGTHS: &[(usize, u8)] = &[(480, 48), (300, 32), (60, 44), (60, 40), (60, 36), (40, 29)];

/// Returns how often which prefix length occurs.
pub(super) fn lengths(family: Family) -> &'static [(usize, u8)] {
    match family {
        Family::V4 => V4_LENGTHS,
        Family::V6 => V6_LENGTHS,
    }
}

/// Returns the longest length that is announced.
pub(super) fn longest(family: Family) -> u8 {
    match family {
        Family::V4 => 24,
        Family::V6 => 48,
    }
}
