//! The supervisor: starts worker and server as children, and starts them again when they end.
//!
//! It parses nothing and accepts no connection. It holds the listening sockets, so that a server
//! that is started again takes over without refusing anybody.

use std::ffi::OsString;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::Instant;

use super::restart::Restart;
use crate::config::Settings;
use crate::system::notify;

/// How long children have to end after SIGTERM; then they are killed.
const GRACE: Duration = Duration::from_secs(10);

/// How often the service manager hears that the supervisor is alive.
const WATCHDOG_INTERVAL: Duration = Duration::from_secs(15);

/// What the children are given beside the settings.
#[derive(Clone, Debug, Default)]
pub struct ChildFlags {
    /// Flags for both, such as those of the log.
    pub common: Vec<OsString>,
    /// Flags for the worker alone.
    pub worker: Vec<OsString>,
}

/// Where the service answers.
#[derive(Debug)]
pub struct Listeners {
    /// The listener for HTTP.
    pub http: TcpListener,
    /// The listener for routers, if they are served.
    pub rtr: Option<TcpListener>,
}

/// One child: how it is started, and how often it ended.
struct Role {
    name: &'static str,
    arguments: Vec<OsString>,
    /// The listener that becomes the child's standard input.
    stdin: Option<TcpListener>,
    /// The listener that becomes the child's standard output.
    stdout: Option<TcpListener>,
    restart: Restart,
}

impl Role {
    fn spawn(&self) -> std::io::Result<Child> {
        let pass = |listener: &Option<TcpListener>| match listener {
            Some(listener) => Ok(Stdio::from(OwnedFd::from(listener.try_clone()?))),
            None => std::io::Result::Ok(Stdio::null()),
        };
        Command::new(std::env::current_exe()?)
            .args(&self.arguments)
            .stdin(pass(&self.stdin)?)
            // The children's log is on standard error; nothing of theirs is output of ours.
            .stdout(pass(&self.stdout)?)
            // Ctrl-C on the terminal is for the supervisor, who tells the children.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
    }

    /// Keeps the child running until `stop` changes, then ends it.
    async fn keep_running(mut self, mut stop: tokio::sync::watch::Receiver<bool>) {
        loop {
            let started = Instant::now();
            match self.spawn() {
                Ok(mut child) => {
                    tracing::info!(child = self.name, pid = child.id(), "started");
                    tokio::select! {
                        status = child.wait() => self.log_end(status),
                        () = told_to(&mut stop) => return end(self.name, child).await,
                    }
                }
                Err(error) => tracing::error!(child = self.name, %error, "cannot start"),
            }
            let delay = self.restart.after(started.elapsed());
            tracing::warn!(child = self.name, delay_ms = delay.as_millis(), "starting again");
            tokio::select! {
                () = tokio::time::sleep(delay) => {}
                () = told_to(&mut stop) => return,
            }
        }
    }

    fn log_end(&self, status: std::io::Result<ExitStatus>) {
        match status {
            Ok(status) => tracing::error!(child = self.name, %status, "ended"),
            Err(error) => tracing::error!(child = self.name, %error, "cannot be waited for"),
        }
    }
}

/// Waits until the supervisor says stop, or is gone.
async fn told_to(stop: &mut tokio::sync::watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Asks a child to end, and kills it when it does not.
async fn end(name: &str, mut child: Child) {
    let pid = child.id().and_then(|id| rustix::process::Pid::from_raw(id.try_into().ok()?));
    if let Some(pid) = pid {
        // An error means that it has ended already.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
    if tokio::time::timeout(GRACE, child.wait()).await.is_err() {
        tracing::warn!(child = name, "did not end in time and is killed");
        let _ = child.kill().await;
    }
}

/// Runs the service, which answers at `listeners`, until `shutdown` ends.
pub async fn run(
    settings: &Settings,
    listeners: Listeners,
    flags: ChildFlags,
    shutdown: impl Future<Output = ()>,
) {
    let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
    let server = Role {
        name: "server",
        arguments: [
            words(&["serve", "--no-worker", "--inherit-http"]),
            settings.server_flags(),
            flags.common.clone(),
        ]
        .concat(),
        stdin: Some(listeners.http),
        stdout: listeners.rtr,
        restart: Restart::default(),
    };
    let worker = Role {
        name: "worker",
        arguments: [
            words(&["sync", "--follow", "--supervised"]),
            settings.worker_flags(),
            flags.common,
            flags.worker,
        ]
        .concat(),
        stdin: None,
        stdout: None,
        restart: Restart::default(),
    };
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let server = tokio::spawn(server.keep_running(stopped.clone()));
    let worker = tokio::spawn(worker.keep_running(stopped));
    notify::ready();

    let mut shutdown = std::pin::pin!(shutdown);
    let mut watchdog = tokio::time::interval(WATCHDOG_INTERVAL);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            _ = watchdog.tick() => notify::watchdog(),
        }
    }
    notify::stopping();
    // An error means that both tasks have ended already.
    let _ = stop.send(true);
    let _ = tokio::join!(server, worker);
}
