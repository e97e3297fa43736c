//! The command line: arguments, then one file for each command.

pub mod check;
mod duration;
mod error;
mod exit;
pub mod export;
mod input;
mod limits;

pub use duration::{DurationError, parse_duration};
pub use error::CliError;
pub use exit::Exit;
