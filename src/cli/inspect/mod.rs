//! `provost inspect`: decode any object, show what it says, and the first rule that it breaks.

mod ccr;
mod decode;
mod sheet;
#[cfg(test)]
mod tests;

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde_json::json;

use self::sheet::{Entry, Sheet, entry};
use super::context::to_stdout;
use super::judged::{Ending, Judged, Located, Verdict};
use super::limits::MAX_INSPECTED_BYTES;
use super::{CliError, Context, Exit, input};
use crate::model::{ObjectUri, Timestamp};
use crate::object::Ccr;
use crate::validate::{Finding, Reason, judge_alone};

/// Decode any RPKI object, and show the first rule that it breaks
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  provost inspect a.roa                       a file: decoded, and checked as far as it can be
  provost inspect --json *.cer old.crl.gz     JSON, one object a line
  provost inspect rsync://HOST/MODULE/a.roa   from the cache, with the verdict on its chain
  provost inspect rsync://HOST/MODULE/a.mft   the whole publication point

Knows .cer .crl .mft .roa .asa .gbr .sig .tak .spl .tal .ccr, by content and not by name; gz
and bz2 too. Damaged objects are shown as far as they can be read.

Exit codes: 0 shown, whatever the verdict; 2 a file that cannot be read; 5 not in the cache.")]
pub struct InspectArgs {
    /// Files, or rsync URIs of objects in the cache; `-` is the standard input
    #[arg(value_name = "FILE|URI", required = true)]
    pub objects: Vec<String>,
    /// Write JSON, one object a line, with the keys of `rpki-client -f -j`
    #[arg(long)]
    pub json: bool,
    /// Judge what is in the cache at this time: RFC 3339, or @SECONDS since 1970
    #[arg(long, value_name = "TIME")]
    pub at: Option<Timestamp>,
}

/// Runs the command.
pub fn run(context: &Context, args: &InspectArgs) -> Result<Exit, CliError> {
    let mut judged = None;
    let mut sheets = Vec::new();
    for name in &args.objects {
        if !name.starts_with("rsync://") {
            sheets.push(of_file(Path::new(name))?);
            continue;
        }
        let uri: ObjectUri = name
            .parse()
            .map_err(|error: crate::model::UriError| CliError::usage(error.to_string()))?;
        let judged = match &mut judged {
            Some(judged) => judged,
            None => judged.insert(Judged::load(context, args.at)?),
        };
        sheets.push(of_uri(judged, &uri)?);
    }
    to_stdout(|out| write_all(out, &sheets, args.json))?;
    Ok(Exit::Done)
}

fn write_all(out: &mut dyn Write, sheets: &[Sheet], json: bool) -> io::Result<()> {
    for (index, sheet) in sheets.iter().enumerate() {
        if json {
            serde_json::to_writer(&mut *out, sheet)?;
            writeln!(out)?;
        } else {
            if index > 0 {
                writeln!(out, "--")?;
            }
            sheet.write(out)?;
        }
    }
    Ok(())
}

/// Shows a file; without the cache only what it breaks by itself can be said.
fn of_file(path: &Path) -> Result<Sheet, CliError> {
    let mut bytes = Vec::new();
    input::open(path, MAX_INSPECTED_BYTES)?
        .read_to_end(&mut bytes)
        .map_err(|error| input::unreadable(path, &error))?;
    let name = PathBuf::from(path).display().to_string();
    Ok(of_bytes(&bytes.into(), &name))
}

/// Shows bytes that stand alone.
fn of_bytes(bytes: &Bytes, name: &str) -> Sheet {
    if Ccr::is_ccr(bytes) {
        return ccr::of_ccr(bytes, name);
    }
    let mut sheet = decode::decode(bytes, name);
    let is_tal = decode::read_tal(bytes, name).is_some();
    match judge_alone(bytes, name).filter(|_| !is_tal) {
        Some(finding) => add_finding(&mut sheet, &finding),
        None if is_tal => sheet.text("validation", "Validation", "N/A"),
        None => {
            sheet.text("validation", "Validation", "N/A");
            let note = "well formed; its issuer, revocation and times were not looked at";
            sheet.text("note", "Note", note);
        }
    }
    sheet
}

/// Shows an object of the cache, with the verdict of a validation now.
fn of_uri(judged: &Judged, uri: &ObjectUri) -> Result<Sheet, CliError> {
    let uri = if uri.is_directory() { &manifest_of(judged, uri)? } else { uri };
    let located = judged.locate(uri)?;
    let Some(hash) = located.hash else {
        return Err(CliError::no_data(format!("{uri} is not in the cache"))
            .hint("`provost explain URI` says which publication point should have it"));
    };
    let bytes = judged.bytes(&hash)?;
    let bytes =
        bytes.ok_or_else(|| CliError::no_data(format!("the bytes of {uri} are missing")))?;
    let mut sheet = decode::decode(&bytes, uri.as_str());
    add_verdict(&mut sheet, judged, &located, &bytes)?;
    if let Some(index) = located.point
        && let Some(point) = judged.point(index)
        && point.location.manifest == *uri
    {
        add_point(&mut sheet, judged, index)?;
    }
    Ok(sheet)
}

fn manifest_of(judged: &Judged, directory: &ObjectUri) -> Result<ObjectUri, CliError> {
    let points = judged.validation().points.iter();
    let point = points.map(|point| &point.location).find(|at| at.directory == *directory);
    point.map(|location| location.manifest.clone()).ok_or_else(|| {
        CliError::no_data(format!("no CA that was reached publishes in {directory}"))
    })
}

fn add_verdict(
    sheet: &mut Sheet,
    judged: &Judged,
    located: &Located,
    bytes: &Bytes,
) -> Result<(), CliError> {
    match &located.verdict {
        Verdict::Valid => sheet.text("validation", "Validation", "OK"),
        Verdict::HashChecked => {
            sheet.text("validation", "Validation", "N/A");
            let note = "its hash is that of the manifest; objects of its kind decide nothing";
            sheet.text("note", "Note", note);
            if let Some(finding) = judge_alone(bytes, "") {
                sheet.text("own_fault", "By itself it breaks", finding.reason.code());
            }
        }
        Verdict::Rejected(finding) => add_finding(sheet, finding),
        Verdict::PointNotUsed(finding) => {
            sheet.text("validation", "Validation", "Failed");
            let note = "what its publication point shows now is not in use as a whole";
            sheet.text("note", "Note", note);
            if let Some(finding) = finding {
                sheet.text("cause", "Broken by", format!("{}: {}", finding.object, finding.reason));
            }
        }
        Verdict::NotListed => {
            sheet.text("validation", "Validation", "N/A");
            sheet.text("note", "Note", "no manifest in use lists it");
        }
        Verdict::Absent => {}
    }
    let Some(index) = located.point else { return Ok(()) };
    let chain = judged.chain(index);
    let mut endings: Vec<Ending> = Vec::new();
    for point in &chain {
        endings.extend(judged.endings(point)?);
    }
    if matches!(located.verdict, Verdict::Valid) {
        let own = chain.last().and_then(|point| {
            let object = point.objects.iter().find(|object| Some(object.hash) == located.hash)?;
            Some(object.validity.until)
        });
        let first = endings.iter().map(|ending| ending.until).chain(own).min();
        if let Some(first) = first {
            sheet.time("expires", "Whole chain expires", first);
        }
    }
    let links = chain.iter().map(|point| {
        let uri = &point.certificate_uri;
        entry(&[("certificate", json!(uri)), ("ski", json!(point.ski.to_string()))], uri.as_str())
    });
    sheet.list("chain", "Chain", links.collect());
    Ok(())
}

fn add_point(sheet: &mut Sheet, judged: &Judged, index: usize) -> Result<(), CliError> {
    let Some(point) = judged.point(index) else { return Ok(()) };
    let status = crate::output::words::point_status(point.status);
    sheet.text("point_status", "Publication point", status);
    let mut entries: Vec<Entry> = Vec::new();
    let listed = judged.listed(point)?;
    for (name, _) in &listed {
        let Ok(uri) = point.location.directory.join(name) else { continue };
        let located = judged.locate_in(index, point, &uri, &listed)?;
        let word = verdict_word(&located.verdict);
        let reason = reason_of(&located.verdict);
        let members = [
            ("uri", json!(uri.as_str())),
            ("verdict", json!(word)),
            ("reason", json!(reason.map(Reason::code))),
        ];
        let why = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        entries.push(entry(&members, format!("{name}: {word}{why}")));
    }
    sheet.list("objects", "Objects of the point", entries);
    Ok(())
}

/// Returns the word for a verdict.
pub(super) fn verdict_word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Valid => "valid",
        Verdict::HashChecked => "hash-checked",
        Verdict::Rejected(_) => "rejected",
        Verdict::PointNotUsed(_) => "point-not-used",
        Verdict::NotListed => "not-listed",
        Verdict::Absent => "absent",
    }
}

/// Returns the rule that was broken.
pub(super) fn reason_of(verdict: &Verdict) -> Option<Reason> {
    match verdict {
        Verdict::Rejected(finding) => Some(finding.reason),
        Verdict::PointNotUsed(finding) => finding.as_ref().map(|finding| finding.reason),
        _ => None,
    }
}

/// Adds the first rule that was broken, in the words of the table.
fn add_finding(sheet: &mut Sheet, finding: &Finding) {
    let word = match finding.reason {
        Reason::CertExpired => "Expired",
        Reason::CertNotYetValid => "Not yet valid",
        _ => "Failed",
    };
    sheet.text("validation", "Validation", word);
    sheet.text("error", "Error", finding.detail.as_str());
    sheet.text("reason", "First rule broken", finding.reason.code());
    sheet.text("rule", "Rule", finding.reason.rfc());
    sheet.text("meaning", "Meaning", finding.reason.cause());
    sheet.text("fix", "What to do", finding.reason.fix());
}
