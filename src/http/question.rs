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

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Asn, E> {
            text.parse().map_err(E::custom)
        }
    }

    deserializer.deserialize_any(AsnVisitor)
}
