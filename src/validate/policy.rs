//! What the operator may choose about validation.

use serde::{Deserialize, Serialize};

/// The operator's choices; part of every memo key.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// The deepest CA below a trust anchor (which has depth 0) that is followed.
    pub max_depth: usize,
    /// How many CAs one trust anchor may have; taken in `PointId` order among siblings.
    pub max_points_per_trust_anchor: usize,
}

impl Default for Policy {
    /// 32 levels, as Routinator, FORT and rpki-prover; 1,000,000 CAs, as rpki-client.
    fn default() -> Self {
        Policy { max_depth: 32, max_points_per_trust_anchor: 1_000_000 }
    }
}
