//! The stable words of JSON and metrics for states and reasons.

use crate::origin::{Fit, InvalidReason, Validity};
use crate::validate::{PointStatus, TrustAnchorStatus};
use crate::world::{Purpose, RepositoryState};

/// Returns the word for a state of a route; what RFC 6811 calls NotFound is `unknown`.
pub fn validity(validity: Validity) -> &'static str {
    match validity {
        Validity::Valid => "valid",
        Validity::Invalid(_) => "invalid",
        Validity::NotFound => "unknown",
    }
}

/// Returns the word for the reason of an invalid route.
pub fn invalid_reason(reason: InvalidReason) -> &'static str {
    match reason {
        InvalidReason::As0 => "as0",
        InvalidReason::MaxLength => "max-length",
        InvalidReason::OriginAs => "origin-as",
        InvalidReason::Both => "both",
    }
}

/// Returns the word for how a VRP fits a route.
pub fn fit(fit: Fit) -> &'static str {
    match fit {
        Fit::Matched => "matched",
        Fit::WrongOrigin => "wrong-origin",
        Fit::TooLong => "too-long",
        Fit::Both => "both",
    }
}

/// Returns the word for what data are for.
pub fn purpose(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Live => "live",
        Purpose::Lab => "lab",
        Purpose::Archive { .. } => "archive",
    }
}

/// Every status of a point, in the order in which they are listed.
pub const POINT_STATUSES: [PointStatus; 5] = [
    PointStatus::Current,
    PointStatus::LastGood,
    PointStatus::Pending,
    PointStatus::Failed,
    PointStatus::Unreadable,
];

/// Returns the word for which data of a point are in use.
pub fn point_status(status: PointStatus) -> &'static str {
    match status {
        PointStatus::Current => "current",
        PointStatus::LastGood => "last-good",
        PointStatus::Pending => "pending",
        PointStatus::Failed => "failed",
        PointStatus::Unreadable => "unreadable",
    }
}

/// Returns the word for whether a trust anchor is in use.
pub fn trust_anchor_status(status: TrustAnchorStatus) -> &'static str {
    match status {
        TrustAnchorStatus::Valid => "valid",
        TrustAnchorStatus::Missing => "missing",
        TrustAnchorStatus::Rejected => "rejected",
        TrustAnchorStatus::Unreadable => "unreadable",
    }
}

/// Every state of a repository, in the order in which they are listed.
pub const REPOSITORY_STATES: [RepositoryState; 4] = [
    RepositoryState::Current,
    RepositoryState::Failing,
    RepositoryState::Pending,
    RepositoryState::Unavailable,
];

/// Returns the word for the state of a repository.
pub fn repository_state(state: RepositoryState) -> &'static str {
    match state {
        RepositoryState::Pending => "pending",
        RepositoryState::Current => "current",
        RepositoryState::Failing => "failing",
        RepositoryState::Unavailable => "unavailable",
    }
}
