//! Canonical cache representations: what a validator found, as one file (CCR).
//!
//! Source: draft-ietf-sidrops-rpki-ccr-11. A CCR is not signed: its hashes show damage, and not who
//! made it.

mod error;
#[cfg(test)]
mod tests;

pub use error::{CcrError, CcrRule};

use super::cert::inspect_router_key;
use super::der::{self, Reader};
use super::error::DecodeError;
use super::key::is_public_key_info;
use super::limits::{
    MAX_ASPA_PROVIDERS, MAX_CCR_ASPAS, MAX_CCR_LOCATIONS, MAX_CCR_MANIFESTS, MAX_CCR_ROUTER_KEY,
    MAX_CCR_ROUTER_KEYS, MAX_CCR_SIZE, MAX_CCR_TRUST_ANCHORS, MAX_CCR_VRPS, MAX_MANIFEST_ENTRIES,
};
use super::roa::{read_family, read_vrp};
use super::signed::SHA_256;
use super::text::printable;
use crate::model::{Asn, Aspa, Family, KeyIdentifier, ObjectHash, RouterKey, Timestamp, Vrp};

/// 1.2.840.113549.1.9.16.1.54, with tag and length.
const CONTENT_TYPE: &[u8] =
    &[6, 11, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x36];

/// The smallest size that a manifest may have, in bytes.
const MIN_MANIFEST_SIZE: u32 = 1_000;

/// `[6]`, primitive: a URI among the general names (RFC 5280, section 4.2.1.6).
const URI: u8 = 0x86;

/// What a validator found at one time.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ccr {
    /// When it was made.
    pub produced_at: Timestamp,
    /// The manifests in use.
    pub manifests: Option<CcrState<CcrManifest>>,
    /// The newest thisUpdate of the manifests: 1970-01-01 if there are none.
    pub most_recent_update: Option<Timestamp>,
    /// The VRPs, by AS number.
    pub vrps: Option<CcrState<Vrp>>,
    /// The ASPAs, by customer.
    pub aspas: Option<CcrState<Aspa>>,
    /// The key identifiers of the trust anchors.
    pub trust_anchors: Option<CcrState<KeyIdentifier>>,
    /// The router keys, by AS number.
    pub router_keys: Option<CcrState<RouterKey>>,
}

/// One of the five parts of a CCR, sorted, each entry once.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CcrState<T> {
    /// The SHA-256 of the DER of the entries, verified.
    pub hash: ObjectHash,
    /// The entries.
    pub entries: Vec<T>,
}

/// A manifest as a CCR names it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CcrManifest {
    /// The SHA-256 of the manifest.
    pub hash: ObjectHash,
    /// Its size in bytes.
    pub size: u32,
    /// The key identifier of its CA.
    pub aki: KeyIdentifier,
    /// Its number, padded on the left.
    pub number: [u8; 20],
    /// When it was made.
    pub this_update: Timestamp,
    /// Where it lies, safe to print.
    pub locations: Vec<String>,
    /// The key identifiers of the CAs below.
    pub subordinates: Vec<KeyIdentifier>,
}

type Result<T> = std::result::Result<T, CcrError>;

impl Ccr {
    /// Tells whether `bytes` begin as a CCR does, damaged behind that or not.
    pub fn is_ccr(bytes: &[u8]) -> bool {
        let header = match bytes {
            [der::SEQUENCE, 0..=0x7f, ..] => 2,
            [der::SEQUENCE, length @ 0x81..=0x84, ..] => 2 + usize::from(length & 0x7f),
            _ => return false,
        };
        bytes.get(header..).is_some_and(|rest| rest.starts_with(CONTENT_TYPE))
    }

    /// Decodes a CCR, verifies the hash of each state, and checks every rule of order.
    ///
    /// Fails with the first rule that is broken, in the order of the file.
    pub fn decode(bytes: &[u8]) -> Result<Ccr> {
        if bytes.len() > MAX_CCR_SIZE {
            return Err(DecodeError::too_many("bytes", MAX_CCR_SIZE).into());
        }
        let mut info = Reader::whole_sequence(bytes, "CCR")?;
        if info.value("contentType")?.whole != CONTENT_TYPE {
            return Err(CcrError::new(CcrRule::Syntax, "contentType: not that of a CCR"));
        }
        let explicit = info.expect(der::EXPLICIT_0, "content")?;
        info.end("CCR")?;
        let mut fields = Reader::whole_sequence(explicit, "content")?;
        if fields.optional(der::EXPLICIT_0, "version")?.is_some() {
            return Err(CcrError::new(CcrRule::Version, "a version is written"));
        }
        let mut algorithm = fields.sequence("hashAlg")?;
        if algorithm.oid("hashAlg")? != SHA_256 || !algorithm.is_empty() {
            return Err(CcrError::new(
                CcrRule::Algorithm,
                "another hash algorithm, or with parameters",
            ));
        }
        let produced_at = fields.generalized_time("producedAt")?;
        let mut most_recent_update = None;
        let manifests =
            read_state(&mut fields, 1, "manifests", read_manifests, |rest, entries| {
                most_recent_update = Some(read_most_recent_update(rest, entries)?);
                Ok(())
            })?;
        let vrps = read_state(&mut fields, 2, "ROA payloads", read_vrps, nothing)?;
        let aspas = read_state(&mut fields, 3, "ASPA payloads", read_aspas, nothing)?;
        let trust_anchors =
            read_state(&mut fields, 4, "trust anchors", read_trust_anchors, nothing)?;
        let router_keys = read_state(&mut fields, 5, "router keys", read_router_keys, nothing)?;
        fields.end("content")?;
        let ccr = Ccr {
            produced_at,
            manifests,
            most_recent_update,
            vrps,
            aspas,
            trust_anchors,
            router_keys,
        };
        let has_payload = ccr.vrps.is_some() || ccr.aspas.is_some() || ccr.router_keys.is_some();
        match has_payload || ccr.manifests.is_some() || ccr.trust_anchors.is_some() {
            true => Ok(ccr),
            false => Err(CcrError::new(CcrRule::NoState, "there is no state in it")),
        }
    }
}

/// Reads state `number`, if it is there; `behind` reads what stands between entries and hash.
///
/// The hash comes first: what was damaged on its way is not said to be out of order.
fn read_state<T>(
    fields: &mut Reader<'_>,
    number: u8,
    what: &'static str,
    read: impl FnOnce(Reader<'_>) -> Result<Vec<T>>,
    behind: impl FnOnce(&mut Reader<'_>, &[T]) -> Result<()>,
) -> Result<Option<CcrState<T>>> {
    let Some(explicit) = fields.optional(der::EXPLICIT_0 | number, what)? else { return Ok(None) };
    let mut state = Reader::whole_sequence(explicit, what)?;
    let list = state.value(what)?;
    let hash = ObjectHash::of(list.whole);
    // All that stands between is a time, in the state of the manifests.
    let mut ahead = state;
    let mut last = ahead.value(what)?;
    while !ahead.is_empty() {
        last = ahead.value(what)?;
    }
    if last.tag != der::OCTET_STRING || last.content != hash.0 {
        let detail = format!("{what}: the hash is not that of the entries, {hash}");
        return Err(CcrError::new(CcrRule::Hash, detail));
    }
    let entries = read(Reader::whole_sequence(list.whole, what)?)?;
    behind(&mut state, &entries)?;
    state.expect(der::OCTET_STRING, "hash")?;
    state.end(what)?;
    Ok(Some(CcrState { hash, entries }))
}

fn nothing<T>(_: &mut Reader<'_>, _: &[T]) -> Result<()> {
    Ok(())
}

/// Refuses an entry that does not come after the one before it.
fn check_order<T: Ord>(last: Option<&T>, next: &T, detail: impl FnOnce() -> String) -> Result<()> {
    match last.is_some_and(|last| last >= next) {
        true => Err(CcrError::new(CcrRule::Order, detail())),
        false => Ok(()),
    }
}

fn check_limit(count: usize, what: &'static str, limit: usize) -> Result<()> {
    if count < limit { Ok(()) } else { Err(DecodeError::too_many(what, limit).into()) }
}

fn check_not_empty(list: Reader<'_>, what: &'static str) -> Result<()> {
    match list.is_empty() {
        true => Err(CcrError::new(CcrRule::Syntax, format!("{what}: none"))),
        false => Ok(()),
    }
}

fn read_most_recent_update(rest: &mut Reader<'_>, list: &[CcrManifest]) -> Result<Timestamp> {
    let time = rest.generalized_time("mostRecentUpdate")?;
    let newest = list.iter().map(|manifest| manifest.this_update).max();
    let newest = newest.unwrap_or(Timestamp(0));
    match time == newest {
        true => Ok(time),
        false => {
            let detail = format!("mostRecentUpdate is {time} instead of {newest}");
            Err(CcrError::new(CcrRule::MostRecentUpdate, detail))
        }
    }
}

fn read_manifests(mut list: Reader<'_>) -> Result<Vec<CcrManifest>> {
    let mut manifests: Vec<CcrManifest> = Vec::new();
    while !list.is_empty() {
        check_limit(manifests.len(), "manifests", MAX_CCR_MANIFESTS)?;
        let manifest = read_manifest(list.sequence("manifest")?)?;
        let last = manifests.last().map(|last| &last.hash);
        check_order(last, &manifest.hash, || {
            format!("the manifest {} is not above the one before it", manifest.hash)
        })?;
        manifests.push(manifest);
    }
    Ok(manifests)
}

fn read_manifest(mut fields: Reader<'_>) -> Result<CcrManifest> {
    let hash = ObjectHash::from_slice(fields.expect(der::OCTET_STRING, "hash of a manifest")?)
        .ok_or_else(|| CcrError::new(CcrRule::Syntax, "hash of a manifest: not 32 octets"))?;
    let size = fields.u32("size of a manifest")?;
    if size < MIN_MANIFEST_SIZE {
        return Err(CcrError::new(
            CcrRule::Manifest,
            format!("the manifest {hash} has {size} bytes"),
        ));
    }
    let aki = read_key_identifier(&mut fields)?;
    let number = fields.unsigned_20("manifestNumber")?.ok_or_else(|| {
        CcrError::new(
            CcrRule::Manifest,
            format!("the number of the manifest {hash} is out of range"),
        )
    })?;
    let this_update = fields.generalized_time("thisUpdate")?;
    let locations = read_locations(fields.sequence("locations")?)?;
    let subordinates = match fields.is_empty() {
        true => Vec::new(),
        false => {
            let list = fields.sequence("subordinates")?;
            read_key_identifiers(list, "subordinates", MAX_MANIFEST_ENTRIES)?
        }
    };
    fields.end("manifest")?;
    Ok(CcrManifest { hash, size, aki, number, this_update, locations, subordinates })
}

fn read_locations(mut list: Reader<'_>) -> Result<Vec<String>> {
    check_not_empty(list, "locations")?;
    let mut locations = Vec::new();
    while !list.is_empty() {
        check_limit(locations.len(), "locations of a manifest", MAX_CCR_LOCATIONS)?;
        let mut access = list.sequence("location")?;
        access.oid("accessMethod")?;
        let uri = std::str::from_utf8(access.expect(URI, "accessLocation")?).ok();
        let uri = uri.filter(|uri| uri.is_ascii());
        access.end("location")?;
        let uri = uri.ok_or_else(|| CcrError::new(CcrRule::Syntax, "accessLocation: not ASCII"))?;
        locations.push(printable(uri));
    }
    Ok(locations)
}

fn read_key_identifier(fields: &mut Reader<'_>) -> Result<KeyIdentifier> {
    let octets = fields.expect(der::OCTET_STRING, "key identifier")?;
    let octets = octets.try_into();
    octets
        .map(KeyIdentifier)
        .map_err(|_| CcrError::new(CcrRule::Syntax, "key identifier: not 20 octets"))
}

fn read_key_identifiers(
    mut list: Reader<'_>,
    what: &'static str,
    limit: usize,
) -> Result<Vec<KeyIdentifier>> {
    check_not_empty(list, what)?;
    let mut identifiers = Vec::new();
    while !list.is_empty() {
        check_limit(identifiers.len(), what, limit)?;
        let ski = read_key_identifier(&mut list)?;
        check_order(identifiers.last(), &ski, || {
            format!("{what}: {ski} is not above the key identifier before it")
        })?;
        identifiers.push(ski);
    }
    Ok(identifiers)
}

fn read_trust_anchors(list: Reader<'_>) -> Result<Vec<KeyIdentifier>> {
    read_key_identifiers(list, "trust anchors", MAX_CCR_TRUST_ANCHORS)
}

fn read_vrps(mut list: Reader<'_>) -> Result<Vec<Vrp>> {
    let mut vrps: Vec<Vrp> = Vec::new();
    let mut last_asn = None;
    while !list.is_empty() {
        let mut set = list.sequence("ROA payload")?;
        let asn = Asn(set.u32("asID")?);
        check_order(last_asn.as_ref(), &asn, || {
            format!("ROA payloads: {asn} is not above the AS before it")
        })?;
        last_asn = Some(asn);
        let mut blocks = set.sequence("ipAddrBlocks")?;
        set.end("ROA payload")?;
        check_not_empty(blocks, "ipAddrBlocks")?;
        let mut last_family = None;
        while !blocks.is_empty() {
            let mut block = blocks.sequence("address family")?;
            let family = read_family(block.expect(der::OCTET_STRING, "address family")?)?;
            if last_family.replace(family).is_some_and(|last| last >= family) {
                let detail = format!(
                    "misordered address families of {asn}: one is there twice, or IPv6 in front"
                );
                return Err(CcrError::new(CcrRule::AddressOrder, detail));
            }
            let addresses = block.sequence("addresses")?;
            block.end("address family")?;
            read_addresses(addresses, family, asn, &mut vrps)?;
        }
    }
    Ok(vrps)
}

fn read_addresses(
    mut list: Reader<'_>,
    family: Family,
    asn: Asn,
    vrps: &mut Vec<Vrp>,
) -> Result<()> {
    check_not_empty(list, "addresses")?;
    let mut last: Option<Vrp> = None;
    while !list.is_empty() {
        check_limit(vrps.len(), "VRPs", MAX_CCR_VRPS)?;
        let vrp = read_vrp(list.sequence("address")?, family, asn)?;
        if let Some(last) = last.filter(|last| *last >= vrp) {
            // What rpki-client wrote before 9.8: the longest prefix of an address first.
            let detail = format!(
                "misordered addresses of an address family: {vrp} stands behind {last}, where \
                 RFC 9582 has it in front, or there once"
            );
            return Err(CcrError::new(CcrRule::AddressOrder, detail));
        }
        last = Some(vrp);
        vrps.push(vrp);
    }
    Ok(())
}

fn read_aspas(mut list: Reader<'_>) -> Result<Vec<Aspa>> {
    let mut aspas: Vec<Aspa> = Vec::new();
    while !list.is_empty() {
        check_limit(aspas.len(), "ASPAs", MAX_CCR_ASPAS)?;
        let mut fields = list.sequence("ASPA payload")?;
        let customer = Asn(fields.u32("customerASID")?);
        check_order(aspas.last().map(|last| &last.customer), &customer, || {
            format!("ASPA payloads: {customer} is not above the customer before it")
        })?;
        let mut set = fields.sequence("providers")?;
        fields.end("ASPA payload")?;
        check_not_empty(set, "providers")?;
        let mut providers: Vec<Asn> = Vec::new();
        while !set.is_empty() {
            check_limit(providers.len(), "providers", MAX_ASPA_PROVIDERS)?;
            let provider = Asn(set.u32("provider")?);
            check_order(providers.last(), &provider, || {
                format!("{customer}: {provider} is not above the provider before it")
            })?;
            providers.push(provider);
        }
        if providers.len() > 1 && providers.first().is_some_and(|first| first.is_zero()) {
            let detail = format!("{customer}: AS0 stands beside other providers");
            return Err(CcrError::new(CcrRule::AsZero, detail));
        }
        aspas.push(Aspa { customer, providers });
    }
    Ok(aspas)
}

fn read_router_keys(mut list: Reader<'_>) -> Result<Vec<RouterKey>> {
    let mut keys: Vec<RouterKey> = Vec::new();
    while !list.is_empty() {
        let mut fields = list.sequence("router keys of an AS")?;
        let asn = Asn(fields.u32("asID")?);
        check_order(keys.last().map(|last| &last.asn), &asn, || {
            format!("router keys: {asn} is not above the AS before it")
        })?;
        let mut set = fields.sequence("routerKeys")?;
        fields.end("router keys of an AS")?;
        check_not_empty(set, "routerKeys")?;
        let mut last_ski = None;
        while !set.is_empty() {
            check_limit(keys.len(), "router keys", MAX_CCR_ROUTER_KEYS)?;
            let mut key = set.sequence("router key")?;
            let ski = read_key_identifier(&mut key)?;
            check_order(last_ski.as_ref(), &ski, || {
                format!("{asn}: the router key {ski} is not above the one before it")
            })?;
            last_ski = Some(ski);
            let spki = key.value("subjectPublicKeyInfo")?.whole;
            key.end("router key")?;
            if spki.len() > MAX_CCR_ROUTER_KEY {
                return Err(DecodeError::too_many("bytes of a key", MAX_CCR_ROUTER_KEY).into());
            }
            inspect_router_key(spki)?;
            if !is_public_key_info(spki) {
                let detail = format!("{asn}: the router key {ski} is malformed");
                return Err(CcrError::new(CcrRule::RouterKey, detail));
            }
            keys.push(RouterKey { ski, asn, spki: spki.to_vec() });
        }
    }
    Ok(keys)
}
