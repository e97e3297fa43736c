//! Whether several SLURM files say something about the same addresses or ASes.
//!
//! Source: RFC 8416, section 4.2: then the whole set is refused, whatever the entries say.

use std::collections::HashMap;

use super::SlurmFile;
use crate::model::{Asn, Family, Prefix};

/// Two files that may not be in use together.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{} and {} both concern {what} (RFC 8416, section 4.2)", place(.first), place(.second))]
pub struct SlurmConflict {
    /// A file and a line.
    pub first: (String, u32),
    /// Another file and a line of it.
    pub second: (String, u32),
    /// What both concern: a prefix or an AS.
    pub what: String,
}

fn place((file, line): &(String, u32)) -> String {
    format!("{file}:{line}")
}

/// Where an entry is: the index of the file, and the line.
type Place = (usize, u32);

/// Finds the first conflict.
pub(super) fn find(files: &[(String, SlurmFile)]) -> Option<SlurmConflict> {
    let (first, second, what) = prefixes(files)
        .or_else(|| {
            ases(files, |file| {
                let filters = file.bgpsec_filters.iter();
                let filters = filters.filter_map(|entry| Some((entry.rule.asn?, entry.line)));
                let keys = file.bgpsec_assertions.iter();
                filters.chain(keys.map(|entry| (entry.rule.asn, entry.line))).collect()
            })
        })
        .or_else(|| {
            ases(files, |file| {
                let filters = file.aspa_filters.iter().map(|entry| (entry.rule, entry.line));
                let aspas = file.aspa_assertions.iter();
                filters.chain(aspas.map(|entry| (entry.rule.customer, entry.line))).collect()
            })
        })?;
    let named = |(file, line): Place| {
        (files.get(file).map(|(name, _)| name.clone()).unwrap_or_default(), line)
    };
    Some(SlurmConflict { first: named(first), second: named(second), what })
}

/// The addresses of one prefix, and who names it.
#[derive(Clone, Copy)]
struct Span {
    family: Family,
    first: u128,
    last: u128,
    prefix: Prefix,
    place: Place,
}

fn span(prefix: Prefix, place: Place) -> Span {
    let (first, host_bits) = match prefix.address() {
        std::net::IpAddr::V4(address) => {
            (u128::from(u32::from(address)), 32u8.saturating_sub(prefix.len()))
        }
        std::net::IpAddr::V6(address) => (u128::from(address), 128u8.saturating_sub(prefix.len())),
    };
    let hosts = 1u128.checked_shl(u32::from(host_bits)).map_or(u128::MAX, |size| size - 1);
    Span { family: prefix.family(), first, last: first | hosts, prefix, place }
}

/// Returns the spans of all prefixes of the file with this index.
fn spans_of(file: &SlurmFile, index: usize) -> impl Iterator<Item = Span> {
    let filters = file.prefix_filters.iter();
    let filters = filters.filter_map(|entry| Some((entry.rule.prefix?, entry.line)));
    let vrps = file.prefix_assertions.iter().map(|entry| (entry.rule.prefix, entry.line));
    filters.chain(vrps).map(move |(prefix, line)| span(prefix, (index, line)))
}

/// Finds two files with a prefix for the same address.
fn prefixes(files: &[(String, SlurmFile)]) -> Option<(Place, Place, String)> {
    let mut spans: Vec<Span> =
        files.iter().zip(0..).flat_map(|((_, file), index)| spans_of(file, index)).collect();
    spans.sort_unstable_by_key(|span| (span.family, span.first, span.last, span.place));
    // The span that reaches furthest, and the one among those of the other files.
    let (mut furthest, mut other): (Option<Span>, Option<Span>) = (None, None);
    for span in spans {
        let before = [furthest, other].into_iter().flatten().find(|before| {
            before.place.0 != span.place.0
                && before.family == span.family
                && before.last >= span.first
        });
        if let Some(before) = before {
            // The more specific one names what both have.
            let both = if before.prefix.len() > span.prefix.len() { before } else { span };
            return Some((before.place, span.place, both.prefix.to_string()));
        }
        let reaches = |old: Option<Span>| {
            old.is_none_or(|old| (old.family, old.last) < (span.family, span.last))
        };
        match furthest {
            Some(old) if old.place.0 != span.place.0 => {
                if reaches(furthest) {
                    (furthest, other) = (Some(span), Some(old));
                } else if reaches(other) {
                    other = Some(span);
                }
            }
            _ if reaches(furthest) => furthest = Some(span),
            _ => {}
        }
    }
    None
}

/// Finds two files with the same AS among those that `of` takes from each.
fn ases(
    files: &[(String, SlurmFile)],
    of: impl Fn(&SlurmFile) -> Vec<(Asn, u32)>,
) -> Option<(Place, Place, String)> {
    let mut seen: HashMap<Asn, Place> = HashMap::new();
    for (index, (_, file)) in files.iter().enumerate() {
        for (asn, line) in of(file) {
            let first = *seen.entry(asn).or_insert((index, line));
            if first.0 != index {
                return Some((first, (index, line), asn.to_string()));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{Aspa, KeyIdentifier, RouterKey, Vrp};
    use crate::payload::{BgpsecFilter, Entry, PrefixFilter};

    fn entry<T>(rule: T) -> Entry<T> {
        Entry { rule, line: 7, comment: None }
    }

    fn filter(prefix: &str) -> SlurmFile {
        let prefix = Some(prefix.parse().unwrap());
        let prefix_filters = vec![entry(PrefixFilter { prefix, asn: None })];
        SlurmFile { prefix_filters, ..SlurmFile::default() }
    }

    fn assertion(prefix: &str) -> SlurmFile {
        let prefix: Prefix = prefix.parse().unwrap();
        let vrp = Vrp { prefix, max_length: prefix.len(), asn: Asn(1) };
        SlurmFile { prefix_assertions: vec![entry(vrp)], ..SlurmFile::default() }
    }

    fn key_filter(asn: u32) -> SlurmFile {
        let rule = BgpsecFilter { asn: Some(Asn(asn)), ski: None };
        SlurmFile { bgpsec_filters: vec![entry(rule)], ..SlurmFile::default() }
    }

    fn key(asn: u32) -> SlurmFile {
        let key = RouterKey { ski: KeyIdentifier([1; 20]), asn: Asn(asn), spki: Vec::new() };
        SlurmFile { bgpsec_assertions: vec![entry(key)], ..SlurmFile::default() }
    }

    fn aspa(customer: u32) -> SlurmFile {
        let aspa = Aspa { customer: Asn(customer), providers: vec![Asn(9)] };
        SlurmFile { aspa_assertions: vec![entry(aspa)], ..SlurmFile::default() }
    }

    fn conflict(files: &[SlurmFile]) -> Option<SlurmConflict> {
        let names = ["a.json", "b.json", "c.json"].map(str::to_owned).into_iter();
        find(&names.zip(files.iter().cloned()).collect::<Vec<_>>())
    }

    #[test]
    fn k03_files_that_overlap_are_refused_together() {
        for (files, what) in [
            ([filter("10.0.0.0/8"), assertion("10.1.0.0/16")], "10.1.0.0/16"),
            ([assertion("192.0.2.0/24"), assertion("192.0.2.0/24")], "192.0.2.0/24"),
            ([filter("2001:db8::/48"), filter("2001:db8::/32")], "2001:db8::/48"),
            ([key_filter(1), key(1)], "AS1"),
            ([aspa(5), aspa(5)], "AS5"),
        ] {
            let found = conflict(&files).unwrap();
            assert_eq!(found.what, what);
            let text = found.to_string();
            assert!(text.contains("a.json:7") && text.contains("b.json:7"), "{text}");
        }
    }

    #[test]
    fn what_does_not_overlap_goes_together() {
        let mut one = filter("10.0.0.0/8");
        one.prefix_assertions = assertion("10.0.0.0/24").prefix_assertions;
        let two = assertion("11.0.0.0/8");
        assert_eq!(conflict(&[one.clone(), two, filter("::/0")]), None);
        // Within one file both may be.
        assert_eq!(conflict(&[one]), None);
        assert_eq!(conflict(&[key(1), aspa(1), filter("0.0.0.0/0")]), None);
        // An AS alone is no prefix.
        let rule = PrefixFilter { prefix: None, asn: Some(Asn(1)) };
        let by_as = SlurmFile { prefix_filters: vec![entry(rule)], ..SlurmFile::default() };
        assert_eq!(conflict(&[by_as.clone(), by_as]), None);
    }

    proptest! {
        #[test]
        fn the_sweep_finds_what_comparing_all_pairs_finds(
            files in prop::collection::vec(
                prop::collection::vec((0u32..16, 26u8..=32), 0..5), 2..4)
        ) {
            let files: Vec<SlurmFile> = files.into_iter().map(|list| {
                let filters = list.into_iter().map(|(host, length)| {
                    let address = std::net::Ipv4Addr::from(host << 2).into();
                    let prefix = Prefix::truncating(address, length).unwrap();
                    entry(PrefixFilter { prefix: Some(prefix), asn: None })
                });
                SlurmFile { prefix_filters: filters.collect(), ..SlurmFile::default() }
            }).collect();
            let overlap = |left: &SlurmFile, right: &SlurmFile| {
                left.prefix_filters.iter().any(|a| right.prefix_filters.iter().any(|b| {
                    let (a, b) = (a.rule.prefix.unwrap(), b.rule.prefix.unwrap());
                    a.covers(b) || b.covers(a)
                }))
            };
            let expected = files.iter().enumerate().any(|(at, left)| {
                files.iter().skip(at + 1).any(|right| overlap(left, right))
            });
            prop_assert_eq!(conflict(&files).is_some(), expected);
        }
    }
}
