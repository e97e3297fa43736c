//! A table of routes as text, in any form that `provost check -i` reads line by line; the answer
//! is a JSON object a line, the last one with the sums.

use std::ops::ControlFlow;
use std::sync::Arc;

use axum::extract::Request;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::many::{push_answer, unread};
use crate::bgp::{Line, LineError, parse_line};
use crate::http::body::Parts;
use crate::http::chunks;
use crate::http::json::WorldBody;
use crate::http::limits::{MAX_TABLE_BYTES, MAX_TABLE_LINE, MAX_TABLE_ROUTES};
use crate::http::problem::Problem;
use crate::http::state::App;
use crate::model::{Rejected, Route, excerpt};
use crate::origin::{InvalidReason, Validity};
use crate::world::{Answer, Freshness};

/// Answers a request with a table as its body.
///
/// The table is read to its end first, into its routes alone: a client that writes everything
/// before it reads anything would else wait for ever.
pub(super) async fn table(app: App, request: Request) -> Result<Response, Problem> {
    let place = Arc::clone(&app.tables).try_acquire_owned().map_err(|_| Problem::busy())?;
    let mut parts = Parts::new(request.into_body(), MAX_TABLE_BYTES, app.times.table);
    let mut table = Table::default();
    while let Some(part) = parts.next().await.map_err(|why| unread(why, MAX_TABLE_BYTES))? {
        table.read(&part);
        if table.routes.len() > MAX_TABLE_ROUTES {
            let detail = format!("the table has more than {MAX_TABLE_ROUTES} routes");
            return Err(Problem::too_large(detail));
        }
    }
    let (routes, rejected) = table.end();
    let served = app.answering().ok_or_else(Problem::no_data)?;
    let (mut routes, mut sums) = (routes.into_iter(), Sums::default());
    let body = chunks::body(move |out| {
        // Kept for as long as the answer is being read.
        let _place = &place;
        if let Some(route) = routes.next() {
            sums.add(&push_answer(out, &app, &served, route));
            out.push('\n');
            return ControlFlow::Continue(());
        }
        let summary = Summary { summary: sums.body(&rejected, WorldBody::of(&app, &served)) };
        out.push_str(&serde_json::to_string(&summary).unwrap_or_default());
        out.push('\n');
        ControlFlow::Break(())
    });
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], body).into_response())
}

/// The routes of a table that is being read.
#[derive(Default)]
struct Table {
    routes: Vec<Route>,
    rejected: Rejected,
    /// The beginning of a line whose end has not come.
    begun: Vec<u8>,
    /// How many lines have ended.
    lines: u64,
}

impl Table {
    fn read(&mut self, part: &[u8]) {
        let mut pieces = part.split(|byte| *byte == b'\n');
        let last = pieces.next_back().unwrap_or_default();
        for piece in pieces {
            self.add(piece);
            self.end_line();
        }
        self.add(last);
    }

    /// Adds to the line; of one that is too long no more is kept than shows it.
    fn add(&mut self, piece: &[u8]) {
        let room = (MAX_TABLE_LINE + 1).saturating_sub(self.begun.len());
        self.begun.extend(piece.iter().take(room));
    }

    fn end_line(&mut self) {
        self.lines = self.lines.saturating_add(1);
        let line = match self.begun.len() {
            length if length > MAX_TABLE_LINE => Err(LineError::TooLong),
            _ => parse_line(&self.begun),
        };
        match line {
            Ok(Line::Route(route)) => self.routes.push(route),
            Ok(Line::Nothing) => {}
            Err(error) => {
                let (number, text) = (self.lines, excerpt(self.begun.trim_ascii()));
                self.rejected.add(|| (format!("line {number}"), format!("{error}: \"{text}\"")));
            }
        }
        self.begun.clear();
    }

    fn end(mut self) -> (Vec<Route>, Rejected) {
        if !self.begun.is_empty() {
            self.end_line();
        }
        (self.routes, self.rejected)
    }
}

/// What is counted of the answers.
#[derive(Default)]
struct Sums {
    routes: u64,
    valid: u64,
    invalid: InvalidByReason,
    unknown: u64,
    stale: u64,
    incomplete: u64,
}

#[derive(Clone, Copy, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
struct InvalidByReason {
    as0: u64,
    max_length: u64,
    origin_as: u64,
    both: u64,
}

impl Sums {
    fn add(&mut self, answer: &Answer) {
        self.routes += 1;
        let count = match answer.verdict.validity {
            Validity::Valid => &mut self.valid,
            Validity::NotFound => &mut self.unknown,
            Validity::Invalid(InvalidReason::As0) => &mut self.invalid.as0,
            Validity::Invalid(InvalidReason::MaxLength) => &mut self.invalid.max_length,
            Validity::Invalid(InvalidReason::OriginAs) => &mut self.invalid.origin_as,
            Validity::Invalid(InvalidReason::Both) => &mut self.invalid.both,
        };
        *count += 1;
        match answer.freshness {
            Freshness::Stale { .. } => self.stale += 1,
            Freshness::Incomplete(_) => self.incomplete += 1,
            Freshness::Fresh | Freshness::NoData => {}
        }
    }

    fn body(&self, rejected: &Rejected, world: WorldBody) -> SummaryBody {
        let InvalidByReason { as0, max_length, origin_as, both } = self.invalid;
        let bad = rejected.first.iter();
        SummaryBody {
            routes: self.routes,
            valid: self.valid,
            invalid: as0 + max_length + origin_as + both,
            unknown: self.unknown,
            invalid_by_reason: self.invalid,
            stale: self.stale,
            incomplete: self.incomplete,
            bad_lines: rejected.count,
            first_bad_lines: bad
                .map(|bad| BadLine { place: bad.place.clone(), why: bad.why.clone() })
                .collect(),
            world,
        }
    }
}

/// The last line.
#[derive(Serialize)]
struct Summary {
    summary: SummaryBody,
}

#[derive(Serialize)]
struct SummaryBody {
    routes: u64,
    valid: u64,
    invalid: u64,
    unknown: u64,
    invalid_by_reason: InvalidByReason,
    stale: u64,
    incomplete: u64,
    bad_lines: u64,
    first_bad_lines: Vec<BadLine>,
    world: WorldBody,
}

#[derive(Serialize)]
struct BadLine {
    place: String,
    why: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(parts: &[&[u8]]) -> (usize, Vec<String>) {
        let mut table = Table::default();
        parts.iter().for_each(|part| table.read(part));
        let (routes, rejected) = table.end();
        (routes.len(), rejected.first.into_iter().map(|bad| bad.place).collect())
    }

    #[test]
    fn a_table_is_the_same_in_one_part_and_in_many() {
        let text = b"# head\n192.0.2.0/24 1\r\nx\n10.0.0.0/8,2\n\n2001:db8::/32 {3,4}";
        let whole = read(&[text]);
        assert_eq!(whole, (3, vec!["line 3".to_owned()]));
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(read(&bytes), whole);
        assert_eq!(read(&[&text[..20], &text[20..], b"\n"]), whole);
        assert_eq!(read(&[]), (0, vec![]));
    }

    #[test]
    fn k10_a_line_without_end_is_not_kept() {
        let mut table = Table::default();
        for _ in 0..10 {
            table.read(&vec![b'1'; MAX_TABLE_LINE]);
        }
        assert_eq!(table.begun.len(), MAX_TABLE_LINE + 1);
        table.read(b"\n10.0.0.0/8 1\n");
        let (routes, rejected) = table.end();
        assert_eq!((routes.len(), rejected.count), (1, 1));
    }
}
