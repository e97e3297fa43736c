//! The formats: their names, their content types, their writers.

use std::io::{self, Write};

use super::{Selection, Text};
use crate::world::View;

/// A format; plain names are Routinator's, the others name the program that they come from.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub enum Format {
    /// VRPs with their trust anchor
    Csv,
    /// The same with every field in quotes
    #[value(name = "csvcompat")]
    CsvCompat,
    /// VRPs with their ROA and the validity of its certificate
    #[value(name = "csvext")]
    CsvExt,
    /// VRPs, router keys and ASPAs with their trust anchor
    Json,
    /// The same with every object that gives them
    #[value(name = "jsonext")]
    JsonExt,
    /// Everything but ASPAs as SLURM assertions (RFC 8416)
    Slurm,
    /// Everything as SLURM assertions, version 2
    Slurm2,
    /// A roa-set for OpenBGPD
    #[value(name = "openbgpd")]
    OpenBgpd,
    /// Static entries for BIRD 1
    Bird1,
    /// Static entries for BIRD 2 and 3; one family a file with --family
    Bird2,
    /// Route objects for tools that read routing registries
    Rpsl,
    /// Counts for each trust anchor
    Summary,
    /// rpki-client's JSON: AS numbers as numbers, and when each item expires
    RpkiClientJson,
    /// rpki-client's CSV: when each VRP expires
    RpkiClientCsv,
}

impl Format {
    /// Returns the content type as Routinator sends it.
    pub fn content_type(self) -> &'static str {
        match self {
            Format::Csv | Format::CsvCompat | Format::CsvExt | Format::RpkiClientCsv => {
                "text/csv;charset=utf-8;header=present"
            }
            Format::Json
            | Format::JsonExt
            | Format::Slurm
            | Format::Slurm2
            | Format::RpkiClientJson => "application/json",
            Format::OpenBgpd | Format::Bird1 | Format::Bird2 | Format::Rpsl | Format::Summary => {
                "text/plain;charset=utf-8"
            }
        }
    }

    /// Writes what is selected of the payload of a view; `summary` counts everything.
    ///
    /// # Errors
    ///
    /// Only those of `out`.
    pub fn write(self, view: &View, selection: &Selection, out: &mut dyn Write) -> io::Result<()> {
        let mut text = Text::new(self, selection.clone());
        let mut pieces = String::new();
        loop {
            let end = text.next(view, &mut pieces).is_break();
            if end || pieces.len() >= 1 << 16 {
                out.write_all(pieces.as_bytes())?;
                pieces.clear();
            }
            if end {
                return out.flush();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use clap::ValueEnum;

    use super::*;
    use crate::world::fixture::{NOW, hours, world};

    fn written(format: Format, now: crate::model::Timestamp) -> String {
        let mut text = Vec::new();
        let view = View::of_world(Arc::new(world()), now);
        format.write(&view, &Selection::default(), &mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    fn is_json(format: Format) -> bool {
        format.content_type() == "application/json"
    }

    #[test]
    fn every_format_is_as_its_program_writes_it() {
        for format in Format::value_variants() {
            let text = written(*format, NOW);
            let name = format.to_possible_value().unwrap().get_name().to_owned();
            if is_json(*format) {
                serde_json::from_str::<serde_json::Value>(&text).unwrap();
            }
            insta::assert_snapshot!(name, text);
        }
    }

    #[test]
    fn a_kind_that_is_not_wanted_has_no_list() {
        let view = View::of_world(Arc::new(world()), NOW);
        let selection = Selection { no_route_origins: true, ..Selection::default() };
        let mut text = Vec::new();
        Format::Json.write(&view, &selection, &mut text).unwrap();
        let value: serde_json::Value = serde_json::from_slice(&text).unwrap();
        assert!(value.get("roas").is_none() && value.get("aspas").is_some());
    }

    #[test]
    fn check_reads_back_what_holds_vrps() {
        use crate::payload::VrpFile;
        let view = View::of_world(Arc::new(world()), NOW);
        for format in [Format::Csv, Format::Json, Format::RpkiClientJson, Format::RpkiClientCsv] {
            let file = VrpFile::parse(written(format, NOW).as_bytes()).unwrap();
            let again = View::of_vrp_file(file, "x", None);
            assert_eq!(again.vrps(), view.vrps(), "{format:?}");
        }
    }

    #[test]
    fn without_payload_every_list_is_there_and_empty() {
        for format in [Format::Json, Format::JsonExt] {
            let text = written(format, hours(1000));
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            for list in ["roas", "routerKeys", "aspas"] {
                assert_eq!(value[list], serde_json::json!([]), "{list}");
            }
        }
        assert_eq!(written(Format::Csv, hours(1000)), "ASN,IP Prefix,Max Length,Trust Anchor\n");
    }
}
