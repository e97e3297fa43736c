//! What keeps a lab from being made.

use crate::ca::CaError;
use crate::model::UriError;

/// A lab that cannot be made, published or written.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// An object cannot be signed.
    #[error("cannot sign: {0}")]
    Ca(#[from] CaError),
    /// A name of the plan makes no URI.
    #[error(transparent)]
    Uri(#[from] UriError),
    /// The plan names a server or a CA that it does not have, or something twice.
    #[error("plan of the lab: {0}")]
    Plan(String),
    /// The lab's TLS authority cannot be made.
    #[error("test TLS authority: {0}")]
    Tls(String),
    /// A file or socket of the lab.
    #[error("{what}: {error}")]
    Io {
        /// The file or socket.
        what: String,
        /// What the system said.
        error: std::io::Error,
    },
}

impl LabError {
    /// Makes a function that names the file or socket of an error.
    pub(super) fn io(what: impl ToString) -> impl FnOnce(std::io::Error) -> LabError {
        move |error| LabError::Io { what: what.to_string(), error }
    }
}
