//! The words of the field: small value types with no behaviour beyond themselves.
//!
//! Everything here is pure, cheap to copy or share, and named as the RFCs name it.

mod asn;
mod aspa;
mod hash;
mod id;
mod prefix;
mod rejected;
mod resources;
mod route;
mod router_key;
mod short;
mod time;
mod uri;
mod vrp;

pub use asn::{Asn, AsnError};
pub use aspa::Aspa;
pub use hash::{HashError, ObjectHash};
pub use id::{PointId, RepositoryId, WorldId};
pub use prefix::{Family, Prefix, PrefixError};
pub use rejected::{Rejected, Rejection, excerpt};
pub use resources::{AsRange, ResourceSet, V4Range, V6Range};
pub use route::{Origin, Route};
pub use router_key::{KeyIdentifier, RouterKey};
pub use time::{TimeError, TimeWindow, Timestamp};
pub use uri::{HttpsUri, ObjectUri, RsyncModule, UriError};
pub use vrp::Vrp;
