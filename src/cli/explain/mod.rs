//! `provost explain`: why a route, an object or a reason code is what it is.

mod object;
mod reason;
mod route;
mod steps;

use std::sync::Arc;

use super::context::to_stdout;
use super::judged::Judged;
use super::{CliError, Context, Exit};
use crate::config::load_exceptions;
use crate::model::{Asn, ObjectUri, Origin, Prefix, Route, Timestamp};
use crate::validate::Reason;

pub use reason::markdown;

/// Explain a route, an object or a reason code: the chain of proof, or the rule that broke it
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  provost explain 192.0.2.0/24 AS64500        the chain from trust anchor to each covering ROA
  provost explain rsync://HOST/MODULE/a.roa   what became of an object, and which rule broke it
  provost explain --steps rsync://HOST/MODULE/a.mft   the checks, in the order they are made
  provost explain manifest.stale              what a reason code means, and what to do
  provost explain --list                      every reason code

Routes and objects are judged again from the cache; nothing is written.

Exit codes: 0 explained, whatever the verdict; 2 wrong arguments; 5 no data.")]
pub struct ExplainArgs {
    /// A prefix and an origin AS, the rsync URI of an object, or a reason code
    #[arg(value_name = "WHAT", required_unless_present = "list", num_args = 1..=2)]
    pub what: Vec<String>,
    /// List every reason code
    #[arg(long, conflicts_with_all = ["what", "steps", "at"])]
    pub list: bool,
    /// Number the checks in the order in which they are made
    #[arg(long)]
    pub steps: bool,
    /// Judge at this time: RFC 3339, or @SECONDS since 1970
    #[arg(long, value_name = "TIME")]
    pub at: Option<Timestamp>,
    /// Write JSON
    #[arg(long)]
    pub json: bool,
}

/// What is to be explained.
#[derive(Debug, Eq, PartialEq)]
enum Question {
    List,
    Reason(Reason),
    Object(ObjectUri),
    Route(Route),
}

impl ExplainArgs {
    fn question(&self) -> Result<Question, CliError> {
        if self.list {
            return Ok(Question::List);
        }
        match self.what.as_slice() {
            [prefix, asn] => {
                let prefix = parse_prefix(prefix)?;
                let asn: Asn = asn.parse().map_err(|error: crate::model::AsnError| {
                    CliError::usage(error.to_string()).hint("write AS64496 or 64496")
                })?;
                Ok(Question::Route(Route { prefix, origin: Origin::As(asn) }))
            }
            [word] if word.starts_with("rsync://") => word
                .parse()
                .map(Question::Object)
                .map_err(|error: crate::model::UriError| CliError::usage(error.to_string())),
            [word] => match word.parse() {
                Ok(reason) => Ok(Question::Reason(reason)),
                Err(_) if word.parse::<Prefix>().is_ok() => {
                    Err(CliError::usage("no AS number after the prefix")
                        .hint(format!("write `provost explain {word} AS64496`")))
                }
                Err(_) => {
                    let shown = crate::model::excerpt(word.as_bytes());
                    Err(CliError::usage(format!(
                        "\"{shown}\" is no reason code, no rsync URI and no route"
                    ))
                    .hint("`provost explain --list` lists the reason codes"))
                }
            },
            _ => Err(CliError::usage("nothing to explain")),
        }
    }
}

fn parse_prefix(text: &str) -> Result<Prefix, CliError> {
    text.parse().map_err(|error: crate::model::PrefixError| {
        CliError::usage(error.to_string()).hint("write a prefix such as 192.0.2.0/24")
    })
}

/// Runs the command.
pub fn run(context: &Context, args: &ExplainArgs) -> Result<Exit, CliError> {
    match args.question()? {
        Question::List => to_stdout(|out| reason::write_list(out, args.json))?,
        Question::Reason(reason) => to_stdout(|out| reason::write(out, reason, args.json))?,
        Question::Object(uri) => {
            let explained = object::explain(&Judged::load(context, args.at)?, &uri, args.steps)?;
            to_stdout(|out| explained.print(out, args.json))?;
        }
        Question::Route(route) => {
            let settings = context.settings(crate::config::ConfigFile::default())?;
            let exceptions = Arc::new(load_exceptions(&settings.exceptions)?);
            let judged = Judged::load(context, args.at)?;
            let explained =
                route::explain(&judged, route, settings.max_age, args.steps, &exceptions)?;
            to_stdout(|out| explained.print(out, args.json))?;
        }
    }
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(words: &[&str]) -> Result<Question, String> {
        let args = ExplainArgs {
            what: words.iter().map(|word| (*word).to_owned()).collect(),
            list: false,
            steps: false,
            at: None,
            json: false,
        };
        args.question().map_err(|error| error.message)
    }

    #[test]
    fn codes_uris_and_routes_are_told_apart() {
        assert_eq!(ask(&["manifest.stale"]), Ok(Question::Reason(Reason::ManifestStale)));
        let uri = "rsync://h.example/m/a.roa";
        assert_eq!(ask(&[uri]), Ok(Question::Object(uri.parse().unwrap())));
        assert!(matches!(ask(&["192.0.2.0/24", "64496"]), Ok(Question::Route(_))));
        for words in [&["192.0.2.0/24"][..], &["manifest.stail"], &["rsync://"], &["x", "1"]] {
            assert!(ask(words).is_err(), "{words:?}");
        }
    }
}
