//! The network: RRDP and rsync, everything bounded.
