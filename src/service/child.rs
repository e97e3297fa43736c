//! What a child of the service says about itself, on disk, for the other processes to show.

use std::io::{self, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::limits::STATE_FILE_BYTES;
use crate::fetch::Headroom;
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
    /// How near it came to each limit.
    #[serde(default)]
    pub limits: Vec<LimitUse>,
}

/// How near a limit was come to since the process began.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct LimitUse {
    /// What is limited.
    pub limit: String,
    /// The largest seen.
    pub most: u64,
    /// The limit.
    pub allowed: u64,
}

impl From<Headroom> for LimitUse {
    fn from(seen: Headroom) -> Self {
        LimitUse { limit: seen.limit.to_owned(), most: seen.most, allowed: seen.allowed }
    }
}

impl ChildRecord {
    /// Makes the record of a child that starts now.
    pub fn new(level: Level, now: Timestamp) -> Self {
        ChildRecord { started: now, sandbox: level.to_string(), limits: Vec::new() }
    }

    /// Writes what a child says, below the state directory.
    pub fn write(&self, state: &Path, child: Child) -> io::Result<()> {
        std::fs::create_dir_all(state)?;
        let temporary = state.join(child.file()).with_extension("tmp");
        std::fs::write(&temporary, serde_json::to_vec(self)?)?;
        std::fs::rename(temporary, state.join(child.file()))
    }

    /// Reads what a child recorded last; nothing where there is none.
    pub fn read(state: &Path, child: Child) -> Option<Self> {
        serde_json::from_slice(&read_bounded(&state.join(child.file()))?).ok()
    }
}

/// Reads a file that another process wrote, if it is not larger than what that would write.
pub(super) fn read_bounded(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).ok()?;
    file.take(STATE_FILE_BYTES + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= STATE_FILE_BYTES).then_some(bytes)
}
