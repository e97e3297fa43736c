//! Objects: bytes in, decoded objects out; syntax and limits only.
//!
//! Everything is strict DER, and sizes are checked before anything is decoded. No signature is
//! verified and no time is compared here.

mod aspa;
mod ccr;
mod cert;
mod crl;
mod der;
mod error;
mod extensions;
mod ghostbusters;
mod key;
pub mod limits;
mod manifest;
mod name;
mod name_text;
mod outline;
mod resources;
mod rir;
mod roa;
mod rsc;
mod signed;
mod spl;
mod tak;
mod tal;
#[cfg(test)]
pub(crate) mod testing;
mod text;

pub use aspa::decode_aspa;
pub use ccr::{Ccr, CcrError, CcrManifest, CcrRule, CcrState};
pub use cert::{Cert, Profile, Serial};
pub use crl::Crl;
pub use error::{DecodeError, Fault};
pub use ghostbusters::{Ghostbusters, VcardProperty};
pub use key::{is_public_key_info, rsa_public_key};
pub use manifest::{ListedFile, Manifest};
pub use name::Name;
pub use outline::Outline;
pub use resources::{CertResources, Claim};
pub use rir::rir_tals;
pub use roa::decode_roa;
pub use rsc::{Checklist, ChecklistEntry};
pub use signed::{ContentType, SignedObject};
pub use spl::SignedPrefixList;
pub use tak::{TaKey, Tak};
pub use tal::{Tal, TalError, TalUri};
pub use text::printable;
