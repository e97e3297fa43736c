//! Payload in the formats that other programs read: one writer for each.

pub mod columns;
mod csv;
mod file;
mod format;
mod json;
mod jsonext;
mod rows;
pub mod words;

pub use file::replace;
pub use format::Format;
