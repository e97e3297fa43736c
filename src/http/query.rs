//! Query strings, strictly: a key that is not known or comes twice is an error, never ignored.

use std::borrow::Cow;

use axum::extract::Query;
use axum::http::Uri;

use super::problem::Problem;
use crate::model::{Asn, AsnError, Prefix, PrefixError};

/// A key and its value.
type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Splits a query string into keys and values, in order; bad UTF-8 becomes replacement characters.
pub(super) fn pairs(uri: &Uri) -> Vec<Pair<'_>> {
    let query = uri.query().unwrap_or_default();
    if query.contains(['%', '+']) {
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(uri);
        let pairs = pairs.map(|Query(pairs)| pairs).unwrap_or_default().into_iter();
        return pairs.map(|(key, value)| (key.into(), value.into())).collect();
    }
    // Nothing is encoded, as in most questions: what the other way copies is there already.
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.map(|(key, value)| (key.into(), value.into())).collect()
}

/// The parameters of one of our own endpoints.
#[derive(Debug)]
pub(super) struct Parameters<'a>(Vec<Pair<'a>>);

impl<'a> Parameters<'a> {
    /// Reads the parameters of a request; only the `known` ones may be there.
    pub fn read(uri: &'a Uri, known: &[&str]) -> Result<Self, Problem> {
        let mut parameters = Parameters(Vec::with_capacity(known.len()));
        for (key, value) in pairs(uri) {
            if !known.contains(&key.as_ref()) {
                let hint = match known {
                    [] => "there are no parameters here".to_owned(),
                    known => format!("known here: {}", known.join(", ")),
                };
                return Err(Problem::parameter(format!("unknown parameter {key:?}")).hint(hint));
            }
            if parameters.get(&key).is_some() {
                return Err(Problem::parameter(format!("parameter {key} is given twice")));
            }
            parameters.0.push((key, value));
        }
        Ok(parameters)
    }

    /// Returns a parameter.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_ref())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_split_in_the_same_way_whether_something_in_it_is_encoded_or_not() {
        let split = |query: &str| {
            let uri: Uri = format!("/?{query}").parse().unwrap();
            let pairs = pairs(&uri).into_iter();
            pairs.map(|(key, value)| (key.into_owned(), value.into_owned())).collect::<Vec<_>>()
        };
        for query in ["", "a", "a=", "=a", "a=1&b=2", "&&a=1&", "a==1", "a=1=2&a=3", "a=::/0"] {
            let mut encoded = split(&format!("{query}&%41=+"));
            assert_eq!(encoded.pop(), Some(("A".to_owned(), " ".to_owned())));
            assert_eq!(split(query), encoded, "{query}");
        }
    }
}
