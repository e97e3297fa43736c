//! The judgement: valid, invalid (and why) or not found, from the VRPs that cover a route.

use super::{Covering, Index, Permission};
use crate::model::{Asn, Origin, Route, Vrp};

/// The state of a route.
///
/// Source: RFC 6811, section 2. Text for people may say "unknown" for `NotFound`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Validity {
    /// A covering VRP has the route's origin AS and permits its length.
    Valid,
    /// VRPs cover the route, and none matches it.
    Invalid(InvalidReason),
    /// No VRP covers the route.
    NotFound,
}

/// Why a route is invalid: the first of these that holds.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum InvalidReason {
    /// Every covering VRP is for AS 0: nobody may originate the prefix (RFC 6483, section 4).
    As0,
    /// A covering VRP has the route's AS, so the route is only too long.
    MaxLength,
    /// A covering VRP permits the length, so only the AS is wrong.
    OriginAs,
    /// The AS is wrong, and the route is longer than any covering VRP permits.
    Both,
}

/// How one covering VRP fits a route.
///
/// Routinator's three lists follow from it: `TooLong` and `Both` are its `unmatched_length`,
/// `WrongOrigin` is its `unmatched_as`, `Matched` its `matched`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Fit {
    /// The AS and the length fit.
    Matched,
    /// The length fits, the AS does not.
    WrongOrigin,
    /// The AS fits, the route is longer than the VRP permits.
    TooLong,
    /// Neither fits.
    Both,
}

impl Fit {
    /// Judges one covering VRP.
    ///
    /// AS 0 and [`Origin::None`] fit nothing, not even each other (RFC 6811, section 2).
    fn of(permission: Permission, origin: Option<Asn>, length: u8) -> Fit {
        let same_origin = origin == Some(permission.asn);
        match (same_origin, length <= permission.max_length) {
            (true, true) => Fit::Matched,
            (false, true) => Fit::WrongOrigin,
            (true, false) => Fit::TooLong,
            (false, false) => Fit::Both,
        }
    }
}

/// Returns the AS that a VRP could match.
fn matchable(origin: Origin) -> Option<Asn> {
    match origin {
        Origin::As(asn) if !asn.is_zero() => Some(asn),
        _ => None,
    }
}

impl Validity {
    /// Judges `route` by the VRPs in `index`, without keeping them.
    pub fn of(index: &Index, route: Route) -> Validity {
        Validity::from_covering(index.covering(route.prefix), route)
    }

    /// Judges `route` by what covers its prefix.
    pub(super) fn from_covering(covering: Covering<'_>, route: Route) -> Validity {
        let origin = matchable(route.origin);
        let length = route.prefix.len();
        let mut seen = Seen::default();
        for cover in covering {
            for permission in cover.permissions {
                let fit = Fit::of(*permission, origin, length);
                if fit == Fit::Matched {
                    return Validity::Valid;
                }
                seen.add(fit, permission.asn);
            }
        }
        seen.validity()
    }

    /// Returns the reason, if the route is invalid.
    pub fn reason(self) -> Option<InvalidReason> {
        match self {
            Validity::Invalid(reason) => Some(reason),
            Validity::Valid | Validity::NotFound => None,
        }
    }
}

/// What was seen among the covering VRPs so far.
#[derive(Clone, Copy, Default)]
struct Seen {
    any: bool,
    matched: bool,
    origin: bool,
    length: bool,
    other_than_as0: bool,
}

impl Seen {
    fn add(&mut self, fit: Fit, asn: Asn) {
        self.any = true;
        self.matched |= fit == Fit::Matched;
        self.origin |= fit == Fit::TooLong;
        self.length |= fit == Fit::WrongOrigin;
        self.other_than_as0 |= !asn.is_zero();
    }

    fn validity(self) -> Validity {
        if self.matched {
            Validity::Valid
        } else if !self.any {
            Validity::NotFound
        } else if !self.other_than_as0 {
            Validity::Invalid(InvalidReason::As0)
        } else if self.origin {
            Validity::Invalid(InvalidReason::MaxLength)
        } else if self.length {
            Validity::Invalid(InvalidReason::OriginAs)
        } else {
            Validity::Invalid(InvalidReason::Both)
        }
    }
}

/// A judgement with what it rests on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verdict {
    /// The state, and the reason if it is invalid.
    pub validity: Validity,
    /// Every covering VRP: those of the longest prefix first, then in list order.
    pub covering: Vec<CoveringVrp>,
}

/// A VRP that covers a route.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CoveringVrp {
    /// Its position in the list that the index was built from.
    pub position: usize,
    /// The VRP.
    pub vrp: Vrp,
    /// How it fits the route.
    pub fit: Fit,
}

impl Verdict {
    /// Judges `route`; `vrps` must be the list that `index` was built from.
    pub fn of(index: &Index, vrps: &[Vrp], route: Route) -> Verdict {
        let origin = matchable(route.origin);
        let mut seen = Seen::default();
        let mut covering = Vec::new();
        for position in index.covering(route.prefix).flat_map(|cover| cover.positions) {
            let Some(&vrp) = vrps.get(position) else { continue };
            let permission = Permission { asn: vrp.asn, max_length: vrp.max_length };
            let fit = Fit::of(permission, origin, route.prefix.len());
            seen.add(fit, vrp.asn);
            covering.push(CoveringVrp { position, vrp, fit });
        }
        Verdict { validity: seen.validity(), covering }
    }
}

#[cfg(test)]
mod tests {
    use super::super::index::tests::{any_prefix, any_vrps};
    use super::*;
    use proptest::prelude::*;

    fn judge(vrps: &[(&str, u8, u32)], prefix: &str, origin: Origin) -> Validity {
        let mut vrps: Vec<Vrp> = vrps
            .iter()
            .map(|&(prefix, max_length, asn)| Vrp {
                prefix: prefix.parse().unwrap(),
                max_length,
                asn: Asn(asn),
            })
            .collect();
        vrps.sort_unstable();
        let index = Index::build(&vrps);
        let route = Route { prefix: prefix.parse().unwrap(), origin };
        let verdict = Verdict::of(&index, &vrps, route);
        assert_eq!(Validity::of(&index, route), verdict.validity, "both ways agree");
        verdict.validity
    }

    fn origin(asn: u32) -> Origin {
        Origin::As(Asn(asn))
    }

    #[test]
    fn the_rules_of_rfc_6811() {
        let vrps = [("198.51.100.0/22", 24, 64496), ("203.0.112.0/20", 20, 64497)];
        for (prefix, asn, expected) in [
            ("198.51.100.0/22", 64496, Validity::Valid),
            ("198.51.100.0/24", 64496, Validity::Valid),
            ("198.51.100.0/25", 64496, Validity::Invalid(InvalidReason::MaxLength)),
            ("198.51.100.0/24", 64499, Validity::Invalid(InvalidReason::OriginAs)),
            ("198.51.100.0/25", 64499, Validity::Invalid(InvalidReason::Both)),
            ("198.51.96.0/21", 64496, Validity::NotFound),
            ("192.0.2.0/24", 64496, Validity::NotFound),
        ] {
            assert_eq!(judge(&vrps, prefix, origin(asn)), expected, "{prefix} AS{asn}");
        }
    }

    #[test]
    fn one_match_among_many_makes_a_route_valid() {
        let vrps = [("10.0.0.0/8", 8, 1), ("10.0.0.0/16", 16, 0), ("10.0.0.0/16", 24, 2)];
        assert_eq!(judge(&vrps, "10.0.0.0/24", origin(2)), Validity::Valid);
    }

    #[test]
    fn as0_roa_makes_every_origin_invalid() {
        let vrps = [("192.0.2.0/24", 32, 0)];
        for origin in [origin(64496), origin(0), Origin::None] {
            let validity = judge(&vrps, "192.0.2.0/24", origin);
            assert_eq!(validity, Validity::Invalid(InvalidReason::As0), "{origin}");
        }
    }

    #[test]
    fn as0_and_no_origin_match_nothing() {
        let vrps = [("192.0.2.0/24", 24, 0), ("192.0.2.0/24", 24, 64496)];
        for origin in [origin(0), Origin::None] {
            let validity = judge(&vrps, "192.0.2.0/24", origin);
            assert_eq!(validity, Validity::Invalid(InvalidReason::OriginAs), "{origin}");
            assert_eq!(judge(&vrps, "198.51.100.0/24", origin), Validity::NotFound);
        }
    }

    #[test]
    fn the_reason_is_the_first_that_holds() {
        // The route's AS and a fitting length are there, in different VRPs.
        let vrps = [("10.0.0.0/8", 8, 64496), ("10.0.0.0/8", 24, 64497)];
        let validity = judge(&vrps, "10.0.0.0/16", origin(64496));
        assert_eq!(validity, Validity::Invalid(InvalidReason::MaxLength));
        // AS 0 is the reason only where it stands alone.
        let vrps = [("10.0.0.0/8", 8, 64497), ("10.0.0.0/8", 24, 0)];
        let validity = judge(&vrps, "10.0.0.0/16", origin(64496));
        assert_eq!(validity, Validity::Invalid(InvalidReason::OriginAs));
    }

    #[test]
    fn each_covering_vrp_says_how_it_fits() {
        let vrp = |prefix: &str, max_length, asn| Vrp {
            prefix: prefix.parse().unwrap(),
            max_length,
            asn: Asn(asn),
        };
        let vrps = [
            vrp("10.0.0.0/8", 8, 1),
            vrp("10.0.0.0/8", 8, 2),
            vrp("10.0.0.0/16", 16, 1),
            vrp("10.0.0.0/16", 16, 2),
        ];
        let index = Index::build(&vrps);
        let route = Route { prefix: "10.0.0.0/16".parse().unwrap(), origin: origin(2) };
        let verdict = Verdict::of(&index, &vrps, route);
        let fits: Vec<_> = verdict.covering.iter().map(|c| (c.position, c.fit)).collect();
        assert_eq!(
            fits,
            [(2, Fit::WrongOrigin), (3, Fit::Matched), (0, Fit::Both), (1, Fit::TooLong)]
        );
    }

    /// RFC 6811 and DESIGN's reasons, word for word and without an index.
    fn naive(vrps: &[Vrp], route: Route) -> Validity {
        let covering: Vec<_> = vrps.iter().filter(|v| v.prefix.covers(route.prefix)).collect();
        let same = |vrp: &Vrp| !vrp.asn.is_zero() && route.origin == Origin::As(vrp.asn);
        let permits = |vrp: &Vrp| route.prefix.len() <= vrp.max_length;
        if covering.is_empty() {
            Validity::NotFound
        } else if covering.iter().any(|vrp| same(vrp) && permits(vrp)) {
            Validity::Valid
        } else if covering.iter().all(|vrp| vrp.asn.is_zero()) {
            Validity::Invalid(InvalidReason::As0)
        } else if covering.iter().any(|vrp| same(vrp)) {
            Validity::Invalid(InvalidReason::MaxLength)
        } else if covering.iter().any(|vrp| permits(vrp)) {
            Validity::Invalid(InvalidReason::OriginAs)
        } else {
            Validity::Invalid(InvalidReason::Both)
        }
    }

    proptest! {
        #[test]
        fn equals_the_words_of_the_rfc(vrps in any_vrps(), prefix in any_prefix(), asn in 0u32..5) {
            let origin = if asn == 4 { Origin::None } else { Origin::As(Asn(asn)) };
            let index = Index::build(&vrps);
            for prefix in vrps.iter().map(|vrp| vrp.prefix).chain([prefix]) {
                let route = Route { prefix, origin };
                let expected = naive(&vrps, route);
                prop_assert_eq!(Validity::of(&index, route), expected);
                prop_assert_eq!(Verdict::of(&index, &vrps, route).validity, expected);
            }
        }
    }
}
