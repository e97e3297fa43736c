//! One route in a JSON list of questions, as Routinator and our own paths read it.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use crate::model::{Asn, Prefix};

/// A route that is asked about: a prefix without host bits, an AS number as number or text.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Question {
    #[serde(deserialize_with = "prefix")]
    pub prefix: Prefix,
    #[serde(deserialize_with = "asn")]
    pub asn: Asn,
}

fn prefix<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Prefix, D::Error> {
    let text = String::deserialize(deserializer)?;
    Prefix::from_str(&text).map_err(de::Error::custom)
}

fn asn<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Asn, D::Error> {
    struct AsnVisitor;

    impl Visitor<'_> for AsnVisitor {
        type Value = Asn;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "an AS number, as 64500 or \"AS64500\"")
        }

        fn visit_u64<E: de::Error>(self, number: u64) -> Result<Asn, E> {
            u32::try_from(number).map(Asn).map_err(E::custom)
        }

        /// For JSON `64500.0` is the same number.
        fn visit_f64<E: de::Error>(self, number: f64) -> Result<Asn, E> {
            number.to_string().parse().map(Asn).map_err(E::custom)
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Asn, E> {
            text.parse().map_err(E::custom)
        }
    }

    deserializer.deserialize_any(AsnVisitor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asn_of(json: &str) -> Option<Asn> {
        let question = format!(r#"{{"prefix": "192.0.2.0/24", "asn": {json}}}"#);
        serde_json::from_str::<Question>(&question).ok().map(|question| question.asn)
    }

    #[test]
    fn an_as_number_is_text_or_any_number_without_a_fraction() {
        for json in ["64500", "64500.0", "6.45e4", "\"64500\"", "\"AS64500\""] {
            assert_eq!(asn_of(json), Some(Asn(64500)), "{json}");
        }
        for json in ["64500.5", "-1", "-1.0", "4294967296", "4294967296.0", "1e300", "null"] {
            assert_eq!(asn_of(json), None, "{json}");
        }
    }
}
