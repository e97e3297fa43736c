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
        [("vrp", items.vrps), ("router-key", items.router_keys), ("aspa", items.aspas)].map(
            |(kind, count)| {
                let labels = vec![("type", kind.to_owned())];
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use tower::ServiceExt;

    use super::super::{ExceptionsStatus, router};
    use super::*;
    use crate::world::fixture::{NOW, without, world};

    fn app(error: Option<&str>) -> App {
        let app = App::new(Duration::from_secs(7200), || NOW);
        app.set_exceptions(Some(ExceptionsStatus {
            files: vec!["local.json".to_owned()],
            since: NOW,
            error: error.map(str::to_owned),
        }));
        app.publish(Served::excepting(Arc::new(world()), &without("192.0.2.0/24"), NOW));
        app
    }

    async fn get(app: &App, path: &str) -> String {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = router(app.clone()).oneshot(request).await.unwrap();
        String::from_utf8(to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn every_path_answers_after_exceptions_and_ours_say_which() {
        let app = app(None);
        let answer = get(&app, "/v1/validity?prefix=192.0.2.0/24&asn=64496").await;
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["state"], "unknown");
        let local = &answer["local_exceptions"];
        assert_eq!(local["state_without"], "valid");
        assert_eq!(local["filtered"][0]["rule"]["file"], "local.json");
        let theirs = get(&app, "/api/v1/validity/AS64496/192.0.2.0/24").await;
        assert!(theirs.contains("\"state\": \"not-found\""), "{theirs}");
        for path in ["/csv", "/json", "/jsonext", "/bird2", "/openbgpd", "/rpsl", "/slurm"] {
            assert!(!get(&app, path).await.contains("192.0.2."), "{path}");
        }
        // What they have no part in does not name them.
        let other = get(&app, "/v1/validity?prefix=203.0.113.0/24&asn=64499").await;
        assert!(!other.contains("local_exceptions"), "{other}");
    }

    #[tokio::test]
    async fn status_and_metrics_show_what_exceptions_do_and_that_a_file_is_broken() {
        let good = app(None);
        let metrics = get(&good, "/metrics").await;
        for line in [
            "provost_exceptions_good 1",
            "provost_exceptions_filtered{type=\"vrp\"} 2",
            "provost_exceptions_asserted{type=\"vrp\"} 0",
        ] {
            assert!(metrics.contains(line), "{line}: {metrics}");
        }
        let broken = app(Some("local.json:7: broken"));
        assert!(get(&broken, "/metrics").await.contains("provost_exceptions_good 0\n"));
        let status: serde_json::Value =
            serde_json::from_str(&get(&broken, "/v1/status").await).unwrap();
        let exceptions = &status["exceptions"];
        assert_eq!(exceptions["error"], "local.json:7: broken");
        assert_eq!(exceptions["filters"], 1);
        assert_eq!(exceptions["filtered"]["vrps"], 2);
    }
}
