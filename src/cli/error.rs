//! What a command says when it cannot go on: one line, and a next step.

use super::Exit;
use crate::store::StoreErrorKind;

/// An error for the person at the terminal.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct CliError {
    /// A lower-case fragment that names the thing.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
    /// The exit code.
    pub exit: Exit,
}

impl CliError {
    /// The arguments, the configuration or an input are wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        CliError { message: message.into(), hint: None, exit: Exit::Usage }
    }

    /// The command failed.
    pub fn failed(message: impl Into<String>) -> Self {
        CliError { message: message.into(), hint: None, exit: Exit::Failed }
    }

    /// There are no data to answer from.
    pub fn no_data(message: impl Into<String>) -> Self {
        CliError { message: message.into(), hint: None, exit: Exit::NoData }
    }

    /// Adds the next step.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<crate::service::WorkerError> for CliError {
    fn from(error: crate::service::WorkerError) -> Self {
        CliError::failed(error.to_string())
    }
}

impl From<crate::store::StoreError> for CliError {
    fn from(error: crate::store::StoreError) -> Self {
        let hint = match error.kind {
            StoreErrorKind::Purpose => "name another directory with --data-dir",
            StoreErrorKind::Locked => "wait for it to end, or name another --data-dir",
            StoreErrorKind::Newer => "use the program that made it, or name another --data-dir",
            StoreErrorKind::Io | StoreErrorKind::Corrupt | StoreErrorKind::Superseded => {
                return CliError::failed(error.to_string());
            }
        };
        CliError::failed(error.to_string()).hint(hint)
    }
}

impl From<crate::world::WorldError> for CliError {
    fn from(error: crate::world::WorldError) -> Self {
        CliError::failed(error.to_string())
    }
}

impl From<crate::config::TalFileError> for CliError {
    fn from(error: crate::config::TalFileError) -> Self {
        CliError::usage(error.to_string())
    }
}

impl From<crate::config::ExceptionsError> for CliError {
    fn from(error: crate::config::ExceptionsError) -> Self {
        CliError::usage(error.to_string())
            .hint("`provost slurm check FILE` shows what a file would do; see docs/slurm.md")
    }
}

impl From<crate::fetch::FetchError> for CliError {
    fn from(error: crate::fetch::FetchError) -> Self {
        CliError::failed(error.to_string())
    }
}
