//! What the operator may choose, caps, and rules about trust anchors.

use super::*;
use crate::model::Aspa;

fn with(world: &World, policy: Policy) -> Summary {
    let tals = std::slice::from_ref(&world.tal);
    Summary(step(tals, &world.source, &State::default(), &policy, NOW).1)
}

#[test]
fn e37_unsafe_vrps_are_accepted_named_or_left_out() {
    let mut world = World::new();
    // The customer holds 10.1.2.0/24 and has nothing: ROA A covers it, B does not.
    world.source.files.remove(&world.customer.manifest);
    let policy = |unsafe_vrps| Policy { unsafe_vrps, ..Policy::default() };
    let accept = with(&world, policy(UnsafeVrps::Accept));
    assert_eq!((accept.vrps(), accept.reasons(&world.isp)), (sorted(&[A, B, A6]), vec![]));
    let warn = with(&world, policy(UnsafeVrps::Warn));
    assert_eq!(warn.vrps(), accept.vrps());
    assert_eq!(warn.reasons(&world.isp), [Reason::RoaUnsafeVrps]);
    let finding = &warn.point(&world.isp).findings[0];
    assert!(finding.object.ends_with("/isp/a.roa"), "{finding:?}");
    assert!(finding.detail.contains("overlaps 10.1.2.0/24"), "{finding:?}");
    let reject = with(&world, policy(UnsafeVrps::Reject));
    assert_eq!(reject.vrps(), sorted(&[B, A6]));
    assert_eq!(reject.reasons(&world.isp), [Reason::RoaUnsafeVrps]);
    // Nothing is unsafe where every CA has data.
    let good = with(&World::new(), policy(UnsafeVrps::Reject));
    assert_eq!(good.vrps().len(), 4);
}

#[test]
fn h10_very_many_origins_of_one_prefix_are_named_and_kept() {
    let mut world = World::new();
    for index in 0..101u32 {
        let (name, serial) = (format!("x{index}.roa"), 30 + u64::from(index));
        world.isp.roa(&name, serial, 1 + index, &[("10.1.9.0/24", None)]);
    }
    world.isp.publish(&mut world.source);
    let run = world.run();
    assert_eq!(run.reasons(&world.isp), [Reason::RoaManyOrigins]);
    assert_eq!(run.vrps().len(), 105);
    world.isp.files.remove("x0.roa");
    world.isp.publish(&mut world.source);
    assert_eq!(world.run().reasons(&world.isp), []);
}

#[test]
fn h11_a_flood_of_vrps_is_cut_for_each_ca_and_each_trust_anchor() {
    let world = World::new();
    let run = with(&world, Policy { max_vrps_per_point: 2, ..Policy::default() });
    assert_eq!(run.reasons(&world.isp), [Reason::RoaTooManyVrps]);
    assert_eq!(run.vrps(), sorted(&[A, A6, C]));
    // A point is taken whole or not at all; the smaller one behind it still fits.
    let run = with(&world, Policy { max_vrps_per_trust_anchor: 2, ..Policy::default() });
    assert_eq!(run.vrps(), [C]);
    let too_many = Reason::TrustAnchorTooManyVrps;
    assert_eq!(run.trust_anchor(), (TrustAnchorStatus::Valid, vec![too_many]));
    let run = with(&world, Policy { max_vrps_per_trust_anchor: 4, ..Policy::default() });
    assert_eq!((run.vrps().len(), run.trust_anchor().1), (4, vec![]));
}

fn with_aspas(lists: &[&[u32]]) -> World {
    let mut world = World::new();
    for (index, providers) in lists.iter().enumerate() {
        let aspa = Aspa {
            customer: Asn(64500),
            providers: providers.iter().map(|asn| Asn(*asn)).collect(),
        };
        let name = format!("x{index}.asa");
        let object = world.isp.sign(&name, 30 + index as u64, |fields| fields.aspa(&aspa).unwrap());
        world.isp.files.insert(name, object);
    }
    world.isp.publish(&mut world.source);
    world
}

#[test]
fn h16_and_h17_the_union_of_one_customers_providers_is_bounded() {
    let aspas = |run: &Summary| {
        let objects = run.0.points.iter().flat_map(|point| &point.objects);
        objects.filter(|object| matches!(object.payload, Payload::Aspa(_))).count()
    };
    let policy = || Policy { max_providers_per_customer: 3, ..Policy::default() };
    // Four providers in two lists, but three different ones.
    let world = with_aspas(&[&[1, 2], &[2, 3]]);
    let run = with(&world, policy());
    assert_eq!((aspas(&run), run.reasons(&world.isp)), (2, vec![]));
    let world = with_aspas(&[&[1, 2], &[3, 4]]);
    let run = with(&world, policy());
    let too_many = Reason::AspaTooManyProviders;
    assert_eq!((aspas(&run), run.reasons(&world.isp)), (0, vec![too_many, too_many]));
    // Under two trust anchors, too.
    let world = with_aspas(&[&[1, 2]]);
    let mut second = world.tal.clone();
    second.name = "second".to_owned();
    let mut source = world.source.clone();
    source.trust_anchors.insert("second".to_owned(), source.trust_anchors["test"].clone());
    let tals = [world.tal.clone(), second];
    let run = Summary(step(&tals, &source, &State::default(), &policy(), NOW).1);
    assert_eq!(aspas(&run), 2);
}

#[test]
fn g38_constraints_cut_what_a_trust_anchor_may_sign_for() {
    let world = with_aspas(&[&[1, 2]]);
    let run = |text: &str| {
        let constraints = [("test".to_owned(), Constraints::parse(text).unwrap())].into();
        with(&world, Policy { constraints, ..Policy::default() })
    };
    let violated = Reason::TrustAnchorConstraint;
    let all = run("");
    assert_eq!((all.vrps().len(), all.reasons(&world.isp)), (4, vec![]));
    let denied = run("deny 10.1.2.0/24\n");
    // ROA A holds all of 10.1.0.0/16, which touches what is denied.
    assert_eq!(denied.vrps(), [B]);
    assert_eq!(denied.reasons(&world.isp), [violated]);
    assert_eq!(denied.reasons(&world.customer), [violated]);
    let allowed = run("allow 10.1.0.0/17\n");
    assert_eq!(allowed.vrps(), [C]);
    let asns = run("deny 64500\n");
    assert_eq!((asns.vrps().len(), asns.reasons(&world.isp)), (4, vec![violated]));
    // They are for one trust anchor only.
    let constraints = [("other".to_owned(), Constraints::parse("deny 0.0.0.0/0").unwrap())].into();
    assert_eq!(with(&world, Policy { constraints, ..Policy::default() }).vrps().len(), 4);
}

#[test]
fn g34_an_older_trust_anchor_certificate_never_replaces_a_newer_one() {
    let world = World::new();
    let window =
        |from: u64, until: u64| TimeWindow::new(NOW.minus(hours(from)), NOW.plus(hours(until)));
    let make = |validity| trust_anchor(&world.root, validity);
    let replaces =
        |kept: &Bytes, fetched: &Bytes| replaces_trust_anchor(&world.tal, kept, fetched, NOW);
    let kept = make(window(10, 100));
    assert!(replaces(&kept, &make(window(9, 100))), "issued later");
    assert!(!replaces(&kept, &make(window(11, 100))), "issued earlier: a replay");
    assert!(!replaces(&kept, &make(window(11, 1))), "issued earlier, but ends earlier");
    assert!(replaces(&kept, &make(window(10, 99))), "issued at once, ends earlier");
    assert!(!replaces(&kept, &make(window(10, 101))), "issued at once, ends later");
    let mut fields = trust_anchor_fields(&world.root, window(10, 100));
    fields.set_serial_number(2u64);
    let same_dates = ca::sign_certificate(&fields, &world.root.key).unwrap();
    assert!(replaces(&kept, &same_dates), "the one that was fetched now");
    // What does not pass replaces nothing that does.
    let mut forged = make(window(9, 100)).to_vec();
    *forged.last_mut().unwrap() ^= 1;
    assert!(!replaces(&kept, &forged.into()));
    let expired = TimeWindow::new(NOW.minus(hours(9)), NOW.minus(hours(1)));
    assert!(!replaces(&kept, &make(expired)));
    assert!(replaces(&make(expired), &make(window(11, 100))));
}

#[test]
fn g35_a_trust_anchor_that_lives_for_very_long_is_named() {
    let world = World::new();
    let years = |n: u64| Duration::from_secs(n * 366 * 86_400);
    // 2026-02-02 and 2027-03-03.
    let (first, second) = (Timestamp(1_769_990_400), Timestamp(1_804_032_000));
    let found = |life: Duration, now: Timestamp| {
        let mut source = world.source.clone();
        let validity = TimeWindow::new(NOW, NOW.plus(life));
        source.trust_anchors.insert("test".to_owned(), trust_anchor(&world.root, validity));
        let run = source.step(&world.tal, &State::default(), now).1;
        assert_eq!(run.trust_anchors[0].status, TrustAnchorStatus::Valid);
        assert!(run.horizon.contains(now));
        let reasons: Vec<_> = run.trust_anchors[0].findings.iter().map(|f| f.reason).collect();
        (reasons, run.horizon)
    };
    let (none, long) = (vec![], vec![Reason::TrustAnchorLongLived]);
    let (reasons, horizon) = found(years(16), Timestamp(first.0 - 1));
    assert_eq!((reasons, horizon.until), (none.clone(), Timestamp(first.0 - 1)));
    assert_eq!(found(years(16), first).0, long);
    assert_eq!(found(years(15), first).0, none);
    assert_eq!(found(years(4), Timestamp(second.0 - 1)).0, none);
    assert_eq!(found(years(4), second).0, long);
    assert_eq!(found(years(3), second).0, none);
}

#[test]
fn g39_during_a_key_rollover_both_keys_give_payload() {
    let mut world = World::new();
    // The new key publishes in the directory of the old one, with its own manifest and CRL.
    let mut new = world.isp.clone();
    new.key = key(703);
    new.manifest = new.directory.join("new.mft").unwrap();
    new.crl = new.directory.join("new.crl").unwrap();
    new.files.clear();
    let prefix = RoaPrefix { prefix: "10.1.7.0/24".parse().unwrap(), max_length: None };
    let roa = new.sign("new.roa", 40, |fields| fields.roa(Asn(64500), &[prefix]).unwrap());
    new.files.insert("new.roa".to_owned(), roa);
    let cert = world.root.certify(&new, 310, year());
    world.root.files.insert("isp-new.cer".to_owned(), cert);
    world.publish();
    let list = vec![
        ("new.crl".to_owned(), ObjectHash::of(&new.crl_bytes())),
        ("new.roa".to_owned(), ObjectHash::of(&new.files["new.roa"])),
    ];
    let fields = ManifestFields { number: 1, updates: new.updates, files: &list };
    let manifest = new.sign("new.mft", 41, |object| object.manifest(fields).unwrap());
    world.source.put(&new.manifest, &manifest);
    world.source.put(&new.crl, &new.crl_bytes());
    world.source.put(&new.directory.join("new.roa").unwrap(), &new.files["new.roa"]);
    let run = world.run();
    assert_eq!(run.reasons(&world.root), []);
    assert_eq!(run.vrps(), sorted(&[A, B, C, A6, "10.1.7.0/24-24 AS64500"]));
    // The old key goes, and its ROAs with it; the new one stays.
    world.root.files.remove("isp.cer");
    world.root.number = 2;
    world.root.publish(&mut world.source);
    assert_eq!(world.run().vrps(), ["10.1.7.0/24-24 AS64500"]);
}

/// Makes a world in which one thing on the chain of ROA C ends at `end`, everything else later.
fn ending(what: &str, end: Timestamp) -> World {
    let mut world = World::new();
    let long = TimeWindow::new(NOW.minus(hours(1)), NOW.plus(hours(1_000)));
    let short = TimeWindow::new(NOW.minus(hours(1)), end);
    let pick = |name: &str| if name == what { short } else { long };
    let anchor = trust_anchor(&world.root, pick("trust anchor"));
    world.source.trust_anchors.insert("test".to_owned(), anchor);
    world.root.updates = pick("manifest of the root");
    world.root.crl_updates = pick("CRL of the root");
    world.isp.updates = pick("manifest of the ISP");
    world.isp.crl_updates = pick("CRL of the ISP");
    world.customer.updates = pick("manifest of the customer");
    world.customer.crl_updates = pick("CRL of the customer");
    let cert = world.root.certify(&world.isp, 320, pick("certificate of the ISP"));
    world.root.files.insert("isp.cer".to_owned(), cert);
    let cert = world.isp.certify(&world.customer, 321, pick("certificate of the customer"));
    world.isp.files.insert("customer.cer".to_owned(), cert);
    let uri = world.customer.directory.join("c.roa").unwrap();
    let key = key(12);
    let fields = ObjectFields {
        issuer: world.customer.issuer(),
        key: &key,
        serial: 12,
        validity: pick("certificate of the ROA"),
        signing_time: NOW.minus(hours(1)),
        uri: &uri,
    };
    let prefix = RoaPrefix { prefix: "10.1.2.0/24".parse().unwrap(), max_length: None };
    let roa = fields.roa(Asn(64510), &[prefix]).unwrap().encode();
    world.customer.files.insert("c.roa".to_owned(), roa);
    world.publish();
    world
}

/// Every link of the chain to ROA C that has an end of its own.
const LINKS: [&str; 10] = [
    "trust anchor",
    "manifest of the root",
    "CRL of the root",
    "certificate of the ISP",
    "manifest of the ISP",
    "CRL of the ISP",
    "certificate of the customer",
    "manifest of the customer",
    "CRL of the customer",
    "certificate of the ROA",
];

#[test]
fn h21_anything_on_the_chain_ends_the_vrp_on_the_second() {
    let end = NOW.plus(hours(2));
    let after = Timestamp(end.0 + 1);
    for link in LINKS {
        let world = ending(link, end);
        let (state, run) = world.run_from(&State::default(), NOW);
        assert!(run.vrps().contains(&C.to_owned()), "{link}");
        // The run says when it must be looked at again, and what it gave says the same.
        assert_eq!(run.0.horizon.until, end, "{link}");
        assert_eq!(expiry(&run, C), end, "{link}");
        let last = world.run_from(&state, end).1;
        assert!(last.vrps().contains(&C.to_owned()), "{link} in its last second");
        let gone = world.run_from(&state, after).1;
        assert!(!gone.vrps().contains(&C.to_owned()), "{link} a second later");
        // The same time without any earlier run: `--at` asks no history.
        assert!(!world.run_from(&State::default(), after).1.vrps().contains(&C.to_owned()));
    }
}

/// Returns when a VRP ends, by what the outcome of a run says along its chain.
fn expiry(run: &Summary, vrp: &str) -> Timestamp {
    let points = &run.0.points;
    let has = |object: &&Arc<PayloadObject>| match &object.payload {
        Payload::Roa(vrps) => vrps.iter().any(|item| item.to_string() == vrp),
        _ => false,
    };
    let mut point = points.iter().find(|point| point.objects.iter().any(|o| has(&o))).unwrap();
    let mut window = point.objects.iter().find(has).unwrap().validity;
    loop {
        window = window.intersect(point.validity);
        match point.parent {
            Some(parent) => point = points.iter().find(|point| point.id == parent).unwrap(),
            None => return window.until,
        }
    }
}
