//! Announced routes, read from the text and table formats that people have.

mod limits;
mod line;
mod reader;

pub use line::{Line, LineError, parse_line};
pub use reader::Routes;
