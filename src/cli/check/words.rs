//! Answers in plain words, the same for people and in JSON.

use std::collections::BTreeSet;

use crate::config::format_duration;
use crate::model::{Asn, Origin, Timestamp};
use crate::origin::{CoveringVrp, Fit, InvalidReason, Validity};
use crate::validate::{PointStatus, TrustAnchorStatus};
use crate::world::{Answer, DataSource, Freshness, Gap, Purpose, View, ViewSource};

/// How many AS numbers a sentence names.
const NAMED: usize = 5;

/// Who may announce what only AS 0 covers.
const NOBODY: &str = "nobody";

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

/// Says why a route is what it is.
pub(super) fn why(answer: &Answer) -> String {
    let prefix = answer.route.prefix;
    let who = match answer.route.origin {
        Origin::As(asn) => asn.to_string(),
        Origin::None => "a route without a single origin AS".to_owned(),
    };
    let covering = &answer.verdict.covering;
    match answer.verdict.validity {
        Validity::Valid => format!("A ROA permits {who} to announce {prefix}."),
        Validity::NotFound => format!("No ROA covers {prefix}."),
        Validity::Invalid(InvalidReason::As0) => {
            format!("Every ROA that covers {prefix} is for AS0: nobody may announce it.")
        }
        Validity::Invalid(InvalidReason::MaxLength) => {
            let longest = longest(covering, |vrp| vrp.fit == Fit::TooLong);
            format!("{who} may announce this space, but nothing longer than /{longest}.")
        }
        Validity::Invalid(InvalidReason::OriginAs) => {
            let others = names(covering, |vrp| vrp.fit == Fit::WrongOrigin);
            if others == NOBODY {
                format!(
                    "Only ROAs for AS0 reach to the length of {prefix}: nobody may announce it."
                )
            } else {
                format!("{prefix} may be announced by {others}, not by {who}.")
            }
        }
        Validity::Invalid(InvalidReason::Both) => {
            let others = names(covering, |_| true);
            let longest = longest(covering, |vrp| !vrp.vrp.asn.is_zero());
            format!("Only {others} may announce this space, and nothing longer than /{longest}.")
        }
    }
}

/// Returns the longest length that some of the VRPs permit.
fn longest(covering: &[CoveringVrp], which: impl Fn(&CoveringVrp) -> bool) -> u8 {
    covering.iter().filter(|vrp| which(vrp)).map(|vrp| vrp.vrp.max_length).max().unwrap_or(0)
}

/// Names the ASes of some of the VRPs.
fn names(covering: &[CoveringVrp], which: impl Fn(&CoveringVrp) -> bool) -> String {
    let list: BTreeSet<Asn> =
        covering.iter().filter(|vrp| which(vrp)).map(|vrp| vrp.vrp.asn).collect();
    join(&list)
}

/// Joins AS numbers; AS 0 names nobody, unless it stands alone.
pub(super) fn join(list: &BTreeSet<Asn>) -> String {
    let real: Vec<_> = list.iter().filter(|asn| !asn.is_zero()).collect();
    let shown: Vec<_> = real.iter().take(NAMED).map(|asn| asn.to_string()).collect();
    match real.len() {
        0 => NOBODY.to_owned(),
        count if count > NAMED => format!("{} and {} more", shown.join(", "), count - NAMED),
        _ => shown.join(", "),
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
        Gap::Point { manifest, trust_anchor, status, why, .. } => {
            let status = match status {
                PointStatus::LastGood => "only old data",
                PointStatus::Pending => "no data yet",
                PointStatus::Failed | PointStatus::Current | PointStatus::Unreadable => {
                    "no valid data"
                }
            };
            (format!("{status} from {manifest} ({trust_anchor}), which could cover it"), why)
        }
        Gap::TrustAnchor { name, status, why } => {
            let status = match status {
                TrustAnchorStatus::Missing => "was never fetched",
                TrustAnchorStatus::Rejected | TrustAnchorStatus::Valid => "was rejected",
                TrustAnchorStatus::Unreadable => "cannot be read from the cache",
            };
            (format!("trust anchor {name} {status}, and could cover it"), why)
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
    let count = view.vrps().len();
    match at {
        Some(at) => format!("{source}, judged at {at}; {count} VRPs"),
        None => format!("{source}; {count} VRPs"),
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
