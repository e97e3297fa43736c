//! The payload that routers get: each item once, the ASPAs of a customer united.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::limits::{MAX_PROVIDERS_PER_PDU, MAX_ROUTER_KEY_LENGTH};
use crate::model::{Asn, Aspa, ObjectHash, RouterKey, Vrp};

/// A set of payload items. Invariant: each list is sorted and has no duplicates, and there is one
/// ASPA for each customer.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct PayloadSet {
    vrps: Vec<Vrp>,
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
        PayloadSet {
            vrps: sorted(vrps.into_iter().collect()),
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
        // About 24 bytes for each VRP; hashed in one piece, which is fastest.
        let mut bytes = Vec::with_capacity(24 * (self.vrps.len() + 3));
        put_count(&mut bytes, self.vrps.len());
        for vrp in &self.vrps {
            match vrp.prefix.address() {
                IpAddr::V4(address) => {
                    bytes.push(4);
                    bytes.extend(address.octets());
                }
                IpAddr::V6(address) => {
                    bytes.push(6);
                    bytes.extend(address.octets());
                }
            }
            bytes.extend([vrp.prefix.len(), vrp.max_length]);
            put_asn(&mut bytes, vrp.asn);
        }
        put_count(&mut bytes, self.router_keys.len());
        for key in &self.router_keys {
            bytes.extend(key.ski.0);
            put_asn(&mut bytes, key.asn);
            put_count(&mut bytes, key.spki.len());
            bytes.extend(&key.spki);
        }
        put_count(&mut bytes, self.aspas.len());
        for aspa in &self.aspas {
            put_asn(&mut bytes, aspa.customer);
            put_count(&mut bytes, aspa.providers.len());
            aspa.providers.iter().for_each(|provider| put_asn(&mut bytes, *provider));
        }
        ObjectHash::of(&bytes)
    }
}

fn put_count(bytes: &mut Vec<u8>, count: usize) {
    bytes.extend(count.to_be_bytes());
}

fn put_asn(bytes: &mut Vec<u8>, asn: Asn) {
    bytes.extend(asn.0.to_be_bytes());
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
