//! The machine: log, service manager, signals, sandbox.

pub mod hang_up;
pub mod listeners;
pub mod log;
pub mod notify;
pub mod parent;
pub mod sandbox;
pub mod shutdown;
