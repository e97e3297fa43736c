//! Real VRPs and real routes: all are answered, and the answers are those of simpler programs.
//!
//! The data lie beside the project, in `../shared/data`; where they are not, the tests say so.

#![expect(clippy::unwrap_used, reason = "test code outside of functions that clippy sees as tests")]

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use prefix_trie::PrefixMap;
use provost::bgp::Routes;
use provost::cli::CliError;
use provost::cli::check::{CheckArgs, Sources, run};
use provost::config::{DEFAULT_MAX_AGE, DataDir};
use provost::model::{Origin, Prefix, Route, Timestamp, Vrp};
use provost::origin::{Index, Validity, table};
use provost::payload::VrpFile;
use provost::world::View;

const VRPS: &str = "vrps/rpkiclient_summary_20250720T093135Z.json.bz2";
const ROUTES: &str = "routes/ipasn6_20151101.dat.gz";

/// Returns the path of a data file, or says that the test is skipped.
fn data(name: &str) -> Option<PathBuf> {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(name);
    let given = std::env::var_os("PROVOST_TEST_DATA").map(|dir| PathBuf::from(dir).join(name));
    let found = given.into_iter().chain([above]).find(|path| path.exists());
    if found.is_none() {
        // Past the harness, which shows nothing of tests that pass.
        let _ = writeln!(
            std::io::stderr(),
            "skipped: no real data ({name} is not in ../shared/data or $PROVOST_TEST_DATA)"
        );
    }
    found
}

fn vrps() -> Option<View> {
    let mut bytes = Vec::new();
    let file = BufReader::new(File::open(data(VRPS)?).unwrap());
    bzip2::bufread::MultiBzDecoder::new(file).read_to_end(&mut bytes).unwrap();
    Some(View::of_vrp_file(VrpFile::parse(&bytes).unwrap(), VRPS, None))
}

fn routes() -> Option<Vec<Route>> {
    let file = BufReader::new(File::open(data(ROUTES)?).unwrap());
    let mut routes = Routes::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(file)));
    let list: Vec<Route> = routes.by_ref().map(Result::unwrap).collect();
    assert_eq!(routes.rejected().count, 0);
    Some(list)
}

/// Shuffles always the same way.
fn shuffle(routes: &mut [Route]) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for last in (1..routes.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        routes.swap(last, usize::try_from(state % (last as u64 + 1)).unwrap());
    }
}

/// RFC 6811 without an index or a reason.
fn state<'a>(covering: impl Iterator<Item = &'a Vrp>, route: Route) -> &'static str {
    let mut state = "not found";
    for vrp in covering {
        state = "invalid";
        let same = route.origin == Origin::As(vrp.asn) && !vrp.asn.is_zero();
        if same && route.prefix.len() <= vrp.max_length {
            return "valid";
        }
    }
    state
}

fn name(validity: Validity) -> &'static str {
    match validity {
        Validity::Valid => "valid",
        Validity::Invalid(_) => "invalid",
        Validity::NotFound => "not found",
    }
}

/// The other program: a trie per family, asked for every prefix on the way down.
struct Trie {
    v4: PrefixMap<ipnet::Ipv4Net, Vec<Vrp>>,
    v6: PrefixMap<ipnet::Ipv6Net, Vec<Vrp>>,
}

impl Trie {
    fn new(vrps: &[Vrp]) -> Trie {
        let mut trie = Trie { v4: PrefixMap::new(), v6: PrefixMap::new() };
        for vrp in vrps {
            match vrp.prefix.net() {
                ipnet::IpNet::V4(net) => trie.v4.entry(net).or_default().push(*vrp),
                ipnet::IpNet::V6(net) => trie.v6.entry(net).or_default().push(*vrp),
            }
        }
        trie
    }

    fn covering(&self, prefix: Prefix) -> Vec<Vrp> {
        let lists: Vec<&Vec<Vrp>> = match prefix.net() {
            ipnet::IpNet::V4(net) => self.v4.cover(&net).map(|(_, list)| list).collect(),
            ipnet::IpNet::V6(net) => self.v6.cover(&net).map(|(_, list)| list).collect(),
        };
        lists.into_iter().flatten().copied().collect()
    }
}

/// Bar: 500,000 lookups of shuffled real routes, covering list consumed, agree with other
/// programs, each well under a microsecond. `benches/lookup.rs` measures exactly.
#[test]
fn half_a_million_shuffled_lookups_agree_with_other_programs() {
    let (Some(view), Some(mut routes)) = (vrps(), routes()) else { return };
    shuffle(&mut routes);
    routes.truncate(500_000);
    let index: &Index = view.index();
    let began = Instant::now();
    let states: Vec<Validity> = routes.iter().map(|route| Validity::of(index, *route)).collect();
    let each = began.elapsed() / 500_000;
    println!("{} ns a lookup in this build", each.as_nanos());

    let trie = Trie::new(view.vrps());
    for (route, validity) in routes.iter().zip(&states) {
        let covering: Vec<Vrp> = trie.covering(route.prefix);
        let mut ours: Vec<Vrp> = index
            .covering(route.prefix)
            .flat_map(|cover| cover.positions)
            .map(|position| view.vrps()[position])
            .collect();
        ours.sort_unstable();
        let mut theirs = covering.clone();
        theirs.sort_unstable();
        assert_eq!(ours, theirs, "{route}");
        assert_eq!(name(*validity), state(covering.iter(), *route), "{route}");
    }
    for route in routes.iter().step_by(1000) {
        let covering = view.vrps().iter().filter(|vrp| vrp.prefix.covers(route.prefix));
        let validity = Validity::of(index, *route);
        assert_eq!(name(validity), state(covering, *route), "{route}");
    }
    assert_eq!(table::judge_all(index, &routes), states, "the table pass agrees");
}

/// The data below `dir`, with the usual age and no cache to judge again.
fn data_of(dir: &DataDir) -> Sources<'_> {
    let judge_at = &|_| Err(CliError::no_data("there is no cache"));
    Sources { dir, max_age: DEFAULT_MAX_AGE, exceptions: &[], judge_at }
}

#[test]
fn check_answers_every_real_route_with_a_summary() {
    let (Some(vrps), Some(input)) = (data(VRPS), data(ROUTES)) else { return };
    let args = CheckArgs { vrps: Some(vrps), input: Some(input), ..CheckArgs::default() };
    let (mut out, mut err) = (anstream::StripStream::new(Vec::new()), Vec::new());
    let dir = DataDir::new("absent");
    run(&args, data_of(&dir), Timestamp(1_795_500_000), &mut out, &mut err).unwrap();
    assert!(err.is_empty(), "{}", String::from_utf8_lossy(&err));
    let text = String::from_utf8(out.into_inner()).unwrap();
    println!("{text}");
    let number = |word: &str| -> u64 {
        let line = text.lines().find(|line| line.trim_start().starts_with(word)).unwrap();
        line.split_whitespace().find_map(|part| part.parse().ok()).unwrap()
    };
    assert!(text.starts_with("633831 routes,"));
    assert_eq!(number("VALID") + number("INVALID") + number("UNKNOWN"), 633_831);
    assert!(text.contains("made 2025-07-20T09:31:33Z; 723521 VRPs"));
}
