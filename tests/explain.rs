//! Explanations as their users meet them: routes, objects and checklists, on sound and on damaged
//! publication points.

#![expect(clippy::unwrap_used, reason = "a test ends by a panic")]

mod support;

use std::fs;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use provost::ca::{Issuer, KeyPool, ManifestFields, ObjectFields, RoaPrefix, TakKey};
use provost::clock;
use provost::lab::{Plan, Roa, generate, small_internet};
use provost::model::{Asn, ObjectHash, ObjectUri, ResourceSet, TimeWindow, Timestamp};
use serde_json::Value;
use support::{Running, free_address, get, provost_in, stdout, text, wait_for};

/// A lab on disk, and a data directory that was filled from it.
struct Filled {
    tree: tempfile::TempDir,
    data: tempfile::TempDir,
    /// What `sync` printed.
    summary: String,
}

const ELM: &str = "rsync://hosted.lab.example/repo/elm/elm.mft";
const ELM_ROA: &str = "rsync://hosted.lab.example/repo/elm/elm-unused.roa";
const ALDER_ROA: &str = "rsync://hosted.lab.example/repo/alder/alder-v4.roa";

impl Filled {
    /// Writes the default lab, lets `damage` at it, and takes it into a cache.
    fn new(damage: impl FnOnce(&Path)) -> Filled {
        Filled::of_plan(small_internet(), None, damage)
    }

    /// The same for any plan; at a given time it becomes an archive.
    fn of_plan(plan: Plan, at: Option<Timestamp>, damage: impl FnOnce(&Path)) -> Filled {
        let tree = tempfile::tempdir().unwrap();
        let data = tempfile::tempdir().unwrap();
        generate(tree.path(), plan, 0, at.unwrap_or_else(clock::now)).unwrap();
        damage(tree.path());
        let mut filled = Filled { tree, data, summary: String::new() };
        let mut sync = filled.provost(&["sync", "--no-rir-tals"]);
        sync.arg("--from").arg(filled.tree.path());
        if let Some(at) = at {
            sync.arg("--at").arg(at.to_string());
        }
        for anchor in ["north", "east", "south"] {
            let tal = filled.tree.path().join(format!("tals/{anchor}.tal"));
            sync.arg("--tal").arg(tal);
        }
        filled.summary = stdout(&mut sync);
        filled
    }

    fn provost(&self, words: &[&str]) -> std::process::Command {
        provost_in(self.data.path(), words)
    }

    fn json(&self, words: &[&str]) -> Value {
        serde_json::from_str(&stdout(&mut self.provost(words))).unwrap()
    }
}

/// Removes a listed ROA from the point of `elm`.
fn without_a_roa(tree: &Path) {
    fs::remove_file(tree.join("hosted.lab.example/repo/elm/elm-unused.roa")).unwrap();
}

#[test]
fn the_findings_of_one_repository_are_shown_on_request() {
    let filled = Filled::new(without_a_roa);
    let shown = stdout(&mut filled.provost(&["repositories", "hosted.lab.example"]));
    assert!(shown.contains(ELM_ROA) && shown.contains("manifest.missing-file"), "{shown}");
    let json = filled.json(&["repositories", "hosted.lab.example", "--json"]);
    let findings = json["findings"].as_array().unwrap();
    let found = findings.iter().find(|finding| finding["object"] == ELM_ROA).expect("a finding");
    assert_eq!(found["reason"], "manifest.missing-file");
    assert_eq!(json["findings_left_out"], 0);
    assert!(json["world_time"].is_string());
    let other = filled.json(&["repositories", "delegated.lab.example", "--json"]);
    assert!(!other["findings"].to_string().contains(ELM_ROA), "{other}");
    let nowhere = filled.provost(&["repositories", "nowhere"]).output().unwrap();
    assert_eq!(nowhere.status.code(), Some(1));
}

#[test]
fn unknown_inside_a_broken_point_is_incomplete_and_names_point_and_object() {
    let filled = Filled::new(without_a_roa);
    let route = ["203.0.113.128/26", "AS65536"];
    let check = filled.json(&["check", "--json", route[0], route[1]]);
    let explained = filled.json(&["explain", "--json", route[0], route[1]]);
    let address = free_address();
    let mut server =
        filled.provost(&["serve", "--no-worker", "--no-rtr", "--http", &address.to_string()]);
    let _server = Running::start(&mut server);
    let path = format!("/v1/validity?prefix={}&asn={}", route[0], route[1]);
    let (_, body) = wait_for("an answer", || get(address, &path).filter(|(code, _)| *code == 200));
    let served: Value = serde_json::from_str(&body).unwrap();
    for answer in [&check, &explained, &served] {
        assert_eq!(answer["state"], "unknown", "{answer}");
        let freshness = &answer["freshness"];
        assert_eq!(freshness["state"], "incomplete", "{answer}");
        assert_eq!(freshness["name"], ELM, "{answer}");
        assert_eq!(freshness["object"], ELM_ROA, "{answer}");
        assert_eq!(freshness["reason"], "manifest.missing-file", "{answer}");
    }
    let shown = stdout(&mut filled.provost(&["check", route[0], route[1]]));
    assert!(shown.contains("INCOMPLETE") && shown.contains(ELM) && shown.contains(ELM_ROA));
    assert_eq!(explained["suspects"][0]["finding"]["object"], ELM_ROA);
    // Outside of what the broken point holds, nothing is missing.
    let other = filled.json(&["check", "--json", "10.0.0.0/8", "AS65536"]);
    assert_eq!(other["freshness"]["state"], "fresh");
}

#[test]
fn a_route_is_explained_by_its_chain_and_by_what_ends_first() {
    let filled = Filled::new(|_| {});
    let explained = filled.json(&["explain", "--json", "--steps", "192.0.2.0/25", "AS64496"]);
    assert_eq!(explained["state"], "valid");
    let covering = &explained["covering"][0];
    assert_eq!(covering["roa"], ALDER_ROA);
    let chain = covering["chain"].as_array().unwrap();
    let resources: Vec<_> = chain.iter().map(|link| link["resources"].as_str().unwrap()).collect();
    let wanted = [
        "192.0.2.0/24, 2001:db8::/33, AS64496-AS64503",
        "192.0.2.0/25, 2001:db8::/36, AS64496-AS64498",
    ];
    assert_eq!(resources, wanted);
    assert!(chain.iter().all(|link| link["status"] == "current"));
    // Manifests and CRLs run for three days, certificates for a year.
    assert_eq!(covering["expires_first"]["what"], "manifest");
    assert!(covering["steps"].as_array().unwrap().iter().all(|step| step["result"] == "passed"));
    let shown = stdout(&mut filled.provost(&["explain", "192.0.2.0/25", "AS64496"]));
    assert!(shown.starts_with("VALID  192.0.2.0/25 AS64496"), "{shown}");
}

#[test]
fn a_broken_point_is_explained_with_the_check_that_failed() {
    let filled = Filled::new(without_a_roa);
    let explained = filled.json(&["explain", "--json", ELM_ROA]);
    assert_eq!(explained["verdict"], "rejected");
    assert_eq!(explained["finding"]["reason"]["code"], "manifest.missing-file");
    let point = filled.json(&["explain", "--json", "--steps", ELM]);
    assert_eq!(point["verdict"], "point-not-used");
    let steps = point["steps"].as_array().unwrap();
    let failed: Vec<_> = steps.iter().filter(|step| step["result"] == "FAILED").collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0]["reason"], "manifest.missing-file");
    assert_eq!(steps.last().unwrap()["result"], "not reached");
    let gone = filled.provost(&["explain", "rsync://nowhere.example/a/b.roa"]).output().unwrap();
    assert_eq!(gone.status.code(), Some(5), "{}", text(&gone.stderr));
}

#[test]
fn an_object_of_the_cache_is_inspected_with_the_verdict_on_its_chain() {
    let filled = Filled::new(|_| {});
    let roa = filled.json(&["inspect", "--json", ALDER_ROA]);
    assert_eq!((&roa["type"], &roa["validation"]), (&"roa".into(), &"OK".into()));
    assert_eq!(roa["chain"].as_array().unwrap().len(), 2);
    assert!(roa["expires"].as_i64().unwrap() < roa["valid_until"].as_i64().unwrap());
    let point = filled.json(&["inspect", "--json", "rsync://hosted.lab.example/repo/alder/"]);
    let objects = point["objects"].as_array().unwrap();
    let verdicts: Vec<_> = objects.iter().map(|o| o["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["valid", "valid", "valid", "valid", "hash-checked", "valid"]);
    // Three years later every certificate below the trust anchors has ended.
    let at = clock::now().plus(Duration::from_secs(3 * 365 * 86_400)).to_string();
    let later = filled.json(&["inspect", "--json", "--at", &at, ALDER_ROA]);
    assert_eq!(later["validation"], "N/A");
    let gone = filled.provost(&["inspect", "rsync://nowhere.example/a/b.roa"]).output().unwrap();
    assert_eq!(gone.status.code(), Some(5));
}

/// 2026-01-01T00:00:00Z.
const FIXED: Timestamp = Timestamp(1_767_225_600);

/// A lab at a fixed time, in which `birch` has a ROA for a prefix that it does not hold.
fn overclaiming() -> Filled {
    let mut plan = small_internet();
    let mut cas = plan.trust_anchors.iter_mut().flat_map(|anchor| &mut anchor.children);
    let birch = cas.find(|ca| ca.name == "birch").unwrap();
    let prefix = RoaPrefix { prefix: "203.0.113.128/26".parse().unwrap(), max_length: None };
    birch.roas.push(Roa { name: "lost".into(), asn: Asn(65536), prefixes: vec![prefix] });
    Filled::of_plan(plan, Some(FIXED), |_| {})
}

#[test]
fn what_people_read_is_as_reviewed() {
    let filled = overclaiming();
    let lost = "rsync://delegated.lab.example/repo/birch/lost.roa";
    let mut shown = String::new();
    for words in [
        &["explain", "192.0.2.64/26", "AS64497"][..],
        // The ROA that would have made it valid is named, though its CA does not hold the prefix.
        &["explain", "203.0.113.128/26", "AS65536"],
        &["explain", "--steps", lost],
        &["explain", "rsync://hosted.lab.example/repo/alder/alder.gbr"],
        &["inspect", lost],
    ] {
        shown += &format!("$ provost {}\n", words.join(" "));
        shown += &stdout(&mut filled.provost(words));
        shown.push('\n');
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn a_lost_roa_that_covers_the_route_is_the_first_suspect() {
    let filled = overclaiming();
    let explained = filled.json(&["explain", "--json", "203.0.113.128/26", "AS65536"]);
    assert_eq!(explained["state"], "unknown");
    let suspect = &explained["suspects"][0];
    assert_eq!(suspect["finding"]["reason"]["code"], "cert.overclaim");
    assert_eq!(suspect["would"], "it would have said 203.0.113.128/26-26 AS65536");
    assert_eq!(explained["suspects"].as_array().unwrap().len(), 1);
}

/// Puts a TAK that announces a next key into the point of the trust anchor `north`.
fn with_a_next_key(tree: &Path) {
    let directory: ObjectUri = "rsync://registry.lab.example/repo/north/".parse().unwrap();
    let uri = |name: &str| directory.join(name).unwrap();
    let key = |number| KeyPool::shared().key(number).unwrap();
    let (north, ee, next) = (key(0), key(501), key(502));
    let crl = uri("north.crl");
    let certificate = "rsync://registry.lab.example/ta/north.cer".parse().unwrap();
    let now = clock::now();
    let updates = TimeWindow::new(now, now.plus(Duration::from_secs(86_400)));
    let (mft, tak) = (uri("north.mft"), uri("north.tak"));
    let fields = |serial, uri| ObjectFields {
        issuer: Issuer { key: &north, certificate: &certificate, crl: &crl },
        key: &ee,
        serial,
        validity: updates,
        signing_time: now,
        uri,
    };
    let point = tree.join("registry.lab.example/repo/north");
    let (current, successor) = (north.spki_der().to_vec(), next.spki_der().to_vec());
    let ta_key =
        |spki| TakKey { comments: &[], uris: &["https://registry.lab.example/next.cer"], spki };
    let object = fields(5_000, &tak).tak(ta_key(&current), None, Some(ta_key(&successor))).unwrap();
    fs::write(point.join("north.tak"), object.encode()).unwrap();
    fs::remove_file(point.join("north.mft")).unwrap();
    let files: Vec<_> = fs::read_dir(&point)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            (name, ObjectHash::of(&fs::read(entry.path()).unwrap()))
        })
        .collect();
    let content = ManifestFields { number: 2, updates, files: &files };
    let manifest = fields(5_001, &mft).manifest(content).unwrap();
    fs::write(point.join("north.mft"), manifest.encode()).unwrap();
}

#[test]
fn g37_a_next_key_is_shown_everywhere_and_followed_nowhere() {
    let filled = Filled::new(with_a_next_key);
    let shown = &filled.summary;
    assert!(shown.contains("tak.successor: the trust anchor announces its next key"), "{shown}");
    let tak = "rsync://registry.lab.example/repo/north/north.tak";
    let explained = filled.json(&["explain", "--json", "--steps", tak]);
    assert_eq!(explained["verdict"], "valid");
    assert_eq!(explained["finding"]["reason"]["code"], "tak.successor");
    let detail = explained["finding"]["detail"].as_str().unwrap();
    assert!(detail.contains("https://registry.lab.example/next.cer"), "{detail}");
    assert_eq!(explained["steps"].as_array().unwrap().last().unwrap()["result"], "noted");
    let shown = filled.json(&["inspect", "--json", tak]);
    assert_eq!(shown["takeys"][1]["name"], "successor");
    let address = free_address();
    let mut server =
        filled.provost(&["serve", "--no-worker", "--no-rtr", "--http", &address.to_string()]);
    let _server = Running::start(&mut server);
    let status = wait_for("status", || get(address, "/v1/status").filter(|(code, _)| *code == 200));
    let status: Value = serde_json::from_str(&status.1).unwrap();
    let mut anchors = status["trust_anchors"].as_array().unwrap().iter();
    let north = anchors.find(|anchor| anchor["name"] == "north").expect("a trust anchor");
    assert_eq!(north["findings"]["tak.successor"], 1, "{status}");
    assert_eq!(filled.json(&["check", "--json", "192.0.2.0/25", "AS64496"])["state"], "valid");
}

/// Signs a checklist over `files` with the key of the CA `alder`, for `prefix`.
fn checklist(prefix: &str, files: &[(Option<&str>, ObjectHash)]) -> Vec<u8> {
    // With seed 0, the keys of the CAs are the first of the pool: north, alder, ...
    let (alder, ee) = (KeyPool::shared().key(1).unwrap(), KeyPool::shared().key(500).unwrap());
    let now = clock::now();
    let until = now.plus(Duration::from_secs(86_400));
    let certificate = "rsync://registry.lab.example/repo/north/alder.cer".parse().unwrap();
    let crl = "rsync://hosted.lab.example/repo/alder/alder.crl".parse().unwrap();
    let fields = ObjectFields {
        issuer: Issuer { key: &alder, certificate: &certificate, crl: &crl },
        key: &ee,
        serial: 4_000,
        validity: TimeWindow::new(now, until),
        signing_time: now,
        uri: &crl,
    };
    let resources = ResourceSet::from_prefixes([prefix.parse().unwrap()]);
    fields.checklist(&resources, files).unwrap().encode().to_vec()
}

#[test]
fn a_signed_checklist_is_verified_with_its_files() {
    let filled = Filled::new(|_| {});
    let path = |name: &str| filled.tree.path().join(name).display().to_string();
    fs::write(path("offer.txt"), "we lease 192.0.2.0/26").unwrap();
    fs::write(path("other.txt"), "something else").unwrap();
    let hash = ObjectHash::of(b"we lease 192.0.2.0/26");
    let list = [(Some("offer.txt"), hash)];
    fs::write(path("good.sig"), checklist("192.0.2.0/26", &list)).unwrap();
    fs::write(path("greedy.sig"), checklist("192.0.2.0/24", &list)).unwrap();
    let verify = |words: &[&str]| -> (Option<i32>, Output) {
        let words: Vec<_> = std::iter::once("verify-rsc").chain(words.iter().copied()).collect();
        let output = filled.provost(&words).output().unwrap();
        (output.status.code(), output)
    };
    let (code, output) = verify(&[&path("good.sig"), "--file", &path("offer.txt")]);
    assert_eq!(code, Some(0), "{}", text(&output.stderr));
    let shown = text(&output.stdout);
    assert!(shown.starts_with("VALID") && shown.contains("is the file that was signed"), "{shown}");
    assert!(shown.contains("192.0.2.0/26") && shown.contains("north"), "{shown}");
    let (code, output) = verify(&["--json", &path("good.sig"), "--file", &path("other.txt")]);
    assert_eq!(code, Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["valid"], &report["verified"]), (&true.into(), &false.into()));
    assert_eq!(report["files"][0]["result"], "not-listed");
    let (code, output) = verify(&[&path("greedy.sig")]);
    assert_eq!(code, Some(1));
    assert!(text(&output.stdout).contains("cert.overclaim"));
    assert_eq!(verify(&[&path("missing.sig")]).0, Some(2));
    let nothing = tempfile::tempdir().unwrap();
    let output = provost_in(nothing.path(), &["verify-rsc", &path("good.sig")]).output().unwrap();
    assert_eq!(output.status.code(), Some(5), "{}", text(&output.stderr));
}
