//! The processes: supervisor, worker and server.
