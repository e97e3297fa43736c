//! The arguments of `check`, and the questions that they ask.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cli::{CliError, ExceptionArgs};
use crate::config::parse_duration;
use crate::model::{Asn, Origin, Prefix, PrefixError, Route, Timestamp};

/// Tell whether announced routes are valid, invalid or unknown, and why
#[derive(Clone, Debug, Default, clap::Args)]
#[command(after_help = "\
Examples:
  provost check 192.0.2.0/24 AS64500          one route, or several pairs
  provost check 192.0.2.0/24                  what covers it, and which origins that permits
  provost check -i table.gz --json            a whole table, one line a route, then a summary
  provost check --vrps vrps.json 192.0.2.0/24 AS64500   without any cache

Exit codes: 0 no invalid route; 3 an invalid route; 4 --require-valid not met;
5 no data, or older than an explicit --max-age; 2 wrong arguments or input.")]
pub struct CheckArgs {
    /// Pairs of a prefix and an origin AS; a prefix alone lists what covers it; `-` reads routes
    /// from the standard input
    #[arg(value_name = "PREFIX AS")]
    pub routes: Vec<String>,
    /// Read routes from a file: `PREFIX AS` lines, a pyasn table or `bgpdump -m`; gz and bz2 too
    #[arg(short, long, value_name = "FILE", conflicts_with = "routes")]
    pub input: Option<PathBuf>,
    /// Answer from a VRP file alone: JSON of rpki-client or Routinator, CSV, or CCR; gz and bz2 too
    #[arg(long, value_name = "FILE")]
    pub vrps: Option<PathBuf>,
    /// Write JSON, one line for each route
    #[arg(long)]
    pub json: bool,
    /// Exit with 4 unless every route is valid
    #[arg(long)]
    pub require_valid: bool,
    /// Count data older than this as stale (2h if not given), and exit with 5 if they are
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub max_age: Option<Duration>,
    /// Judge at this time: RFC 3339, or @SECONDS since 1970
    #[arg(long, value_name = "TIME")]
    pub at: Option<Timestamp>,
    /// Local exceptions.
    #[command(flatten)]
    pub exceptions: ExceptionArgs,
}

/// What is asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Questions {
    /// Whether these routes are valid.
    Routes(Vec<Route>),
    /// What covers this prefix.
    Prefix(Prefix),
    /// Whether the routes of this file are valid; `-` is the standard input.
    Input(PathBuf),
}

impl CheckArgs {
    /// Reads the questions.
    pub(super) fn questions(&self) -> Result<Questions, CliError> {
        if let Some(input) = &self.input {
            return Ok(Questions::Input(input.clone()));
        }
        match self.routes.as_slice() {
            [] => Err(CliError::usage("nothing to check").hint(
                "name a route such as `192.0.2.0/24 AS64496`, or a file of routes with -i FILE",
            )),
            [dash] if dash == "-" => Ok(Questions::Input(Path::new("-").to_owned())),
            [prefix] => parse_prefix(prefix).map(Questions::Prefix),
            words => {
                words.chunks(2).map(parse_pair).collect::<Result<_, _>>().map(Questions::Routes)
            }
        }
    }
}

fn parse_pair(pair: &[String]) -> Result<Route, CliError> {
    match pair {
        [prefix, asn] => {
            if prefix.parse::<Asn>().is_ok() && asn.parse::<Prefix>().is_ok() {
                return Err(CliError::usage(format!("\"{prefix}\" is no prefix"))
                    .hint(format!("the prefix comes first: `{asn} {prefix}`")));
            }
            let prefix = parse_prefix(prefix)?;
            let asn = asn.parse().map_err(|error| {
                CliError::usage(format!("{error}, found \"{}\"", shown(asn)))
                    .hint("write AS64496 or 64496")
            })?;
            Ok(Route { prefix, origin: Origin::As(asn) })
        }
        _ => {
            let last = pair.first().map(String::as_str).unwrap_or_default();
            Err(CliError::usage(format!("no AS number after \"{}\"", shown(last)))
                .hint("several routes are pairs: PREFIX AS PREFIX AS ..."))
        }
    }
}

fn parse_prefix(text: &str) -> Result<Prefix, CliError> {
    text.parse().map_err(|error: PrefixError| {
        let message = CliError::usage(format!("{error}, found \"{}\"", shown(text)));
        match error {
            PrefixError::HostBits => match Prefix::from_str_truncating(text) {
                Ok(prefix) => message.hint(format!("the prefix is {prefix}")),
                Err(_) => message,
            },
            PrefixError::NoLength => match text.parse::<std::net::IpAddr>() {
                Ok(address) if address.is_ipv4() => {
                    message.hint(format!("for one address write {address}/32"))
                }
                Ok(address) => message.hint(format!("for one address write {address}/128")),
                Err(_) => message.hint("write a prefix such as 192.0.2.0/24 or 2001:db8::/32"),
            },
            PrefixError::Address | PrefixError::Length => {
                message.hint("write a prefix such as 192.0.2.0/24 or 2001:db8::/32")
            }
        }
    })
}

fn shown(text: &str) -> String {
    crate::model::excerpt(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(words: &[&str]) -> Result<Questions, (String, Option<String>)> {
        let routes = words.iter().map(|&word| word.to_owned()).collect();
        let questions = CheckArgs { routes, ..CheckArgs::default() }.questions();
        questions.map_err(|error| (error.message, error.hint))
    }

    #[test]
    fn pairs_a_prefix_alone_and_a_dash_are_questions() {
        let route = |prefix: &str, asn| Route {
            prefix: prefix.parse().unwrap(),
            origin: Origin::As(Asn(asn)),
        };
        assert_eq!(
            ask(&["192.0.2.0/24", "AS64496", "2001:db8::/32", "64497"]),
            Ok(Questions::Routes(vec![
                route("192.0.2.0/24", 64496),
                route("2001:db8::/32", 64497)
            ]))
        );
        assert_eq!(ask(&["192.0.2.0/24"]), Ok(Questions::Prefix("192.0.2.0/24".parse().unwrap())));
        assert_eq!(ask(&["-"]), Ok(Questions::Input("-".into())));
    }

    #[test]
    fn the_command_line_is_read() {
        #[derive(clap::Parser)]
        struct Cli {
            #[command(flatten)]
            check: CheckArgs,
        }
        let read = |line: &str| {
            use clap::Parser;
            Cli::try_parse_from(line.split(' ')).map(|cli| cli.check)
        };
        let args = read("check --max-age 1h30m --at 2026-11-24T06:00:00Z --json -i -").unwrap();
        assert_eq!(args.max_age, Some(Duration::from_secs(5400)));
        assert_eq!(args.at.map(|at| at.to_string()).as_deref(), Some("2026-11-24T06:00:00Z"));
        assert_eq!(args.questions().unwrap(), Questions::Input("-".into()));
        assert_eq!(read("check -").unwrap().questions().unwrap(), Questions::Input("-".into()));
        for line in ["check -i x 10.0.0.0/8 1", "check --max-age 2 -", "check --at noon -"] {
            assert!(read(line).is_err(), "{line}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_a_next_step() {
        for (words, message, hint) in [
            (
                ["192.0.2.1/24", "1"].as_slice(),
                "invalid prefix: bits behind the prefix length are set, found \"192.0.2.1/24\"",
                "the prefix is 192.0.2.0/24",
            ),
            (
                &["2001:db8::1"],
                "invalid prefix: expected ADDRESS/LENGTH, found \"2001:db8::1\"",
                "for one address write 2001:db8::1/128",
            ),
            (
                &["AS1", "10.0.0.0/8"],
                "\"AS1\" is no prefix",
                "the prefix comes first: `10.0.0.0/8 AS1`",
            ),
            (
                &["10.0.0.0/8", "1", "11.0.0.0/8"],
                "no AS number after \"11.0.0.0/8\"",
                "several routes are pairs: PREFIX AS PREFIX AS ...",
            ),
            (
                &["10.0.0.0/8", "x\u{1b}"],
                "invalid AS number: expected AS0 to AS4294967295, found \"x\\u{1b}\"",
                "write AS64496 or 64496",
            ),
        ] {
            assert_eq!(ask(words), Err((message.to_owned(), Some(hint.to_owned()))), "{words:?}");
        }
        assert!(ask(&[]).unwrap_err().1.is_some());
    }
}
