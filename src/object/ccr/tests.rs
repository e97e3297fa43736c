//! CCRs of our own making, whole and broken in every way that has a rule.

use super::*;
use crate::ca::{
    self, CcrManifestFields, ROUTER_SPKI, RoaPrefix, ccr, ccr_aspa, ccr_key_identifier,
    ccr_manifest, ccr_router_keys, ccr_state, ccr_time, roa_content,
};
use crate::object::testing::der;

/// 2026-01-01T00:00:00Z.
const NOW: Timestamp = Timestamp(1_767_225_600);

fn ski(octet: u8) -> KeyIdentifier {
    KeyIdentifier([octet; 20])
}

fn manifest(octet: u8) -> CcrManifestFields<'static> {
    CcrManifestFields {
        hash: ObjectHash([octet; 32]),
        size: 1_000 + u32::from(octet),
        aki: ski(octet),
        number: 300,
        this_update: Timestamp(NOW.0 - i64::from(octet)),
        uri: "rsync://rpki.example.net/repo/a.mft",
        subordinates: &[],
    }
}

fn manifests(entries: &[CcrManifestFields<'_>], most_recent_update: Timestamp) -> Vec<u8> {
    let entries: Vec<_> = entries.iter().map(ccr_manifest).collect();
    ccr_state(1, &entries, &ccr_time(most_recent_update))
}

fn roa(asn: u32, prefixes: &[(&str, Option<u8>)]) -> Vec<u8> {
    let prefixes = prefixes.iter().map(|(prefix, max_length)| RoaPrefix {
        prefix: prefix.parse().unwrap(),
        max_length: *max_length,
    });
    roa_content(Asn(asn), &prefixes.collect::<Vec<_>>())
}

fn vrps(entries: &[Vec<u8>]) -> Vec<u8> {
    ccr_state(2, entries, &[])
}

fn aspa(customer: u32, providers: &[u32]) -> Vec<u8> {
    let providers = providers.iter().copied().map(Asn).collect();
    ccr_aspa(&Aspa { customer: Asn(customer), providers })
}

/// Writes a CCR with one entry or two in each state.
fn whole() -> Vec<u8> {
    let parent = CcrManifestFields { subordinates: &[ski(1), ski(2)], ..manifest(3) };
    let two = roa(64_500, &[("192.0.2.0/24", Some(26)), ("2001:db8::/32", None)]);
    let keys = [(ski(6), &ROUTER_SPKI[..]), (ski(7), &ROUTER_SPKI[..])];
    ccr(
        NOW,
        &[
            manifests(&[manifest(2), parent], Timestamp(NOW.0 - 2)),
            vrps(&[roa(0, &[("10.0.0.0/8", None)]), two]),
            ccr_state(3, &[aspa(64_500, &[0]), aspa(64_501, &[64_502, u32::MAX])], &[]),
            ccr_state(4, &[ccr_key_identifier(ski(4)), ccr_key_identifier(ski(5))], &[]),
            ccr_state(5, &[ccr_router_keys(Asn(64_500), &keys)], &[]),
        ],
    )
}

/// Returns the rule that a CCR with these states breaks.
fn rule(states: &[Vec<u8>]) -> Option<CcrRule> {
    Ccr::decode(&ccr(NOW, states)).err().map(|error| error.rule)
}

fn texts(vrps: &[Vrp]) -> Vec<String> {
    vrps.iter().map(Vrp::to_string).collect()
}

#[test]
fn all_five_states_are_read() {
    let found = Ccr::decode(&whole()).unwrap();
    assert_eq!(found.produced_at, NOW);
    assert_eq!(found.most_recent_update, Some(Timestamp(NOW.0 - 2)));
    let manifests = found.manifests.unwrap().entries;
    assert_eq!(manifests[0].hash, ObjectHash([2; 32]));
    assert_eq!((manifests[1].size, manifests[1].number[18..].to_vec()), (1_003, vec![1, 44]));
    assert_eq!(manifests[1].subordinates, [ski(1), ski(2)]);
    assert_eq!(manifests[0].locations, ["rsync://rpki.example.net/repo/a.mft"]);
    assert_eq!(
        texts(&found.vrps.unwrap().entries),
        ["10.0.0.0/8-8 AS0", "192.0.2.0/24-26 AS64500", "2001:db8::/32-32 AS64500"]
    );
    let aspas = found.aspas.unwrap().entries;
    assert_eq!(aspas[0].providers, [Asn::ZERO]);
    assert_eq!(aspas[1].providers, [Asn(64_502), Asn(u32::MAX)]);
    assert_eq!(found.trust_anchors.unwrap().entries, [ski(4), ski(5)]);
    let keys = found.router_keys.unwrap().entries;
    assert_eq!(
        keys.iter().map(|key| (key.asn.0, key.ski)).collect::<Vec<_>>(),
        [(64_500, ski(6)), (64_500, ski(7))]
    );
    assert!(keys.iter().all(|key| key.spki == ROUTER_SPKI));
}

#[test]
fn an_empty_state_has_the_hash_of_an_empty_sequence() {
    let found = Ccr::decode(&ccr(NOW, &[vrps(&[])])).unwrap();
    let state = found.vrps.unwrap();
    assert_eq!(state.hash, ObjectHash::of(&[0x30, 0x00]));
    assert!(state.entries.is_empty());
    let found = Ccr::decode(&ccr(NOW, &[manifests(&[], Timestamp(0))])).unwrap();
    assert_eq!(found.most_recent_update, Some(Timestamp(0)));
}

#[test]
fn no_truncation_is_read_and_no_flipped_bit_goes_unseen_or_panics() {
    let whole = whole();
    for length in 0..whole.len() {
        assert!(Ccr::decode(&whole[..length]).is_err(), "{length} bytes");
    }
    assert!(Ccr::decode(&[whole.as_slice(), &[0]].concat()).is_err());
    let good = Ccr::decode(&whole).unwrap();
    for position in 0..whole.len() {
        for bit in 0..8 {
            let mut flipped = whole.clone();
            flipped[position] ^= 1 << bit;
            // Nothing holds the time of production; all else is fixed, or under a hash, or must be
            // the newest of what is.
            if let Ok(found) = Ccr::decode(&flipped) {
                assert_ne!(found.produced_at, good.produced_at, "{position}");
                assert_eq!(Ccr { produced_at: good.produced_at, ..found }, good, "{position}");
            }
        }
    }
}

#[test]
fn there_is_at_least_one_state() {
    assert_eq!(rule(&[]), Some(CcrRule::NoState));
    // States are in the order of their numbers, each once, and none is above five.
    let [first, second] = [vrps(&[]), ccr_state(3, &[], &[])];
    assert_eq!(rule(&[first.clone(), second.clone()]), None);
    assert_eq!(rule(&[second, first.clone()]), Some(CcrRule::Syntax));
    assert_eq!(rule(&[first.clone(), first]), Some(CcrRule::Syntax));
    assert_eq!(rule(&[ccr_state(6, &[], &[])]), Some(CcrRule::Syntax));
}

#[test]
fn each_hash_is_that_of_its_entries() {
    for number in 1..=5 {
        let mut state = match number {
            1 => manifests(&[], Timestamp(0)),
            4 => ccr_state(4, &[ccr_key_identifier(ski(4))], &[]),
            number => ccr_state(number, &[], &[]),
        };
        assert_eq!(rule(&[state.clone()]), None, "{number}");
        *state.last_mut().unwrap() ^= 1;
        assert_eq!(rule(&[state]), Some(CcrRule::Hash), "{number}");
    }
}

#[test]
fn version_and_algorithm_are_those_of_the_draft() {
    let read = |before: &[u8], algorithm: &[u8]| {
        let fields = [before, &der(0x30, algorithm), &ccr_time(NOW), &vrps(&[])].concat();
        let content = der(0xa0, &der(0x30, &fields));
        let bytes = der(0x30, &[der(0x06, ca::CCR), content].concat());
        Ccr::decode(&bytes).err().map(|error| error.rule)
    };
    let sha256 = der(0x06, SHA_256);
    assert_eq!(read(&[], &sha256), None);
    for version in [0, 1] {
        let version = der(0xa0, &der(0x02, &[version]));
        assert_eq!(read(&version, &sha256), Some(CcrRule::Version));
    }
    let with_null = [sha256.clone(), der(0x05, &[])].concat();
    assert_eq!(read(&[], &with_null), Some(CcrRule::Algorithm));
    assert_eq!(read(&[], &der(0x06, &[42, 3])), Some(CcrRule::Algorithm));
    let other = der(0x30, &[der(0x06, ca::ROA), der(0xa0, &[])].concat());
    assert_eq!(Ccr::decode(&other).unwrap_err().rule, CcrRule::Syntax);
}

#[test]
fn entries_of_each_state_are_sorted_and_there_once() {
    let newest = Timestamp(NOW.0 - 2);
    let of_key = |octet| ccr_key_identifier(ski(octet));
    let key = |asn| ccr_router_keys(Asn(asn), &[(ski(6), &ROUTER_SPKI)]);
    let prefix = |asn| roa(asn, &[("10.0.0.0/8", None)]);
    let states: [&dyn Fn(u8, u8) -> Vec<u8>; 5] = [
        &|a, b| manifests(&[manifest(a), manifest(b)], newest),
        &|a, b| vrps(&[prefix(a.into()), prefix(b.into())]),
        &|a, b| ccr_state(3, &[aspa(a.into(), &[9]), aspa(b.into(), &[9])], &[]),
        &|a, b| ccr_state(4, &[of_key(a), of_key(b)], &[]),
        &|a, b| ccr_state(5, &[key(a.into()), key(b.into())], &[]),
    ];
    for (index, state) in states.iter().enumerate() {
        assert_eq!(rule(&[state(2, 3)]), None, "{index}");
        assert_eq!(rule(&[state(3, 2)]), Some(CcrRule::Order), "{index}");
        assert_eq!(rule(&[state(2, 2)]), Some(CcrRule::Order), "{index}");
    }
    // And what each entry lists.
    let below = |subordinates: &[KeyIdentifier]| {
        let parent = CcrManifestFields { subordinates, ..manifest(2) };
        rule(&[manifests(&[parent], newest)])
    };
    assert_eq!(below(&[ski(1), ski(2)]), None);
    assert_eq!(below(&[ski(2), ski(1)]), Some(CcrRule::Order));
    assert_eq!(below(&[ski(2), ski(2)]), Some(CcrRule::Order));
    let providers = |list: &[u32]| rule(&[ccr_state(3, &[aspa(1, list)], &[])]);
    assert_eq!(providers(&[3, 2]), Some(CcrRule::Order));
    assert_eq!(providers(&[2, 2]), Some(CcrRule::Order));
    let keys = |a, b| {
        let keys = [(ski(a), &ROUTER_SPKI[..]), (ski(b), &ROUTER_SPKI[..])];
        rule(&[ccr_state(5, &[ccr_router_keys(Asn(1), &keys)], &[])])
    };
    assert_eq!(keys(6, 7), None);
    assert_eq!(keys(7, 6), Some(CcrRule::Order));
    assert_eq!(keys(6, 6), Some(CcrRule::Order));
}

/// Writes the addresses of AS 1 in the order given.
fn blocks(blocks: &[(u8, &[&[u8]])]) -> Vec<u8> {
    let blocks = blocks.iter().flat_map(|(afi, addresses)| {
        let addresses: Vec<u8> = addresses.iter().flat_map(|entry| der(0x30, entry)).collect();
        der(0x30, &[der(0x04, &[0, *afi]), der(0x30, &addresses)].concat())
    });
    let blocks: Vec<u8> = blocks.collect();
    vrps(&[der(0x30, &[der(0x02, &[1]), der(0x30, &blocks)].concat())])
}

#[test]
fn addresses_are_in_the_order_of_rfc_9582() {
    // 10.0.0.0/8, 10.0.0.0/16, 10.1.0.0/16, 2000::/8; and a max length of 24.
    let [short, long, next, v6] =
        [&[0u8, 10][..], &[0, 10, 0], &[0, 10, 1], &[0, 0x20]].map(|bits| der(0x03, bits));
    let longer = [short.clone(), der(0x02, &[24])].concat();
    let order = |list: &[&[u8]]| rule(&[blocks(&[(1, list)])]);
    assert_eq!(order(&[&short, &longer, &long, &next]), None);
    let error = Some(CcrRule::AddressOrder);
    assert_eq!(order(&[&short, &short]), error);
    assert_eq!(order(&[&next, &long]), error);
    assert_eq!(order(&[&longer, &short]), error);
    // What rpki-client before 9.8 writes: the longest first.
    assert_eq!(order(&[&long, &short]), error);
    let detail = Ccr::decode(&ccr(NOW, &[blocks(&[(1, &[&long, &short])])])).unwrap_err().detail;
    assert!(detail.contains("10.0.0.0/8-8 AS1 stands behind 10.0.0.0/16-16 AS1"), "{detail}");
    // A max length that is the prefix length says nothing new.
    let same = [short.clone(), der(0x02, &[8])].concat();
    assert_eq!(order(&[&short, &same]), error);

    let families = |list: &[(u8, &[&[u8]])]| rule(&[blocks(list)]);
    assert_eq!(families(&[(1, &[&short]), (2, &[&v6])]), None);
    assert_eq!(families(&[(2, &[&v6]), (1, &[&short])]), error);
    assert_eq!(families(&[(1, &[&short]), (1, &[&long])]), error);
    assert_eq!(families(&[(3, &[&short])]), Some(CcrRule::Address));
    assert_eq!(families(&[(1, &[&der(0x03, &[0, 1, 2, 3, 4, 5])])]), Some(CcrRule::Address));
    let below = [short, der(0x02, &[7])].concat();
    assert_eq!(families(&[(1, &[&below])]), Some(CcrRule::Address));
}

#[test]
fn lists_that_may_not_be_empty_are_not() {
    assert_eq!(rule(&[blocks(&[])]), Some(CcrRule::Syntax));
    assert_eq!(rule(&[blocks(&[(1, &[])])]), Some(CcrRule::Syntax));
    assert_eq!(rule(&[ccr_state(3, &[aspa(1, &[])], &[])]), Some(CcrRule::Syntax));
    assert_eq!(rule(&[ccr_state(4, &[], &[])]), Some(CcrRule::Syntax));
    assert_eq!(rule(&[ccr_state(5, &[ccr_router_keys(Asn(1), &[])], &[])]), Some(CcrRule::Syntax));
}

#[test]
fn as_0_is_a_provider_only_alone() {
    let providers = |list: &[u32]| rule(&[ccr_state(3, &[aspa(1, list)], &[])]);
    assert_eq!(providers(&[0]), None);
    assert_eq!(providers(&[0, 2]), Some(CcrRule::AsZero));
}

#[test]
fn manifests_and_router_keys_are_what_they_can_be() {
    let newest = Timestamp(NOW.0 - 2);
    let manifest = manifest(2);
    assert_eq!(
        rule(&[manifests(std::slice::from_ref(&manifest), NOW)]),
        Some(CcrRule::MostRecentUpdate)
    );
    let small = CcrManifestFields { size: 999, ..manifest.clone() };
    assert_eq!(rule(&[manifests(&[small], newest)]), Some(CcrRule::Manifest));
    let foreign = CcrManifestFields { uri: "rsync://é/", ..manifest.clone() };
    assert_eq!(rule(&[manifests(&[foreign], newest)]), Some(CcrRule::Syntax));
    let hostile = CcrManifestFields { uri: "rsync://a/\u{1b}[2J", ..manifest };
    let found = Ccr::decode(&ccr(NOW, &[manifests(&[hostile], newest)])).unwrap();
    assert_eq!(found.manifests.unwrap().entries[0].locations, ["rsync://a/?[2J"]);

    let key =
        |spki: &[u8]| rule(&[ccr_state(5, &[ccr_router_keys(Asn(1), &[(ski(6), spki)])], &[])]);
    assert_eq!(key(&ROUTER_SPKI), None);
    let rsa = crate::object::rir_tals().remove(0).spki;
    assert_eq!(key(&rsa), Some(CcrRule::RouterKey));
    let mut empty = ROUTER_SPKI[..23].to_vec();
    empty.extend(der(0x03, &[0]));
    empty.splice(..2, [0x30, u8::try_from(empty.len() - 2).unwrap()]);
    assert_eq!(key(&empty), Some(CcrRule::RouterKey));
}

#[test]
fn sizes_and_counts_are_bounded() {
    let large = vec![0x30; MAX_CCR_SIZE + 1];
    assert_eq!(Ccr::decode(&large).unwrap_err().rule, CcrRule::Limit);
    let of = |count: u32| {
        let keys = (0..count).map(|number| {
            let mut octets = [0; 20];
            octets[16..].copy_from_slice(&number.to_be_bytes());
            ccr_key_identifier(KeyIdentifier(octets))
        });
        rule(&[ccr_state(4, &keys.collect::<Vec<_>>(), &[])])
    };
    let limit = u32::try_from(MAX_CCR_TRUST_ANCHORS).unwrap();
    assert_eq!(of(limit), None);
    assert_eq!(of(limit + 1), Some(CcrRule::Limit));
    let providers: Vec<u32> = (1..=16_381).collect();
    assert_eq!(rule(&[ccr_state(3, &[aspa(0, &providers)], &[])]), Some(CcrRule::Limit));
    let long = [&ROUTER_SPKI[..], &[0; 1_000]].concat();
    let long = der(0x30, &long);
    let keys = [(ski(1), long.as_slice())];
    let state = ccr_state(5, &[ccr_router_keys(Asn(1), &keys)], &[]);
    assert_eq!(rule(&[state]), Some(CcrRule::Limit));
}

#[test]
fn a_ccr_is_known_by_its_beginning_even_cut_off() {
    assert!(Ccr::is_ccr(&whole()));
    assert!(Ccr::is_ccr(&whole()[..40]));
    for bytes in
        [&b""[..], b"0", b"{\"roas\":[]}", &whole()[..10], &roa(1, &[("10.0.0.0/8", None)])]
    {
        assert!(!Ccr::is_ccr(bytes), "{bytes:?}");
    }
}

proptest::proptest! {
    #[test]
    fn never_panics(tail in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..96)) {
        let _ = Ccr::decode(&tail);
        // Behind a good hash, too.
        let state = ccr_state(2, &[tail], &[]);
        let _ = Ccr::decode(&ccr(NOW, &[state]));
    }
}
