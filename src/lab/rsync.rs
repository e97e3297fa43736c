//! The rsync side of a publication server: the `rsync` program as a daemon, one process for each
//! connection.
//!
//! The lab listens itself, and gives each connection to a `rsync --daemon` as its standard input,
//! as inetd would. So the port is the lab's before anything is signed for it, no other program
//! can take it in between, and every process ends with its connection or with the lab.

use std::collections::BTreeMap;
use std::fs::{self, File, FileTimes};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::task::JoinSet;

use super::LabError;
use super::attack::RsyncAttack;
use super::https::CONNECTIONS;
use super::server_uris::{MODULE, TA_MODULE};
use crate::model::Timestamp;

/// Tells whether the `rsync` program can be run.
pub(super) async fn is_installed() -> bool {
    let mut command = Command::new("rsync");
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().await.is_ok_and(|status| status.success())
}

/// How the server behaves now; shared with the task that accepts its connections.
pub(super) type RsyncManner = Arc<Mutex<Option<RsyncAttack>>>;

/// The files that one server gives out by rsync.
pub(super) struct RsyncSite {
    directory: PathBuf,
    version: u64,
    manner: RsyncManner,
}

impl RsyncSite {
    /// Keeps the files of a server below `directory`.
    pub(super) fn new(directory: PathBuf) -> Self {
        RsyncSite { directory, version: 0, manner: RsyncManner::default() }
    }

    /// Returns the path of the daemon's configuration.
    pub(super) fn config(&self) -> PathBuf {
        self.directory.join("rsyncd.conf")
    }

    /// Returns how the server behaves, for the task that accepts its connections.
    pub(super) fn manner(&self) -> RsyncManner {
        self.manner.clone()
    }

    /// Lets the server attack, or not, from the next publication on.
    pub(super) fn attack(&mut self, attack: Option<RsyncAttack>) {
        *self.manner.lock().unwrap_or_else(PoisonError::into_inner) = attack;
    }

    /// Publishes `files` (by MODULE/PATH) in place of what was there.
    ///
    /// Each publication is a directory of its own, and a process serves the one that the
    /// configuration named when it started, so that no client sees half of a change.
    pub(super) fn publish(
        &mut self,
        files: &BTreeMap<String, Bytes>,
        modified: Timestamp,
    ) -> Result<(), LabError> {
        self.version += 1;
        let root = self.directory.join(self.version.to_string());
        for module in [MODULE, TA_MODULE] {
            let path = root.join(module);
            fs::create_dir_all(&path).map_err(LabError::io(path.display()))?;
        }
        for (name, bytes) in files {
            write_file(&root.join(name), bytes, modified)?;
        }
        if self.current() == Some(RsyncAttack::Links) {
            for name in files.keys().filter(|name| name.starts_with(MODULE)) {
                let path = root.join(name);
                fs::remove_file(&path).map_err(LabError::io(path.display()))?;
                symlink("/etc/passwd", &path).map_err(LabError::io(path.display()))?;
            }
        }
        let owner = fs::metadata(&root).map_err(LabError::io(root.display()))?;
        let mut config = String::from(
            "use chroot = no\nreverse lookup = no\nlog file = /dev/null\ntimeout = 60\n",
        );
        if owner.uid() == 0 {
            // As root, the daemon would else become "nobody" and read nothing; as somebody else
            // it may not set either.
            config.push_str("uid = 0\ngid = 0\n");
        }
        for module in [MODULE, TA_MODULE] {
            let path = root.join(module);
            config.push_str(&format!("[{module}]\npath = {}\nread only = yes\n", path.display()));
        }
        let new = self.directory.join("rsyncd.conf.new");
        fs::write(&new, config).map_err(LabError::io(new.display()))?;
        fs::rename(&new, self.config()).map_err(LabError::io(new.display()))?;
        if self.version > 2 {
            // The one before may still be read.
            let old = self.directory.join((self.version - 2).to_string());
            fs::remove_dir_all(&old).map_err(LabError::io(old.display()))?;
        }
        Ok(())
    }
}

impl RsyncSite {
    fn current(&self) -> Option<RsyncAttack> {
        *self.manner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes a file with its directories, and gives it a time.
///
/// The time is the lab's: rsync takes a file of the same size and second for the same file, and a
/// manifest reissued at once has both.
pub(super) fn write_file(path: &Path, bytes: &[u8], modified: Timestamp) -> Result<(), LabError> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(LabError::io(parent.display()))?;
    }
    fs::write(path, bytes).map_err(LabError::io(path.display()))?;
    let age = Duration::from_secs(u64::try_from(modified.0).unwrap_or_default());
    let times = FileTimes::new().set_modified(SystemTime::UNIX_EPOCH + age);
    let file = File::options().append(true).open(path).map_err(LabError::io(path.display()))?;
    file.set_times(times).map_err(LabError::io(path.display()))
}

/// Accepts connections until it is dropped, and with it every process.
pub(super) async fn serve(listener: TcpListener, config: PathBuf, manner: RsyncManner) {
    let mut processes = JoinSet::new();
    loop {
        while processes.try_join_next().is_some() {}
        if processes.len() >= CONNECTIONS {
            processes.join_next().await;
        }
        if let Ok((stream, _)) = listener.accept().await {
            let attack = *manner.lock().unwrap_or_else(PoisonError::into_inner);
            match attack {
                Some(RsyncAttack::Dies) => drop(stream),
                Some(RsyncAttack::Silent) => drop(processes.spawn(silence(stream))),
                Some(RsyncAttack::Links) | None => {
                    processes.spawn(connection(stream, config.clone()));
                }
            }
        }
    }
}

/// Says nothing until the client goes away.
async fn silence(mut stream: TcpStream) {
    let mut heard = [0; 256];
    while stream.read(&mut heard).await.is_ok_and(|read| read > 0) {}
}

async fn connection(stream: TcpStream, config: PathBuf) {
    let Ok(stream) = stream.into_std() else { return };
    if stream.set_nonblocking(false).is_err() {
        return;
    }
    let mut argument = std::ffi::OsString::from("--config=");
    argument.push(config);
    let mut command = Command::new("rsync");
    command
        .arg("--daemon")
        .arg(argument)
        .stdin(Stdio::from(OwnedFd::from(stream)))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true);
    // Without the program the client sees a closed connection, which is the truth.
    let _status = command.status().await;
}
