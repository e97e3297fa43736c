//! The default lab: a small RPKI on documentation resources, and a tour of announced routes.
//!
//! ```text
//! north  192.0.2.0/24, 2001:db8::/33        east  198.51.100.0/24, 2001:db8:8000::/33
//! ├ alder            (hosted)               ├ cedar            (hosted)
//! │ └ alder-branch   (delegated)            └ dogwood          (archive, rsync only)
//! │   └ alder-twig   (delegated)            south 203.0.113.0/24, 3fff::/20
//! └ birch            (delegated)            └ elm              (hosted)
//!                                             └ elm-lease      (delegated)
//! ```
//!
//! No CA inherits its resources here, because rpki-client 8.2, which Debian 12 has, refuses such
//! a CA; tests have a plan that does.

use std::str::FromStr;

use super::plan::{Ca, Plan, Roa, Server, Transports};
use crate::ca::{Resources, RoaPrefix};
use crate::model::{AsRange, Asn, Aspa, Origin, Prefix, ResourceSet, Route};

/// The server of the trust anchors' own points.
const REGISTRY: usize = 0;
/// The server of CAs that a registry hosts.
const HOSTED: usize = 1;
/// The server of CAs that run themselves.
const DELEGATED: usize = 2;
/// A server that has no RRDP.
const ARCHIVE: usize = 3;

/// An announced route of the tour, and what its state must be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Stop {
    /// The route.
    pub route: Route,
    /// Its state.
    pub expected: Expected,
    /// What the stop shows, as a short phrase.
    pub shows: &'static str,
}

/// The state of a route, with the reason where it is invalid.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Expected {
    /// A VRP matches.
    Valid,
    /// Every covering VRP is for AS 0.
    InvalidAs0,
    /// A covering VRP has the route's AS, but the route is too long.
    InvalidMaxLength,
    /// A covering VRP permits the length, but not the AS.
    InvalidOriginAs,
    /// Every covering VRP has another AS and is too short.
    InvalidBoth,
    /// No VRP covers the route.
    NotFound,
}

/// Returns the plan of the default lab.
pub fn small_internet() -> Plan {
    let server = |name: &str, transports| Server { name: name.into(), transports };
    Plan {
        servers: vec![
            server("registry", Transports::RrdpAndRsync),
            server("hosted", Transports::RrdpAndRsync),
            server("delegated", Transports::RrdpAndRsync),
            server("archive", Transports::RsyncOnly),
        ],
        trust_anchors: vec![north(), east(), south()],
    }
}

fn north() -> Ca {
    let twig = Ca {
        roas: vec![roa("alder-twig-v6", 64498, &[("2001:db8:f00::/40", None)])],
        ..ca("alder-twig", DELEGATED, &["2001:db8:f00::/40"], (64498, 64498))
    };
    let branch = Ca {
        roas: vec![roa("alder-branch-v4", 64497, &[("192.0.2.64/26", None)])],
        children: vec![twig],
        ..ca("alder-branch", DELEGATED, &["192.0.2.64/26", "2001:db8:f00::/40"], (64497, 64498))
    };
    let alder = Ca {
        roas: vec![
            roa("alder-v4", 64496, &[("192.0.2.0/25", Some(26))]),
            roa("alder-v6", 64496, &[("2001:db8::/36", Some(48))]),
        ],
        routers: vec![Asn(64496)],
        contact: Some("Alder Networks".into()),
        children: vec![branch],
        ..ca("alder", HOSTED, &["192.0.2.0/25", "2001:db8::/36"], (64496, 64498))
    };
    let birch = Ca {
        roas: vec![roa("birch-v4", 64500, &[("192.0.2.128/25", None)])],
        aspas: vec![Aspa { customer: Asn(64500), providers: vec![Asn(64496), Asn(64504)] }],
        ..ca("birch", DELEGATED, &["192.0.2.128/25"], (64500, 64500))
    };
    Ca {
        // Space that the registry has given to nobody.
        roas: vec![roa("north-unused", 0, &[("2001:db8:4000::/34", Some(128))])],
        children: vec![alder, birch],
        ..ca("north", REGISTRY, &["192.0.2.0/24", "2001:db8::/33"], (64496, 64503))
    }
}

fn east() -> Ca {
    let cedar = Ca {
        roas: vec![
            // Two ROAs, one VRP inside the other: a customer's part of its provider's block.
            roa("cedar", 64504, &[("198.51.100.0/24", None), ("2001:db8:9000::/36", Some(40))]),
            roa("cedar-customer", 64505, &[("198.51.100.128/25", Some(26))]),
        ],
        ..ca("cedar", HOSTED, &["198.51.100.0/24", "2001:db8:9000::/36"], (64504, 64507))
    };
    let dogwood = Ca {
        roas: vec![roa("dogwood-v6", 64508, &[("2001:db8:8000::/40", Some(44))])],
        ..ca("dogwood", ARCHIVE, &["2001:db8:8000::/40"], (64508, 64508))
    };
    Ca {
        children: vec![cedar, dogwood],
        ..ca("east", REGISTRY, &["198.51.100.0/24", "2001:db8:8000::/33"], (64504, 64511))
    }
}

fn south() -> Ca {
    let lease = Ca {
        roas: vec![
            roa("elm-lease-v4", 65537, &[("203.0.113.0/25", None)]),
            roa("elm-lease-v6", 65537, &[("3fff::/28", Some(32))]),
        ],
        ..ca("elm-lease", DELEGATED, &["203.0.113.0/25", "3fff::/28"], (65537, 65537))
    };
    let elm = Ca {
        roas: vec![roa("elm-unused", 0, &[("203.0.113.192/26", Some(32))])],
        children: vec![lease],
        ..ca("elm", HOSTED, &["203.0.113.0/24", "3fff::/24"], (65536, 65539))
    };
    Ca {
        children: vec![elm],
        ..ca("south", REGISTRY, &["203.0.113.0/24", "3fff::/20"], (65536, 65551))
    }
}

/// Returns the tour through the default lab.
pub fn tour() -> Vec<Stop> {
    use Expected::*;
    [
        ("192.0.2.0/25", 64496, Valid, "a ROA for exactly this route"),
        ("192.0.2.0/26", 64496, Valid, "a longer prefix that the ROA's max length permits"),
        ("192.0.2.64/26", 64497, Valid, "a customer with a CA and a ROA of its own"),
        ("192.0.2.0/25", 64511, InvalidOriginAs, "another AS announces the prefix"),
        ("192.0.2.0/27", 64496, InvalidMaxLength, "the right AS, longer than permitted"),
        ("198.51.100.0/26", 64496, InvalidBoth, "neither the AS nor the length is permitted"),
        ("203.0.113.192/26", 65536, InvalidAs0, "the holder says that nobody announces it"),
        ("203.0.113.128/26", 65536, NotFound, "no ROA speaks about this prefix"),
        ("2001:db8:1::/48", 64496, Valid, "IPv6, by max length"),
        ("2001:db8:f00::/40", 64498, Valid, "IPv6, three CAs below the trust anchor"),
        ("2001:db8:8010::/44", 64508, Valid, "IPv6, from a server that has only rsync"),
        ("2001:db8:1:1::/64", 64496, InvalidMaxLength, "IPv6, longer than permitted"),
        ("2001:db8:9000::/36", 64505, InvalidOriginAs, "IPv6, from another AS"),
        ("2001:db8:4000::/34", 64499, InvalidAs0, "IPv6 space that a registry has not given out"),
        ("3fff:f00::/24", 65551, NotFound, "IPv6 without any ROA"),
    ]
    .into_iter()
    .map(|(prefix, asn, expected, shows)| {
        let route = Route { prefix: parsed(prefix), origin: Origin::As(Asn(asn)) };
        Stop { route, expected, shows }
    })
    .collect()
}

/// Makes a CA that publishes nothing yet.
fn ca(name: &str, server: usize, prefixes: &[&str], (first, last): (u32, u32)) -> Ca {
    let addresses = ResourceSet::from_prefixes(prefixes.iter().map(|text| parsed::<Prefix>(text)));
    let asns = AsRange { min: first, max: last };
    let (v4, v6) = (addresses.v4().to_vec(), addresses.v6().to_vec());
    Ca {
        name: name.into(),
        server,
        resources: Resources::Set(ResourceSet::new(v4, v6, [asns])),
        roas: Vec::new(),
        aspas: Vec::new(),
        routers: Vec::new(),
        contact: None,
        children: Vec::new(),
    }
}

fn roa(name: &str, asn: u32, prefixes: &[(&str, Option<u8>)]) -> Roa {
    let prefixes = prefixes
        .iter()
        .map(|&(text, max_length)| RoaPrefix { prefix: parsed(text), max_length })
        .collect();
    Roa { name: name.into(), asn: Asn(asn), prefixes }
}

#[expect(clippy::expect_used, reason = "reads the constants above only, and tests read them all")]
fn parsed<T: FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a constant of the lab is well formed")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Judges by scanning every VRP, as RFC 6811 words it.
    fn judge(route: Route) -> Expected {
        let Origin::As(asn) = route.origin else { return Expected::NotFound };
        let truth = small_internet().truth();
        let vrps = truth.vrps.iter().map(|(vrp, _)| vrp);
        let covering: Vec<_> = vrps.filter(|vrp| vrp.prefix.covers(route.prefix)).collect();
        let permits = |max_length: u8| route.prefix.len() <= max_length;
        if covering.is_empty() {
            Expected::NotFound
        } else if covering.iter().any(|vrp| vrp.asn == asn && permits(vrp.max_length)) {
            Expected::Valid
        } else if covering.iter().all(|vrp| vrp.asn.is_zero()) {
            Expected::InvalidAs0
        } else if covering.iter().any(|vrp| vrp.asn == asn) {
            Expected::InvalidMaxLength
        } else if covering.iter().any(|vrp| permits(vrp.max_length)) {
            Expected::InvalidOriginAs
        } else {
            Expected::InvalidBoth
        }
    }

    #[test]
    fn every_stop_of_the_tour_has_the_state_that_the_truth_gives_it() {
        for stop in tour() {
            assert_eq!(judge(stop.route), stop.expected, "{}", stop.route);
        }
    }

    #[test]
    fn the_lab_holds_documentation_resources_only() {
        let documentation = ["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"]
            .into_iter()
            .chain(["2001:db8::/32", "3fff::/20"])
            .map(parsed::<Prefix>);
        let documentation = ResourceSet::from_prefixes(documentation);
        let truth = small_internet().truth();
        assert_eq!((truth.vrps.len(), truth.aspas.len(), truth.router_keys.len()), (13, 1, 1));
        for (vrp, _) in truth.vrps {
            assert!(documentation.contains_prefix(vrp.prefix), "{vrp}");
            assert!(
                matches!(vrp.asn.0, 0 | 64496..=64511 | 65536..=65551),
                "{vrp} has a real AS number"
            );
        }
    }

    #[test]
    fn no_child_claims_what_its_parent_does_not_hold() {
        fn check(ca: &Ca, held: &ResourceSet) {
            let Resources::Set(own) = &ca.resources else { panic!("{} inherits", ca.name) };
            assert!(held.contains_set(own), "{}", ca.name);
            for entry in ca.roas.iter().flat_map(|roa| &roa.prefixes) {
                assert!(own.contains_prefix(entry.prefix), "{}", ca.name);
            }
            ca.children.iter().for_each(|child| check(child, own));
        }
        for anchor in small_internet().trust_anchors {
            let Resources::Set(held) = anchor.resources.clone() else { panic!("inherits") };
            check(&anchor, &held);
        }
    }
}
