//! The metrics about routers.

use std::collections::BTreeMap;
use std::fmt;

use super::metrics::{Families, Labels, count};
use crate::rtr::{Client, LossPolicy, Status, Version};

/// Writes everything about routers.
pub(super) fn write(families: &mut Families<'_>, status: &Status) -> fmt::Result {
    serving(families, status)?;
    losses(families, status)?;
    connections(families, status)?;
    clients(families, &status.clients)
}

fn serving(families: &mut Families<'_>, status: &Status) -> fmt::Result {
    let serving = u64::from(status.serving.is_some());
    families.gauge("provost_rtr_serving", "Whether routers get data", serving)?;
    let Some(serving) = status.serving else { return Ok(()) };
    families.gauge(
        "provost_rtr_serial",
        "The serial that routers get",
        u64::from(serving.serial),
    )?;
    families.gauges(
        "provost_rtr_payload",
        "Items that routers get, by type",
        [("vrp", serving.vrps), ("router-key", serving.router_keys), ("aspa", serving.aspas)]
            .map(|(kind, items)| (vec![("type", kind.to_owned())], count(items))),
    )
}

fn losses(families: &mut Families<'_>, status: &Status) -> fmt::Result {
    if status.loss_policy == LossPolicy::Off {
        return Ok(());
    }
    let named = |name: &str| vec![("trust_anchor", name.to_owned())];
    families.gauge(
        "provost_rtr_mass_losses",
        "Trust anchors with a sudden mass loss of VRPs",
        count(status.losses.len()),
    )?;
    families.gauges(
        "provost_rtr_lost_vrps",
        "VRPs that a trust anchor lost at once",
        status
            .losses
            .iter()
            .map(|loss| (named(&loss.trust_anchor), count(loss.before.saturating_sub(loss.after)))),
    )?;
    families.gauges(
        "provost_rtr_held_vrps",
        "Lost VRPs that routers still get",
        status.losses.iter().map(|loss| (named(&loss.trust_anchor), count(loss.held))),
    )
}

fn connections(families: &mut Families<'_>, status: &Status) -> fmt::Result {
    let counts = status.counts;
    families.gauge("provost_rtr_open_connections", "Routers", count(status.open))?;
    let of_version = |version: Option<Version>| {
        count(status.clients.iter().filter(|client| client.version == version).count())
    };
    families.gauges(
        "provost_rtr_versions",
        "Routers by version of the protocol, of those that are listed",
        Version::ALL.map(|version| {
            (vec![("version", version.number().to_string())], of_version(Some(version)))
        }),
    )?;
    for (name, help, value) in [
        ("provost_rtr_connections", "Connections that were accepted", counts.connections),
        (
            "provost_rtr_refused",
            "Connections that were closed because there were too many",
            counts.refused,
        ),
        (
            "provost_rtr_accept_errors",
            "Connections that could not be accepted",
            counts.accept_errors,
        ),
        (
            "provost_rtr_tls_failures",
            "TLS handshakes with routers that failed",
            counts.tls_failures,
        ),
        ("provost_rtr_tables", "Whole tables that were sent", counts.tables),
        ("provost_rtr_changes", "Differences that were sent", counts.changes),
        ("provost_rtr_resets", "Serial Queries that were answered with Cache Reset", counts.resets),
        (
            "provost_rtr_no_data",
            "Queries that were answered with No Data Available",
            counts.no_data,
        ),
        ("provost_rtr_notifies", "Serial Notify that were sent", counts.notifies),
        (
            "provost_rtr_protocol_errors",
            "Sessions of routers that broke the rules",
            counts.protocol_errors,
        ),
        ("provost_rtr_error_reports", "Error Reports that routers sent", counts.error_reports),
        ("provost_rtr_too_slow", "Sessions of routers that were too slow", counts.too_slow),
    ] {
        families.counter(name, help, value)?;
    }
    Ok(())
}

/// Writes what is known about each address, for as long as a router there is connected; their
/// number is bounded by `MAX_LISTED_CLIENTS`.
fn clients(families: &mut Families<'_>, clients: &[Client]) -> fmt::Result {
    let mut addresses: BTreeMap<String, Vec<&Client>> = BTreeMap::new();
    for client in clients {
        let address = client.address.ip().to_canonical().to_string();
        addresses.entry(address).or_default().push(client);
    }
    let named = |address: &String| -> Labels { vec![("client", address.clone())] };
    families.gauges(
        "provost_rtr_client_connections",
        "Connections from this address",
        addresses.iter().map(|(address, of)| (named(address), count(of.len()))),
    )?;
    families.gauges(
        "provost_rtr_client_serial",
        "The serial of the last answer that the router at this address took most recently",
        addresses.iter().filter_map(|(address, of)| {
            let last = of.iter().max_by_key(|client| client.updated)?;
            Some((named(address), u64::from(last.serial?)))
        }),
    )?;
    families.gauges(
        "provost_rtr_client_updated_timestamp_seconds",
        "When the router at this address took an answer last",
        addresses.iter().filter_map(|(address, of)| {
            Some((named(address), of.iter().filter_map(|client| client.updated).max()?.0))
        }),
    )?;
    families.gauges(
        "provost_rtr_client_sent_bytes",
        "Bytes sent over the connections from this address that are open",
        addresses.iter().map(|(address, of)| {
            (named(address), of.iter().map(|client| client.sent_bytes).sum::<u64>())
        }),
    )
}
