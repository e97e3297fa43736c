//! The paths below `/v1/`: our own, with reason, proof and age, one file for each resource.

pub(super) mod aspas;
pub(super) mod chain;
pub(super) mod changes;
pub(super) mod events;
pub(super) mod findings;
pub(super) mod many;
pub(super) mod openapi;
mod page;
pub(super) mod router_keys;
mod table;
pub(super) mod validity;
pub(super) mod vrps;
