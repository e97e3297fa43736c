//! `provost verify-rsc`: is this signed checklist valid, and are these the files that it names?

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use serde::Serialize;

use super::context::to_stdout;
use super::judged::Judged;
use super::limits::MAX_INSPECTED_BYTES;
use super::{CliError, Context, Exit, input};
use crate::model::{ObjectHash, Timestamp, excerpt};
use crate::object::{Checklist, ChecklistEntry};
use crate::output::words;
use crate::validate::{ChecklistFault, ValidChecklist, judge_checklist};

/// Verify a signed checklist (RFC 9323), and files against it
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  provost verify-rsc offer.sig                who signed it, with which resources
  provost verify-rsc offer.sig --file offer.pdf   and is this the file that was signed?

The chain is judged from the cache of the last `provost sync`. A file is looked for on the
list by its name; entries without a name fit by digest alone.

Exit codes: 0 the checklist is valid and every file is on it; 1 it is not valid, or a file is
not on it or has another digest; 2 wrong arguments or an input that cannot be read; 5 no data,
or no CA with the key that issued the certificate is in the cache.")]
pub struct VerifyRscArgs {
    /// The signed checklist
    #[arg(value_name = "FILE")]
    pub checklist: PathBuf,
    /// Check that this file is on the list, with this digest (repeatable)
    #[arg(long = "file", value_name = "DOC")]
    pub files: Vec<PathBuf>,
    /// Judge at this time: RFC 3339, or @SECONDS since 1970
    #[arg(long, value_name = "TIME")]
    pub at: Option<Timestamp>,
    /// Write JSON
    #[arg(long)]
    pub json: bool,
}

/// What was found.
#[derive(Serialize)]
struct Report {
    checklist: String,
    valid: bool,
    /// Every file is on the list with its digest, and the checklist is valid.
    verified: bool,
    judged_at: String,
    purpose: &'static str,
    trust_anchor: Option<String>,
    signed_by: Option<String>,
    resources: Option<String>,
    signing_time: Option<String>,
    valid_until: Option<String>,
    reason: Option<&'static str>,
    detail: Option<String>,
    listed: Vec<Listed>,
    files: Vec<Checked>,
}

/// An entry of the list.
#[derive(Serialize)]
struct Listed {
    name: Option<String>,
    sha256: String,
}

/// A file that was checked.
#[derive(Serialize)]
struct Checked {
    file: String,
    sha256: String,
    result: &'static str,
    #[serde(skip)]
    fits: bool,
}

/// Runs the command.
pub fn run(context: &Context, args: &VerifyRscArgs) -> Result<Exit, CliError> {
    let mut bytes = Vec::new();
    input::open(&args.checklist, MAX_INSPECTED_BYTES)?
        .read_to_end(&mut bytes)
        .map_err(|error| input::unreadable(&args.checklist, &error))?;
    let hashes: Vec<_> = args
        .files
        .iter()
        .map(|path| match hash_of(path) {
            Ok(hash) => Ok((path.as_path(), hash)),
            Err(error) => Err(input::unreadable(path, &error)),
        })
        .collect::<Result<_, _>>()?;
    let judged = Judged::load(context, args.at)?;
    let name = excerpt(input::name(&args.checklist).as_bytes());
    let outcome = judge_checklist(&bytes.into(), &name, judged.validation(), judged.source());
    let report = match outcome {
        Ok(valid) => Report::of_valid(&judged, name, &valid, &hashes),
        Err(ChecklistFault::Rejected(finding)) => Report {
            reason: Some(finding.reason.code()),
            detail: Some(finding.detail.clone()),
            ..Report::new(&judged, name)
        },
        Err(ChecklistFault::NoIssuer { wanted }) => {
            let message = format!("no CA with valid data in the cache has the key {wanted}");
            return Err(CliError::no_data(message).hint(
                "run `provost sync`, or look with `provost inspect` who should have signed",
            ));
        }
        Err(ChecklistFault::Unreadable(error)) => return Err(CliError::failed(error.to_string())),
    };
    to_stdout(|out| report.print(out, args.json))?;
    Ok(if report.verified { Exit::Done } else { Exit::Failed })
}

/// Hashes a file as a stream, so that its size does not matter; it is not decompressed.
fn hash_of(path: &Path) -> io::Result<ObjectHash> {
    let mut file = File::open(path)?;
    let mut context = digest::Context::new(&digest::SHA256);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = file.read(&mut buffer)?;
        match buffer.get(..count) {
            None | Some([]) => break,
            Some(bytes) => context.update(bytes),
        }
    }
    let hash = ObjectHash::from_slice(context.finish().as_ref());
    hash.ok_or_else(|| io::Error::other("no digest"))
}

/// Says whether a file is on the list; the word is stable, and the flag says whether it fits.
fn check(list: &Checklist, name: &str, hash: ObjectHash) -> (&'static str, bool) {
    let named = |entry: &&ChecklistEntry| entry.name.as_deref() == Some(name);
    match list.entries.iter().find(named) {
        Some(entry) if entry.hash == hash => return ("matches", true),
        Some(_) => return ("differs", false),
        None => {}
    }
    let same = |entry: &&ChecklistEntry| entry.hash == hash;
    let mut same = list.entries.iter().filter(same);
    match (same.clone().any(|entry| entry.name.is_none()), same.next()) {
        (true, _) => ("matches", true),
        (false, Some(_)) => ("listed-under-another-name", false),
        (false, None) => ("not-listed", false),
    }
}

impl Report {
    fn new(judged: &Judged, checklist: String) -> Self {
        Report {
            checklist,
            valid: false,
            verified: false,
            judged_at: judged.validation().time.to_string(),
            purpose: words::purpose(judged.purpose()),
            trust_anchor: None,
            signed_by: None,
            resources: None,
            signing_time: None,
            valid_until: None,
            reason: None,
            detail: None,
            listed: Vec::new(),
            files: Vec::new(),
        }
    }

    fn of_valid(
        judged: &Judged,
        name: String,
        valid: &ValidChecklist,
        hashes: &[(&Path, ObjectHash)],
    ) -> Self {
        let files: Vec<Checked> = hashes
            .iter()
            .map(|(path, hash)| {
                let base = path.file_name().unwrap_or_default().to_string_lossy();
                let (result, fits) = check(&valid.checklist, &base, *hash);
                let file = excerpt(path.display().to_string().as_bytes());
                Checked { file, sha256: hash.to_string(), result, fits }
            })
            .collect();
        let point = judged.point(valid.point);
        Report {
            valid: true,
            verified: files.iter().all(|file| file.fits),
            trust_anchor: point.map(|point| judged.trust_anchor(point).to_owned()),
            signed_by: point.map(|point| point.certificate_uri.clone()),
            resources: Some(valid.checklist.resources.to_string()),
            signing_time: Some(valid.signing_time.to_string()),
            valid_until: Some(valid.validity.until.to_string()),
            listed: valid
                .checklist
                .entries
                .iter()
                .map(|entry| Listed { name: entry.name.clone(), sha256: entry.hash.to_string() })
                .collect(),
            files,
            ..Report::new(judged, name)
        }
    }

    fn print(&self, out: &mut dyn Write, json: bool) -> io::Result<()> {
        if json {
            serde_json::to_writer_pretty(&mut *out, self)?;
            return writeln!(out);
        }
        let word = if self.valid { "VALID" } else { "NOT VALID" };
        let mark = if self.purpose == "live" { "" } else { self.purpose };
        writeln!(out, "{}", format!("{word}  {}  {mark}", self.checklist).trim_end())?;
        for (label, value) in [
            ("Signed with", &self.resources),
            ("Issued by", &self.signed_by),
            ("Below", &self.trust_anchor),
            ("Signed at", &self.signing_time),
            ("Valid until", &self.valid_until),
        ] {
            if let Some(value) = value {
                writeln!(out, "  {label:<12} {value}")?;
            }
        }
        if let Some(reason) = self.reason {
            writeln!(out, "  {reason}: {}", self.detail.as_deref().unwrap_or_default())?;
            writeln!(out, "  `provost explain {reason}` says what that means.")?;
        }
        for entry in &self.listed {
            writeln!(
                out,
                "  lists        {}  {}",
                entry.sha256,
                entry.name.as_deref().unwrap_or("-")
            )?;
        }
        for file in &self.files {
            let sentence = match file.result {
                "matches" => "is the file that was signed",
                "differs" => "is NOT what was signed: a file of this name has another digest",
                "listed-under-another-name" => "is on the list under another name only",
                _ => "is not on the list",
            };
            writeln!(out, "  {} {sentence}", file.file)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ResourceSet;

    #[test]
    fn a_file_fits_by_name_and_digest_or_by_digest_where_the_entry_has_no_name() {
        let (a, b, c) = (ObjectHash::of(b"a"), ObjectHash::of(b"b"), ObjectHash::of(b"c"));
        let entry =
            |name: Option<&str>, hash| ChecklistEntry { name: name.map(str::to_owned), hash };
        let entries = vec![entry(Some("a.pdf"), a), entry(None, b), entry(Some("c.pdf"), c)];
        let list = Checklist { resources: ResourceSet::default(), entries };
        assert_eq!(check(&list, "a.pdf", a), ("matches", true));
        assert_eq!(check(&list, "x.pdf", b), ("matches", true));
        assert_eq!(check(&list, "a.pdf", b), ("differs", false));
        assert_eq!(check(&list, "x.pdf", c), ("listed-under-another-name", false));
        assert_eq!(check(&list, "x.pdf", ObjectHash::of(b"x")), ("not-listed", false));
    }
}
