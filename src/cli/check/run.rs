//! Running `check`: load the data, answer each question, work out the exit code.

use std::io::{self, Write};
use std::time::Duration;

use super::args::Questions;
use super::data::Sources;
use super::{CheckArgs, data, human, table, wire, words};
use crate::cli::{CliError, Exit};
use crate::model::{Origin, Prefix, Route, Timestamp};
use crate::origin::Validity;
use crate::output::answer_line::push_answer;
use crate::world::{Answer, Freshness, Purpose, View, ViewSource};

/// Answers what `args` ask, from the last world below `data` or from a VRP file.
///
/// Styles are written to `out` always: hand in a stream that strips them where nobody sees them.
///
/// # Errors
///
/// The arguments or an input are wrong, there are no data, or the output cannot be written.
pub fn run(
    args: &CheckArgs,
    sources: Sources<'_>,
    now: Timestamp,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<Exit, CliError> {
    let questions = args.questions()?;
    let view = data::load_view(args, sources, now, err)?;
    if !view.has_data() {
        let message = format!("{} holds nothing to answer from", words::source(&view, args.at));
        return Err(CliError::no_data(message)
            .hint("no trust anchor is valid there: `provost sync` says why; or use --vrps FILE"));
    }
    let now = match view.source() {
        // What an archive says does not age.
        ViewSource::World { purpose: Purpose::Archive { at }, .. } => *at,
        _ => args.at.unwrap_or(now),
    };
    let stale_after = args.max_age.unwrap_or(sources.max_age);
    let asker = Asker::new(args, &view, now, stale_after);
    let written = match questions {
        Questions::Input(path) => return table::run(&asker, &path, out),
        Questions::Routes(routes) => asker.routes(&routes, out),
        Questions::Prefix(prefix) => asker.prefix(prefix, out),
    };
    finish(written)
}

/// Turns what writing gave into an exit code; whoever closed the pipe has seen enough.
pub(super) fn finish(written: Result<Exit, (Exit, io::Error)>) -> Result<Exit, CliError> {
    match written {
        Ok(exit) => Ok(exit),
        Err((exit, error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(exit),
        Err((_, error)) => Err(CliError::failed(format!("cannot write: {error}"))),
    }
}

/// What is the same for every question.
pub(super) struct Asker<'a> {
    pub view: &'a View,
    pub now: Timestamp,
    pub json: bool,
    /// `--at`, which the output repeats.
    pub at: Option<Timestamp>,
    stale_after: Duration,
    explicit_max_age: bool,
    require_valid: bool,
}

impl<'a> Asker<'a> {
    pub(super) fn new(
        args: &CheckArgs,
        view: &'a View,
        now: Timestamp,
        stale_after: Duration,
    ) -> Self {
        Asker {
            view,
            now,
            json: args.json,
            at: args.at,
            stale_after,
            explicit_max_age: args.max_age.is_some(),
            require_valid: args.require_valid,
        }
    }

    /// Answers for one route.
    pub(super) fn ask(&self, route: Route) -> Answer {
        self.view.answer(route, self.now, self.stale_after)
    }

    /// Returns the exit code that one answer asks for.
    pub(super) fn exit(&self, answer: &Answer) -> Exit {
        let verdict = match answer.verdict.validity {
            Validity::Valid => Exit::Done,
            Validity::Invalid(_) => Exit::Invalid,
            Validity::NotFound if self.require_valid => Exit::NotValid,
            Validity::NotFound => Exit::Done,
        };
        verdict.and(self.data_exit(answer))
    }

    /// Returns the exit code for the data behind an answer.
    fn data_exit(&self, answer: &Answer) -> Exit {
        let too_old = || {
            // What does not say how old it is cannot be shown to be young enough.
            answer.as_of.is_none_or(|time| self.now.since(time) > self.stale_after)
        };
        if answer.freshness == Freshness::NoData || (self.explicit_max_age && too_old()) {
            Exit::NoData
        } else {
            Exit::Done
        }
    }

    fn routes(&self, routes: &[Route], out: &mut dyn Write) -> Result<Exit, (Exit, io::Error)> {
        let answers: Vec<Answer> = routes.iter().map(|route| self.ask(*route)).collect();
        let exit = answers.iter().fold(Exit::Done, |exit, answer| exit.and(self.exit(answer)));
        let mut write = || {
            for answer in &answers {
                if self.json {
                    write_answer_line(out, self.view, answer)?;
                } else {
                    human::write_answer(out, self.view, answer, self.now)?;
                }
            }
            if !self.json {
                human::write_source(out, self.view, self.at)?;
            }
            out.flush()
        };
        write().map(|()| exit).map_err(|error| (exit, error))
    }

    fn prefix(&self, prefix: Prefix, out: &mut dyn Write) -> Result<Exit, (Exit, io::Error)> {
        // No VRP matches this origin, so the answer rests on all that covers the prefix.
        let answer = self.ask(Route { prefix, origin: Origin::None });
        let exit = self.data_exit(&answer);
        let mut write = || {
            if self.json {
                write_json(out, &wire::PrefixLine::new(self.view, prefix, &answer))?;
            } else {
                human::write_prefix(out, self.view, prefix, &answer, self.now)?;
                human::write_source(out, self.view, self.at)?;
            }
            out.flush()
        };
        write().map(|()| exit).map_err(|error| (exit, error))
    }
}

/// Writes an answer as one line of JSON.
pub(super) fn write_answer_line(
    out: &mut dyn Write,
    view: &View,
    answer: &Answer,
) -> io::Result<()> {
    let mut line = String::with_capacity(1024);
    push_answer(&mut line, view, answer);
    line.push('\n');
    out.write_all(line.as_bytes())
}

/// Writes a value as one line of JSON.
pub(super) fn write_json(out: &mut dyn Write, value: &impl serde::Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}
