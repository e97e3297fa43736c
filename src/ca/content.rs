//! The contents (eContent) of signed objects.

use std::net::IpAddr;

use rpki::crypto::DigestAlgorithm;
use rpki::oid;
use rpki::repository::manifest::{FileAndHash, ManifestContent};
use rpki::repository::roa::RoaBuilder;
use rpki::repository::x509::Serial;

use super::CaError;
use super::certificate::time;
use super::der::{CONTEXT_0, SEQUENCE, encoded, integer, tlv};
use crate::model::{Asn, Aspa, ObjectHash, Prefix, TimeWindow};

/// The content type of a ROA, as the bytes of the object identifier.
pub const ROA: &[u8] = oid::ROUTE_ORIGIN_AUTHZ.0;
/// The content type of a manifest.
pub const MANIFEST: &[u8] = oid::CT_RPKI_MANIFEST.0;
/// The content type of an ASPA.
pub const ASPA: &[u8] = oid::CT_ASPA.0;
/// The content type of a Ghostbusters record (RFC 6493, section 4).
pub const GHOSTBUSTERS: &[u8] = &[42, 134, 72, 134, 247, 13, 1, 9, 16, 1, 35];

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
