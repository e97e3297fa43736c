//! Answers for people. Styles are always written; the stream strips them where they do not belong.

use std::collections::BTreeSet;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::words;
use crate::model::{Asn, Prefix, Timestamp};
use crate::origin::{CoveringVrp, Validity};
use crate::output::why;
use crate::world::{Answer, Freshness, View};

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const WARN: Style = AnsiColor::Yellow.on_default().bold();

/// Writes the answer for one route.
pub(super) fn write_answer(
    out: &mut dyn Write,
    view: &View,
    answer: &Answer,
    now: Timestamp,
) -> io::Result<()> {
    let style = match answer.verdict.validity {
        Validity::Valid => GOOD,
        Validity::Invalid(_) => BAD,
        Validity::NotFound => WARN,
    };
    let state = words::state(answer.verdict.validity);
    write!(out, "{style}{state}{style:#}  {}", answer.route)?;
    write_mark(out, view)?;
    writeln!(out, "\n  {}", why::why(answer))?;
    for covering in &answer.verdict.covering {
        write_covering(out, view, covering, words::fit(covering.fit))?;
    }
    write_local(out, view, answer)?;
    write_freshness(out, answer, now)
}

/// Writes what covers a prefix, and who may announce it.
pub(super) fn write_prefix(
    out: &mut dyn Write,
    view: &View,
    prefix: Prefix,
    answer: &Answer,
    now: Timestamp,
) -> io::Result<()> {
    let covering = &answer.verdict.covering;
    match covering.len() {
        0 => write!(out, "{WARN}UNKNOWN{WARN:#}  {prefix} is covered by no VRP")?,
        1 => write!(out, "{GOOD}COVERED{GOOD:#}  {prefix} is covered by 1 VRP")?,
        count => write!(out, "{GOOD}COVERED{GOOD:#}  {prefix} is covered by {count} VRPs")?,
    }
    write_mark(out, view)?;
    writeln!(out)?;
    if covering.is_empty() {
        writeln!(out, "  A route with any origin is unknown.")?;
    } else {
        writeln!(out, "  May be announced by {}.", why::join(permitted(prefix, answer)))?;
    }
    for covering in covering {
        let word = match (covering.vrp.asn.is_zero(), prefix.len() <= covering.vrp.max_length) {
            (true, _) => "nobody",
            (false, true) => "permits",
            (false, false) => "too long",
        };
        write_covering(out, view, covering, word)?;
    }
    write_filtered(out, view, answer)?;
    write_freshness(out, answer, now)
}

/// Returns the ASes whose announcement of `prefix` is valid.
pub(super) fn permitted(prefix: Prefix, answer: &Answer) -> BTreeSet<Asn> {
    let vrps = answer.verdict.covering.iter().map(|covering| covering.vrp);
    vrps.filter(|vrp| !vrp.asn.is_zero() && prefix.len() <= vrp.max_length)
        .map(|vrp| vrp.asn)
        .collect()
}

/// Writes what the answers were made from.
pub(super) fn write_source(
    out: &mut dyn Write,
    view: &View,
    at: Option<Timestamp>,
) -> io::Result<()> {
    writeln!(out, "Data: {}", words::source(view, at))
}

fn write_mark(out: &mut dyn Write, view: &View) -> io::Result<()> {
    match words::mark(view) {
        Some(mark) => write!(out, "  {WARN}[{mark}]{WARN:#}"),
        None => Ok(()),
    }
}

fn write_covering(
    out: &mut dyn Write,
    view: &View,
    covering: &CoveringVrp,
    word: &str,
) -> io::Result<()> {
    let vrp = covering.vrp;
    let shown = format!("{} up to /{}", vrp.prefix, vrp.max_length);
    let asn = vrp.asn.to_string();
    for source in view.vrp_sources(covering.position) {
        let anchor = view.trust_anchor(source).unwrap_or("-");
        let uri = match view.exception(source) {
            Some(rule) => words::place(rule),
            None => view.object_uri(source).unwrap_or_default().to_owned(),
        };
        let line = format!("  {word:<22}  {shown:<28}  {asn:<12}  {anchor}  {uri}");
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// Writes what local exceptions did to the answer.
fn write_local(out: &mut dyn Write, view: &View, answer: &Answer) -> io::Result<()> {
    let Some(local) = &answer.local else { return Ok(()) };
    write_filtered(out, view, answer)?;
    let state = words::state(local.without);
    writeln!(out, "  {WARN}local exceptions{WARN:#}: without them {state}")
}

/// Writes the covering VRPs that local exceptions take out.
fn write_filtered(out: &mut dyn Write, view: &View, answer: &Answer) -> io::Result<()> {
    for (vrp, rule) in answer.local.iter().flat_map(|local| &local.filtered) {
        let shown = format!("{} up to /{}", vrp.prefix, vrp.max_length);
        let asn = vrp.asn.to_string();
        let place = view.exceptions().get(*rule).map(words::place).unwrap_or_default();
        writeln!(out, "  {:<22}  {shown:<28}  {asn:<12}  -  {place}", "filtered locally")?;
    }
    Ok(())
}

fn write_freshness(out: &mut dyn Write, answer: &Answer, now: Timestamp) -> io::Result<()> {
    let (word, sentence) = words::freshness(answer, now);
    let style = if answer.freshness == Freshness::Fresh { Style::new() } else { WARN };
    writeln!(out, "  {style}{word}{style:#}: {sentence}")
}
