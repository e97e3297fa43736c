//! A table for people: columns as wide as their widest cell.

use std::io::{self, Write};

/// Where the text of a column stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Writes `rows` under `head`; a row with fewer cells ends early.
///
/// The last column is not padded, so that no line ends in blanks.
pub fn write_columns(
    out: &mut dyn Write,
    head: &[(&str, Align)],
    rows: &[Vec<String>],
) -> io::Result<()> {
    let width = |column: usize, title: &str| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).chain([title.chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> =
        head.iter().enumerate().map(|(column, (title, _))| width(column, title)).collect();
    let titles: Vec<&str> = head.iter().map(|(title, _)| *title).collect();
    write_row(out, head, &widths, &titles)?;
    for row in rows {
        let cells: Vec<&str> = row.iter().map(String::as_str).collect();
        write_row(out, head, &widths, &cells)?;
    }
    Ok(())
}

fn write_row(
    out: &mut dyn Write,
    head: &[(&str, Align)],
    widths: &[usize],
    cells: &[&str],
) -> io::Result<()> {
    let mut line = String::new();
    for ((cell, width), (_, align)) in cells.iter().zip(widths).zip(head) {
        match align {
            Align::Left => line.push_str(&format!("{cell:<width$}  ")),
            Align::Right => line.push_str(&format!("{cell:>width$}  ")),
        }
    }
    writeln!(out, "{}", line.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = vec![
            vec!["ripe".to_owned(), "12".to_owned(), "fine".to_owned()],
            vec!["a-longer-name".to_owned(), "7".to_owned()],
        ];
        let head = [("Name", Align::Left), ("VRPs", Align::Right), ("Note", Align::Left)];
        let mut out = Vec::new();
        write_columns(&mut out, &head, &rows).unwrap();
        let expected = "\
Name           VRPs  Note
ripe             12  fine
a-longer-name     7
";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
