//! The command line: arguments, then one file for each command.

mod error;
mod exit;
pub mod export;

pub use error::CliError;
pub use exit::Exit;
