//! The contents (eContent) of signed objects.

use std::net::IpAddr;

use rpki::crypto::DigestAlgorithm;
use rpki::oid;
use rpki::repository::manifest::{FileAndHash, ManifestContent};
use rpki::repository::roa::RoaBuilder;
use rpki::repository::x509::Serial;

use super::CaError;
use super::certificate::time;
use super::der::{
    BIT_STRING, CONTEXT_0, CONTEXT_1, IA5_STRING, OCTET_STRING, SEQUENCE, UTF8_STRING, encoded,
    integer, tlv,
};
use crate::model::{
    AsRange, Asn, Aspa, Family, ObjectHash, Prefix, ResourceSet, TimeWindow, V4Range, V6Range,
};

/// The content type of a ROA, as the bytes of the object identifier.
pub const ROA: &[u8] = oid::ROUTE_ORIGIN_AUTHZ.0;
/// The content type of a manifest.
pub const MANIFEST: &[u8] = oid::CT_RPKI_MANIFEST.0;
/// The content type of an ASPA.
pub const ASPA: &[u8] = oid::CT_ASPA.0;
/// The content type of a Ghostbusters record (RFC 6493, section 4).
pub const GHOSTBUSTERS: &[u8] = &[42, 134, 72, 134, 247, 13, 1, 9, 16, 1, 35];

/// The content type of a signed checklist (RFC 9323, section 3).
pub const CHECKLIST: &[u8] = &[42, 134, 72, 134, 247, 13, 1, 9, 16, 1, 48];
/// The content type of a TAK (RFC 9691, section 2).
pub const TAK: &[u8] = &[42, 134, 72, 134, 247, 13, 1, 9, 16, 1, 50];
/// The content type of a signed prefix list (draft-ietf-sidrops-rpki-prefixlist, section 3).
pub const PREFIX_LIST: &[u8] = &[42, 134, 72, 134, 247, 13, 1, 9, 16, 1, 51];

/// One prefix of a ROA.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct RoaPrefix {
    /// The prefix.
    pub prefix: Prefix,
    /// The max length, where the ROA writes one.
    pub max_length: Option<u8>,
}

/// Writes the content of a ROA, its prefixes sorted and each once (RFC 9582, section 4.3.3).
pub fn roa_content(asn: Asn, prefixes: &[RoaPrefix]) -> Vec<u8> {
    let mut prefixes = prefixes.to_vec();
    prefixes.sort_unstable();
    prefixes.dedup();
    let mut builder = RoaBuilder::new(asn.0.into());
    for RoaPrefix { prefix, max_length } in prefixes {
        match prefix.address() {
            IpAddr::V4(address) => builder.push_v4_addr(address, prefix.len(), max_length),
            IpAddr::V6(address) => builder.push_v6_addr(address, prefix.len(), max_length),
        }
    }
    encoded(builder.to_attestation().encode_ref())
}

/// What a manifest says.
#[derive(Clone, Copy, Debug)]
pub struct ManifestFields<'a> {
    /// The manifest number.
    pub number: u64,
    /// From thisUpdate to nextUpdate.
    pub updates: TimeWindow,
    /// The names and hashes of the files of the publication point, without the manifest.
    pub files: &'a [(String, ObjectHash)],
}

/// Writes the content of a manifest, its files in the order given (RFC 9286, section 4.2).
pub fn manifest_content(fields: ManifestFields<'_>) -> Result<Vec<u8>, CaError> {
    let files = fields.files.iter().map(|(name, hash)| FileAndHash::new(name.as_bytes(), hash.0));
    let content = ManifestContent::new(
        Serial::from(fields.number),
        time(fields.updates.from)?,
        time(fields.updates.until)?,
        DigestAlgorithm::default(),
        files,
    );
    Ok(encoded(content.encode_ref()))
}

/// Writes the content of an ASPA of version 1, its providers in the order given.
pub fn aspa_content(aspa: &Aspa) -> Vec<u8> {
    let providers: Vec<u8> = aspa.providers.iter().flat_map(|asn| integer(asn.0)).collect();
    tlv(
        SEQUENCE,
        &[
            &tlv(CONTEXT_0, &[&integer(1)]),
            &integer(aspa.customer.0),
            &tlv(SEQUENCE, &[&providers]),
        ],
    )
}

/// A trust anchor's key as a TAK says it.
#[derive(Clone, Copy, Debug)]
pub struct TakKey<'a> {
    /// Comments.
    pub comments: &'a [&'a str],
    /// Where its certificate is published.
    pub uris: &'a [&'a str],
    /// The DER of the SubjectPublicKeyInfo.
    pub spki: &'a [u8],
}

/// Writes the content of a TAK (RFC 9691, section 2).
pub fn tak_content(
    current: TakKey<'_>,
    predecessor: Option<TakKey<'_>>,
    successor: Option<TakKey<'_>>,
) -> Vec<u8> {
    let key = |key: TakKey<'_>| {
        let strings = |tag, list: &[&str]| -> Vec<u8> {
            list.iter().flat_map(|text| tlv(tag, &[text.as_bytes()])).collect()
        };
        let comments = tlv(SEQUENCE, &[&strings(UTF8_STRING, key.comments)]);
        let uris = tlv(SEQUENCE, &[&strings(IA5_STRING, key.uris)]);
        tlv(SEQUENCE, &[&comments, &uris, key.spki])
    };
    let tagged = |tag, optional: Option<TakKey<'_>>| {
        optional.map(|found| tlv(tag, &[&key(found)])).unwrap_or_default()
    };
    let (before, next) = (tagged(CONTEXT_0, predecessor), tagged(CONTEXT_1, successor));
    tlv(SEQUENCE, &[&key(current), &before, &next])
}

/// Writes the content of a signed checklist, its files in the order given (RFC 9323, section 4).
pub fn checklist_content(resources: &ResourceSet, files: &[(Option<&str>, ObjectHash)]) -> Vec<u8> {
    let asns: Vec<u8> = resources
        .asn()
        .iter()
        .flat_map(|&AsRange { min, max }| match min == max {
            true => integer(min),
            false => tlv(SEQUENCE, &[&integer(min), &integer(max)]),
        })
        .collect();
    let v4 = resources.v4().iter().flat_map(|&V4Range { min, max }| {
        address_range(&min.to_be_bytes(), &max.to_be_bytes(), (min ^ max).leading_zeros())
    });
    let v6 = resources.v6().iter().flat_map(|&V6Range { min, max }| {
        address_range(&min.to_be_bytes(), &max.to_be_bytes(), (min ^ max).leading_zeros())
    });
    let families = [family(Family::V4, v4.collect()), family(Family::V6, v6.collect())].concat();
    let mut block = Vec::new();
    if !asns.is_empty() {
        let list = tlv(CONTEXT_0, &[&tlv(SEQUENCE, &[&asns])]);
        block.extend(tlv(CONTEXT_0, &[&tlv(SEQUENCE, &[&list])]));
    }
    if !families.is_empty() {
        block.extend(tlv(CONTEXT_1, &[&tlv(SEQUENCE, &[&families])]));
    }
    let list: Vec<u8> = files
        .iter()
        .flat_map(|(name, hash)| {
            let name = name.map(|name| tlv(IA5_STRING, &[name.as_bytes()])).unwrap_or_default();
            tlv(SEQUENCE, &[&name, &tlv(OCTET_STRING, &[&hash.0])])
        })
        .collect();
    let algorithm = encoded(DigestAlgorithm::default().encode());
    tlv(SEQUENCE, &[&tlv(SEQUENCE, &[&block]), &algorithm, &tlv(SEQUENCE, &[&list])])
}

/// Writes a range as RFC 3779, section 2.2.3.7, wants it: a prefix where it is one.
fn address_range(min: &[u8], max: &[u8], common: u32) -> Vec<u8> {
    let bits = u32::try_from(min.len() * 8).unwrap_or(u32::MAX);
    let trailing = |octets: &[u8], bit: u8| {
        let octets = octets.iter().rev();
        let mut count = 0;
        for octet in octets {
            let run = if bit == 0 { octet.trailing_zeros() } else { octet.trailing_ones() };
            count += run.min(8);
            if run < 8 {
                break;
            }
        }
        count
    };
    let host_bits = bits - common;
    if trailing(min, 0) >= host_bits && trailing(max, 1) >= host_bits {
        return bits_of(min, common);
    }
    let (low, high) =
        (bits_of(min, bits - trailing(min, 0)), bits_of(max, bits - trailing(max, 1)));
    tlv(SEQUENCE, &[&low, &high])
}

/// Writes the first `length` bits of an address as a BIT STRING.
fn bits_of(address: &[u8], length: u32) -> Vec<u8> {
    let octets = usize::try_from(length.div_ceil(8)).unwrap_or(usize::MAX);
    let unused = u8::try_from(length.next_multiple_of(8) - length).unwrap_or_default();
    let mut bytes = address.get(..octets).unwrap_or(address).to_vec();
    if let Some(last) = bytes.last_mut() {
        *last &= 0xffu8 << unused;
    }
    tlv(BIT_STRING, &[&[unused], &bytes])
}

/// Writes the entries of one address family, or nothing if there are none.
fn family(family: Family, entries: Vec<u8>) -> Vec<u8> {
    if entries.is_empty() {
        return entries;
    }
    let afi = match family {
        Family::V4 => [0, 1],
        Family::V6 => [0, 2],
    };
    tlv(SEQUENCE, &[&tlv(OCTET_STRING, &[&afi]), &tlv(SEQUENCE, &[&entries])])
}

/// Writes the content of a signed prefix list, each family's prefixes in the order given.
pub fn prefix_list_content(asn: Asn, prefixes: &[Prefix]) -> Vec<u8> {
    let of = |wanted: Family| {
        let prefixes = prefixes.iter().filter(|prefix| prefix.family() == wanted);
        let entries = prefixes.flat_map(|prefix| {
            let length = u32::from(prefix.len());
            match prefix.address() {
                IpAddr::V4(address) => bits_of(&address.octets(), length),
                IpAddr::V6(address) => bits_of(&address.octets(), length),
            }
        });
        family(wanted, entries.collect())
    };
    tlv(SEQUENCE, &[&integer(asn.0), &tlv(SEQUENCE, &[&of(Family::V4), &of(Family::V6)])])
}
