//! docs/openapi.json against a running service: every answer of every path is as the document says,
//! and has no member that it does not name.
//!
//! The service has something of everything: objects that were never fetched, local exceptions, a
//! router, a worker, a change.

#![expect(clippy::expect_used, reason = "a test ends by a panic")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "test code outside of functions that clippy sees as tests"
)]

mod schema;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use provost::ca::RoaPrefix;
use provost::lab::{Roa, RsyncUse};
use provost::model::Asn;
use serde_json::Value;
use support::{Answer, Bench, Running, exchange, free_address, get, wait_for};

/// A filter, and an assertion of a VRP that no ROA gives.
const EXCEPTIONS: &str = r#"{
  "slurmVersion": 1,
  "validationOutputFilters": {
    "prefixFilters": [{"prefix": "192.0.2.0/25", "asn": 64496, "comment": "not ours"}],
    "bgpsecFilters": []
  },
  "locallyAddedAssertions": {
    "prefixAssertions": [{"prefix": "203.0.113.128/26", "asn": 64511, "comment": "leased"}],
    "bgpsecAssertions": []
  }
}"#;

/// The document, and which answers were held against it.
struct Document {
    json: Value,
    http: SocketAddr,
    /// Path, method and status.
    seen: BTreeSet<(String, String, u16)>,
}

impl Document {
    fn of(http: SocketAddr) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
        let json = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        Document { json, http, seen: BTreeSet::new() }
    }

    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(name) => self.json.pointer(name.trim_start_matches('#')).expect(name),
            None => value,
        }
    }

    /// Holds an answer against what the document says about its operation.
    fn hold(&mut self, path: &str, method: &str, target: &str, answer: &Answer) {
        let Answer { status, content_type, body } = answer;
        let operation = &self.json["paths"][path][method];
        assert!(operation.is_object(), "{method} {path} is not in the document");
        let response = self.resolved(&operation["responses"][status.to_string()]);
        assert!(response.is_object(), "{method} {target}: {status} is not in the document: {body}");
        let content = &response["content"];
        // What stands behind `;` belongs to the type only where the document has it.
        let bare = content_type.split(';').next().unwrap_or_default();
        let media =
            [content_type.as_str(), bare].into_iter().find(|kind| content.get(kind).is_some());
        match (media, content.is_null()) {
            (None, true) => assert_eq!(body, "", "{method} {target}: {status}"),
            (None, false) => panic!("{method} {target}: {content_type} is not in the document"),
            (Some("application/x-ndjson"), _) => {
                let mut lines: Vec<&str> = body.lines().collect();
                let last = lines.pop().expect("there is a summary");
                self.fits("TableSummary", last, target);
                lines.iter().for_each(|line| self.fits("Answer", line, target));
            }
            (Some(media), _) => {
                let schema = &content[media]["schema"];
                let value = match bare.ends_with("json") {
                    true => serde_json::from_str(body).expect(body),
                    false => Value::String(body.clone()),
                };
                self.holds(schema, &value, &format!("{method} {target}: {status}"));
            }
        }
        self.seen.insert((path.to_owned(), method.to_owned(), *status));
    }

    fn holds(&self, schema: &Value, value: &Value, what: &str) {
        let faults = schema::faults(&self.json, schema, value);
        assert!(faults.is_empty(), "{what}:\n{}\n{value:#}", faults.join("\n"));
    }

    /// Holds a text in JSON against a schema by its name.
    fn fits(&self, name: &str, text: &str, what: &str) {
        let value = serde_json::from_str(text).expect(text);
        self.holds(&self.json["components"]["schemas"][name], &value, what);
    }

    /// Sends a request and holds the answer; `head` are more lines of it.
    fn ask(&mut self, path: &str, method: &str, target: &str, head: &str, body: &str) -> Answer {
        let host = match head.contains("Host:") {
            true => String::new(),
            false => format!("Host: {}\r\n", self.http),
        };
        let verb = method.to_uppercase();
        let length = body.len();
        let request = format!(
            "{verb} {target} HTTP/1.0\r\n{host}{head}Content-Length: {length}\r\n\r\n{body}"
        );
        let answer = exchange(self.http, &request).expect("an answer");
        self.hold(path, method, target, &answer);
        answer
    }

    fn get(&mut self, path: &str, target: &str) -> Value {
        let answer = self.ask(path, "get", target, "", "");
        serde_json::from_str(&answer.body).unwrap_or_default()
    }

    /// Returns each path with what to ask: the examples of its parameters, those that are needed
    /// alone, and all together.
    fn examples(&self) -> Vec<(String, String)> {
        let paths = self.json["paths"].as_object().unwrap();
        let gets = paths.iter().filter_map(|(path, methods)| Some((path, methods.get("get")?)));
        let gets = gets.filter(|(path, _)| *path != "/v1/events");
        let mut found = Vec::new();
        for (path, operation) in gets {
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let mut stem = path.clone();
            let (mut needed, mut all) = (Vec::new(), Vec::new());
            for parameter in &parameters {
                let name = parameter["name"].as_str().unwrap();
                let Some(example) = parameter.get("example").and_then(Value::as_str) else {
                    continue;
                };
                if parameter["in"] == "path" {
                    stem = stem.replace(&format!("{{{name}}}"), example);
                    continue;
                }
                let pair = format!("{name}={example}");
                if parameter["required"] == true {
                    needed.push(pair.clone());
                }
                all.push(pair);
            }
            let target = |pairs: &[String]| format!("{stem}?{}", pairs.join("&"));
            found.push((path.clone(), target(&needed).trim_end_matches('?').to_owned()));
            found.push((path.clone(), target(&all)));
            // A parameter that is not known.
            found.push((path.clone(), format!("{stem}?no-such=1")));
        }
        found
    }

    /// Holds the first `count` events of the stream; `id` is the version that the client has.
    fn events(&mut self, id: &str, count: usize) {
        let mut stream = TcpStream::connect(self.http).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let request = format!(
            "GET /v1/events HTTP/1.0\r\nHost: {}\r\nLast-Event-ID: {id}\r\n\r\n",
            self.http
        );
        stream.write_all(request.as_bytes()).unwrap();
        let (mut text, mut buffer) = (String::new(), [0; 1024]);
        while text.matches("\ndata: ").count() < count || !text.ends_with("\n\n") {
            let length = stream.read(&mut buffer).unwrap();
            assert!(length > 0, "the stream ended: {text}");
            text.push_str(std::str::from_utf8(buffer.get(..length).unwrap()).unwrap());
        }
        for event in text.split("event: ").skip(1) {
            let (name, rest) = event.split_once('\n').unwrap();
            let data = rest.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
            self.fits(if name == "state" { "EventState" } else { "Step" }, data, "/v1/events");
        }
        let content_type = "text/event-stream".to_owned();
        let answer = Answer { status: 200, content_type, body: text };
        self.hold("/v1/events", "get", "/v1/events", &answer);
    }
}

#[test]
fn every_answer_has_what_the_document_says_and_nothing_else() {
    // The archive of the lab has only rsync, and nobody fetches it.
    let mut bench = Bench::with(RsyncUse::WhereInstalled);
    let (http, routers) = (free_address(), free_address());
    let exceptions = bench.data().join("exceptions.json");
    fs::write(&exceptions, EXCEPTIONS).unwrap();
    let mut command = bench.provost(&["serve", "--no-rsync", "--refresh", "1s"]);
    command.args(["--http", &http.to_string(), "--rtr", &routers.to_string(), "--exceptions"]);
    command.arg(&exceptions).args(bench.worker_flags()).stderr(Stdio::null());
    let _service = Running::start(&mut command);
    wait_for("the service", || get(http, "/v1/status"));
    let mut document = Document::of(http);

    let has = |line: &str| get(http, "/metrics").filter(|(_, text)| text.contains(line));
    wait_for("data for routers", || has("\nprovost_rtr_serving 1\n"));
    let mut router = TcpStream::connect(routers).unwrap();
    router.write_all(&[1, 2, 0, 0, 0, 0, 0, 8]).unwrap();
    wait_for("a table for the router", || has("\nprovost_rtr_tables_total 1\n"));
    let worlds = document.get("/v1/worlds", "/v1/worlds");
    let first = worlds["version"].as_str().expect("a version").to_owned();
    let delta = document.get("/json-delta", "/json-delta");
    let prefixes =
        vec![RoaPrefix { prefix: "203.0.113.128/26".parse().unwrap(), max_length: None }];
    let roa = Roa { name: "elm-new".into(), asn: Asn(64510), prefixes };
    bench.lab.add_roa("elm", roa, provost::clock::now()).unwrap();
    wait_for("a change", || {
        get(http, "/v1/worlds").filter(|(_, body)| body.contains("\"announced\""))
    });

    for (path, target) in document.examples() {
        document.ask(&path, "get", &target, "", "");
    }
    more_questions(&mut document, &first, &delta);
    // Something of everything was there to be held.
    let report = |(_, body): &(u16, String)| body.contains("\"quarantined\"");
    wait_for("the report of the worker", || get(http, "/v1/status").filter(report));
    let status = document.get("/v1/status", "/v1/status");
    assert_eq!(status["rtr"]["clients"].as_array().unwrap().len(), 1, "{status:#}");
    assert_eq!(status["exceptions"]["filters"], 1, "{status:#}");
    assert_eq!(status["repositories"].as_array().unwrap().len(), 3, "{status:#}");

    let paths = document.json["paths"].as_object().unwrap();
    for (path, methods) in paths {
        for method in methods.as_object().unwrap().keys() {
            let seen = document.seen.contains(&(path.clone(), method.clone(), 200));
            assert!(seen, "{method} {path} was never answered");
        }
    }
    let statuses: BTreeSet<u16> = document.seen.iter().map(|(_, _, status)| *status).collect();
    assert_eq!(statuses, [200, 304, 400, 403, 404, 410, 413, 415, 421].into());
}

/// Asks what the examples of the document do not ask.
fn more_questions(document: &mut Document, first: &str, delta: &Value) {
    let validity = "/v1/validity";
    let ask = |document: &mut Document, prefix: &str, asn: &str| {
        document.get(validity, &format!("{validity}?prefix={prefix}&asn={asn}"))
    };
    let filtered = ask(document, "192.0.2.0/25", "AS64496");
    assert!(filtered["local_exceptions"]["filtered"][0]["rule"]["comment"] == "not ours");
    let asserted = ask(document, "203.0.113.128/26", "64511");
    assert!(asserted["covering"].to_string().contains("\"exception\":"), "{asserted:#}");
    let incomplete = ask(document, "2001:db8:8010::/44", "64508");
    assert_eq!(incomplete["freshness"]["state"], "incomplete", "{incomplete:#}");
    ask(document, "192.0.2.1/25", "64511");

    let list = r#"{"routes": [{"prefix": "192.0.2.0/25", "asn": "AS64496"}]}"#;
    let kind = |kind: &str| format!("Content-Type: {kind}\r\n");
    let json = kind("application/json");
    for path in [validity, "/validity"] {
        document.ask(path, "post", path, &json, list);
        document.ask(path, "post", path, &json, "{}");
        document.ask(path, "post", path, &kind("image/png"), list);
    }
    let table = "192.0.2.0/25 64496\n192.0.2.0/27 64496\nnothing\n";
    document.ask(validity, "post", validity, &kind("text/plain"), table);
    document.ask(validity, "post", validity, &kind("text/csv"), "192.0.2.0/25,64496\n");
    let large = format!("{{\"routes\": [{}]}}", " ".repeat(1 << 20));
    document.ask(validity, "post", validity, &json, &large);

    for path in ["/v1/vrps", "/v1/aspas", "/v1/router-keys", "/v1/findings"] {
        let page = document.get(path, &format!("{path}?limit=1"));
        if let Some(cursor) = page["next_cursor"].as_str() {
            let cursor = cursor.replace(':', "%3A").replace('/', "%2F");
            document.get(path, &format!("{path}?limit=1&cursor={cursor}"));
        }
        document.ask(path, "get", path, "If-None-Match: *\r\n", "");
    }
    let findings = document.get("/v1/findings", "/v1/findings");
    assert!(findings["findings"][0].is_object(), "{findings:#}");
    document.get("/v1/vrps", "/v1/vrps?prefix=192.0.2.0/24&include=more-specifics");
    document.get("/v1/chain", "/v1/chain?prefix=198.51.100.0/24&asn=AS64504");
    document.get("/v1/chain", "/v1/chain?prefix=192.0.2.0/24&asn=1");
    document.get("/v1/changes", &format!("/v1/changes?since={first}"));
    document.get("/v1/changes", "/v1/changes?since=1-1");
    document.get("/v1/repositories", "/v1/repositories?state=current");
    document.ask("/v1/status", "get", "/v1/status", "Host: stranger.example\r\n", "");
    document.ask("/v1/status", "get", "/v1/status", "Origin: https://stranger.example\r\n", "");
    document.ask("/json", "get", "/json", "If-None-Match: *\r\n", "");
    let (session, serial) = (delta["session"].as_str().unwrap(), &delta["serial"]);
    for path in ["/json-delta", "/json-delta/notify"] {
        document.get(path, &format!("{path}?session={session}&serial={serial}"));
    }
    let openmetrics = "Accept: application/openmetrics-text; version=1.0.0\r\n";
    document.ask("/metrics", "get", "/metrics?names=routinator", openmetrics, "");
    document.events("", 1);
    document.events(first, 1);
}

#[test]
fn without_data_every_answer_is_one_of_the_document() {
    let bench = Bench::with(RsyncUse::Never);
    let http = free_address();
    let mut command = bench.provost(&["serve", "--no-worker", "--no-rtr", "--http"]);
    let _server = Running::start(command.arg(http.to_string()).stderr(Stdio::null()));
    wait_for("the server", || get(http, "/health"));
    let mut document = Document::of(http);
    for (path, target) in document.examples() {
        document.ask(&path, "get", &target, "", "");
    }
    let json = "Content-Type: application/json\r\n";
    document.ask("/v1/validity", "post", "/v1/validity", json, r#"{"routes": []}"#);
    document.ask("/validity", "post", "/validity", json, r#"{"routes": []}"#);
    let without = document.seen.iter().filter(|(_, _, status)| *status == 503).count();
    assert!(without > 30, "{without}: {:?}", document.seen);
}
