//! Bounds RRDP's XML before the parser sees it: ASCII only, no DOCTYPE, short tags, short text.

use std::cell::Cell;
use std::io::{self, Read};

use super::limits::{OBJECT_BYTES, XML_TAG_BYTES};
use super::stop::Stop;

/// Base64 of the largest object and a little more, so that one that is too large is seen to be.
const TEXT_BYTES: u64 = OBJECT_BYTES / 3 * 4 + 64;

/// Reads XML from another reader and passes on what the parser may see.
///
/// White space in text is left out, and text beyond what the largest object needs is cut, which
/// makes that object fail and no other (THREATS A05, B32). Fails on anything outside printable
/// ASCII (RFC 8182, section 3.5: US-ASCII), on `<!` other than a comment (A01 to A03), on tags
/// beyond the limit (B36) and on more than `budget` bytes in all (A04).
pub(super) struct XmlFilter<'a, R> {
    inner: R,
    budget: u64,
    watch: &'a Watch,
    state: State,
    /// Bytes of the current text or tag.
    length: u64,
}

/// Stands beside a parser that owns its filter: says why the filter refused, and stops it.
#[derive(Debug, Default)]
pub(super) struct Watch {
    refused: Cell<Option<Refused>>,
    stop: Stop,
}

impl Watch {
    pub(super) fn new(stop: Stop) -> Self {
        Watch { refused: Cell::new(None), stop }
    }

    /// Returns why the filter refused, where it did.
    pub(super) fn refused(&self) -> Option<Refused> {
        self.refused.get()
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Text,
    /// Between `<` and `>`; the quote that is open, and the bytes so far that tell a comment.
    Tag {
        quote: Option<u8>,
        comment: Comment,
    },
}

/// How much of `<!--` or `-->` was seen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Comment {
    /// Directly after `<`.
    Start,
    /// After `<!`.
    Bang,
    /// After `<!-`.
    BangDash,
    /// In a comment, after so many dashes in a row (at most two count).
    Inside(u8),
    /// Not a comment.
    No,
}

/// Why a document is refused before it is parsed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum Refused {
    #[error("more bytes than the limit")]
    TooLarge,
    #[error("byte outside of US-ASCII")]
    NotAscii,
    #[error("document type or section declaration")]
    Declaration,
    #[error("stopped")]
    Stopped,
    #[error("tag or comment longer than {XML_TAG_BYTES} bytes")]
    TagTooLong,
}

impl<'a, R: Read> XmlFilter<'a, R> {
    pub(super) fn new(inner: R, budget: u64, watch: &'a Watch) -> Self {
        XmlFilter { inner, budget, watch, state: State::Text, length: 0 }
    }

    fn refuse(&self, why: Refused) -> io::Error {
        self.watch.refused.set(Some(why));
        io::Error::other(why)
    }

    /// Takes one byte and tells whether it is passed on.
    fn step(&mut self, byte: u8) -> Result<bool, Refused> {
        if !matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~') {
            return Err(Refused::NotAscii);
        }
        self.length += 1;
        match (self.state, byte) {
            (State::Text, b'<') => {
                self.state = State::Tag { quote: None, comment: Comment::Start };
                self.length = 0;
                Ok(true)
            }
            (State::Text, _) => {
                let space = byte.is_ascii_whitespace();
                self.length -= u64::from(space);
                Ok(!space && self.length <= TEXT_BYTES)
            }
            (State::Tag { .. }, _) if self.length > XML_TAG_BYTES as u64 => {
                Err(Refused::TagTooLong)
            }
            (State::Tag { quote, comment }, _) => {
                self.state = step_tag(quote, comment, byte)?;
                if self.state == State::Text {
                    self.length = 0;
                }
                Ok(true)
            }
        }
    }
}

fn step_tag(quote: Option<u8>, comment: Comment, byte: u8) -> Result<State, Refused> {
    let tag = |quote, comment| Ok(State::Tag { quote, comment });
    match (comment, byte) {
        (Comment::Start, b'!') => tag(None, Comment::Bang),
        (Comment::Bang, b'-') => tag(None, Comment::BangDash),
        (Comment::BangDash, b'-') => tag(None, Comment::Inside(0)),
        (Comment::Bang | Comment::BangDash, _) => Err(Refused::Declaration),
        (Comment::Inside(2), b'>') => Ok(State::Text),
        (Comment::Inside(dashes), b'-') => tag(None, Comment::Inside((dashes + 1).min(2))),
        (Comment::Inside(_), _) => tag(None, Comment::Inside(0)),
        (Comment::Start | Comment::No, _) => match quote {
            Some(open) if open == byte => tag(None, Comment::No),
            Some(open) => tag(Some(open), Comment::No),
            None if byte == b'>' => Ok(State::Text),
            None if matches!(byte, b'"' | b'\'') => tag(Some(byte), Comment::No),
            None => tag(None, Comment::No),
        },
    }
}

impl<R: Read> Read for XmlFilter<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.watch.stop.is_set() {
                return Err(self.refuse(Refused::Stopped));
            }
            let read = self.inner.read(buffer)?;
            if read == 0 {
                return Ok(0);
            }
            let left = self.budget.checked_sub(read as u64);
            self.budget = left.ok_or_else(|| self.refuse(Refused::TooLarge))?;
            let mut kept = 0;
            for index in 0..read {
                let Some(byte) = buffer.get(index).copied() else { break };
                if self.step(byte).map_err(|why| self.refuse(why))?
                    && let Some(slot) = buffer.get_mut(kept)
                {
                    *slot = byte;
                    kept += 1;
                }
            }
            // Nothing kept is not the end.
            if kept > 0 {
                return Ok(kept);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(text: &[u8]) -> Result<String, Refused> {
        let (watch, mut out) = (Watch::default(), String::new());
        match XmlFilter::new(text, 1_000_000_000, &watch).read_to_string(&mut out) {
            Ok(_) => Ok(out),
            Err(_) => Err(watch.refused().unwrap()),
        }
    }

    #[test]
    fn tags_and_comments_pass_and_white_space_in_text_does_not() {
        let text = b"<?xml version='1.0'?>\n<a b=\"x > y\">\n AB\r\n CD <!-- > - -- --> </a >\n";
        let want = "<?xml version='1.0'?><a b=\"x > y\">ABCD<!-- > - -- --></a >";
        assert_eq!(filter(text).unwrap(), want);
    }

    #[test]
    fn a01_a02_a03_document_types_are_refused() {
        for text in ["<!DOCTYPE a>", "<a><![CDATA[x]]></a>", "<!- a>", "<!ENTITY x 'y'>"] {
            assert_eq!(filter(text.as_bytes()), Err(Refused::Declaration), "{text}");
        }
    }

    #[test]
    fn b34_only_ascii_is_read() {
        for text in [&b"\xef\xbb\xbf<a/>"[..], b"\xff\xfe<\0a\0", b"<a b='\xc3\xa9'/>", b"<a>\0"] {
            assert_eq!(filter(text), Err(Refused::NotAscii));
        }
    }

    #[test]
    fn b36_long_tags_are_refused_and_long_text_is_cut() {
        let long = "x".repeat(XML_TAG_BYTES);
        assert_eq!(filter(format!("<a {long}>").as_bytes()), Err(Refused::TagTooLong));
        assert_eq!(filter(format!("<!-- {long}-->").as_bytes()), Err(Refused::TagTooLong));
        let text =
            format!("<a>{}</a><b>y</b>", "x".repeat(usize::try_from(TEXT_BYTES).unwrap() + 1000));
        let out = filter(text.as_bytes()).unwrap();
        assert_eq!(out.len() as u64, TEXT_BYTES + "<a></a><b>y</b>".len() as u64);
        assert!(out.ends_with("x</a><b>y</b>"));
    }

    #[test]
    fn a05_white_space_costs_no_memory_but_counts() {
        let text = format!("<a>{}AB</a>", " ".repeat(100_000));
        assert_eq!(filter(text.as_bytes()).unwrap(), "<a>AB</a>");
        let (watch, mut out) = (Watch::default(), Vec::new());
        XmlFilter::new(text.as_bytes(), 50_000, &watch).read_to_end(&mut out).unwrap_err();
        assert_eq!(watch.refused(), Some(Refused::TooLarge));
    }

    #[test]
    fn a12_a_stopped_reader_reads_no_more() {
        let stop = Stop::default();
        let (watch, mut out) = (Watch::new(stop.clone()), Vec::new());
        drop(stop.on_drop());
        XmlFilter::new(&b"<a/>"[..], 100, &watch).read_to_end(&mut out).unwrap_err();
        assert_eq!(watch.refused(), Some(Refused::Stopped));
    }
}
