//! What is shown of one object: fields in order, as text for people or as JSON.

use std::io::{self, Write};

use serde::Serialize;
use serde::ser::SerializeMap;
use serde_json::{Value, json};

use crate::model::Timestamp;

/// The column in which values begin, as in `rpki-client -f`.
const COLUMN: usize = 26;

/// The fields of one object.
#[derive(Clone, Debug, Default)]
pub(in crate::cli) struct Sheet {
    fields: Vec<Field>,
}

#[derive(Clone, Debug)]
struct Field {
    key: &'static str,
    label: &'static str,
    json: Value,
    text: Vec<String>,
    is_list: bool,
    /// What stands beside the label of a list.
    summary: String,
}

/// An entry of a list: how it is written in JSON and for people.
pub(in crate::cli) type Entry = (Value, String);

impl Sheet {
    fn push(&mut self, key: &'static str, label: &'static str, json: Value, text: String) {
        let (text, summary) = (vec![text], String::new());
        self.fields.push(Field { key, label, json, text, is_list: false, summary });
    }

    /// Adds a text.
    pub(in crate::cli) fn text(
        &mut self,
        key: &'static str,
        label: &'static str,
        text: impl Into<String>,
    ) {
        let text = text.into();
        self.push(key, label, text.clone().into(), text);
    }

    /// Adds a text, if there is one.
    pub(in crate::cli) fn optional(
        &mut self,
        key: &'static str,
        label: &'static str,
        text: Option<&str>,
    ) {
        if let Some(text) = text {
            self.text(key, label, text);
        }
    }

    /// Adds a number.
    pub(in crate::cli) fn number(&mut self, key: &'static str, label: &'static str, number: u64) {
        self.push(key, label, number.into(), number.to_string());
    }

    /// Adds a time: seconds since 1970 in JSON, RFC 3339 for people.
    pub(in crate::cli) fn time(&mut self, key: &'static str, label: &'static str, time: Timestamp) {
        self.push(key, label, time.0.into(), time.to_string());
    }

    /// Adds octets: hex digits in JSON, with colons between them for people.
    pub(in crate::cli) fn hex(&mut self, key: &'static str, label: &'static str, octets: &[u8]) {
        let pairs: Vec<_> = octets.iter().map(|octet| format!("{octet:02X}")).collect();
        self.push(key, label, pairs.concat().into(), pairs.join(":"));
    }

    /// Adds a number of up to 20 octets: hex digits without zeros in front.
    pub(in crate::cli) fn serial(&mut self, key: &'static str, label: &'static str, octets: &[u8]) {
        let text = serial_text(octets);
        self.push(key, label, text.clone().into(), text);
    }

    /// Adds a list.
    pub(in crate::cli) fn list(
        &mut self,
        key: &'static str,
        label: &'static str,
        entries: Vec<Entry>,
    ) {
        let (json, text): (Vec<_>, Vec<_>) = entries.into_iter().unzip();
        let (json, summary) = (json.into(), String::new());
        self.fields.push(Field { key, label, json, text, is_list: true, summary });
    }

    /// Adds an object that is a list for people, with `summary` beside its label.
    pub(super) fn object(
        &mut self,
        key: &'static str,
        label: &'static str,
        object: Value,
        summary: String,
        text: Vec<String>,
    ) {
        self.fields.push(Field { key, label, json: object, text, is_list: true, summary });
    }

    /// Writes the fields for people.
    pub(in crate::cli) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        for field in &self.fields {
            let label = format!("{}:", field.label);
            if field.is_list {
                writeln!(out, "{}", format!("{label:<COLUMN$}{}", field.summary).trim_end())?;
                if field.text.is_empty() {
                    writeln!(out, "    (none)")?;
                }
                for (index, text) in field.text.iter().enumerate() {
                    writeln!(out, "{:>5}: {text}", index + 1)?;
                }
                continue;
            }
            for (index, line) in field.text.iter().flat_map(|text| text.lines()).enumerate() {
                let label = if index == 0 { label.as_str() } else { "" };
                writeln!(out, "{}", format!("{label:<COLUMN$}{line}").trim_end())?;
            }
        }
        Ok(())
    }
}

/// Writes a number as hex digits, in whole octets, without zero octets in front.
pub(super) fn serial_text(octets: &[u8]) -> String {
    let start =
        octets.iter().position(|octet| *octet != 0).unwrap_or(octets.len().saturating_sub(1));
    octets.iter().skip(start).map(|octet| format!("{octet:02X}")).collect()
}

impl Serialize for Sheet {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.fields.len()))?;
        for field in &self.fields {
            map.serialize_entry(field.key, &field.json)?;
        }
        map.end()
    }
}

/// Makes an entry of a list whose text is that of its members, one after the other.
pub(super) fn entry(members: &[(&'static str, Value)], text: impl Into<String>) -> Entry {
    let mut object = serde_json::Map::new();
    for (key, value) in members {
        object.insert((*key).to_owned(), value.clone());
    }
    (Value::Object(object), text.into())
}

/// Makes an entry that is a text.
pub(super) fn plain(text: impl Into<String>) -> Entry {
    let text = text.into();
    (json!(text), text)
}
