//! The payload that routers get: each item once, the ASPAs of a customer united.

use std::net::IpAddr;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use super::limits::{MAX_PROVIDERS_PER_PDU, MAX_ROUTER_KEY_LENGTH};
use crate::model::{Asn, Aspa, ObjectHash, RouterKey, Vrp};

/// A set of payload items. Invariant: each list is sorted and has no duplicates, and there is one
/// ASPA for each customer.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct PayloadSet {
    /// Shared with the view that they come from.
    vrps: Arc<Vec<Vrp>>,
    router_keys: Vec<RouterKey>,
    aspas: Vec<Aspa>,
}

impl PayloadSet {
    /// Gathers items in any order, with any duplicates.
    ///
    /// Several ASPAs of one customer become one with the providers of all; AS 0 stays only where
    /// it is alone, because a router refuses it beside others (8210bis, section 5.12). What does
    /// not fit into a PDU is left out: cut off, it would deny a provider that was authorised.
    pub fn new(
        vrps: impl IntoIterator<Item = Vrp>,
        router_keys: impl IntoIterator<Item = RouterKey>,
        aspas: impl IntoIterator<Item = Aspa>,
    ) -> Self {
        PayloadSet::with_vrps(Arc::new(sorted(vrps.into_iter().collect())), router_keys, aspas)
    }

    /// Does what [`PayloadSet::new`] does; the VRPs are sorted already, each is there once, and they
    /// are not copied.
    pub fn with_vrps(
        vrps: Arc<Vec<Vrp>>,
        router_keys: impl IntoIterator<Item = RouterKey>,
        aspas: impl IntoIterator<Item = Aspa>,
    ) -> Self {
        debug_assert!(vrps.is_sorted_by(|a, b| a < b), "VRPs must be sorted and unique");
        PayloadSet {
            vrps,
            router_keys: sorted(
                router_keys
                    .into_iter()
                    .filter(|key| key.spki.len() <= MAX_ROUTER_KEY_LENGTH)
                    .collect(),
            ),
            aspas: united(aspas.into_iter().collect()),
        }
    }

    /// Returns the VRPs, sorted.
    pub fn vrps(&self) -> &[Vrp] {
        &self.vrps
    }

    /// Returns the router keys, sorted.
    pub fn router_keys(&self) -> &[RouterKey] {
        &self.router_keys
    }

    /// Returns the ASPAs, sorted by customer, one for each.
    pub fn aspas(&self) -> &[Aspa] {
        &self.aspas
    }

    /// Returns the SHA-256 of the content: equal sets have equal digests.
    pub fn digest(&self) -> ObjectHash {
        let mut hash = Hashing::new();
        hash.count(self.vrps.len());
        for vrp in self.vrps.iter() {
            match vrp.prefix.address() {
                IpAddr::V4(address) => {
                    hash.put(&[4]);
                    hash.put(&address.octets());
                }
                IpAddr::V6(address) => {
                    hash.put(&[6]);
                    hash.put(&address.octets());
                }
            }
            hash.put(&[vrp.prefix.len(), vrp.max_length]);
            hash.asn(vrp.asn);
        }
        hash.count(self.router_keys.len());
        for key in &self.router_keys {
            hash.put(&key.ski.0);
            hash.asn(key.asn);
            hash.count(key.spki.len());
            hash.put(&key.spki);
        }
        hash.count(self.aspas.len());
        for aspa in &self.aspas {
            hash.asn(aspa.customer);
            hash.count(aspa.providers.len());
            aspa.providers.iter().for_each(|provider| hash.asn(*provider));
        }
        hash.finish()
    }
}

/// A SHA-256 that is fed in blocks: many small pieces would cost more than the hash itself.
struct Hashing {
    context: Context,
    block: Vec<u8>,
}

impl Hashing {
    const BLOCK: usize = 64 * 1024;

    fn new() -> Self {
        Hashing { context: Context::new(&SHA256), block: Vec::with_capacity(2 * Self::BLOCK) }
    }

    fn put(&mut self, bytes: &[u8]) {
        self.block.extend_from_slice(bytes);
        if self.block.len() >= Self::BLOCK {
            self.context.update(&self.block);
            self.block.clear();
        }
    }

    fn count(&mut self, count: usize) {
        self.put(&count.to_be_bytes());
    }

    fn asn(&mut self, asn: Asn) {
        self.put(&asn.0.to_be_bytes());
    }

    fn finish(mut self) -> ObjectHash {
        self.context.update(&self.block);
        let digest = self.context.finish();
        ObjectHash::from_slice(digest.as_ref()).unwrap_or(ObjectHash([0; 32]))
    }
}

fn sorted<T: Ord>(mut items: Vec<T>) -> Vec<T> {
    // A view's lists are sorted, which this sees in one pass.
    items.sort();
    items.dedup();
    items
}

fn united(mut aspas: Vec<Aspa>) -> Vec<Aspa> {
    aspas.sort();
    let mut united: Vec<Aspa> = Vec::with_capacity(aspas.len());
    for aspa in aspas {
        match united.last_mut().filter(|last| last.customer == aspa.customer) {
            Some(last) => last.providers.extend(aspa.providers),
            None => united.push(aspa),
        }
    }
    for aspa in &mut united {
        aspa.providers.sort_unstable();
        aspa.providers.dedup();
        if aspa.providers.len() > 1 {
            aspa.providers.retain(|provider| !provider.is_zero());
        }
    }
    united.retain(|aspa| (1..=MAX_PROVIDERS_PER_PDU).contains(&aspa.providers.len()));
    united
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::KeyIdentifier;

    fn vrp(prefix: &str, asn: u32) -> Vrp {
        let prefix: crate::model::Prefix = prefix.parse().unwrap();
        Vrp { prefix, max_length: prefix.len(), asn: Asn(asn) }
    }

    fn aspa(customer: u32, providers: &[u32]) -> Aspa {
        Aspa { customer: Asn(customer), providers: providers.iter().copied().map(Asn).collect() }
    }

    #[test]
    fn each_item_is_there_once_in_order() {
        let (a, b) = (vrp("192.0.2.0/24", 1), vrp("10.0.0.0/8", 1));
        let key = RouterKey { ski: KeyIdentifier([1; 20]), asn: Asn(1), spki: vec![0x30] };
        let set = PayloadSet::new([a, b, a], [key.clone(), key.clone()], []);
        assert_eq!(set.vrps(), [b, a]);
        assert_eq!(set.router_keys(), [key]);
    }

    #[test]
    fn the_aspas_of_a_customer_are_united_and_as0_stays_only_alone() {
        let set = PayloadSet::new(
            [],
            [],
            [aspa(2, &[0]), aspa(1, &[5, 7]), aspa(1, &[0]), aspa(1, &[6, 7]), aspa(2, &[0])],
        );
        assert_eq!(set.aspas(), [aspa(1, &[5, 6, 7]), aspa(2, &[0])]);
    }

    #[test]
    fn every_difference_changes_the_digest() {
        let base = PayloadSet::new([vrp("192.0.2.0/24", 1)], [], [aspa(1, &[2])]);
        let same = PayloadSet::new([vrp("192.0.2.0/24", 1)], [], [aspa(1, &[2])]);
        assert_eq!(base.digest(), same.digest());
        let key = RouterKey { ski: KeyIdentifier([1; 20]), asn: Asn(1), spki: vec![0x30] };
        for other in [
            PayloadSet::default(),
            PayloadSet::new([vrp("192.0.2.0/24", 2)], [], [aspa(1, &[2])]),
            PayloadSet::new([vrp("192.0.2.0/25", 1)], [], [aspa(1, &[2])]),
            PayloadSet::new([vrp("192.0.2.0/24", 1)], [], [aspa(1, &[3])]),
            PayloadSet::new([vrp("192.0.2.0/24", 1)], [key], [aspa(1, &[2])]),
        ] {
            assert_ne!(base.digest(), other.digest());
        }
    }
}
