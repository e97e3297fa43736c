//! Reason codes: one in words, all as a list, and the page `docs/reasons.md`.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde::Serialize;

use crate::validate::{Effect, Reason};

/// A reason code in words.
#[derive(Serialize)]
pub(super) struct ReasonBody {
    pub(super) code: &'static str,
    pub(super) title: &'static str,
    pub(super) effect: &'static str,
    pub(super) rule: &'static str,
    pub(super) meaning: &'static str,
    pub(super) fix: &'static str,
}

impl ReasonBody {
    pub(super) fn new(reason: Reason) -> Self {
        ReasonBody {
            code: reason.code(),
            title: reason.title(),
            effect: effect(reason.effect()),
            rule: reason.rfc(),
            meaning: reason.cause(),
            fix: reason.fix(),
        }
    }
}

/// Returns what a reason costs, in words.
fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::TrustAnchor => "everything below the trust anchor is lost",
        Effect::Point => {
            "what the publication point shows now is not used; its last good state is, while valid"
        }
        Effect::Object => "the object is lost, and what is below it if it is a CA",
        Effect::Warning => "nothing is lost",
    }
}

pub(super) fn write(out: &mut dyn Write, reason: Reason, json: bool) -> io::Result<()> {
    let body = ReasonBody::new(reason);
    if json {
        serde_json::to_writer_pretty(&mut *out, &body)?;
        return writeln!(out);
    }
    writeln!(out, "{}: {}", body.code, body.title)?;
    writeln!(out, "  Meaning:     {}", body.meaning)?;
    writeln!(out, "  Effect:      {}", body.effect)?;
    writeln!(out, "  What to do:  {}", body.fix)?;
    writeln!(out, "  Rule:        {}", body.rule)
}

pub(super) fn write_list(out: &mut dyn Write, json: bool) -> io::Result<()> {
    if json {
        let all: Vec<_> = Reason::ALL.iter().map(|reason| ReasonBody::new(*reason)).collect();
        serde_json::to_writer_pretty(&mut *out, &all)?;
        return writeln!(out);
    }
    let width = Reason::ALL.iter().map(|reason| reason.code().len()).max().unwrap_or(0);
    for reason in Reason::ALL {
        writeln!(out, "{:<width$}  {}", reason.code(), reason.title())?;
    }
    Ok(())
}

/// Returns the page of all reason codes, `docs/reasons.md`.
pub fn markdown() -> String {
    let mut page = String::from(
        "# Reason codes\n\n\
         Why an object, a publication point or a trust anchor was rejected, or what is worth a \
         warning. `provost explain CODE` shows one of these, `provost explain --list` all. The \
         codes are stable: rows are added, never changed or removed.\n\n\
         This page is made from the table in `src/validate/reason.rs`. After a change there, \
         `PROVOST_UPDATE_DOCS=1 cargo test --test docs` writes it again.\n",
    );
    let mut group = "";
    for reason in Reason::ALL {
        let about = reason.code().split('.').next().unwrap_or_default();
        if about != group {
            group = about;
            // Writing to a string cannot fail.
            let _ = write!(page, "\n## {group}\n");
        }
        let body = ReasonBody::new(*reason);
        let _ = write!(
            page,
            "\n### `{}`\n\n{}{}. {}\n\n- Effect: {}.\n- What to do: {}\n- Rule: {}\n",
            body.code,
            body.title.get(..1).unwrap_or_default().to_uppercase(),
            body.title.get(1..).unwrap_or_default(),
            body.meaning,
            body.effect,
            body.fix,
            body.rule
        );
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_explained_in_words_and_as_json() {
        let text = |json| {
            let mut out = Vec::new();
            write(&mut out, Reason::ManifestStale, json).unwrap();
            String::from_utf8(out).unwrap()
        };
        insta::assert_snapshot!(text(false) + &text(true));
    }

    #[test]
    fn the_list_has_every_code_once() {
        let mut out = Vec::new();
        write_list(&mut out, false).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count(), Reason::ALL.len());
        assert!(text.contains("roa.resources-not-covered"));
    }
}
