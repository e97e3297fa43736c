//! Announced routes, read from the text and table formats that people have.
