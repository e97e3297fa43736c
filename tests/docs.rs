//! The documentation against the program: complete, and true where a program can tell.

#![expect(clippy::expect_used, reason = "a test ends by a panic")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};

use provost::ca::RoaPrefix;
use provost::lab::Roa;
use provost::model::Asn;
use serde_json::Value;
use support::{
    Bench, Running, free_address, get, is_installed, post, provost_in, request, run, skipped,
    stdout, text, wait_for,
};

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect(path)
}

/// Returns what stands between `open` and `close`, each time.
fn between<'a>(text: &'a str, open: &'a str, close: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(open).skip(1).filter_map(move |rest| rest.split_once(close).map(|(item, _)| item))
}

/// Returns the fenced blocks of a language.
fn blocks<'a>(markdown: &'a str, language: &str) -> Vec<&'a str> {
    let open = format!("```{language}\n");
    let found = markdown.split(&*open).skip(1).map(|rest| rest.split_once("```"));
    found.map(|block| block.expect("a fence is closed").0).collect()
}

#[test]
fn every_path_of_the_router_is_documented() {
    let docs = read("docs/http.md");
    let (router, payload) = (read("src/http/router.rs"), read("src/http/payload.rs"));
    let mut paths: Vec<&str> = between(&router, ".route(\"", "\"").collect();
    paths.extend(between(&payload, "(\"/", "\", Format::").map(|path| path.trim_matches('/')));
    assert!(paths.len() > 20, "{paths:?}");
    for path in paths {
        // Wildcards have names of the router's.
        let stem = path.split("{*rest}").next().unwrap_or_default();
        assert!(docs.contains(stem), "docs/http.md lacks {path}");
        let word = format!("/{}", stem.trim_matches('/'));
        assert!(docs.contains(&word), "docs/http.md lacks {word}");
    }
}

/// Returns the paths of the router with their methods, as OpenAPI writes them.
fn routes() -> BTreeSet<(String, String)> {
    let (router, payload) = (read("src/http/router.rs"), read("src/http/payload.rs"));
    let mut routes = BTreeSet::new();
    for route in router.split(".route(\"").skip(1) {
        let (path, rest) = route.split_once("\", ").expect("a path and a handler");
        let method = rest.split_once('(').expect("a method").0;
        // Wildcards have names of the router's.
        let path = path.replace("{*rest}", "{asn}/{prefix}").replace("{*", "{");
        if path != "/api/v1/validity/" {
            routes.insert((path, method.to_owned()));
        }
    }
    let payloads = between(&payload, "(\"/", "\", Format::");
    routes.extend(payloads.map(|path| (format!("/{path}"), "get".to_owned())));
    routes
}

#[test]
fn the_openapi_document_has_exactly_the_routes_of_the_router() {
    let document: Value = serde_json::from_str(&read("docs/openapi.json")).expect("JSON");
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1.")));
    let paths = document["paths"].as_object().expect("paths");
    let described: BTreeSet<(String, String)> = paths
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().expect("methods").keys();
            methods.map(|method| (path.clone(), method.clone()))
        })
        .collect();
    assert_eq!(described, routes());
    assert!(described.len() > 35, "{described:?}");
    // Every reference leads somewhere.
    let text = read("docs/openapi.json");
    for name in between(&text, "\"$ref\": \"#", "\"") {
        assert!(document.pointer(name).is_some(), "{name}");
    }
}

#[test]
fn every_type_of_problem_is_documented() {
    let docs = read("docs/http.md");
    let source = read("src/http/problem.rs");
    let types: Vec<&str> = between(&source, "\"urn:provost:problem:", "\"").collect();
    assert!(types.len() >= 7, "{types:?}");
    for name in types {
        assert!(docs.contains(&format!("| `urn:provost:problem:{name}` |")), "{name}");
    }
}

#[test]
fn every_metric_is_documented_and_every_documented_one_exists() {
    let source = ["metrics", "rtr_metrics", "exceptions"]
        .map(|name| read(&format!("src/http/{name}.rs")))
        .map(|source| source.split("#[cfg(test)]").next().unwrap_or_default().to_owned())
        .concat();
    let named: BTreeSet<&str> = between(&source, "\"provost_", "\"").collect();
    assert!(named.len() > 20, "{named:?}");
    let docs = read("docs/metrics.md");
    let documented: BTreeSet<&str> = between(&docs, "| `provost_", "`").collect();
    // The format adds the ending to counters.
    let without = |name: &&str| name.strip_suffix("_total").map_or(*name, |name| name).to_owned();
    let documented: BTreeSet<String> = documented.iter().map(without).collect();
    assert_eq!(documented, named.iter().map(|name| (*name).to_owned()).collect());
}

/// Collects the paths of all members, those of all items of a list together.
fn members(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let path = format!("{path}.{key}");
                members(value, &path, found);
                found.insert(path);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| members(item, path, found)),
        _ => {}
    }
}

/// A command of docs/http.md that asks with curl, as far as a test can ask the same.
struct Example<'a> {
    target: String,
    /// The type of the body and the body, of what is posted.
    posted: Option<(&'a str, &'a str)>,
    last_event_id: Option<&'a str>,
    /// What stands below the command.
    rest: &'a str,
}

impl<'a> Example<'a> {
    /// Reads what stands behind `curl`.
    fn read(text: &'a str) -> Self {
        let (command, rest) = text.split_once("\n```\n").expect("a block is closed");
        let quoted = |open| between(command, open, "'").next();
        let target = command.split("http://127.0.0.1:8323").nth(1).expect("an address");
        let body = quoted("-d '").or_else(|| quoted("--data-binary '"));
        Example {
            target: target.trim_end_matches('\'').to_owned(),
            posted: body.map(|body| (quoted("'content-type: ").expect("a type"), body)),
            last_event_id: quoted("'last-event-id: "),
            rest,
        }
    }

    fn ask(&self, address: SocketAddr) -> String {
        let answer = match self.posted {
            Some((kind, body)) => post(address, &self.target, kind, body),
            None => request(address, "GET", &self.target),
        };
        answer.expect("an answer").body
    }
}

/// Returns the first event behind `version`, as far as its data.
fn event(address: SocketAddr, version: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let head = format!("Host: {address}\r\nLast-Event-ID: {version}");
    write!(stream, "GET /v1/events HTTP/1.0\r\n{head}\r\n\r\n").expect("it reads");
    let lines = BufReader::new(stream).lines().map(|line| line.expect("the stream goes on"));
    let mut text = String::new();
    for line in lines {
        text.push_str(&line);
        text.push('\n');
        if line.starts_with("data: ") {
            break;
        }
    }
    text
}

/// Returns the paths of all members of one JSON value or of several, one behind the other.
fn all_members(json: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for value in serde_json::Deserializer::from_str(json).into_iter::<Value>() {
        members(&value.expect("an example is JSON"), "", &mut found);
    }
    found
}

/// Starts a server over `data`, and waits until it has data.
fn serve(data: &Path) -> (Running, SocketAddr, SocketAddr) {
    let (address, routers) = (free_address(), free_address());
    let mut server = provost_in(data, &["serve", "--no-worker", "--http", &address.to_string()]);
    let server = Running::start(server.args(["--rtr", &routers.to_string()]));
    wait_for("data", || get(address, "/ready").filter(|(status, _)| *status == 200));
    (server, address, routers)
}

#[test]
fn every_example_of_the_http_api_has_the_members_of_a_real_answer() {
    let mut bench = Bench::start();
    if !bench.lab.has_rsync() {
        return skipped(
            "the rsync program is not installed, and the examples are of a lab with it",
        );
    }
    // What is rejected is shown of a lab of which not everything was fetched.
    let part = tempfile::tempdir().expect("a directory");
    let flags = bench.worker_flags();
    run(provost_in(part.path(), &["sync", "--no-rsync"]).args(flags));
    let (_part, rejected, _) = serve(part.path());

    bench.sync(&[]);
    let (_server, address, routers) = serve(bench.data());
    let has = |line: &str| get(address, "/metrics").filter(|(_, text)| text.contains(line));
    wait_for("data for routers", || has("\nprovost_rtr_serving 1\n"));
    let mut router = TcpStream::connect(routers).expect("it listens");
    router.write_all(&[1, 2, 0, 0, 0, 0, 0, 8]).expect("a Reset Query");
    wait_for("a table for the router", || has("\nprovost_rtr_tables_total 1\n"));
    let version = |(_, worlds): (u16, String)| -> Option<String> {
        Some(between(&worlds, "\"version\": \"", "\"").next()?.to_owned())
    };
    let first = get(address, "/v1/worlds").and_then(version).expect("a version");
    let prefixes =
        vec![RoaPrefix { prefix: "203.0.113.128/26".parse().expect("a prefix"), max_length: None }];
    let roa = Roa { name: "elm-new".into(), asn: Asn(64511), prefixes };
    bench.lab.add_roa("elm", roa, provost::clock::now()).expect("a ROA");
    bench.sync(&[]);
    wait_for("a change", || {
        get(address, "/v1/worlds").filter(|(_, worlds)| worlds.contains("\"announced\""))
    });

    let docs = read("docs/http.md");
    let mut shown_paths = BTreeSet::new();
    for example in docs.split("```sh\ncurl ").skip(1) {
        let mut example = Example::read(example);
        if let Some((path, _)) = example.target.split_once("?since=") {
            example.target = format!("{path}?since={first}");
        }
        let target = example.target.clone();
        let path = target.split('?').next().unwrap_or_default();
        let method = if example.posted.is_some() { "post" } else { "get" };
        shown_paths.insert((path.to_owned(), method.to_owned()));
        if example.last_event_id.is_some() {
            let data = |text: &str| {
                all_members(
                    text.lines().find_map(|line| line.strip_prefix("data: ")).expect("data"),
                )
            };
            assert_eq!(data(plain_text(example.rest)), data(&event(address, &first)), "{target}");
            continue;
        }
        let real = example.ask(if path == "/v1/findings" { rejected } else { address });
        let blocks = blocks(example.rest, "json");
        match blocks.first().filter(|_| !path.starts_with("/csv")) {
            Some(shown) => assert_eq!(all_members(shown), all_members(&real), "{target}"),
            None => assert_eq!(real, plain_text(example.rest), "{target}"),
        }
    }
    for (path, method) in routes() {
        // The document is its own example; a question in the path gets the same answer.
        let needs_none = path == "/v1/openapi.json" || path.contains('{');
        if path.starts_with("/v1/") && !needs_none {
            let shown = shown_paths.contains(&(path.clone(), method.clone()));
            assert!(shown, "docs/http.md has no example of {method} {path}");
        }
    }
}

/// Returns the first block of plain text.
fn plain_text(markdown: &str) -> &str {
    blocks(markdown, "text").first().copied().expect("an example has an answer")
}

/// Returns the programs that a script needs beside ours, and says what is missing.
fn can_run(script: &str) -> bool {
    let needed = ["routinator", "rpki-client", "fort", "curl"].into_iter();
    let starts = |program: &str| {
        script.lines().any(|line| line.trim_start().starts_with(&format!("{program} ")))
    };
    needed.filter(|program| starts(program)).all(is_installed)
}

/// Returns a shell that runs `script` in `directory` and finds this build of the program.
fn shell(script: &str, directory: &Path) -> Command {
    let program = Path::new(env!("CARGO_BIN_EXE_provost"));
    let own = program.parent().expect("the program is in a directory").display();
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("sh");
    command.args(["-e", "-c", script]).current_dir(directory).env("HOME", directory);
    for name in ["PROVOST_DATA_DIR", "PROVOST_CONFIG", "XDG_CONFIG_HOME"] {
        command.env_remove(name);
    }
    command.env("PATH", format!("{own}:{path}"));
    command
}

/// Lets everybody in: some programs, started as root, become somebody else.
fn open_to_all(directory: &Path) {
    let status = Command::new("chmod").args(["-R", "a+rwX"]).arg(directory).status();
    assert!(status.expect("chmod runs").success());
}

#[test]
fn every_command_of_the_readme_of_a_generated_lab_works() {
    let work = tempfile::tempdir().unwrap();
    let lab = work.path().join("lab");
    stdout(provost_in(work.path(), &["lab", "generate"]).arg(&lab));
    let readme = fs::read_to_string(lab.join("README.md")).unwrap();
    assert!(!readme.contains('@'), "a placeholder is left");
    fs::create_dir(work.path().join("provost-lab-out")).unwrap();
    open_to_all(work.path());
    let commands: Vec<&str> = readme.lines().filter_map(|line| line.strip_prefix("    ")).collect();
    assert!(commands.len() >= 5, "{commands:?}");
    for command in commands.into_iter().filter(|command| can_run(command)) {
        run(&mut shell(command, &lab));
    }
    let sorted = |path: &Path| -> BTreeSet<String> {
        fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
    };
    let truth = sorted(&lab.join("truth.csv"));
    assert_eq!(sorted(&work.path().join("provost-lab-out/provost.csv")), truth);
}

#[test]
fn every_command_of_the_documentation_of_the_lab_works() {
    if !is_installed("rsync") {
        return;
    }
    let work = tempfile::tempdir().unwrap();
    open_to_all(work.path());
    let output = work.path().join("output");
    let mut command = Command::new(env!("CARGO_BIN_EXE_provost"));
    command.args(["lab", "--http", "127.0.0.1:0"]).env("HOME", work.path());
    command.env("TMPDIR", work.path()).stdin(Stdio::null());
    let child = command.stdout(fs::File::create(&output).unwrap()).spawn().unwrap();
    let _lab = Running(child);
    let said = wait_for("the lab", || {
        let said = fs::read_to_string(&output).unwrap();
        said.contains("/metrics").then_some(said)
    });
    let root = said.lines().find_map(|line| line.split_once("its TLS root ")).unwrap().1;
    let files = Path::new(root.trim_end_matches(';')).parent().unwrap();

    let docs = read("docs/lab.md");
    let scripts = blocks(&docs, "sh");
    assert!(scripts.len() >= 5, "{scripts:?}");
    let expected = support::rows(&fs::read_to_string(truth(work.path())).unwrap());
    for script in scripts {
        // The second script of rpki-client's needs what the first has left.
        let needs = script.contains("--from rpki-client-cache");
        if !can_run(script) || (needs && !work.path().join("rpki-client-cache").exists()) {
            continue;
        }
        let output = run(shell(script, work.path()).env("LAB", files));
        let csv = text(&output.stdout);
        if csv.starts_with("ASN,IP Prefix,Max Length,Trust Anchor\n") {
            let found = csv.lines().skip(1).take_while(|line| line.starts_with("AS"));
            assert_eq!(found.map(str::to_owned).collect::<BTreeSet<_>>(), expected, "{script}");
        }
    }
}

/// Writes a lab, and returns the file with the VRPs that each lab has.
fn truth(work: &Path) -> std::path::PathBuf {
    let lab = work.join("generated");
    stdout(provost_in(work, &["lab", "generate"]).arg(&lab));
    lab.join("truth.csv")
}

#[test]
fn the_page_of_reason_codes_is_that_of_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reasons.md");
    let wanted = provost::cli::explain::markdown();
    if std::env::var_os("PROVOST_UPDATE_DOCS").is_some() {
        std::fs::write(&path, &wanted).expect("the page can be written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    // Said in words: the whole page twice would help nobody.
    assert!(
        found == wanted,
        "docs/reasons.md is not what the table says: \
         `PROVOST_UPDATE_DOCS=1 cargo test --test docs` writes it again"
    );
}

#[test]
fn the_page_of_commands_is_that_of_the_arguments() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cli.md");
    let wanted = provost::cli::reference();
    if std::env::var_os("PROVOST_UPDATE_DOCS").is_some() {
        fs::write(&path, &wanted).expect("the page can be written");
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == wanted,
        "docs/cli.md is not what the arguments say: \
         `PROVOST_UPDATE_DOCS=1 cargo test --test docs` writes it again"
    );
}

/// Returns the names of metrics in a text, each as it is documented.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let ends = |rest: &str| rest.find(|c| !is_part(c)).unwrap_or(rest.len());
    text.match_indices("provost_")
        .filter_map(|(at, _)| text.get(at..))
        .filter_map(|rest| rest.get(..ends(rest)).map(str::to_owned))
        .collect()
}

#[test]
fn dashboard_and_alert_rules_name_only_metrics_that_are_documented() {
    let docs = read("docs/metrics.md");
    let documented: BTreeSet<String> =
        between(&docs, "| `provost_", "`").map(|name| format!("provost_{name}")).collect();
    let dashboard = read("docs/grafana/provost.json");
    let parsed: Value = serde_json::from_str(&dashboard).expect("the dashboard is JSON");
    let panels = parsed["panels"].as_array().expect("it has panels");
    assert!(panels.len() >= 12, "{}", panels.len());
    for text in [dashboard, read("docs/alerts.yml")] {
        let named = metrics_in(&text);
        assert!(named.len() >= 8, "{named:?}");
        let unknown: Vec<_> = named.difference(&documented).collect();
        assert!(unknown.is_empty(), "not in docs/metrics.md: {unknown:?}");
    }
}

#[test]
fn every_link_leads_to_a_file() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = std::fs::read_dir(root.join("docs")).expect("there are docs").flatten();
    let docs = docs.filter(|entry| entry.path().extension().is_some_and(|e| e == "md"));
    let docs = docs.map(|entry| format!("docs/{}", entry.file_name().to_string_lossy()));
    let pages = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"].map(String::from);
    for page in pages.into_iter().chain(docs) {
        let text = read(&page);
        let folder = Path::new(&page).parent().unwrap_or(Path::new(""));
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or_default();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            assert!(root.join(folder).join(target).exists(), "{page} links to {link}");
        }
    }
}
