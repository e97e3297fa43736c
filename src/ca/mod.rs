//! The signing side: keys, certificates, signed objects. Pure; used by the lab and by tests.
//!
//! Every key comes from [`KeyPool`], every serial number and time is an argument, and every
//! signature is PKCS#1 v1.5: the same arguments give the same bytes. The functions make correct
//! objects; tests of broken ones take the parts ([`TbsCert`], [`SignedObject`], [`resign`]),
//! change one, and sign again.

mod ccr;
mod certificate;
mod content;
mod crl;
mod der;
mod error;
mod keys;
mod signed_object;
mod tal;

pub use ccr::{
    CCR, CcrManifestFields, ccr, ccr_aspa, ccr_key_identifier, ccr_manifest, ccr_router_keys,
    ccr_state, ccr_time,
};
pub use certificate::{
    CaFields, Issuer, Resources, RouterFields, TrustAnchorFields, ca_certificate, resign,
    router_certificate, sign_certificate, trust_anchor_certificate,
};
pub use content::{
    ASPA, CHECKLIST, GHOSTBUSTERS, MANIFEST, ManifestFields, PREFIX_LIST, ROA, RoaPrefix, TAK,
    TakKey, aspa_content, checklist_content, manifest_content, prefix_list_content, roa_content,
    tak_content,
};
pub use crl::{Revoked, crl};
pub use der::tlv;
pub use error::CaError;
pub use keys::{KeyPool, ROUTER_SPKI, SigningKey};
pub use rpki::repository::cert::TbsCert;
pub use signed_object::{ObjectFields, SignedObject, signed_attributes};
pub use tal::tal;

#[cfg(test)]
mod tests;
