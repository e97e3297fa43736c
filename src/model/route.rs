//! Announced routes, as route origin validation sees them.

use std::fmt;

use super::{Asn, Prefix};

/// The origin of an announced route.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Origin {
    /// The last AS of the path.
    As(Asn),
    /// The path is empty or ends in an AS_SET: no VRP can match it.
    ///
    /// Source: RFC 6811, section 2, "NONE".
    None,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::As(asn) => f.pad(&asn.to_string()),
            Origin::None => f.pad("none"),
        }
    }
}

/// An announced route: a prefix and its origin.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Route {
    /// The announced prefix.
    pub prefix: Prefix,
    /// The origin AS, if there is one.
    pub origin: Origin,
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.prefix, self.origin)
    }
}
