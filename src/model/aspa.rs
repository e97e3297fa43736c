//! Validated ASPA payloads.

use serde::{Deserialize, Serialize};

use super::Asn;

/// The set of providers that a customer AS has authorised.
///
/// Source: draft-ietf-sidrops-aspa-profile. Providers ascend and are unique.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Aspa {
    /// The customer AS.
    pub customer: Asn,
    /// Its providers; AS 0 alone says that it has none.
    pub providers: Vec<Asn>,
}
