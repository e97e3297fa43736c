//! Provost itself, over each transport alone and from files.

use provost::lab::RsyncUse;

use crate::support::{
    Bench, assert_payload, exported_json, is_installed, provost_in, stdout, tal_flags,
};
use crate::tree::tree;

#[test]
fn provost_finds_the_truth_over_rrdp() {
    // Without rsync every server of the lab has RRDP.
    let bench = Bench::with(RsyncUse::Never);
    bench.sync(&["--no-rsync"]);
    bench.assert_truth();
    let snapshots = || {
        let asked = bench.lab.requests().into_iter();
        asked.filter(|request| request.path.ends_with("/snapshot.xml")).count()
    };
    assert_eq!(snapshots(), 4);
    bench.sync(&["--no-rsync"]);
    assert_eq!(snapshots(), 4, "nothing changed, nothing is fetched again");
}

#[test]
fn provost_finds_the_truth_over_rsync() {
    if !is_installed("rsync") {
        return;
    }
    let bench = Bench::start();
    bench.sync(&["--no-rrdp"]);
    bench.assert_truth();
    // Trust anchor certificates have HTTPS URIs, too; objects came over no RRDP.
    let asked = bench.lab.requests();
    let rrdp: Vec<_> = asked.iter().filter(|asked| asked.path.contains("/rrdp/")).collect();
    assert!(rrdp.is_empty(), "{rrdp:?}");
}

#[test]
fn provost_finds_the_truth_over_both() {
    let bench = Bench::start();
    bench.sync(&[]);
    bench.assert_truth();
}

#[test]
fn provost_finds_the_truth_on_the_tree() {
    let directory = tempfile::tempdir().unwrap();
    let lab = directory.path().join("lab");
    let truth = tree(&lab);
    let data = directory.path().join("data");
    let tals = tal_flags(&lab.join("tals"));
    stdout(provost_in(&data, &["sync", "--from"]).arg(&lab).args(tals));
    assert_payload(&exported_json(&data), &truth.to_json());
}
