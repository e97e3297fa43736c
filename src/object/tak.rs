//! The content of TAKs: keys that a trust anchor uses, used and will use (RFC 9691).

use bytes::Bytes;

use super::der::{self, Reader};
use super::error::DecodeError;
use super::key::rsa_public_key;
use super::limits::{MAX_TAK_COMMENTS, MAX_TAL_URIS};
use super::text::printable;

/// What a trust anchor says about its keys: shown to the operator, never acted on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tak {
    /// The key that it signs with.
    pub current: TaKey,
    /// The key before it.
    pub predecessor: Option<TaKey>,
    /// The key that comes next.
    pub successor: Option<TaKey>,
}

/// A key of a trust anchor: what a locator for it would say.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TaKey {
    /// Comments, safe to print.
    pub comments: Vec<String>,
    /// Where its certificate can be fetched: rsync or HTTPS.
    pub uris: Vec<String>,
    /// The DER of the SubjectPublicKeyInfo.
    pub spki: Bytes,
}

impl Tak {
    /// Decodes the eContent of a TAK.
    ///
    /// Source: RFC 9691, section 2.2.
    pub fn decode(content: &[u8]) -> Result<Tak, DecodeError> {
        let mut fields = Reader::whole_sequence(content, "TAK")?;
        // Version 0 is the default, so DER has no way to write it.
        let current = read_key(fields.sequence("current key")?)?;
        let predecessor = read_optional(&mut fields, der::EXPLICIT_0, "predecessor")?;
        let successor = read_optional(&mut fields, der::EXPLICIT_1, "successor")?;
        fields.end("TAK")?;
        Ok(Tak { current, predecessor, successor })
    }
}

fn read_optional(
    fields: &mut Reader<'_>,
    tag: u8,
    what: &'static str,
) -> Result<Option<TaKey>, DecodeError> {
    let Some(explicit) = fields.optional(tag, what)? else { return Ok(None) };
    let mut explicit = Reader::new(explicit);
    let key = read_key(explicit.sequence(what)?)?;
    explicit.end(what)?;
    Ok(Some(key))
}

fn read_key(mut fields: Reader<'_>) -> Result<TaKey, DecodeError> {
    let mut list = fields.sequence("comments")?;
    let mut comments = Vec::new();
    while !list.is_empty() {
        if comments.len() == MAX_TAK_COMMENTS {
            return Err(DecodeError::too_many("comments", MAX_TAK_COMMENTS));
        }
        let text = std::str::from_utf8(list.expect(der::UTF8_STRING, "comment")?)
            .map_err(|_| DecodeError::syntax("comment: not UTF-8"))?;
        comments.push(printable(text));
    }
    let mut list = fields.sequence("certificateURIs")?;
    let mut uris = Vec::new();
    while !list.is_empty() {
        if uris.len() == MAX_TAL_URIS {
            return Err(DecodeError::too_many("URIs", MAX_TAL_URIS));
        }
        uris.push(read_uri(list.expect(der::IA5_STRING, "certificateURI")?)?);
    }
    if uris.is_empty() {
        return Err(DecodeError::syntax("certificateURIs: none"));
    }
    let spki = fields.value("subjectPublicKeyInfo")?.whole;
    fields.end("key")?;
    rsa_public_key(spki)?;
    Ok(TaKey { comments, uris, spki: Bytes::copy_from_slice(spki) })
}

fn read_uri(octets: &[u8]) -> Result<String, DecodeError> {
    let text = std::str::from_utf8(octets).unwrap_or_default();
    let has_scheme = text.starts_with("rsync://") || text.starts_with("https://");
    match has_scheme && text.bytes().all(|b| b.is_ascii_graphic()) {
        true => Ok(text.to_owned()),
        false => Err(DecodeError::syntax("certificateURI: neither an rsync nor an https URI")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ca::{TakKey, tak_content};
    use crate::object::{Fault, rir_tals};

    fn key<'a>(spki: &'a [u8], uris: &'a [&'a str]) -> TakKey<'a> {
        TakKey { comments: &["a \u{1b}comment"], uris, spki }
    }

    #[test]
    fn reads_all_three_keys() {
        let tals = rir_tals();
        let uris = ["rsync://ta.example.net/ta/ta.cer", "https://ta.example.net/ta.cer"];
        let [current, before, next] = [0, 1, 2].map(|n| key(&tals[n].spki, &uris));
        let tak = Tak::decode(&tak_content(current, Some(before), Some(next))).unwrap();
        assert_eq!(tak.current.uris, uris);
        assert_eq!(tak.current.comments, ["a ?comment"]);
        assert_eq!(tak.predecessor.unwrap().spki, tals[1].spki);
        assert_eq!(tak.successor.unwrap().spki, tals[2].spki);
        let tak = Tak::decode(&tak_content(current, None, None)).unwrap();
        assert_eq!((tak.predecessor, tak.successor), (None, None));
    }

    #[test]
    fn g37_uris_and_keys_must_be_usable() {
        let spki = rir_tals().remove(0).spki;
        let fault = |uris: &[&str], spki: &[u8]| {
            Tak::decode(&tak_content(key(spki, uris), None, None)).map_err(|error| error.fault)
        };
        assert!(fault(&["rsync://a.example/b/c.cer"], &spki).is_ok());
        for uris in [&[][..], &["http://a.example/c.cer"], &["rsync://a.example/b c"], &[""]] {
            assert_eq!(fault(uris, &spki), Err(Fault::Syntax), "{uris:?}");
        }
        assert_eq!(fault(&["rsync://a.example/c.cer"; 17], &spki), Err(Fault::TooMany));
        let no_key = [0x30, 0];
        assert_eq!(fault(&["rsync://a.example/b/c.cer"], &no_key), Err(Fault::CertificateKey));
        assert!(Tak::decode(&[0x30, 0]).is_err());
    }
}
