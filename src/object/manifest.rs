//! The content of manifests (RFC 9286).

use super::der::{self, Reader};
use super::error::{DecodeError, Fault};
use super::limits::{MAX_FILE_NAME, MAX_MANIFEST_ENTRIES};
use super::signed::SHA_256;
use crate::model::{ObjectHash, Timestamp};

/// The decoded content of a manifest.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Manifest {
    /// The manifest number, big endian, 20 octets.
    pub number: [u8; 20],
    /// When it was made.
    pub this_update: Timestamp,
    /// When the next one is due; after `this_update`.
    pub next_update: Timestamp,
    /// What is listed, by name; no name is there twice.
    pub files: Vec<ListedFile>,
}

/// A file that a manifest lists.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct ListedFile {
    /// The name: letters, digits, `-` and `_`, one dot, three letters.
    pub name: Box<str>,
    /// The SHA-256 of the file.
    pub hash: ObjectHash,
}

impl Manifest {
    /// Decodes the eContent of a manifest.
    ///
    /// Source: RFC 9286, section 4.2.
    pub fn decode(content: &[u8]) -> Result<Manifest, DecodeError> {
        let mut fields = Reader::whole_sequence(content, "manifest")?;
        // Version 0 is the default, so DER has no way to write it.
        let number = fields.unsigned_20("manifestNumber")?.ok_or_else(|| {
            let detail = "the manifest number is negative or above 2^159 - 1";
            DecodeError::new(Fault::ManifestNumber, detail)
        })?;
        let this_update = fields.generalized_time("thisUpdate")?;
        let next_update = fields.generalized_time("nextUpdate")?;
        if next_update <= this_update {
            let detail = format!("nextUpdate {next_update} is not after thisUpdate {this_update}");
            return Err(DecodeError::new(Fault::ManifestInterval, detail));
        }
        if fields.oid("fileHashAlg")? != SHA_256 {
            return Err(DecodeError::new(Fault::ManifestHash, "fileHashAlg is not SHA-256"));
        }
        let files = read_files(fields.sequence("fileList")?)?;
        fields.end("manifest")?;
        Ok(Manifest { number, this_update, next_update, files })
    }
}

fn read_files(mut list: Reader<'_>) -> Result<Vec<ListedFile>, DecodeError> {
    let mut files = Vec::new();
    while !list.is_empty() {
        if files.len() == MAX_MANIFEST_ENTRIES {
            return Err(DecodeError::too_many("files", MAX_MANIFEST_ENTRIES));
        }
        let mut entry = list.sequence("fileAndHash")?;
        let name = read_name(entry.expect(der::IA5_STRING, "file")?)?;
        let hash = der::bit_string(entry.expect(der::BIT_STRING, "hash")?)
            .filter(|(_, unused)| *unused == 0)
            .and_then(|(octets, _)| ObjectHash::from_slice(octets))
            .ok_or_else(|| {
                DecodeError::new(Fault::ManifestHash, format!("{name}: the hash is not 32 octets"))
            })?;
        entry.end("fileAndHash")?;
        files.push(ListedFile { name: name.into(), hash });
    }
    if files.is_empty() {
        return Err(DecodeError::new(Fault::ManifestEmpty, "the manifest lists no file"));
    }
    files.sort_unstable();
    let twice = files.iter().zip(files.iter().skip(1)).find(|(a, b)| a.name == b.name);
    match twice {
        Some((file, _)) => {
            let detail = format!("{} is listed twice", file.name);
            Err(DecodeError::new(Fault::ManifestDuplicate, detail))
        }
        None => Ok(files),
    }
}

/// Checks a name: RFC 9286, section 4.2.2, but with any extension of three letters.
fn read_name(name: &[u8]) -> Result<&str, DecodeError> {
    let is_word = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    let is_good = match name.iter().position(|b| *b == b'.') {
        Some(dot) if dot > 0 && name.len() <= MAX_FILE_NAME => {
            let (base, extension) = name.split_at(dot);
            base.iter().all(is_word)
                && extension.len() == 4
                && extension.iter().skip(1).all(u8::is_ascii_alphabetic)
        }
        _ => false,
    };
    match std::str::from_utf8(name) {
        Ok(text) if is_good => Ok(text),
        _ => {
            let shown = String::from_utf8_lossy(name.get(..60).unwrap_or(name));
            let detail = format!("the file name {shown:?} is not permitted");
            Err(DecodeError::new(Fault::ManifestFileName, detail))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::testing::der;

    fn entry(name: &str, hash: &[u8]) -> Vec<u8> {
        let hash = der(0x03, &[&[0], hash].concat());
        der(0x30, &[der(0x16, name.as_bytes()), hash].concat())
    }

    fn manifest(number: &[u8], times: [&str; 2], algorithm: &[u8], list: &[Vec<u8>]) -> Vec<u8> {
        let times = times.map(|time| der(0x18, time.as_bytes())).concat();
        let list = der(0x30, &list.concat());
        der(0x30, &[der(0x02, number), times, der(0x06, algorithm), list].concat())
    }

    const TIMES: [&str; 2] = ["20260101000000Z", "20260102000000Z"];

    fn listing(list: &[Vec<u8>]) -> Result<Vec<ListedFile>, Fault> {
        let manifest = manifest(&[1], TIMES, SHA_256, list);
        Manifest::decode(&manifest).map(|m| m.files).map_err(|error| error.fault)
    }

    #[test]
    fn reads_files_sorted_by_name() {
        let files = listing(&[entry("b.roa", &[2; 32]), entry("A-_1.crl", &[1; 32])]).unwrap();
        let names: Vec<_> = files.iter().map(|file| &*file.name).collect();
        assert_eq!(names, ["A-_1.crl", "b.roa"]);
        assert_eq!(files[1].hash, ObjectHash([2; 32]));
    }

    #[test]
    fn e08_e10_e17_e21_e22_broken_manifests_are_named() {
        let one = || vec![entry("a.roa", &[1; 32])];
        assert_eq!(listing(&[]), Err(Fault::ManifestEmpty));
        let twice = [entry("a.roa", &[1; 32]), entry("a.roa", &[2; 32])];
        assert_eq!(listing(&twice), Err(Fault::ManifestDuplicate));
        assert_eq!(listing(&[entry("a.roa", &[1; 31])]), Err(Fault::ManifestHash));
        let fault = |bytes: &[u8]| Manifest::decode(bytes).map_err(|e| e.fault).unwrap_err();
        let same = ["20260101000000Z"; 2];
        assert_eq!(fault(&manifest(&[1], same, SHA_256, &one())), Fault::ManifestInterval);
        assert_eq!(fault(&manifest(&[1], TIMES, &[0x2a], &one())), Fault::ManifestHash);
        assert_eq!(fault(&manifest(&[0xff], TIMES, SHA_256, &one())), Fault::ManifestNumber);
        let utc = manifest(&[1], TIMES, SHA_256, &one());
        assert_eq!(fault(&[&utc[..], &[0]].concat()), Fault::Syntax);
    }

    #[test]
    fn d01_file_names_have_one_dot_and_three_letters() {
        for name in [
            "",
            ".roa",
            "a",
            "a.",
            "a.ro",
            "a.roas",
            "a.b.roa",
            "../a.roa",
            "a/b.roa",
            "a b.roa",
            "a.r-a",
            "a.r1a",
            "\u{1b}[31m.roa",
            "é.roa",
        ] {
            let fault = listing(&[entry(name, &[1; 32])]);
            assert_eq!(fault, Err(Fault::ManifestFileName), "{name:?}");
        }
        let long = format!("{}.roa", "a".repeat(252));
        assert_eq!(listing(&[entry(&long, &[1; 32])]), Err(Fault::ManifestFileName));
    }

    #[test]
    fn f08_an_explicit_default_version_is_rejected() {
        let bytes = manifest(&[1], TIMES, SHA_256, &[entry("a.roa", &[1; 32])]);
        // Behind the tag and a length of one octet.
        let inner = &bytes[2..];
        let with_version = der(0x30, &[der(0xa0, &der(0x02, &[0])), inner.to_vec()].concat());
        assert!(Manifest::decode(&bytes).is_ok());
        assert!(Manifest::decode(&with_version).is_err());
    }

    #[test]
    fn e19_the_number_of_files_is_bounded() {
        let list = |count| -> Vec<_> {
            (0..count).map(|n| entry(&format!("{n}.roa"), &[1; 32])).collect()
        };
        assert_eq!(listing(&list(MAX_MANIFEST_ENTRIES)).unwrap().len(), MAX_MANIFEST_ENTRIES);
        assert_eq!(listing(&list(MAX_MANIFEST_ENTRIES + 1)), Err(Fault::TooMany));
    }
}
