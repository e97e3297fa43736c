//! Keeps the operator's exceptions as the files have them, and the last good ones while a file is
//! broken.

use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};

use crate::config::{ExceptionsError, parse_exceptions, read_exception_files};
use crate::http::{App, ExceptionsStatus};
use crate::model::Timestamp;
use crate::payload::Exceptions;

/// How often the files are looked at.
const INTERVAL: Duration = Duration::from_secs(1);

/// What tells one state of a file from the next without reading it.
type Stamp = Option<(u64, u64, i64, i64, u64)>;

/// The files, and what of them is in force.
#[derive(Debug)]
pub struct ExceptionFiles {
    paths: Vec<PathBuf>,
    /// Where the last good files are kept.
    saved: PathBuf,
    /// As the files were when they were read last.
    read: Vec<Stamp>,
    /// As they were at the last look: what is being written is left alone until it rests.
    seen: Vec<Stamp>,
    exceptions: Arc<Exceptions>,
    since: Timestamp,
    error: Option<ExceptionsError>,
}

/// The last good files, as they are kept.
#[derive(Serialize, Deserialize)]
struct Saved {
    files: Vec<(PathBuf, Vec<u8>)>,
}

impl ExceptionFiles {
    /// Reads the files; where one is broken, the last good ones that `saved` keeps are taken.
    ///
    /// # Errors
    ///
    /// A file is broken, and nothing good is kept of the same files.
    pub fn open(
        paths: Vec<PathBuf>,
        saved: PathBuf,
        now: Timestamp,
    ) -> Result<Self, ExceptionsError> {
        let stamps = stamps(&paths);
        let mut files = ExceptionFiles {
            paths,
            saved,
            read: stamps.clone(),
            seen: stamps,
            exceptions: Arc::default(),
            since: now,
            error: None,
        };
        if let Err(error) = files.read(now) {
            let Some(exceptions) = files.last_good() else { return Err(error) };
            tracing::error!(%error, "local exceptions are broken; the last good ones stay in force");
            files.exceptions = Arc::new(exceptions);
            files.error = Some(error);
        }
        Ok(files)
    }

    /// Returns the exceptions in force.
    pub fn exceptions(&self) -> Arc<Exceptions> {
        Arc::clone(&self.exceptions)
    }

    /// Returns what the service says about them; `None` if no file was named.
    pub fn status(&self) -> Option<ExceptionsStatus> {
        let files = self.paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>();
        (!files.is_empty()).then(|| ExceptionsStatus {
            files,
            since: self.since,
            error: self.error.as_ref().map(ToString::to_string),
        })
    }

    /// Looks whether a file has changed and rests, and reads them all if so.
    fn look(&mut self, now: Timestamp) {
        let stamps = stamps(&self.paths);
        let rests = stamps == self.seen;
        self.seen = stamps;
        if rests && self.seen != self.read {
            self.reload(now);
        }
    }

    /// Reads the files again, whatever they look like.
    fn reload(&mut self, now: Timestamp) {
        self.read = stamps(&self.paths);
        match self.read(now) {
            Ok(()) => {
                let rules = self.exceptions.rules().count();
                tracing::info!(files = self.paths.len(), rules, "local exceptions are in force");
            }
            Err(error) => {
                tracing::error!(
                    %error,
                    "local exceptions are broken; the last good ones stay in force"
                );
                self.error = Some(error);
            }
        }
    }

    fn read(&mut self, now: Timestamp) -> Result<(), ExceptionsError> {
        let files = read_exception_files(&self.paths)?;
        let exceptions = parse_exceptions(&files)?;
        for rule in exceptions.sweeping() {
            tracing::warn!(
                file = &*rule.file,
                line = rule.line,
                "a local exception takes out every VRP of an address family"
            );
        }
        self.error = None;
        self.exceptions = Arc::new(exceptions);
        self.since = now;
        if let Err(error) = save(&self.saved, &Saved { files }) {
            let path = self.saved.display();
            tracing::warn!(%path, %error, "cannot keep the local exceptions for a restart");
        }
        Ok(())
    }

    /// Returns what is kept, if it is of the same files.
    fn last_good(&self) -> Option<Exceptions> {
        let saved: Saved = postcard::from_bytes(&std::fs::read(&self.saved).ok()?).ok()?;
        let same = saved.files.iter().map(|(path, _)| path).eq(&self.paths);
        if same { parse_exceptions(&saved.files).ok() } else { None }
    }
}

/// Replaces what is kept, unless it is the same.
fn save(path: &Path, saved: &Saved) -> std::io::Result<()> {
    if saved.files.is_empty() {
        return match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
    }
    let bytes = postcard::to_stdvec(saved).map_err(std::io::Error::other)?;
    if std::fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(&bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

fn stamps(paths: &[PathBuf]) -> Vec<Stamp> {
    let stamp = |path: &PathBuf| {
        let file = std::fs::metadata(path).ok()?;
        Some((file.dev(), file.ino(), file.mtime(), file.mtime_nsec(), file.len()))
    };
    paths.iter().map(stamp).collect()
}

/// Follows the files, and says through `app` and `changed` what is in force; ends never.
///
/// Something in `now_please` has them read at once.
pub(super) async fn follow(
    mut files: ExceptionFiles,
    app: App,
    changed: watch::Sender<Arc<Exceptions>>,
    mut now_please: mpsc::Receiver<()>,
    now: fn() -> Timestamp,
) {
    if files.paths.is_empty() {
        return;
    }
    loop {
        let at_once = tokio::select! {
            Some(()) = now_please.recv() => true,
            () = tokio::time::sleep(INTERVAL) => false,
        };
        let time = now();
        let work = tokio::task::spawn_blocking(move || {
            if at_once {
                files.reload(time)
            } else {
                files.look(time)
            }
            files
        });
        files = match work.await {
            Ok(files) => files,
            Err(error) => {
                tracing::error!(%error, "reading local exceptions panicked; they stay as they are");
                return;
            }
        };
        app.set_exceptions(files.status());
        changed.send_if_modified(|current| {
            let is_new = !Arc::ptr_eq(current, &files.exceptions);
            *current = files.exceptions();
            is_new
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000);
    const LATER: Timestamp = Timestamp(2_000);

    fn slurm(prefix: &str) -> String {
        format!(
            r#"{{ "slurmVersion": 1, "validationOutputFilters": {{ "prefixFilters": [],
            "bgpsecFilters": [] }}, "locallyAddedAssertions": {{ "prefixAssertions": [
            {{ "asn": 64496, "prefix": "{prefix}" }} ], "bgpsecAssertions": [] }} }}"#
        )
    }

    fn open(dir: &Path) -> Result<ExceptionFiles, ExceptionsError> {
        ExceptionFiles::open(vec![dir.join("x.json")], dir.join("saved"), NOW)
    }

    fn asserted(files: &ExceptionFiles) -> String {
        let vrps = files.exceptions.vrps().iter();
        vrps.map(|(vrp, _)| vrp.prefix.to_string()).collect()
    }

    #[test]
    fn k04_a_broken_file_keeps_the_last_good_one_and_alarms() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.json");
        std::fs::write(&path, slurm("192.0.2.0/24")).unwrap();
        let mut files = open(dir.path()).unwrap();
        assert_eq!(asserted(&files), "192.0.2.0/24");
        assert_eq!(files.status().unwrap().error, None);

        std::fs::write(&path, "{ broken").unwrap();
        files.look(LATER);
        assert_eq!(files.status().unwrap().error, None, "it may still be being written");
        files.look(LATER);
        assert_eq!(asserted(&files), "192.0.2.0/24");
        let status = files.status().unwrap();
        assert!(status.error.unwrap().contains("x.json:1: "));
        assert_eq!(status.since, NOW);

        // A server that starts meanwhile has them, too.
        let restarted = open(dir.path()).unwrap();
        assert_eq!(asserted(&restarted), "192.0.2.0/24");
        assert!(restarted.status().unwrap().error.is_some());

        std::fs::write(&path, slurm("198.51.100.0/24")).unwrap();
        files.look(LATER);
        files.look(LATER);
        assert_eq!(asserted(&files), "198.51.100.0/24");
        assert_eq!(files.status().unwrap().error, None);
        assert_eq!(files.status().unwrap().since, LATER);
    }

    #[test]
    fn what_is_kept_of_other_files_is_not_used() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("x.json"), slurm("192.0.2.0/24")).unwrap();
        open(dir.path()).unwrap();
        let other = vec![dir.path().join("other.json")];
        let saved = dir.path().join("saved");
        assert!(ExceptionFiles::open(other, saved.clone(), NOW).is_err());
        // Without files there are no exceptions, and nothing is kept.
        let none = ExceptionFiles::open(Vec::new(), saved.clone(), NOW).unwrap();
        assert!(none.exceptions().is_empty() && none.status().is_none());
        assert!(!saved.exists());
    }

    #[test]
    fn a_file_that_is_removed_is_broken_and_one_that_is_replaced_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.json");
        std::fs::write(&path, slurm("192.0.2.0/24")).unwrap();
        let mut files = open(dir.path()).unwrap();
        std::fs::remove_file(&path).unwrap();
        files.look(LATER);
        files.look(LATER);
        assert!(files.status().unwrap().error.unwrap().contains("No such file"));
        assert_eq!(asserted(&files), "192.0.2.0/24");
        let new = dir.path().join("new");
        std::fs::write(&new, slurm("203.0.113.0/24")).unwrap();
        std::fs::rename(&new, &path).unwrap();
        files.look(LATER);
        files.look(LATER);
        assert_eq!(asserted(&files), "203.0.113.0/24");
    }
}
