//! What a VRP file of another validator holds.

use super::vrp_ccr::parse_ccr;
use super::vrp_csv::parse_csv;
use super::vrp_json::parse_json;
use crate::model::{Aspa, Rejected, RouterKey, Timestamp, Vrp};
use crate::object::Ccr;

/// The content of a VRP file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VrpFile {
    /// The format that was found.
    pub format: FileFormat,
    /// When the file was made, if it says so.
    pub generated: Option<Timestamp>,
    /// The names of the trust anchors, in order of appearance.
    pub trust_anchors: Vec<String>,
    /// The VRPs, in the file's order.
    pub vrps: Vec<FileVrp>,
    /// The ASPAs.
    pub aspas: Vec<FileAspa>,
    /// The router keys.
    pub router_keys: Vec<FileRouterKey>,
    /// The rows that were left out.
    pub rejected: Rejected,
}

/// Why a file is no VRP file.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum VrpFileError {
    /// It is not UTF-8.
    #[error("not text")]
    NotText,
    /// It is no JSON, or its members have other types.
    #[error("not a VRP file: {0}")]
    Json(String),
    /// There is no list of VRPs in it.
    #[error(
        "not a VRP file: expected JSON with a list `roas`, or CSV with a head like \
             `ASN,IP Prefix,Max Length,Trust Anchor`"
    )]
    NoVrps,
    /// It is a CCR that breaks a rule, or has no VRPs.
    #[error("not a CCR that can be used: {0}")]
    Ccr(String),
    /// It has too many items.
    #[error("more than {0} items")]
    TooMany(usize),
}

impl VrpFile {
    /// Reads a file: a CCR if it begins as one, JSON if it begins with a brace, else CSV.
    ///
    /// A row that is no VRP is left out and counted; a file that is no VRP file is an error, and a
    /// CCR that breaks any rule.
    pub fn parse(bytes: &[u8]) -> Result<VrpFile, VrpFileError> {
        if Ccr::is_ccr(bytes) {
            return parse_ccr(bytes);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| VrpFileError::NotText)?;
        let text = text.trim_start_matches('\u{feff}').trim_start();
        if text.starts_with('{') { parse_json(text) } else { parse_csv(text) }
    }
}

/// The formats that can be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FileFormat {
    /// JSON of rpki-client, or of one of the many programs that write the same.
    RpkiClientJson,
    /// Routinator's `json`.
    RoutinatorJson,
    /// Routinator's `csv`, or rpki-client's with the column `Expires`.
    Csv,
    /// A canonical cache representation (draft-ietf-sidrops-rpki-ccr), as rpki-client writes it.
    Ccr,
}

/// A VRP of a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FileVrp {
    /// The VRP.
    pub vrp: Vrp,
    /// The index of its trust anchor in [`VrpFile::trust_anchors`], if the file names one.
    pub trust_anchor: Option<u16>,
    /// The last second in which it is valid, if the file says so.
    pub expires: Option<Timestamp>,
}

/// An ASPA of a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FileAspa {
    /// The ASPA.
    pub aspa: Aspa,
    /// The index of its trust anchor, if the file names one.
    pub trust_anchor: Option<u16>,
    /// The last second in which it is valid, if the file says so.
    pub expires: Option<Timestamp>,
}

/// A router key of a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FileRouterKey {
    /// The key.
    pub key: RouterKey,
    /// The index of its trust anchor, if the file names one.
    pub trust_anchor: Option<u16>,
    /// The last second in which it is valid, if the file says so.
    pub expires: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn k10_what_is_no_vrp_file_is_refused() {
        for bytes in [b"".as_slice(), b"{}", b"[]", b"<html>", b"{\"roas\": 7}", b"\xff", b"{"] {
            assert!(VrpFile::parse(bytes).is_err(), "{bytes:?}");
        }
        let deep = format!("{{\"x\": {}", "[".repeat(100_000));
        assert!(VrpFile::parse(deep.as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn k10_no_file_makes_it_panic(text in "[{}\\[\\]\":,a-zA-Z0-9 \n/.é-]{0,80}") {
            let _ = VrpFile::parse(text.as_bytes());
        }

        #[test]
        fn k10_no_row_makes_it_panic(
            asn in "\"?(AS)?[0-9é-]{0,11}\"?", prefix in "[0-9a-f:./]{0,12}", max in "[0-9-]{1,4}",
        ) {
            let json = format!(
                "{{\"roas\":[{{\"asn\":{asn},\"prefix\":\"{prefix}\",\"maxLength\":{max}}}]}}"
            );
            let _ = VrpFile::parse(json.as_bytes());
            let csv = format!("ASN,IP Prefix,Max Length,Trust Anchor\n{asn},{prefix},{max},x");
            let _ = VrpFile::parse(csv.as_bytes());
        }
    }
}
