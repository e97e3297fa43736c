//! Configuration: one TOML file and flags, turned into values once.

mod duration;
mod file;
mod paths;
mod settings;
mod tals;

pub use duration::{DurationError, format_duration, parse_duration};
pub use file::{ConfigError, ConfigFile};
pub use paths::{DataDir, default_config_file, default_data_dir};
pub use settings::{DEFAULT_HTTP, DEFAULT_MAX_AGE, DEFAULT_REFRESH, DEFAULT_RTR, Settings};
pub use tals::{TalFileError, load_constraints, load_tals, record_tals, recorded_tals};
