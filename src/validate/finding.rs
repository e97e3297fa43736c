//! A finding: why an object or a point was rejected, as data and never only as a log line.

use serde::{Deserialize, Serialize};

use super::Reason;
use crate::model::ObjectHash;

/// A rule that an object broke, or something about it that the operator should know.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Finding {
    /// The URI of the object, as text: hostile objects name things that are no URI.
    pub object: String,
    /// The SHA-256 of the bytes that were judged, where there were any.
    pub hash: Option<ObjectHash>,
    /// The rule.
    pub reason: Reason,
    /// What was found, in words, with the numbers; log-safe, at most 300 characters.
    pub detail: String,
}
