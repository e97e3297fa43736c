//! Payload that comes from outside: VRP files of other validators.

mod vrp_file;

pub use vrp_file::{FileAspa, FileFormat, FileRouterKey, FileVrp, VrpFile};
