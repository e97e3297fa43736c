//! What a child of the service says about itself, on disk, for the other processes to show.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::model::Timestamp;
use crate::system::sandbox::Level;

/// The children.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Child {
    /// The worker.
    Worker,
    /// The server.
    Server,
}

impl Child {
    fn file(self) -> &'static str {
        match self {
            Child::Worker => "worker.json",
            Child::Server => "server.json",
        }
    }
}

/// A child that was started.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ChildRecord {
    /// When.
    pub started: Timestamp,
    /// How much of its sandbox the kernel enforces: `full`, `partial` or `none`.
    pub sandbox: String,
}

impl ChildRecord {
    /// Records that a child was started, below the state directory.
    pub fn write(state: &Path, child: Child, level: Level, now: Timestamp) -> io::Result<()> {
        std::fs::create_dir_all(state)?;
        let record = ChildRecord { started: now, sandbox: level.to_string() };
        let temporary = state.join(child.file()).with_extension("tmp");
        std::fs::write(&temporary, serde_json::to_vec(&record)?)?;
        std::fs::rename(temporary, state.join(child.file()))
    }

    /// Reads what a child recorded last; nothing where there is none.
    pub fn read(state: &Path, child: Child) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(state.join(child.file())).ok()?).ok()
    }
}
