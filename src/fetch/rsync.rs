//! One attempt at an rsync module: the `rsync` program copies it, then the files are imported.
//!
//! The program gets fixed arguments, an empty environment, a process group of its own, and an
//! address that was checked. Its copy below the work directory only saves transfer: what counts
//! is what was imported by content after the program had ended well.

use std::collections::{BTreeMap, HashSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStderr, Command};

use super::FetchError;
use super::budget::Budget;
use super::copies::{KeptCopies, Size, Working};
use super::error::{FetchErrorKind, Stage};
use super::fetcher::{Held, Outcome, blocking};
use super::guard::{Guard, GuardError};
use super::headroom::{Limited, saw};
use super::limits::{
    OBJECT_BYTES, RSYNC_CONNECT_TIMEOUT, RSYNC_READ_TIMEOUT, RSYNC_STDERR_BYTES,
    RSYNC_WATCH_INTERVAL,
};
use super::report::{Done, DropReason, Drops};
use super::spool::no_room;
use super::stop::Stop;
use super::walk::{WalkError, read_object, walk};
use crate::model::{ObjectHash, ObjectUri, RsyncModule};
use crate::store::{MapChange, Staging, Store, StoreError, StoreErrorKind};

/// The standard port (RFC 5781).
const PORT: u16 = 873;

/// rsync's exit codes for "no connection" and "connection timed out": the next address may do.
const CONNECT_FAILED: [i32; 2] = [10, 35];

/// The program and where it may write.
#[derive(Clone, Debug)]
pub(super) struct Rsync {
    pub(super) program: PathBuf,
    pub(super) guard: Guard,
    pub(super) directory: PathBuf,
    /// How many bytes a module may have.
    pub(super) byte_limit: u64,
    pub(super) budget: Budget,
    pub(super) kept: KeptCopies,
}

impl Rsync {
    /// Copies a whole module; nothing is committed yet.
    pub(super) async fn fetch_module(
        &self,
        store: &Store,
        module: &RsyncModule,
        rank: u64,
        stop: Stop,
    ) -> Result<Outcome, FetchError> {
        let stage = Stage::Rsync;
        let mirror = self.directory.join(mirror_name(module));
        let mut working = Working::on(mirror.clone(), &self.kept, &self.budget, rank);
        let copied =
            self.copy(module.as_str(), module.authority(), &mirror, stage, &mut working.size);
        let copied = copied.await;
        let measured = measure(&mirror, stage, module.as_str()).await;
        working.size.measured = measured.as_ref().ok().copied();
        copied?;
        let bytes = measured?;
        working.size.share.set(bytes).map_err(|error| no_room(stage, module, &error))?;
        saw(Limited::Module, bytes);
        let place = self.budget.parsers.place(bytes).await;
        let staging = store.stage_within(self.budget.room(rank));
        let base = module.clone();
        let import = blocking(stage, module, move || import(staging, &base, &mirror, &stop));
        let outcome = import.await?.map_err(|error| error.at(stage, module))?;
        Ok(Outcome { held: Held { _place: place, _memory: None }, ..outcome })
    }

    /// Removes the copies of modules that are not in `keep`, and what killed processes left.
    ///
    /// Only between attempts: a copy in progress would be removed, too.
    pub(super) fn retain(&self, keep: &[RsyncModule]) -> std::io::Result<()> {
        let kept: HashSet<String> = keep.iter().map(mirror_name).collect();
        for entry in std::fs::read_dir(&self.directory)? {
            let entry = entry?;
            let is_kept = entry.file_name().to_str().is_some_and(|name| kept.contains(name));
            let has_room = is_kept && {
                let path = entry.path();
                let size = walk(&path, &Stop::default(), &mut Drops::default());
                let share = self.budget.copies.share(0);
                size.is_ok_and(|(_, bytes)| self.kept.keep(&path, share, bytes).is_ok())
            };
            if !has_room {
                std::fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }

    /// Copies one file, and returns its bytes.
    pub(super) async fn fetch_file(
        &self,
        uri: &ObjectUri,
        stage: Stage,
        limit: u64,
    ) -> Result<Vec<u8>, FetchError> {
        let local = |error: std::io::Error| {
            FetchError::new(stage, uri, FetchErrorKind::Store(StoreErrorKind::Io), error)
        };
        let directory = tempfile::tempdir_in(&self.directory).map_err(local)?;
        // Trust anchors are few and ours: they come before everybody else.
        let mut size = Size { share: self.budget.transfers.share(0), measured: None };
        let to = directory.path();
        self.copy(uri.as_str(), uri.module().authority(), to, stage, &mut size).await?;
        let path = to.join(uri.file_name());
        let missing = |detail: String| FetchError::new(stage, uri, FetchErrorKind::Rsync, detail);
        let metadata =
            std::fs::symlink_metadata(&path).map_err(|error| missing(error.to_string()))?;
        if !metadata.is_file() {
            return Err(missing("not a file".to_owned()));
        }
        if metadata.len() > limit {
            let detail = format!("file above {limit} bytes");
            return Err(FetchError::new(stage, uri, FetchErrorKind::TooLarge, detail));
        }
        std::fs::read(&path).map_err(local)
    }

    /// Runs the program for `uri`, for one checked address of its host after the other.
    async fn copy(
        &self,
        uri: &str,
        authority: &str,
        to: &Path,
        stage: Stage,
        size: &mut Size,
    ) -> Result<(), FetchError> {
        let fault = |kind, detail: String| FetchError::new(stage, uri, kind, detail);
        let addresses = self.guard.resolve(authority, PORT).await.map_err(|error| {
            let kind = match error {
                GuardError::Unresolved(_) => FetchErrorKind::Unreachable,
                _ => FetchErrorKind::Refused,
            };
            fault(kind, error.to_string())
        })?;
        std::fs::create_dir_all(to)
            .map_err(|error| fault(FetchErrorKind::Store(StoreErrorKind::Io), error.to_string()))?;
        self.copy_by(uri, authority, &addresses, to, stage, size).await
    }

    /// The same for addresses that were checked.
    async fn copy_by(
        &self,
        uri: &str,
        authority: &str,
        addresses: &[SocketAddr],
        to: &Path,
        stage: Stage,
        size: &mut Size,
    ) -> Result<(), FetchError> {
        let fault = |kind, detail: String| FetchError::new(stage, uri, kind, detail);
        let mut last = fault(FetchErrorKind::Unreachable, "no address".to_owned());
        for address in addresses {
            let source = with_address(uri, authority, *address);
            let (status, text) = self.run(&source, uri, to, stage, size).await?;
            if status.success() {
                return Ok(());
            }
            last = fault(FetchErrorKind::Rsync, format!("rsync: {status}: {text}"));
            if !status.code().is_some_and(|code| CONNECT_FAILED.contains(&code)) {
                break;
            }
            last.kind = FetchErrorKind::Unreachable;
        }
        Err(last)
    }

    /// Copies what `uri` names from one of `addresses`.
    #[cfg(test)]
    pub(super) async fn copy_from(
        &self,
        uri: &str,
        addresses: &[SocketAddr],
        to: &Path,
    ) -> Result<(), FetchError> {
        let mut size = Size { share: self.budget.transfers.share(0), measured: None };
        let authority = uri.split('/').nth(2).unwrap_or_default();
        self.copy_by(uri, authority, addresses, to, Stage::Rsync, &mut size).await
    }

    async fn run(
        &self,
        source: &str,
        uri: &str,
        to: &Path,
        stage: Stage,
        size: &mut Size,
    ) -> Result<(ExitStatus, String), FetchError> {
        let fault = |detail: String| FetchError::new(stage, uri, FetchErrorKind::Rsync, detail);
        let mut child = self
            .command(source, to)
            .spawn()
            .map_err(|error| fault(format!("{}: {error}", self.program.display())))?;
        // Armed until the program has ended; also when this future is dropped at a deadline.
        let group = Group::of(&child);
        let stderr = child.stderr.take();
        // Ends at the first error, without waiting for a program that has to be killed.
        let (status, text) =
            tokio::try_join!(self.watch(&mut child, to, stage, uri, size), async {
                Ok(read_stderr(stderr).await)
            })?;
        group.disarm();
        Ok((status, text))
    }

    /// Waits for the program, and looks now and then at how much it has written.
    async fn watch(
        &self,
        child: &mut Child,
        to: &Path,
        stage: Stage,
        uri: &str,
        size: &mut Size,
    ) -> Result<ExitStatus, FetchError> {
        let fault = |kind, detail: String| FetchError::new(stage, uri, kind, detail);
        loop {
            tokio::select! {
                status = child.wait() => {
                    return status.map_err(|error| fault(FetchErrorKind::Rsync, error.to_string()));
                }
                () = tokio::time::sleep(RSYNC_WATCH_INTERVAL) => {
                    // Files come and go while it runs: what cannot be read now can be later.
                    let Some(bytes) = look(to, stage, uri).await? else { continue };
                    size.measured = Some(bytes);
                    size.share.set(bytes).map_err(|error| no_room(stage, uri, &error))?;
                    if bytes > self.byte_limit {
                        let detail = format!("module above {} bytes", self.byte_limit);
                        return Err(fault(FetchErrorKind::TooLarge, detail));
                    }
                }
            }
        }
    }

    /// Source of the choice of arguments: THREATS C02 to C13.
    fn command(&self, source: &str, to: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(["--recursive", "--times", "--delete", "--no-motd"])
            .args(["--no-links", "--no-devices", "--no-specials", "--no-perms"])
            .args(["--no-owner", "--no-group", "--chmod=Du=rwx,Fu=rw,go="])
            .arg(format!("--max-size={OBJECT_BYTES}"))
            .arg(format!("--contimeout={}", RSYNC_CONNECT_TIMEOUT.as_secs()))
            .arg(format!("--timeout={}", RSYNC_READ_TIMEOUT.as_secs()))
            .arg("--")
            .arg(source)
            .arg(to)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LC_ALL", "C")
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        command
    }
}

/// Measures a copy; `None` if it changed meanwhile.
async fn look(to: &Path, stage: Stage, uri: &str) -> Result<Option<u64>, FetchError> {
    let to = to.to_owned();
    let walked = blocking(stage, uri, move || walk(&to, &Stop::default(), &mut Drops::default()));
    match walked.await? {
        Ok((_, bytes)) => Ok(Some(bytes)),
        Err(WalkError::Io { .. }) => Ok(None),
        Err(error) => Err(FetchError::new(stage, uri, FetchErrorKind::TooLarge, error)),
    }
}

/// Measures a copy that nobody changes any more.
async fn measure(to: &Path, stage: Stage, uri: &str) -> Result<u64, FetchError> {
    let io = FetchErrorKind::Store(StoreErrorKind::Io);
    look(to, stage, uri).await?.ok_or_else(|| FetchError::new(stage, uri, io, "cannot be measured"))
}

/// Names a module's copy by hash: no part of a URI becomes part of a path (THREATS D03).
fn mirror_name(module: &RsyncModule) -> String {
    ObjectHash::of(module.as_str().as_bytes()).to_string()
}

/// Reads all of the standard error, so that the program never blocks on it, and keeps the start.
async fn read_stderr(stderr: Option<ChildStderr>) -> String {
    let Some(mut stderr) = stderr else { return String::new() };
    let (mut kept, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(read) = stderr.read(&mut buffer).await {
        if read == 0 {
            break;
        }
        let room = RSYNC_STDERR_BYTES - kept.len();
        kept.extend(buffer.iter().take(read.min(room)));
    }
    let text = String::from_utf8_lossy(&kept);
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

/// A process group that is killed when this value is dropped.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        let pid = child.id().and_then(|id| i32::try_from(id).ok());
        Group(pid.and_then(Pid::from_raw))
    }

    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            // SIGKILL at once: rsync has nothing to tidy up that the next run does not
            // (THREATS C03). The leader is not reaped yet, so the number is still ours.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

/// Replaces the host by an address that was checked, so that it is not resolved again.
fn with_address(uri: &str, authority: &str, address: SocketAddr) -> String {
    uri.replacen(authority, &address.to_string(), 1)
}

/// Why files cannot be imported.
#[derive(Debug, thiserror::Error)]
pub(super) enum ImportError {
    #[error(transparent)]
    Walk(#[from] WalkError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ImportError {
    pub(super) fn at(&self, stage: Stage, uri: impl std::fmt::Display) -> FetchError {
        let kind = match self {
            ImportError::Store(error) => return FetchError::store(stage, uri, error),
            ImportError::Walk(WalkError::Io { .. }) => FetchErrorKind::Store(StoreErrorKind::Io),
            ImportError::Walk(WalkError::Stopped) => FetchErrorKind::Timeout,
            ImportError::Walk(_) => FetchErrorKind::TooLarge,
        };
        FetchError::new(stage, uri, kind, self)
    }
}

fn import(
    mut staging: Staging,
    module: &RsyncModule,
    mirror: &Path,
    stop: &Stop,
) -> Result<Outcome, ImportError> {
    let mut drops = Drops::default();
    let (files, bytes) = walk(mirror, stop, &mut drops)?;
    saw(Limited::Objects, files.len() as u64);
    let mut map = BTreeMap::new();
    for file in files {
        if stop.is_set() {
            return Err(WalkError::Stopped.into());
        }
        match format!("{module}{}", file.name).parse() {
            Ok(uri) => import_file(&mut staging, &mut map, uri, &file.path, &mut drops)?,
            Err(_) => drops.add(&file.name, DropReason::Uri),
        }
    }
    Ok(Outcome {
        staging,
        change: MapChange::Replace(map),
        rrdp: None,
        bytes,
        done: Done::Rsync,
        drops,
        held: Held::default(),
    })
}

/// Imports one file, whatever its type (THREATS C13).
pub(super) fn import_file(
    staging: &mut Staging,
    map: &mut BTreeMap<ObjectUri, ObjectHash>,
    uri: ObjectUri,
    path: &Path,
    drops: &mut Drops,
) -> Result<(), ImportError> {
    match read_object(path)? {
        Some(bytes) => {
            let hash = staging.put(bytes.into())?;
            map.insert(uri, hash);
        }
        None => drops.add(uri.as_str(), DropReason::TooLarge),
    }
    Ok(())
}
