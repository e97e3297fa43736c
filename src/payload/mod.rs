//! Payload that comes from outside: VRP files of other validators.

mod limits;
mod vrp_csv;
mod vrp_file;
mod vrp_json;
mod vrp_rows;

pub use vrp_file::{FileAspa, FileFormat, FileRouterKey, FileVrp, VrpFile, VrpFileError};
