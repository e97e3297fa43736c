//! Sets of payload: as routers get them, and as other validators write them into files.

// What routers get.
mod delta;
mod set;

// Files of other validators.
mod limits;
mod vrp_csv;
mod vrp_file;
mod vrp_json;
mod vrp_rows;

pub use delta::{Changes, PayloadDelta};
pub use set::PayloadSet;
pub use vrp_file::{FileAspa, FileFormat, FileRouterKey, FileVrp, VrpFile, VrpFileError};
