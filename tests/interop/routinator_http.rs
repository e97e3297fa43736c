//! The HTTP API beside that of Routinator 0.16.0-rc1: both on one lab, asked the same questions.
//!
//! docs/http.md lists the differences that are on purpose; everything else must be equal.

use std::net::SocketAddr;

use provost::lab::tour;
use provost::model::Origin;
use serde_json::Value;

use crate::routinator;
use crate::support::{Answer, Bench, Running, free_address, get, is_installed, request, wait_for};

/// Both programs, serving the same lab.
struct Pair {
    _lab: Bench,
    _directory: tempfile::TempDir,
    _servers: [Running; 2],
    routinator: SocketAddr,
    provost: SocketAddr,
}

impl Pair {
    /// Starts both and waits for their data; `None` without Routinator.
    fn start() -> Option<Pair> {
        if !is_installed("routinator") {
            return None;
        }
        let bench = Bench::start();
        bench.sync(&[]);
        let (routinator, provost) = (free_address(), free_address());
        let directory = tempfile::tempdir().unwrap();
        let mut command = routinator::command(&bench.lab, directory.path());
        command.args(["server", "--http", &routinator.to_string()]);
        let theirs = Running::start(&mut command);
        let listen = provost.to_string();
        let words = ["serve", "--no-worker", "--no-rtr", "--http", &listen];
        let ours = Running::start(&mut bench.provost(&words));
        for address in [routinator, provost] {
            wait_for("data", || get(address, "/json").filter(|(status, _)| *status == 200));
        }
        let servers = [theirs, ours];
        Some(Pair { _lab: bench, _directory: directory, _servers: servers, routinator, provost })
    }

    fn ask(&self, method: &str, path: &str) -> [Answer; 2] {
        [self.routinator, self.provost]
            .map(|address| request(address, method, path).expect("an answer"))
    }

    /// Expects the same status, content type and body.
    fn assert_equal(&self, method: &str, path: &str) {
        let [theirs, ours] = self.ask(method, path);
        assert_eq!(ours.status, theirs.status, "status of {method} {path}");
        assert_eq!(ours.content_type, theirs.content_type, "content type of {method} {path}");
        assert_eq!(without_times(&ours), without_times(&theirs), "body of {method} {path}");
    }
}

/// Returns the body without what names the moment at which each program validated.
fn without_times(answer: &Answer) -> String {
    let named = ["\"generatedTime\"", "\"generated\"", "\"buildtime\"", "Summary at"];
    let dated = ["created:", "last-modified:"];
    let lines = answer.body.lines().filter(|line| {
        let line = line.trim_start();
        !named.iter().chain(&dated).any(|name| line.starts_with(name))
    });
    // Routinator leaves blanks behind some ASNs of `slurm2`.
    lines.map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_route_of_the_tour_gets_the_same_answer_from_both_endpoints() {
    let Some(pair) = Pair::start() else { return };
    for stop in tour() {
        let Origin::As(asn) = stop.route.origin else { panic!("the tour has origins") };
        let prefix = stop.route.prefix;
        pair.assert_equal("GET", &format!("/api/v1/validity/{asn}/{prefix}"));
        pair.assert_equal("GET", &format!("/validity?asn={asn}&prefix={prefix}"));
    }
}

#[test]
fn every_way_to_write_a_question_is_read_the_same() {
    let Some(pair) = Pair::start() else { return };
    for path in [
        "/api/v1/validity/64496/192.0.2.0/25",
        "/api/v1/validity/as64496/192.0.2.0/25",
        "/api/v1/validity/AS64496/192.0.2.1/25",
        "/api/v1/validity/AS64496/192.0.2.0/025",
        "/validity?prefix=192.0.2.0/25&asn=64496",
        "/validity?asn=64496&prefix=192.0.2.0%2F25",
        "/validity?asn=1&asn=64496&prefix=192.0.2.0/25",
        "/validity?asn=64496&prefix=::ffff:192.0.2.0/121",
    ] {
        pair.assert_equal("GET", path);
    }
}

#[test]
fn every_error_has_the_same_status_and_text() {
    let Some(pair) = Pair::start() else { return };
    for path in [
        "/api/v1/validity",
        "/api/v1/validity/",
        "/api/v1/validity/AS64496",
        "/api/v1/validity/AS64496/",
        "/api/v1/validity/AS64496/192.0.2.0",
        "/api/v1/validity/AS64496/192.0.2.0/25/",
        "/api/v1/validity/AS64496/192.0.2.0/25/1",
        "/api/v1/validity/AS64496/192.0.2.0/33",
        "/api/v1/validity/AS4294967296/192.0.2.0/25",
        "/api/v1/validity/AS1.1/192.0.2.0/25",
        "/validity",
        "/validity?",
        "/validity?asn=64496",
        "/validity?prefix=192.0.2.0/25",
        "/validity?asn&prefix=192.0.2.0/25",
        "/validity?asn=+64496&prefix=192.0.2.0/25",
        "/validity?asn=64496&prefix=192/8",
        "/validity?asn=64496&prefix=192.0.2.0/25&more=1",
        "/json?more=1",
        "/csv?select-asn=x",
        "/csv?select-prefix=192.0.2.1/24",
        "/nothing",
        "/api/nothing",
        "/api/v1/origins",
    ] {
        pair.assert_equal("GET", path);
    }
    for path in ["/json", "/validity", "/api/v1/validity/AS64496/192.0.2.0/25"] {
        pair.assert_equal("DELETE", path);
    }
}

#[test]
fn every_payload_format_is_the_same_whole_and_selected() {
    let Some(pair) = Pair::start() else { return };
    for path in [
        "/csv",
        "/csvcompat",
        "/json",
        "/jsonext",
        "/slurm",
        "/slurm2",
        "/openbgpd",
        "/bird1",
        "/bird2",
        "/rpsl",
        "/summary",
        "/csvext",
        "/api/v1/origins/",
    ] {
        for query in [
            "",
            "?select-asn=64496",
            "?select-prefix=192.0.2.0/25",
            "?select-prefix=192.0.2.0/24&include=more-specifics",
            "?exclude=aspas,routerKeys",
        ] {
            pair.assert_equal("GET", &format!("{path}{query}"));
        }
    }
}

#[test]
fn the_differences_are_those_of_the_documentation() {
    let Some(pair) = Pair::start() else { return };
    // RFC 6811, section 2: a route from AS0 is never valid.
    let state = |answer: &Answer| {
        let json: Value = serde_json::from_str(&answer.body).unwrap();
        json["validated_route"]["validity"]["state"].as_str().unwrap().to_owned()
    };
    let answers = pair.ask("GET", "/api/v1/validity/AS0/203.0.113.192/26");
    assert_eq!(answers.each_ref().map(state), ["valid", "invalid"]);
    // An encoded slash in the path is a slash.
    let answers = pair.ask("GET", "/api/v1/validity/AS64496/192.0.2.0%2F25");
    assert_eq!(answers.map(|answer| answer.status), [400, 200]);
    // Nothing is asked by POST.
    for (path, status) in [("/json", 200), ("/validity", 415)] {
        let answers = pair.ask("POST", path);
        assert_eq!(answers.map(|answer| answer.status), [status, 405], "{path}");
    }
    // Not there.
    for (path, status) in [
        ("/", 301),
        ("/ui/", 200),
        ("/status", 200),
        ("/api/v1/status", 200),
        ("/json-delta", 200),
        ("/log", 200),
        ("/none", 200),
    ] {
        let answers = pair.ask("GET", path);
        assert_eq!(answers.map(|answer| answer.status), [status, 404], "{path}");
    }
}
