//! The lines or rows of an input that were left out.

/// How many lines or rows were left out, and why the first of them were.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Rejected {
    /// How many there were.
    pub count: u64,
    /// The first [`Rejected::KEPT`] of them.
    pub first: Vec<Rejection>,
}

/// One line or row that was left out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rejection {
    /// Where it stands, such as `line 7` or `roas[41]`.
    pub place: String,
    /// What was wrong, log-safe.
    pub why: String,
}

impl Rejected {
    /// How many are kept with their reason; the rest is only counted.
    pub const KEPT: usize = 10;

    /// Adds one; `describe` gives place and reason, and is called only if they are kept.
    pub fn add(&mut self, describe: impl FnOnce() -> (String, String)) {
        self.count = self.count.saturating_add(1);
        if self.first.len() < Self::KEPT {
            let (place, why) = describe();
            self.first.push(Rejection { place, why });
        }
    }
}

/// Returns `text` so that it can be shown: control characters escaped, at most 60 characters.
pub fn excerpt(text: &[u8]) -> String {
    const LONGEST: usize = 60;
    // Four bytes are the longest character, so this cuts none that is shown.
    let head = text.get(..4 * LONGEST).unwrap_or(text);
    let lossy = String::from_utf8_lossy(head);
    let mut shown: String = lossy.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if text.len() > head.len() || lossy.chars().count() > LONGEST {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k10_what_is_shown_of_an_input_is_short_and_harmless() {
        assert_eq!(excerpt(b"abc"), "abc");
        assert_eq!(excerpt(b"\x1b[31m\xff"), "\\u{1b}[31m\u{fffd}");
        assert_eq!(excerpt(&[b'a'; 100_000]), "a".repeat(60) + "…");
        assert_eq!(excerpt("é".repeat(60).as_bytes()), "é".repeat(60));
        assert_eq!(excerpt("é".repeat(61).as_bytes()), "é".repeat(60) + "…");
    }

    #[test]
    fn all_are_counted_and_the_first_are_kept() {
        let mut rejected = Rejected::default();
        for line in 1..=50 {
            rejected.add(|| (format!("line {line}"), "bad".to_owned()));
        }
        assert_eq!(rejected.count, 50);
        assert_eq!(rejected.first.len(), Rejected::KEPT);
        assert_eq!(rejected.first[0].place, "line 1");
    }
}
