//! Configuration: one TOML file and flags, turned into values once.

mod paths;

pub use paths::DataDir;
