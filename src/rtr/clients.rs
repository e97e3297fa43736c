//! What is known about the routers that are connected, and counts since the process began.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::limits::{Limits, one_address};
use super::pdu::Version;
use crate::model::Timestamp;

/// A connected router.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Client {
    /// Where it is.
    pub address: SocketAddr,
    /// When it connected.
    pub connected: Timestamp,
    /// The version that it speaks, once it has said so.
    pub version: Option<Version>,
    /// The serial of the last answer that it read to its end.
    pub serial: Option<u32>,
    /// When that was.
    pub updated: Option<Timestamp>,
    /// How many bytes were sent to it.
    pub sent_bytes: u64,
}

/// Counts since the process began.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Connections that were accepted.
    pub connections: u64,
    /// Connections that were closed at once, because there were too many.
    pub refused: u64,
    /// Connections that could not be accepted.
    pub accept_errors: u64,
    /// TLS handshakes that failed: no TLS, or no certificate that is accepted.
    pub tls_failures: u64,
    /// Whole tables that were sent to their end.
    pub tables: u64,
    /// Differences that were sent to their end.
    pub changes: u64,
    /// Serial Queries that were answered with Cache Reset.
    pub resets: u64,
    /// Queries that were answered with "no data".
    pub no_data: u64,
    /// Serial Notify that were sent.
    pub notifies: u64,
    /// Sessions that ended because the router broke the rules.
    pub protocol_errors: u64,
    /// Error Reports that routers sent.
    pub error_reports: u64,
    /// Sessions that ended because the router was too slow.
    pub too_slow: u64,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    clients: BTreeMap<u64, Client>,
    /// Connections by address.
    addresses: BTreeMap<IpAddr, usize>,
    counts: Counts,
}

/// All routers.
#[derive(Clone, Debug, Default)]
pub(super) struct Clients(Arc<Mutex<State>>);

impl Clients {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a router in; `None` where there are too many, in all or from its address.
    pub fn admit(&self, address: SocketAddr, limits: &Limits, now: Timestamp) -> Option<Entry> {
        let mut state = self.state();
        let one = one_address(address.ip());
        let of_address = state.addresses.get(&one).copied().unwrap_or(0);
        if state.clients.len() >= limits.connections || of_address >= limits.connections_per_address
        {
            state.counts.refused += 1;
            return None;
        }
        let id = state.next;
        state.next += 1;
        state.counts.connections += 1;
        state.addresses.insert(one, of_address + 1);
        let client = Client {
            address,
            connected: now,
            version: None,
            serial: None,
            updated: None,
            sent_bytes: 0,
        };
        state.clients.insert(id, client);
        Some(Entry { clients: self.clone(), id, address })
    }

    pub fn count(&self, count: impl FnOnce(&mut Counts)) {
        count(&mut self.state().counts);
    }

    pub fn counts(&self) -> Counts {
        self.state().counts
    }

    pub fn len(&self) -> usize {
        self.state().clients.len()
    }

    /// Returns the routers that connected first, at most `limit`.
    pub fn list(&self, limit: usize) -> Vec<Client> {
        self.state().clients.values().take(limit).cloned().collect()
    }
}

/// A router's place among the others, until it is dropped.
#[derive(Debug)]
pub(super) struct Entry {
    clients: Clients,
    id: u64,
    address: SocketAddr,
}

impl Entry {
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes what is known about the router.
    pub fn note(&self, change: impl FnOnce(&mut Client)) {
        if let Some(client) = self.clients.state().clients.get_mut(&self.id) {
            change(client);
        }
    }

    pub fn count(&self, count: impl FnOnce(&mut Counts)) {
        self.clients.count(count);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut state = self.clients.state();
        let Some(client) = state.clients.remove(&self.id) else { return };
        let one = one_address(client.address.ip());
        if let Some(of_address) = state.addresses.get_mut(&one) {
            *of_address -= 1;
            if *of_address == 0 {
                state.addresses.remove(&one);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn i02_connections_are_limited_in_all_and_for_each_address() {
        let clients = Clients::default();
        let limits = Limits { connections: 3, connections_per_address: 2, ..Limits::default() };
        let admit = |text| clients.admit(address(text), &limits, Timestamp(0));
        let first = admit("[2001:db8::1]:1").unwrap();
        let _second = admit("[2001:db8::2]:1").unwrap();
        assert!(admit("[2001:db8::3]:1").is_none(), "one /64 is one address");
        let _third = admit("192.0.2.1:1").unwrap();
        assert!(admit("192.0.2.2:1").is_none());
        drop(first);
        assert!(admit("[::ffff:192.0.2.1]:1").is_some());
        let counts = Counts { connections: 4, refused: 2, ..Counts::default() };
        assert_eq!((clients.counts(), clients.len()), (counts, 2));
    }
}
