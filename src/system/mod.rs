//! The machine: log, service manager, signals.

pub mod log;
pub mod notify;
pub mod parent;
pub mod shutdown;
