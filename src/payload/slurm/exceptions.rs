//! All exceptions that are in force together: what they take out, and what they add.

use std::collections::HashMap;
use std::fmt;

use super::conflict::{self, SlurmConflict};
use super::file::{BgpsecFilter, Entry, PrefixFilter, SlurmFile};
use crate::model::{Asn, Aspa, Family, KeyIdentifier, Prefix, RouterKey, Vrp};

/// Which rule of [`Exceptions`] something is.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RuleId(u32);

/// One filter or assertion, and where it is written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rule {
    /// What it says.
    pub kind: RuleKind,
    /// The name of its file.
    pub file: std::sync::Arc<str>,
    /// The line on which it begins.
    pub line: u32,
    /// The operator's comment.
    pub comment: Option<String>,
}

/// What a rule says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RuleKind {
    /// Takes out VRPs.
    PrefixFilter(PrefixFilter),
    /// Takes out router keys.
    BgpsecFilter(BgpsecFilter),
    /// Takes out the ASPAs of a customer.
    AspaFilter(Asn),
    /// Adds a VRP.
    Vrp(Vrp),
    /// Adds a router key.
    RouterKey(Asn, KeyIdentifier),
    /// Adds an ASPA of this customer.
    Aspa(Asn),
}

impl RuleKind {
    /// Tells whether the rule takes out, and does not add.
    pub fn is_filter(&self) -> bool {
        matches!(
            self,
            RuleKind::PrefixFilter(_) | RuleKind::BgpsecFilter(_) | RuleKind::AspaFilter(_)
        )
    }
}

impl fmt::Display for RuleKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RuleKind::PrefixFilter(PrefixFilter { prefix, asn }) => {
                f.write_str("filter")?;
                prefix.iter().try_for_each(|prefix| write!(f, " {prefix}"))?;
                asn.iter().try_for_each(|asn| write!(f, " {asn}"))
            }
            RuleKind::BgpsecFilter(BgpsecFilter { asn, ski }) => {
                f.write_str("filter of router keys")?;
                asn.iter().try_for_each(|asn| write!(f, " {asn}"))?;
                ski.iter().try_for_each(|ski| write!(f, " {ski}"))
            }
            RuleKind::AspaFilter(customer) => write!(f, "filter of the ASPAs of {customer}"),
            RuleKind::Vrp(vrp) => {
                write!(f, "assertion {} up to /{} {}", vrp.prefix, vrp.max_length, vrp.asn)
            }
            RuleKind::RouterKey(asn, ski) => write!(f, "assertion of the router key {asn} {ski}"),
            RuleKind::Aspa(customer) => write!(f, "assertion of an ASPA of {customer}"),
        }
    }
}

/// The exceptions of all files in use; the default are none.
#[derive(Clone, Debug, Default)]
pub struct Exceptions {
    files: Vec<String>,
    rules: Vec<Rule>,
    /// By prefix and AS as the filter has them.
    prefix_filters: HashMap<(Option<Prefix>, Option<Asn>), RuleId>,
    /// Which lengths the prefixes of filters have, so that no other is looked for.
    lengths_v4: Vec<u8>,
    lengths_v6: Vec<u8>,
    bgpsec_filters: HashMap<(Option<Asn>, Option<KeyIdentifier>), RuleId>,
    aspa_filters: HashMap<Asn, RuleId>,
    vrps: Vec<(Vrp, RuleId)>,
    router_keys: Vec<(RouterKey, RuleId)>,
    aspas: Vec<(Aspa, RuleId)>,
}

impl Exceptions {
    /// Joins files, each with its name.
    ///
    /// # Errors
    ///
    /// Two of them concern the same addresses or the same AS (RFC 8416, section 4.2).
    pub fn new(files: Vec<(String, SlurmFile)>) -> Result<Exceptions, SlurmConflict> {
        if let Some(conflict) = conflict::find(&files) {
            return Err(conflict);
        }
        let mut exceptions = Exceptions::default();
        for (name, file) in files {
            exceptions.add(&name, file);
            exceptions.files.push(name);
        }
        for lengths in [&mut exceptions.lengths_v4, &mut exceptions.lengths_v6] {
            lengths.sort_unstable();
            lengths.dedup();
        }
        exceptions.vrps.sort_unstable();
        exceptions.router_keys.sort_unstable();
        exceptions.aspas.sort_unstable();
        Ok(exceptions)
    }

    fn add(&mut self, name: &str, file: SlurmFile) {
        let name: std::sync::Arc<str> = name.into();
        for entry in file.prefix_filters {
            let filter = entry.rule;
            let id = self.rule(&name, RuleKind::PrefixFilter(filter), &entry);
            self.prefix_filters.entry((filter.prefix, filter.asn)).or_insert(id);
            match filter.prefix.map(|prefix| (prefix.family(), prefix.len())) {
                Some((Family::V4, length)) => self.lengths_v4.push(length),
                Some((Family::V6, length)) => self.lengths_v6.push(length),
                None => {}
            }
        }
        for entry in file.bgpsec_filters {
            let id = self.rule(&name, RuleKind::BgpsecFilter(entry.rule), &entry);
            self.bgpsec_filters.entry((entry.rule.asn, entry.rule.ski)).or_insert(id);
        }
        for entry in file.aspa_filters {
            let id = self.rule(&name, RuleKind::AspaFilter(entry.rule), &entry);
            self.aspa_filters.entry(entry.rule).or_insert(id);
        }
        for entry in file.prefix_assertions {
            let id = self.rule(&name, RuleKind::Vrp(entry.rule), &entry);
            self.vrps.push((entry.rule, id));
        }
        for entry in file.bgpsec_assertions {
            let kind = RuleKind::RouterKey(entry.rule.asn, entry.rule.ski);
            let id = self.rule(&name, kind, &entry);
            self.router_keys.push((entry.rule, id));
        }
        for entry in file.aspa_assertions {
            let id = self.rule(&name, RuleKind::Aspa(entry.rule.customer), &entry);
            self.aspas.push((entry.rule, id));
        }
    }

    fn rule<T>(&mut self, file: &std::sync::Arc<str>, kind: RuleKind, entry: &Entry<T>) -> RuleId {
        // Files and their entries are bounded far below.
        let id = RuleId(u32::try_from(self.rules.len()).unwrap_or(u32::MAX));
        let comment = entry.comment.clone();
        self.rules.push(Rule { kind, file: file.clone(), line: entry.line, comment });
        id
    }

    /// Returns the names of the files.
    pub fn files(&self) -> &[String] {
        &self.files
    }

    /// Tells whether nothing is taken out or added.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Returns every rule with its id, file after file.
    pub fn rules(&self) -> impl Iterator<Item = (RuleId, &Rule)> {
        (0..u32::MAX).map(RuleId).zip(&self.rules)
    }

    /// Returns a rule.
    pub fn get(&self, id: RuleId) -> Option<&Rule> {
        self.rules.get(id.0 as usize)
    }

    /// Returns the filter that takes out `vrp`, if there is one.
    ///
    /// A filter takes out what its prefix equals or covers (RFC 8416, section 3.3.1).
    pub fn filter_of_vrp(&self, vrp: &Vrp) -> Option<RuleId> {
        if self.prefix_filters.is_empty() {
            return None;
        }
        let asn = Some(vrp.asn);
        let lengths = match vrp.prefix.family() {
            Family::V4 => &self.lengths_v4,
            Family::V6 => &self.lengths_v6,
        };
        let of = |key| self.prefix_filters.get(&key).copied();
        of((None, asn)).or_else(|| {
            let lengths = lengths.iter().take_while(|length| **length <= vrp.prefix.len());
            lengths
                .filter_map(|length| Prefix::truncating(vrp.prefix.address(), *length).ok())
                .find_map(|prefix| of((Some(prefix), None)).or_else(|| of((Some(prefix), asn))))
        })
    }

    /// Returns the filter that takes out `key`, if there is one.
    pub fn filter_of_router_key(&self, key: &RouterKey) -> Option<RuleId> {
        let (asn, ski) = (Some(key.asn), Some(key.ski));
        let keys = [(asn, None), (None, ski), (asn, ski)];
        keys.iter().find_map(|key| self.bgpsec_filters.get(key).copied())
    }

    /// Returns the filter that takes out the ASPAs of `customer`, if there is one.
    pub fn filter_of_aspa(&self, customer: Asn) -> Option<RuleId> {
        self.aspa_filters.get(&customer).copied()
    }

    /// Returns the VRPs that are added, sorted; one may be there twice.
    pub fn vrps(&self) -> &[(Vrp, RuleId)] {
        &self.vrps
    }

    /// Returns the router keys that are added, sorted.
    pub fn router_keys(&self) -> &[(RouterKey, RuleId)] {
        &self.router_keys
    }

    /// Returns the ASPAs that are added, sorted; they take nothing out.
    pub fn aspas(&self) -> &[(Aspa, RuleId)] {
        &self.aspas
    }

    /// Returns the filters that take out all VRPs of an address family, whatever their AS.
    pub fn sweeping(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(|rule| match rule.kind {
            RuleKind::PrefixFilter(PrefixFilter { prefix: Some(prefix), asn: None }) => {
                prefix.len() == 0
            }
            _ => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry<T>(line: u32, rule: T) -> Entry<T> {
        Entry { rule, line, comment: None }
    }

    fn vrp(prefix: &str, asn: u32) -> Vrp {
        let prefix: Prefix = prefix.parse().unwrap();
        Vrp { prefix, max_length: prefix.len(), asn: Asn(asn) }
    }

    fn filters(list: &[(Option<&str>, Option<u32>)]) -> Exceptions {
        let rules = list.iter().zip(1..).map(|((prefix, asn), line)| {
            let prefix = prefix.map(|prefix| prefix.parse().unwrap());
            entry(line, PrefixFilter { prefix, asn: asn.map(Asn) })
        });
        let file = SlurmFile { prefix_filters: rules.collect(), ..SlurmFile::default() };
        Exceptions::new(vec![("x.json".to_owned(), file)]).unwrap()
    }

    #[test]
    fn a_filter_takes_out_what_its_prefix_equals_or_covers_and_its_as_has() {
        let exceptions = filters(&[
            (Some("192.0.2.0/24"), None),
            (None, Some(64500)),
            (Some("198.51.100.0/24"), Some(64497)),
        ]);
        let line = |prefix, asn| {
            let rule = exceptions.get(exceptions.filter_of_vrp(&vrp(prefix, asn))?)?;
            Some(rule.line)
        };
        assert_eq!(line("192.0.2.0/24", 1), Some(1));
        assert_eq!(line("192.0.2.128/25", 1), Some(1));
        assert_eq!(line("192.0.0.0/16", 1), None, "less specific");
        assert_eq!(line("10.0.0.0/8", 64500), Some(2));
        assert_eq!(line("2001:db8::/32", 64500), Some(2));
        assert_eq!(line("198.51.100.0/25", 64497), Some(3));
        assert_eq!(line("198.51.100.0/25", 64498), None, "both must hold");
        assert_eq!(line("203.0.113.0/24", 64497), None);
    }

    #[test]
    fn router_keys_and_aspas_are_taken_out_by_their_own_criteria() {
        let ski = |byte| KeyIdentifier([byte; 20]);
        let rule = |asn: Option<u32>, ski| BgpsecFilter { asn: asn.map(Asn), ski };
        let file = SlurmFile {
            bgpsec_filters: vec![
                entry(1, rule(Some(1), None)),
                entry(2, rule(None, Some(ski(2)))),
                entry(3, rule(Some(3), Some(ski(3)))),
            ],
            aspa_filters: vec![entry(4, Asn(9))],
            ..SlurmFile::default()
        };
        let exceptions = Exceptions::new(vec![("x.json".to_owned(), file)]).unwrap();
        let is_out = |asn, byte| {
            let key = RouterKey { asn: Asn(asn), ski: ski(byte), spki: Vec::new() };
            exceptions.filter_of_router_key(&key).is_some()
        };
        assert!(is_out(1, 7) && is_out(7, 2) && is_out(3, 3));
        assert!(!is_out(3, 7) && !is_out(7, 3));
        assert!(exceptions.filter_of_aspa(Asn(9)).is_some());
        assert!(exceptions.filter_of_aspa(Asn(1)).is_none());
    }

    #[test]
    fn k05_a_filter_of_everything_is_noticed() {
        let everything = filters(&[(Some("0.0.0.0/0"), None), (Some("::/0"), None)]);
        assert_eq!(everything.sweeping().count(), 2);
        let some = filters(&[(Some("0.0.0.0/0"), Some(1)), (Some("10.0.0.0/8"), None)]);
        assert_eq!(some.sweeping().count(), 0);
    }

    #[test]
    fn k06_very_many_filters_are_looked_up_and_not_walked() {
        // Every AS once, all for the same prefix, and as many prefixes.
        let prefix: Prefix = "0.0.0.0/0".parse().unwrap();
        let by_as = (1..=100_000u32).map(|asn| (Some(prefix), Some(Asn(asn))));
        let by_prefix = (0..100_000u32).map(|n| {
            let address = std::net::Ipv4Addr::from(n << 8).into();
            (Some(Prefix::new(address, 24).unwrap()), None)
        });
        let rules =
            by_as.chain(by_prefix).map(|(prefix, asn)| entry(1, PrefixFilter { prefix, asn }));
        let file = SlurmFile { prefix_filters: rules.collect(), ..SlurmFile::default() };
        let exceptions = Exceptions::new(vec![("x.json".to_owned(), file)]).unwrap();
        // A lookup asks once for each length that a filter has, not for each filter.
        assert_eq!(exceptions.lengths_v4, [0, 24]);
        // Walked, these would be forty thousand million comparisons.
        let found = (0..200_000u32)
            .filter(|n| {
                let prefix = Prefix::new(std::net::Ipv4Addr::from(n << 8).into(), 24).unwrap();
                let vrp = Vrp { prefix, max_length: 24, asn: Asn(4_000_000) };
                exceptions.filter_of_vrp(&vrp).is_some()
            })
            .count();
        assert_eq!(found, 100_000);
    }

    #[test]
    fn a_rule_says_what_it_does_and_where_it_is() {
        let file =
            SlurmFile::parse(include_bytes!("../../../testdata/slurm/rfc8416.json")).unwrap();
        let exceptions = Exceptions::new(vec![("/etc/x.json".to_owned(), file)]).unwrap();
        let texts: Vec<_> = exceptions.rules().map(|(_, rule)| rule.kind.to_string()).collect();
        assert_eq!(texts[2], "filter 198.51.100.0/24 AS64497");
        assert_eq!(texts[7], "assertion 2001:db8::/32 up to /48 AS64496");
        let (id, rule) = exceptions.rules().nth(2).unwrap();
        assert_eq!((&*rule.file, rule.line), ("/etc/x.json", 13));
        assert_eq!(exceptions.get(id), Some(rule));
        assert!(exceptions.filter_of_vrp(&vrp("198.51.100.0/24", 64497)).is_some());
    }

    proptest! {
        #[test]
        fn the_lookup_finds_what_walking_all_filters_finds(
            list in prop::collection::vec(
                (prop::option::of((0u32..8, 24u8..=27)), prop::option::of(0u32..3)), 1..12),
            host in 0u32..8, length in 24u8..=28, asn in 0u32..3,
        ) {
            let network = |host: u32, length| {
                Prefix::truncating(std::net::Ipv4Addr::from(host << 5).into(), length).unwrap()
            };
            let rules: Vec<PrefixFilter> = list.iter().map(|(prefix, asn)| PrefixFilter {
                prefix: prefix.map(|(host, length)| network(host, length)),
                asn: asn.map(Asn).or(prefix.is_none().then_some(Asn(0))),
            }).collect();
            let entries = rules.iter().map(|rule| entry(1, *rule)).collect();
            let file = SlurmFile { prefix_filters: entries, ..SlurmFile::default() };
            let exceptions = Exceptions::new(vec![(String::new(), file)]).unwrap();
            let prefix = network(host, length);
            let vrp = Vrp { prefix, max_length: prefix.len(), asn: Asn(asn) };
            let expected = rules.iter().any(|rule| {
                rule.prefix.is_none_or(|outer| outer.covers(prefix))
                    && rule.asn.is_none_or(|asn| asn == vrp.asn)
            });
            prop_assert_eq!(exceptions.filter_of_vrp(&vrp).is_some(), expected);
        }
    }
}
