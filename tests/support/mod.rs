//! One harness for all end-to-end tests: a lab on loopback, a data directory, the program.

#![expect(dead_code, reason = "each test target uses its part of the harness")]
#![expect(clippy::expect_used, reason = "a harness that cannot start is a failed test")]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use provost::clock;
use provost::lab::{Lab, LabOptions, RsyncUse, small_internet};

/// How long a test waits for something that must happen; far longer than it takes.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A lab that runs in the test's process, and a data directory of its own.
pub struct Bench {
    runtime: tokio::runtime::Runtime,
    pub lab: Lab,
    data: tempfile::TempDir,
}

impl Bench {
    /// Starts the default lab.
    pub fn start() -> Self {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
        let options = LabOptions {
            plan: small_internet(),
            seed: 1,
            now: clock::now(),
            rsync: RsyncUse::WhereInstalled,
        };
        let lab = runtime.block_on(Lab::start(options)).expect("the lab starts");
        Bench { runtime, lab, data: tempfile::tempdir().expect("a directory can be made") }
    }

    /// Returns the data directory.
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// Returns the flags with which the program fetches this lab.
    pub fn worker_flags(&self) -> Vec<String> {
        let mut flags: Vec<String> =
            ["--no-rir-tals", "--allow-local-addresses", "--lab"].map(String::from).to_vec();
        for tal in self.lab.tals() {
            flags.extend(["--tal".to_owned(), tal.display().to_string()]);
        }
        flags.extend(["--root-cert".to_owned(), self.lab.tls_root().display().to_string()]);
        flags
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
    command.args(words).arg("--data-dir").arg(data).stdin(Stdio::null());
    command
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

/// Waits until `ready` gives something.
pub fn wait_for<T>(what: &str, mut ready: impl FnMut() -> Option<T>) -> T {
    let (wake, pause) = std::sync::mpsc::channel::<()>();
    let started = Instant::now();
    loop {
        if let Some(value) = ready() {
            return value;
        }
        assert!(started.elapsed() < PATIENCE, "waited too long for {what}");
        // Nothing is ever sent: this is a pause between two looks, not a guess of how long.
        let _ = pause.recv_timeout(Duration::from_millis(20));
        drop(wake.clone());
    }
}

/// A child process that ends with the test.
pub struct Running(pub Child);

impl Running {
    /// Starts `command` with its output thrown away.
    pub fn start(command: &mut Command) -> Self {
        let child = command.stdout(Stdio::null()).spawn();
        Running(child.expect("the program starts"))
    }

    /// Returns the process ids of the child's own children.
    pub fn children(&self) -> Vec<u32> {
        children_of(self.0.id())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        signal("TERM", self.0.id());
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(15) {
            if matches!(self.0.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            std::thread::yield_now();
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Sends a signal.
pub fn signal(name: &str, pid: u32) {
    let _ = Command::new("kill").args(["-s", name, &pid.to_string()]).output();
}

/// Returns the process ids of the children of `pid`.
pub fn children_of(pid: u32) -> Vec<u32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let main = std::fs::read_to_string(path).unwrap_or_default();
    // A runtime starts children from any of its threads.
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let others =
        tasks.map(|task| std::fs::read_to_string(task.path().join("children")).unwrap_or_default());
    let all: BTreeSet<u32> = std::iter::once(main)
        .chain(others)
        .flat_map(|list| {
            list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>()
        })
        .collect();
    all.into_iter().collect()
}

/// Returns the arguments of a process, separated by blanks.
pub fn arguments_of(pid: u32) -> String {
    let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    text(&bytes).replace('\0', " ")
}

/// Returns a loopback address that was free a moment ago.
pub fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.local_addr().expect("a listener has an address")
}

/// Sends `GET path` and returns the status and the body; `None` if nobody answers.
pub fn get(address: SocketAddr, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").ok()?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let status = line.split(' ').nth(1)?.parse().ok()?;
    let mut rest = String::new();
    reader.read_to_string(&mut rest).ok()?;
    let (_, body) = rest.split_once("\r\n\r\n")?;
    Some((status, body.to_owned()))
}

/// Returns the path of the program, for messages.
pub fn program() -> PathBuf {
    env!("CARGO_BIN_EXE_provost").into()
}
