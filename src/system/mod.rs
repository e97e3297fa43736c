//! The machine: log, metrics, service manager.
