//! The supervisor: starts worker and server as children, and starts them again when they end.
//!
//! It parses nothing and accepts no connection. It holds the listening sockets, so that a server
//! that is started again takes over without refusing anybody.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::Instant;

use super::restart::Restart;
use crate::config::Settings;
use crate::system::listeners::Listeners;
use crate::system::{hang_up, notify};

const WORKER: &str = "worker";

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

/// What a child is to do.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Orders {
    /// With other arguments it is started again.
    arguments: Vec<OsString>,
    /// How often it was to be told to read its files again; the server alone has any.
    hang_ups: u64,
    stop: bool,
}

/// One child: how it is started, and how often it ended.
struct Role {
    name: &'static str,
    /// What the child answers at.
    listeners: Option<Listeners>,
    restart: Restart,
}

impl Role {
    fn new() -> Self {
        Role { name: "", listeners: None, restart: Restart::default() }
    }

    fn spawn(&self, arguments: &[OsString], killed: bool) -> std::io::Result<Child> {
        let stdin = match &self.listeners {
            Some(listeners) => Stdio::from(listeners.pass()?),
            None => Stdio::null(),
        };
        let mut command = Command::new(std::env::current_exe()?);
        if self.name != WORKER {
            // Lists of 20 MB come and go with each world. Left to itself, glibc keeps such memory
            // after the first of them was freed: docs/performance.md has the numbers.
            command.env("MALLOC_MMAP_THRESHOLD_", "131072");
        }
        command
            .args(arguments)
            .args(killed.then_some("--killed"))
            .stdin(stdin)
            // The children's log is on standard error; nothing of theirs is output of ours.
            .stdout(Stdio::null())
            // Ctrl-C on the terminal is for the supervisor, who tells the children.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
    }

    /// Keeps the child running as it is ordered, until it is told to stop.
    async fn keep_running(mut self, mut orders: watch::Receiver<Orders>) {
        // What the worker is told about the one before it; the server needs no such word.
        let mut killed = false;
        loop {
            let order = orders.borrow_and_update().clone();
            if order.stop {
                return;
            }
            let (started, kills) = (Instant::now(), out_of_memory_kills());
            match self.spawn(&order.arguments, killed && self.name == WORKER) {
                Ok(mut child) => {
                    tracing::info!(child = self.name, pid = child.id(), "started");
                    match wait(&mut child, order, &mut orders).await {
                        Next::Ended(status) => {
                            // Where the kernel does not tell, want of memory may be the reason.
                            killed = was_killed(&status)
                                && kills.is_some()
                                && kills == out_of_memory_kills();
                            self.log_end(status);
                        }
                        Next::Stop => return end(self.name, child).await,
                        Next::Replace => {
                            tracing::info!(child = self.name, "starting again with other settings");
                            end(self.name, child).await;
                            killed = false;
                            continue;
                        }
                    }
                }
                Err(error) => tracing::error!(child = self.name, %error, "cannot start"),
            }
            let delay = self.restart.after(started.elapsed());
            tracing::warn!(child = self.name, delay_ms = delay.as_millis(), "starting again");
            tokio::select! {
                () = tokio::time::sleep(delay) => {}
                // Without a supervisor nobody wants the child.
                changed = orders.changed() => if changed.is_err() { return },
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

/// Tells whether somebody sent SIGKILL, which no defect of the program does.
fn was_killed(status: &std::io::Result<ExitStatus>) -> bool {
    status.as_ref().is_ok_and(|status| status.signal() == Some(Signal::KILL.as_raw()))
}

/// Returns how many processes of this machine the kernel has killed for want of memory: it does so
/// by SIGKILL, too, and then the worker's work may well be the reason (THREATS L10).
fn out_of_memory_kills() -> Option<u64> {
    let counters = std::fs::read_to_string("/proc/vmstat").ok()?;
    counters.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

/// What comes after waiting for a child.
enum Next {
    Ended(std::io::Result<ExitStatus>),
    Stop,
    Replace,
}

/// Waits until the child ends or other orders come.
async fn wait(child: &mut Child, order: Orders, orders: &mut watch::Receiver<Orders>) -> Next {
    let mut hang_ups = order.hang_ups;
    loop {
        tokio::select! {
            status = child.wait() => return Next::Ended(status),
            changed = orders.changed() => {
                let new = orders.borrow_and_update().clone();
                if changed.is_err() || new.stop {
                    return Next::Stop;
                }
                if new.arguments != order.arguments {
                    return Next::Replace;
                }
                if new.hang_ups != hang_ups {
                    hang_ups = new.hang_ups;
                    signal(child, Signal::HUP);
                }
            }
        }
    }
}

fn signal(child: &Child, signal: Signal) {
    let pid = child.id().and_then(|id| rustix::process::Pid::from_raw(id.try_into().ok()?));
    if let Some(pid) = pid {
        // An error means that it has ended already.
        let _ = rustix::process::kill_process(pid, signal);
    }
}

/// Asks a child to end, and kills it when it does not.
async fn end(name: &str, mut child: Child) {
    signal(&child, Signal::TERM);
    if tokio::time::timeout(GRACE, child.wait()).await.is_err() {
        tracing::warn!(child = name, "did not end in time and is killed");
        let _ = child.kill().await;
    }
}

/// Runs the service, which answers at `listeners`, until `shutdown` ends.
///
/// At SIGHUP `reload`, if there is one, reads the settings again: a child whose settings are others is started
/// again, while the listeners stay; the server reads its local exceptions again.
pub async fn run(
    mut settings: Settings,
    listeners: Listeners,
    flags: ChildFlags,
    reload: Option<&dyn Fn() -> Result<Settings, String>>,
    shutdown: impl Future<Output = ()>,
) {
    let server = Role { name: "server", listeners: Some(listeners), ..Role::new() };
    let worker = Role { name: WORKER, ..Role::new() };
    let (to_server, orders) = watch::channel(Orders {
        arguments: server_arguments(&settings, &flags),
        ..Orders::default()
    });
    let server = tokio::spawn(server.keep_running(orders));
    let (to_worker, orders) = watch::channel(Orders {
        arguments: worker_arguments(&settings, &flags),
        ..Orders::default()
    });
    let worker = tokio::spawn(worker.keep_running(orders));
    let mut hang_ups = reload.and_then(|_| hang_up::signals());
    notify::ready();

    let mut shutdown = std::pin::pin!(shutdown);
    let mut watchdog = tokio::time::interval(WATCHDOG_INTERVAL);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            _ = watchdog.tick() => notify::watchdog(),
            Some(read) = next(&mut hang_ups, reload) => match read {
                Ok(new) => {
                    settings = adopted(&settings, new);
                    tracing::info!("the settings were read again");
                    order(&to_worker, worker_arguments(&settings, &flags));
                    if !order(&to_server, server_arguments(&settings, &flags)) {
                        to_server.send_modify(|orders| orders.hang_ups += 1);
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "the settings cannot be read again, and stay as they are");
                    to_server.send_modify(|orders| orders.hang_ups += 1);
                }
            },
        }
    }
    notify::stopping();
    for orders in [to_server, to_worker] {
        orders.send_modify(|orders| orders.stop = true);
    }
    let _ = tokio::join!(server, worker);
}

/// Waits for the next SIGHUP, and reads the settings then.
async fn next(
    signals: &mut Option<tokio::signal::unix::Signal>,
    reload: Option<&dyn Fn() -> Result<Settings, String>>,
) -> Option<Result<Settings, String>> {
    match signals {
        Some(signals) => signals.recv().await?,
        None => std::future::pending().await,
    }
    reload.map(|reload| reload())
}

/// Orders other arguments; tells whether they are others.
fn order(orders: &watch::Sender<Orders>, arguments: Vec<OsString>) -> bool {
    orders.send_if_modified(|orders| {
        let is_new = orders.arguments != arguments;
        orders.arguments = arguments;
        is_new
    })
}

/// Returns the new settings, but for those that only a restart can change; says which.
fn adopted(old: &Settings, new: Settings) -> Settings {
    let rest = Settings {
        data: old.data.clone(),
        http: old.http,
        rtr: old.rtr,
        rtr_tls: old.rtr_tls,
        ..new.clone()
    };
    for (key, is_same) in [
        ("data-dir", old.data == new.data),
        ("http", old.http == new.http),
        ("rtr", old.rtr == new.rtr),
        ("rtr-tls", old.rtr_tls == new.rtr_tls),
    ] {
        if !is_same {
            tracing::warn!(
                key,
                "the setting has changed, and takes effect at the next restart only"
            );
        }
    }
    rest
}

fn server_arguments(settings: &Settings, flags: &ChildFlags) -> Vec<OsString> {
    let own = ["serve", "--no-worker", "--inherit"].map(OsString::from).to_vec();
    [own, settings.server_flags(), flags.common.clone()].concat()
}

fn worker_arguments(settings: &Settings, flags: &ChildFlags) -> Vec<OsString> {
    let own = ["sync", "--follow", "--supervised"].map(OsString::from).to_vec();
    [own, settings.worker_flags(), flags.common.clone(), flags.worker.clone()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ConfigFile, DataDir};

    #[test]
    fn what_a_restart_alone_can_change_stays() {
        let settings = |file| Settings::new(file, ConfigFile::default(), || DataDir::new("/a"));
        let old = settings(ConfigFile::default());
        let new = settings(ConfigFile {
            data_dir: Some("/b".into()),
            http: Some("127.0.0.1:1".parse().unwrap()),
            no_rtr: true,
            refresh: Some(Duration::from_secs(5)),
            exceptions: vec!["/x.json".into()],
            ..ConfigFile::default()
        });
        let adopted = adopted(&old, new);
        assert_eq!((&adopted.data, adopted.http, adopted.rtr), (&old.data, old.http, old.rtr));
        assert_eq!(adopted.refresh, Duration::from_secs(5));
        let flags = ChildFlags::default();
        let (before, after) = (server_arguments(&old, &flags), server_arguments(&adopted, &flags));
        assert_ne!(before, after);
        assert!(after.iter().any(|flag| flag == "/x.json"));
        // The worker knows nothing of exceptions.
        assert!(!worker_arguments(&adopted, &flags).iter().any(|flag| flag == "/x.json"));
    }
}
