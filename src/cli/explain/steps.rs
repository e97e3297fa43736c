//! The checks of an object, numbered, each passed, failed or not reached.

use std::io::{self, Write};

use serde::Serialize;

use crate::validate::{Checked, Effect, Finding, steps};

/// One check and how it went.
#[derive(Serialize)]
pub(super) struct StepBody {
    number: usize,
    check: &'static str,
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

/// Returns the checks of an object that failed with `finding`, or passed them all.
///
/// A warning is noted and ends nothing. A reason that two checks share is put down to the first of them.
pub(super) fn walk(of: Checked, finding: Option<&Finding>) -> Vec<StepBody> {
    let all = steps(of);
    let failed =
        finding.map(|finding| all.iter().position(|step| step.reasons.contains(&finding.reason)));
    let is_warning = finding.is_some_and(|finding| finding.reason.effect() == Effect::Warning);
    let numbered = (1..).zip(all.iter().enumerate());
    numbered
        .map(|(number, (index, step))| {
            let result = match failed {
                None => "passed",
                // A reason of no check, as a read error is.
                Some(None) => "not reached",
                Some(Some(at)) if index == at && is_warning => "noted",
                Some(Some(at)) if index < at || is_warning => "passed",
                Some(Some(at)) if index == at => "FAILED",
                Some(Some(_)) => "not reached",
            };
            let reason =
                finding.filter(|_| matches!(result, "FAILED" | "noted")).map(|f| f.reason.code());
            StepBody { number, check: step.title, result, reason }
        })
        .collect()
}

pub(super) fn write(out: &mut dyn Write, title: &str, steps: &[StepBody]) -> io::Result<()> {
    writeln!(out, "  Checks of {title}, in the order in which they are made:")?;
    for step in steps {
        let reason = step.reason.map(|code| format!(" ({code})")).unwrap_or_default();
        writeln!(out, "  {:>4}. {:<12} {}{reason}", step.number, step.result, step.check)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate::{ObjectKind, Reason};

    #[test]
    fn what_is_before_the_failure_passed_and_what_is_behind_was_not_reached() {
        let finding = Finding {
            object: "x".to_owned(),
            hash: None,
            reason: Reason::CertExpired,
            detail: String::new(),
        };
        let steps = walk(Checked::Object(ObjectKind::Roa), Some(&finding));
        let results: Vec<_> = steps.iter().map(|step| step.result).collect();
        let failed = results.iter().position(|result| *result == "FAILED").unwrap();
        assert!(results[..failed].iter().all(|result| *result == "passed"));
        assert!(results[failed + 1..].iter().all(|result| *result == "not reached"));
        assert_eq!(steps[failed].reason, Some("cert.expired"));
        let warning = Finding { reason: Reason::TakSuccessor, ..finding };
        let noted = walk(Checked::Tak, Some(&warning));
        assert!(noted.iter().all(|step| matches!(step.result, "passed" | "noted")));
        assert_eq!(noted.last().and_then(|step| step.reason), Some("tak.successor"));
        let passed = walk(Checked::Point, None);
        assert!(passed.iter().all(|step| step.result == "passed"));
    }
}
