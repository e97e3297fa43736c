//! The service as its users meet it: it answers, whatever happens to the worker.

mod support;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::Command;
use std::time::Duration;

use support::{Bench, Running, arguments_of, free_address, get, signal, wait_for};

/// Starts `provost serve` on a lab, and returns it when it has a world.
fn serve(bench: &Bench, address: std::net::SocketAddr) -> Running {
    let mut command = bench.provost(&["serve", "--refresh", "1s", "--http", &address.to_string()]);
    command.args(["--rtr", &free_address().to_string()]);
    let service = Running::start(command.args(bench.worker_flags()));
    wait_for("the first world", || get(address, "/ready").filter(|(status, _)| *status == 200));
    service
}

fn child(service: &Running, word: &str) -> Option<u32> {
    service.children().into_iter().find(|pid| arguments_of(*pid).contains(word))
}

fn state(address: std::net::SocketAddr, route: &str) -> Option<String> {
    let (status, body) = get(address, &format!("/api/v1/validity/{route}"))?;
    assert_eq!(status, 200, "{body}");
    let json: serde_json::Value = serde_json::from_str(&body).ok()?;
    json.pointer("/validated_route/validity/state")?.as_str().map(str::to_owned)
}

#[test]
fn a_change_in_the_repository_reaches_the_answers() {
    let mut bench = Bench::start();
    let address = free_address();
    let _service = serve(&bench, address);
    assert_eq!(state(address, "AS64511/203.0.113.128/26").as_deref(), Some("not-found"));

    let roa = provost::lab::Roa {
        name: "elm-new".into(),
        asn: provost::model::Asn(64511),
        prefixes: vec![provost::ca::RoaPrefix {
            prefix: "203.0.113.128/26".parse().unwrap(),
            max_length: None,
        }],
    };
    bench.lab.add_roa("elm", roa, provost::clock::now()).unwrap();
    wait_for("the new ROA", || {
        state(address, "AS64511/203.0.113.128/26").filter(|state| state == "valid")
    });
}

#[test]
fn a_killed_worker_leaves_a_server_that_answers_and_is_started_again() {
    let bench = Bench::start();
    let address = free_address();
    let service = serve(&bench, address);
    let server = child(&service, "serve --no-worker").expect("there is a server");
    for _ in 0..3 {
        let worker = wait_for("a worker", || child(&service, "sync --follow"));
        signal("KILL", worker);
        assert_eq!(state(address, "AS64496/192.0.2.0/25").as_deref(), Some("valid"));
        wait_for("another worker", || child(&service, "sync --follow").filter(|p| *p != worker));
    }
    assert_eq!(child(&service, "serve --no-worker"), Some(server), "the server was not touched");
}

#[test]
fn a_killed_server_answers_again_from_the_last_world_and_refuses_nobody() {
    let bench = Bench::start();
    let address = free_address();
    let service = serve(&bench, address);
    let server = child(&service, "serve --no-worker").expect("there is a server");
    signal("KILL", server);
    // The listening socket is the supervisor's: the connection waits for the next server.
    let answer = wait_for("an answer", || state(address, "AS64496/192.0.2.0/25"));
    assert_eq!(answer, "valid");
}

/// Asks as a router of version 1 does, and returns session, serial and how many prefixes it gets.
fn table(address: std::net::SocketAddr) -> Option<(u16, u32, usize)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    stream.write_all(&[1, 2, 0, 0, 0, 0, 0, 8]).ok()?;
    let mut prefixes = 0;
    loop {
        let mut header = [0; 8];
        stream.read_exact(&mut header).ok()?;
        let [_, kind, s0, s1, length @ ..] = header;
        let mut body = vec![0; usize::try_from(u32::from_be_bytes(length)).ok()? - 8];
        stream.read_exact(&mut body).ok()?;
        match kind {
            4 | 6 => prefixes += 1,
            7 => {
                let (serial, _) = body.split_first_chunk::<4>()?;
                return Some((u16::from_be_bytes([s0, s1]), u32::from_be_bytes(*serial), prefixes));
            }
            // No data yet.
            10 => return None,
            _ => {}
        }
    }
}

#[test]
fn a_killed_server_goes_on_with_the_session_of_its_routers() {
    let bench = Bench::start();
    let (address, routers) = (free_address(), free_address());
    let mut command = bench.provost(&["serve", "--http", &address.to_string()]);
    command.args(["--rtr", &routers.to_string()]);
    let service = Running::start(command.args(bench.worker_flags()));
    let before = wait_for("the first table", || table(routers));
    let vrps: std::collections::BTreeSet<_> =
        bench.lab.truth().vrps.into_iter().map(|(vrp, _)| vrp).collect();
    assert_eq!(before.2, vrps.len());
    let server = child(&service, "serve --no-worker").expect("there is a server");
    signal("KILL", server);
    wait_for("another server", || {
        child(&service, "serve --no-worker").filter(|pid| *pid != server)
    });
    assert_eq!(wait_for("the table again", || table(routers)), before);
    let (_, metrics) = get(address, "/metrics").expect("there are metrics");
    assert!(metrics.contains("provost_rtr_tables_total 1\n"), "{metrics}");
}

/// A SLURM file that takes out what lies inside a prefix.
fn without(prefix: &str) -> String {
    format!(
        r#"{{ "slurmVersion": 1, "validationOutputFilters": {{ "prefixFilters": [
        {{ "prefix": "{prefix}", "comment": "a test" }} ], "bgpsecFilters": [] }},
        "locallyAddedAssertions": {{ "prefixAssertions": [], "bgpsecAssertions": [] }} }}"#
    )
}

#[test]
fn k01_k04_k07_a_reload_with_an_error_changes_nothing() {
    const ROUTE: &str = "AS64496/192.0.2.0/25";
    let bench = Bench::start();
    bench.sync(&[]);
    let files = tempfile::tempdir().expect("a directory");
    let write = |name: &str, text: &str| {
        std::fs::write(files.path().join(name), text).expect("a file is written");
    };
    write("provost.toml", "no-rtr = true\n");
    let address = free_address();
    let mut command = bench.provost(&["serve", "--http", &address.to_string()]);
    command.arg(format!("--config={}", files.path().join("provost.toml").display()));
    let service = Running::start(command.args(bench.worker_flags()));
    wait_for("an answer", || state(address, ROUTE).filter(|state| state == "valid"));
    let worker = wait_for("the worker", || child(&service, "sync --follow"));

    // The server takes other settings behind the same listener, and the worker goes on.
    write("local.json", &without("192.0.2.0/24"));
    write("provost.toml", "no-rtr = true\nexceptions = ['local.json']\n");
    signal("HUP", service.0.id());
    wait_for("the exceptions", || state(address, ROUTE).filter(|state| state == "not-found"));
    assert_eq!(child(&service, "sync --follow"), Some(worker));
    let (_, answer) =
        get(address, "/v1/validity?prefix=192.0.2.0/25&asn=64496").expect("an answer");
    let answer: serde_json::Value = serde_json::from_str(&answer).expect("it is JSON");
    let local = &answer["local_exceptions"];
    assert_eq!(local["state_without"], "valid", "{answer}");
    assert_eq!(local["filtered"][0]["rule"]["comment"], "a test", "{answer}");

    // Both files are broken: both stay as they were, and the alarm is there.
    let server = child(&service, "serve --no-worker");
    write("local.json", "{");
    write("provost.toml", "no-such-key = 1\n");
    signal("HUP", service.0.id());
    wait_for("the alarm", || {
        let (_, metrics) = get(address, "/metrics")?;
        metrics.contains("provost_exceptions_good 0\n").then_some(())
    });
    let (_, status) = get(address, "/v1/status").expect("a status");
    let status: serde_json::Value = serde_json::from_str(&status).expect("it is JSON");
    let error = status["exceptions"]["error"].as_str().unwrap_or_default();
    assert!(error.contains("local.json:1: "), "{status}");
    assert_eq!(state(address, ROUTE).as_deref(), Some("not-found"));
    assert_eq!(child(&service, "serve --no-worker"), server);

    // A file that is good again is read without a signal.
    write("local.json", &without("203.0.113.0/24"));
    wait_for("the route again", || state(address, ROUTE).filter(|state| state == "valid"));
    let (_, metrics) = get(address, "/metrics").expect("there are metrics");
    assert!(metrics.contains("provost_exceptions_good 1\n"), "{metrics}");
}

#[test]
fn a_server_alone_answers_before_any_sync_and_shows_the_age_of_its_data() {
    let bench = Bench::start();
    bench.sync(&[]);
    let address = free_address();
    let mut command =
        bench.provost(&["serve", "--no-worker", "--no-rtr", "--http", &address.to_string()]);
    let _server = Running::start(&mut command);
    let (_, body) = wait_for("an answer", || get(address, "/ready"));
    let ready: serde_json::Value = serde_json::from_str(&body).expect("/ready is JSON");
    assert!(ready.pointer("/world/age_seconds").is_some_and(|age| age.is_u64()), "{body}");
    assert_eq!(state(address, "AS64496/192.0.2.0/25").as_deref(), Some("valid"));
}

#[test]
fn the_children_end_with_a_supervisor_that_was_killed() {
    let bench = Bench::start();
    let address = free_address();
    let service = serve(&bench, address);
    let children = service.children();
    assert_eq!(children.len(), 2, "worker and server");
    signal("KILL", service.0.id());
    wait_for("the children to end", || {
        children.iter().all(|pid| !arguments_of(*pid).contains("provost")).then_some(())
    });
}

#[test]
fn twenty_kills_in_the_middle_of_a_sync_leave_a_cache_that_the_next_one_completes() {
    let bench = Bench::start();
    let truth = bench.truth();
    for round in 0..20u64 {
        let mut command = bench.provost(&["sync", "--follow"]);
        let worker = Running::start(command.args(bench.worker_flags()));
        // Another moment each time, from before the cache is opened to after the first world.
        let started = std::time::Instant::now();
        while started.elapsed() < Duration::from_millis(round * 12) {
            std::thread::yield_now();
        }
        signal("KILL", worker.0.id());
    }
    bench.sync(&[]);
    assert_eq!(bench.exported(), truth);
}

#[test]
fn i23_the_sockets_of_the_service_manager_are_used() {
    let bench = Bench::start();
    bench.sync(&[]);
    let [http, routers] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [http_address, rtr_address] = [&http, &routers].map(|one| one.local_addr().unwrap());
    // As systemd does it: descriptors from 3 on, and three variables.
    let words = "exec 3<&0 4<&1 </dev/null >/dev/null; \
                 LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=http:rtr exec \"$@\"";
    let program = bench.provost(&["serve", "--http", "127.0.0.1:1", "--rtr", "127.0.0.1:1"]);
    let mut command = Command::new("sh");
    command.args(["-c", words, "sh"]).arg(program.get_program()).args(program.get_args());
    command.args(bench.worker_flags()).env("HOME", bench.data()).env_remove("PROVOST_CONFIG");
    command.stdin(OwnedFd::from(http)).stdout(OwnedFd::from(routers));
    let service = Running(command.spawn().unwrap());
    wait_for("the world", || get(http_address, "/ready").filter(|(status, _)| *status == 200));
    wait_for("a table", || table(rtr_address));
    // They outlive the server, as any listener does.
    let server = child(&service, "--no-worker").unwrap();
    signal("KILL", server);
    wait_for("another server", || child(&service, "--no-worker").filter(|pid| *pid != server));
    wait_for("a table again", || table(rtr_address));
}

/// The poison is a point at which the worker aborts, as a defect would make it.
#[test]
fn a_point_that_kills_the_worker_thrice_is_left_alone_and_everything_else_goes_on() {
    let bench = Bench::start();
    let address = free_address();
    let mut command = bench.provost(&["serve", "--refresh", "1s", "--http", &address.to_string()]);
    command
        .arg("--no-rtr")
        .args(bench.worker_flags())
        .env("PROVOST_TEST_ABORT_AT", "/elm-lease.mft");
    let _service = Running::start(&mut command);
    wait_for("the first world", || get(address, "/ready").filter(|(status, _)| *status == 200));
    let expected: BTreeSet<String> =
        bench.truth().into_iter().filter(|row| !row.starts_with("AS65537,")).collect();
    assert_eq!(bench.exported(), expected, "all but what elm-lease says");
    let (_, findings) = get(address, "/v1/findings").expect("the server answers");
    assert!(findings.contains("the worker died thrice"), "{findings}");
    // A person who runs one pass sees what happens: the record of crashes binds only the service.
    let suspects = std::fs::read_to_string(bench.data().join("state/suspects.json"));
    assert!(suspects.expect("crashes are noted").contains("elm-lease.mft"));
}

/// L02: each limit on the size of a file is a disk that is full in another phase of a sync.
#[test]
fn l02_a_disk_that_is_full_in_any_phase_costs_that_sync_and_nothing_else() {
    let bench = Bench::start();
    let truth = bench.truth();
    let mut failed = 0;
    for blocks in [0, 1, 4, 16, 40, 80, 160, 320, 640] {
        let program = bench.provost(&["sync"]);
        // The signal is ignored, so that writes fail as they do on a full disk.
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        let mut command = std::process::Command::new("sh");
        command.args(["-c", &script]).arg(program.get_program()).args(program.get_args());
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let output = command.args(bench.worker_flags()).output().expect("it runs");
        failed += usize::from(!output.status.success());
    }
    assert!(failed > 2, "the limits are too wide to be met");
    // No hand was laid on anything: the next sync with room finds all.
    bench.sync(&[]);
    assert_eq!(bench.exported(), truth);
}
