//! Why a route is valid, invalid or unknown, in one plain sentence.

use std::fmt::Write;

use crate::model::{Asn, Origin};
use crate::origin::{CoveringVrp, Fit, InvalidReason, Validity};
use crate::world::Answer;

/// How many AS numbers a sentence names.
const NAMED: usize = 5;

/// Who may announce what only AS 0 covers.
const NOBODY: &str = "nobody";

/// Says why a route is what it is.
pub(crate) fn why(answer: &Answer) -> String {
    let prefix = answer.route.prefix;
    let who = match answer.route.origin {
        Origin::As(asn) => asn.to_string(),
        Origin::None => "a route without a single origin AS".to_owned(),
    };
    let covering = &answer.verdict.covering;
    let without = answer.local.as_ref().map(|local| local.without);
    match answer.verdict.validity {
        Validity::Valid if without.is_some_and(|without| without != Validity::Valid) => {
            format!("A local exception permits {who} to announce {prefix}.")
        }
        Validity::NotFound if without.is_some() => {
            format!("No ROA covers {prefix} but those that local exceptions take out.")
        }
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
    let mut list: Vec<Asn> =
        covering.iter().filter(|vrp| which(vrp)).map(|vrp| vrp.vrp.asn).collect();
    list.sort_unstable();
    list.dedup();
    join(list)
}

/// Joins sorted AS numbers; AS 0 names nobody, unless it stands alone.
pub(crate) fn join(list: impl IntoIterator<Item = Asn>) -> String {
    let mut real = list.into_iter().filter(|asn| !asn.is_zero());
    let Some(first) = real.next() else { return NOBODY.to_owned() };
    let mut text = first.to_string();
    for asn in real.by_ref().take(NAMED - 1) {
        // Writing to a string does not fail.
        let _ = write!(text, ", {asn}");
    }
    match real.count() {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}
