//! Random trees with random damage: what one subtree does changes no other.

use proptest::prelude::*;

use super::*;

/// A tree of CAs, made once: the root, three CAs below it, two below each, one below each of those.
struct Tree {
    tal: Tal,
    source: MemorySource,
    /// Parents before children; the root is the first.
    cas: Vec<TestCa>,
    parents: Vec<Option<usize>>,
}

fn tree() -> &'static Tree {
    static TREE: LazyLock<Tree> = LazyLock::new(make);
    &TREE
}

fn make() -> Tree {
    let certificate = uri("rsync://rpki.example.net/repo/root.cer");
    let everything = resources(&["10.0.0.0/8"], &[(64496, 64511)]);
    let root = TestCa::new("root", ROOT_KEY, Resources::Set(everything), certificate);
    let (mut cas, mut parents) = (vec![root], vec![None]);
    let mut level = vec![0];
    for width in [3, 2, 1] {
        let mut next = Vec::new();
        for parent in level {
            for _ in 0..width {
                let index = cas.len();
                let held = Resources::Set(resources(&["10.0.0.0/8"], &[]));
                let mut child = cas[parent].child(&format!("ca{index}"), 600 + index, held);
                for roa in 0..3u64 {
                    let serial = 100 + 4 * index as u64 + roa;
                    let prefix = format!("10.{index}.{roa}.0/24");
                    child.roa(&format!("r{roa}.roa"), serial, 64500, &[(&prefix, None)]);
                }
                cas.push(child);
                parents.push(Some(parent));
                next.push(index);
            }
        }
        level = next;
    }
    let mut source = MemorySource::default();
    for ca in &cas {
        ca.publish(&mut source);
    }
    source.trust_anchors.insert("test".to_owned(), trust_anchor(&cas[0], year()));
    let uris = vec![TalUri::Rsync(cas[0].certificate.clone())];
    let tal = Tal { name: "test".to_owned(), uris, spki: cas[0].key.spki_der().to_vec() };
    Tree { tal, source, cas, parents }
}

impl Tree {
    /// Tells whether `index` is `ancestor` or below it.
    fn is_below(&self, index: usize, ancestor: usize) -> bool {
        let mut next = Some(index);
        while let Some(index) = next {
            if index == ancestor {
                return true;
            }
            next = self.parents[index];
        }
        false
    }
}

/// What is done to one point.
#[derive(Clone, Copy, Debug)]
enum Damage {
    /// The bits of a file are changed, so that its hash is not the listed one.
    Bit { file: usize, bit: usize },
    /// A file is gone.
    Missing { file: usize },
    /// A file is replaced by one of another point.
    Swapped { file: usize, other: usize },
    /// The manifest lists garbage with the right hash.
    Garbage { file: usize },
    /// The manifest has run out.
    Stale,
    /// The manifest is signed by another key.
    Foreign,
    /// The repository was never reached.
    Unavailable,
    /// The cache cannot read the file.
    Unreadable { file: usize },
    /// This program fails on the file.
    Fatal { file: usize },
}

fn damage() -> impl Strategy<Value = Damage> {
    let file = || 0usize..100;
    prop_oneof![
        (file(), 0usize..20_000).prop_map(|(file, bit)| Damage::Bit { file, bit }),
        file().prop_map(|file| Damage::Missing { file }),
        (file(), file()).prop_map(|(file, other)| Damage::Swapped { file, other }),
        file().prop_map(|file| Damage::Garbage { file }),
        Just(Damage::Stale),
        Just(Damage::Foreign),
        Just(Damage::Unavailable),
        file().prop_map(|file| Damage::Unreadable { file }),
        file().prop_map(|file| Damage::Fatal { file }),
    ]
}

/// Damages the point of one CA.
fn apply(tree: &Tree, source: &mut MemorySource, index: usize, damage: Damage) {
    let ca = &tree.cas[index];
    let own: Vec<_> =
        source.files.keys().filter(|uri| uri.directory() == ca.directory).cloned().collect();
    if own.is_empty() {
        return;
    }
    let pick = |file: usize| own[file % own.len()].clone();
    // The bytes that only this point has: an earlier damage may have put another's there.
    let original = |uri: &ObjectUri| tree.source.files.get(uri).copied();
    match damage {
        Damage::Bit { file, bit } => {
            let uri = pick(file);
            let mut bytes = source.bytes[&source.files[&uri]].to_vec();
            let bit = bit % (bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            source.put(&uri, &bytes.into());
        }
        Damage::Missing { file } => _ = source.files.remove(&pick(file)),
        Damage::Swapped { file, other } => {
            let all: Vec<_> = source.files.values().copied().collect();
            source.files.insert(pick(file), all[other % all.len()]);
        }
        Damage::Garbage { file } => {
            let mut ca = ca.clone();
            let names: Vec<_> = ca.files.keys().cloned().collect();
            if let Some(name) = names.get(file % names.len().max(1)) {
                ca.files.insert(name.clone(), Bytes::from_static(b"garbage"));
            }
            ca.publish(source);
        }
        Damage::Stale => {
            let mut ca = ca.clone();
            ca.updates = TimeWindow::new(NOW.minus(hours(9)), NOW.minus(hours(1)));
            ca.publish(source);
        }
        Damage::Foreign => {
            let mut other = ca.clone();
            other.key = key(599);
            source.put(&ca.manifest, &other.manifest_bytes(&ca.list()));
        }
        Damage::Unavailable => _ = source.unavailable.insert(ca.directory.clone()),
        Damage::Unreadable { file } => source.broken.extend(original(&pick(file))),
        Damage::Fatal { file } => source.fatal.extend(original(&pick(file))),
    }
}

/// Returns the VRPs of each CA, by its index.
fn vrps(tree: &Tree, run: &Validation) -> Vec<Vec<String>> {
    let of = |ca: &TestCa| {
        let point = run.points.iter().find(|point| point.location.manifest == ca.manifest);
        let objects = point.into_iter().flat_map(|point| &point.objects);
        let vrps = objects.flat_map(|object| match &object.payload {
            Payload::Roa(vrps) => vrps.iter().map(ToString::to_string).collect(),
            _ => Vec::new(),
        });
        vrps.collect()
    };
    tree.cas.iter().map(of).collect()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 96,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(4),
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_a_subtree_does_changes_no_other_subtree(
        damages in prop::collection::vec((1usize..16, damage()), 1..4),
        policy in prop_oneof![Just(UnsafeVrps::Accept), Just(UnsafeVrps::Warn)],
        has_state in any::<bool>(),
    ) {
        let tree = tree();
        let tals = std::slice::from_ref(&tree.tal);
        let policy = Policy { unsafe_vrps: policy, ..Policy::default() };
        let (state, good) = step(tals, &tree.source, &State::default(), &policy, NOW);
        let mut source = tree.source.clone();
        for (index, damage) in &damages {
            apply(tree, &mut source, *index, *damage);
        }
        let state = if has_state { state } else { State::default() };
        let damaged = step(tals, &source, &state, &policy, NOW).1;
        let (good, damaged) = (vrps(tree, &good), vrps(tree, &damaged));
        for (index, wanted) in good.iter().enumerate() {
            prop_assert_eq!(wanted.len(), if index == 0 { 0 } else { 3 });
            let is_hit = damages.iter().any(|(hit, _)| tree.is_below(index, *hit));
            if !is_hit {
                prop_assert_eq!(&damaged[index], wanted, "CA {}", index);
            }
            // Damage never adds anything.
            prop_assert!(damaged[index].iter().all(|vrp| wanted.contains(vrp)), "CA {}", index);
        }
    }
}
