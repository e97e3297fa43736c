//! The formats: their names, their content types, their writers.

use std::io::{self, BufWriter, Write};

use super::{csv, json, jsonext};
use crate::world::View;

/// A format; the name is the one that Routinator gives it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub enum Format {
    /// VRPs with their trust anchor
    Csv,
    /// VRPs, router keys and ASPAs with their trust anchor
    Json,
    /// The same with every object that gives them
    #[value(name = "jsonext")]
    JsonExt,
}

impl Format {
    /// Returns the content type as Routinator sends it.
    pub fn content_type(self) -> &'static str {
        match self {
            Format::Csv => "text/csv;charset=utf-8;header=present",
            Format::Json | Format::JsonExt => "application/json",
        }
    }

    /// Writes the payload of a view.
    ///
    /// # Errors
    ///
    /// Only those of `out`.
    pub fn write(self, view: &View, out: &mut dyn Write) -> io::Result<()> {
        let mut out = BufWriter::with_capacity(1 << 16, out);
        match self {
            Format::Csv => csv::write(view, &mut out)?,
            Format::Json => json::write(view, &mut out)?,
            Format::JsonExt => jsonext::write(view, &mut out)?,
        }
        out.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::world::fixture::{NOW, hours, world};

    fn written(format: Format, now: crate::model::Timestamp) -> String {
        let mut text = Vec::new();
        format.write(&View::of_world(Arc::new(world()), now), &mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn csv_is_as_routinator_writes_it() {
        insta::assert_snapshot!(written(Format::Csv, NOW));
    }

    #[test]
    fn json_is_as_routinator_writes_it() {
        let text = written(Format::Json, NOW);
        insta::assert_snapshot!(text);
        serde_json::from_str::<serde_json::Value>(&text).unwrap();
    }

    #[test]
    fn jsonext_is_as_routinator_writes_it() {
        let text = written(Format::JsonExt, NOW);
        insta::assert_snapshot!(text);
        serde_json::from_str::<serde_json::Value>(&text).unwrap();
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
