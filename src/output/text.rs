//! A payload on its way into a format, piece by piece: never whole in memory.

use std::fmt::{self, Write};
use std::ops::ControlFlow;

use super::json::Provenance;
use super::rows::Order;
use super::slurm::Version;
use super::{Format, Selection, csv, json, router, rpki_client, rpsl, slurm, summary};
use crate::world::View;

/// How many VRPs are looked at for one piece.
const PIECE: usize = 100;

/// What is selected of a payload, as it is written.
#[derive(Clone, Debug)]
pub struct Text {
    format: Format,
    selection: Selection,
    order: Order,
    /// The next VRP, for formats in the order of the view.
    position: usize,
    part: Part,
}

/// What comes next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Part {
    Head,
    FirstVrp,
    Vrps,
}

impl Text {
    /// Begins a text; `summary` counts everything.
    pub fn new(format: Format, selection: Selection) -> Self {
        let (order, part) = (Order::default(), Part::Head);
        Text { format, selection, order, position: 0, part }
    }

    /// Appends the next piece; breaks with the last one. `view` is the same at each call.
    ///
    /// A piece takes far below a millisecond, but that of `summary`, which is the only one.
    pub fn next(&mut self, view: &View, out: &mut String) -> ControlFlow<()> {
        // Writing to a string does not fail.
        if self.part == Part::Head {
            let _ = self.head(view, out);
            self.part = Part::FirstVrp;
            return match self.format {
                Format::Summary => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            };
        }
        for _ in 0..PIECE {
            let Some(position) = self.next_position(view) else {
                let _ = self.tail(view, out);
                return ControlFlow::Break(());
            };
            let _ = self.row(view, position, out);
        }
        ControlFlow::Continue(())
    }

    fn next_position(&mut self, view: &View) -> Option<usize> {
        match self.format {
            Format::RpkiClientJson | Format::RpkiClientCsv => {
                let position = self.position;
                self.position += 1;
                (position < view.vrps().len()).then_some(position)
            }
            _ => self.order.next(view.vrps()),
        }
    }

    fn head(&self, view: &View, out: &mut String) -> fmt::Result {
        match self.format {
            Format::Csv => out.write_str(csv::HEAD),
            Format::CsvCompat => out.write_str(csv::HEAD_COMPAT),
            Format::CsvExt => out.write_str(csv::HEAD_EXT),
            Format::Json | Format::JsonExt => json::head(out, view, &self.selection),
            Format::Slurm => slurm::head(out, Version::One),
            Format::Slurm2 => slurm::head(out, Version::Two),
            Format::OpenBgpd => out.write_str("roa-set {\n"),
            Format::Bird1 | Format::Bird2 | Format::Rpsl => Ok(()),
            Format::Summary => summary::write(out, view),
            Format::RpkiClientJson => rpki_client::head_json(out, view),
            Format::RpkiClientCsv => out.write_str(rpki_client::HEAD_CSV),
        }
    }

    /// Writes the VRP at `position`, if it is selected.
    fn row(&mut self, view: &View, position: usize, out: &mut String) -> fmt::Result {
        let Some(vrp) = view.vrps().get(position).copied() else { return Ok(()) };
        if !self.selection.has_vrp(vrp.prefix, vrp.asn) {
            return Ok(());
        }
        let is_first = std::mem::replace(&mut self.part, Part::Vrps) == Part::FirstVrp;
        let mut sources = view.vrp_sources(position);
        match self.format {
            Format::Csv => csv::row(out, view, vrp, sources.next()),
            Format::CsvCompat => csv::row_compat(out, view, vrp, sources.next()),
            Format::CsvExt => csv::row_ext(out, view, vrp, sources.next()),
            Format::Json => json::row(out, view, Provenance::TrustAnchor, is_first, vrp, sources),
            Format::JsonExt => json::row(out, view, Provenance::Objects, is_first, vrp, sources),
            Format::Slurm | Format::Slurm2 => slurm::row(out, view, is_first, vrp, sources.next()),
            Format::OpenBgpd => router::row_openbgpd(out, vrp),
            Format::Bird1 => router::row_bird(out, "roa", vrp),
            Format::Bird2 => router::row_bird(out, "route", vrp),
            Format::Rpsl => rpsl::row(out, view, vrp, sources.next()),
            Format::Summary => Ok(()),
            Format::RpkiClientJson => rpki_client::row_json(out, view, is_first, vrp, sources),
            Format::RpkiClientCsv => rpki_client::row_csv(out, view, vrp, sources),
        }
    }

    fn tail(&self, view: &View, out: &mut String) -> fmt::Result {
        match self.format {
            Format::Json => json::tail(out, view, &self.selection, Provenance::TrustAnchor),
            Format::JsonExt => json::tail(out, view, &self.selection, Provenance::Objects),
            Format::Slurm => slurm::tail(out, view, &self.selection, Version::One),
            Format::Slurm2 => slurm::tail(out, view, &self.selection, Version::Two),
            Format::OpenBgpd => out.write_str("}\n"),
            Format::RpkiClientJson => rpki_client::tail_json(out, view, &self.selection),
            Format::Csv
            | Format::CsvCompat
            | Format::CsvExt
            | Format::Bird1
            | Format::Bird2
            | Format::Rpsl
            | Format::Summary
            | Format::RpkiClientCsv => Ok(()),
        }
    }
}
