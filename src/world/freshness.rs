//! How far an answer can be trusted: fresh, stale, incomplete, or no data at all.

use std::time::Duration;

use crate::model::{ObjectUri, PointId, Timestamp};
use crate::validate::{PointStatus, Reason, TrustAnchorStatus};

/// How far an answer can be trusted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Freshness {
    /// Everything that the answer rests on was brought up to date within the maximal age.
    Fresh,
    /// A source that the answer rests on is older than the maximal age.
    Stale {
        /// The oldest source.
        source: DataSource,
        /// Its age; `None` if it does not say when it was made.
        age: Option<Duration>,
    },
    /// The route is not found, but a part of the RPKI that could cover it is missing.
    Incomplete(Gap),
    /// There are no data: no trust anchor is valid, or a VRP file holds no VRP.
    NoData,
}

/// Something with an age.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum DataSource {
    /// A trust anchor's certificate.
    TrustAnchor(String),
    /// A repository, by its URI.
    Repository(String),
    /// A VRP file.
    File(String),
}

/// A part of the RPKI for which there are no valid data, or only old ones.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Gap {
    /// A publication point.
    Point {
        /// The point.
        id: PointId,
        /// The URI of its manifest.
        manifest: ObjectUri,
        /// The name of its trust anchor.
        trust_anchor: String,
        /// Which data of it are in use.
        status: PointStatus,
        /// The object that broke it, and the rule, if a finding says so.
        broken: Option<(String, Reason)>,
        /// What was wrong, in words, if a finding says so.
        why: Option<String>,
    },
    /// A whole trust anchor.
    TrustAnchor {
        /// Its name.
        name: String,
        /// Why it is missing.
        status: TrustAnchorStatus,
        /// What was wrong, in words, if a finding or the fetch says so.
        why: Option<String>,
    },
}

/// When the oldest source of something was last brought up to date, and which one it is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Age {
    /// The time; the earliest there is if the source does not say.
    pub time: Timestamp,
    /// The source.
    pub of: Aged,
}

/// A source, by its index in the world.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Aged {
    TrustAnchor(u16),
    Repository(u32),
    File,
    Exception,
}
