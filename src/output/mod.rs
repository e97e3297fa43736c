//! Payload in the formats that other programs read: one writer for each.

pub(crate) mod answer;
pub(crate) mod answer_line;
pub mod columns;
mod csv;
mod file;
mod format;
mod json;
mod jsonext;
mod router;
mod rows;
mod rpki_client;
mod rpsl;
mod selection;
mod slurm;
mod summary;
mod text;
pub(crate) mod why;
pub mod words;

pub use file::replace;
pub use format::Format;
pub use selection::Selection;
pub use text::Text;
