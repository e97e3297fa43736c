//! What a validator found in a repository, taken apart by case.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use provost::model::Vrp;

/// How many of its words are kept for each case.
const SAID: usize = 6;

/// What one run of a validator found.
#[derive(Default)]
pub(crate) struct Run {
    /// Each VRP, as `PREFIX-MAX ASN`.
    pub(crate) rows: BTreeSet<String>,
    /// What it said of the objects of a case; `None` for those of no case.
    pub(crate) said: BTreeMap<Option<u8>, Vec<String>>,
}

impl Run {
    /// Returns the VRPs of a case.
    pub(crate) fn of(&self, seat: u8) -> BTreeSet<String> {
        self.rows.iter().filter(|row| seat_of(row) == Some(seat)).cloned().collect()
    }

    /// Returns the first words about a case.
    pub(crate) fn said(&self, seat: u8) -> Vec<String> {
        self.said
            .get(&Some(seat))
            .map(|said| said.iter().take(SAID).cloned().collect())
            .unwrap_or_default()
    }
}

/// Writes a VRP as every validator's is written here.
pub(crate) fn row(vrp: &Vrp) -> String {
    format!("{}-{} {}", vrp.prefix, vrp.max_length, vrp.asn)
}

/// Reads `ASN,PREFIX,MAX LENGTH,...` as validators write it; `None` for a head.
pub(crate) fn row_of_csv(line: &str) -> Option<String> {
    let mut columns = line.split(',').map(str::trim);
    let (asn, prefix, max) = (columns.next()?, columns.next()?, columns.next()?);
    let (address, len) = prefix.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    let asn = asn.trim_start_matches("AS");
    Some(format!("{address}/{len}-{max} AS{asn}"))
}

/// Tells which case a VRP belongs to, by its prefix.
fn seat_of(row: &str) -> Option<u8> {
    match row.split('/').next()?.parse().ok()? {
        IpAddr::V4(address) => Some(address.octets()[1]),
        IpAddr::V6(address) => Some(address.octets()[5]),
    }
}

/// Tells which case a text is about, by the first name like `/c17/`, `/c17.cer` or `/c17s0/`.
pub(crate) fn case_of(text: &str) -> Option<u8> {
    text.match_indices("/c").find_map(|(at, _)| {
        let rest = &text[at + 2..];
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let follows = rest[digits..].chars().next();
        let ends = matches!(follows, Some('/' | '.' | 's' | 'd') | None);
        if ends { rest[..digits].parse().ok() } else { None }
    })
}
