//! What a remembered verdict depends on beside its objects: the rules and the policy.

use aws_lc_rs::digest;

use super::Policy;
use crate::model::ObjectHash;

/// The version of the rules; what was remembered under another one is judged again.
///
/// Whatever changes a verdict, a finding or its words must raise it. A test holds the results of a
/// fixed set of objects against a recorded digest, and reminds of it.
pub const RULES_VERSION: u32 = 2;

/// The version of the form in which memos are kept.
const MEMO_VERSION: u32 = 2;

/// Returns the key of everything that is remembered under these rules and this policy.
pub fn basis(policy: &Policy) -> ObjectHash {
    // Debug text holds every field of the policy, also those that are added later.
    let text = format!("provost rules {RULES_VERSION} memo {MEMO_VERSION} {policy:?}");
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    ObjectHash::from_slice(digest.as_ref()).unwrap_or(ObjectHash([0; 32]))
}
