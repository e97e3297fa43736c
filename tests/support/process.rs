//! Processes that tests start, watch and end.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::text;

/// How long a test waits for something that must happen; far longer than it takes.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Tells whether `program` can be started, and prints that the test is skipped if not.
pub fn is_installed(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let installed = command.status().is_ok();
    if !installed {
        skipped(&format!("{program} is not installed"));
    }
    installed
}

/// Says that a test is skipped, past the harness, which shows nothing of tests that pass.
pub fn skipped(why: &str) {
    let test = std::thread::current();
    let _ = writeln!(std::io::stderr(), "{}: skipped: {why}", test.name().unwrap_or("a test"));
}

/// Runs a program to its end; one that hangs or fails is a failure that shows what it said.
pub fn run(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().expect("the program starts");
    let pid = child.id();
    let (done, wait) = std::sync::mpsc::channel();
    let waiter = std::thread::spawn(move || {
        let output = child.wait_with_output();
        let _ = done.send(());
        output
    });
    let in_time = wait.recv_timeout(PATIENCE).is_ok();
    if !in_time {
        signal("KILL", pid);
    }
    let output = waiter.join().expect("the waiter ends").expect("the output can be read");
    let said = text(&output.stderr);
    assert!(in_time && output.status.success(), "{command:?} hung or failed:\n{said}");
    output
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

/// Tells whether a process runs; one that has ended and was not waited for does not.
pub fn is_there(pid: u32) -> bool {
    !arguments_of(pid).is_empty()
}

/// Returns the arguments of a process, separated by blanks.
pub fn arguments_of(pid: u32) -> String {
    let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    text(&bytes).replace('\0', " ")
}
