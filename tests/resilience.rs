//! The bars of a sync that nobody can stall, poison or fill. They take minutes, so they run when
//! asked: `cargo test --release --test resilience -- --ignored --nocapture`.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test ends by a panic")]

mod support;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use provost::ca::{Resources, RoaPrefix};
use provost::clock;
use provost::lab::{Attack, Ca, Lab, LabOptions, Plan, Roa, RsyncUse, Server, Transports};
use provost::model::{AsRange, Asn, Prefix, ResourceSet, Vrp};
use support::{
    Bench, Running, free_address, get, provost_in, signal, tal_flags_of, text, wait_for,
};

/// How many repositories are slow or broken.
const HOSTILE: usize = 1_000;
/// How many are good.
const GOOD: usize = 10;
/// How often a repository is asked again.
const REFRESH: Duration = Duration::from_secs(1);
/// How often both worlds are measured.
const PAIRS: usize = 5;

fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn ca(name: String, server: usize, prefix: &str, children: Vec<Ca>) -> Ca {
    let prefixes: [Prefix; 1] = [prefix.parse().unwrap()];
    let v4 = ResourceSet::from_prefixes(prefixes).v4().to_vec();
    let asns = [AsRange { min: 64_496, max: 64_511 }];
    Ca {
        name,
        server,
        resources: Resources::Set(ResourceSet::new(v4, Vec::new(), asns)),
        roas: Vec::new(),
        aspas: Vec::new(),
        routers: Vec::new(),
        contact: None,
        children,
    }
}

fn good_prefix(number: usize) -> String {
    format!("198.51.100.{}/28", number * 16)
}

/// Two trust anchors with five good CAs each, every one on a server of its own; below each, half
/// of the hostile ones.
fn plan(hostile: usize) -> Plan {
    let server = |name: String| Server { name, transports: Transports::RrdpAndRsync };
    let mut servers = vec![server("registry".into())];
    servers.extend((0..GOOD).map(|number| server(format!("good-{number}"))));
    servers.extend((0..hostile).map(|number| server(format!("tarpit-{number}"))));
    let anchor = |name: &str, part: usize| {
        let good = (0..GOOD).filter(|number| number % 2 == part).map(|number| {
            ca(format!("good-{number}"), 1 + number, &good_prefix(number), Vec::new())
        });
        let bad = (0..hostile).filter(|number| number % 2 == part).map(|number| {
            ca(format!("tarpit-{number}"), 1 + GOOD + number, "198.51.100.240/28", Vec::new())
        });
        ca(name.to_owned(), 0, "198.51.100.0/24", good.chain(bad).collect())
    };
    Plan { servers, trust_anchors: vec![anchor("left", 0), anchor("right", 1)] }
}

/// A lab with a data directory, and what its worker needed.
struct Arena {
    lab: Lab,
    data: tempfile::TempDir,
    peak: u64,
}

impl Arena {
    fn start(runtime: &tokio::runtime::Runtime, hostile: usize) -> Self {
        let now = clock::now();
        let options = LabOptions { plan: plan(hostile), seed: 1, now, rsync: RsyncUse::Never };
        let mut lab = runtime.block_on(Lab::start(options)).expect("the lab starts");
        if hostile > 0 {
            let siege = Attack::named("siege").expect("an attack of the lab");
            lab.attack(siege, clock::now()).expect("the attack starts");
        }
        let arena = Arena { lab, data: tempfile::tempdir().expect("a directory"), peak: 0 };
        // An existing world to go on from, in which the hostile ones are known as what they are.
        let started = Instant::now();
        let mut command = arena.worker(&["sync"]);
        let output = command.output().expect("it runs");
        assert!(output.status.success(), "{}", text(&output.stderr));
        say(&format!("first sync beside {hostile} hostile: {:.1} s", seconds(started)));
        arena
    }

    fn worker(&self, words: &[&str]) -> Command {
        let mut command = provost_in(self.data.path(), words);
        command.args(tal_flags_of(&self.lab.tal_directory(), &["left", "right"]));
        command.args(["--allow-local-addresses", "--lab", "--no-rsync", "--root-cert"]);
        command.arg(self.lab.tls_root());
        // Five minutes in earnest; a shorter deadline only shortens the first sync.
        let refresh = format!("{}s", REFRESH.as_secs());
        command.args(["--refresh", &refresh, "--repository-deadline", "3s", "--quiet"]);
        command
    }

    /// Changes each good CA, starts a worker, and waits until all of it is published.
    fn measure(&mut self, round: usize) -> Duration {
        let asn = Asn(64_496 + u32::try_from(round).unwrap());
        for number in 0..GOOD {
            let prefix = good_prefix(number).parse().unwrap();
            let prefixes = vec![RoaPrefix { prefix, max_length: None }];
            let roa = Roa { name: format!("round-{round}"), asn, prefixes };
            let name = format!("good-{number}");
            self.lab.add_roa(&name, roa, clock::now()).expect("a ROA can be added");
        }
        // All ten are due when the worker starts, in both worlds: otherwise the one that was
        // measured last would wait for its repositories' next turn, which is no work.
        let stopped = Instant::now();
        wait_for("two polls", || (stopped.elapsed() >= REFRESH * 2).then_some(()));
        let started = Instant::now();
        let worker = Running::start(&mut self.worker(&["sync", "--follow"]));
        wait_for("the good ones to be published", || {
            let world = provost::world::load_current(&self.data.path().join("world")).ok()??;
            let new = world.vrps.iter().filter(|item| item.vrp.asn == asn).count();
            (new == GOOD).then_some(())
        });
        let took = started.elapsed();
        self.peak = self.peak.max(peak_memory(worker.0.id()));
        took
    }
}

fn seconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64()
}

/// Returns the most memory that a process had, in bytes.
fn peak_memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok());
    kilobytes.unwrap_or(0u64) * 1_024
}

/// A11: a thousand slow or broken repositories beside ten good ones.
#[test]
#[ignore = "takes minutes; docs/resilience.md has the command"]
fn a11_a_thousand_hostile_repositories_do_not_hold_back_ten_good_ones() {
    provost::system::sandbox::limit_resources(None);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    let mut alone = Arena::start(&runtime, 0);
    let mut beside = Arena::start(&runtime, number("PROVOST_HOSTILE", HOSTILE));
    let mut ratios: Vec<f64> = (0..PAIRS)
        .map(|round| {
            let (a, b) = (alone.measure(round), beside.measure(round));
            let ratio = b.as_secs_f64() / a.as_secs_f64();
            say(&format!("pair {round}: alone {a:.2?}, beside the hostile {b:.2?}: {ratio:.2}"));
            ratio
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    let median = ratios[PAIRS / 2];
    let megabytes = |bytes: u64| bytes / 1_000_000;
    let (a, b) = (megabytes(alone.peak), megabytes(beside.peak));
    say(&format!("median {median:.2}; peak memory {a} MB alone, {b} MB beside the hostile"));
    assert!(median <= 1.5, "the good ones are held back: {ratios:?}");
    assert!(b < a + 300, "memory is not bounded: {a} MB alone, {b} MB");
}

/// A source of moments that is the same in each run.
struct Moments(u64);

impl Moments {
    fn next(&mut self, below: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

fn exported(data: &Path) -> Option<BTreeSet<Vrp>> {
    let world = provost::world::load_current(&data.join("world")).expect("no world is damaged")?;
    Some(world.vrps.iter().map(|item| item.vrp).collect())
}

/// L01: the worker is killed at random moments while repositories change; whoever kills it is not
/// one of them, so nothing is quarantined.
#[test]
#[ignore = "takes minutes; docs/resilience.md has the command"]
fn l01_five_hundred_kills_of_the_worker_leave_no_damage_and_no_mixture() {
    let mut bench = Bench::start();
    bench.sync(&[]);
    let address = free_address();
    let mut command = bench.provost(&["serve", "--no-worker", "--http", &address.to_string()]);
    let _server = Running::start(&mut command);
    wait_for("the server", || get(address, "/ready").filter(|(status, _)| *status == 200));

    let truth = |bench: &Bench| -> BTreeSet<Vrp> {
        bench.lab.truth().vrps.into_iter().map(|(vrp, _)| vrp).collect()
    };
    let (mut truths, mut moments) = (vec![truth(&bench)], Moments(7));
    let kills = number("PROVOST_KILLS", 500);
    let (mut answers, mut worlds) = (0, BTreeSet::new());
    for kill in 0..kills {
        // One CA changes, so that there is something to fetch, to validate and to publish.
        let name = format!("kill-{}", kill / 2);
        if kill % 2 == 0 {
            let prefix = "203.0.113.128/26".parse().unwrap();
            let prefixes = vec![RoaPrefix { prefix, max_length: None }];
            let asn = Asn(64_496 + u32::try_from(kill / 2 % 16).unwrap());
            bench.lab.add_roa("elm", Roa { name, asn, prefixes }, clock::now()).unwrap();
        } else {
            bench.lab.remove_roa("elm", &name, clock::now()).unwrap();
        }
        truths.push(truth(&bench));
        // As the supervisor starts it after a kill that was not for memory.
        let mut command = bench.provost(&["sync", "--follow", "--killed", "--quiet"]);
        command.args(bench.worker_flags()).args(["--refresh", "1s"]);
        let worker = Running::start(&mut command);
        let moment = Duration::from_micros(moments.next(1_500_000));
        let started = Instant::now();
        while started.elapsed() < moment {
            let answer = get(address, "/api/v1/validity/AS64496/192.0.2.0/25");
            let (status, body) = answer.expect("the server answers throughout");
            assert!(status == 200 && body.contains("\"state\": \"valid\""), "{status}: {body}");
            answers += 1;
        }
        signal("KILL", worker.0.id());
        drop(worker);
        let found = exported(bench.data()).expect("a world");
        assert!(truths.contains(&found), "kill {kill}: a mixture was published: {found:?}");
        worlds.insert(provost::world::next_id(&bench.data().join("world")).expect("an id").0);
        if kill % 50 == 49 {
            let doctor = bench.provost(&["doctor"]).output().expect("it runs");
            assert!(doctor.status.success(), "kill {kill}: {}", text(&doctor.stdout));
        }
    }
    bench.sync(&[]);
    assert_eq!(exported(bench.data()), truths.last().cloned(), "the world equals the truth");
    bench.assert_truth();
    let doctor = bench.provost(&["doctor"]).output().expect("it runs");
    assert!(doctor.status.success(), "{}", text(&doctor.stdout));
    say(&format!("{kills} kills, {answers} answers, {} worlds on the way", worlds.len()));
    assert!(worlds.len() > kills / 20, "the kills came too early to be of any use");
}
