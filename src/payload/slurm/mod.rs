//! Local exceptions: what an operator takes out of the validated payload, and adds to it.
//!
//! Source: RFC 8416; draft-ietf-sidrops-aspa-slurm-04 for ASPAs. A file is taken whole or not at
//! all, and several files are one set or none (RFC 8416, sections 3.1, 4.1 and 4.2).

mod conflict;
mod exceptions;
mod file;
mod lines;
mod wire;

pub use conflict::SlurmConflict;
pub use exceptions::{Exceptions, Rule, RuleId, RuleKind};
pub use file::{BgpsecFilter, Entry, PrefixFilter, SlurmError, SlurmFile};
