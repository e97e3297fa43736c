//! Rsync end to end, against a real daemon on a socket of the test's own.

use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::net::TcpListener;

use super::*;
use crate::world::RepositoryState;

/// A module that `rsync --daemon` serves: it is started for each connection, as inetd does.
pub(super) struct Daemon {
    pub(super) base: String,
    pub(super) files: PathBuf,
    _dir: tempfile::TempDir,
}

impl Daemon {
    /// Returns `None`, and says so, where there is no rsync program.
    pub(super) async fn start() -> Option<Self> {
        if Command::new("rsync").arg("--version").output().is_err() {
            // Past the harness, which shows nothing of tests that pass.
            let _ = writeln!(std::io::stderr(), "skipped: no rsync program");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let files = dir.path().join("files");
        std::fs::create_dir(&files).unwrap();
        let config = dir.path().join("rsyncd.conf");
        let text = format!("use chroot = no\n[m]\npath = {}\nread only = yes\n", files.display());
        std::fs::write(&config, text).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("rsync://{}/m/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let stream = stream.into_std().unwrap();
                stream.set_nonblocking(false).unwrap();
                let config = format!("--config={}", config.display());
                let child = Command::new("rsync")
                    .args(["--daemon", "--no-detach", config.as_str()])
                    .stdin(Stdio::from(OwnedFd::from(stream)))
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .spawn();
                let mut child = child.unwrap();
                tokio::task::spawn_blocking(move || child.wait());
            }
        });
        Some(Daemon { base, files, _dir: dir })
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.files.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn id(&self) -> RepositoryId {
        self.base.parse().unwrap()
    }
}

#[tokio::test]
async fn a_module_is_copied_and_follows_its_changes() {
    let Some(daemon) = Daemon::start().await else { return };
    let bench = Bench::new(|_| {});
    daemon.write("ca/a.roa", "1");
    daemon.write("ca/b.xyz", "C13: any type");
    daemon.write("ca/%41.roa", "no URI");
    std::os::unix::fs::symlink("/etc/hostname", daemon.files.join("link.roa")).unwrap();
    let names = ["ca/a.roa", "ca/b.xyz", "link.roa", "c"];

    let report = bench.fetcher.fetch_repository(&bench.store, &daemon.id()).await;
    assert!(report.error.is_none(), "{:?}", report.error);
    assert_eq!((report.done, report.changed), (Some(Done::Rsync), true));
    let want = ["ca/a.roa=1", "ca/b.xyz=C13: any type"];
    assert_eq!(bench.contents(&daemon.id(), &daemon.base, &names), want);
    assert_eq!(report.drops.listed, [("ca/%41.roa".to_owned(), DropReason::Uri)]);

    let report = bench.fetcher.fetch_repository(&bench.store, &daemon.id()).await;
    assert!(report.error.is_none() && !report.changed);

    daemon.write("ca/a.roa", "longer");
    daemon.write("c", "new");
    std::fs::remove_file(daemon.files.join("ca/b.xyz")).unwrap();
    let report = bench.fetcher.fetch_repository(&bench.store, &daemon.id()).await;
    assert!(report.changed);
    let want = ["ca/a.roa=longer", "c=new"];
    assert_eq!(bench.contents(&daemon.id(), &daemon.base, &names), want);

    let mirrors = || std::fs::read_dir(bench.dir.path().join("work/rsync")).unwrap().count();
    let module = daemon.base.parse().unwrap();
    bench.fetcher.retain_mirrors(&[module]).unwrap();
    assert_eq!(mirrors(), 1);
    bench.fetcher.retain_mirrors(&[]).unwrap();
    assert_eq!(mirrors(), 0);
}

#[tokio::test]
async fn c06_modes_of_the_other_side_do_not_matter() {
    use std::os::unix::fs::PermissionsExt;
    let Some(daemon) = Daemon::start().await else { return };
    let bench = Bench::new(|_| {});
    daemon.write("a", "1");
    let mode = std::fs::Permissions::from_mode(0o6444);
    std::fs::set_permissions(daemon.files.join("a"), mode).unwrap();
    bench.fetcher.fetch_repository(&bench.store, &daemon.id()).await;
    assert_eq!(bench.contents(&daemon.id(), &daemon.base, &["a"]), ["a=1"]);
    let copy = find(&bench.dir.path().join("work"), "a").unwrap();
    assert_eq!(std::fs::metadata(copy).unwrap().permissions().mode() & 0o7777, 0o600);
}

fn find(dir: &Path, name: &str) -> Option<PathBuf> {
    std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).find_map(|path| {
        if path.is_dir() { find(&path, name) } else { path.ends_with(name).then_some(path) }
    })
}

#[tokio::test]
async fn a_module_that_fails_keeps_what_it_had() {
    let Some(daemon) = Daemon::start().await else { return };
    let bench = Bench::new(|_| {});
    daemon.write("a", "1");
    bench.fetcher.fetch_repository(&bench.store, &daemon.id()).await;
    std::fs::remove_dir_all(&daemon.files).unwrap();
    let report = bench.fetcher.fetch_repository(&bench.store, &daemon.id()).await;
    assert_eq!(report.error.unwrap().kind, FetchErrorKind::Rsync);
    assert_eq!(report.status.state, RepositoryState::Failing);
    assert_eq!(bench.contents(&daemon.id(), &daemon.base, &["a"]), ["a=1"]);
}

#[tokio::test]
async fn c01_c02_a_silent_server_meets_the_deadline_and_the_program_is_gone() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bench = Bench::new(|config| config.deadline = Duration::from_millis(500));
    let id: RepositoryId =
        format!("rsync://{}/m/", listener.local_addr().unwrap()).parse().unwrap();
    let (fetch, silent) = tokio::join!(bench.fetcher.fetch_repository(&bench.store, &id), async {
        tokio::time::timeout(Duration::from_secs(10), listener.accept()).await
    });
    let kind = fetch.error.unwrap().kind;
    let Ok(Ok((mut stream, _))) = silent else {
        assert_eq!(kind, FetchErrorKind::Rsync, "no rsync program");
        return;
    };
    assert_eq!(kind, FetchErrorKind::Timeout);
    // Killed programs close their sockets; one that lived on would keep this waiting.
    let mut rest = Vec::new();
    let end = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut rest);
    let _ = tokio::time::timeout(Duration::from_secs(10), end).await.expect("still connected");
}

#[tokio::test]
async fn c03_c04_a_program_that_writes_too_much_is_killed_with_its_children() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let (script, alive) = (dir.path().join("rsync"), dir.path().join("alive"));
    assert!(Command::new("mkfifo").arg(&alive).status().unwrap().success());
    // Fills its target and waits in a child; both ignore the polite signal and hold the pipe.
    let text = format!(
        "#!/bin/sh\ntrap '' TERM\nexec 3>{}\nfor to; do :; done\n\
         head -c 2000000 /dev/zero >\"$to/zeros\"\nsleep 600 & wait\n",
        alive.display()
    );
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut bench = Bench::new(|config| config.rsync_program = script);
    bench.fetcher.rsync.byte_limit = 1_000_000;
    let pipe = tokio::task::spawn_blocking(move || std::fs::read(alive));
    let id: RepositoryId = "rsync://127.0.0.1:8873/m/".parse().unwrap();
    let report = bench.fetcher.fetch_repository(&bench.store, &id).await;
    assert_eq!(report.error.unwrap().kind, FetchErrorKind::TooLarge);
    // The pipe ends when the last process that holds it has gone.
    let end = tokio::time::timeout(Duration::from_secs(30), pipe).await;
    assert_eq!(end.expect("a process lives on").unwrap().unwrap(), b"");
}

#[tokio::test]
async fn c12_without_the_program_the_status_says_so() {
    let bench = Bench::new(|config| config.rsync_program = "/nonexistent/rsync".into());
    let id: RepositoryId = "rsync://127.0.0.1:8873/m/".parse().unwrap();
    let report = bench.fetcher.fetch_repository(&bench.store, &id).await;
    let error = report.error.unwrap();
    assert_eq!(error.kind, FetchErrorKind::Rsync);
    assert!(error.to_string().contains("/nonexistent/rsync"), "{error}");
}

#[tokio::test]
async fn a19_local_modules_are_refused() {
    let bench = Bench::new(|config| config.local_addresses = LocalAddresses::Refuse);
    for host in ["127.0.0.1:8873", "localhost", "[::1]"] {
        let id: RepositoryId = format!("rsync://{host}/m/").parse().unwrap();
        let report = bench.fetcher.fetch_repository(&bench.store, &id).await;
        assert_eq!(report.error.unwrap().kind, FetchErrorKind::Refused, "{host}");
    }
}

/// The program is a script that writes down how it was called, and shouts.
#[tokio::test]
async fn c08_c11_d03_l13_the_program_gets_nothing_of_ours_and_its_words_are_cut() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let (script, seen) = (dir.path().join("rsync"), dir.path().join("seen"));
    let text = format!(
        "#!/bin/sh\nenv > {seen}\nfor word in \"$@\"; do echo \"arg $word\" >> {seen}; done\n\
         head -c 1000000 /dev/zero | tr '\\0' '\\033' >&2\nexit 5\n",
        seen = seen.display()
    );
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
    let bench = Bench::new(|config| config.rsync_program = script.clone());
    let id: RepositoryId = "rsync://127.0.0.1:9/m/".parse().unwrap();
    let error = bench.fetcher.fetch_repository(&bench.store, &id).await.error.unwrap();
    assert_eq!(error.kind, FetchErrorKind::Rsync, "{error}");
    assert!(error.detail.len() <= 300 && error.detail.bytes().all(|byte| byte >= b' '));
    let seen = std::fs::read_to_string(seen).unwrap();
    let (words, environment): (Vec<&str>, Vec<&str>) =
        seen.lines().partition(|line| line.starts_with("arg "));
    for line in environment {
        let name = line.split('=').next().unwrap();
        // The shell itself adds the last three.
        assert!(["PATH", "LC_ALL", "PWD", "SHLVL", "_", "OLDPWD"].contains(&name), "{line}");
    }
    let end = words.iter().position(|word| *word == "arg --").unwrap();
    assert_eq!(words.len(), end + 3, "source and target alone follow the end of the options");
    let copy = words[end + 2].rsplit('/').next().unwrap();
    assert!(copy.len() == 64 && copy.bytes().all(|byte| byte.is_ascii_hexdigit()), "{copy}");
    let options = words.iter().any(|word| word.starts_with("arg -e") || word.contains("--rsh"));
    assert!(!options, "{words:?}");
}

/// L20: copies only save transfer, and go where there is no room for them.
#[tokio::test]
async fn l20_a_copy_that_finds_no_room_is_removed_and_its_content_stays() {
    let Some(daemon) = Daemon::start().await else { return };
    let copies = |bench: &Bench| {
        let directory = bench.dir.path().join("work/rsync");
        std::fs::read_dir(directory).unwrap().count()
    };
    daemon.write("a.roa", &"x".repeat(5_000));
    let bench = Bench::new(|config| config.disk.transfers = 10_000);
    let report = bench.fetcher.fetch_repository(&bench.store, &daemon.id()).await;
    assert!(report.error.is_none(), "{:?}", report.error);
    assert_eq!(report.status.objects, 1);
    while copies(&bench) > 0 {
        tokio::task::yield_now().await;
    }
    // With more room than four times the module, its copy stays; with less than the module, the
    // attempt fails.
    for (transfers, kept, fails) in [(30_000, 1, false), (4_000, 0, true)] {
        let bench = Bench::new(|config| config.disk.transfers = transfers);
        let report = bench.fetcher.fetch_repository(&bench.store, &daemon.id()).await;
        assert_eq!(report.error.is_some(), fails, "{:?}", report.error);
        while copies(&bench) != kept {
            tokio::task::yield_now().await;
        }
    }
}

/// L19: the program is given one address after the other.
#[tokio::test]
async fn l19_an_address_that_does_not_answer_leads_to_the_next() {
    let Some(daemon) = Daemon::start().await else { return };
    daemon.write("a.roa", "1");
    let bench = Bench::new(|_| {});
    let good: std::net::SocketAddr = daemon.base.split('/').nth(2).unwrap().parse().unwrap();
    // Nobody listens there: the port is the one of a listener that is gone.
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let to = bench.dir.path().join("copy");
    std::fs::create_dir(&to).unwrap();
    for (addresses, copied) in [(vec![gone], false), (vec![gone, good], true)] {
        let copy = bench.fetcher.rsync.copy_from(&daemon.base, &addresses, &to).await;
        assert_eq!(copy.is_ok(), copied, "{copy:?}");
    }
    assert!(to.join("a.roa").exists());
}
