//! The bar: a shuffled lookup is at least 2.5 (IPv4) and 1.8 (IPv6) times as fast as prefix-trie's.
//!
//! Measured on two shared cores: 71 and 96 ns, which is 3.7 and 2.5 times as fast; the pass over
//! sorted routes takes 22 and 34 ns a route, the build 7 ms.
//!
//! Needs the data of `../shared/data` (or `$PROVOST_TEST_DATA`); says so without them.

#![expect(clippy::print_stdout, reason = "says what it skips")]

use std::fs::File;
use std::hint::black_box;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use criterion::{Criterion, Throughput};
use prefix_trie::PrefixMap;
use provost::bgp::Routes;
use provost::model::{Asn, Family, Origin, Route, Vrp};
use provost::origin::{Index, Validity, table};
use provost::payload::VrpFile;
use provost::world::View;

fn data(name: &str) -> Option<File> {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let dir = std::env::var_os("PROVOST_TEST_DATA").map_or(above, PathBuf::from);
    File::open(dir.join(name)).ok()
}

fn load() -> Option<(View, Vec<Route>)> {
    let vrps = data("vrps/rpkiclient_summary_20250720T093135Z.json.bz2")?;
    let mut bytes = Vec::new();
    bzip2::read::MultiBzDecoder::new(vrps).read_to_end(&mut bytes).ok()?;
    let view = View::of_vrp_file(VrpFile::parse(&bytes).ok()?, "real", None);
    let routes = flate2::read::MultiGzDecoder::new(data("routes/ipasn6_20151101.dat.gz")?);
    let routes = Routes::new(BufReader::new(routes)).collect::<Result<_, _>>().ok()?;
    Some((view, routes))
}

fn shuffle(routes: &mut [Route]) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for last in (1..routes.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let other = state % (last as u64 + 1);
        routes.swap(last, usize::try_from(other).unwrap_or(0));
    }
}

/// The state by the other program, with the same work: stop at a match.
fn trie_state<'a>(covering: impl Iterator<Item = &'a Vec<(Asn, u8)>>, route: Route) -> u8 {
    let mut state = 0;
    for (asn, max_length) in covering.flatten() {
        state = 1;
        if route.origin == Origin::As(*asn) && !asn.is_zero() && route.prefix.len() <= *max_length {
            return 2;
        }
    }
    state
}

fn bench(criterion: &mut Criterion, view: &View, routes: &[Route]) {
    let mut v4 = PrefixMap::<ipnet::Ipv4Net, Vec<(Asn, u8)>>::new();
    let mut v6 = PrefixMap::<ipnet::Ipv6Net, Vec<(Asn, u8)>>::new();
    for Vrp { prefix, max_length, asn } in view.vrps() {
        match prefix.net() {
            ipnet::IpNet::V4(net) => v4.entry(net).or_default().push((*asn, *max_length)),
            ipnet::IpNet::V6(net) => v6.entry(net).or_default().push((*asn, *max_length)),
        }
    }
    for family in [Family::V4, Family::V6] {
        let of_family = routes.iter().copied().filter(|route| route.prefix.family() == family);
        let sorted: Vec<Route> = of_family.collect();
        let mut routes = sorted.clone();
        shuffle(&mut routes);
        let mut group = criterion.benchmark_group(format!("{family:?}"));
        group.sample_size(20).throughput(Throughput::Elements(routes.len() as u64));
        group.bench_function("provost", |bencher| {
            bencher.iter(|| {
                for route in &routes {
                    black_box(Validity::of(view.index(), *route));
                }
            });
        });
        group.bench_function("prefix-trie", |bencher| {
            bencher.iter(|| {
                for route in &routes {
                    black_box(match route.prefix.net() {
                        ipnet::IpNet::V4(net) => trie_state(v4.cover(&net).map(|(_, v)| v), *route),
                        ipnet::IpNet::V6(net) => trie_state(v6.cover(&net).map(|(_, v)| v), *route),
                    });
                }
            });
        });
        group.bench_function("table pass", |bencher| {
            bencher.iter(|| black_box(table::judge_all(view.index(), &sorted)));
        });
        group.finish();
    }
    criterion.bench_function("build", |bencher| {
        bencher.iter(|| black_box(Index::build(view.vrps())));
    });
}

fn main() {
    match load() {
        Some((view, routes)) => {
            let mut criterion = Criterion::default().configure_from_args();
            bench(&mut criterion, &view, &routes);
            criterion.final_summary();
        }
        None => println!("skipped: no real data in ../shared/data or $PROVOST_TEST_DATA"),
    }
}
