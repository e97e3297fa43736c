//! Validation: decoded objects, an issuer and a time go in, verdicts come out. Pure.
//!
//! `run` walks the tree; every other module is a rule set that knows nothing of storage.

mod finding;
mod outcome;
mod policy;
mod reason;
mod source;

pub use finding::Finding;
pub use outcome::{
    CaLocation, LastGood, ManifestRef, ObjectCounts, ObjectKind, Payload, PayloadObject,
    PointOutcome, PointStatus, State, TrustAnchorOutcome, TrustAnchorStatus, Validation,
};
pub use policy::Policy;
pub use reason::Reason;
pub use source::{ObjectSource, Selection, SourceError};
