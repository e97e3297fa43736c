//! Validation: decoded objects, an issuer and a time go in, verdicts come out. Pure.
//!
//! `run` walks the tree, `point` chooses the state that is in use, `assemble` puts a point
//! together; every other module is a rule set that knows nothing of storage.

mod alone;
mod assemble;
mod checklist;
mod constraints;
mod context;
mod crl;
mod file;
mod finding;
mod key;
mod last_good;
mod manifest;
mod memo;
mod moment;
mod next_key;
mod object;
mod outcome;
mod payload;
mod plan;
mod point;
mod policy;
mod reason;
mod revise;
mod run;
mod settle;
mod source;
mod steps;
mod tak;
#[cfg(test)]
pub(crate) mod tests;
mod trust_anchor;
mod witness;

pub use alone::judge_alone;
pub use checklist::{ChecklistFault, ValidChecklist, judge_checklist};
pub use constraints::{Constraints, ConstraintsError};
pub use finding::Finding;
pub use key::{RULES_VERSION, basis};
pub use memo::{Earlier, Kept, PointMemo};
pub use next_key::{ACCEPTANCE, NextKey, NextKeys};
pub use outcome::{
    CaLocation, LastGood, ManifestRef, ObjectCounts, ObjectKind, Payload, PayloadObject,
    PointOutcome, PointStatus, State, TrustAnchorOutcome, TrustAnchorStatus, Validation,
};
pub use plan::{ChangedDirectories, Changes};
pub use policy::{Policy, UnknownPolicy, UnsafeVrps};
pub use reason::{Effect, Reason, UnknownReason};
pub use revise::{Recollection, Rejudged, Revision, Sums, allows_revision, providers, revise};
pub use run::{Advance, Inputs, advance, step};
pub use source::{Located, ObjectSource, Selection, SourceError, Wanted};
pub use steps::{Checked, OUTSIDE_OF_STEPS, Step, steps};
pub use trust_anchor::replaces_trust_anchor;
