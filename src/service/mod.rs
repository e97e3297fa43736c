//! The processes: supervisor, worker and server. The published world is all that passes between.

pub mod restart;
pub mod supervisor;
