//! VRP files in CSV: Routinator's `csv`, and rpki-client's with a fifth column `Expires`.
//!
//! The head says where the columns are, so other orders and more columns are read, too.

use super::vrp_file::{FileFormat, VrpFile, VrpFileError};
use super::vrp_rows::{Common, Rows};
use crate::model::{Asn, excerpt};

/// The positions of the columns.
struct Columns {
    asn: usize,
    prefix: usize,
    max_length: Option<usize>,
    trust_anchor: Option<usize>,
    expires: Option<usize>,
}

impl Columns {
    /// Reads the head.
    fn of(head: &str) -> Option<Columns> {
        let find = |name: &str| fields(head).position(|field| field.eq_ignore_ascii_case(name));
        Some(Columns {
            asn: find("ASN")?,
            prefix: find("IP Prefix")?,
            max_length: find("Max Length"),
            trust_anchor: find("Trust Anchor"),
            expires: find("Expires"),
        })
    }
}

fn fields(line: &str) -> impl Iterator<Item = &str> {
    line.split(',').map(|field| field.trim().trim_matches('"'))
}

/// Reads a whole file.
pub(super) fn parse_csv(text: &str) -> Result<VrpFile, VrpFileError> {
    let mut lines = text.lines();
    let columns = lines.next().and_then(Columns::of).ok_or(VrpFileError::NoVrps)?;
    let mut rows = Rows::new(FileFormat::Csv);
    for (number, line) in (2u64..u64::MAX).zip(lines) {
        if line.trim().is_empty() {
            continue;
        }
        if let Err(why) = add_row(&mut rows, &columns, line) {
            rows.reject(|| format!("line {number}"), why);
        }
        rows.check_size()?;
    }
    Ok(rows.file)
}

fn add_row(rows: &mut Rows, columns: &Columns, line: &str) -> Result<(), String> {
    let field = |column: usize| fields(line).nth(column).unwrap_or_default();
    let number = |column: Option<usize>| match column.map(field) {
        None | Some("") => Ok(None),
        Some(text) => {
            let number = text.parse().map(Some);
            number.map_err(|_| format!("expected a number, found \"{}\"", excerpt(text.as_bytes())))
        }
    };
    let asn = field(columns.asn);
    let asn =
        asn.parse::<Asn>().map_err(|error| format!("{error}: \"{}\"", excerpt(asn.as_bytes())));
    let common =
        Common { trust_anchor: columns.trust_anchor.map(field), expires: number(columns.expires)? };
    rows.add_vrp(asn, field(columns.prefix), number(columns.max_length)?, common)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    fn texts(file: &VrpFile) -> Vec<String> {
        file.vrps.iter().map(|row| row.vrp.to_string()).collect()
    }

    #[test]
    fn csv_of_routinator_is_read() {
        let file = parse_csv(
            "ASN,IP Prefix,Max Length,Trust Anchor\n\
             AS64496,192.0.2.0/24,24,ripe\n\
             AS64497,2001:db8::/32,48,arin\n",
        )
        .unwrap();
        assert_eq!(texts(&file), ["192.0.2.0/24-24 AS64496", "2001:db8::/32-48 AS64497"]);
        assert_eq!(file.trust_anchors, ["ripe", "arin"]);
        assert_eq!(file.vrps[1].trust_anchor, Some(1));
        assert_eq!((file.vrps[0].expires, file.generated), (None, None));
    }

    #[test]
    fn csv_of_rpki_client_has_expiry() {
        let file = parse_csv(
            "ASN,IP Prefix,Max Length,Trust Anchor,Expires\r\n\
             AS64496,192.0.2.0/24,24,ripe,1795588669\r\n",
        )
        .unwrap();
        assert_eq!(file.vrps[0].expires, Some(Timestamp(1_795_588_669)));
    }

    #[test]
    fn quotes_and_other_columns_are_read() {
        let file = parse_csv(
            "\"URI\",\"ASN\",\"IP Prefix\",\"Max Length\",\"Not Before\"\n\
             \"rsync://h/m/a.roa\",\"64496\",\"192.0.2.0/24\",\"\",\"2026-01-01 00:00:00\"\n",
        )
        .unwrap();
        assert_eq!(texts(&file), ["192.0.2.0/24-24 AS64496"]);
        assert!(file.trust_anchors.is_empty());
    }

    #[test]
    fn bad_rows_are_counted_and_named() {
        let file = parse_csv(
            "ASN,IP Prefix,Max Length,Trust Anchor\n\
             x,192.0.2.0/24,24,ripe\n\
             AS1,192.0.2.1/24,24,ripe\n\
             AS1,192.0.2.0/24,23,ripe\n\
             AS1,192.0.2.0/24,33,ripe\n\
             AS1,192.0.2.0/24,z,ripe\n\
             AS1\n\
             \n\
             AS1,192.0.2.0/24,24,ripe\n",
        )
        .unwrap();
        assert_eq!(file.vrps.len(), 1);
        assert_eq!(file.rejected.count, 6);
        let shown: Vec<_> =
            file.rejected.first.iter().map(|one| format!("{}: {}", one.place, one.why)).collect();
        assert_eq!(
            shown,
            [
                "line 2: invalid AS number: expected AS0 to AS4294967295: \"x\"",
                "line 3: invalid prefix: bits behind the prefix length are set: \"192.0.2.1/24\"",
                "line 4: max length 23 of 192.0.2.0/24 is not between 24 and 32",
                "line 5: max length 33 of 192.0.2.0/24 is not between 24 and 32",
                "line 6: expected a number, found \"z\"",
                "line 7: invalid prefix: expected ADDRESS/LENGTH: \"\"",
            ]
        );
    }
}
