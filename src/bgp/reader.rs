//! Routes from a stream of lines, one at a time.

use std::io::{self, BufRead, Read};

use super::limits::MAX_LINE;
use super::{Line, LineError, parse_line};
use crate::model::{Rejected, Route, excerpt};

/// Reads routes line by line; what is no route is counted, and reading goes on.
///
/// As an iterator it ends with the input, and gives an error only if the input cannot be read.
#[derive(Debug)]
pub struct Routes<R> {
    reader: R,
    line: Vec<u8>,
    number: u64,
    rejected: Rejected,
}

impl<R: BufRead> Routes<R> {
    /// Reads from `reader`.
    pub fn new(reader: R) -> Self {
        Routes { reader, line: Vec::new(), number: 0, rejected: Rejected::default() }
    }

    /// Returns the lines that could not be read so far.
    pub fn rejected(&self) -> &Rejected {
        &self.rejected
    }

    /// Reads the next line into `self.line`; `None` at the end of the input.
    fn next_line(&mut self) -> io::Result<Option<Result<Line, LineError>>> {
        self.line.clear();
        let limit = MAX_LINE as u64 + 1;
        let read = self.reader.by_ref().take(limit).read_until(b'\n', &mut self.line)?;
        if read == 0 {
            return Ok(None);
        }
        self.number = self.number.saturating_add(1);
        if self.line.len() > MAX_LINE && self.line.last() != Some(&b'\n') {
            self.skip_line()?;
            return Ok(Some(Err(LineError::TooLong)));
        }
        Ok(Some(parse_line(&self.line)))
    }

    /// Passes over the rest of a line without keeping it.
    fn skip_line(&mut self) -> io::Result<()> {
        self.reader.skip_until(b'\n').map(drop)
    }
}

impl<R: BufRead> Iterator for Routes<R> {
    type Item = io::Result<Route>;

    fn next(&mut self) -> Option<io::Result<Route>> {
        loop {
            match self.next_line() {
                Err(error) => return Some(Err(error)),
                Ok(None) => return None,
                Ok(Some(Ok(Line::Route(route)))) => return Some(Ok(route)),
                Ok(Some(Ok(Line::Nothing))) => {}
                Ok(Some(Err(error))) => {
                    let (number, line) = (self.number, &self.line);
                    self.rejected.add(|| {
                        let shown = excerpt(line.trim_ascii());
                        (format!("line {number}"), format!("{error}: \"{shown}\""))
                    });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<String>, Rejected) {
        let mut routes = Routes::new(text.as_bytes());
        let list = routes.by_ref().map(|route| route.unwrap().to_string()).collect();
        (list, routes.rejected)
    }

    #[test]
    fn bad_lines_are_counted_and_named_by_number() {
        let (routes, rejected) = read("# head\n\n192.0.2.0/24 1\nx\n10.0.0.1/8 2\n2001:db8::/32 3");
        assert_eq!(routes, ["192.0.2.0/24 AS1", "2001:db8::/32 AS3"]);
        assert_eq!(rejected.count, 2);
        let places: Vec<_> = rejected.first.iter().map(|one| one.place.as_str()).collect();
        assert_eq!(places, ["line 4", "line 5"]);
        let why = "invalid prefix: bits behind the prefix length are set: \"10.0.0.1/8 2\"";
        assert_eq!(rejected.first[1].why, why);
    }

    #[test]
    fn k10_a_line_without_end_is_not_kept() {
        let long = "1".repeat(5 * MAX_LINE);
        let (routes, rejected) = read(&format!("{long}\n192.0.2.0/24 1\n{long}"));
        assert_eq!(routes, ["192.0.2.0/24 AS1"]);
        assert_eq!(rejected.count, 2);
        assert!(rejected.first[0].why.starts_with("longer than 256 KiB"));
    }

    #[test]
    fn a_line_of_just_the_longest_length_is_read() {
        let line = format!("192.0.2.0/24 1 #{}", "x".repeat(MAX_LINE - 16));
        assert_eq!(line.len(), MAX_LINE);
        for end in ["", "\n"] {
            assert_eq!(read(&format!("{line}{end}")).0.len(), 1);
        }
        assert_eq!(read(&format!("{line}x\n")).1.count, 1);
    }
}
