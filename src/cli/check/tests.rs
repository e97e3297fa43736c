//! What a user sees of `check`, as golden texts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::run::Asker;
use super::{CheckArgs, Sources, run};
use crate::cli::{CliError, Exit};
use crate::config::{DEFAULT_MAX_AGE, DataDir};
use crate::model::Timestamp;
use crate::world::fixture::{NOW, hours, world};
use crate::world::{Purpose, View, World, publish};

/// A data directory with one world.
struct Data(tempfile::TempDir);

impl Data {
    fn with(world: &World) -> Data {
        let dir = tempfile::tempdir().unwrap();
        publish(&DataDir::new(dir.path()).world(), world).unwrap();
        Data(dir)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn check(&self, args: &CheckArgs) -> Result<(Exit, String), CliError> {
        check_at(self.0.path(), args, NOW)
    }
}

/// The data below `dir`, with the usual age and no cache to judge again.
fn data_of(dir: &DataDir) -> Sources<'_> {
    let judge_at = &|_| Err(CliError::no_data("there is no cache"));
    Sources { dir, max_age: DEFAULT_MAX_AGE, exceptions: &[], judge_at }
}

fn check_at(dir: &Path, args: &CheckArgs, now: Timestamp) -> Result<(Exit, String), CliError> {
    let mut out = anstream::StripStream::new(Vec::new());
    let mut err = Vec::new();
    let exit = run(args, data_of(&DataDir::new(dir)), now, &mut out, &mut err)?;
    let text = String::from_utf8([out.into_inner(), err].concat()).unwrap();
    Ok((exit, text.replace(&dir.display().to_string(), "DIR")))
}

fn args(routes: &[&str]) -> CheckArgs {
    let routes = routes.iter().map(|&word| word.to_owned()).collect();
    CheckArgs { routes, ..CheckArgs::default() }
}

const ROUTES: [&str; 12] = [
    "192.0.2.0/24",
    "AS64496",
    "198.51.100.0/25",
    "AS64497",
    "198.51.100.0/24",
    "AS64499",
    "2001:db8::/64",
    "AS64499",
    "10.0.0.0/8",
    "64499",
    "203.0.113.0/24",
    "0",
];

/// The fixture's world with what makes each kind of answer.
fn full_world() -> World {
    let mut world = world();
    world.points[1].status = crate::validate::PointStatus::LastGood;
    world.points[1].unproven =
        crate::model::ResourceSet::from_prefixes(["10.0.0.0/8".parse().unwrap()]);
    world
}

#[test]
fn every_kind_of_answer_reads_well() {
    let (exit, text) = Data::with(&full_world()).check(&args(&ROUTES)).unwrap();
    assert_eq!(exit, Exit::Invalid);
    insta::assert_snapshot!(text);
}

#[test]
fn every_kind_of_answer_has_a_line_of_json() {
    let json = CheckArgs { json: true, ..args(&ROUTES) };
    insta::assert_snapshot!(Data::with(&full_world()).check(&json).unwrap().1);
}

#[test]
fn a_prefix_alone_lists_what_covers_it() {
    let data = Data::with(&world());
    let ask = |prefix: &str, json| data.check(&CheckArgs { json, ..args(&[prefix]) }).unwrap();
    let prefixes = ["192.0.2.128/25", "198.51.100.0/24", "10.0.0.0/8"];
    let texts = prefixes.iter().flat_map(|prefix| [ask(prefix, false).1, ask(prefix, true).1]);
    insta::assert_snapshot!(texts.collect::<String>());
    assert_eq!(ask("192.0.2.128/25", false).0, Exit::Done);
}

#[test]
fn every_answer_of_a_lab_is_marked() {
    let data = Data::with(&World { purpose: Purpose::Lab, ..world() });
    for words in [&ROUTES[..2], &ROUTES[2..4], &ROUTES[8..10], &ROUTES[..1]] {
        assert!(data.check(&args(words)).unwrap().1.contains("LAB"), "{words:?}");
        let json = CheckArgs { json: true, ..args(words) };
        assert!(data.check(&json).unwrap().1.contains(r#""purpose":"lab""#), "{words:?}");
    }
    let input = Some(data.file("routes", "192.0.2.0/24 64496\n"));
    let text = data.check(&CheckArgs { input, ..args(&[]) }).unwrap().1;
    assert!(text.lines().next().unwrap().contains("LAB"));
}

#[test]
fn an_archive_is_marked_and_does_not_age() {
    let data = Data::with(&World { purpose: Purpose::Archive { at: NOW }, ..world() });
    let max_age = Some(std::time::Duration::from_secs(600));
    let args = CheckArgs { max_age, ..args(&ROUTES[..2]) };
    let (exit, text) = check_at(data.0.path(), &args, hours(10_000)).unwrap();
    assert_eq!(exit, Exit::Done);
    assert!(text.starts_with("VALID  192.0.2.0/24 AS64496  [ARCHIVE"));
    assert!(text.contains("(1 min ago)"), "{text}");
}

#[test]
fn a_file_ends_with_a_summary() {
    let data = Data::with(&full_world());
    let input = data.file(
        "routes",
        "# a table\n192.0.2.0/24 64496\n192.0.2.0/24 => AS64496\n198.51.100.0/24,64499\n\
         10.0.0.0/8\t1\nnonsense\n203.0.113.0/24 {1,2}\n192.0.2.128/25 1\n",
    );
    let file = CheckArgs { input: Some(input), ..args(&[]) };
    let (exit, text) = data.check(&file).unwrap();
    assert_eq!(exit, Exit::Invalid);
    let (_, json) = data.check(&CheckArgs { json: true, ..file }).unwrap();
    assert_eq!(json.lines().count(), 7);
    let last = json.lines().last().unwrap();
    assert!(last.starts_with(r#"{"summary":"#));
    insta::assert_snapshot!(format!("{text}{last}\n"));
}

#[test]
fn exit_codes_are_the_documented_ones() {
    let data = Data::with(&world());
    let exit = |words: &[&str], change: fn(&mut CheckArgs)| {
        let mut args = args(words);
        change(&mut args);
        data.check(&args).unwrap().0
    };
    let (valid, invalid, unknown) = (&ROUTES[..2], &ROUTES[4..6], &["11.0.0.0/8", "1"]);
    assert_eq!(exit(valid, |_| ()), Exit::Done);
    assert_eq!(exit(invalid, |_| ()), Exit::Invalid);
    assert_eq!(exit(unknown, |_| ()), Exit::Done);
    let require = |args: &mut CheckArgs| args.require_valid = true;
    assert_eq!(exit(valid, require), Exit::Done);
    assert_eq!(exit(invalid, require), Exit::Invalid);
    assert_eq!(exit(unknown, require), Exit::NotValid);
    // The repository behind the second VRP is 25 hours old: only a word, unless one asks.
    let old = &["198.51.100.0/24", "64497"];
    assert_eq!(exit(old, |_| ()), Exit::Done);
    let in_minutes =
        |args: &mut CheckArgs| args.max_age = Some(std::time::Duration::from_secs(600));
    assert_eq!(exit(old, in_minutes), Exit::NoData);
    assert_eq!(exit(invalid, in_minutes), Exit::NoData, "no data comes before invalid");
    assert_eq!(exit(valid, in_minutes), Exit::Done);
}

#[test]
fn without_a_world_there_is_no_data_and_a_next_step() {
    let dir = tempfile::tempdir().unwrap();
    let error = check_at(dir.path(), &args(&ROUTES), NOW).unwrap_err();
    assert_eq!(error.exit, Exit::NoData);
    assert!(error.hint.unwrap().contains("--vrps FILE"));
}

#[test]
fn what_has_expired_is_gone_from_the_answer() {
    let data = Data::with(&world());
    let at = |now| check_at(data.0.path(), &args(&ROUTES[..2]), now).unwrap().1;
    assert!(at(hours(24)).starts_with("VALID"));
    assert!(at(Timestamp(hours(24).0 + 1)).starts_with("UNKNOWN"));
}

#[test]
fn a_vrp_file_answers_alone_as_of_its_own_time() {
    let data = Data(tempfile::tempdir().unwrap());
    let json = r#"{ "metadata": { "buildtime": "2026-11-23T05:00:00Z" }, "roas": [
        { "asn": 64496, "prefix": "192.0.2.0/24", "maxLength": 24, "ta": "ripe", "expires": 1795500000 },
        { "asn": 64496, "prefix": "203.0.113.0/24", "maxLength": 24, "ta": "ripe", "expires": 1795500009 },
        { "asn": 64496, "prefix": "192.0.2.0/33" } ] }"#;
    let vrps = Some(data.file("vrps.json", json));
    let file = CheckArgs { vrps, ..args(&ROUTES[..2]) };
    let (exit, text) = data.check(&file).unwrap();
    assert_eq!(exit, Exit::Done, "its age alone changes no exit code");
    let expired = Timestamp(1_795_500_001);
    let (_, at) = data.check(&CheckArgs { at: Some(expired), ..file.clone() }).unwrap();
    insta::assert_snapshot!(text + &at);
    let empty = CheckArgs { at: Some(Timestamp(1_795_500_010)), ..file.clone() };
    assert_eq!(data.check(&empty).unwrap_err().exit, Exit::NoData, "all has expired");
    let (exit, _) = check_at(data.0.path(), &file, hours(1000)).unwrap();
    assert_eq!(exit, Exit::Done, "without --at nothing expires");
    let max_age = Some(std::time::Duration::from_secs(3600));
    assert_eq!(data.check(&CheckArgs { max_age, ..file }).unwrap().0, Exit::NoData);
}

#[test]
fn inputs_that_hold_nothing_are_errors() {
    let data = Data::with(&world());
    for text in ["", "# only a comment\n", "x\ny\n"] {
        let input = Some(data.file("routes", text));
        let error = data.check(&CheckArgs { input, ..args(&[]) }).unwrap_err();
        assert_eq!(error.exit, Exit::Usage, "{text:?}");
    }
    for text in ["", "ASN,IP Prefix\nx,y\n", "192.0.2.0/24 1\n"] {
        let vrps = Some(data.file("vrps", text));
        let error = data.check(&CheckArgs { vrps, ..args(&ROUTES) }).unwrap_err();
        assert_eq!(error.exit, Exit::Usage, "{text:?}");
    }
    let input = Some(data.0.path().join("absent"));
    assert_eq!(data.check(&CheckArgs { input, ..args(&[]) }).unwrap_err().exit, Exit::Usage);
}

/// A pipe that nobody reads.
struct Closed;

impl std::io::Write for Closed {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let data = Data::with(&world());
    let dir = DataDir::new(data.0.path());
    for json in [false, true] {
        let args = CheckArgs { json, ..args(&ROUTES[4..6]) };
        let exit = run(&args, data_of(&dir), NOW, &mut Closed, &mut Vec::new()).unwrap();
        assert_eq!(exit, Exit::Invalid);
    }
}

#[test]
fn an_answer_shows_the_local_exceptions_that_changed_it() {
    let data = Data::with(&world());
    let slurm = data.file(
        "local.json",
        r#"{ "slurmVersion": 1, "validationOutputFilters": { "prefixFilters": [
        { "prefix": "192.0.2.0/24", "comment": "attacked" } ], "bgpsecFilters": [] },
        "locallyAddedAssertions": { "prefixAssertions": [
        { "asn": 64500, "prefix": "198.51.100.0/24", "comment": "ours" } ],
        "bgpsecAssertions": [] } }"#,
    );
    let routes = ["192.0.2.0/24", "64496", "198.51.100.0/24", "64500", "203.0.113.0/24", "64499"];
    let exceptions = crate::cli::ExceptionArgs { files: vec![slurm.clone()] };
    let dir = DataDir::new(data.0.path());
    let shown = |json: bool, words: &[&str]| {
        let args = CheckArgs { json, exceptions: exceptions.clone(), ..args(words) };
        let sources = Sources { exceptions: &args.exceptions.files, ..data_of(&dir) };
        let mut out = anstream::StripStream::new(Vec::new());
        run(&args, sources, NOW, &mut out, &mut Vec::new()).unwrap();
        let text = String::from_utf8(out.into_inner()).unwrap();
        text.replace(&data.0.path().display().to_string(), "DIR")
    };
    insta::assert_snapshot!(format!(
        "{}{}{}",
        shown(false, &routes),
        shown(false, &["192.0.2.0/24"]),
        shown(true, &routes)
    ));
}

#[test]
fn the_default_for_stale_is_two_hours() {
    let view = View::of_world(Arc::new(world()), NOW);
    let arguments = args(&[]);
    // What the fixture fetched last is a minute older than its world.
    let asker = Asker::new(&arguments, &view, Timestamp(hours(2).0 - 60), DEFAULT_MAX_AGE);
    let route = |prefix: &str, asn| crate::model::Route {
        prefix: prefix.parse().unwrap(),
        origin: crate::model::Origin::As(crate::model::Asn(asn)),
    };
    let answer = asker.ask(route("192.0.2.0/24", 64496));
    assert_eq!(answer.freshness, crate::world::Freshness::Fresh);
    let asker = Asker::new(&arguments, &view, Timestamp(hours(2).0 - 59), DEFAULT_MAX_AGE);
    let answer = asker.ask(route("192.0.2.0/24", 64496));
    assert!(matches!(answer.freshness, crate::world::Freshness::Stale { .. }));
}
