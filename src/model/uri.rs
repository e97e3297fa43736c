//! The three kinds of URI that RPKI objects name, in a strict grammar.
//!
//! Hosts are kept in lower case; everything else is kept as written. URIs are never mapped to
//! file names, and a URI with `.` or `..` segments does not exist (THREATS D01 to D03).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The longest URI that is read, in bytes; rpki-client's limit, and ten times what is in use.
const MAX_URI_LENGTH: usize = 2048;

/// An rsync URI of an object or a directory: `rsync://HOST[:PORT]/MODULE/PATH`.
///
/// Source: RFC 5781, less user names; a directory ends in `/`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ObjectUri(Arc<str>);

impl ObjectUri {
    /// Returns the URI as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the module in which the object lies.
    pub fn module(&self) -> RsyncModule {
        RsyncModule(self.0.get(..self.module_end()).unwrap_or_default().into())
    }

    /// Returns the path inside the module, without a leading slash; empty for the module itself.
    pub fn path(&self) -> &str {
        self.0.get(self.module_end()..).unwrap_or_default()
    }

    /// Returns what follows the last slash: the file name, empty for a directory.
    pub fn file_name(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(_, name)| name)
    }

    /// Returns the directory that holds the object, with its final slash.
    pub fn directory(&self) -> ObjectUri {
        let end = self.0.rfind('/').map_or(0, |slash| slash + 1);
        ObjectUri(self.0.get(..end).unwrap_or_default().into())
    }

    /// Returns the URI with a final slash, as `caRepository` should be written.
    pub fn to_directory(&self) -> ObjectUri {
        if self.is_directory() { self.clone() } else { ObjectUri(format!("{}/", self.0).into()) }
    }

    /// Tells whether the URI ends in a slash.
    pub fn is_directory(&self) -> bool {
        self.0.ends_with('/')
    }

    /// Returns the URI of the file `name` in this directory.
    pub fn join(&self, name: &str) -> Result<ObjectUri, UriError> {
        let slash = if self.is_directory() { "" } else { "/" };
        format!("{}{slash}{name}", self.0).parse()
    }

    /// Returns the end of `rsync://HOST/MODULE/`, which the grammar guarantees.
    fn module_end(&self) -> usize {
        self.0.match_indices('/').nth(3).map_or(self.0.len(), |(slash, _)| slash + 1)
    }
}

/// An rsync module, the unit that is fetched in one go: `rsync://HOST[:PORT]/MODULE/`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RsyncModule(Arc<str>);

impl RsyncModule {
    /// Returns the URI as text, with its final slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns host and port as written.
    pub fn authority(&self) -> &str {
        self.0.split('/').nth(2).unwrap_or_default()
    }

    /// Returns the name of the module.
    pub fn name(&self) -> &str {
        self.0.split('/').nth(3).unwrap_or_default()
    }
}

/// An HTTPS URI: `https://HOST[:PORT]/PATH`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HttpsUri(Arc<str>);

impl HttpsUri {
    /// Returns the URI as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns host and port as written.
    pub fn authority(&self) -> &str {
        self.0.split('/').nth(2).unwrap_or_default()
    }

    /// Tells whether both URIs have the same origin: scheme, host and port.
    ///
    /// Source: RFC 9674, section 2; RFC 6454, section 5. Port 443 is the default.
    pub fn same_origin(&self, other: &HttpsUri) -> bool {
        fn origin(uri: &HttpsUri) -> &str {
            uri.authority().strip_suffix(":443").unwrap_or(uri.authority())
        }
        origin(self) == origin(other)
    }
}

/// A text that is no URI of the wanted kind.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum UriError {
    /// Another scheme, or none.
    #[error("invalid URI: expected {0}://")]
    Scheme(&'static str),
    /// Longer than the limit.
    #[error("invalid URI: longer than {MAX_URI_LENGTH} bytes")]
    TooLong,
    /// A host that is empty, or has characters that hosts do not have.
    #[error("invalid URI: bad host or port")]
    Authority,
    /// A character that objects' names do not have.
    #[error("invalid URI: character not allowed")]
    Character,
    /// An empty segment, or one that is `.` or `..`.
    #[error("invalid URI: empty or dot segment in the path")]
    Segment,
    /// An rsync URI without a module.
    #[error("invalid URI: no rsync module")]
    NoModule,
}

/// Splits a URI of `scheme` into its authority in lower case and its path without the first slash.
fn split<'a>(text: &'a str, scheme: &'static str) -> Result<(String, &'a str), UriError> {
    if text.len() > MAX_URI_LENGTH {
        return Err(UriError::TooLong);
    }
    let (head, rest) = text.split_once("://").ok_or(UriError::Scheme(scheme))?;
    if !head.eq_ignore_ascii_case(scheme) {
        return Err(UriError::Scheme(scheme));
    }
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    check_authority(authority)?;
    Ok((authority.to_ascii_lowercase(), path))
}

fn check_authority(authority: &str) -> Result<(), UriError> {
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (host, port) = rest.split_once(']').ok_or(UriError::Authority)?;
        host.parse::<std::net::Ipv6Addr>().map_err(|_| UriError::Authority)?;
        (host, port)
    } else {
        let end = authority.find(':').unwrap_or(authority.len());
        let (host, port) = authority.split_at(end);
        let named = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
        // A leading `-` would read as an option of a program (THREATS C09).
        if !host.bytes().all(named) || host.starts_with(['-', '.']) || host.contains("..") {
            return Err(UriError::Authority);
        }
        (host, port)
    };
    let port_is_good = match port.strip_prefix(':') {
        Some(digits) => {
            digits.bytes().all(|b| b.is_ascii_digit()) && digits.parse::<u16>().is_ok_and(|p| p > 0)
        }
        None => port.is_empty(),
    };
    if host.is_empty() || host.len() > 253 || !port_is_good {
        return Err(UriError::Authority);
    }
    Ok(())
}

/// Checks a path: graphic ASCII without escapes, and no segment that walks.
fn check_path(path: &str) -> Result<(), UriError> {
    // A pattern, not a list: this is asked for every byte of a dozen URIs of each object.
    let refused = |b| {
        matches!(
            b,
            b'%' | b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | b'?' | b'#'
        )
    };
    let allowed = |b: u8| b.is_ascii_graphic() && !refused(b);
    if !path.bytes().all(allowed) {
        return Err(UriError::Character);
    }
    let segments = path.strip_suffix('/').unwrap_or(path);
    if !path.is_empty() && segments.split('/').any(|s| matches!(s, "" | "." | "..")) {
        return Err(UriError::Segment);
    }
    Ok(())
}

impl FromStr for ObjectUri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        let (authority, path) = split(text, "rsync")?;
        check_path(path)?;
        let (module, _) = path.split_once('/').ok_or(UriError::NoModule)?;
        // A module that starts with `-` or `.` would read as an option, or as a hidden file.
        if module.is_empty() || module.starts_with(['-', '.']) {
            return Err(UriError::NoModule);
        }
        // As it is, if it is as we write it: nearly all are, and there are millions.
        let is_canonical = text
            .strip_prefix("rsync://")
            .and_then(|rest| rest.strip_prefix(authority.as_str()))
            .and_then(|rest| rest.strip_prefix('/'))
            .is_some_and(|rest| rest == path);
        match is_canonical {
            true => Ok(ObjectUri(text.into())),
            false => Ok(ObjectUri(format!("rsync://{authority}/{path}").into())),
        }
    }
}

impl FromStr for RsyncModule {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        let uri: ObjectUri = text.parse()?;
        if uri.path().is_empty() { Ok(uri.module()) } else { Err(UriError::NoModule) }
    }
}

impl FromStr for HttpsUri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        let (authority, path) = split(text, "https")?;
        let (path, query) = path.split_once('?').map_or((path, None), |(p, q)| (p, Some(q)));
        check_path(path)?;
        let graphic = |b: u8| b.is_ascii_graphic() && !b"\"<>\\^`{|}#".contains(&b);
        match query {
            Some(query) if !query.bytes().all(graphic) => Err(UriError::Character),
            Some(query) => Ok(HttpsUri(format!("https://{authority}/{path}?{query}").into())),
            None => Ok(HttpsUri(format!("https://{authority}/{path}").into())),
        }
    }
}

macro_rules! text_conversions {
    ($($name:ident),+) => { $(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = UriError;

            fn try_from(text: String) -> Result<Self, UriError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(uri: $name) -> String {
                uri.0.to_string()
            }
        }
    )+ };
}

text_conversions!(ObjectUri, RsyncModule, HttpsUri);

#[cfg(test)]
mod tests {
    use super::*;

    fn object(text: &str) -> Result<ObjectUri, UriError> {
        text.parse()
    }

    #[test]
    fn takes_an_object_uri_apart() {
        let uri = object("rsync://RPKI.example.net:8873/repo/a/b.roa").unwrap();
        assert_eq!(uri.as_str(), "rsync://rpki.example.net:8873/repo/a/b.roa");
        assert_eq!(uri.module().as_str(), "rsync://rpki.example.net:8873/repo/");
        assert_eq!(uri.module().authority(), "rpki.example.net:8873");
        assert_eq!(uri.module().name(), "repo");
        assert_eq!(uri.path(), "a/b.roa");
        assert_eq!(uri.file_name(), "b.roa");
        assert_eq!(uri.directory().as_str(), "rsync://rpki.example.net:8873/repo/a/");
        assert_eq!(uri.directory().join("c.mft").unwrap().path(), "a/c.mft");
    }

    #[test]
    fn d01_to_d09_paths_that_walk_or_hide_do_not_exist() {
        for (text, error) in [
            ("rsync://h/m/../x", UriError::Segment),
            ("rsync://h/m/./x", UriError::Segment),
            ("rsync://h/m//x", UriError::Segment),
            ("rsync://h/../x", UriError::Segment),
            ("rsync://../m/x", UriError::Authority),
            ("rsync://h/m/%2e%2e/x", UriError::Character),
            ("rsync://h/m/a\\b", UriError::Character),
            ("rsync://h/m/a\nb", UriError::Character),
            ("rsync://h/m/\u{1b}[31m", UriError::Character),
            ("rsync://h/m/é", UriError::Character),
            ("rsync://h", UriError::NoModule),
            ("rsync://h/m", UriError::NoModule),
            ("rsync://h/-m/x", UriError::NoModule),
            ("https://h/m/x", UriError::Scheme("rsync")),
        ] {
            assert_eq!(object(text), Err(error), "{text}");
        }
        assert_eq!(object(&format!("rsync://h/m/{}", "a".repeat(2048))), Err(UriError::TooLong));
    }

    #[test]
    fn c09_and_c10_authorities_are_strict() {
        for text in ["-h", "u@h", "h:", "h:0", "h:65536", "h:+1", "", "[::1", "[x]", "h_x", "é"] {
            assert_eq!(object(&format!("rsync://{text}/m/x")), Err(UriError::Authority), "{text}");
        }
        for text in ["h", "h:8873", "[2001:db8::1]:873", "127.0.0.2:8873"] {
            assert!(object(&format!("rsync://{text}/m/x")).is_ok(), "{text}");
        }
    }

    #[test]
    fn a16_origin_is_scheme_host_and_port() {
        let uri = |text: &str| text.parse::<HttpsUri>().unwrap();
        assert!(uri("https://a.example/x").same_origin(&uri("https://A.example:443/y")));
        assert!(!uri("https://a.example/x").same_origin(&uri("https://a.example:8443/x")));
        assert!(!uri("https://a.example/x").same_origin(&uri("https://b.example/x")));
    }
}
