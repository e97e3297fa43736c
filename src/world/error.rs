//! Why a world could not be written, found or read.

use std::path::PathBuf;

/// A world that cannot be used, or could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// The file system refused.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What it said.
        source: std::io::Error,
    },
    /// The file in hand is broken.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<WorldError>,
    },
    /// The file does not start as a world does.
    #[error("not a world file")]
    NotAWorld,
    /// The file was written by a newer Provost.
    #[error("world format {found}, but this program reads up to {known}")]
    Newer {
        /// The version in the file.
        found: u32,
        /// The newest version that this program knows.
        known: u32,
    },
    /// The file was written by an older Provost, which this one does not read.
    #[error("world format {found} of an older program; the next publication replaces it")]
    Older {
        /// The version in the file.
        found: u32,
    },
    /// The file is shorter or longer than it says.
    #[error("world file is cut off or has bytes behind its end")]
    Length,
    /// The bytes are not those that were written.
    #[error("world file does not match its digest")]
    Digest,
    /// The body does not read as a world.
    #[error("world file cannot be decoded: {0}")]
    Decode(String),
    /// The records contradict each other.
    #[error("world is inconsistent: {0}")]
    Inconsistent(&'static str),
    /// The file that names the current world has another form.
    #[error("does not name a world")]
    Current,
}

impl WorldError {
    /// Tells whether a newer program wrote the data, so that nothing here is broken.
    pub fn is_newer(&self) -> bool {
        match self {
            WorldError::Newer { .. } => true,
            WorldError::File { source, .. } => source.is_newer(),
            _ => false,
        }
    }
}
