//! Stable reason codes: what was wrong, by which RFC, what it means and what to do.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why an object, a point or a trust anchor was rejected.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Reason {
    /// A manifest past its `nextUpdate`.
    ManifestStale,
}

impl Reason {
    /// Returns the stable code.
    pub fn code(self) -> &'static str {
        match self {
            Reason::ManifestStale => "manifest.stale",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

/// A text that is no reason code.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("unknown reason code")]
pub struct UnknownReason;

impl FromStr for Reason {
    type Err = UnknownReason;

    fn from_str(code: &str) -> Result<Self, UnknownReason> {
        match code {
            "manifest.stale" => Ok(Reason::ManifestStale),
            _ => Err(UnknownReason),
        }
    }
}

impl TryFrom<String> for Reason {
    type Error = UnknownReason;

    fn try_from(code: String) -> Result<Self, UnknownReason> {
        code.parse()
    }
}

impl From<Reason> for String {
    fn from(reason: Reason) -> String {
        reason.code().to_owned()
    }
}
