//! One SLURM file: its filters and assertions, each with its line and its comment.

use super::lines::entry_lines;
use super::wire;
use crate::model::{Asn, Aspa, KeyIdentifier, Prefix, RouterKey, Vrp};
use crate::payload::limits::{MAX_SLURM_BYTES, MAX_SLURM_ENTRIES};

/// A filter or an assertion, and where the operator wrote it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry<T> {
    /// What it says.
    pub rule: T,
    /// The line on which it begins, counted from one.
    pub line: u32,
    /// The operator's comment.
    pub comment: Option<String>,
}

/// Which VRPs are taken out: what is given must hold together.
///
/// Source: RFC 8416, section 3.3.1.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PrefixFilter {
    /// VRPs whose prefix is this one or lies inside it.
    pub prefix: Option<Prefix>,
    /// VRPs of this AS.
    pub asn: Option<Asn>,
}

/// Which router keys are taken out: what is given must hold together.
///
/// Source: RFC 8416, section 3.3.2.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BgpsecFilter {
    /// Keys of this AS.
    pub asn: Option<Asn>,
    /// Keys with this identifier.
    pub ski: Option<KeyIdentifier>,
}

/// The content of a SLURM file.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SlurmFile {
    /// The version of the format: 1 (RFC 8416) or 2 (with ASPAs).
    pub version: u8,
    /// VRPs to take out.
    pub prefix_filters: Vec<Entry<PrefixFilter>>,
    /// Router keys to take out.
    pub bgpsec_filters: Vec<Entry<BgpsecFilter>>,
    /// Customers whose ASPAs are taken out.
    pub aspa_filters: Vec<Entry<Asn>>,
    /// VRPs to add.
    pub prefix_assertions: Vec<Entry<Vrp>>,
    /// Router keys to add.
    pub bgpsec_assertions: Vec<Entry<RouterKey>>,
    /// ASPAs to add.
    pub aspa_assertions: Vec<Entry<Aspa>>,
}

impl SlurmFile {
    /// Reads a whole file; whatever RFC 8416 does not permit is an error, for the whole file.
    pub fn parse(bytes: &[u8]) -> Result<SlurmFile, SlurmError> {
        if bytes.len() > MAX_SLURM_BYTES {
            return Err(SlurmError::whole(format!("longer than {MAX_SLURM_BYTES} bytes")));
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|_| SlurmError::whole("not UTF-8 (RFC 8416, section 3.1)"))?;
        let document: wire::Document = serde_json::from_str(text).map_err(SlurmError::json)?;
        if document.entries() > MAX_SLURM_ENTRIES {
            let message = format!("more than {MAX_SLURM_ENTRIES} filters and assertions");
            return Err(SlurmError::whole(message));
        }
        let lines = entry_lines(text);
        if let Some(line) = lines.misplaced {
            let message = "a list in the place of an object".to_owned();
            return Err(SlurmError { line: Some(line), message });
        }
        document.into_file(&lines)
    }

    /// Returns how many filters and assertions there are.
    pub fn len(&self) -> usize {
        [
            self.prefix_filters.len(),
            self.bgpsec_filters.len(),
            self.aspa_filters.len(),
            self.prefix_assertions.len(),
            self.bgpsec_assertions.len(),
            self.aspa_assertions.len(),
        ]
        .into_iter()
        .sum()
    }

    /// Tells whether the file changes nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What is wrong with a SLURM file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SlurmError {
    /// The line, counted from one; none for what concerns the whole file.
    pub line: Option<u32>,
    /// What is wrong, log-safe.
    pub message: String,
}

/// The longest message: serde quotes what it does not know, whatever its length.
const LONGEST_MESSAGE: usize = 200;

impl SlurmError {
    pub(super) fn whole(message: impl Into<String>) -> Self {
        SlurmError { line: None, message: message.into() }
    }

    fn json(error: serde_json::Error) -> Self {
        let text = error.to_string();
        // The place is told apart, and again by whoever shows it with the name of the file.
        let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
        let message = message.chars().take(LONGEST_MESSAGE).flat_map(char::escape_debug);
        SlurmError {
            line: u32::try_from(error.line()).ok().filter(|line| *line > 0),
            message: message.collect::<String>().replace("\\\"", "\"").replace("\\'", "'"),
        }
    }
}

impl std::fmt::Display for SlurmError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for SlurmError {}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with the lists of `filters` and `assertions`, as their JSON members.
    fn text(version: u8, filters: &str, assertions: &str) -> String {
        format!(
            "{{ \"slurmVersion\": {version},\n\"validationOutputFilters\": {{ {filters} }},\n\
             \"locallyAddedAssertions\": {{ {assertions} }} }}"
        )
    }

    fn filters(prefix: &str, bgpsec: &str) -> String {
        format!("\"prefixFilters\": [{prefix}], \"bgpsecFilters\": [{bgpsec}]")
    }

    fn assertions(prefix: &str, bgpsec: &str) -> String {
        format!("\"prefixAssertions\": [{prefix}], \"bgpsecAssertions\": [{bgpsec}]")
    }

    fn parse(text: &str) -> Result<SlurmFile, SlurmError> {
        SlurmFile::parse(text.as_bytes())
    }

    fn with_prefix_filter(entry: &str) -> Result<SlurmFile, SlurmError> {
        parse(&text(1, &filters(entry, ""), &assertions("", "")))
    }

    fn with_prefix_assertion(entry: &str) -> Result<SlurmFile, SlurmError> {
        parse(&text(1, &filters("", ""), &assertions(entry, "")))
    }

    fn with_router_key(key: &str) -> Result<SlurmFile, SlurmError> {
        let ski = "A".repeat(27);
        let entry = format!("{{ \"asn\": 1, \"SKI\": \"{ski}\", \"routerPublicKey\": \"{key}\" }}");
        parse(&text(1, &filters("", ""), &assertions("", &entry)))
    }

    fn with_aspa(entry: &str) -> Result<SlurmFile, SlurmError> {
        let filters = format!("{}, \"aspaFilters\": []", filters("", ""));
        let assertions = format!("{}, \"aspaAssertions\": [{entry}]", assertions("", ""));
        parse(&text(2, &filters, &assertions))
    }

    /// A P-256 key as a DER SubjectPublicKeyInfo, in base64url.
    const KEY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE1dK90nftQd9t7HyXAnpmOCEhSb\
         AsYg6TcRQ3ATUcgpdMiYAOAHPFe-q4SZ3IhP6meFb7ouml5czi_-5SqVupLw";

    #[test]
    fn the_file_of_rfc_8416_is_read_with_lines_and_comments() {
        let file = parse(include_str!("../../../testdata/slurm/rfc8416.json")).unwrap();
        assert_eq!(file.version, 1);
        assert_eq!(file.prefix_filters.len(), 3);
        let both = &file.prefix_filters[2];
        assert_eq!(both.rule.prefix, Some("198.51.100.0/24".parse().unwrap()));
        assert_eq!(both.rule.asn, Some(Asn(64497)));
        assert_eq!(both.comment.as_deref(), Some("the prefix from this AS"));
        assert_eq!(both.line, 13);
        assert_eq!(file.bgpsec_filters.len(), 3);
        let [first, second] = file.prefix_assertions.as_slice() else { panic!("{file:?}") };
        assert_eq!(first.rule.to_string(), "198.51.100.0/24-24 AS64496");
        assert_eq!(second.rule.to_string(), "2001:db8::/32-48 AS64496");
        assert_eq!((first.line, second.line), (34, 39));
        let [key] = file.bgpsec_assertions.as_slice() else { panic!("{file:?}") };
        assert_eq!((key.rule.asn, key.rule.spki.len()), (Asn(64496), 91));
        assert!(file.aspa_filters.is_empty() && file.aspa_assertions.is_empty());
        assert_eq!(file.len(), 9);
    }

    #[test]
    fn version_2_has_aspas_and_version_1_has_none() {
        let entry = "{ \"customerAsn\": 64496, \"providerAsns\": [64497, 64498] }";
        let file = with_aspa(entry).unwrap();
        assert_eq!(file.aspa_assertions[0].rule.providers, [Asn(64497), Asn(64498)]);
        // Routinator takes a file of version 2 that has no list of ASPAs, and so do we.
        assert!(parse(&text(2, &filters("", ""), &assertions("", ""))).unwrap().is_empty());
        let lists = format!("{}, \"aspaFilters\": []", filters("", ""));
        let error = parse(&text(1, &lists, &assertions("", ""))).unwrap_err();
        assert!(error.message.contains("slurmVersion 2"), "{error}");
    }

    #[test]
    fn k03_whatever_the_rfc_does_not_permit_refuses_the_whole_file() {
        for (entry, why) in [
            ("{ \"prefix\": \"192.0.2.0/24\", \"color\": 1 }", "unknown field `color`"),
            ("{ \"asn\": 1, \"asn\": 2 }", "duplicate field `asn`"),
            ("{ \"prefix\": \"192.0.2.1/24\" }", "bits behind the prefix length are set"),
            ("{ \"prefix\": \"192.0.2.0/33\" }", "invalid prefix"),
            ("{ \"prefix\": 1 }", "invalid type"),
            ("{ \"asn\": 4294967296 }", "invalid value"),
            ("{ \"asn\": -1 }", "invalid value"),
            ("{ \"asn\": \"64496\" }", "invalid type"),
            ("{ \"asn\": 1.5 }", "invalid type"),
            ("{ \"asn\": null }", "invalid type"),
            ("{ \"asn\": 1, \"comment\": null }", "invalid type"),
            ("7", "invalid type"),
        ] {
            let error = with_prefix_filter(entry).unwrap_err();
            assert!(error.message.contains(why), "{entry}: {error}");
            assert_eq!(error.line, Some(2), "{entry}");
        }
        for (entry, why) in [
            ("{ \"prefix\": \"192.0.2.0/24\" }", "missing field `asn`"),
            ("{ \"asn\": 1 }", "missing field `prefix`"),
            (
                "{ \"asn\": 1, \"prefix\": \"192.0.2.0/24\", \"maxPrefixLength\": 23 }",
                "maxPrefixLength is not between 24 and 32",
            ),
            (
                "{ \"asn\": 1, \"prefix\": \"192.0.2.0/24\", \"maxPrefixLength\": 33 }",
                "maxPrefixLength is not between 24 and 32",
            ),
            (
                "{ \"asn\": 1, \"prefix\": \"192.0.2.0/24\", \"maxPrefixLength\": 256 }",
                "invalid value",
            ),
            ("{ \"asn\": 1, \"prefix\": \"192.0.2.0/24\", \"SKI\": \"\" }", "unknown field"),
        ] {
            let error = with_prefix_assertion(entry).unwrap_err();
            assert!(error.message.contains(why), "{entry}: {error}");
            assert_eq!(error.line, Some(3), "{entry}");
        }
    }

    #[test]
    fn k03_the_frame_of_the_file_is_as_strict() {
        let (f, a) = (filters("", ""), assertions("", ""));
        for (text, why) in [
            (text(0, &f, &a), "slurmVersion is 1 or 2"),
            (text(3, &f, &a), "slurmVersion is 1 or 2"),
            (text(1, "\"prefixFilters\": []", &a), "missing field `bgpsecFilters`"),
            (text(1, &f, "\"bgpsecAssertions\": []"), "missing field `prefixAssertions`"),
            (text(1, &format!("{f}, \"x\": []"), &a), "unknown field `x`"),
            (text(1, &f, &a) + "{}", "trailing characters"),
            ("{ \"slurmVersion\": 1 }".to_owned(), "missing field"),
            ("[]".to_owned(), "invalid length"),
            ("[1, [[], []], [[], []]]".to_owned(), "a list in the place of an object"),
            (text(1, &filters("[\"10.0.0.0/8\"]", ""), &a), "a list in the place of an object"),
            (String::new(), "EOF"),
            ("\u{feff}{}".to_owned(), "expected value"),
            ("[".repeat(100_000), ""),
        ] {
            let error = parse(&text).unwrap_err();
            assert!(error.message.contains(why), "{error}");
        }
        assert_eq!(SlurmFile::parse(b"\xff").unwrap_err().line, None);
    }

    #[test]
    fn k05_a_filter_without_a_criterion_is_refused() {
        for entry in ["{}", "{ \"comment\": \"everything\" }"] {
            let error = with_prefix_filter(entry).unwrap_err();
            assert!(error.message.contains("neither a prefix nor an AS"), "{error}");
            let error = parse(&text(1, &filters("", entry), &assertions("", ""))).unwrap_err();
            assert!(error.message.contains("neither an AS nor an SKI"), "{error}");
        }
    }

    #[test]
    fn k03_keys_are_base64_without_padding_of_a_key_in_der() {
        assert!(with_router_key(KEY).is_ok());
        // The draft's own example has the other alphabet.
        assert!(with_router_key(&KEY.replace('-', "+").replace('_', "/")).is_ok());
        for key in ["", "AAAA", "=", &format!("{KEY}="), &KEY[..60], &KEY.replace('M', "*")] {
            assert!(with_router_key(key).is_err(), "{key}");
        }
        for ski in ["", "A", &"A".repeat(26), &"A".repeat(28), "AAAAAAAAAAAAAAAAAAAAAAAAAAA="] {
            let entry = format!("{{ \"SKI\": \"{ski}\" }}");
            let error = parse(&text(1, &filters("", &entry), &assertions("", ""))).unwrap_err();
            assert!(error.message.contains("SKI"), "{ski}: {error}");
        }
    }

    #[test]
    fn k03_providers_ascend_are_unique_and_are_not_the_customer() {
        for (providers, is_good) in [
            ("[2, 3]", true),
            ("[0]", true),
            ("[]", false),
            ("[3, 2]", false),
            ("[2, 2]", false),
            ("[1, 2]", false),
            ("[0, 2]", false),
            ("[4294967296]", false),
        ] {
            let entry = format!("{{ \"customerAsn\": 1, \"providerAsns\": {providers} }}");
            assert_eq!(with_aspa(&entry).is_ok(), is_good, "{providers}");
        }
        assert!(with_aspa("{ \"customerAsn\": 0, \"providerAsns\": [2] }").is_err());
    }

    #[test]
    fn what_routinator_calls_slurm_is_read_back() {
        use crate::output::{Format, Selection};
        use crate::world::View;
        use crate::world::fixture::{NOW, world};
        let view = View::of_world(std::sync::Arc::new(world()), NOW);
        // The key of the fixture is none.
        let selection = Selection { no_router_keys: true, ..Selection::default() };
        for (format, aspas) in [(Format::Slurm, 0), (Format::Slurm2, 1)] {
            let mut bytes = Vec::new();
            format.write(&view, &selection, &mut bytes).unwrap();
            let file = SlurmFile::parse(&bytes).unwrap();
            assert_eq!(file.prefix_assertions.len(), view.vrps().len());
            assert_eq!(file.aspa_assertions.len(), aspas);
            assert_eq!(file.prefix_assertions[0].comment.as_deref(), Some("alpha"));
        }
    }

    proptest::proptest! {
        #[test]
        fn k10_no_input_makes_the_reader_panic(bytes: Vec<u8>, cut in 0usize..2_000) {
            let good = include_bytes!("../../../testdata/slurm/rfc8416.json");
            let _ = SlurmFile::parse(&bytes);
            let mut damaged = good.to_vec();
            damaged.truncate(cut);
            damaged.extend(&bytes);
            let _ = SlurmFile::parse(&damaged);
        }
    }
}
