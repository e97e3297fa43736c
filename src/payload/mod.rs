//! Sets of payload: as routers get them, as other validators write them into files, and what an
//! operator takes out of them and adds.

// What routers get.
mod delta;
mod set;

// What operators except.
mod slurm;

// Files of other validators.
mod base64;
pub mod limits;
mod vrp_ccr;
mod vrp_csv;
mod vrp_file;
mod vrp_json;
mod vrp_rows;

pub use delta::{Changes, PayloadDelta};
pub use set::PayloadSet;
pub use slurm::{
    BgpsecFilter, Entry, Exceptions, PrefixFilter, Rule, RuleId, RuleKind, SlurmConflict,
    SlurmError, SlurmFile,
};
pub use vrp_file::{FileAspa, FileFormat, FileRouterKey, FileVrp, VrpFile, VrpFileError};
