//! What status and metrics say about the operator's exceptions.

use std::fmt;

use serde::Serialize;

use super::json::time;
use super::metrics::Families;
use super::state::{App, Served};

/// The exceptions in `/v1/status`.
#[derive(Serialize)]
pub(super) struct ExceptionsBody {
    files: Vec<String>,
    /// Since when those in force are.
    since: String,
    /// Why a file cannot be used as it is now; the last good ones stay in force.
    error: Option<String>,
    filters: usize,
    assertions: usize,
    /// What the filters take out now.
    filtered: ItemsBody,
    /// What the assertions give.
    asserted: ItemsBody,
}

#[derive(Serialize)]
struct ItemsBody {
    vrps: usize,
    router_keys: usize,
    aspas: usize,
}

impl ExceptionsBody {
    /// Returns nothing where no file was named.
    pub(super) fn of(app: &App, served: &Served) -> Option<Self> {
        let status = app.exceptions()?;
        let view = served.view();
        let exceptions = view.exceptions();
        let filters = exceptions.rules().filter(|(_, rule)| rule.kind.is_filter()).count();
        Some(ExceptionsBody {
            files: status.files.clone(),
            since: time(status.since),
            error: status.error.clone(),
            filters,
            assertions: exceptions.rules().count().saturating_sub(filters),
            filtered: ItemsBody {
                vrps: view.filtered_vrps().len(),
                router_keys: view.filtered_router_keys().len(),
                aspas: view.filtered_aspas().len(),
            },
            asserted: ItemsBody {
                vrps: exceptions.vrps().len(),
                router_keys: exceptions.router_keys().len(),
                aspas: exceptions.aspas().len(),
            },
        })
    }
}

/// Writes the metrics; there are none where no file was named.
pub(super) fn families(families: &mut Families<'_>, app: &App) -> fmt::Result {
    let Some(status) = app.exceptions() else { return Ok(()) };
    families.gauge(
        "provost_exceptions_good",
        "Whether the files of local exceptions are in force as they are now",
        u64::from(status.error.is_none()),
    )?;
    families.gauge(
        "provost_exceptions_timestamp_seconds",
        "Since when the local exceptions in force are",
        status.since.0,
    )?;
    let Some(served) = app.current() else { return Ok(()) };
    let Some(body) = ExceptionsBody::of(app, &served) else { return Ok(()) };
    let series = |items: &ItemsBody| {
        [("vrps", items.vrps), ("router-keys", items.router_keys), ("aspas", items.aspas)].map(
            |(kind, count)| {
                let labels = vec![("payload", kind.to_owned())];
                (labels, u64::try_from(count).unwrap_or(u64::MAX))
            },
        )
    };
    families.gauges(
        "provost_exceptions_filtered",
        "Items that local filters take out",
        series(&body.filtered),
    )?;
    families.gauges(
        "provost_exceptions_asserted",
        "Items that local assertions give",
        series(&body.asserted),
    )
}
