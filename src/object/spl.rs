//! The content of signed prefix lists (draft-ietf-sidrops-rpki-prefixlist).

use super::der::{self, Reader};
use super::error::{DecodeError, Fault};
use super::limits::MAX_ROA_PREFIXES;
use super::roa::{read_family, read_prefix};
use crate::model::{Asn, Prefix};

/// Every prefix that an AS originates, as its holder says: shown, and of no effect on validity.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SignedPrefixList {
    /// The AS.
    pub asn: Asn,
    /// The prefixes, sorted, each once.
    pub prefixes: Vec<Prefix>,
}

impl SignedPrefixList {
    /// Decodes the eContent of a signed prefix list.
    ///
    /// Source: draft-ietf-sidrops-rpki-prefixlist, section 3. A list without any block says that
    /// the AS originates nothing.
    pub fn decode(content: &[u8]) -> Result<SignedPrefixList, DecodeError> {
        let mut fields = Reader::whole_sequence(content, "prefix list")?;
        // Version 0 is the default, so DER has no way to write it.
        let asn = Asn(fields.u32("asID")?);
        let mut blocks = fields.sequence("prefixBlocks")?;
        fields.end("prefix list")?;
        let mut prefixes = Vec::new();
        let mut last_family = None;
        while !blocks.is_empty() {
            let mut block = blocks.sequence("address family")?;
            let family = read_family(block.expect(der::OCTET_STRING, "address family")?)?;
            if last_family.replace(family).is_some_and(|last| last >= family) {
                return Err(family_fault("an address family is there twice, or out of order"));
            }
            let mut list = block.sequence("prefixes")?;
            block.end("address family")?;
            if list.is_empty() {
                return Err(DecodeError::syntax("prefixes: an address family has none"));
            }
            while !list.is_empty() {
                if prefixes.len() == MAX_ROA_PREFIXES {
                    return Err(DecodeError::too_many("prefixes", MAX_ROA_PREFIXES));
                }
                prefixes.push(read_prefix(list.expect(der::BIT_STRING, "prefix")?, family)?);
            }
        }
        let count = prefixes.len();
        prefixes.sort_unstable();
        prefixes.dedup();
        match prefixes.len() == count {
            true => Ok(SignedPrefixList { asn, prefixes }),
            false => Err(DecodeError::syntax("prefixes: one is there twice")),
        }
    }
}

fn family_fault(detail: &'static str) -> DecodeError {
    DecodeError::new(Fault::RoaFamily, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ca::prefix_list_content;
    use crate::object::testing::der;

    fn read(prefixes: &[&str]) -> Result<Vec<String>, Fault> {
        let prefixes: Vec<Prefix> = prefixes.iter().map(|text| text.parse().unwrap()).collect();
        let content = prefix_list_content(Asn(64500), &prefixes);
        let list = SignedPrefixList::decode(&content).map_err(|error| error.fault)?;
        assert_eq!(list.asn, Asn(64500));
        Ok(list.prefixes.iter().map(Prefix::to_string).collect())
    }

    #[test]
    fn reads_both_families() {
        let prefixes = ["192.0.2.0/24", "203.0.113.128/25", "2001:db8::/32"];
        assert_eq!(read(&prefixes).unwrap(), prefixes);
        assert_eq!(read(&[]).unwrap(), [""; 0]);
        assert_eq!(read(&["0.0.0.0/0"]).unwrap(), ["0.0.0.0/0"]);
    }

    #[test]
    fn h20_families_and_prefixes_are_there_once() {
        assert_eq!(read(&["192.0.2.0/24", "192.0.2.0/24"]), Err(Fault::Syntax));
        let asn = der(0x02, &[1]);
        let block = |afi: u8, bits: &[u8]| {
            der(0x30, &[der(0x04, &[0, afi]), der(0x30, &der(0x03, bits))].concat())
        };
        let list = |blocks: &[Vec<u8>]| {
            let content = [asn.clone(), der(0x30, &blocks.concat())].concat();
            SignedPrefixList::decode(&der(0x30, &content)).map_err(|error| error.fault)
        };
        assert!(list(&[block(1, &[0, 10]), block(2, &[0, 0x20])]).is_ok());
        let backwards = [block(2, &[0, 0x20]), block(1, &[0, 10])];
        assert_eq!(list(&backwards), Err(Fault::RoaFamily));
        assert_eq!(list(&[block(1, &[0, 10]), block(1, &[0, 11])]), Err(Fault::RoaFamily));
        assert_eq!(list(&[block(3, &[0, 10])]), Err(Fault::RoaFamily));
        assert_eq!(list(&[block(1, &[0, 1, 2, 3, 4, 5])]), Err(Fault::RoaPrefix));
        let empty = der(0x30, &[der(0x04, &[0, 1]), der(0x30, &[])].concat());
        assert_eq!(list(&[empty]), Err(Fault::Syntax));
    }
}
