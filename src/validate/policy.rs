//! What the operator may choose about validation.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Constraints;
use crate::object::limits::MAX_ASPA_PROVIDERS;

/// The operator's choices; part of every memo key.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// The deepest CA below a trust anchor (which has depth 0) that is followed.
    pub max_depth: usize,
    /// How many CAs one trust anchor may have; taken in `PointId` order among siblings.
    pub max_points_per_trust_anchor: usize,
    /// How many VRPs one publication point may give; whole ROAs, in the order of their names.
    pub max_vrps_per_point: usize,
    /// How many VRPs one trust anchor may give; whole points, in the order of the walk.
    pub max_vrps_per_trust_anchor: usize,
    /// How many providers all ASPAs of one customer may have together.
    pub max_providers_per_customer: usize,
    /// What becomes of VRPs that overlap the resources of a CA without valid data.
    pub unsafe_vrps: UnsafeVrps,
    /// What trust anchors may sign for, by their names; all, where a name is missing.
    pub constraints: BTreeMap<String, Constraints>,
}

impl Default for Policy {
    /// 32 levels, as Routinator, FORT and rpki-prover; 1,000,000 CAs, as rpki-client.
    ///
    /// All CAs of the world have some 800,000 VRPs together (2026): one CA may have as many, one
    /// trust anchor five times as many. The providers are what one PDU of 8210bis can carry.
    fn default() -> Self {
        Policy {
            max_depth: 32,
            max_points_per_trust_anchor: 1_000_000,
            max_vrps_per_point: 1_000_000,
            max_vrps_per_trust_anchor: 5_000_000,
            max_providers_per_customer: MAX_ASPA_PROVIDERS,
            unsafe_vrps: UnsafeVrps::default(),
            constraints: BTreeMap::new(),
        }
    }
}

/// What becomes of unsafe VRPs: those that overlap the resources of a CA without valid data, so
/// that routes which this CA authorises could be invalid. The words are Routinator's.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnsafeVrps {
    /// They are as good as any.
    #[default]
    Accept,
    /// They are used, and named in a finding.
    Warn,
    /// They are left out, and named in a finding.
    Reject,
}

impl UnsafeVrps {
    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            UnsafeVrps::Accept => "accept",
            UnsafeVrps::Warn => "warn",
            UnsafeVrps::Reject => "reject",
        }
    }
}

/// A text that is none of the words for a policy.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not one of accept, warn, reject")]
pub struct UnknownPolicy;

impl FromStr for UnsafeVrps {
    type Err = UnknownPolicy;

    fn from_str(text: &str) -> Result<Self, UnknownPolicy> {
        [UnsafeVrps::Accept, UnsafeVrps::Warn, UnsafeVrps::Reject]
            .into_iter()
            .find(|policy| policy.as_str() == text)
            .ok_or(UnknownPolicy)
    }
}
