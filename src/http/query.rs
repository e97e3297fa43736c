//! Query strings, strictly: a key that is not known or comes twice is an error, never ignored.

use std::collections::BTreeMap;

use axum::extract::Query;
use axum::http::Uri;

use super::problem::Problem;
use crate::model::{Asn, AsnError, Prefix, PrefixError};

/// Splits a query string into keys and values, in order; bad UTF-8 becomes replacement characters.
pub(super) fn pairs(uri: &Uri) -> Vec<(String, String)> {
    Query::try_from_uri(uri).map(|Query(pairs)| pairs).unwrap_or_default()
}

/// The parameters of one of our own endpoints.
#[derive(Debug)]
pub(super) struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// Reads the parameters of a request; only the `known` ones may be there.
    pub fn read(uri: &Uri, known: &[&str]) -> Result<Self, Problem> {
        let mut parameters = BTreeMap::new();
        for (key, value) in pairs(uri) {
            if !known.contains(&key.as_str()) {
                let hint = match known {
                    [] => "there are no parameters here".to_owned(),
                    known => format!("known here: {}", known.join(", ")),
                };
                return Err(Problem::parameter(format!("unknown parameter {key:?}")).hint(hint));
            }
            if parameters.contains_key(&key) {
                return Err(Problem::parameter(format!("parameter {key} is given twice")));
            }
            parameters.insert(key, value);
        }
        Ok(Parameters(parameters))
    }

    /// Returns a parameter.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// Returns a parameter that must be there.
    pub fn required(&self, key: &str) -> Result<&str, Problem> {
        self.get(key).ok_or_else(|| Problem::parameter(format!("parameter {key} is missing")))
    }

    /// Returns a parameter as a count.
    pub fn count(&self, key: &str) -> Result<Option<usize>, Problem> {
        let text = self.get(key);
        text.map(|text| {
            text.parse().map_err(|_| Problem::parameter(format!("parameter {key} is no count")))
        })
        .transpose()
    }
}

/// Reads a prefix of one of our own endpoints.
pub(super) fn prefix(text: &str) -> Result<Prefix, Problem> {
    text.parse().map_err(|error: PrefixError| {
        let problem = Problem::prefix(error.to_string());
        match (error, Prefix::from_str_truncating(text)) {
            (PrefixError::HostBits, Ok(cleared)) => problem.hint(format!("meant: {cleared}?")),
            _ => problem.hint("write it as 192.0.2.0/24 or 2001:db8::/32"),
        }
    })
}

/// Reads an AS number of one of our own endpoints.
pub(super) fn asn(text: &str) -> Result<Asn, Problem> {
    text.parse().map_err(|error: AsnError| {
        Problem::asn(error.to_string()).hint("write it as AS64500 or 64500")
    })
}
