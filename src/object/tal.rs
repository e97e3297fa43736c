//! Trust anchor locators (RFC 8630).

use rpki::util::base64;

use super::key::rsa_public_key;
use super::limits::{MAX_TAL_SIZE, MAX_TAL_URIS};
use crate::model::{HttpsUri, ObjectUri, UriError};

/// A trust anchor locator: where a trust anchor's certificate is, and the key it must have.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tal {
    /// What we call it: the name of its file, without `.tal`.
    pub name: String,
    /// Where the certificate can be fetched, in order of preference.
    pub uris: Vec<TalUri>,
    /// The DER of the SubjectPublicKeyInfo.
    pub spki: Vec<u8>,
}

/// Where a trust anchor's certificate can be fetched.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum TalUri {
    /// Over HTTPS.
    Https(HttpsUri),
    /// Over rsync.
    Rsync(ObjectUri),
}

impl TalUri {
    /// Returns the URI as text.
    pub fn as_str(&self) -> &str {
        match self {
            TalUri::Https(uri) => uri.as_str(),
            TalUri::Rsync(uri) => uri.as_str(),
        }
    }
}

/// Why a file is no trust anchor locator.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TalError {
    /// More bytes than a locator has.
    #[error("larger than {MAX_TAL_SIZE} bytes")]
    TooLarge,
    /// Bytes that are no ASCII text.
    #[error("line {0}: not ASCII text")]
    Text(usize),
    /// A line before the blank one that is neither an rsync nor an HTTPS URI.
    #[error("line {line}: neither an rsync nor an https URI ({error})")]
    Uri {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        error: UriError,
    },
    /// No URI, or more than anyone needs.
    #[error("expected 1 to {MAX_TAL_URIS} URIs before the blank line")]
    UriCount,
    /// No blank line and no key behind it.
    #[error("no blank line between the URIs and the key")]
    NoKey,
    /// The key is no base64.
    #[error("line {0}: the key is not base64")]
    Base64(usize),
    /// The key is not one that the RPKI uses.
    #[error("the key is not RSA with 2,048 bits and exponent 65,537")]
    Key,
}

impl std::fmt::Display for Tal {
    /// Writes the locator as RFC 8630, section 2.2 wants it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for uri in &self.uris {
            writeln!(f, "{}", uri.as_str())?;
        }
        writeln!(f)?;
        let key = rpki::util::base64::Xml.encode(&self.spki);
        // Lines of 64 characters, as people expect base64.
        let mut rest = key.as_str();
        while !rest.is_empty() {
            let (line, tail) = rest.split_at(rest.len().min(64));
            writeln!(f, "{line}")?;
            rest = tail;
        }
        Ok(())
    }
}

impl Tal {
    /// Reads a locator: comments, URIs, a blank line, the key in base64.
    ///
    /// Source: RFC 8630, section 2.2. Lines end in LF or CRLF.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Tal, TalError> {
        if bytes.len() > MAX_TAL_SIZE {
            return Err(TalError::TooLarge);
        }
        let mut lines = bytes
            .split(|byte| *byte == b'\n')
            .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
            .enumerate()
            .map(|(index, line)| (index + 1, line));
        let mut uris = Vec::new();
        let mut is_comment_allowed = true;
        loop {
            let (number, line) = lines.next().ok_or(TalError::NoKey)?;
            if is_comment_allowed && line.starts_with(b"#") {
                continue;
            }
            is_comment_allowed = false;
            if line.is_empty() {
                break;
            }
            if uris.len() == MAX_TAL_URIS {
                return Err(TalError::UriCount);
            }
            uris.push(parse_uri(number, line)?);
        }
        if uris.is_empty() {
            return Err(TalError::UriCount);
        }
        let mut key = String::new();
        let mut first = 0;
        for (number, line) in lines {
            if first == 0 {
                first = number;
            }
            key.push_str(text(number, line)?.trim_ascii());
        }
        if key.is_empty() {
            return Err(TalError::NoKey);
        }
        let spki = base64::Serde.decode(&key).map_err(|_| TalError::Base64(first))?;
        rsa_public_key(&spki).map_err(|_| TalError::Key)?;
        Ok(Tal { name: name.to_owned(), uris, spki })
    }
}

fn text(number: usize, line: &[u8]) -> Result<&str, TalError> {
    let text = std::str::from_utf8(line).map_err(|_| TalError::Text(number))?;
    if text.is_ascii() { Ok(text) } else { Err(TalError::Text(number)) }
}

fn parse_uri(line: usize, bytes: &[u8]) -> Result<TalUri, TalError> {
    let text = text(line, bytes)?.trim_ascii_end();
    let is_rsync = text.get(..8).is_some_and(|head| head.eq_ignore_ascii_case("rsync://"));
    match is_rsync {
        true => text.parse().map(TalUri::Rsync),
        false => text.parse().map(TalUri::Https),
    }
    .map_err(|error| TalError::Uri { line, error })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::rir_tals;

    fn tal(uris: &str) -> String {
        let key = base64::Serde.encode(&rir_tals().remove(0).spki);
        let (head, tail) = key.split_at(64);
        format!("{uris}\n{head}\n{tail}\n")
    }

    #[test]
    fn reads_comments_uris_and_the_key() {
        let text = tal("# a comment\n# another\nhttps://h/ta.cer\nrsync://h/m/ta.cer\n");
        for text in [text.clone(), text.replace('\n', "\r\n"), text.trim_end().to_owned()] {
            let tal = Tal::parse("name", text.as_bytes()).unwrap();
            assert_eq!(tal.name, "name");
            let uris: Vec<_> = tal.uris.iter().map(TalUri::as_str).collect();
            assert_eq!(uris, ["https://h/ta.cer", "rsync://h/m/ta.cer"]);
            assert_eq!(tal.spki, rir_tals().remove(0).spki);
        }
    }

    #[test]
    fn what_is_written_reads_the_same() {
        for tal in rir_tals() {
            assert_eq!(Tal::parse(&tal.name, tal.to_string().as_bytes()).unwrap(), tal);
        }
    }

    #[test]
    fn k01_each_fault_of_a_tal_is_named() {
        let parse = |text: &str| Tal::parse("name", text.as_bytes()).unwrap_err();
        let scheme = |line| TalError::Uri { line, error: UriError::Scheme("https") };
        assert_eq!(parse(""), TalError::UriCount);
        assert_eq!(parse(&tal("")), TalError::UriCount);
        assert_eq!(parse(&tal("http://h/ta.cer\n")), scheme(1));
        assert_eq!(parse(&tal("https://h/ta.cer\n# late\n")), scheme(2));
        assert_eq!(parse(&tal("rsync://h/m/é\n")), TalError::Text(1));
        assert_eq!(parse("https://h/ta.cer\n"), TalError::NoKey);
        assert_eq!(parse("https://h/ta.cer\n\n"), TalError::NoKey);
        assert_eq!(parse("https://h/ta.cer\n\n*"), TalError::Base64(3));
        assert_eq!(parse("https://h/ta.cer\n\nAAAA"), TalError::Key);
        assert_eq!(parse(&(tal("https://h/ta.cer\n") + "AAAA")), TalError::Key);
        assert_eq!(parse(&tal(&"https://h/ta.cer\n".repeat(17))), TalError::UriCount);
        assert_eq!(parse(&tal("https://h/ta.cer\n").repeat(200)), TalError::TooLarge);
    }
}
