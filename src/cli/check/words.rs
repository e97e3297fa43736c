//! Answers in plain words, the same for people and in JSON.

use crate::config::format_duration;
use crate::model::{Timestamp, excerpt};
use crate::origin::{Fit, Validity};
use crate::payload::Rule;
use crate::validate::{PointStatus, TrustAnchorStatus};
use crate::world::{Answer, DataSource, Freshness, Gap, Purpose, View, ViewSource};

/// Returns the word for people: that nothing is found means that nothing is known.
pub(super) fn state(validity: Validity) -> &'static str {
    match validity {
        Validity::Valid => "VALID",
        Validity::Invalid(_) => "INVALID",
        Validity::NotFound => "UNKNOWN",
    }
}

/// Returns how a VRP fits, for people.
pub(super) fn fit(fit: Fit) -> &'static str {
    match fit {
        Fit::Matched => "matches",
        Fit::WrongOrigin => "wrong origin",
        Fit::TooLong => "too long",
        Fit::Both => "wrong origin, too long",
    }
}

/// Returns the word and the sentence for how far an answer can be trusted.
pub(super) fn freshness(answer: &Answer, now: Timestamp) -> (&'static str, String) {
    match &answer.freshness {
        Freshness::Fresh => (
            "fresh",
            match answer.as_of {
                Some(time) => format!("as of {time} ({} ago)", format_duration(now.since(time))),
                None => "age unknown".to_owned(),
            },
        ),
        Freshness::Stale { source, age } => {
            let source = match source {
                DataSource::TrustAnchor(name) => format!("trust anchor {name}"),
                DataSource::Repository(uri) => format!("repository {uri}"),
                DataSource::File(name) => format!("file {name}"),
            };
            (
                "STALE",
                match (answer.as_of, age) {
                    (Some(time), Some(age)) => {
                        format!("{source} is as of {time}, {} ago", format_duration(*age))
                    }
                    _ => format!("{source} does not say when it was made"),
                },
            )
        }
        Freshness::Incomplete(gap) => ("INCOMPLETE", incomplete(gap)),
        Freshness::NoData => ("NO DATA", "there is nothing to answer from".to_owned()),
    }
}

fn incomplete(gap: &Gap) -> String {
    let (what, why) = match gap {
        Gap::Point { manifest, trust_anchor, status, broken, why, .. } => {
            let status = match status {
                PointStatus::LastGood => "only old data",
                PointStatus::Pending => "no data yet",
                PointStatus::Failed | PointStatus::Current | PointStatus::Unreadable => {
                    "no valid data"
                }
            };
            let what = format!("{status} from {manifest} ({trust_anchor}), which could cover it");
            let why = match (broken, why) {
                (Some((object, _)), Some(why)) if object != manifest.as_str() => {
                    Some(format!("{object}: {why}"))
                }
                _ => why.clone(),
            };
            (what, why)
        }
        Gap::TrustAnchor { name, status, why } => {
            let status = match status {
                TrustAnchorStatus::Missing => "was never fetched",
                TrustAnchorStatus::Rejected | TrustAnchorStatus::Valid => "was rejected",
                TrustAnchorStatus::Unreadable => "cannot be read from the cache",
            };
            (format!("trust anchor {name} {status}, and could cover it"), why.clone())
        }
    };
    match why {
        Some(why) => format!("{what}: {why}"),
        None => what,
    }
}

/// Says what the answers were made from.
pub(super) fn source(view: &View, at: Option<Timestamp>) -> String {
    let source = match view.source() {
        ViewSource::World { id, time, purpose } => match purpose {
            Purpose::Live => format!("world {id}, validated {time}"),
            Purpose::Lab => format!("world {id} of the lab, validated {time}"),
            Purpose::Archive { at } => format!("world {id}, an archive of {at}"),
        },
        ViewSource::File { name, generated: Some(time), .. } => format!("{name}, made {time}"),
        ViewSource::File { name, generated: None, .. } => format!("{name}, which names no time"),
    };
    let judged = at.map(|at| format!(", judged at {at}")).unwrap_or_default();
    let count = view.vrps().len();
    let local = match view.exceptions().files().len() {
        0 => String::new(),
        1 => ", with the local exceptions of 1 file".to_owned(),
        files => format!(", with the local exceptions of {files} files"),
    };
    format!("{source}{judged}; {count} VRPs{local}")
}

/// Returns where a local exception is written, and why.
pub(super) fn place(rule: &Rule) -> String {
    match &rule.comment {
        Some(comment) => {
            format!("{}:{} ({})", rule.file, rule.line, excerpt(comment.as_bytes()))
        }
        None => format!("{}:{}", rule.file, rule.line),
    }
}

/// Returns the mark that every answer carries unless its data are live.
pub(super) fn mark(view: &View) -> Option<&'static str> {
    match view.source() {
        ViewSource::World { purpose: Purpose::Lab, .. } => Some("LAB, not the real RPKI"),
        ViewSource::World { purpose: Purpose::Archive { .. }, .. } => Some("ARCHIVE, not today"),
        _ => None,
    }
}
