//! Writes the inputs that fuzzing starts from, made by the lab's CA code: the same on each run.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use provost::ca;
use provost::lab::{RrdpRepository, generate, small_internet};
use provost::model::{
    AsRange, Asn, Aspa, KeyIdentifier, ObjectHash, ObjectUri, ResourceSet, WorldId,
};
use provost::world::{Assembly, Purpose, World, format};
use provost_fuzz::{entries, point};

struct Seeds(PathBuf);

impl Seeds {
    fn add(&self, target: &str, name: &str, bytes: &[u8]) {
        let directory = self.0.join(target);
        fs::create_dir_all(&directory).expect("the directory can be made");
        fs::write(directory.join(name), bytes).expect("the seed can be written");
    }
}

fn main() {
    let out = std::env::args_os().nth(1).expect("usage: seeds DIRECTORY");
    let seeds = Seeds(out.into());
    let lab = tempfile::tempdir().expect("a temporary directory");
    generate(lab.path(), small_internet(), 1, point::NOW).expect("the lab can be written");
    objects(&seeds, lab.path());
    contents(&seeds);
    documents(&seeds);
    tables(&seeds);
    for part in 0..point::PARTS.len() {
        seeds.add("point", point::PARTS[part], &point::seed(part));
    }
    let validation = point::judged(&point::seed(0)).expect("a seed has a first byte");
    let world = World::assemble(Assembly {
        id: WorldId(1),
        purpose: Purpose::Lab,
        validation: &validation,
        validation_duration: Duration::from_millis(1),
        repositories: Vec::new(),
        trust_anchor_fetches: BTreeMap::new(),
        previous: None,
        stamp: None,
    });
    let file = format::encode(&world).expect("a world can be written");
    // The target makes the table of sections itself.
    seeds.add("world", "small", &entries::world_seed(&file.bytes));
}

/// The files of the lab, each for the targets that read its kind.
fn objects(seeds: &Seeds, directory: &Path) {
    for entry in fs::read_dir(directory).expect("the lab can be read") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            objects(seeds, &path);
            continue;
        }
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
        let bytes = fs::read(&path).expect("a file");
        // One of each kind is enough: the fuzzer drops what reaches nothing new.
        let targets: &[&str] = match name {
            "alder.crl" => &["crl", "display"],
            "alder.mft" | "alder-v4.roa" | "alder.gbr" => &["signed_object", "display"],
            name if name.ends_with(".asa") => &["signed_object"],
            name if name.ends_with(".cer") && bytes.len() < 1_500 => &["certificate"],
            "north.tal" => &["tal", "display"],
            "truth.csv" | "truth.json" => &["vrp_file"],
            _ => &[],
        };
        for target in targets {
            seeds.add(target, name, &bytes);
        }
    }
}

fn contents(seeds: &Seeds) {
    let prefixes = ["192.0.2.0/24", "2001:db8::/32"].map(|text| ca::RoaPrefix {
        prefix: text.parse().expect("a prefix"),
        max_length: Some(32),
    });
    seeds.add("roa", "both", &ca::roa_content(Asn(64496), &prefixes));
    let aspa = Aspa { customer: Asn(64496), providers: vec![Asn(64497), Asn(64498)] };
    seeds.add("aspa", "two", &ca::aspa_content(&aspa));
    seeds.add("manifest", "small", &point::seed(6)[1..]);
    let card = "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:A\r\nEMAIL:a@example.net\r\nEND:VCARD\r\n";
    seeds.add("ghostbusters", "card", card.as_bytes());
    let key = ca::KeyPool::shared().key(0).expect("a key").spki_der();
    let key = ca::TakKey { comments: &["a"], uris: &["rsync://h.example.net/m/ta.cer"], spki: &key };
    seeds.add("tak", "three", &ca::tak_content(key, Some(key), Some(key)));
    let asns = AsRange { min: 64496, max: 64497 };
    let set = ResourceSet::from_prefixes(prefixes.map(|entry| entry.prefix));
    let set = ResourceSet::new(set.v4().iter().copied(), set.v6().iter().copied(), [asns]);
    let files = [(Some("a.txt"), ObjectHash::of(b"a")), (None, ObjectHash::of(b"b"))];
    seeds.add("checklist", "two", &ca::checklist_content(&set, &files));
    let list = prefixes.map(|entry| entry.prefix);
    seeds.add("prefix_list", "two", &ca::prefix_list_content(Asn(64496), &list));
    let ski = KeyIdentifier([1; 20]);
    let manifest = ca::ccr_manifest(&ca::CcrManifestFields {
        hash: ObjectHash::of(b"a"),
        size: 1_000,
        aki: ski,
        number: 5,
        this_update: point::NOW,
        uri: "rsync://h.example.net/m/a.mft",
        subordinates: &[ski],
    });
    let keys = ca::ccr_router_keys(Asn(64496), &[(ski, &ca::ROUTER_SPKI)]);
    let states = [
        ca::ccr_state(1, &[manifest], &ca::ccr_time(point::NOW)),
        ca::ccr_state(2, &[ca::roa_content(Asn(64496), &prefixes)], &[]),
        ca::ccr_state(3, &[ca::ccr_aspa(&aspa)], &[]),
        ca::ccr_state(4, &[ca::ccr_key_identifier(ski)], &[]),
        ca::ccr_state(5, &[keys], &[]),
    ];
    seeds.add("ccr", "five", &ca::ccr(point::NOW, &states));
}

/// RRDP documents of the session and serial that the targets expect.
fn documents(seeds: &Seeds) {
    let uri = |name: &str| -> ObjectUri {
        format!("rsync://fuzz.example.net/repo/{name}").parse().expect("a URI")
    };
    let session = entries::SESSION.parse().expect("a session");
    let notify = "https://fuzz.example.net/notification.xml".parse().expect("a URI");
    let old = BTreeMap::from([(uri("a.roa"), Bytes::from_static(b"a"))]);
    let mut repository = RrdpRepository::new(notify, session, old);
    let new = BTreeMap::from([(uri("b.roa"), Bytes::from_static(b"b"))]);
    repository.update(new).expect("an update");
    for (path, bytes) in repository.documents().expect("documents") {
        let target = ["notification", "snapshot", "delta"]
            .into_iter()
            .find(|target| path.ends_with(&format!("{target}.xml")))
            .expect("one of three");
        seeds.add(target, "small", &bytes);
    }
}

/// What people and other programs write as text.
fn tables(seeds: &Seeds) {
    let routes = "192.0.2.0/24 AS64496\n192.0.2.0/25,64497\n2001:db8::/32 => 64498\n\
         TABLE_DUMP2|1|B|192.0.2.1|1|198.51.100.0/24|1 2 {3,4}|IGP\n# a comment\n";
    seeds.add("bgp_table", "forms", routes.as_bytes());
    let csv = "ASN,IP Prefix,Max Length,Trust Anchor,Expires\nAS1,192.0.2.0/24,24,ta,1800000000\n";
    seeds.add("vrp_file", "rpki-client.csv", csv.as_bytes());
    let json = r#"{"metadata":{"buildtime":"2026-01-01T00:00:00Z"},"roas":[{"prefix":"192.0.2.0/24","maxLength":24,"asn":1,"ta":"a","expires":1}],"bgpsec_keys":[],"provider_authorizations":[{"customer_asid":1,"providers":[2]}]}"#;
    seeds.add("vrp_file", "rpki-client.json", json.as_bytes());
    let config = "data-dir = '/srv'\ntal = ['a.tal']\nhttp = '127.0.0.1:8323'\nmax-age = '2h'\nunsafe-vrps = 'warn'\n";
    seeds.add("config", "keys", config.as_bytes());
    let constraints = "allow 192.0.2.0/24\nallow 10.0.0.0 - 10.0.0.9\ndeny 2001:db8::/32\nallow 1 - 5\ndeny 3\n";
    seeds.add("constraints", "forms", constraints.as_bytes());
    for (name, text) in [
        ("prefix4", "192.0.2.0/24"),
        ("prefix6", "2001:db8::/32"),
        ("asn", "AS64496"),
        ("asdot", "1.10"),
        ("rsync", "rsync://h.example.net:873/m/p/f.roa"),
        ("module", "rsync://h.example.net/m/"),
        ("https", "https://h.example.net/n.xml"),
        ("hash", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("time", "2026-01-01T00:00:00Z"),
        ("duration", "1h30m"),
    ] {
        seeds.add("words", name, text.as_bytes());
    }
}
