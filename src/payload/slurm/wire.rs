//! The JSON of a SLURM file, member by member: nothing unknown, nothing twice, nothing missing.

use std::fmt;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::file::{BgpsecFilter, Entry, PrefixFilter, SlurmError, SlurmFile};
use super::lines::EntryLines;
use crate::model::{Asn, Aspa, KeyIdentifier, Prefix, RouterKey, Vrp};
use crate::object::is_public_key_info;
use crate::payload::base64::decode_base64;
use crate::payload::limits::{MAX_PROVIDERS, MAX_ROUTER_KEY};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    #[serde(rename = "slurmVersion", deserialize_with = "version")]
    version: u8,
    #[serde(rename = "validationOutputFilters")]
    filters: Filters,
    #[serde(rename = "locallyAddedAssertions")]
    assertions: Assertions,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Filters {
    prefix_filters: Vec<PrefixFilterEntry>,
    bgpsec_filters: Vec<BgpsecFilterEntry>,
    #[serde(default, deserialize_with = "present")]
    aspa_filters: Option<Vec<AspaFilterEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Assertions {
    prefix_assertions: Vec<PrefixAssertionEntry>,
    bgpsec_assertions: Vec<BgpsecAssertionEntry>,
    #[serde(default, deserialize_with = "present")]
    aspa_assertions: Option<Vec<AspaAssertionEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PrefixFilterFields {
    #[serde(default, deserialize_with = "present")]
    prefix: Option<PrefixText>,
    #[serde(default, deserialize_with = "present")]
    asn: Option<u32>,
    #[serde(default, deserialize_with = "present")]
    comment: Option<String>,
}

#[derive(Deserialize)]
#[serde(try_from = "PrefixFilterFields")]
struct PrefixFilterEntry(PrefixFilter, Option<String>);

impl TryFrom<PrefixFilterFields> for PrefixFilterEntry {
    type Error = &'static str;

    fn try_from(fields: PrefixFilterFields) -> Result<Self, Self::Error> {
        if fields.prefix.is_none() && fields.asn.is_none() {
            return Err(
                "a prefix filter with neither a prefix nor an AS would take out everything",
            );
        }
        let filter =
            PrefixFilter { prefix: fields.prefix.map(|text| text.0), asn: fields.asn.map(Asn) };
        Ok(PrefixFilterEntry(filter, fields.comment))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BgpsecFilterFields {
    #[serde(default, deserialize_with = "present")]
    asn: Option<u32>,
    #[serde(rename = "SKI", default, deserialize_with = "present")]
    ski: Option<SkiText>,
    #[serde(default, deserialize_with = "present")]
    comment: Option<String>,
}

#[derive(Deserialize)]
#[serde(try_from = "BgpsecFilterFields")]
struct BgpsecFilterEntry(BgpsecFilter, Option<String>);

impl TryFrom<BgpsecFilterFields> for BgpsecFilterEntry {
    type Error = &'static str;

    fn try_from(fields: BgpsecFilterFields) -> Result<Self, Self::Error> {
        if fields.asn.is_none() && fields.ski.is_none() {
            return Err("a BGPsec filter with neither an AS nor an SKI would take out everything");
        }
        let filter = BgpsecFilter { asn: fields.asn.map(Asn), ski: fields.ski.map(|text| text.0) };
        Ok(BgpsecFilterEntry(filter, fields.comment))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct AspaFilterEntry {
    customer_asn: u32,
    #[serde(default, deserialize_with = "present")]
    comment: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct PrefixAssertionFields {
    asn: u32,
    prefix: PrefixText,
    #[serde(default, deserialize_with = "present")]
    max_prefix_length: Option<u8>,
    #[serde(default, deserialize_with = "present")]
    comment: Option<String>,
}

#[derive(Deserialize)]
#[serde(try_from = "PrefixAssertionFields")]
struct PrefixAssertionEntry(Vrp, Option<String>);

impl TryFrom<PrefixAssertionFields> for PrefixAssertionEntry {
    type Error = String;

    fn try_from(fields: PrefixAssertionFields) -> Result<Self, String> {
        let prefix = fields.prefix.0;
        let (shortest, longest) = (prefix.len(), prefix.family().bits());
        let max_length = fields.max_prefix_length.unwrap_or(shortest);
        if !(shortest..=longest).contains(&max_length) {
            return Err(format!("maxPrefixLength is not between {shortest} and {longest}"));
        }
        let vrp = Vrp { prefix, max_length, asn: Asn(fields.asn) };
        Ok(PrefixAssertionEntry(vrp, fields.comment))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct BgpsecAssertionEntry {
    asn: u32,
    #[serde(rename = "SKI")]
    ski: SkiText,
    router_public_key: KeyText,
    #[serde(default, deserialize_with = "present")]
    comment: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct AspaAssertionFields {
    customer_asn: u32,
    provider_asns: Vec<u32>,
    #[serde(default, deserialize_with = "present")]
    comment: Option<String>,
}

#[derive(Deserialize)]
#[serde(try_from = "AspaAssertionFields")]
struct AspaAssertionEntry(Aspa, Option<String>);

impl TryFrom<AspaAssertionFields> for AspaAssertionEntry {
    type Error = &'static str;

    fn try_from(fields: AspaAssertionFields) -> Result<Self, Self::Error> {
        let providers = &fields.provider_asns;
        if fields.customer_asn == 0 {
            return Err("AS 0 is no customer");
        }
        if providers.is_empty() {
            return Err("providerAsns is empty: that there is no provider is said by AS 0 alone");
        }
        if providers.len() > MAX_PROVIDERS {
            return Err("too many providers");
        }
        if !providers.is_sorted_by(|left, right| left < right) {
            return Err("providerAsns do not ascend, or one is there twice");
        }
        if providers.contains(&fields.customer_asn) {
            return Err("the customer is among its providers");
        }
        if providers.len() > 1 && providers.first() == Some(&0) {
            return Err("AS 0 is a provider beside others");
        }
        let customer = Asn(fields.customer_asn);
        let providers = fields.provider_asns.into_iter().map(Asn).collect();
        Ok(AspaAssertionEntry(Aspa { customer, providers }, fields.comment))
    }
}

/// Reads the version.
fn version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    match u64::deserialize(deserializer)? {
        1 => Ok(1),
        2 => Ok(2),
        _ => Err(D::Error::custom("slurmVersion is 1 or 2")),
    }
}

/// Reads a member that may be missing, but that is not null where it is there.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// A prefix in text, whose host bits are zero.
struct PrefixText(Prefix);

impl<'de> Deserialize<'de> for PrefixText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer, "a prefix", |text| text.parse().map(PrefixText))
    }
}

/// A key identifier in base64.
struct SkiText(KeyIdentifier);

impl<'de> Deserialize<'de> for SkiText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer, "an SKI in base64", |text| {
            unpadded(text)
                .and_then(|bytes| Some(SkiText(KeyIdentifier(bytes.try_into().ok()?))))
                .ok_or("SKI is not the base64 of 20 bytes without padding")
        })
    }
}

/// The DER of a public key in base64.
struct KeyText(Vec<u8>);

impl<'de> Deserialize<'de> for KeyText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer, "a key in base64", |text| {
            unpadded(text)
                .filter(|bytes| bytes.len() <= MAX_ROUTER_KEY && is_public_key_info(bytes))
                .map(KeyText)
                .ok_or("routerPublicKey is not the base64 of a SubjectPublicKeyInfo in DER")
        })
    }
}

/// Decodes base64 without padding; the RFC has the alphabet for URLs, the draft the other one.
fn unpadded(text: &str) -> Option<Vec<u8>> {
    if text.ends_with('=') { None } else { decode_base64(text) }
}

fn text<'de, D: Deserializer<'de>, T, E: fmt::Display>(
    deserializer: D,
    expected: &'static str,
    read: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, D::Error> {
    struct Text<F>(&'static str, F);
    impl<T, E: fmt::Display, F: FnOnce(&str) -> Result<T, E>> serde::de::Visitor<'_> for Text<F> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }

        fn visit_str<D: Error>(self, text: &str) -> Result<T, D> {
            (self.1)(text).map_err(D::custom)
        }
    }
    deserializer.deserialize_str(Text(expected, read))
}

impl Document {
    pub(super) fn entries(&self) -> usize {
        let (filters, assertions) = (&self.filters, &self.assertions);
        [
            filters.prefix_filters.len(),
            filters.bgpsec_filters.len(),
            filters.aspa_filters.as_ref().map_or(0, Vec::len),
            assertions.prefix_assertions.len(),
            assertions.bgpsec_assertions.len(),
            assertions.aspa_assertions.as_ref().map_or(0, Vec::len),
        ]
        .into_iter()
        .sum()
    }

    pub(super) fn into_file(self, lines: &EntryLines) -> Result<SlurmFile, SlurmError> {
        let Document { version, filters, assertions } = self;
        let has_aspas = filters.aspa_filters.is_some() || assertions.aspa_assertions.is_some();
        if version == 1 && has_aspas {
            return Err(SlurmError::whole("filters and assertions of ASPAs need slurmVersion 2"));
        }
        let aspa_filters = filters.aspa_filters.unwrap_or_default();
        let aspa_assertions = assertions.aspa_assertions.unwrap_or_default();
        Ok(SlurmFile {
            version,
            prefix_filters: entries(filters.prefix_filters, lines, "prefixFilters", |entry| {
                (entry.0, entry.1)
            }),
            bgpsec_filters: entries(filters.bgpsec_filters, lines, "bgpsecFilters", |entry| {
                (entry.0, entry.1)
            }),
            aspa_filters: entries(aspa_filters, lines, "aspaFilters", |entry| {
                (Asn(entry.customer_asn), entry.comment)
            }),
            prefix_assertions: entries(
                assertions.prefix_assertions,
                lines,
                "prefixAssertions",
                |entry| (entry.0, entry.1),
            ),
            bgpsec_assertions: entries(
                assertions.bgpsec_assertions,
                lines,
                "bgpsecAssertions",
                |entry| {
                    let (asn, ski, spki) = (Asn(entry.asn), entry.ski.0, entry.router_public_key.0);
                    (RouterKey { ski, asn, spki }, entry.comment)
                },
            ),
            aspa_assertions: entries(aspa_assertions, lines, "aspaAssertions", |entry| {
                (entry.0, entry.1)
            }),
        })
    }
}

fn entries<W, T>(
    wire: Vec<W>,
    lines: &EntryLines,
    list: &str,
    split: impl Fn(W) -> (T, Option<String>),
) -> Vec<Entry<T>> {
    let lines = lines.of(list).iter().copied().chain(std::iter::repeat(0));
    wire.into_iter()
        .zip(lines)
        .map(|(entry, line)| {
            let (rule, comment) = split(entry);
            Entry { rule, line, comment }
        })
        .collect()
}
