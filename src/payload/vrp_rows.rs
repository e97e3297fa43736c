//! Rows become items: the checks that JSON and CSV share.

use super::base64::decode_base64;
use super::limits::{MAX_ITEMS, MAX_PROVIDERS, MAX_ROUTER_KEY, MAX_TRUST_ANCHORS};
use super::vrp_file::{FileAspa, FileFormat, FileRouterKey, FileVrp, VrpFile, VrpFileError};
use crate::model::{
    Asn, Aspa, KeyIdentifier, Prefix, Rejected, RouterKey, Timestamp, Vrp, excerpt,
};

/// A file in the making.
pub(super) struct Rows {
    pub file: VrpFile,
    /// The trust anchor of the last row: neighbours mostly share it.
    last_trust_anchor: u16,
}

/// What every row may say beside its payload.
#[derive(Clone, Copy, Default)]
pub(super) struct Common<'a> {
    pub trust_anchor: Option<&'a str>,
    pub expires: Option<u64>,
}

impl Rows {
    pub(super) fn new(format: FileFormat) -> Self {
        let file = VrpFile {
            format,
            generated: None,
            trust_anchors: Vec::new(),
            vrps: Vec::new(),
            aspas: Vec::new(),
            router_keys: Vec::new(),
            rejected: Rejected::default(),
        };
        Rows { file, last_trust_anchor: 0 }
    }

    /// Adds a VRP, or says why it is none. An absent max length is the prefix's own.
    pub(super) fn add_vrp(
        &mut self,
        asn: Result<Asn, String>,
        prefix: &str,
        max_length: Option<u64>,
        common: Common<'_>,
    ) -> Result<(), String> {
        let asn = asn?;
        let prefix: Prefix = prefix
            .parse()
            .map_err(|error| format!("{error}: \"{}\"", excerpt(prefix.as_bytes())))?;
        let (shortest, longest) = (prefix.len(), prefix.family().bits());
        let max_length = match max_length {
            None => shortest,
            Some(length) => u8::try_from(length)
                .ok()
                .filter(|length| (shortest..=longest).contains(length))
                .ok_or_else(|| {
                    format!(
                        "max length {length} of {prefix} is not between {shortest} and {longest}"
                    )
                })?,
        };
        let (trust_anchor, expires) = self.common(common)?;
        let vrp = Vrp { prefix, max_length, asn };
        self.file.vrps.push(FileVrp { vrp, trust_anchor, expires });
        Ok(())
    }

    /// Adds an ASPA, or says why it is none.
    pub(super) fn add_aspa(
        &mut self,
        customer: Result<Asn, String>,
        providers: impl ExactSizeIterator<Item = Result<Asn, String>>,
        common: Common<'_>,
    ) -> Result<(), String> {
        let customer = customer?;
        if providers.len() > MAX_PROVIDERS {
            return Err(format!("more than {MAX_PROVIDERS} providers"));
        }
        let mut providers = providers.collect::<Result<Vec<_>, _>>()?;
        providers.sort_unstable();
        providers.dedup();
        let (trust_anchor, expires) = self.common(common)?;
        let aspa = Aspa { customer, providers };
        self.file.aspas.push(FileAspa { aspa, trust_anchor, expires });
        Ok(())
    }

    /// Adds a router key, or says why it is none.
    pub(super) fn add_router_key(
        &mut self,
        asn: Result<Asn, String>,
        ski: &str,
        spki: &str,
        common: Common<'_>,
    ) -> Result<(), String> {
        let asn = asn?;
        let ski = parse_ski(ski).ok_or("expected a key identifier of 40 hex digits")?;
        let spki = decode_base64(spki).ok_or("expected a public key in base64")?;
        if spki.is_empty() || spki.len() > MAX_ROUTER_KEY {
            return Err(format!("public key of {} bytes", spki.len()));
        }
        let (trust_anchor, expires) = self.common(common)?;
        let key = RouterKey { ski, asn, spki };
        self.file.router_keys.push(FileRouterKey { key, trust_anchor, expires });
        Ok(())
    }

    /// Counts a row that was left out.
    pub(super) fn reject(&mut self, place: impl FnOnce() -> String, why: String) {
        self.file.rejected.add(|| (place(), why));
    }

    /// Fails if the file has grown too large.
    pub(super) fn check_size(&self) -> Result<(), VrpFileError> {
        let items =
            self.file.vrps.len().max(self.file.aspas.len()).max(self.file.router_keys.len());
        if items > MAX_ITEMS { Err(VrpFileError::TooMany(MAX_ITEMS)) } else { Ok(()) }
    }

    fn common(&mut self, row: Common<'_>) -> Result<(Option<u16>, Option<Timestamp>), String> {
        let expires = match row.expires {
            None => None,
            Some(seconds) => {
                Some(Timestamp(i64::try_from(seconds).map_err(|_| "expires too late".to_owned())?))
            }
        };
        let trust_anchor = match row.trust_anchor {
            None | Some("") => None,
            Some(name) => Some(self.trust_anchor(name)?),
        };
        Ok((trust_anchor, expires))
    }

    fn trust_anchor(&mut self, name: &str) -> Result<u16, String> {
        let names = &mut self.file.trust_anchors;
        if names.get(usize::from(self.last_trust_anchor)).is_some_and(|last| last == name) {
            return Ok(self.last_trust_anchor);
        }
        let name = excerpt(name.as_bytes());
        let index = names.iter().position(|other| *other == name).unwrap_or(names.len());
        if index >= MAX_TRUST_ANCHORS {
            return Err(format!("more than {MAX_TRUST_ANCHORS} trust anchors"));
        }
        if index == names.len() {
            names.push(name);
        }
        self.last_trust_anchor = u16::try_from(index).unwrap_or(u16::MAX);
        Ok(self.last_trust_anchor)
    }
}

fn parse_ski(text: &str) -> Option<KeyIdentifier> {
    let digits = text.as_bytes();
    if digits.len() != 40 {
        return None;
    }
    let mut ski = [0; 20];
    for (byte, pair) in ski.iter_mut().zip(digits.chunks_exact(2)) {
        let mut value = 0;
        for digit in pair {
            value = value * 16 + u8::try_from(char::from(*digit).to_digit(16)?).ok()?;
        }
        *byte = value;
    }
    Some(KeyIdentifier(ski))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_identifier_is_forty_hex_digits() {
        assert_eq!(parse_ski(&"aB".repeat(20)), Some(KeyIdentifier([0xab; 20])));
        for text in ["", "ab", &"+1".repeat(20), &"é".repeat(20)] {
            assert_eq!(parse_ski(text), None, "{text}");
        }
    }
}
