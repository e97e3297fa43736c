//! Payload that comes from outside: VRP files of other validators, and the operator's exceptions.

mod base64;
pub mod limits;
mod slurm;
mod vrp_csv;
mod vrp_file;
mod vrp_json;
mod vrp_rows;

pub use slurm::{
    BgpsecFilter, Entry, Exceptions, PrefixFilter, Rule, RuleId, RuleKind, SlurmConflict,
    SlurmError, SlurmFile,
};
pub use vrp_file::{FileAspa, FileFormat, FileRouterKey, FileVrp, VrpFile, VrpFileError};
