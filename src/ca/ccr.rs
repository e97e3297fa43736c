//! Canonical cache representations (draft-ietf-sidrops-rpki-ccr), put together from their parts.
//!
//! Entries are written in the order given, so that tests can break it. An entry of state 2 is what
//! [`roa_content`](super::roa_content) writes: a ROA's content has the same DER.

use chrono::DateTime;

use super::der::{CONTEXT_0, GENERALIZED_TIME, OCTET_STRING, OID, SEQUENCE, integer, tlv};
use crate::model::{Asn, Aspa, KeyIdentifier, ObjectHash, Timestamp};

/// The content type of a CCR.
pub const CCR: &[u8] = &[42, 134, 72, 134, 247, 13, 1, 9, 16, 1, 54];

const SHA_256: &[u8] = &[96, 134, 72, 1, 101, 3, 4, 2, 1];

/// `id-ad-signedObject` (RFC 6487, section 4.8.8.2).
const SIGNED_OBJECT: &[u8] = &[43, 6, 1, 5, 5, 7, 48, 11];

/// `[6]`, primitive: a URI among the general names (RFC 5280, section 4.2.1.6).
const URI: u8 = 0x86;

/// Writes a CCR with these states, each as [`ccr_state`] writes it.
pub fn ccr(produced_at: Timestamp, states: &[Vec<u8>]) -> Vec<u8> {
    let algorithm = tlv(SEQUENCE, &[&tlv(OID, &[SHA_256])]);
    let content = tlv(SEQUENCE, &[&algorithm, &ccr_time(produced_at), &states.concat()]);
    tlv(SEQUENCE, &[&tlv(OID, &[CCR]), &tlv(CONTEXT_0, &[&content])])
}

/// Writes state `number`: 1 manifests, 2 ROAs, 3 ASPAs, 4 trust anchors, 5 router keys.
///
/// `behind` stands between the entries and their hash.
pub fn ccr_state(number: u8, entries: &[Vec<u8>], behind: &[u8]) -> Vec<u8> {
    let list = tlv(SEQUENCE, &[&entries.concat()]);
    let hash = tlv(OCTET_STRING, &[&ObjectHash::of(&list).0]);
    tlv(CONTEXT_0 | number, &[&tlv(SEQUENCE, &[&list, behind, &hash])])
}

/// Writes a GeneralizedTime.
pub fn ccr_time(time: Timestamp) -> Vec<u8> {
    let time = DateTime::from_timestamp(time.0, 0).unwrap_or_default();
    tlv(GENERALIZED_TIME, &[time.format("%Y%m%d%H%M%SZ").to_string().as_bytes()])
}

/// Writes an ASPA, an entry of state 3.
pub fn ccr_aspa(aspa: &Aspa) -> Vec<u8> {
    let providers: Vec<u8> = aspa.providers.iter().flat_map(|asn| integer(asn.0)).collect();
    tlv(SEQUENCE, &[&integer(aspa.customer.0), &tlv(SEQUENCE, &[&providers])])
}

/// Writes a key identifier, an entry of state 4.
pub fn ccr_key_identifier(ski: KeyIdentifier) -> Vec<u8> {
    tlv(OCTET_STRING, &[&ski.0])
}

/// Writes the router keys of an AS, an entry of state 5.
pub fn ccr_router_keys(asn: Asn, keys: &[(KeyIdentifier, &[u8])]) -> Vec<u8> {
    let keys =
        keys.iter().flat_map(|(ski, spki)| tlv(SEQUENCE, &[&ccr_key_identifier(*ski), spki]));
    tlv(SEQUENCE, &[&integer(asn.0), &tlv(SEQUENCE, &[&keys.collect::<Vec<u8>>()])])
}

/// What a CCR says of a manifest.
#[derive(Clone, Debug)]
pub struct CcrManifestFields<'a> {
    /// The SHA-256 of the manifest.
    pub hash: ObjectHash,
    /// Its size in bytes.
    pub size: u32,
    /// The key identifier of its CA.
    pub aki: KeyIdentifier,
    /// Its number.
    pub number: u32,
    /// When it was made.
    pub this_update: Timestamp,
    /// Where it lies.
    pub uri: &'a str,
    /// The key identifiers of the CAs below.
    pub subordinates: &'a [KeyIdentifier],
}

/// Writes a manifest, an entry of state 1.
pub fn ccr_manifest(fields: &CcrManifestFields<'_>) -> Vec<u8> {
    let location =
        tlv(SEQUENCE, &[&tlv(OID, &[SIGNED_OBJECT]), &tlv(URI, &[fields.uri.as_bytes()])]);
    let subordinates = match fields.subordinates {
        [] => Vec::new(),
        keys => {
            let keys: Vec<u8> = keys.iter().flat_map(|ski| ccr_key_identifier(*ski)).collect();
            tlv(SEQUENCE, &[&keys])
        }
    };
    tlv(
        SEQUENCE,
        &[
            &tlv(OCTET_STRING, &[&fields.hash.0]),
            &integer(fields.size),
            &ccr_key_identifier(fields.aki),
            &integer(fields.number),
            &ccr_time(fields.this_update),
            &tlv(SEQUENCE, &[&location]),
            &subordinates,
        ],
    )
}
