//! The names of metrics that Routinator's dashboards read, as far as we count the same; on request.
//!
//! Each is a gauge here: the names are Routinator's, which have no ending for counters.

use std::fmt;

use super::limits::MAX_REPOSITORY_SERIES;
use super::metrics::{Families, Labels, count};
use super::state::{App, Served};
use crate::model::RepositoryId;
use crate::validate::{ObjectKind, Reason};
use crate::world::{PointRecord, RepositoryState, RepositoryStatus};

/// Writes everything that we have under Routinator's names.
pub(super) fn families(families: &mut Families<'_>, app: &App) -> fmt::Result {
    if let Some(served) = app.current() {
        updates(families, app, &served)?;
        trust_anchors(families, &served)?;
        totals(families, &served)?;
        repositories(families, &served)?;
    }
    connections(families, app)
}

fn updates(families: &mut Families<'_>, app: &App, served: &Served) -> fmt::Result {
    let world = served.world();
    let ago = app.now().since(world.time).as_secs();
    let took = world.validation_duration.as_secs();
    families.gauge(
        "routinator_last_update_start",
        "Seconds since the last validation began",
        ago.saturating_add(took),
    )?;
    families.gauge("routinator_last_update_done", "Seconds since it ended", ago)?;
    families.gauge("routinator_last_update_duration", "Seconds that it took", took)?;
    let serial = app.rtr().and_then(|status| Some(u64::from(status.serving?.serial)));
    families.gauge("routinator_serial", "The serial of the data", serial.unwrap_or(world.id.0))
}

fn trust_anchors(families: &mut Families<'_>, served: &Served) -> fmt::Result {
    let records = served.world().trust_anchors.iter();
    let anchors: Vec<_> = records.zip(&served.summary().trust_anchors).collect();
    let named = |name: &str| vec![("name", name.to_owned())];
    families.gauges(
        "routinator_ta_publication_points_total",
        "Publication points by state",
        anchors.iter().flat_map(|(record, summary)| {
            let of = |words: &[&str]| -> u64 {
                words.iter().filter_map(|word| summary.points.get(word)).sum()
            };
            [
                ("valid", of(&["current", "last-good", "pending"])),
                ("rejected", of(&["failed", "unreadable"])),
            ]
            .map(|(state, points)| {
                let mut labels = named(&record.name);
                labels.push(("state", state.to_owned()));
                (labels, points)
            })
        }),
    )?;
    families.gauges(
        "routinator_ta_objects_total",
        "Valid objects by type",
        anchors.iter().flat_map(|(record, summary)| {
            summary.objects.iter().map(|(kind, objects)| {
                let mut labels = named(&record.name);
                let state = ("state", "valid".to_owned());
                labels.extend([("type", kind.as_str().to_owned()), state]);
                (labels, *objects)
            })
        }),
    )?;
    let filtered = filtered(served);
    let finals = |position: usize| {
        let summary = served.summary().trust_anchors.get(position);
        summary.map_or(0, |summary| summary.vrps.ipv4.saturating_add(summary.vrps.ipv6))
    };
    let taken = |position: usize| filtered.get(position).copied().unwrap_or(0);
    let each = |value: &dyn Fn(usize) -> usize| -> Vec<(Labels, u64)> {
        let anchors = anchors.iter().enumerate();
        anchors
            .map(|(position, (record, _))| (named(&record.name), count(value(position))))
            .collect()
    };
    families.gauges(
        "routinator_ta_valid_vrps_total",
        "Different VRPs, before local exceptions",
        each(&|position| finals(position).saturating_add(taken(position))),
    )?;
    families.gauges(
        "routinator_ta_locally_filtered_vrps_total",
        "VRPs that local exceptions take out",
        each(&taken),
    )?;
    families.gauges("routinator_ta_contributed_vrps_total", "Different VRPs in use", each(&finals))
}

/// Returns how many VRPs of each trust anchor local exceptions take out.
fn filtered(served: &Served) -> Vec<usize> {
    let mut counts = vec![0usize; served.world().trust_anchors.len()];
    for vrp in served.view().filtered_vrps() {
        let mut seen: Vec<u16> =
            vrp.sources.iter().filter_map(|source| source.trust_anchor).collect();
        seen.sort_unstable();
        seen.dedup();
        for trust_anchor in seen {
            if let Some(count) = counts.get_mut(usize::from(trust_anchor)) {
                *count = count.saturating_add(1);
            }
        }
    }
    counts
}

fn totals(families: &mut Families<'_>, served: &Served) -> fmt::Result {
    let records = served.world().trust_anchors.iter();
    let anchors = records.zip(&served.summary().trust_anchors);
    families.gauges(
        "routinator_valid_roas",
        "Valid ROAs",
        anchors.map(|(record, summary)| {
            let roas = summary.objects.get(&ObjectKind::Roa).copied().unwrap_or(0);
            (vec![("tal", record.name.clone())], roas)
        }),
    )?;
    families.gauge("routinator_vrps_final", "VRPs in use", count(served.view().vrps().len()))?;
    families.gauge(
        "routinator_vrps_added_locally",
        "VRPs that local exceptions add",
        count(served.view().exceptions().vrps().len()),
    )?;
    let stale = |point: &PointRecord| {
        let findings = point.findings.iter();
        let reasons = [Reason::ManifestStale, Reason::CrlStale];
        findings.filter(|finding| reasons.contains(&finding.reason)).count()
    };
    let stale = served.world().points.iter().map(stale).sum::<usize>();
    families.gauge("routinator_stale_objects", "Stale manifests and CRLs", count(stale))
}

fn repositories(families: &mut Families<'_>, served: &Served) -> fmt::Result {
    let all: Vec<&RepositoryStatus> =
        served.world().repositories.iter().take(MAX_REPOSITORY_SERIES).collect();
    let is_rrdp = |status: &&&RepositoryStatus| matches!(status.id, RepositoryId::Rrdp(_));
    let named = |status: &RepositoryStatus| vec![("uri", status.id.to_string())];
    let status = |status: &RepositoryStatus, good: i64| {
        if status.state == RepositoryState::Current { good } else { -1 }
    };
    let took = |status: &RepositoryStatus| Some((named(status), status.duration?.as_secs_f64()));
    families.gauges(
        "routinator_rrdp_status",
        "200 if the last attempt succeeded, else -1",
        all.iter().filter(is_rrdp).map(|item| (named(item), status(item, 200))),
    )?;
    families.gauges(
        "routinator_rrdp_duration",
        "Seconds that the last attempt took",
        all.iter().filter(is_rrdp).filter_map(|item| took(item)),
    )?;
    families.gauges(
        "routinator_rrdp_serial_info",
        "The RRDP serial",
        all.iter().filter(is_rrdp).filter_map(|item| Some((named(item), item.serial?))),
    )?;
    let rsync = || all.iter().filter(|item| !is_rrdp(item));
    families.gauges(
        "routinator_rsync_status",
        "0 if the last attempt succeeded, else -1",
        rsync().map(|item| (named(item), status(item, 0))),
    )?;
    families.gauges(
        "routinator_rsync_duration",
        "Seconds that the last attempt took",
        rsync().filter_map(|item| took(item)),
    )
}

fn connections(families: &mut Families<'_>, app: &App) -> fmt::Result {
    if let Some(status) = app.rtr() {
        families.gauge("routinator_rtr_current_connections", "Routers", count(status.open))?;
    }
    let counters = &app.counters;
    families.gauge(
        "routinator_http_connections",
        "HTTP connections so far",
        counters.connections(),
    )?;
    families.gauge(
        "routinator_http_current_connections",
        "HTTP connections that are open",
        counters.open_connections(),
    )?;
    let requests: u64 = counters.answers().values().sum();
    families.gauge("routinator_http_requests", "HTTP requests so far", requests)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use tower::ServiceExt;

    use crate::http::{App, Served, router};
    use crate::world::fixture::{NOW, without, world};

    async fn metrics(app: App) -> String {
        app.publish(Served::excepting(Arc::new(world()), &without("192.0.2.0/24"), NOW));
        let request = Request::get("/metrics").body(Body::empty()).unwrap();
        let response = router(app).oneshot(request).await.unwrap();
        String::from_utf8(to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn the_names_of_routinator_are_there_on_request_only() {
        let app = App::new(Duration::from_secs(7200), || NOW);
        assert!(!metrics(app.clone()).await.contains("routinator_"));
        let text = metrics(app.with_routinator_metrics()).await;
        let lines: Vec<&str> =
            text.lines().filter(|line| line.starts_with("routinator_")).collect();
        insta::assert_snapshot!(lines.join("\n"));
        let page = include_str!("../../docs/metrics.md");
        for line in lines {
            let name = line.split(['{', ' ']).next().unwrap();
            assert!(page.contains(&format!("`{name}`")), "docs/metrics.md lacks {name}");
        }
    }
}
