//! What a trust anchor may sign for, by the choice of the operator.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::model::{AsRange, Asn, Prefix, ResourceSet, V4Range, V6Range};

/// The most lines of a constraints file; the ones that rpki-client ships have some 400.
const MAX_LINES: usize = 100_000;

/// The constraints of one trust anchor, as rpki-client has them.
///
/// Source: draft-ietf-sidrops-constraining-rpki-trust-anchors; what is denied wins, and a list of
/// what is allowed excludes everything else of its kind: addresses of both families, or AS numbers.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Constraints {
    /// `None` where nothing is listed, so that all is allowed.
    allowed_addresses: Option<ResourceSet>,
    allowed_asns: Option<ResourceSet>,
    denied: ResourceSet,
}

/// A line that is no constraint.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct ConstraintsError {
    /// The line, counted from one.
    pub line: usize,
    /// What is wrong with it.
    pub what: &'static str,
}

impl Constraints {
    /// Reads a constraints file: lines `allow X` or `deny X`, where X is a prefix, a range of
    /// addresses, an AS number or a range of them; `#` starts a comment.
    ///
    /// Entries of one kind may not overlap.
    pub fn parse(text: &str) -> Result<Constraints, ConstraintsError> {
        let (mut allowed, mut denied) = (Lists::default(), Lists::default());
        for (index, line) in text.lines().enumerate() {
            let line_number = index.saturating_add(1);
            let error = |what| ConstraintsError { line: line_number, what };
            if index >= MAX_LINES {
                return Err(error("the file has too many lines"));
            }
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            let (verb, what) = line
                .split_once(char::is_whitespace)
                .ok_or_else(|| error("neither `allow X` nor `deny X`"))?;
            let lists = match verb {
                "allow" => &mut allowed,
                "deny" => &mut denied,
                _ => return Err(error("neither `allow X` nor `deny X`")),
            };
            let is_new = lists
                .add(what.trim())
                .ok_or_else(|| error("not a prefix, an AS number or a range of one of them"))?;
            if !is_new {
                return Err(error("overlaps an earlier entry"));
            }
        }
        let has_addresses = !allowed.v4.is_empty() || !allowed.v6.is_empty();
        let allowed_asns =
            (!allowed.asn.is_empty()).then(|| ResourceSet::new([], [], allowed.asn.clone()));
        let allowed_addresses = has_addresses.then(|| ResourceSet::new(allowed.v4, allowed.v6, []));
        let denied = ResourceSet::new(denied.v4, denied.v6, denied.asn);
        Ok(Constraints { allowed_addresses, allowed_asns, denied })
    }

    /// Checks that `resources` are permitted; returns some of those that are not.
    pub(crate) fn check(&self, resources: &ResourceSet) -> Result<(), ResourceSet> {
        let denied = resources.intersection(&self.denied);
        if !denied.is_empty() {
            return Err(denied);
        }
        let addresses =
            || ResourceSet::new(resources.v4().iter().copied(), resources.v6().iter().copied(), []);
        let asns = || ResourceSet::new([], [], resources.asn().iter().copied());
        if let Some(allowed) = &self.allowed_addresses
            && !allowed.contains_set(&addresses())
        {
            return Err(addresses());
        }
        match &self.allowed_asns {
            Some(allowed) if !allowed.contains_set(&asns()) => Err(asns()),
            _ => Ok(()),
        }
    }
}

/// The entries of one verb.
#[derive(Default)]
struct Lists {
    v4: Vec<V4Range>,
    v6: Vec<V6Range>,
    asn: Vec<AsRange>,
}

impl Lists {
    /// Adds an entry; tells whether it overlaps none, `None` if it cannot be read.
    fn add(&mut self, text: &str) -> Option<bool> {
        if text.contains(['.', ':']) {
            let (min, max) = address_range(text)?;
            return match (min, max) {
                (IpAddr::V4(min), IpAddr::V4(max)) if min <= max => {
                    let range = V4Range { min: min.into(), max: max.into() };
                    let is_new = self.v4.iter().all(|r| r.max < range.min || range.max < r.min);
                    self.v4.push(range);
                    Some(is_new)
                }
                (IpAddr::V6(min), IpAddr::V6(max)) if min <= max => {
                    let range = V6Range { min: min.into(), max: max.into() };
                    let is_new = self.v6.iter().all(|r| r.max < range.min || range.max < r.min);
                    self.v6.push(range);
                    Some(is_new)
                }
                _ => None,
            };
        }
        let (min, max) = text.split_once('-').unwrap_or((text, text));
        let number = |text: &str| text.trim().parse().ok().map(|Asn(asn)| asn);
        let range = AsRange { min: number(min)?, max: number(max)? };
        if range.min > range.max {
            return None;
        }
        let is_new = self.asn.iter().all(|r| r.max < range.min || range.max < r.min);
        self.asn.push(range);
        Some(is_new)
    }
}

/// Reads a prefix or `A - B`.
fn address_range(text: &str) -> Option<(IpAddr, IpAddr)> {
    if let Some((min, max)) = text.split_once('-') {
        return Some((min.trim().parse().ok()?, max.trim().parse().ok()?));
    }
    let prefix: Prefix = text.parse().ok()?;
    let set = ResourceSet::from_prefixes([prefix]);
    match (set.v4(), set.v6()) {
        ([range], []) => Some((IpAddr::V4(range.min.into()), IpAddr::V4(range.max.into()))),
        ([], [range]) => Some((IpAddr::V6(range.min.into()), IpAddr::V6(range.max.into()))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(prefixes: &[&str], asns: &[(u32, u32)]) -> ResourceSet {
        let set = ResourceSet::from_prefixes(prefixes.iter().map(|text| text.parse().unwrap()));
        let asns = asns.iter().map(|&(min, max)| AsRange { min, max });
        ResourceSet::new(set.v4().iter().copied(), set.v6().iter().copied(), asns)
    }

    #[test]
    fn g38_what_is_denied_wins_and_a_list_of_allowed_excludes_the_rest() {
        let text = "# a comment\n\
                    allow 10.0.0.0/8 # another\n\
                    allow 192.0.2.0 - 192.0.2.127\n\
                    deny 10.1.0.0/16\n\
                    deny 64512 - 65534\n";
        let constraints = Constraints::parse(text).unwrap();
        for (resources, is_good) in [
            (set(&["10.2.0.0/16"], &[]), true),
            (set(&["192.0.2.0/25"], &[]), true),
            (set(&["192.0.2.0/24"], &[]), false),
            (set(&["10.0.0.0/8"], &[]), false),
            (set(&["10.1.2.0/24"], &[]), false),
            (set(&["2001:db8::/32"], &[]), false),
            (set(&[], &[(1, 64511)]), true),
            (set(&[], &[(64511, 64512)]), false),
        ] {
            assert_eq!(constraints.check(&resources).is_ok(), is_good, "{resources}");
        }
        let nothing = Constraints::parse("").unwrap();
        assert_eq!(nothing.check(&set(&["0.0.0.0/0", "::/0"], &[(0, u32::MAX)])), Ok(()));
    }

    #[test]
    fn k09_garbage_in_a_constraints_file_is_named_with_its_line() {
        for bad in [
            "allow",
            "permit 10.0.0.0/8",
            "allow10.0.0.0/8",
            "allow 10.0.0.1/8",
            "allow x",
            "deny 5 - 4",
            "deny 10.0.0.9 - 10.0.0.1",
            "deny 10.0.0.0 - ::1",
            "deny 4294967296",
            "allow 10.0.0.0/7\nallow 10.0.0.0/8",
            "deny ::/0\ndeny ::1/128",
            "deny 1 - 5\ndeny 5",
        ] {
            let error = Constraints::parse(&format!("\n{bad}\n")).unwrap_err();
            assert_eq!(error.line, 1 + bad.lines().count(), "{bad}");
        }
    }
}
