//! Decides which hosts may be contacted, before and after their names are resolved.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::limits::ADDRESSES;

/// Whether loopback and private addresses may be contacted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LocalAddresses {
    /// For labs and tests.
    Allow,
    /// A repository's URI comes from a stranger and must not reach our own network
    /// (THREATS A19, A20).
    Refuse,
}

/// A host that is not contacted.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum GuardError {
    #[error("{0} is not a public address")]
    Address(IpAddr),
    #[error("port {0} is not one for repositories")]
    Port(u16),
    #[error("a name of a local network")]
    LocalName,
    #[error("the proxy's own host is no repository")]
    Proxy,
    #[error("no public address")]
    NoAddress,
    #[error("name not resolved: {0}")]
    Unresolved(String),
}

/// The rule for addresses, as a resolver and as a check.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guard(pub(super) LocalAddresses);

impl Guard {
    /// Checks host and port as written; `standard` is the port of the scheme.
    ///
    /// Other ports below 1024 belong to other services (THREATS A19: ports 22, 25).
    pub(super) fn check_authority(self, authority: &str, standard: u16) -> Result<(), GuardError> {
        let (host, port) = split(authority, standard);
        if self.0 == LocalAddresses::Allow {
            return Ok(());
        }
        if port != standard && port < 1024 {
            return Err(GuardError::Port(port));
        }
        match host.parse::<IpAddr>() {
            Ok(address) if !is_public(address) => Err(GuardError::Address(address)),
            _ => Ok(()),
        }
    }

    pub(super) fn allows_local(self) -> bool {
        self.0 == LocalAddresses::Allow
    }

    /// Resolves host and port, and returns the addresses that may be contacted.
    pub(super) async fn resolve(
        self,
        authority: &str,
        standard: u16,
    ) -> Result<Vec<SocketAddr>, GuardError> {
        self.check_authority(authority, standard)?;
        let found = tokio::net::lookup_host(split(authority, standard)).await;
        self.admit(found.map_err(|error| GuardError::Unresolved(error.to_string()))?)
    }

    /// Leaves out addresses that may not be contacted.
    fn admit(self, found: impl Iterator<Item = SocketAddr>) -> Result<Vec<SocketAddr>, GuardError> {
        let admitted: Vec<_> = found
            .filter(|address| self.0 == LocalAddresses::Allow || is_public(address.ip()))
            .take(ADDRESSES)
            .collect();
        if admitted.is_empty() { Err(GuardError::NoAddress) } else { Ok(admitted) }
    }
}

impl Resolve for Guard {
    /// Resolves a name for a connection: the address that was checked is the one that is used,
    /// so a second answer of the name server changes nothing.
    fn resolve(&self, name: Name) -> Resolving {
        let guard = *self;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let admitted: Addrs = Box::new(guard.admit(found)?.into_iter());
            Ok(admitted)
        })
    }
}

/// Splits an authority into host, without brackets, and port.
pub(super) fn split(authority: &str, standard: u16) -> (&str, u16) {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().unwrap_or(standard)),
        _ => (authority, standard),
    };
    (host.trim_start_matches('[').trim_end_matches(']'), port)
}

/// Tells whether an address is one of the public Internet.
///
/// Source: IANA's special-purpose address registries (RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = match (a, b, c) {
        (0 | 10 | 127 | 224.., _, _) => true,
        // Shared address space (RFC 6598), benchmarking (RFC 2544).
        (100, 64..=127, _) | (198, 18..=19, _) => true,
        (169, 254, _) | (172, 16..=31, _) | (192, 168, _) => true,
        // Protocol assignments, the old 6to4 relays, documentation (RFC 5737).
        (192, 0, 0 | 2) | (192, 88, 99) | (198, 51, 100) | (203, 0, 113) => true,
        _ => false,
    };
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(inner) = address.to_ipv4_mapped() {
        return is_public_v4(inner);
    }
    let [a, b, c, ..] = address.segments();
    match (a, b) {
        // 6to4 leads to the IPv4 address inside (RFC 3056).
        (0x2002, _) => {
            let [high_b, low_b] = b.to_be_bytes();
            let [high_c, low_c] = c.to_be_bytes();
            is_public_v4(Ipv4Addr::new(high_b, low_b, high_c, low_c))
        }
        // Protocol assignments with Teredo and ORCHID, documentation (RFC 3849, RFC 9637).
        (0x2001, 0x0000..=0x01ff | 0x0db8) | (0x3fff, 0..=0x0fff) => false,
        // Global unicast is 2000::/3; all else is local, multicast, translated or unassigned.
        _ => (0x2000..0x4000).contains(&a),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFUSE: Guard = Guard(LocalAddresses::Refuse);
    const ALLOW: Guard = Guard(LocalAddresses::Allow);

    #[test]
    fn a19_only_public_addresses_are_contacted() {
        for text in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.0.2",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::7f00:1",
            "64:ff9b::7f00:1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "2002:7f00:1::",
            "2002:a00:1::",
            "3fff::1",
            "5f00::1",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
        for text in [
            "1.1.1.1",
            "100.63.0.1",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "193.0.6.138",
            "198.20.0.1",
            "223.255.255.255",
            "2001:67c:2e8::1",
            "2606:4700::1",
            "2a00::1",
            "::ffff:1.1.1.1",
        ] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn a19_literals_and_ports_are_checked_as_written() {
        let check = |text| REFUSE.check_authority(text, 443);
        assert_eq!(check("127.0.0.1"), Err(GuardError::Address("127.0.0.1".parse().unwrap())));
        assert_eq!(check("[::1]:8443"), Err(GuardError::Address("::1".parse().unwrap())));
        assert_eq!(check("example.net:22"), Err(GuardError::Port(22)));
        assert_eq!(check("example.net:25"), Err(GuardError::Port(25)));
        for good in ["example.net", "example.net:443", "example.net:8443", "[2a00::1]", "1.1.1.1"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        assert_eq!(ALLOW.check_authority("127.0.0.1:22", 443), Ok(()));
    }

    #[tokio::test]
    async fn a20_names_that_resolve_to_local_addresses_are_refused() {
        assert_eq!(REFUSE.resolve("localhost:8443", 443).await, Err(GuardError::NoAddress));
        let found = ALLOW.resolve("localhost:8443", 443).await.unwrap();
        assert!(found.iter().all(|address| address.ip().is_loopback() && address.port() == 8443));
        let name = |text: &str| text.parse::<Name>().unwrap();
        assert!(Resolve::resolve(&REFUSE, name("localhost")).await.is_err());
        assert!(Resolve::resolve(&ALLOW, name("localhost")).await.is_ok());
    }

    #[test]
    fn a20_l18_mixed_answers_lose_their_local_part_and_long_ones_their_tail() {
        let addresses = |text: &[&str]| -> Vec<SocketAddr> {
            text.iter().map(|a| SocketAddr::new(a.parse().unwrap(), 443)).collect()
        };
        let mixed = addresses(&["127.0.0.1", "1.1.1.1", "::1"]);
        assert_eq!(REFUSE.admit(mixed.into_iter()).unwrap(), addresses(&["1.1.1.1"]));
        let many = vec![addresses(&["1.1.1.1"])[0]; 1000];
        assert_eq!(REFUSE.admit(many.into_iter()).unwrap().len(), ADDRESSES);
    }
}
