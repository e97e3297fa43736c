//! The catalogue and its tools, tried on ourselves and on what is installed.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalogue::Kind;
use crate::judge::Judge;
use crate::known::fits;
use crate::peers::Peer;
use crate::report::Report;
use crate::verdict::{case_of, row_of_csv};

fn judge(peers: Vec<Peer>) -> Judge {
    Judge { seed: 7, now: provost::clock::now(), peers, batch: 50, keep: None }
}

#[test]
fn every_change_is_made_and_judged_here_as_the_catalogue_says() {
    let judge = judge(Vec::new());
    let verdicts = judge.run(&judge.choose(260, ""));
    let mut rows: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for verdict in &verdicts {
        rows.entry(verdict.row).or_default().insert(&verdict.name);
        if verdict.kind == Kind::Breaks {
            assert!(!verdict.our_words.is_empty(), "{} was not noticed", verdict.name);
        }
    }
    assert!(rows.len() > 75, "{} rows", rows.len());
}

#[test]
fn every_difference_to_what_is_installed_is_explained() {
    let peers = Peer::ALL.into_iter().filter(|peer| {
        let is_there = peer.version().is_some();
        if !is_there {
            println!("skipped: {} is not installed", peer.program());
        }
        is_there
    });
    let judge = judge(peers.collect());
    let mut verdicts = judge.run(&judge.choose(150, ""));
    // Which rule a random bit breaks depends on the time of day, which is signed, too.
    verdicts.retain(|verdict| verdict.kind != Kind::Random);
    let report = Report::new(&judge, verdicts);
    assert_eq!(report.unexplained(), 0, "{}", report.text());
}

#[test]
fn cases_are_known_by_prefix_and_by_path() {
    assert_eq!(case_of("x/repo/c17/a.roa: bad"), Some(17));
    assert_eq!(case_of("rsync://h/repo/root/c3.cer"), Some(3));
    assert_eq!(case_of("/repo/c3s0/a.roa and /repo/c4/"), Some(3));
    assert_eq!(case_of("/cache/copy c3"), None);
    let row = row_of_csv("AS1,2001:db8:0::/48,48,ta,1");
    assert_eq!(row.as_deref(), Some("2001:db8::/48-48 AS1"));
    assert_eq!(row_of_csv("ASN,IP Prefix,Max Length"), None);
}

#[test]
fn patterns_stand_for_names() {
    assert!(fits("g16-*.roa", "g16-critical-ip.roa"));
    assert!(fits("g16-*", "g16-x"));
    assert!(!fits("g16-*.roa", "g16-critical-ip.ca"));
    assert!(!fits("g16", "g16-x"));
}
