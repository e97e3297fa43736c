//! Configuration: one TOML file and flags, turned into values once.

mod duration;
mod exceptions;
mod file;
mod import;
mod paths;
mod settings;
mod show;
mod tals;

pub use duration::{DurationError, format_duration, parse_duration};
pub use exceptions::{ExceptionsError, load_exceptions};
pub(crate) use exceptions::{parse_exceptions, read_exception_files};
pub use file::{ConfigError, ConfigFile};
pub use import::{Imported, import_routinator};
pub use paths::{DataDir, default_config_file, default_data_dir};
pub use settings::{DEFAULT_HTTP, DEFAULT_MAX_AGE, DEFAULT_REFRESH, DEFAULT_RTR, Settings};
pub use show::{InForce, Source, in_force};
pub use tals::{TalFileError, load_constraints, load_tals, record_tals, recorded_tals};
