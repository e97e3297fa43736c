//! `provost doctor`: is this installation sound, and what is to be done if not?

use std::io::{self, Write};

use serde::Serialize;

use super::context::to_stdout;
use super::{CliError, Context, Exit};
use crate::clock;

mod checks;

pub(super) use checks::exposure;

/// `provost doctor`
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  provost doctor                            look at everything, and say what to do
  provost doctor --json | jq .checks        the same for programs
  provost doctor --full                     and judge everything anew: is what is remembered right?

It changes nothing, and may run beside the service. It reads and hashes the whole cache.

Exit codes: 0 nothing is wrong, 1 something is, 5 there is nothing to look at yet.")]
pub struct DoctorArgs {
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,

    /// Judge everything anew, too, and compare it with what is remembered; takes as long as
    /// `provost validate --full`
    #[arg(long)]
    pub full: bool,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    /// As it should be.
    Ok,
    /// Worth knowing; nothing has to be done.
    Note,
    /// Wrong.
    Problem,
}

/// What was looked at, and what was found.
#[derive(Clone, Debug, Serialize)]
struct Check {
    /// What was looked at; stable.
    check: &'static str,
    /// How it ended.
    level: Level,
    /// What was found.
    says: String,
    /// What is to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    todo: Option<String>,
}

impl Check {
    fn new(check: &'static str, level: Level, says: impl Into<String>) -> Self {
        Check { check, level, says: says.into(), todo: None }
    }

    fn todo(mut self, todo: impl Into<String>) -> Self {
        self.todo = Some(todo.into());
        self
    }
}

#[derive(Serialize)]
struct Body<'a> {
    data_dir: String,
    healthy: bool,
    checks: &'a [Check],
}

/// Runs the command.
pub fn run(context: &Context, args: &DoctorArgs) -> Result<Exit, CliError> {
    let settings = context.settings(crate::config::ConfigFile::default())?;
    let data = settings.data.clone();
    match data.path().try_exists() {
        Ok(true) => {}
        Ok(false) => {
            let message = format!("there is no {}", data.path().display());
            return Err(CliError::no_data(message)
                .hint("run `provost sync`, or name the data directory with --data-dir"));
        }
        // What cannot be read is not absent.
        Err(error) => {
            let message = format!("cannot look at {}: {error}", data.path().display());
            return Err(CliError::failed(message)
                .hint("run it as the user who runs the service, or as root"));
        }
    }
    let (mut checks, has_data) = checks::all(&settings, clock::now());
    if args.full && has_data {
        checks.push(checks::memory(settings));
    }
    let healthy = checks.iter().all(|check| check.level != Level::Problem);
    let body = Body { data_dir: data.path().display().to_string(), healthy, checks: &checks };
    to_stdout(|out| if args.json { write_json(out, &body) } else { write_text(out, &body) })?;
    Ok(match (healthy, has_data) {
        (false, _) => Exit::Failed,
        (true, false) => Exit::NoData,
        (true, true) => Exit::Done,
    })
}

fn write_json(out: &mut dyn Write, body: &Body<'_>) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, body)?;
    writeln!(out)
}

fn write_text(out: &mut dyn Write, body: &Body<'_>) -> io::Result<()> {
    writeln!(out, "{}\n", body.data_dir)?;
    for check in body.checks {
        let mark = match check.level {
            Level::Ok => "ok      ",
            Level::Note => "note    ",
            Level::Problem => "PROBLEM ",
        };
        writeln!(out, "{mark} {:<10} {}", check.check, check.says)?;
        if let Some(todo) = &check.todo {
            writeln!(out, "{:19} do: {todo}", "")?;
        }
    }
    let verdict = if body.healthy { "Nothing is wrong." } else { "Something is wrong: see above." };
    writeln!(out, "\n{verdict}")
}
