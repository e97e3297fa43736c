//! `krill` (0.16.1; `cargo install krill`) as CA and publication server over its own HTTPS, with
//! rsync's daemon beside it.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::support::{
    Running, free_address, get, is_installed, provost_in, run, skipped, text, wait_for,
};

/// The longest time between two polls: `--refresh 1s` and its jitter.
const POLL: Duration = Duration::from_millis(1_250);
/// What fetching, validation, publication and the question itself may take beside it.
const WORK: Duration = Duration::from_secs(3);

/// A krill with a trust anchor and a CA of its own, both named by it.
struct Krill {
    _daemon: Running,
    home: tempfile::TempDir,
    address: SocketAddr,
}

impl Krill {
    fn start() -> Self {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("data");
        std::fs::create_dir_all(data.join("ssl")).unwrap();
        let key = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(data.join("ssl/cert.pem"), key.cert.pem()).unwrap();
        std::fs::write(data.join("ssl/key.pem"), key.signing_key.serialize_pem()).unwrap();
        let address = free_address();
        let rsync = serve_rsync(home.path().join("rsyncd.conf"), data.join("repo/rsync/current"));
        let (port, data) = (address.port(), data.display());
        let config = format!(
            "data_dir = \"{data}\"\nadmin_token = \"secret\"\nip = \"127.0.0.1\"\nport = {port}\n\
             https_mode = \"existing\"\nservice_uri = \"https://localhost:{port}/\"\n\
             log_type = \"stderr\"\nlog_level = \"warn\"\n\n[testbed]\n\
             rrdp_base_uri = \"https://localhost:{port}/rrdp/\"\n\
             rsync_jail = \"rsync://{rsync}/repo/\"\n\
             ta_uri = \"https://localhost:{port}/ta/ta.cer\"\n\
             ta_aia = \"rsync://{rsync}/ta/ta.cer\"\n"
        );
        let path = home.path().join("krill.conf");
        std::fs::write(&path, config).unwrap();
        let log = std::fs::File::create(home.path().join("krill.log")).unwrap();
        let mut command = Command::new("krill");
        let daemon = Running::start(command.arg("-c").arg(&path).stderr(log).stdin(Stdio::null()));
        let krill = Krill { _daemon: daemon, home, address };
        wait_for("krill's CA", || {
            krill.client(&["show", "--ca", "testbed"]).status.success().then_some(())
        });
        wait_for("krill's trust anchor locator", || krill.tal());
        krill
    }

    fn certificate(&self) -> PathBuf {
        self.home.path().join("data/ssl/cert.pem")
    }

    fn client(&self, words: &[&str]) -> std::process::Output {
        let server = format!("https://localhost:{}/", self.address.port());
        let mut command = Command::new("krillc");
        command.args(["-s", &server, "-t", "secret"]).args(words);
        command.env("SSL_CERT_FILE", self.certificate()).output().expect("krillc runs")
    }

    fn change_roas(&self, words: &[&str]) {
        let output = self.client(&[&["roas", "update", "--ca", "testbed"], words].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
    }

    /// Gets what krill serves at a path, if it does.
    fn served(&self, path: &str) -> Option<Vec<u8>> {
        let uri = format!("https://localhost:{}/{path}", self.address.port());
        let mut command = Command::new("curl");
        command.args(["-sf", "--cacert"]).arg(self.certificate()).arg(uri);
        let output = command.output().expect("curl runs");
        output.status.success().then_some(output.stdout)
    }

    /// Writes the locator to a file, once krill serves it.
    fn tal(&self) -> Option<PathBuf> {
        let tal = self.served("ta/ta.tal").filter(|tal| tal.starts_with(b"https://"))?;
        let path = self.home.path().join("krill.tal");
        std::fs::write(&path, tal).unwrap();
        Some(path)
    }

    fn flags(&self) -> Vec<String> {
        let tal = self.home.path().join("krill.tal").display().to_string();
        let root = self.certificate().display().to_string();
        let flags = ["--no-rir-tals", "--tal", &tal, "--root-cert", &root];
        let flags = flags.iter().chain(&["--lab", "--allow-local-addresses", "--refresh", "1s"]);
        flags.map(ToString::to_string).collect()
    }
}

/// Serves a directory by Debian's rsync daemon, started for each connection; returns its address.
fn serve_rsync(config: PathBuf, files: PathBuf) -> String {
    let text = format!("use chroot = no\n[repo]\npath = {}\nread only = yes\n", files.display());
    std::fs::write(&config, text).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let config = format!("--config={}", config.display());
            let child = Command::new("rsync")
                .args(["--daemon", "--no-detach", &config])
                .stdin(Stdio::from(OwnedFd::from(stream)))
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn();
            if let Ok(mut child) = child {
                std::thread::spawn(move || child.wait());
            }
        }
    });
    address
}

fn is_here() -> bool {
    ["krill", "rsync", "curl"].into_iter().all(is_installed)
}

/// Returns the state that `provost check` gives.
fn state(data: &Path, asn: &str) -> String {
    let words = ["check", "192.0.2.0/24", asn, "--json"];
    let output = provost_in(data, &words).output().expect("it runs");
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let state = json.get("state").and_then(serde_json::Value::as_str);
    state.unwrap_or_default().to_owned()
}

#[test]
fn a_roa_in_krill_changes_the_answers_within_one_poll_and_its_removal_does_too() {
    if !is_here() {
        return;
    }
    let krill = Krill::start();
    let data = tempfile::tempdir().unwrap();
    let address = free_address();
    let mut command = provost_in(data.path(), &["serve", "--http", &address.to_string()]);
    let _service = Running::start(command.args(krill.flags()));
    wait_for("the first world", || get(address, "/ready").filter(|(status, _)| *status == 200));
    assert_eq!(state(data.path(), "AS64500"), "unknown");
    for (change, words, expected) in [
        ("added", ["--add", "192.0.2.0/24 => 64500"], ["valid", "invalid"]),
        ("removed", ["--remove", "192.0.2.0/24 => 64500"], ["unknown", "unknown"]),
    ] {
        // krill takes a change, and publishes it some time after that.
        let before = krill.served("rrdp/notification.xml").expect("a notification");
        krill.change_roas(&words);
        wait_for("krill's publication", || {
            (krill.served("rrdp/notification.xml")? != before).then_some(())
        });
        let started = Instant::now();
        wait_for(change, || (state(data.path(), "AS64500") == expected[0]).then_some(()));
        assert_eq!(state(data.path(), "AS64511"), expected[1]);
        let took = started.elapsed();
        let _ = writeln!(
            std::io::stderr(),
            "ROA {change}: seen {:.1} s after its publication",
            took.as_secs_f64()
        );
        assert!(took < POLL + WORK, "{change}: {took:?}");
    }
    let (_, status) = get(address, "/v1/repositories").expect("an answer");
    assert!(status.contains("/rrdp/notification.xml"), "{status}");
}

#[test]
fn krill_is_read_by_rsync_as_by_rrdp() {
    if !is_here() {
        return;
    }
    let krill = Krill::start();
    krill.change_roas(&["--add", "192.0.2.0/24 => 64500"]);
    for flag in ["--no-rsync", "--no-rrdp"] {
        let data = tempfile::tempdir().unwrap();
        if flag == "--no-rrdp" && !krill.home.path().join("data/repo/rsync/current").exists() {
            return skipped("this krill writes no tree for rsync");
        }
        // krill publishes a change some seconds after it has taken it.
        wait_for(flag, || {
            run(provost_in(data.path(), &["sync", flag]).args(krill.flags()));
            (state(data.path(), "AS64500") == "valid").then_some(())
        });
    }
}
