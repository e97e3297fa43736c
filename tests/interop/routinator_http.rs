//! The HTTP API beside that of Routinator 0.16.0-rc1: both on one lab, asked the same questions.
//!
//! docs/http.md lists the differences that are on purpose; everything else must be equal.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use provost::ca::RoaPrefix;
use provost::lab::{Roa, tour};
use provost::model::{Asn, Origin};
use serde_json::Value;

use crate::routinator;
use crate::support::{
    Answer, Bench, Running, free_address, get, is_installed, post, request, wait_for,
};

/// Both programs, serving the same lab.
struct Pair {
    lab: Bench,
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
        command.args(["server", "--refresh", "1", "--min-refresh", "1"]);
        command.args(["--http", &routinator.to_string()]);
        let theirs = Running::start(&mut command);
        let listen = provost.to_string();
        let words = ["serve", "--no-worker", "--no-rtr", "--http", &listen];
        let ours = Running::start(&mut bench.provost(&words));
        for address in [routinator, provost] {
            wait_for("data", || get(address, "/json").filter(|(status, _)| *status == 200));
        }
        let servers = [theirs, ours];
        Some(Pair { lab: bench, _directory: directory, _servers: servers, routinator, provost })
    }

    fn ask(&self, method: &str, path: &str) -> [Answer; 2] {
        [self.routinator, self.provost]
            .map(|address| request(address, method, path).expect("an answer"))
    }

    /// Expects the same status, content type and body.
    fn assert_equal(&self, method: &str, path: &str) {
        assert_same(&self.ask(method, path), &format!("{method} {path}"));
    }

    /// Posts to `/validity` and expects the same.
    fn assert_equal_list(&self, content_type: &str, body: &str) {
        let answers = [self.routinator, self.provost]
            .map(|address| post(address, "/validity", content_type, body).expect("an answer"));
        assert_same(&answers, &format!("{content_type} {body:.100}"));
    }

    /// Returns the JSON of both.
    fn json(&self, path: &str) -> [Value; 2] {
        self.ask("GET", path).map(|answer| serde_json::from_str(&answer.body).expect("JSON"))
    }
}

/// Expects the same status, content type and body.
fn assert_same([theirs, ours]: &[Answer; 2], question: &str) {
    assert_eq!(ours.status, theirs.status, "status of {question}");
    assert_eq!(ours.content_type, theirs.content_type, "content type of {question}");
    assert_eq!(without_times(ours), without_times(theirs), "body of {question}");
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
    for path in [
        "/json-delta?session=1",
        "/json-delta?serial=1",
        "/json-delta?session=x&serial=1",
        "/json-delta?session=1&serial=-1",
        "/json-delta?session=1&session=1&serial=1",
        "/json-delta?session=1&serial=1&serial=2",
        "/json-delta?x=1",
        "/json-delta/notify?session=1",
        "/json-delta/notify?x",
    ] {
        pair.assert_equal("GET", path);
    }
    for path in ["/json", "/validity", "/api/v1/validity/AS64496/192.0.2.0/25", "/status"] {
        pair.assert_equal("DELETE", path);
    }
}

#[test]
fn every_list_of_routes_gets_the_same_answer() {
    let Some(pair) = Pair::start() else { return };
    let routes: Vec<String> = tour()
        .into_iter()
        .map(|stop| {
            let Origin::As(asn) = stop.route.origin else { panic!("the tour has origins") };
            format!(r#"{{ "asn": "{asn}", "prefix": "{}" }}"#, stop.route.prefix)
        })
        .collect();
    let list = |routes: &[String]| format!(r#"{{ "routes": [{}] }}"#, routes.join(","));
    for length in [routes.len(), 1, 0] {
        pair.assert_equal_list("application/json", &list(&routes[..length]));
    }
    let json = "application/json";
    let number = r#"{"routes":[{"prefix":"192.0.2.0/25","asn":64496,"more":[1]}],"more":{}}"#;
    for (content_type, body) in [
        (json, number),
        ("Application/JSON", number),
        ("application/json; charset=utf-8", number),
        ("text/plain", number),
        ("", number),
        (json, ""),
        (json, "{}"),
        (json, "[]"),
        (json, r#"{"routes":{}}"#),
        (json, r#"{"routes":[{"prefix":"192.0.2.0/25"}]}"#),
        (json, r#"{"routes":[{"prefix":"192.0.2.1/25","asn":1}]}"#),
        (json, r#"{"routes":[{"prefix":"192.0.2.0/25","asn":4294967296}]}"#),
        (json, r#"{"routes":[{"prefix":"192.0.2.0/25","asn":"x"}]}"#),
        (json, r#"{"routes":[{"prefix":"192.0.2.0/25","asn":-1}]}"#),
        (json, r#"{"routes":[]} x"#),
    ] {
        pair.assert_equal_list(content_type, body);
    }
    pair.assert_equal_list(json, &" ".repeat(100_001));
}

#[test]
fn changes_are_told_in_the_same_words() {
    let Some(mut pair) = Pair::start() else { return };
    let items = |json: &Value, list: &str| {
        let items = json[list].as_array().map(Vec::as_slice).unwrap_or_default();
        items.iter().map(Value::to_string).collect::<BTreeSet<_>>()
    };
    let [theirs, ours] = pair.json("/json-delta");
    assert!(items(&ours, "announced").len() > 10);
    assert_eq!(items(&theirs, "announced"), items(&ours, "announced"));
    assert_eq!(shape(&theirs), shape(&ours));
    // What an unknown client gets, and one that has everything.
    for [session, serial] in [["1", "1"], ["", "7"]] {
        let query = |json: &Value| {
            let session =
                if session.is_empty() { json["session"].as_str().unwrap() } else { session };
            format!("/json-delta?session={session}&serial={serial}")
        };
        let asked = [(pair.routinator, query(&theirs)), (pair.provost, query(&ours))];
        let [theirs, ours] = asked.map(|(address, path)| get(address, &path).unwrap());
        let reset = |(_, body): &(u16, String)| body.contains("\"reset\": true");
        assert!(reset(&theirs) && reset(&ours));
    }
    // One ROA more: both tell the difference, and end the wait for it.
    let waiting: Vec<_> = [(pair.routinator, theirs), (pair.provost, ours)]
        .into_iter()
        .map(|(address, json)| {
            let (session, serial) = (json["session"].as_str().unwrap().to_owned(), &json["serial"]);
            let query = format!("?session={session}&serial={serial}");
            std::thread::spawn(move || {
                let told =
                    wait_for("a change", || get(address, &format!("/json-delta/notify{query}")));
                let notified: Value = serde_json::from_str(&told.1).unwrap();
                assert_eq!(notified["session"].to_string(), session);
                let (_, delta) = get(address, &format!("/json-delta{query}")).unwrap();
                serde_json::from_str::<Value>(&delta).unwrap()
            })
        })
        .collect();
    let prefix = "192.0.2.128/26".parse().unwrap();
    let prefixes = vec![RoaPrefix { prefix, max_length: Some(27) }];
    let roa = Roa { name: "added".into(), asn: Asn(64501), prefixes };
    pair.lab.lab.add_roa("birch", roa, provost::clock::now()).unwrap();
    pair.lab.sync(&[]);
    let [theirs, ours] =
        &waiting.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()[..]
    else {
        panic!("two clients waited")
    };
    assert_eq!(shape(theirs), shape(ours));
    assert_eq!(items(theirs, "announced"), items(ours, "announced"));
    assert_eq!(items(theirs, "announced").len(), 1);
    assert_eq!((items(theirs, "withdrawn").len(), items(ours, "withdrawn").len()), (0, 0));
}

/// Returns the paths of all members; those of all items of a list together.
fn shape(json: &Value) -> BTreeSet<String> {
    fn add(json: &Value, path: &str, found: &mut BTreeSet<String>) {
        match json {
            Value::Object(members) => {
                for (name, member) in members {
                    let path = format!("{path}.{name}");
                    add(member, &path, found);
                    found.insert(path);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| add(item, path, found)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    add(json, "", &mut found);
    found
}

#[test]
fn the_status_has_the_same_members_and_numbers() {
    let Some(pair) = Pair::start() else { return };
    let [theirs, ours] = pair.json("/api/v1/status");
    assert_eq!(shape(&ours), shape(&theirs));
    for group in ["tals", "repositories", "payload", "vrpsAddedLocally", "aspasLargeProviderSet"] {
        assert_eq!(ours[group], theirs[group], "{group}");
    }
    for (group, member) in [("rrdp", "status"), ("rrdp", "serial"), ("rsync", "status")] {
        let values = |json: &Value| -> BTreeMap<String, Value> {
            let group = json[group].as_object().unwrap().iter();
            group.map(|(uri, object)| (uri.clone(), object[member].clone())).collect()
        };
        assert_eq!(values(&ours), values(&theirs), "{group} {member}");
    }
    // The text: the same keys in the same order, and the same numbers of payload. Routinator lists
    // repositories as their fetches ended, which is another order in every run.
    let [theirs, ours] = pair.ask("GET", "/status");
    assert_eq!(ours.content_type, theirs.content_type);
    let keys = |answer: &Answer| {
        let keys =
            answer.body.lines().map(|line| line.split_once(": ").map_or(line, |(key, _)| key));
        let (repositories, keys) = keys.partition::<Vec<_>, _>(|key| key.starts_with(' '));
        let owned = |keys: Vec<&str>| keys.into_iter().map(str::to_owned).collect::<Vec<_>>();
        (owned(keys), BTreeSet::from_iter(owned(repositories)))
    };
    assert_eq!(keys(&ours), keys(&theirs));
    let counted = |answer: &Answer| {
        let lines = answer.body.lines();
        let lines = lines.filter(|line| line.contains("vrps") || line.contains("valid-roas"));
        // Trust anchors in any order.
        lines.map(|line| line.split(' ').map(str::to_owned).collect()).collect::<Vec<BTreeSet<_>>>()
    };
    assert_eq!(counted(&ours), counted(&theirs));
}

#[test]
fn the_metrics_of_routinators_dashboards_have_the_same_series_and_numbers() {
    let Some(pair) = Pair::start() else { return };
    let theirs = get(pair.routinator, "/metrics").unwrap().1;
    let ours = get(pair.provost, "/metrics?names=routinator").unwrap().1;
    let series = |text: &str| -> BTreeMap<String, String> {
        let lines = text.lines().filter(|line| line.starts_with("routinator_"));
        let lines = lines.filter_map(|line| line.rsplit_once(' '));
        lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    };
    let (theirs, ours) = (series(&theirs), series(&ours));
    assert!(theirs.len() > 100);
    let names = |map: &BTreeMap<String, String>| map.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(&ours), names(&theirs));
    // What differs by the moment and by the program.
    let own = ["last_update", "duration", "http_", "rtr_", "routinator_serial"];
    for (name, value) in theirs.iter().filter(|(name, _)| !own.iter().any(|own| name.contains(own)))
    {
        assert_eq!(ours.get(name), Some(value), "{name}");
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
    // Nothing but lists of routes is asked by POST.
    let answers = pair.ask("POST", "/json");
    assert_eq!(answers.map(|answer| answer.status), [200, 405]);
    // Not there.
    for (path, status) in [("/", 301), ("/ui/", 200), ("/log", 200), ("/none", 200)] {
        let answers = pair.ask("GET", path);
        assert_eq!(answers.map(|answer| answer.status), [status, 404], "{path}");
    }
}
