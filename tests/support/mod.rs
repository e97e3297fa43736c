//! One harness for all end-to-end tests: a lab on loopback, a data directory, the program.

#![expect(dead_code, reason = "each test target uses its part of the harness")]
#![expect(clippy::expect_used, reason = "a harness that cannot start is a failed test")]

pub mod process;

use std::collections::BTreeSet;
use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use provost::clock;
use provost::lab::{Lab, LabOptions, RsyncUse, small_internet};
use serde_json::Value;

pub use process::*;

/// A lab that runs in the test's process, and a data directory of its own.
pub struct Bench {
    runtime: tokio::runtime::Runtime,
    pub lab: Lab,
    data: tempfile::TempDir,
}

impl Bench {
    /// Starts the default lab, with rsync where it is installed.
    pub fn start() -> Self {
        Self::with(RsyncUse::WhereInstalled)
    }

    /// Starts the default lab.
    pub fn with(rsync: RsyncUse) -> Self {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
        let options = LabOptions { plan: small_internet(), seed: 1, now: clock::now(), rsync };
        let lab = runtime.block_on(Lab::start(options)).expect("the lab starts");
        Bench { runtime, lab, data: tempfile::tempdir().expect("a directory can be made") }
    }

    /// Returns the data directory.
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// Returns the flags with which the program fetches this lab.
    pub fn worker_flags(&self) -> Vec<String> {
        let mut flags = self.tal_flags();
        flags.extend(["--allow-local-addresses", "--lab", "--root-cert"].map(String::from));
        flags.push(self.lab.tls_root().display().to_string());
        flags
    }

    /// Returns the flags for the trust anchors of this lab.
    pub fn tal_flags(&self) -> Vec<String> {
        tal_flags(&self.lab.tal_directory())
    }

    /// Returns the program with the data directory of this test.
    pub fn provost(&self, words: &[&str]) -> Command {
        provost_in(self.data(), words)
    }

    /// Fetches the lab with more `flags`, and expects that all went well.
    pub fn sync(&self, flags: &[&str]) -> Output {
        let mut command = self.provost(&["sync"]);
        let output = command.args(self.worker_flags()).args(flags).output().expect("it runs");
        assert!(output.status.success(), "sync failed: {}", text(&output.stderr));
        output
    }

    /// Returns the rows of the CSV that a validator of this lab must export.
    pub fn truth(&self) -> BTreeSet<String> {
        let rows =
            self.lab.truth().vrps.into_iter().map(|(vrp, anchor)| {
                format!("{},{},{},{anchor}", vrp.asn, vrp.prefix, vrp.max_length)
            });
        rows.collect()
    }

    /// Returns the rows of the CSV that the program exports.
    pub fn exported(&self) -> BTreeSet<String> {
        rows(&stdout(&mut self.provost(&["export", "--format", "csv"])))
    }

    /// Expects that the program exports exactly what the lab's plan says: VRPs, ASPAs, router keys.
    pub fn assert_truth(&self) {
        assert_payload(&exported_json(self.data()), &self.lab.truth().to_json());
    }

    /// Runs `future` in the lab's runtime.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }
}

/// Returns the program, with `data` as its data directory and nothing from this environment.
pub fn provost_in(data: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_provost"));
    for name in ["PROVOST_DATA_DIR", "PROVOST_CONFIG", "STATE_DIRECTORY", "NOTIFY_SOCKET"] {
        command.env_remove(name);
    }
    // No configuration file of the person who runs the tests.
    command.env("HOME", data).env("XDG_CONFIG_HOME", data.join("no-config"));
    command.arg("--data-dir").arg(data).args(words).stdin(Stdio::null());
    command
}

/// Returns the flags for the lab's trust anchors and no other; their TALs are in `tals`.
pub fn tal_flags(tals: &Path) -> Vec<String> {
    tal_flags_of(tals, &["north", "east", "south"])
}

/// Returns the flags for these trust anchors and no other.
pub fn tal_flags_of(tals: &Path, names: &[&str]) -> Vec<String> {
    let tal = |name: &str| tals.join(format!("{name}.tal")).display().to_string();
    let each = names.iter().copied();
    let each = each.flat_map(|name| ["--tal".to_owned(), tal(name)]);
    std::iter::once("--no-rir-tals".to_owned()).chain(each).collect()
}

/// Returns what the program exports from `data`, as JSON.
pub fn exported_json(data: &Path) -> Value {
    let json = stdout(&mut provost_in(data, &["export", "--format", "json"]));
    serde_json::from_str(&json).expect("the export is JSON")
}

/// Compares VRPs, router keys and ASPAs in the JSON that Routinator writes, in any order.
pub fn assert_payload(found: &Value, expected: &Value) {
    for kind in ["roas", "routerKeys", "aspas"] {
        let sorted = |value: &Value| {
            let items = value.get(kind).and_then(Value::as_array).expect("a list of items");
            items.iter().map(Value::to_string).collect::<BTreeSet<_>>()
        };
        assert_eq!(sorted(found), sorted(expected), "{kind}");
    }
}

/// Runs a command that must exit 0, and returns its standard output.
pub fn stdout(command: &mut Command) -> String {
    let output = command.output().expect("the program runs");
    assert!(output.status.success(), "{command:?} failed: {}", text(&output.stderr));
    text(&output.stdout)
}

/// Returns bytes as text.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Returns the lines below the head of a CSV.
pub fn rows(csv: &str) -> BTreeSet<String> {
    csv.lines().skip(1).map(str::to_owned).collect()
}

/// Returns a loopback address that was free a moment ago.
pub fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.local_addr().expect("a listener has an address")
}

/// An answer over HTTP.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub content_type: String,
    pub body: String,
}

/// Sends a request without a body; `None` if nobody answers.
pub fn request(address: SocketAddr, method: &str, path: &str) -> Option<Answer> {
    exchange(address, &format!("{method} {path} HTTP/1.0\r\nHost: {address}\r\n\r\n"))
}

/// Posts a body; `None` if nobody answers.
pub fn post(address: SocketAddr, path: &str, content_type: &str, body: &str) -> Option<Answer> {
    let head = format!("POST {path} HTTP/1.0\r\nHost: {address}\r\n");
    let kind = match content_type {
        "" => String::new(),
        content_type => format!("Content-Type: {content_type}\r\n"),
    };
    exchange(address, &format!("{head}{kind}Content-Length: {}\r\n\r\n{body}", body.len()))
}

/// Sends a request in HTTP/1.0 as it is; `None` if nobody answers.
pub fn exchange(address: SocketAddr, request: &str) -> Option<Answer> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    // HTTP/1.0: the body ends with the connection, and comes in no chunks.
    stream.write_all(request.as_bytes()).ok()?;
    let mut text = String::new();
    BufReader::new(stream).read_to_string(&mut text).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let content_type = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-type").then(|| value.to_owned())
    });
    Some(Answer {
        status: head.split(' ').nth(1)?.parse().ok()?,
        content_type: content_type.unwrap_or_default(),
        body: body.to_owned(),
    })
}

/// Sends `GET path` and returns the status and the body; `None` if nobody answers.
pub fn get(address: SocketAddr, path: &str) -> Option<(u16, String)> {
    request(address, "GET", path).map(|answer| (answer.status, answer.body))
}
