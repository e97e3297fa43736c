//! What a run found, as text and as JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde_json::{Value, json};

use crate::catalogue::Kind;
use crate::judge::{Judge, Theirs, Verdict};
use crate::known::{How, is_explained};
use crate::peers::Peer;

pub(crate) struct Report {
    head: Vec<(String, String)>,
    verdicts: Vec<Verdict>,
}

/// The cases in which one peer differs in one way, by the name of the change.
struct Group<'a> {
    name: String,
    peer: Peer,
    how: How,
    cases: usize,
    is_explained: bool,
    example: (&'a Verdict, &'a Theirs),
}

impl Report {
    pub(crate) fn new(judge: &Judge, verdicts: Vec<Verdict>) -> Report {
        let mut head = vec![
            ("provost".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
            ("time".to_owned(), judge.now.to_string()),
            ("seed".to_owned(), judge.seed.to_string()),
        ];
        for peer in &judge.peers {
            let version = peer.version().unwrap_or_else(|| "not installed".to_owned());
            head.push((peer.program().to_owned(), version));
        }
        Report { head, verdicts }
    }

    fn groups(&self) -> Vec<Group<'_>> {
        let mut groups: BTreeMap<_, Group<'_>> = BTreeMap::new();
        for verdict in &self.verdicts {
            for (peer, theirs) in &verdict.peers {
                let Some(how) = How::of(verdict, theirs) else { continue };
                let name = verdict.full_name();
                let group = groups.entry((name.clone(), *peer, how)).or_insert_with(|| Group {
                    peer: *peer,
                    how,
                    cases: 0,
                    is_explained: is_explained(&name, *peer, how),
                    name,
                    example: (verdict, theirs),
                });
                group.cases += 1;
            }
        }
        groups.into_values().collect()
    }

    /// Returns in how many cases a peer differs for a reason that nobody wrote down.
    pub(crate) fn unexplained(&self) -> usize {
        let groups = self.groups();
        groups.iter().filter(|group| !group.is_explained).map(|group| group.cases).sum()
    }

    /// Returns how many cases there are, and in how many the change changed our VRPs.
    fn counts<'a>(&self, verdicts: impl Iterator<Item = &'a Verdict>) -> (usize, usize) {
        verdicts.fold((0, 0), |(all, changed), verdict| {
            (all + 1, changed + usize::from(verdict.ours != verdict.undamaged))
        })
    }

    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        for (name, value) in &self.head {
            writeln!(out, "{name:12} {value}").unwrap();
        }
        let (all, changed) = self.counts(self.verdicts.iter());
        writeln!(out, "cases        {all}; the change changed our VRPs in {changed}\n").unwrap();
        self.write_peers(&mut out);
        self.write_rows(&mut out);
        let groups = self.groups();
        for (title, explained) in
            [("Explained in docs/differences.md", true), ("Not explained", false)]
        {
            let chosen: Vec<_> = groups.iter().filter(|g| g.is_explained == explained).collect();
            let cases: usize = chosen.iter().map(|group| group.cases).sum();
            writeln!(out, "\n{title}: {cases} differences").unwrap();
            for group in chosen {
                write_group(&mut out, group, !explained);
            }
        }
        self.write_surprises(&mut out);
        out
    }

    fn write_peers(&self, out: &mut String) {
        let peers: BTreeSet<_> = self.verdicts.iter().flat_map(|v| v.peers.keys()).collect();
        for peer in peers {
            let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
            for verdict in &self.verdicts {
                let how = verdict.peers.get(peer).map(|theirs| How::of(verdict, theirs));
                let word = how.map_or("not asked", |how| how.map_or("agrees", How::word));
                *counts.entry(word).or_default() += 1;
            }
            let counts: Vec<_> = counts.iter().map(|(word, n)| format!("{word} {n}")).collect();
            writeln!(out, "{:12} {}", peer.program(), counts.join(", ")).unwrap();
        }
    }

    fn write_rows(&self, out: &mut String) {
        let rows: BTreeSet<_> = self.verdicts.iter().map(|verdict| verdict.row).collect();
        writeln!(out, "\nrow  cases  VRPs changed  differences").unwrap();
        for row in rows {
            let of_row = || self.verdicts.iter().filter(|verdict| verdict.row == row);
            let (all, changed) = self.counts(of_row());
            let differ = of_row().flat_map(|verdict| {
                verdict.peers.values().filter(|theirs| How::of(verdict, theirs).is_some())
            });
            writeln!(out, "{row}  {all:5}  {changed:12}  {:11}", differ.count()).unwrap();
        }
    }

    /// Names the cases in which we do not do what the catalogue says.
    fn write_surprises(&self, out: &mut String) {
        let mut names = BTreeSet::new();
        for verdict in &self.verdicts {
            let is_lost = verdict.undamaged.difference(&verdict.ours).next().is_some();
            match verdict.kind {
                Kind::Harmless if is_lost && !verdict.our_words.is_empty() => {
                    names.insert(format!(
                        "{} is harmless, but VRPs are lost: {:?}",
                        verdict.name, verdict.our_words
                    ));
                }
                Kind::Breaks if verdict.our_words.is_empty() => {
                    names.insert(format!("{} breaks a rule, but nothing is said", verdict.name));
                }
                _ => {}
            }
        }
        writeln!(out, "\nOther than the catalogue expects of us: {}", names.len()).unwrap();
        for name in names {
            writeln!(out, "  {name}").unwrap();
        }
    }

    pub(crate) fn json(&self) -> Value {
        let (all, changed) = self.counts(self.verdicts.iter());
        let head: serde_json::Map<_, _> =
            self.head.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        let cases = self.verdicts.iter().map(|verdict| {
            let peers: serde_json::Map<_, _> = verdict
                .peers
                .iter()
                .map(|(peer, theirs)| (peer.program().to_owned(), of_peer(verdict, theirs, *peer)))
                .collect();
            json!({
                "case": verdict.number,
                "row": verdict.row,
                "change": verdict.name,
                "undamaged": verdict.undamaged,
                "ours": verdict.ours,
                "reasons": verdict.our_words,
                "peers": peers,
            })
        });
        json!({
            "run": head,
            "count": all,
            "vrps_changed": changed,
            "unexplained": self.unexplained(),
            "cases": cases.collect::<Vec<_>>(),
        })
    }
}

fn of_peer(verdict: &Verdict, theirs: &Theirs, peer: Peer) -> Value {
    let how = How::of(verdict, theirs);
    let explained = how.map(|how| is_explained(&verdict.full_name(), peer, how));
    let (rows, words) = match theirs {
        Theirs::Vrps { rows, words } => (Some(rows), words.clone()),
        Theirs::Ended(how) => (None, vec![how.clone()]),
        Theirs::TookAll(words) => (None, words.clone()),
    };
    let rows = rows.filter(|_| how.is_some());
    json!({ "differs": how.map(How::word), "explained": explained, "vrps": rows, "says": words })
}

fn write_group(out: &mut String, group: &Group<'_>, with_words: bool) {
    let Group { name, peer, how, cases, .. } = group;
    writeln!(out, "  {name:40} {:12} {:16} {cases}", peer.program(), how.word()).unwrap();
    if !with_words {
        return;
    }
    let (verdict, theirs) = group.example;
    for word in &verdict.our_words {
        writeln!(out, "      ours:  {word}").unwrap();
    }
    let words = match theirs {
        Theirs::Vrps { words, .. } | Theirs::TookAll(words) => words.clone(),
        Theirs::Ended(how) => vec![how.clone()],
    };
    for word in words {
        writeln!(out, "      theirs: {word}").unwrap();
    }
}
