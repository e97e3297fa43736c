//! Other validators, run on a repository that was written to disk.
//!
//! Each gets a copy of its own, and none opens a socket: what would be fetched is copied.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::verdict::{Run, case_of, row_of_csv};
use crate::world::{HOST, Repository};

/// How many seconds a run may take; the usual ones take a few.
const DEADLINE: &str = "180";

/// A validator that may be installed.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, clap::ValueEnum)]
pub(crate) enum Peer {
    RpkiClient,
    Fort,
    Routinator,
}

/// A run that gave no result.
pub(crate) struct Failed(pub(crate) String);

impl Peer {
    pub(crate) const ALL: [Peer; 3] = [Peer::RpkiClient, Peer::Fort, Peer::Routinator];

    /// Returns the name of the program.
    pub(crate) fn program(self) -> &'static str {
        match self {
            Peer::RpkiClient => "rpki-client",
            Peer::Fort => "fort",
            Peer::Routinator => "routinator",
        }
    }

    /// Returns what it says of its version; `None` if it is not installed.
    pub(crate) fn version(self) -> Option<String> {
        let flag = if self == Peer::RpkiClient { "-V" } else { "--version" };
        let output = Command::new(self.program()).arg(flag).output().ok()?;
        let said = [output.stdout, output.stderr].concat();
        Some(String::from_utf8_lossy(&said).lines().next()?.to_owned())
    }

    /// Runs it on `repository` in an empty directory.
    pub(crate) fn run(self, repository: &Repository, directory: &Path) -> Result<Run, Failed> {
        write_tree(repository, directory);
        let output = match self {
            Peer::RpkiClient => rpki_client(directory),
            Peer::Fort => fort(directory),
            Peer::Routinator => routinator(directory),
        };
        let (output, csv) = output;
        let mut run = Run::default();
        let log = [&output.stderr[..], &output.stdout[..]].concat();
        let log = String::from_utf8_lossy(&log);
        for line in log.lines().filter(|line| !line.starts_with("AS")) {
            run.said.entry(case_of(line)).or_default().push(shortened(line));
        }
        let csv = match csv {
            Some(path) => fs::read_to_string(path).unwrap_or_default(),
            None => String::from_utf8_lossy(&output.stdout).into_owned(),
        };
        run.rows = csv.lines().filter_map(row_of_csv).collect();
        if output.status.success() || !run.rows.is_empty() {
            return Ok(run);
        }
        let last = log.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        Err(Failed(format!("{}; {}", output.status, shortened(last))))
    }
}

/// Cuts what is the same in every line: where the tree is.
fn shortened(line: &str) -> String {
    let start = line.rfind(HOST).map_or(0, |at| at + HOST.len());
    let line = line[start..].trim_start_matches("/repo/");
    line.chars().take(200).collect()
}

/// Writes tree and locator as all of them want it, readable and writable for everybody: programs
/// that are started as root become somebody else.
fn write_tree(repository: &Repository, directory: &Path) {
    for (uri, bytes) in &repository.files {
        write(&directory.join("tree").join(HOST).join("repo").join(uri.path()), bytes);
    }
    let anchor = &repository.anchor;
    write(&directory.join("tree").join(HOST).join("ta/ta.cer"), anchor);
    write(&directory.join("tals/ta.tal"), repository.tal_text().as_bytes());
    fs::create_dir_all(directory.join("output")).unwrap();
    open_to_all(directory);
}

fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn open_to_all(path: &Path) {
    let mode = if path.is_dir() { 0o777 } else { 0o666 };
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            open_to_all(&entry.unwrap().path());
        }
    }
}

fn command(program: &str) -> Command {
    let mut command = Command::new("timeout");
    command.args([DEADLINE, program]).stdin(Stdio::null());
    command
}

fn output(command: &mut Command) -> Output {
    command.output().unwrap()
}

/// Makes the script that stands in the place of rsync, and copies from the tree.
fn copy_script(directory: &Path) -> PathBuf {
    let script = directory.join("copy");
    let text = format!(
        "#!/bin/sh\n\
         case \"$*\" in -h|--help) exit 0;; esac\n\
         for word; do from=$to; to=$word; done\n\
         from='{}'/\"${{from#rsync://}}\"\n\
         if [ -f \"$from\" ]; then cp \"$from\" \"$to\"\n\
         else mkdir -p \"$to\" && cp -R \"$from\"/. \"$to\"; fi\n",
        directory.join("tree").display()
    );
    write(&script, text.as_bytes());
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    script
}

/// Makes an empty directory in which anybody may write.
fn cache(directory: &Path) -> PathBuf {
    let cache = directory.join("cache");
    fs::create_dir_all(&cache).unwrap();
    open_to_all(&cache);
    cache
}

/// Its mode for trees (`-n`) ends with signal 11 at manifests that cannot be parsed, so that it
/// fetches from the tree instead.
fn rpki_client(directory: &Path) -> (Output, Option<PathBuf>) {
    let mut command = command("rpki-client");
    command.arg("-e").arg(copy_script(directory)).args(["-R", "-v", "-c", "-d"]);
    command.arg(cache(directory)).arg("-t").arg(directory.join("tals/ta.tal"));
    command.arg(directory.join("output"));
    (output(&mut command), Some(directory.join("output/csv")))
}

fn fort(directory: &Path) -> (Output, Option<PathBuf>) {
    let csv = directory.join("output/roas.csv");
    let argument = |name: &str, path: &Path| format!("--{name}={}", path.display());
    let mut command = command("fort");
    command.args(["--mode=standalone", "--work-offline=true", "--output.format=csv"]);
    command.args(["--validation-log.enabled=true", "--validation-log.level=warning"]);
    command.arg(argument("local-repository", &directory.join("tree")));
    command.arg(argument("tal", &directory.join("tals")));
    command.arg(argument("output.roa", &csv));
    (output(&mut command), Some(csv))
}

/// It has no mode for trees.
fn routinator(directory: &Path) -> (Output, Option<PathBuf>) {
    let (script, cache) = (copy_script(directory), cache(directory));
    let config = directory.join("routinator.conf");
    write(&config, format!("repository-dir = {cache:?}\nrsync-command = {script:?}\n").as_bytes());
    let mut command = command("routinator");
    command.arg("--config").arg(&config).args(["-v", "--no-rir-tals", "--disable-rrdp"]);
    command.arg("--extra-tals-dir").arg(directory.join("tals"));
    command.args(["vrps", "--format", "csv"]);
    (output(&mut command), None)
}
