//! Routers of other projects: each takes the whole table of a running service over RTR, follows
//! a change, survives a restart of the server, and holds exactly our VRPs.
//!
//! Debian 12: rtr-tools 0.8.0, BIRD 2.0.12, GoBGP 3.10.0, FRR 8.4.4 with `frr-rpki-rtrlib`,
//! StayRTR 0.5.1; RTRTR 0.3.3 from crates.io.

use std::collections::BTreeSet;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use provost::ca::RoaPrefix;
use provost::lab::{Roa, RsyncUse};
use provost::model::Asn;

use crate::support::{
    Bench, Running, arguments_of, free_address, get, is_installed, signal, skipped, stdout,
    wait_for,
};
use crate::tree::open_to_all;

/// Between two questions to a router, which are programs to start.
const PAUSE: Duration = Duration::from_millis(200);

/// How long a router may take to see a change: Notify comes at once, a retry after seconds.
const PATIENCE: Duration = Duration::from_secs(90);

/// Starts a router, with its output thrown away.
fn start(command: &mut Command) -> Running {
    Running::start(command.stdin(Stdio::null()).stderr(Stdio::null()))
}

/// A lab with a service over it.
struct Service {
    bench: Bench,
    http: SocketAddr,
    routers: SocketAddr,
    program: Running,
}

impl Service {
    fn start() -> Self {
        Service::start_with(&[])
    }

    fn start_with(flags: &[&str]) -> Self {
        let bench = Bench::with(RsyncUse::Never);
        let (http, routers) = (free_address(), free_address());
        let mut command = bench.provost(&["serve", "--no-rsync", "--refresh", "1s"]);
        command.args(["--http", &http.to_string(), "--rtr", &routers.to_string()]).args(flags);
        let program = start(command.args(bench.worker_flags()));
        let service = Service { bench, http, routers, program };
        service.wait_until_it_listens();
        service
    }

    fn wait_until_it_listens(&self) {
        wait_for("the service listens", || TcpStream::connect(self.routers).ok());
    }

    /// Returns the VRPs that a router must hold, as `PREFIX MAX-LENGTH ASN`.
    fn truth(&self) -> BTreeSet<String> {
        let vrps = self.bench.lab.truth().vrps;
        vrps.iter().map(|(vrp, _)| row(&vrp.prefix, vrp.max_length, vrp.asn.0)).collect()
    }

    fn add_roa(&mut self) {
        let prefix = "203.0.113.128/26".parse().unwrap();
        let prefixes = vec![RoaPrefix { prefix, max_length: None }];
        let roa = Roa { name: "elm-new".into(), asn: Asn(64511), prefixes };
        self.bench.lab.add_roa("elm", roa, provost::clock::now()).unwrap();
    }

    fn remove_roa(&mut self) {
        self.bench.lab.remove_roa("elm", "elm-new", provost::clock::now()).unwrap();
    }

    /// Ends the server child; the supervisor starts another.
    fn restart_server(&self) {
        let children = self.program.children().into_iter();
        let server = children.filter(|pid| arguments_of(*pid).contains("--no-worker"));
        server.for_each(|pid| signal("TERM", pid));
    }

    /// Takes a router through everything; `held` asks it what it holds.
    fn guide(&mut self, held: impl Fn() -> BTreeSet<String>) {
        self.guide_with(held, || ());
    }

    /// The same with a router that must be told to connect again at once.
    fn guide_with(&mut self, held: impl Fn() -> BTreeSet<String>, reconnect: impl Fn()) {
        self.expect("the whole table", &held);
        self.add_roa();
        self.expect("an announcement", &held);
        self.restart_server();
        self.remove_roa();
        self.wait_until_it_listens();
        reconnect();
        self.expect("a withdrawal, after a restart", &held);
    }

    fn expect(&self, what: &str, held: &impl Fn() -> BTreeSet<String>) {
        let truth = self.truth();
        let started = Instant::now();
        let (_keep, pause) = std::sync::mpsc::channel::<()>();
        loop {
            let found = held();
            if found == truth {
                return;
            }
            let late = started.elapsed() > PATIENCE;
            assert!(!late, "{what}: the router holds {found:#?}, the truth is {truth:#?}");
            // Nothing is ever sent: this is a pause between two looks.
            let _ = pause.recv_timeout(PAUSE);
        }
    }
}

fn row(prefix: &impl ToString, max_length: impl ToString, asn: impl ToString) -> String {
    format!("{} {} {}", prefix.to_string(), max_length.to_string(), asn.to_string())
}

fn output(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().expect("it runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn rtrclient_holds_our_vrps() {
    if !is_installed("rtrclient") {
        return;
    }
    let mut service = Service::start();
    let address = service.routers;
    service.guide(|| {
        // Refused once, it would wait for ten minutes: the retry interval.
        let mut command = Command::new("timeout");
        command.args(["10", "rtrclient", "-e", "-t", "csv", "tcp"]);
        command.arg(address.ip().to_string());
        let csv = output(command.arg(address.port().to_string()));
        let rows = csv.lines().filter_map(|line| {
            let fields: Vec<&str> = line.split(',').map(str::trim).collect();
            let [prefix, length, max_length, asn] = fields.as_slice() else { return None };
            Some(row(&format!("{prefix}/{length}"), max_length, asn))
        });
        rows.collect()
    });
}

/// Returns what StayRTR's `rtrdump` gets over RTR with more `flags`.
fn rtrdump(address: SocketAddr, file: &Path, flags: &[&str]) -> BTreeSet<String> {
    // What an earlier run wrote is no answer of this one.
    let _ = fs::remove_file(file);
    let mut command = Command::new("timeout");
    command.args(["20", "rtrdump", "-rtr.version", "1"]).args(flags).arg("-file").arg(file);
    output(command.args(["-connect", &address.to_string()]));
    let json = fs::read(file).ok().and_then(|json| serde_json::from_slice(&json).ok());
    let json: serde_json::Value = json.unwrap_or_default();
    let roas = json.get("roas").and_then(|roas| roas.as_array()).cloned().unwrap_or_default();
    let field = |roa: &serde_json::Value, name| roa.get(name).cloned().unwrap_or_default();
    let text = |value: serde_json::Value| value.to_string().replace(['"', 'A', 'S'], "");
    let rows = roas.iter().map(|roa| {
        row(&text(field(roa, "prefix")), text(field(roa, "maxLength")), text(field(roa, "asn")))
    });
    rows.collect()
}

#[test]
fn rtrdump_of_stayrtr_holds_our_vrps() {
    if !is_installed("rtrdump") {
        return;
    }
    let mut service = Service::start();
    let (address, file) = (service.routers, service.bench.data().join("dump.json"));
    service.guide(|| rtrdump(address, &file, &["-type", "plain"]));
}

#[test]
fn rtrdump_of_stayrtr_holds_our_vrps_over_tls() {
    if !is_installed("rtrdump") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let [certificate, key] = ["rtr.pem", "rtr.key"].map(|name| directory.path().join(name));
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    fs::write(&certificate, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let tls = free_address();
    let [certificate, key] = [certificate, key].map(|path| path.display().to_string());
    let mut service = Service::start_with(&[
        "--rtr-tls",
        &tls.to_string(),
        "--rtr-tls-cert",
        &certificate,
        "--rtr-tls-key",
        &key,
    ]);
    service.routers = tls;
    let file = service.bench.data().join("dump.json");
    // Whose certificates are accepted is tested beside the code, in `rtr::tls`.
    service.guide(|| rtrdump(tls, &file, &["-type", "tls", "-tls.validate=false"]));
}

#[test]
fn stayrtr_serves_our_vrps_from_our_json() {
    if !is_installed("rtrdump") || !is_installed("stayrtr") {
        return;
    }
    let mut service = Service::start();
    let (bind, metrics) = (free_address(), free_address());
    let mut command = Command::new("stayrtr");
    command.args(["-bind", &bind.to_string(), "-metrics.addr", &metrics.to_string()]);
    command.args(["-cache", &format!("http://{}/json", service.http), "-refresh", "1"]);
    let _stayrtr = start(&mut command);
    wait_for("StayRTR listens", || TcpStream::connect(bind).ok());
    let file = service.bench.data().join("dump.json");
    service.guide(|| rtrdump(bind, &file, &["-type", "plain"]));
}

/// A running RTRTR with one unit, and where its targets of both kinds listen.
struct Rtrtr {
    routers: SocketAddr,
    http: SocketAddr,
    _program: Running,
}

impl Rtrtr {
    /// Starts one whose unit has these lines.
    fn start(directory: &Path, unit: &str) -> Self {
        let (routers, http) = (free_address(), free_address());
        let config = directory.join("rtrtr.conf");
        let lines = format!(
            "log_level = \"error\"\nlog_target = \"stderr\"\nhttp-listen = [\"{http}\"]\n\
             [units.provost]\n{unit}\n\
             [targets.rtr]\ntype = \"rtr\"\nlisten = [\"{routers}\"]\nunit = \"provost\"\n\
             [targets.http]\ntype = \"http\"\npath = \"/json\"\nformat = \"json\"\n\
             unit = \"provost\"\n"
        );
        fs::write(&config, lines).unwrap();
        let program = start(Command::new("rtrtr").arg("--config").arg(&config));
        let rtrtr = Rtrtr { routers, http, _program: program };
        wait_for("RTRTR listens", || TcpStream::connect(routers).ok());
        rtrtr
    }

    /// Returns the VRPs and the ASPAs that its target over HTTP gives, the latter as
    /// `CUSTOMER [PROVIDER, ..]`.
    fn held(&self) -> (BTreeSet<String>, BTreeSet<String>) {
        let json = get(self.http, "/json").map(|(_, body)| body).unwrap_or_default();
        let json: serde_json::Value = serde_json::from_str(&json).unwrap_or_default();
        let list = |name: &str| json[name].as_array().cloned().unwrap_or_default();
        let bare = |asn: &serde_json::Value| asn.to_string().replace(['"', 'A', 'S'], "");
        let vrp = |vrp: &serde_json::Value| {
            row(&vrp["prefix"].as_str().unwrap_or_default(), &vrp["maxLength"], bare(&vrp["asn"]))
        };
        let aspa = |aspa: &serde_json::Value| {
            let providers = aspa["providers"].as_array().cloned().unwrap_or_default();
            let providers: Vec<_> = providers.iter().map(bare).collect();
            format!("{} [{}]", bare(&aspa["customer"]), providers.join(", "))
        };
        (list("roas").iter().map(vrp).collect(), list("aspas").iter().map(aspa).collect())
    }

    /// Expects that the target over HTTP gives these VRPs and ASPAs.
    fn expect(&self, vrps: BTreeSet<String>, aspas: &[&str]) {
        let aspas: BTreeSet<_> = aspas.iter().map(|aspa| (*aspa).to_owned()).collect();
        wait_for("RTRTR has what the lab has", || {
            (self.held() == (vrps.clone(), aspas.clone())).then_some(())
        });
    }
}

/// The ASPA of the lab's plan.
const ASPA: &str = "64500 [64496, 64504]";

#[test]
fn rtrtr_serves_our_payload_from_our_json() {
    if !is_installed("rtrtr") || !is_installed("rtrdump") {
        return;
    }
    let mut service = Service::start();
    // Until there are data the answer is 503, and RTRTR asks again after a second.
    let unit = format!("type = \"json\"\nuri = \"http://{}/json\"\nrefresh = 1", service.http);
    let rtrtr = Rtrtr::start(service.bench.data(), &unit);
    let file = service.bench.data().join("dump.json");
    service.guide(|| rtrdump(rtrtr.routers, &file, &["-type", "plain"]));
    rtrtr.expect(service.truth(), &[ASPA]);
}

#[test]
fn rtrtr_serves_our_payload_from_our_rtr() {
    if !is_installed("rtrtr") || !is_installed("rtrdump") {
        return;
    }
    let mut service = Service::start();
    let unit = format!("type = \"rtr\"\nremote = \"{}\"\nretry = 1", service.routers);
    let rtrtr = Rtrtr::start(service.bench.data(), &unit);
    let file = service.bench.data().join("dump.json");
    service.guide(|| rtrdump(rtrtr.routers, &file, &["-type", "plain"]));
    // Its JSON ends before the ASPAs where there is a router key, as its own JSON unit never has.
    rtrtr.expect(service.truth(), &[]);
}

#[test]
fn rtrtr_serves_our_payload_from_a_file_that_we_exported() {
    if !is_installed("rtrtr") || !is_installed("rtrdump") {
        return;
    }
    let bench = Bench::with(RsyncUse::Never);
    bench.sync(&[]);
    let export = bench.data().join("vrps.json");
    let mut command = bench.provost(&["export", "--format", "json", "--output"]);
    stdout(command.arg(&export));
    let unit = format!("type = \"json\"\nuri = \"file:{}\"\nrefresh = 1", export.display());
    let rtrtr = Rtrtr::start(bench.data(), &unit);
    let vrps = bench.lab.truth().vrps;
    let vrps: BTreeSet<_> =
        vrps.iter().map(|(vrp, _)| row(&vrp.prefix, vrp.max_length, vrp.asn.0)).collect();
    rtrtr.expect(vrps.clone(), &[ASPA]);
    let file = bench.data().join("dump.json");
    assert_eq!(rtrdump(rtrtr.routers, &file, &["-type", "plain"]), vrps);
}

#[test]
fn bird_holds_our_vrps() {
    if !is_installed("bird") {
        return;
    }
    let mut service = Service::start();
    let (ip, port) = (service.routers.ip(), service.routers.port());
    let directory = service.bench.data().to_owned();
    let config = directory.join("bird.conf");
    let socket = directory.join("bird.ctl");
    let lines = format!(
        "router id 192.0.2.1;\nroa4 table r4;\nroa6 table r6;\nprotocol device {{ }}\n\
         protocol rpki provost {{ roa4 {{ table r4; }}; roa6 {{ table r6; }};\n\
         remote \"{ip}\" port {port}; retry keep 2; refresh keep 30; expire 600; }}\n"
    );
    fs::write(&config, lines).unwrap();
    let mut command = Command::new("bird");
    command.arg("-f").arg("-c").arg(&config).arg("-s").arg(&socket);
    let _bird = start(command.arg("-P").arg(directory.join("bird.pid")));
    service.guide(|| {
        let mut rows = BTreeSet::new();
        for table in ["r4", "r6"] {
            let mut command = Command::new("birdc");
            command.arg("-s").arg(&socket);
            let text = output(command.args(["show", "route", "table", table]));
            rows.extend(text.lines().filter_map(bird_row));
        }
        rows
    });
}

/// Reads `198.51.100.0/22-24 AS64497  [provost ...`.
fn bird_row(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    let (prefix, max_length) = words.next()?.rsplit_once('-')?;
    let asn = words.next()?.strip_prefix("AS")?;
    Some(row(&prefix, max_length, asn))
}

#[test]
fn gobgp_holds_our_vrps() {
    if !is_installed("gobgpd") || !is_installed("gobgp") {
        return;
    }
    let mut service = Service::start();
    let (ip, port) = (service.routers.ip(), service.routers.port());
    let config = service.bench.data().join("gobgp.toml");
    let lines = format!(
        "[global.config]\nas = 64500\nrouter-id = \"192.0.2.1\"\nport = -1\n\
         [[rpki-servers]]\n[rpki-servers.config]\naddress = \"{ip}\"\nport = {port}\n"
    );
    fs::write(&config, lines).unwrap();
    let api = free_address();
    let mut command = Command::new("gobgpd");
    command.arg("-f").arg(&config);
    let _gobgpd = start(command.args(["--api-hosts", &api.to_string()]));
    service.guide(|| {
        let mut rows = BTreeSet::new();
        for family in ["ipv4", "ipv6"] {
            let mut command = Command::new("gobgp");
            command.args(["-u", &api.ip().to_string(), "-p", &api.port().to_string()]);
            let text = output(command.args(["rpki", "table", "-a", family]));
            rows.extend(text.lines().filter_map(gobgp_row));
        }
        rows
    });
}

/// Reads `192.0.2.0/24       24     64496      127.0.0.1:3323`.
fn gobgp_row(line: &str) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [prefix, max_length, asn, _] = words.as_slice() else { return None };
    prefix.contains('/').then(|| row(prefix, max_length, asn))
}

/// Where Debian keeps the daemon.
const BGPD: &str = "/usr/lib/frr/bgpd";

#[test]
fn frr_holds_our_vrps() {
    let module = PathBuf::from("/usr/lib/x86_64-linux-gnu/frr/modules/bgpd_rpki.so");
    if !module.exists() {
        skipped("frr-rpki-rtrlib is not installed");
        return;
    }
    if !is_installed(BGPD) || !is_installed("vtysh") {
        return;
    }
    let mut service = Service::start();
    let (ip, port) = (service.routers.ip(), service.routers.port());
    // FRR becomes somebody else, and refuses sockets in a directory of others.
    let directory = tempfile::Builder::new().prefix("provost-frr-").tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let lines = format!(
        "rpki\n rpki polling_period 30\n rpki retry_interval 2\n \
         rpki cache {ip} {port} preference 1\n exit\n"
    );
    fs::write(at("bgpd.conf"), lines).unwrap();
    open_to_all(directory.path());
    let mut command = Command::new(BGPD);
    command.args(["-M", "rpki", "-n", "-Z", "-p", "0", "-S", "-u", "root", "-g", "root"]);
    command.arg("-f").arg(at("bgpd.conf")).arg("-i").arg(at("bgpd.pid"));
    let _bgpd = start(command.arg("--vty_socket").arg(directory.path()));
    let ask = |words: &str| {
        let mut command = Command::new("vtysh");
        command.arg("--vty_socket").arg(directory.path()).args(["-d", "bgpd", "-c", words]);
        output(&mut command)
    };
    let held = || {
        let json = serde_json::from_str(&ask("show rpki prefix-table json"));
        let json: serde_json::Value = json.unwrap_or_default();
        let prefixes = json["prefixes"].as_array().cloned().unwrap_or_default();
        let rows = prefixes.iter().map(|vrp| {
            let address = vrp["prefix"].as_str().unwrap_or_default();
            let prefix = format!("{address}/{}", vrp["prefixLenMin"]);
            row(&prefix, &vrp["prefixLenMax"], &vrp["asn"])
        });
        rows.collect()
    };
    // It keeps what it has and connects again, in the same session, after ten minutes: the retry
    // interval that the cache names, whatever its own configuration says. Not everybody wants to
    // wait for so long. After a reset it asks for the whole table.
    let reconnect = || drop(ask("rpki reset"));
    service.guide_with(held, reconnect);
}
