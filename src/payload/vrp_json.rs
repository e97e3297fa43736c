//! VRP files in JSON, as rpki-client and Routinator write them, read without a tree in memory.
//!
//! Members with other names are passed over. AS numbers may be numbers or texts.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::vrp_file::{FileFormat, VrpFile, VrpFileError};
use super::vrp_rows::{Common, Rows};
use crate::model::{Asn, Timestamp, excerpt};

/// Reads a whole file.
pub(super) fn parse_json(text: &str) -> Result<VrpFile, VrpFileError> {
    let mut document = Document { rows: Rows::new(FileFormat::RpkiClientJson), has_vrps: false };
    let mut json = serde_json::Deserializer::from_str(text);
    let read = (&mut document).deserialize(&mut json).and_then(|()| json.end());
    document.rows.check_size()?;
    // A message may quote a text of any length, escaped.
    read.map_err(|error| VrpFileError::Json(error.to_string().chars().take(200).collect()))?;
    if document.has_vrps { Ok(document.rows.file) } else { Err(VrpFileError::NoVrps) }
}

/// The document, filled member by member.
struct Document {
    rows: Rows,
    has_vrps: bool,
}

impl<'de> DeserializeSeed<'de> for &mut Document {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &mut Document {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a list `roas`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            let rows = &mut self.rows;
            match name.as_ref() {
                "metadata" => {
                    let metadata: Metadata<'_> = map.next_value()?;
                    rows.file.generated = metadata.time();
                    if matches!(metadata.generated_time, Scalar::Text(_)) {
                        rows.file.format = FileFormat::RoutinatorJson;
                    }
                }
                "roas" => {
                    self.has_vrps = true;
                    map.next_value_seed(List { rows, name: "roas", add: add_vrp })?;
                }
                "aspas" => map.next_value_seed(List { rows, name: "aspas", add: add_aspa })?,
                "bgpsec_keys" => {
                    map.next_value_seed(List { rows, name: "bgpsec_keys", add: add_router_key })?;
                }
                "routerKeys" => {
                    map.next_value_seed(List { rows, name: "routerKeys", add: add_router_key })?;
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// What the file says about itself.
#[derive(Deserialize)]
struct Metadata<'a> {
    /// rpki-client.
    #[serde(borrow, default)]
    buildtime: Scalar<'a>,
    /// Routinator.
    #[serde(borrow, default, rename = "generatedTime")]
    generated_time: Scalar<'a>,
    /// Routinator and StayRTR: seconds since 1970.
    #[serde(borrow, default)]
    generated: Scalar<'a>,
}

impl Metadata<'_> {
    fn time(&self) -> Option<Timestamp> {
        let text = |scalar: &Scalar<'_>| match scalar {
            Scalar::Text(text) => text.parse().ok(),
            _ => None,
        };
        let number = |scalar: &Scalar<'_>| match scalar {
            Scalar::Number(seconds) => i64::try_from(*seconds).ok().map(Timestamp),
            _ => None,
        };
        text(&self.buildtime)
            .or_else(|| text(&self.generated_time))
            .or_else(|| number(&self.generated))
    }
}

/// A list of rows, each handed to `add` as soon as it is read.
struct List<'r, R> {
    rows: &'r mut Rows,
    name: &'static str,
    add: fn(&mut Rows, R) -> Result<(), String>,
}

impl<'de, R: Deserialize<'de>> DeserializeSeed<'de> for List<'_, R> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, R: Deserialize<'de>> Visitor<'de> for List<'_, R> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list `{}`", self.name)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let mut number = 0u64;
        while let Some(row) = list.next_element::<R>()? {
            if let Err(why) = (self.add)(self.rows, row) {
                self.rows.reject(|| format!("{}[{number}]", self.name), why);
            }
            self.rows.check_size().map_err(A::Error::custom)?;
            number += 1;
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct VrpRow<'a> {
    #[serde(borrow, default)]
    asn: Scalar<'a>,
    #[serde(borrow, default)]
    prefix: Scalar<'a>,
    #[serde(borrow, default, rename = "maxLength")]
    max_length: Scalar<'a>,
    #[serde(borrow, default)]
    ta: Scalar<'a>,
    #[serde(borrow, default)]
    expires: Scalar<'a>,
}

fn add_vrp(rows: &mut Rows, row: VrpRow<'_>) -> Result<(), String> {
    let common = Common { trust_anchor: row.ta.text(), expires: row.expires.number()? };
    let prefix = row.prefix.text().unwrap_or_default();
    rows.add_vrp(row.asn.asn(), prefix, row.max_length.number()?, common)
}

#[derive(Deserialize)]
struct AspaRow<'a> {
    #[serde(borrow, default, alias = "customer_asid")]
    customer: Scalar<'a>,
    #[serde(borrow, default)]
    providers: Vec<Scalar<'a>>,
    #[serde(borrow, default)]
    ta: Scalar<'a>,
    #[serde(borrow, default)]
    expires: Scalar<'a>,
}

fn add_aspa(rows: &mut Rows, row: AspaRow<'_>) -> Result<(), String> {
    let common = Common { trust_anchor: row.ta.text(), expires: row.expires.number()? };
    rows.add_aspa(row.customer.asn(), row.providers.iter().map(Scalar::asn), common)
}

#[derive(Deserialize)]
struct RouterKeyRow<'a> {
    #[serde(borrow, default)]
    asn: Scalar<'a>,
    #[serde(borrow, default, alias = "SKI")]
    ski: Scalar<'a>,
    #[serde(borrow, default, alias = "routerPublicKey")]
    pubkey: Scalar<'a>,
    #[serde(borrow, default)]
    ta: Scalar<'a>,
    #[serde(borrow, default)]
    expires: Scalar<'a>,
}

fn add_router_key(rows: &mut Rows, row: RouterKeyRow<'_>) -> Result<(), String> {
    let common = Common { trust_anchor: row.ta.text(), expires: row.expires.number()? };
    let (ski, key) = (row.ski.text().unwrap_or_default(), row.pubkey.text().unwrap_or_default());
    rows.add_router_key(row.asn.asn(), ski, key, common)
}

/// A value of any type, so that one odd row does not end the file.
#[derive(Default)]
enum Scalar<'a> {
    #[default]
    Absent,
    Number(u64),
    Text(Cow<'a, str>),
    Other,
}

impl Scalar<'_> {
    fn text(&self) -> Option<&str> {
        match self {
            Scalar::Text(text) => Some(text),
            _ => None,
        }
    }

    fn number(&self) -> Result<Option<u64>, String> {
        match self {
            Scalar::Absent => Ok(None),
            Scalar::Number(number) => Ok(Some(*number)),
            Scalar::Text(text) => match text.parse() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(format!("expected a number, found \"{}\"", excerpt(text.as_bytes()))),
            },
            Scalar::Other => Err("expected a number".to_owned()),
        }
    }

    fn asn(&self) -> Result<Asn, String> {
        match self {
            Scalar::Number(number) => u32::try_from(*number)
                .map(Asn)
                .map_err(|_| format!("AS number {number} is above 4294967295")),
            Scalar::Text(text) => {
                text.parse().map_err(|error| format!("{error}: \"{}\"", excerpt(text.as_bytes())))
            }
            Scalar::Absent | Scalar::Other => Err("expected an AS number".to_owned()),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyValue;

        impl<'de> Visitor<'de> for AnyValue {
            type Value = Scalar<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_unit<E>(self) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Absent)
            }

            fn visit_u64<E>(self, number: u64) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Number(number))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Other)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Other)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Other)
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Text(Cow::Owned(text.to_owned())))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Scalar<'de>, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Scalar::Other)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar<'de>, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Scalar::Other)
            }
        }

        deserializer.deserialize_any(AnyValue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{KeyIdentifier, Rejected};

    #[test]
    fn json_of_rpki_client_is_read() {
        let file = parse_json(
            r#"{ "metadata": { "buildmachine": "h", "buildtime": "2026-11-24T06:00:00Z", "roas": 1 },
              "roas": [
                { "asn": 64496, "prefix": "192.0.2.0/24", "maxLength": 25, "ta": "ripe", "expires": 1795588669 } ],
              "bgpsec_keys": [ { "asn": 64496, "ski": "abababababababababababababababababababab",
                "pubkey": "+/+/AA==", "ta": "ripe", "expires": 1795588669 } ],
              "nonfunc_cas": [ { "location": "x" } ],
              "aspas": [ { "customer_asid": 64496, "expires": 1795588669, "providers": [64499, 64498] } ] }"#,
        )
        .unwrap();
        assert_eq!(file.format, FileFormat::RpkiClientJson);
        assert_eq!(file.generated.unwrap().to_string(), "2026-11-24T06:00:00Z");
        assert_eq!(file.trust_anchors, ["ripe"]);
        assert_eq!(file.vrps[0].vrp.to_string(), "192.0.2.0/24-25 AS64496");
        assert_eq!(file.vrps[0].trust_anchor, Some(0));
        assert_eq!(file.vrps[0].expires, Some(Timestamp(1_795_588_669)));
        assert_eq!(file.aspas[0].aspa.customer, Asn(64496));
        assert_eq!(file.aspas[0].aspa.providers, [Asn(64498), Asn(64499)]);
        assert_eq!(file.router_keys[0].key.ski, KeyIdentifier([0xab; 20]));
        assert_eq!(file.router_keys[0].key.spki, [0xfb, 0xff, 0xbf, 0]);
        assert_eq!(file.rejected, Rejected::default());
    }

    #[test]
    fn json_of_routinator_is_read() {
        let file = parse_json(
            r#"{ "metadata": { "generated": 1795502269, "generatedTime": "2026-11-24T06:37:49Z" },
              "roas": [ { "asn": "AS64496", "prefix": "2001:db8::/32", "maxLength": 48, "ta": "ripe" } ],
              "routerKeys": [ { "asn": "AS64496", "SKI": "ABABABABABABABABABABABABABABABABABABABAB",
                "routerPublicKey": "-_-_AA", "ta": "ripe" } ],
              "aspas": [ { "customer": "AS64496", "providers": ["AS64498"], "ta": "ripe" } ] }"#,
        )
        .unwrap();
        assert_eq!(file.format, FileFormat::RoutinatorJson);
        assert_eq!(file.generated, Some(Timestamp(1_795_502_269)));
        assert_eq!(file.vrps[0].vrp.to_string(), "2001:db8::/32-48 AS64496");
        assert_eq!(file.aspas[0].trust_anchor, Some(0));
        assert_eq!(file.router_keys[0].key.spki, [0xfb, 0xff, 0xbf, 0]);
    }

    #[test]
    fn forms_of_other_programs_are_read() {
        let file = parse_json(
            r#"{ "roas": [ { "asn": "64496", "prefix": "192.0.2.0/24", "ta": null } ],
              "metadata": { "generated": 7 } }"#,
        )
        .unwrap();
        assert_eq!(file.generated, Some(Timestamp(7)));
        assert_eq!(file.vrps[0].vrp.to_string(), "192.0.2.0/24-24 AS64496");
        assert_eq!(file.vrps[0].trust_anchor, None);
    }

    #[test]
    fn bad_rows_are_counted_and_named() {
        let file = parse_json(
            r#"{ "roas": [
                { "asn": 1, "prefix": "192.0.2.0/24", "maxLength": 24 },
                { "asn": -1, "prefix": "192.0.2.0/24", "maxLength": 24 },
                { "asn": 4294967296, "prefix": "192.0.2.0/24", "maxLength": 24 },
                { "asn": 1, "prefix": "192.0.2.0/24", "maxLength": 300 },
                { "asn": 1, "prefix": "192.0.2.0/24", "maxLength": [] },
                { "asn": 1 },
                {} ],
              "aspas": [ { "customer": 1, "providers": ["x"] } ],
              "routerKeys": [ { "asn": 1, "SKI": "x", "routerPublicKey": "" } ] }"#,
        )
        .unwrap();
        assert_eq!(file.vrps.len(), 1);
        assert_eq!(file.rejected.count, 8);
        let shown: Vec<_> =
            file.rejected.first.iter().map(|one| format!("{}: {}", one.place, one.why)).collect();
        assert_eq!(
            shown,
            [
                "roas[1]: expected an AS number",
                "roas[2]: AS number 4294967296 is above 4294967295",
                "roas[3]: max length 300 of 192.0.2.0/24 is not between 24 and 32",
                "roas[4]: expected a number",
                "roas[5]: invalid prefix: expected ADDRESS/LENGTH: \"\"",
                "roas[6]: expected an AS number",
                "aspas[0]: invalid AS number: expected AS0 to AS4294967295: \"x\"",
                "routerKeys[0]: expected a key identifier of 40 hex digits",
            ]
        );
    }
}
