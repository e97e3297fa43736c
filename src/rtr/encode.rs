//! Whole answers as bytes, in the total order of 8210bis, section 11.2, for every version.
//!
//! | PDU type | announcements, then | withdrawals |
//! | --- | --- | --- |
//! | prefixes, IPv4 before IPv6 | address, max length, length, AS: all descending | all ascending |
//! | router keys | SKI, key length, key, AS: all ascending | the same |
//! | ASPAs | customer ascending | the same |
//!
//! So an announcement replaces before a withdrawal takes away (THREATS I18).

use std::net::IpAddr;

use super::pdu::{Header, Version, kind, put_cache_response, put_end_of_data, put_header};
use crate::model::{Asn, Aspa, Family, RouterKey, Vrp};
use crate::payload::{PayloadDelta, PayloadSet};

/// Encodes the answer to a Reset Query.
pub(super) fn table(version: Version, session: u16, serial: u32, set: &PayloadSet) -> Vec<u8> {
    let (v4, v6) = by_family(set.vrps());
    let mut out = Vec::with_capacity(IPV4_LENGTH * v4.len() + IPV6_LENGTH * v6.len() + 1024);
    put_cache_response(&mut out, version, session);
    put_vrps(&mut out, version, set.vrps(), &[]);
    if version >= Version::V1 {
        put_router_keys(&mut out, version, set.router_keys(), ANNOUNCE);
    }
    if version >= Version::V2 {
        set.aspas().iter().for_each(|aspa| put_aspa(&mut out, aspa));
    }
    put_end_of_data(&mut out, version, session, serial);
    out
}

/// Encodes the answer to a Serial Query.
pub(super) fn changes(
    version: Version,
    session: u16,
    serial: u32,
    delta: &PayloadDelta,
) -> Vec<u8> {
    let mut out = Vec::new();
    put_cache_response(&mut out, version, session);
    put_vrps(&mut out, version, &delta.vrps.announced, &delta.vrps.withdrawn);
    if version >= Version::V1 {
        put_router_keys(&mut out, version, &delta.router_keys.announced, ANNOUNCE);
        put_router_keys(&mut out, version, &delta.router_keys.withdrawn, WITHDRAW);
    }
    if version >= Version::V2 {
        let announced = &delta.aspas.announced;
        announced.iter().for_each(|aspa| put_aspa(&mut out, aspa));
        for aspa in &delta.aspas.withdrawn {
            // A new announcement replaces the old one without a withdrawal.
            let stays =
                announced.binary_search_by_key(&aspa.customer, |aspa| aspa.customer).is_ok();
            if !stays {
                put_aspa_withdrawal(&mut out, aspa.customer);
            }
        }
    }
    put_end_of_data(&mut out, version, session, serial);
    out
}

const ANNOUNCE: u8 = 1;
const WITHDRAW: u8 = 0;

/// Takes sorted VRPs apart by family.
fn by_family(vrps: &[Vrp]) -> (&[Vrp], &[Vrp]) {
    vrps.split_at(vrps.partition_point(|vrp| vrp.prefix.family() == Family::V4))
}

fn put_vrps(out: &mut Vec<u8>, version: Version, announced: &[Vrp], withdrawn: &[Vrp]) {
    let ((v4, v6), (old_v4, old_v6)) = (by_family(announced), by_family(withdrawn));
    for (announced, withdrawn) in [(v4, old_v4), (v6, old_v6)] {
        // The lists are in the order of addresses, so that nothing but the VRPs of one address has
        // to be put in order.
        let mut same = Vec::new();
        for group in announced.chunk_by(is_same_address).rev() {
            order(group, &mut same);
            same.iter().rev().for_each(|vrp| put_vrp(out, version, vrp, ANNOUNCE));
        }
        for group in withdrawn.chunk_by(is_same_address) {
            order(group, &mut same);
            same.iter().for_each(|vrp| put_vrp(out, version, vrp, WITHDRAW));
        }
    }
}

fn is_same_address(a: &Vrp, b: &Vrp) -> bool {
    a.prefix.address() == b.prefix.address()
}

/// Orders the VRPs of one address by max length, length and AS.
fn order<'a>(group: &'a [Vrp], ordered: &mut Vec<&'a Vrp>) {
    ordered.clear();
    ordered.extend(group);
    ordered.sort_unstable_by_key(|vrp| (vrp.max_length, vrp.prefix.len(), vrp.asn));
}

fn put_vrp(out: &mut Vec<u8>, version: Version, vrp: &Vrp, flags: u8) {
    let fields = [flags, vrp.prefix.len(), vrp.max_length, 0];
    match vrp.prefix.address() {
        IpAddr::V4(address) => {
            put_header(out, version, kind::IPV4_PREFIX, [0; 2], IPV4_LENGTH);
            out.extend(fields);
            out.extend(address.octets());
        }
        IpAddr::V6(address) => {
            put_header(out, version, kind::IPV6_PREFIX, [0; 2], IPV6_LENGTH);
            out.extend(fields);
            out.extend(address.octets());
        }
    }
    out.extend(vrp.asn.0.to_be_bytes());
}

const IPV4_LENGTH: usize = Header::LENGTH + 4 + 4 + 4;
const IPV6_LENGTH: usize = Header::LENGTH + 4 + 16 + 4;

fn put_router_keys(out: &mut Vec<u8>, version: Version, keys: &[RouterKey], flags: u8) {
    let mut keys: Vec<&RouterKey> = keys.iter().collect();
    keys.sort_by_key(|key| (key.ski, key.spki.len(), &key.spki, key.asn));
    for key in keys {
        let length = Header::LENGTH + 20 + 4 + key.spki.len();
        put_header(out, version, kind::ROUTER_KEY, [flags, 0], length);
        out.extend(key.ski.0);
        out.extend(key.asn.0.to_be_bytes());
        out.extend(&key.spki);
    }
}

fn put_aspa(out: &mut Vec<u8>, aspa: &Aspa) {
    let length = Header::LENGTH + 4 + 4 * aspa.providers.len();
    put_header(out, Version::V2, kind::ASPA, [ANNOUNCE, 0], length);
    out.extend(aspa.customer.0.to_be_bytes());
    aspa.providers.iter().for_each(|provider| out.extend(provider.0.to_be_bytes()));
}

fn put_aspa_withdrawal(out: &mut Vec<u8>, customer: Asn) {
    put_header(out, Version::V2, kind::ASPA, [WITHDRAW, 0], Header::LENGTH + 4);
    out.extend(customer.0.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;
    use crate::model::KeyIdentifier;
    use crate::rtr::testing::{Item, items};

    fn vrp(prefix: &str, max_length: u8, asn: u32) -> Vrp {
        Vrp { prefix: prefix.parse().unwrap(), max_length, asn: Asn(asn) }
    }

    fn aspa(customer: u32, providers: &[u32]) -> Aspa {
        Aspa { customer: Asn(customer), providers: providers.iter().copied().map(Asn).collect() }
    }

    fn key(ski: u8, spki: &[u8], asn: u32) -> RouterKey {
        RouterKey { ski: KeyIdentifier([ski; 20]), asn: Asn(asn), spki: spki.to_vec() }
    }

    fn set(vrps: &[Vrp]) -> PayloadSet {
        PayloadSet::new(vrps.iter().copied(), [], [])
    }

    fn texts(bytes: &[u8]) -> Vec<String> {
        items(bytes).iter().map(Item::to_string).collect()
    }

    #[test]
    fn every_payload_pdu_has_the_bytes_of_the_standard() {
        let set = PayloadSet::new(
            [vrp("192.0.2.0/24", 26, 64496), vrp("2001:db8::/32", 48, 65536)],
            [key(0xAB, &[0x30, 0x00], 64497)],
            [aspa(64496, &[64498, 64499])],
        );
        let bytes = table(Version::V2, 0x0102, 7, &set);
        let mut expected = vec![2, 3, 1, 2, 0, 0, 0, 8];
        expected.extend([2, 4, 0, 0, 0, 0, 0, 20, 1, 24, 26, 0, 192, 0, 2, 0, 0, 0, 0xFB, 0xF0]);
        expected.extend([2, 6, 0, 0, 0, 0, 0, 32, 1, 32, 48, 0]);
        expected.extend([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]);
        expected.extend([2, 9, 1, 0, 0, 0, 0, 34]);
        expected.extend([0xAB; 20]);
        expected.extend([0, 0, 0xFB, 0xF1, 0x30, 0x00]);
        expected.extend([2, 11, 1, 0, 0, 0, 0, 20]);
        expected.extend([0, 0, 0xFB, 0xF0, 0, 0, 0xFB, 0xF2, 0, 0, 0xFB, 0xF3]);
        put_end_of_data(&mut expected, Version::V2, 0x0102, 7);
        assert_eq!(bytes, expected);
    }

    #[test]
    fn announcements_are_in_the_order_of_8210bis() {
        let set = set(&[
            vrp("192.0.2.0/24", 24, 0),
            vrp("192.0.2.0/24", 24, 64496),
            vrp("192.0.2.0/24", 26, 64496),
            vrp("192.0.0.0/16", 24, 64496),
            vrp("192.0.2.0/25", 25, 64496),
            vrp("192.0.0.0/22", 24, 64496),
            vrp("2001:db8::/32", 32, 1),
            vrp("10.0.0.0/8", 8, 1),
        ]);
        for version in Version::ALL {
            let expected = [
                "+192.0.2.0/24-26 AS64496",
                "+192.0.2.0/25-25 AS64496",
                "+192.0.2.0/24-24 AS64496",
                "+192.0.2.0/24-24 AS0",
                "+192.0.0.0/22-24 AS64496",
                "+192.0.0.0/16-24 AS64496",
                "+10.0.0.0/8-8 AS1",
                "+2001:db8::/32-32 AS1",
            ];
            assert_eq!(texts(&table(version, 1, 1, &set)), expected);
        }
    }

    #[test]
    fn i18_a_replacement_is_announced_before_the_old_one_is_withdrawn() {
        let delta = PayloadDelta::between(
            &set(&[
                vrp("192.0.2.0/24", 24, 64496),
                vrp("192.0.2.0/24", 24, 64497),
                vrp("2001:db8::/32", 32, 1),
            ]),
            &set(&[
                vrp("192.0.2.0/24", 25, 64496),
                vrp("10.0.0.0/8", 8, 1),
                vrp("2001:db8::/32", 48, 1),
            ]),
        );
        let expected = [
            "+192.0.2.0/24-25 AS64496",
            "+10.0.0.0/8-8 AS1",
            "-192.0.2.0/24-24 AS64496",
            "-192.0.2.0/24-24 AS64497",
            "+2001:db8::/32-48 AS1",
            "-2001:db8::/32-32 AS1",
        ];
        for version in Version::ALL {
            assert_eq!(texts(&changes(version, 1, 1, &delta)), expected);
        }
    }

    #[test]
    fn i19_each_version_gets_only_its_own_types() {
        let set = PayloadSet::new(
            [vrp("192.0.2.0/24", 24, 1)],
            [key(2, &[1], 1), key(1, &[1, 2], 1), key(1, &[9], 2), key(1, &[9], 1)],
            [aspa(2, &[0]), aspa(1, &[5])],
        );
        let expected = [
            "+192.0.2.0/24-24 AS1",
            "+key 01 09 AS1",
            "+key 01 09 AS2",
            "+key 01 0102 AS1",
            "+key 02 01 AS1",
            "+aspa AS1 [5]",
            "+aspa AS2 [0]",
        ];
        for (version, count) in [(Version::V0, 1), (Version::V1, 5), (Version::V2, 7)] {
            assert_eq!(texts(&table(version, 1, 1, &set)), expected[..count]);
            let delta = PayloadDelta::between(&PayloadSet::default(), &set);
            assert_eq!(texts(&changes(version, 1, 1, &delta)), expected[..count]);
            let delta = PayloadDelta::between(&set, &PayloadSet::default());
            assert_eq!(texts(&changes(version, 1, 1, &delta)).len(), count);
        }
    }

    #[test]
    fn an_aspa_is_replaced_without_a_withdrawal() {
        let delta = PayloadDelta::between(
            &PayloadSet::new([], [], [aspa(1, &[2]), aspa(3, &[4])]),
            &PayloadSet::new([], [], [aspa(1, &[2, 5])]),
        );
        assert_eq!(
            texts(&changes(Version::V2, 1, 1, &delta)),
            ["+aspa AS1 [2, 5]", "-aspa AS3 []"]
        );
    }

    #[test]
    fn i20_the_largest_aspa_and_router_key_fill_a_pdu_and_larger_ones_are_left_out() {
        let many = |count: u32| aspa(count, &(1..=count).collect::<Vec<_>>());
        let keys = [key(1, &[0; 65_503], 1), key(1, &[0; 65_504], 1)];
        let set = PayloadSet::new([], keys, [many(16_380), many(16_381), aspa(7, &[])]);
        let found = items(&table(Version::V2, 1, 1, &set));
        assert_eq!(found.len(), 2);
        assert!(matches!(&found[1], Item::Aspa { customer: 16_380, .. }));
    }

    fn some_vrp() -> impl Strategy<Value = Vrp> {
        (0u8..3, 8u8..11, 0u8..2, 0u32..3).prop_map(|(net, length, more, asn)| {
            let prefix = crate::model::Prefix::truncating([10, net << 6, 0, 0].into(), length);
            Vrp { prefix: prefix.unwrap(), max_length: length + more, asn: Asn(asn) }
        })
    }

    fn some_set() -> impl Strategy<Value = PayloadSet> {
        let aspas = proptest::collection::vec((1u32..4, 10u32..13), 0..6);
        (proptest::collection::vec(some_vrp(), 0..20), aspas).prop_map(|(vrps, aspas)| {
            PayloadSet::new(vrps, [], aspas.into_iter().map(|(c, p)| aspa(c, &[p])))
        })
    }

    /// What a strict router holds: it refuses what it has and what it has not (I16, I17).
    #[derive(Default, Debug, PartialEq)]
    struct Router {
        vrps: BTreeSet<String>,
        aspas: BTreeMap<u32, Vec<u32>>,
    }

    impl Router {
        fn take(&mut self, bytes: &[u8]) {
            for item in items(bytes) {
                let text = item.to_string();
                let (sign, text) = text.split_at(1);
                match item {
                    Item::Aspa { announce: true, customer, providers } => {
                        self.aspas.insert(customer, providers);
                    }
                    Item::Aspa { customer, .. } => {
                        assert!(self.aspas.remove(&customer).is_some(), "I17: {text}");
                    }
                    _ if sign == "+" => assert!(self.vrps.insert(text.to_owned()), "I16: {text}"),
                    _ => assert!(self.vrps.remove(text), "I17: {text}"),
                }
            }
        }
    }

    proptest! {
        #[test]
        fn i16_i17_a_router_that_follows_the_deltas_holds_the_table(
            sets in proptest::collection::vec(some_set(), 1..5)
        ) {
            let mut router = Router::default();
            router.take(&table(Version::V2, 1, 1, &sets[0]));
            for pair in sets.windows(2) {
                let delta = PayloadDelta::between(&pair[0], &pair[1]);
                router.take(&changes(Version::V2, 1, 1, &delta));
                let mut fresh = Router::default();
                fresh.take(&table(Version::V2, 1, 1, &pair[1]));
                prop_assert_eq!(&router, &fresh);
            }
        }
    }
}
