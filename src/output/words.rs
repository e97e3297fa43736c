//! The stable words of JSON and metrics for states and reasons, and the sentence for each.

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

/// Returns the sentence that explains a state of a route.
pub fn explanation(validity: Validity) -> &'static str {
    match validity {
        Validity::Valid => "a VRP permits this AS to originate this prefix",
        Validity::NotFound => "no VRP covers this prefix: the RPKI says nothing about it",
        Validity::Invalid(InvalidReason::As0) => {
            "the prefix is covered by AS0 only: nobody may originate it"
        }
        Validity::Invalid(InvalidReason::MaxLength) => {
            "the AS is permitted, but the prefix is longer than its max length"
        }
        Validity::Invalid(InvalidReason::OriginAs) => {
            "the prefix is covered, but this AS is not permitted to originate it"
        }
        Validity::Invalid(InvalidReason::Both) => {
            "this AS is not permitted, and the prefix is longer than any max length"
        }
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

/// Returns the sentence that explains how a VRP fits a route.
pub fn fit_explanation(fit: Fit) -> &'static str {
    match fit {
        Fit::Matched => "permits the route",
        Fit::WrongOrigin => "is for another AS",
        Fit::TooLong => "is for this AS, but not for so long a prefix",
        Fit::Both => "is for another AS, and not for so long a prefix",
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
