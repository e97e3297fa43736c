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
use provost::object::{Ccr, CcrRule};
use provost::origin::{Index, Validity, table};
use provost::payload::{FileFormat, VrpFile};
use provost::validate::judge_alone;
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

/// Returns the example of draft-ietf-sidrops-rpki-ccr-11, which is kept as base64.
fn example_of_the_draft() -> Option<Vec<u8>> {
    let path = data("objects/ccr/draft-ietf-sidrops-rpki-ccr.ccr")?;
    let text = std::fs::read_to_string(path).unwrap();
    Some(rpki::util::base64::Xml.decode(&text).unwrap())
}

#[test]
fn the_example_of_the_ccr_draft_is_read_and_answered_from() {
    let Some(bytes) = example_of_the_draft() else { return };
    assert_eq!(bytes.len(), 1_528);
    let ccr = Ccr::decode(&bytes).unwrap();
    assert_eq!(ccr.produced_at.to_string(), "2026-05-15T00:00:10Z");
    assert_eq!(ccr.most_recent_update.unwrap().to_string(), "2026-05-15T00:00:09Z");
    let manifests = ccr.manifests.unwrap().entries;
    assert_eq!((manifests.len(), manifests[3].subordinates.len()), (4, 2));
    assert_eq!(ccr.trust_anchors.unwrap().entries.len(), 2);
    let aspas = ccr.aspas.unwrap().entries;
    let aspas: Vec<(u32, Vec<u32>)> = aspas
        .iter()
        .map(|aspa| (aspa.customer.0, aspa.providers.iter().map(|asn| asn.0).collect()))
        .collect();
    let wanted = [(64_511, vec![64_496]), (65_536, vec![65_540, 65_544]), (65_550, vec![0])];
    assert_eq!(aspas, wanted);
    let keys: Vec<u32> = ccr.router_keys.unwrap().entries.iter().map(|key| key.asn.0).collect();
    assert_eq!(keys, [65_542, 65_542, 65_551]);

    let file = VrpFile::parse(&bytes).unwrap();
    assert_eq!(file.format, FileFormat::Ccr);
    let vrps: Vec<String> = file.vrps.iter().map(|row| row.vrp.to_string()).collect();
    let wanted = [
        "192.0.2.0/24-24 AS0",
        "198.51.100.0/24-28 AS65536",
        "2001:db8::/48-48 AS65536",
        "3fff::/32-32 AS65550",
        "3fff::/32-32 AS65551",
    ];
    assert_eq!(vrps, wanted);

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("rpki.ccr.gz");
    let mut gzip =
        flate2::write::GzEncoder::new(File::create(&path).unwrap(), flate2::Compression::fast());
    gzip.write_all(&bytes).unwrap();
    gzip.finish().unwrap();
    let routes = ["198.51.100.16/28", "AS65536", "192.0.2.0/24", "AS64496"].map(str::to_owned);
    let args = CheckArgs { vrps: Some(path), routes: routes.into(), ..CheckArgs::default() };
    let (mut out, mut err) = (anstream::StripStream::new(Vec::new()), Vec::new());
    let dir = DataDir::new("absent");
    run(&args, data_of(&dir), Timestamp(1_795_500_000), &mut out, &mut err).unwrap();
    assert!(err.is_empty(), "{}", String::from_utf8_lossy(&err));
    let text = String::from_utf8(out.into_inner()).unwrap();
    assert!(text.contains("VALID") && text.contains("INVALID"), "{text}");
    assert!(text.contains("2026-05-15T00:00:10Z"), "{text}");
}

#[test]
fn every_truncation_of_the_example_of_the_ccr_draft_is_refused() {
    let Some(bytes) = example_of_the_draft() else { return };
    for length in 0..bytes.len() {
        assert!(Ccr::decode(&bytes[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn older_profiles_are_refused_with_their_reason() {
    let Some(folder) = data("objects/rpkitouch") else { return };
    let ccr = std::fs::read(folder.join("test.ccr")).unwrap();
    let error = Ccr::decode(&ccr).unwrap_err();
    assert_eq!(error.rule, CcrRule::AddressOrder, "{error}");
    assert!(error.detail.starts_with("misordered addresses of an address family: "), "{error}");
    let refused = VrpFile::parse(&ccr).unwrap_err().to_string();
    assert!(refused.contains("canonical order of RFC 9582"), "{refused}");
    let aspa = std::fs::read(folder.join("FjSf5hX1GmGhKMu9AG7WVIl8m1M.asa")).unwrap();
    let finding = judge_alone(&aspa.into(), "a.asa").unwrap();
    assert_eq!(finding.reason.code(), "aspa.version");
}
