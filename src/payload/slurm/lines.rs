//! On which line each entry of a SLURM file begins.

use std::collections::HashMap;

/// How deep the entries lie: file, filters or assertions, list, entry.
const ENTRY_DEPTH: usize = 4;

/// What opens at each depth: file, filters or assertions, list, entry, providers.
///
/// The reader of JSON would take a list of values for an object.
const OPENS: [u8; 5] = [b'{', b'{', b'[', b'{', b'['];

/// The lines of the entries, by the name of their list.
#[derive(Debug, Default)]
pub(super) struct EntryLines {
    lists: HashMap<String, Vec<u32>>,
    /// The line of the first list in the place of an object, or the other way round.
    pub misplaced: Option<u32>,
}

impl EntryLines {
    /// Returns the lines of a list's entries, in their order.
    pub(super) fn of(&self, list: &str) -> &[u32] {
        self.lists.get(list).map(Vec::as_slice).unwrap_or_default()
    }
}

/// Finds the lines in `text`, which is known to be JSON of the right shape.
pub(super) fn entry_lines(text: &str) -> EntryLines {
    let mut lines = EntryLines::default();
    let mut list = String::new();
    let (mut line, mut depth) = (1u32, 0usize);
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\n' => line = line.saturating_add(1),
            b'{' | b'[' => {
                if OPENS.get(depth).is_none_or(|opens| *opens != byte) {
                    lines.misplaced.get_or_insert(line);
                }
                depth = depth.saturating_add(1);
                if depth == ENTRY_DEPTH {
                    lines.lists.entry(list.clone()).or_default().push(line);
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                let mut end = text.len();
                while let Some((position, byte)) = bytes.next() {
                    match byte {
                        // What follows is part of the text, whatever it is.
                        b'\\' => drop(bytes.next()),
                        b'"' => {
                            end = position.saturating_add(1);
                            break;
                        }
                        _ => {}
                    }
                }
                // Texts at this depth are the names of lists; they may be escaped, too.
                if depth == 2 {
                    let name = text.get(at..end).and_then(|name| serde_json::from_str(name).ok());
                    list = name.unwrap_or_default();
                }
            }
            _ => {}
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_in_texts_and_escaped_names_do_not_mislead() {
        let text = "{ \"a\": {\n\"one\": [ { \"c\": \"}]{\\\"\\\\\" },\n\n{} ],\n\
                    \"t\\u0077o\": [\n{} ] } }";
        let lines = entry_lines(text);
        assert_eq!(lines.of("one"), [2, 4]);
        assert_eq!(lines.of("two"), [6]);
        assert!(lines.of("three").is_empty());
        assert_eq!(lines.misplaced, None);
        assert_eq!(entry_lines("{ \"a\": {},\n\"b\": [] }").misplaced, Some(2));
    }
}
