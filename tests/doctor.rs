//! `provost doctor` and `provost repositories` on caches that are sound, damaged or out of reach.

#![expect(clippy::expect_used, reason = "a test ends by a panic")]

mod support;

use std::fs;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::process::{Command, Output};

use serde_json::Value;
use support::{Bench, Running, is_installed, provost_in, text, wait_for};

fn exit(output: &Output) -> i32 {
    output.status.code().expect("an exit code")
}

fn doctor(bench: &Bench) -> (i32, Value) {
    let output = bench.provost(&["doctor", "--json"]).output().expect("it runs");
    let json = serde_json::from_slice(&output.stdout);
    (exit(&output), json.unwrap_or_else(|_| panic!("no JSON: {}", text(&output.stderr))))
}

/// Returns what the doctor says about a thing that is not as it should be.
fn problems(json: &Value) -> Vec<String> {
    let checks = json.get("checks").and_then(Value::as_array).expect("a list of checks").iter();
    let word = |check: &Value, name: &str| {
        check.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let bad = checks.filter(|check| word(check, "level") == "problem");
    bad.map(|check| {
        assert!(!word(check, "todo").is_empty(), "says what to do: {check}");
        format!("{}: {}", word(check, "check"), word(check, "says"))
    })
    .collect()
}

#[test]
fn a_sound_cache_is_sound_also_beside_its_writer_and_nothing_is_changed() {
    let bench = Bench::start();
    let output = bench.provost(&["doctor"]).output().unwrap();
    assert_eq!(exit(&output), 5, "{}", text(&output.stdout));
    bench.sync(&[]);
    let bytes = || fs::read(bench.data().join("cache.sqlite")).unwrap();
    let before = bytes();
    let (code, json) = doctor(&bench);
    assert_eq!((code, problems(&json)), (0, vec![]), "{json}");
    assert_eq!(json["healthy"], true);
    assert!(bytes() == before, "the doctor changes nothing");

    let mut worker = bench.provost(&["sync", "--follow"]);
    let _worker = Running::start(worker.args(bench.worker_flags()));
    wait_for("the writer to be named", || {
        let (_, json) = doctor(&bench);
        json.to_string().contains(") writes the cache").then_some(())
    });
}

#[test]
fn l04_the_doctor_finds_a_flipped_bit_in_an_object_and_its_advice_heals_it() {
    let bench = Bench::start();
    bench.sync(&[]);
    // A small object is in one piece somewhere in the file.
    let path = bench.data().join("cache.sqlite");
    let cache = fs::read(&path).unwrap();
    let objects = bench.lab.authority().objects(1);
    let (_, roa) = objects.iter().find(|(uri, _)| uri.as_str().ends_with(".roa")).expect("a ROA");
    let part = roa.get(400..600).expect("a ROA has more bytes");
    let at = cache.windows(part.len()).position(|window| window == part).expect("it is there");
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(&[cache[at] ^ 1], at as u64).unwrap();
    let (code, json) = doctor(&bench);
    assert_eq!(code, 1);
    assert!(problems(&json).join("\n").contains("do not fit their hash"), "{json}");
    // As it says.
    bench.provost(&["validate", "--full"]).output().unwrap();
    bench.sync(&[]);
    let (code, json) = doctor(&bench);
    assert_eq!((code, problems(&json)), (0, vec![]), "{json}");
    assert_eq!(bench.exported(), bench.truth());
    let full = bench.provost(&["doctor", "--full"]).output().unwrap();
    let text = String::from_utf8_lossy(&full.stdout);
    assert!(full.status.success(), "{text}");
    assert!(text.contains("publication points come out the same"), "{text}");
}

#[test]
fn l05_the_doctor_tells_a_truncated_cache_from_a_newer_one_and_from_none() {
    let bench = Bench::start();
    bench.sync(&[]);
    let path = bench.data().join("cache.sqlite");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let (code, json) = doctor(&bench);
    assert_eq!(code, 1);
    assert!(problems(&json).join("\n").contains("damaged"), "{json}");
    bench.sync(&[]);

    // The version is at a fixed place of every SQLite file.
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(&99u32.to_be_bytes(), 60).unwrap();
    let (code, json) = doctor(&bench);
    assert_eq!(code, 1);
    assert!(problems(&json).join("\n").contains("newer version"), "{json}");

    fs::remove_file(&path).unwrap();
    let (code, json) = doctor(&bench);
    assert_eq!((code, problems(&json)), (0, vec![]), "the world is still there: {json}");
}

#[test]
fn a_damaged_world_is_a_problem_with_a_remedy() {
    let bench = Bench::start();
    bench.sync(&[]);
    for entry in fs::read_dir(bench.data().join("world")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "world") {
            let mut bytes = fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(&path, bytes).unwrap();
        }
    }
    let (code, json) = doctor(&bench);
    assert_eq!(code, 1);
    assert!(problems(&json).join("\n").contains("world"), "{json}");
    bench.provost(&["validate"]).args(bench.tal_flags()).output().unwrap();
    assert_eq!(doctor(&bench).0, 0);
}

/// D14, and: what cannot be read is not absent.
#[test]
fn d14_l03_the_doctor_tells_what_is_exposed_or_out_of_reach_from_what_is_not_there() {
    let bench = Bench::start();
    bench.sync(&[]);
    let mode = |mode| {
        fs::set_permissions(bench.data(), fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(0o777);
    let (code, json) = doctor(&bench);
    assert_eq!(code, 1);
    assert!(problems(&json).join("\n").contains("everybody may write"), "{json}");
    if !is_installed("setpriv") {
        return;
    }
    // Root reads everything, so somebody else has to look.
    let as_nobody = |words: &[&str]| {
        let program = provost_in(bench.data(), words);
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        command.arg(program.get_program()).args(program.get_args()).output().expect("it runs")
    };
    mode(0o755);
    let output = as_nobody(&["doctor"]);
    let said = text(&output.stdout);
    assert_eq!(exit(&output), 1, "{said}{}", text(&output.stderr));
    assert!(said.contains("cannot be written to") && said.contains("it belongs to user"), "{said}");
    assert!(said.contains("schema and structure are right"), "read-only is enough: {said}");
    mode(0o700);
    for words in [&["doctor"][..], &["repositories"], &["check", "192.0.2.0/25", "AS64496"]] {
        let output = as_nobody(words);
        let said = text(&output.stderr) + &text(&output.stdout);
        assert_eq!(exit(&output), 1, "{words:?}: {said}");
        assert!(said.to_lowercase().contains("permission denied"), "{words:?}: {said}");
    }
    mode(0o755);
}

#[test]
fn d13_whom_to_trust_must_not_be_where_fetching_writes() {
    let bench = Bench::start();
    let inside = bench.data().join("my.tal");
    fs::copy(&bench.lab.tals()[0], &inside).unwrap();
    let output = bench.provost(&["sync", "--no-rir-tals", "--tal"]).arg(&inside).output().unwrap();
    assert_eq!(exit(&output), 2);
    assert!(text(&output.stderr).contains("inside the data directory"), "{output:?}");
}

#[test]
fn repositories_are_listed_with_state_age_and_error_those_in_trouble_first() {
    let mut bench = Bench::start();
    let none = bench.provost(&["repositories"]).output().unwrap();
    assert_eq!(exit(&none), 5);
    bench.sync(&[]);
    let dies = provost::lab::Attack::named("hash-lie").expect("an attack of the lab");
    bench.lab.attack(dies, provost::clock::now()).unwrap();
    bench.provost(&["sync"]).args(bench.worker_flags()).output().unwrap();

    let hostile = bench.lab.hostile_repositories()[0].to_string();
    let shown = text(&bench.provost(&["repositories"]).output().unwrap().stdout);
    let rows: Vec<&str> = shown.lines().collect();
    assert!(rows[1].starts_with("failing") && rows[1].ends_with(&hostile), "{shown}");
    assert!(shown.contains("does not fit the hash"), "{shown}");
    let json = bench.provost(&["repositories", "--json", "--failing"]).output().unwrap();
    let json: Value = serde_json::from_slice(&json.stdout).expect("JSON");
    let failing = json["repositories"].as_array().unwrap();
    assert_eq!(failing.len(), 1, "{json}");
    let found = &failing[0];
    assert_eq!((&found["uri"], &found["state"]), (&hostile.into(), &"failing".into()));
    for member in ["last_success", "session", "serial", "transport", "bytes", "attempt_seconds"] {
        assert!(!found[member].is_null(), "{member}: {found}");
    }
    assert!(found["next_attempt"].is_string() && found["error"].is_string());
}
