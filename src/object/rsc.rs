//! The content of signed checklists (RFC 9323).

use super::der::{self, Reader};
use super::error::{DecodeError, Fault};
use super::limits::{MAX_CHECKLIST_ENTRIES, MAX_FILE_NAME};
use super::resources::CertResources;
use super::signed::{SHA_256, read_algorithm};
use crate::model::{ObjectHash, ResourceSet};

/// A signed checklist: digests of files, and the resources that they are signed with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Checklist {
    /// The resources that the checklist is signed with.
    pub resources: ResourceSet,
    /// What is listed, in the order of the list.
    pub entries: Vec<ChecklistEntry>,
}

/// A file on a checklist.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ChecklistEntry {
    /// The name: letters, digits, `-`, `_` and `.`; some files have none.
    pub name: Option<String>,
    /// The SHA-256 of the file.
    pub hash: ObjectHash,
}

impl Checklist {
    /// Decodes the eContent of a signed checklist; only SHA-256 is read.
    ///
    /// Source: RFC 9323, section 4.
    pub fn decode(content: &[u8]) -> Result<Checklist, DecodeError> {
        let mut fields = Reader::whole_sequence(content, "checklist")?;
        // Version 0 is the default, so DER has no way to write it.
        let resources = read_resources(fields.sequence("resources")?)?;
        read_algorithm(fields.sequence("digestAlgorithm")?, &[SHA_256], "digest algorithm")?;
        let mut list = fields.sequence("checkList")?;
        fields.end("checklist")?;
        let mut entries: Vec<ChecklistEntry> = Vec::new();
        while !list.is_empty() {
            if entries.len() == MAX_CHECKLIST_ENTRIES {
                return Err(DecodeError::too_many("files", MAX_CHECKLIST_ENTRIES));
            }
            let mut entry = list.sequence("fileNameAndHash")?;
            let name = entry.optional(der::IA5_STRING, "fileName")?.map(read_name).transpose()?;
            let hash = ObjectHash::from_slice(entry.expect(der::OCTET_STRING, "hash")?)
                .ok_or_else(|| DecodeError::syntax("hash: not 32 octets"))?;
            entry.end("fileNameAndHash")?;
            entries.push(ChecklistEntry { name, hash });
        }
        if entries.is_empty() {
            return Err(DecodeError::syntax("checkList: empty"));
        }
        let mut names: Vec<_> = entries.iter().filter_map(|entry| entry.name.as_deref()).collect();
        names.sort_unstable();
        if names.iter().zip(names.iter().skip(1)).any(|(a, b)| a == b) {
            return Err(DecodeError::syntax("checkList: a file name is there twice"));
        }
        Ok(Checklist { resources, entries })
    }
}

fn read_resources(mut block: Reader<'_>) -> Result<ResourceSet, DecodeError> {
    let mut claim = CertResources::default();
    if let Some(asn) = block.optional(der::EXPLICIT_0, "AS numbers")? {
        claim.read_asn(asn)?;
    }
    if let Some(ip) = block.optional(der::EXPLICIT_1, "addresses")? {
        claim.read_ip(ip)?;
    }
    block.end("resources")?;
    if claim.has_inherit() || !claim.has_ranges() {
        let detail = "a checklist names its resources: none are there, or they are inherited";
        return Err(DecodeError::new(Fault::CertificateResources, detail));
    }
    Ok(claim.resolve(&ResourceSet::default()))
}

fn read_name(name: &[u8]) -> Result<String, DecodeError> {
    let is_good = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    match std::str::from_utf8(name) {
        Ok(text) if !text.is_empty() && name.len() <= MAX_FILE_NAME && name.iter().all(is_good) => {
            Ok(text.to_owned())
        }
        _ => Err(DecodeError::syntax("fileName: not of letters, digits, '-', '_' and '.'")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ca::checklist_content;
    use crate::model::AsRange;
    use crate::object::testing::der;

    fn resources() -> ResourceSet {
        let prefixes = ["192.0.2.0/24", "2001:db8::/32"].map(|p| p.parse().unwrap());
        let set = ResourceSet::from_prefixes(prefixes);
        let asn = AsRange { min: 64496, max: 64499 };
        ResourceSet::new(set.v4().to_vec(), set.v6().to_vec(), [asn])
    }

    fn read(set: &ResourceSet, files: &[(Option<&str>, ObjectHash)]) -> Result<Checklist, Fault> {
        Checklist::decode(&checklist_content(set, files)).map_err(|error| error.fault)
    }

    #[test]
    fn reads_resources_names_and_digests() {
        let hash = ObjectHash::of(b"contract");
        let list = read(&resources(), &[(Some("contract.pdf"), hash), (None, hash)]).unwrap();
        assert_eq!(list.resources, resources());
        assert_eq!(list.entries[0].name.as_deref(), Some("contract.pdf"));
        assert_eq!(list.entries[1], ChecklistEntry { name: None, hash });
    }

    #[test]
    fn h20_names_lists_and_resources_are_checked() {
        let hash = ObjectHash::of(b"x");
        for name in ["", "a/b", "../a", "a b", "é", "a\u{1b}"] {
            assert_eq!(read(&resources(), &[(Some(name), hash)]), Err(Fault::Syntax), "{name:?}");
        }
        assert_eq!(read(&resources(), &[]), Err(Fault::Syntax));
        let twice = [(Some("a"), hash), (Some("a"), hash)];
        assert_eq!(read(&resources(), &twice), Err(Fault::Syntax));
        let nothing = ResourceSet::default();
        assert_eq!(read(&nothing, &[(None, hash)]), Err(Fault::CertificateResources));
        let many = vec![(None, hash); MAX_CHECKLIST_ENTRIES + 1];
        assert_eq!(read(&resources(), &many), Err(Fault::TooMany));
        assert!(Checklist::decode(&der(0x30, &[])).is_err());
    }
}
