//! The processes: supervisor, worker, server.

pub mod server;
