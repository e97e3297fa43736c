//! Address prefixes.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// An address family.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Returns the number of bits of an address: 32 or 128.
    pub fn bits(self) -> u8 {
        match self {
            Family::V4 => 32,
            Family::V6 => 128,
        }
    }
}

/// An IPv4 or IPv6 prefix whose host bits are all zero.
///
/// Ordered by family, then address, then length, so that a prefix comes directly
/// before the prefixes that it covers.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "IpNet", into = "IpNet")]
pub struct Prefix(IpNet);

impl Prefix {
    /// Makes a prefix; host bits that are set are an error.
    pub fn new(address: IpAddr, length: u8) -> Result<Self, PrefixError> {
        let net = IpNet::new(address, length).map_err(|_| PrefixError::Length)?;
        Prefix::try_from(net)
    }

    /// Makes a prefix and clears the host bits.
    pub fn truncating(address: IpAddr, length: u8) -> Result<Self, PrefixError> {
        let net = IpNet::new(address, length).map_err(|_| PrefixError::Length)?;
        Ok(Prefix(net.trunc()))
    }

    /// Reads a prefix and clears the host bits, as Routinator's validity API does.
    pub fn from_str_truncating(text: &str) -> Result<Self, PrefixError> {
        parse_net(text).map(|net| Prefix(net.trunc()))
    }

    /// Returns the network address.
    pub fn address(self) -> IpAddr {
        self.0.addr()
    }

    /// Returns the length in bits, 0 to 32 or 0 to 128.
    #[expect(clippy::len_without_is_empty, reason = "a length in bits, not of a collection")]
    pub fn len(self) -> u8 {
        self.0.prefix_len()
    }

    /// Returns the address family.
    pub fn family(self) -> Family {
        match self.0 {
            IpNet::V4(_) => Family::V4,
            IpNet::V6(_) => Family::V6,
        }
    }

    /// Tells whether `other` is this prefix or lies inside it.
    ///
    /// Source: RFC 6811, section 2, "Covered".
    pub fn covers(self, other: Prefix) -> bool {
        match (self.0, other.0) {
            (IpNet::V4(outer), IpNet::V4(inner)) => outer.contains(&inner),
            (IpNet::V6(outer), IpNet::V6(inner)) => outer.contains(&inner),
            _ => false,
        }
    }

    /// Returns the prefix in the form that the `ipnet` crate gives it.
    pub fn net(self) -> IpNet {
        self.0
    }
}

fn parse_net(text: &str) -> Result<IpNet, PrefixError> {
    let (address, length) = text.split_once('/').ok_or(PrefixError::NoLength)?;
    let address: IpAddr = address.parse().map_err(|_| PrefixError::Address)?;
    if length.is_empty() || length.len() > 3 || !length.bytes().all(|b| b.is_ascii_digit()) {
        return Err(PrefixError::Length);
    }
    let length: u8 = length.parse().map_err(|_| PrefixError::Length)?;
    IpNet::new(address, length).map_err(|_| PrefixError::Length)
}

impl TryFrom<IpNet> for Prefix {
    type Error = PrefixError;

    fn try_from(net: IpNet) -> Result<Self, PrefixError> {
        if net.trunc() == net { Ok(Prefix(net)) } else { Err(PrefixError::HostBits) }
    }
}

impl From<Prefix> for IpNet {
    fn from(prefix: Prefix) -> IpNet {
        prefix.0
    }
}

impl FromStr for Prefix {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        Prefix::try_from(parse_net(text)?)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without a width, as in payloads of a million lines, it takes no memory.
        if f.width().is_none() && f.precision().is_none() {
            return write!(f, "{}/{}", self.0.addr(), self.0.prefix_len());
        }
        f.pad(&self.0.to_string())
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A text or number pair that is no prefix.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PrefixError {
    /// There is no `/`.
    #[error("invalid prefix: expected ADDRESS/LENGTH")]
    NoLength,
    /// The part before the `/` is no IPv4 or IPv6 address.
    #[error("invalid prefix: not an IPv4 or IPv6 address")]
    Address,
    /// The length is no number, or above 32 or 128.
    #[error("invalid prefix: the length is not between 0 and 32 (IPv4) or 128 (IPv6)")]
    Length,
    /// A bit behind the length is set.
    #[error("invalid prefix: bits behind the prefix length are set")]
    HostBits,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> Prefix {
        text.parse().unwrap()
    }

    #[test]
    fn covers_itself_and_what_lies_inside() {
        assert!(prefix("192.0.2.0/24").covers(prefix("192.0.2.0/24")));
        assert!(prefix("192.0.2.0/24").covers(prefix("192.0.2.128/25")));
        assert!(!prefix("192.0.2.128/25").covers(prefix("192.0.2.0/24")));
        assert!(prefix("0.0.0.0/0").covers(prefix("192.0.2.0/24")));
        assert!(!prefix("::/0").covers(prefix("192.0.2.0/24")));
    }

    #[test]
    fn order_puts_a_prefix_before_what_it_covers() {
        let mut list = [
            prefix("2001:db8::/32"),
            prefix("192.0.2.0/25"),
            prefix("192.0.2.0/24"),
            prefix("10.0.0.0/8"),
        ];
        list.sort();
        let text: Vec<_> = list.iter().map(|p| p.to_string()).collect();
        assert_eq!(text, ["10.0.0.0/8", "192.0.2.0/24", "192.0.2.0/25", "2001:db8::/32"]);
    }

    #[test]
    fn refuses_what_is_no_prefix() {
        for (text, error) in [
            ("192.0.2.0", PrefixError::NoLength),
            ("192.0.2/24", PrefixError::Address),
            ("192.0.2.0/33", PrefixError::Length),
            ("192.0.2.0/+4", PrefixError::Length),
            ("192.0.2.0/", PrefixError::Length),
            ("::/129", PrefixError::Length),
            ("192.0.2.1/24", PrefixError::HostBits),
        ] {
            assert_eq!(text.parse::<Prefix>(), Err(error), "{text}");
        }
        assert_eq!(Prefix::from_str_truncating("10.0.0.1/8"), Ok(prefix("10.0.0.0/8")));
    }
}
