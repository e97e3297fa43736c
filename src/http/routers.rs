//! The part of `/v1/status` about routers: who is connected, and what they get.

use serde::Serialize;

use super::json::time;
use crate::rtr::{Client, Counts, Loss, Serving, Status};

#[derive(Serialize)]
pub(super) struct RtrBody {
    /// Not there without data, or when they are too old.
    serving: Option<ServingBody>,
    /// What is done about a sudden mass loss of VRPs: `off`, `alarm` or `hold`.
    loss_policy: &'static str,
    losses: Vec<LossBody>,
    connections: usize,
    counts: CountsBody,
    /// At most 500, those that connected first.
    clients: Vec<ClientBody>,
}

impl RtrBody {
    pub fn of(status: Status) -> Self {
        RtrBody {
            serving: status.serving.map(ServingBody::of),
            loss_policy: status.loss_policy.as_str(),
            losses: status.losses.into_iter().map(LossBody::of).collect(),
            connections: status.open,
            counts: CountsBody::of(status.counts),
            clients: status.clients.iter().map(ClientBody::of).collect(),
        }
    }
}

#[derive(Serialize)]
struct ServingBody {
    /// Of versions 0, 1 and 2.
    sessions: [u16; 3],
    serial: u32,
    vrps: usize,
    router_keys: usize,
    /// One for each customer.
    aspas: usize,
    /// How many changes a router may have missed and still gets the difference.
    deltas: usize,
}

impl ServingBody {
    fn of(serving: Serving) -> Self {
        let Serving { sessions, serial, vrps, router_keys, aspas, deltas } = serving;
        ServingBody { sessions, serial, vrps, router_keys, aspas, deltas }
    }
}

#[derive(Serialize)]
struct LossBody {
    trust_anchor: String,
    vrps_before: usize,
    vrps_after: usize,
    /// How many of the lost ones routers still get.
    vrps_held: usize,
    since: String,
}

impl LossBody {
    fn of(loss: Loss) -> Self {
        LossBody {
            trust_anchor: loss.trust_anchor,
            vrps_before: loss.before,
            vrps_after: loss.after,
            vrps_held: loss.held,
            since: time(loss.since),
        }
    }
}

/// Since the server started.
#[derive(Serialize)]
struct CountsBody {
    connections: u64,
    refused: u64,
    accept_errors: u64,
    tls_failures: u64,
    tables: u64,
    changes: u64,
    resets: u64,
    no_data: u64,
    notifies: u64,
    protocol_errors: u64,
    error_reports: u64,
    too_slow: u64,
}

impl CountsBody {
    fn of(counts: Counts) -> Self {
        CountsBody {
            connections: counts.connections,
            refused: counts.refused,
            accept_errors: counts.accept_errors,
            tls_failures: counts.tls_failures,
            tables: counts.tables,
            changes: counts.changes,
            resets: counts.resets,
            no_data: counts.no_data,
            notifies: counts.notifies,
            protocol_errors: counts.protocol_errors,
            error_reports: counts.error_reports,
            too_slow: counts.too_slow,
        }
    }
}

#[derive(Serialize)]
struct ClientBody {
    address: String,
    connected: String,
    /// Once the router has asked.
    version: Option<u8>,
    serial: Option<u32>,
    updated: Option<String>,
    sent_bytes: u64,
}

impl ClientBody {
    fn of(client: &Client) -> Self {
        ClientBody {
            address: client.address.to_string(),
            connected: time(client.connected),
            version: client.version.map(|version| version.number()),
            serial: client.serial,
            updated: client.updated.map(time),
            sent_bytes: client.sent_bytes,
        }
    }
}
