//! Which items of the payload are written. Pure.

use crate::model::{Asn, Family, Prefix};

/// A selection of items; the default selects everything.
///
/// Prefixes and AS numbers are joined by "or", as Routinator does.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Selection {
    /// VRPs whose prefix covers one of these.
    pub prefixes: Vec<Prefix>,
    /// Items of one of these ASes: the origin of a VRP, the AS of a router key, the customer.
    pub asns: Vec<Asn>,
    /// Also VRPs inside a selected prefix.
    pub more_specifics: bool,
    /// Only this family's VRPs.
    pub family: Option<Family>,
    /// No VRPs at all: their list is left out where a format has one.
    pub no_route_origins: bool,
    /// No router keys.
    pub no_router_keys: bool,
    /// No ASPAs.
    pub no_aspas: bool,
}

impl Selection {
    /// Tells whether everything is selected.
    pub fn is_everything(&self) -> bool {
        *self == Selection::default()
    }

    fn selects_all_resources(&self) -> bool {
        self.prefixes.is_empty() && self.asns.is_empty()
    }

    /// Tells whether a VRP is selected.
    pub fn has_vrp(&self, prefix: Prefix, asn: Asn) -> bool {
        let by_prefix = |selected: &Prefix| {
            prefix.covers(*selected) || (self.more_specifics && selected.covers(prefix))
        };
        !self.no_route_origins
            && self.family.is_none_or(|family| family == prefix.family())
            && (self.selects_all_resources()
                || self.asns.contains(&asn)
                || self.prefixes.iter().any(by_prefix))
    }

    /// Tells whether a router key of `asn` is selected.
    pub fn has_router_key(&self, asn: Asn) -> bool {
        !self.no_router_keys && (self.selects_all_resources() || self.asns.contains(&asn))
    }

    /// Tells whether the ASPA of `customer` is selected.
    pub fn has_aspa(&self, customer: Asn) -> bool {
        !self.no_aspas && (self.selects_all_resources() || self.asns.contains(&customer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> Prefix {
        text.parse().unwrap()
    }

    #[test]
    fn a_prefix_selects_what_covers_it_and_on_request_what_lies_inside() {
        let mut selection =
            Selection { prefixes: vec![prefix("192.0.2.0/24")], ..Selection::default() };
        let inside = prefix("192.0.2.0/25");
        assert!(selection.has_vrp(prefix("192.0.0.0/16"), Asn(1)));
        assert!(selection.has_vrp(prefix("192.0.2.0/24"), Asn(1)));
        assert!(!selection.has_vrp(inside, Asn(1)));
        assert!(!selection.has_router_key(Asn(1)) && !selection.has_aspa(Asn(1)));
        selection.more_specifics = true;
        assert!(selection.has_vrp(inside, Asn(1)));
    }

    #[test]
    fn prefixes_and_ases_are_joined_by_or() {
        let selection = Selection {
            prefixes: vec![prefix("192.0.2.0/24")],
            asns: vec![Asn(2)],
            ..Selection::default()
        };
        assert!(selection.has_vrp(prefix("10.0.0.0/8"), Asn(2)));
        assert!(selection.has_vrp(prefix("192.0.2.0/24"), Asn(3)));
        assert!(!selection.has_vrp(prefix("10.0.0.0/8"), Asn(3)));
        assert!(selection.has_aspa(Asn(2)) && !selection.has_aspa(Asn(3)));
    }
}
