//! Each command, once, as a user runs it.

#![expect(clippy::expect_used, reason = "a test ends by a panic")]

mod support;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use support::{
    Bench, PATIENCE, Running, free_address, get, provost_in, rows, signal, stdout, tal_flags, text,
    wait_for,
};

fn run(command: &mut Command) -> Output {
    command.output().expect("the program runs")
}

fn exit(output: &Output) -> i32 {
    output.status.code().expect("it was not killed")
}

#[test]
fn sync_sums_up_and_a_second_run_finds_nothing_new() {
    let bench = Bench::start();
    let summary = text(&bench.sync(&[]).stdout);
    assert!(summary.starts_with("LAB DATA: nothing here is real. Published world 1"), "{summary}");
    for word in ["Trust anchor", "north", "valid", "Repository", "rrdp", "current"] {
        assert!(summary.contains(word), "{word} is missing: {summary}");
    }
    assert_eq!(bench.exported(), bench.truth());
    let json = text(&bench.sync(&["--json"]).stdout);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["lab"], true);
    assert_eq!(json["trust_anchors"].as_array().unwrap().len(), 3);
    assert_eq!(json["findings"], serde_json::json!({}));
}

#[test]
fn sync_fails_when_a_trust_anchor_cannot_be_validated() {
    let bench = Bench::start();
    let mut command = bench.provost(&["sync", "--no-rir-tals", "--lab", "--allow-local-addresses"]);
    for tal in bench.lab.tals() {
        command.arg("--tal").arg(tal);
    }
    // Without the lab's TLS root only rsync works; without rsync nothing does.
    let output = run(command.arg("--no-rsync"));
    assert_eq!(exit(&output), 1);
    assert!(text(&output.stdout).contains("missing"), "{}", text(&output.stdout));
    // What has no data is neither exported as empty nor answered as unknown.
    let export = run(&mut bench.provost(&["export"]));
    assert_eq!(exit(&export), 5);
    let check = run(&mut bench.provost(&["check", "192.0.2.0/25", "AS64496"]));
    assert_eq!((exit(&check), text(&check.stdout).as_str()), (5, ""));
}

#[test]
fn d13_l07_a_data_directory_is_for_one_writer_and_one_purpose() {
    let bench = Bench::start();
    let mut follow = bench.provost(&["sync", "--follow"]);
    let writer = Running::start(follow.args(bench.worker_flags()));
    let current = bench.data().join("world/CURRENT");
    wait_for("the first writer", || current.exists().then_some(()));
    let second = run(bench.provost(&["sync"]).args(bench.worker_flags()));
    assert_eq!(exit(&second), 1);
    assert!(text(&second.stderr).contains("another provost process"), "{second:?}");
    drop(writer);
    let other = run(&mut bench.provost(&["sync", "--no-rrdp"]));
    assert_eq!(exit(&other), 1);
    assert!(text(&other.stderr).contains("for a lab"), "{other:?}");
}

#[test]
fn validate_judges_the_cache_and_with_at_changes_nothing() {
    let bench = Bench::start();
    bench.sync(&[]);
    let world = || std::fs::read(bench.data().join("world/CURRENT")).unwrap();
    let before = world();
    let output = run(&mut bench.provost(&["validate", "--at", "2100-01-01T00:00:00Z"]));
    assert_eq!(exit(&output), 1, "no trust anchor is valid then");
    assert!(text(&output.stdout).contains("Nothing was published, judged at 2100-01-01"));
    assert_eq!(before, world(), "--at publishes nothing");
    stdout(&mut bench.provost(&["validate", "--full"]));
    assert_ne!(before, world());
    assert_eq!(bench.exported(), bench.truth());
    // The cache answers for another time, too: in four days the manifests have run out.
    let at = provost::clock::now().plus(std::time::Duration::from_secs(4 * 86_400)).to_string();
    let check = run(&mut bench.provost(&["check", "192.0.2.0/25", "AS64496", "--at", &at]));
    let text = text(&check.stdout);
    assert!(text.contains("UNKNOWN  192.0.2.0/25") && text.contains("INCOMPLETE"), "{text}");
}

#[test]
fn check_answers_in_words_in_json_and_by_exit_code() {
    let bench = Bench::start();
    bench.sync(&[]);
    let check = |words: &[&str]| run(bench.provost(&["check"]).args(words));
    let valid = check(&["192.0.2.0/25", "AS64496"]);
    let said = text(&valid.stdout);
    assert!(said.starts_with("VALID  192.0.2.0/25 AS64496  [LAB, not the real RPKI]"), "{said}");
    assert!(said.contains("alder-v4.roa") && said.contains("north"), "{said}");
    assert_eq!(exit(&valid), 0);
    assert_eq!(exit(&check(&["192.0.2.0/25", "64511"])), 3);
    let unknown = ["203.0.113.128/26", "AS65536"];
    assert_eq!(exit(&check(&unknown)), 0);
    assert_eq!(exit(&check(&[&unknown[..], &["--require-valid"]].concat())), 4);
    let old = bench.data().join("old.json");
    let json = r#"{"metadata":{"generated":1},"roas":[{"asn":1,"prefix":"192.0.2.0/24"}]}"#;
    std::fs::write(&old, json).unwrap();
    let vrps = format!("--vrps={}", old.display());
    assert_eq!(exit(&check(&["192.0.2.0/24", "AS1", &vrps])), 0);
    assert_eq!(exit(&check(&["192.0.2.0/24", "AS1", &vrps, "--max-age", "1h"])), 5);
    assert_eq!(exit(&check(&["192.0.2.1/25", "AS64496"])), 2);
    assert_eq!(exit(&check(&["192.0.2.0/25", "AS64496", "--no-such-flag"])), 2);
    let json = text(&check(&["203.0.113.192/26", "AS65536", "--json"]).stdout);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["state"], &json["reason"]), (&"invalid".into(), &"as0".into()));
    assert_eq!(json["purpose"], "lab");
    assert!(text(&check(&["192.0.2.0/25"]).stdout).contains("May be announced by AS64496"));
}

#[test]
fn check_reads_a_table_from_a_file_and_from_standard_input() {
    let bench = Bench::start();
    bench.sync(&[]);
    let table = "192.0.2.0/25 AS64496\n192.0.2.0/27,64496\n; comment\n203.0.113.128/26\t65536\n";
    let path = bench.data().join("table.txt");
    std::fs::write(&path, table).unwrap();
    let from_file = run(bench.provost(&["check", "--json"]).arg("-i").arg(&path));
    assert_eq!(exit(&from_file), 3);
    let mut child = bench
        .provost(&["check", "--json", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(table.as_bytes()).unwrap();
    let from_stdin = child.wait_with_output().unwrap();
    assert_eq!(text(&from_file.stdout), text(&from_stdin.stdout));
    let last = text(&from_file.stdout).lines().last().unwrap().to_owned();
    let summary: serde_json::Value = serde_json::from_str(&last).unwrap();
    let counts = ["valid", "invalid", "unknown"].map(|n| summary["summary"][n].as_u64().unwrap());
    assert_eq!(counts, [1, 1, 1]);
}

#[test]
fn check_answers_from_a_vrp_file_without_any_cache() {
    let bench = Bench::start();
    bench.sync(&[]);
    let elsewhere = tempfile::tempdir().unwrap();
    for format in ["csv", "json", "rpki-client-json"] {
        let path = elsewhere.path().join(format);
        stdout(bench.provost(&["export", "-f", format]).arg("-o").arg(&path));
        let mut check = provost_in(elsewhere.path(), &["check", "192.0.2.0/25", "AS64511"]);
        let output = run(check.arg("--vrps").arg(&path));
        assert_eq!(exit(&output), 3, "{format}");
        assert!(text(&output.stdout).starts_with("INVALID"), "{format}");
    }
}

#[test]
fn export_replaces_a_file_as_a_whole_and_selects() {
    let bench = Bench::start();
    bench.sync(&[]);
    let path = bench.data().join("vrps.csv");
    std::fs::write(&path, "old").unwrap();
    stdout(bench.provost(&["export"]).arg("-o").arg(&path));
    assert_eq!(rows(&std::fs::read_to_string(&path).unwrap()), bench.truth());
    let selected = stdout(&mut bench.provost(&["export", "-a", "AS64504", "--family", "6"]));
    assert_eq!(rows(&selected), ["AS64504,2001:db8:9000::/36,40,east".to_owned()].into());
    let nowhere = tempfile::tempdir().unwrap();
    let output = run(&mut provost_in(nowhere.path(), &["export"]));
    assert_eq!(exit(&output), 5);
    assert!(text(&output.stderr).contains("hint: run `provost sync` first"));
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let bench = Bench::start();
    bench.sync(&[]);
    let mut child =
        bench.provost(&["export"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((exit(&output), text(&output.stderr).as_str()), (0, ""));
}

#[test]
fn a_tree_judged_at_a_time_is_an_archive_of_its_own() {
    let lab = tempfile::tempdir().unwrap();
    let made = provost::model::Timestamp(1_750_000_000);
    let plan = provost::lab::small_internet();
    provost::lab::generate(lab.path(), plan.clone(), 7, made).unwrap();
    let data = tempfile::tempdir().unwrap();
    let sync = |data: &Path, at: &str| {
        let mut command = provost_in(data, &["sync", "--no-rir-tals", "--at", at]);
        for anchor in ["north", "east", "south"] {
            command.arg("--tal").arg(lab.path().join(format!("tals/{anchor}.tal")));
        }
        run(command.arg("--from").arg(lab.path()))
    };
    let output = sync(data.path(), &made.to_string());
    assert_eq!(exit(&output), 0, "{}", text(&output.stderr));
    let check = provost_in(data.path(), &["check", "192.0.2.0/25", "AS64496"]);
    let said = text(&run(&mut { check }).stdout);
    assert!(said.starts_with("VALID") && said.contains(&made.to_string()), "{said}");
    let other = sync(data.path(), "2026-01-01T00:00:00Z");
    assert_eq!(exit(&other), 1, "an archive is for one time");
    assert!(text(&other.stderr).contains("hint: name another directory"), "{other:?}");

    // What is in the files is judged again as it was, though the CAs name RRDP, too.
    let truth = rows(&plan.truth().to_csv());
    for words in [&["validate"][..], &["validate", "--full"]] {
        let said = stdout(&mut provost_in(data.path(), words));
        assert!(!said.contains("pending"), "{said}");
        assert_eq!(rows(&stdout(&mut provost_in(data.path(), &["export"]))), truth);
    }
    let later = made.plus(Duration::from_secs(86_400)).to_string();
    let words = ["check", "2001:db8:1::/48", "AS64496", "--at", &later];
    let said = stdout(&mut provost_in(data.path(), &words));
    assert!(said.starts_with("VALID"), "{said}");
}

#[test]
fn what_expires_leaves_the_answers_on_the_second_with_no_worker() {
    let lab = tempfile::tempdir().unwrap();
    // Manifests and CRLs run out after three days; these do in a moment.
    let days = Duration::from_secs(3 * 86_400);
    let left = 20;
    let end = provost::clock::now().plus(Duration::from_secs(left));
    let made = provost::model::Timestamp(end.0 - i64::try_from(days.as_secs()).unwrap());
    provost::lab::generate(lab.path(), provost::lab::small_internet(), 7, made).unwrap();
    let data = tempfile::tempdir().unwrap();
    let mut sync = provost_in(data.path(), &["sync", "--lab", "--from"]);
    stdout(sync.arg(lab.path()).args(tal_flags(&lab.path().join("tals"))));
    let address = free_address();
    let listen = address.to_string();
    let words = ["serve", "--no-worker", "--no-rtr", "--http", &listen];
    let mut server = provost_in(data.path(), &words);
    let _server = Running::start(&mut server);
    let vrps = || get(address, "/csv").filter(|(status, _)| *status == 200).map(|(_, csv)| csv);
    let before = wait_for("the server", vrps);
    assert_eq!(rows(&before).len(), 13, "the machine needed less than {left} s for this");
    let empty = || vrps().filter(|csv| rows(csv).is_empty());
    wait_for("the end", empty);
    let late = provost::clock::now().since(end);
    assert!(provost::clock::now() > end, "the last second counts");
    assert!(late <= Duration::from_secs(3), "{late:?} after the end");
    assert!(stdout(&mut provost_in(data.path(), &["export"])).lines().count() == 1);
    let check = provost_in(data.path(), &["check", "192.0.2.0/25", "AS64496"]);
    let said = stdout(&mut { check });
    assert!(said.starts_with("UNKNOWN"), "{said}");
}

#[test]
fn lab_tour_shows_every_state_and_ends_well() {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_provost"));
    let said = stdout(command.args(["lab", "tour"]).env("HOME", home.path()));
    for word in ["valid", "invalid", "unknown", "exactly as the lab's plan"] {
        assert!(said.contains(word), "{word} is missing: {said}");
    }
    assert!(said.lines().filter(|line| line.contains(" AS64")).count() >= 12, "a dozen routes");
}

#[test]
fn lab_generate_is_deterministic_and_spares_what_is_there() {
    let home = tempfile::tempdir().unwrap();
    let generate = |name: &str| {
        let mut command = provost_in(home.path(), &["lab", "generate", "--seed", "3"]);
        command.args(["--at", "2026-11-24T00:00:00Z"]).arg(home.path().join(name));
        run(&mut command)
    };
    assert_eq!(exit(&generate("a")), 0);
    assert_eq!(exit(&generate("b")), 0);
    let diff = Command::new("diff").arg("-r").args(["a", "b"]).current_dir(home.path()).output();
    assert!(diff.unwrap().status.success(), "the same seed and time give the same bytes");
    assert_eq!(exit(&generate("a")), 2);
}

#[test]
fn a_lab_of_scale_validates_to_its_truth_and_so_does_its_next_state() {
    let (lab, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let made = provost::model::Timestamp(1_795_502_270);
    provost::lab::generate_scale(lab.path(), provost::lab::Scale::Tiny, 7, made).unwrap();
    let mut truths = Vec::new();
    for (data, minutes) in [("before", 0), ("after", 10)] {
        let at = provost::model::Timestamp(made.0 + 60 * minutes).to_string();
        if minutes > 0 {
            let mut churn = provost_in(home.path(), &["lab", "generate", "--churn", "50"]);
            stdout(churn.args(["--at", &at]).arg(lab.path()));
        }
        let data = home.path().join(data);
        let mut sync = provost_in(&data, &["sync", "--at", &at, "--no-rir-tals", "--from"]);
        sync.arg(lab.path());
        for entry in std::fs::read_dir(lab.path().join("tals")).unwrap() {
            sync.arg("--tal").arg(entry.unwrap().path());
        }
        stdout(&mut sync);
        let mut export = provost_in(&data, &["export", "--format", "csv"]);
        let found = stdout(&mut export);
        let truth = std::fs::read_to_string(lab.path().join("truth.csv")).unwrap();
        assert_eq!(rows(&found), rows(&truth));
        truths.push(truth);
    }
    assert_ne!(truths.first(), truths.last());
    let mut again = provost_in(home.path(), &["lab", "generate", "--churn", "50", "--seed", "2"]);
    assert_eq!(exit(&run(again.arg(lab.path()))), 2, "the seed of a lab is what it is");
}

#[test]
fn lab_stays_up_and_everything_that_it_prints_works() {
    let home = tempfile::tempdir().unwrap();
    let output = home.path().join("output");
    let child = Command::new(env!("CARGO_BIN_EXE_provost"))
        .args(["lab", "--http", "127.0.0.1:0", "--rtr", "127.0.0.1:0"])
        .env("HOME", home.path())
        .env("TMPDIR", home.path())
        .stdout(std::fs::File::create(&output).unwrap())
        .spawn()
        .unwrap();
    let lab = Running(child);
    let said = wait_for("the commands to try", || {
        let said = std::fs::read_to_string(&output).unwrap();
        said.contains("notification.xml\n").then_some(said).filter(|s| s.contains("/metrics"))
    });
    let (_, commands) = said.split_once("Try, in another terminal:").unwrap();
    let commands: Vec<&str> = commands.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    assert!(commands.len() >= 10, "{commands:?}");
    let has_curl = Command::new("curl").arg("--version").output().is_ok();
    for command in commands {
        if command.starts_with("curl") && !has_curl {
            continue;
        }
        // The service's first world is there already: the tour published it.
        let command = command.replacen("curl ", "curl --fail --silent --show-error ", 1);
        let output = run(Command::new("sh").args(["-c", &command]));
        // 3: an invalid route was found, which is what one of them shows.
        let done = output.status.success() || exit(&output) == 3;
        assert!(done && !output.stdout.is_empty(), "{command}: {}", text(&output.stderr));
    }
    let children = lab.children();
    signal("INT", lab.0.id());
    let mut lab = lab;
    let started = std::time::Instant::now();
    while lab.0.try_wait().unwrap().is_none() {
        assert!(started.elapsed() < PATIENCE, "it does not end");
        std::thread::yield_now();
    }
    for pid in children {
        assert!(!Path::new(&format!("/proc/{pid}")).exists(), "a child is left");
    }
    let left = std::fs::read_dir(home.path()).unwrap().flatten();
    let left: Vec<_> = left.filter(|e| e.path() != output).map(|e| e.file_name()).collect();
    assert!(left.is_empty(), "files are left: {left:?}");
}

#[test]
fn the_lab_refuses_the_directory_of_the_real_rpki() {
    let data = tempfile::tempdir().unwrap();
    // No trust anchor is found in an empty tree, but the directory is marked, without any network.
    let empty = tempfile::tempdir().unwrap();
    let marked = run(provost_in(data.path(), &["sync", "--from"]).arg(empty.path()));
    assert_eq!(exit(&marked), 1);
    let output = run(&mut provost_in(data.path(), &["lab", "tour"]));
    assert_eq!(exit(&output), 1);
    assert!(text(&output.stderr).contains("for the live RPKI"), "{}", text(&output.stderr));
}

#[test]
fn help_completions_and_manual_pages_come_from_one_definition() {
    let home = tempfile::tempdir().unwrap();
    let provost = |words: &[&str]| run(&mut provost_in(home.path(), words));
    assert!(text(&provost(&["--version"]).stdout).starts_with("provost "));
    for shell in ["bash", "zsh", "fish"] {
        assert!(text(&provost(&["completions", shell]).stdout).contains("provost"), "{shell}");
    }
    let man = home.path().join("man");
    assert_eq!(exit(&provost(&["man", man.to_str().unwrap()])), 0);
    assert!(man.join("provost-check.1").exists());
    assert_eq!(exit(&provost(&["no-such-command"])), 2);
    assert_eq!(exit(&provost(&["check", "--help"])), 0);
}

#[test]
fn k07_a_configuration_with_an_unknown_key_is_refused_by_line() {
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("provost.toml");
    std::fs::write(&config, "no-rrdp = true\nno-rsnyc = true\n").unwrap();
    let flag = format!("--config={}", config.display());
    let output = run(&mut provost_in(home.path(), &["export", &flag]));
    assert_eq!(exit(&output), 2);
    assert!(text(&output.stderr).contains("provost.toml:2: unknown field"), "{output:?}");
}

#[test]
fn local_exceptions_are_checked_and_then_applied_by_every_command() {
    let bench = Bench::start();
    bench.sync(&[]);
    let files = tempfile::tempdir().unwrap();
    let slurm = files.path().join("local.json");
    std::fs::write(
        &slurm,
        r#"{ "slurmVersion": 1, "validationOutputFilters": { "prefixFilters": [
        { "prefix": "192.0.2.0/24", "comment": "a test" } ], "bgpsecFilters": [] },
        "locallyAddedAssertions": { "prefixAssertions": [
        { "asn": 64500, "prefix": "192.0.2.0/24" } ], "bgpsecAssertions": [] } }"#,
    )
    .unwrap();
    let slurm = slurm.to_str().unwrap();
    let effect = stdout(&mut bench.provost(&["slurm", "check", slurm]));
    assert!(effect.contains("+ 192.0.2.0/24 up to /24 AS64500\n"), "{effect}");

    let exported = stdout(&mut bench.provost(&["export", "-x", slurm]));
    assert!(exported.contains("AS64500,192.0.2.0/24,24,N/A\n"), "{exported}");
    assert!(!exported.contains("192.0.2.0/25"), "{exported}");
    let route = ["192.0.2.0/24", "AS64500"];
    let check = run(bench.provost(&["check", "--exceptions", slurm]).args(route));
    assert_eq!(exit(&check), 0);
    let said = text(&check.stdout);
    assert!(said.contains("A local exception permits AS64500"), "{said}");
    assert!(said.contains("local.json:"), "{said}");

    // The same by the configuration, which says so.
    let config = files.path().join("provost.toml");
    std::fs::write(&config, "exceptions = ['local.json']\n").unwrap();
    let flag = format!("--config={}", config.display());
    let shown = stdout(&mut bench.provost(&["config", "show", &flag]));
    assert!(shown.contains(&format!("# {}:1", config.display())), "{shown}");
    assert!(shown.contains("# --data-dir"), "{shown}");
    let explained = stdout(bench.provost(&["explain", &flag]).args(route));
    assert!(explained.contains("Without local exceptions it is"), "{explained}");

    // A broken file gives no answer at all.
    std::fs::write(slurm, "{").unwrap();
    for words in [&["export"][..], &["check", "192.0.2.0/24", "AS64500"]] {
        let output = run(bench.provost(words).arg(&flag));
        assert_eq!((exit(&output), text(&output.stdout).as_str()), (2, ""));
        assert!(text(&output.stderr).contains("local.json:1: "), "{output:?}");
    }
}

#[test]
fn the_log_is_json_on_request_and_never_on_standard_output() {
    let bench = Bench::start();
    let log = text(&bench.sync(&["-v", "--log-format", "json"]).stderr);
    let lines: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
    assert!(!lines.is_empty());
    for line in lines {
        assert!(line["timestamp"].is_string() && line["level"].is_string(), "{line}");
        assert!(line["fields"]["message"].is_string(), "{line}");
    }
}
