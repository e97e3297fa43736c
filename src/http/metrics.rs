//! `/metrics`: the numbers for Prometheus, each with a line that explains it.

use std::fmt;

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::exceptions;
use super::limits::MAX_REPOSITORY_SERIES;
use super::problem::Problem;
use super::state::{App, Served};
use super::summary::TrustAnchorSummary;
use super::{routinator_metrics, rtr_metrics};
use crate::model::Timestamp;
use crate::output::words;
use crate::validate::TrustAnchorStatus;
use crate::world::{RepositoryState, RepositoryStatus, TrustAnchorRecord};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PLAIN_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Answers `/metrics`, also before the first world: that there is none is a number, too.
pub(super) async fn metrics(
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let accept = headers.get_all(header::ACCEPT).iter();
    let open = accept.filter_map(|value| value.to_str().ok());
    let open = open.into_iter().any(|value| value.contains("application/openmetrics-text"));
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Numbers(app)));
    let mut text = String::new();
    encode_registry(&mut text, &registry).map_err(|_| Problem::internal())?;
    if open {
        encode_eof(&mut text).map_err(|_| Problem::internal())?;
    }
    let content_type = if open { OPEN_METRICS } else { PLAIN_TEXT };
    Ok(([(header::CONTENT_TYPE, content_type)], text).into_response())
}

/// All numbers, in a fixed order.
#[derive(Debug)]
struct Numbers(App);

/// The labels of one series.
pub(super) type Labels = Vec<(&'static str, String)>;

/// Writes the families one after the other.
pub(super) struct Families<'a>(DescriptorEncoder<'a>);

impl Families<'_> {
    pub fn gauges<N>(
        &mut self,
        name: &str,
        help: &str,
        series: impl IntoIterator<Item = (Labels, N)>,
    ) -> fmt::Result
    where
        ConstGauge<N>: EncodeMetric,
    {
        let mut series = series.into_iter().peekable();
        if series.peek().is_none() {
            return Ok(());
        }
        let kind = prometheus_client::metrics::MetricType::Gauge;
        let mut family = self.0.encode_descriptor(name, help, None, kind)?;
        for (labels, value) in series {
            let gauge = ConstGauge::new(value);
            if labels.is_empty() {
                gauge.encode(family)?;
                break;
            }
            gauge.encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    pub fn gauge<N>(&mut self, name: &str, help: &str, value: N) -> fmt::Result
    where
        ConstGauge<N>: EncodeMetric,
    {
        self.gauges(name, help, [(Labels::new(), value)])
    }

    pub fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let kind = prometheus_client::metrics::MetricType::Counter;
        ConstCounter::new(value).encode(self.0.encode_descriptor(name, help, None, kind)?)
    }
}

impl Collector for Numbers {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut families = Families(encoder);
        let version = vec![("version", env!("CARGO_PKG_VERSION").to_owned())];
        families.gauges("provost_build_info", "The program", [(version, 1u64)])?;
        let served = self.0.current();
        families.gauge(
            "provost_ready",
            "Whether there are data to answer from",
            u64::from(served.is_some()),
        )?;
        if let Some(served) = &served {
            world(&mut families, served)?;
            trust_anchors(&mut families, served)?;
            repositories(&mut families, served)?;
        }
        if let Some(status) = self.0.rtr() {
            rtr_metrics::write(&mut families, &status)?;
        }
        exceptions::families(&mut families, &self.0)?;
        if self.0.routinator_metrics {
            routinator_metrics::families(&mut families, &self.0)?;
        }
        self.http(&mut families)
    }
}

fn world(families: &mut Families<'_>, served: &Served) -> fmt::Result {
    let (world, summary) = (served.world(), served.summary());
    families.gauges(
        "provost_world_info",
        "What the data are for",
        [(vec![("purpose", words::purpose(world.purpose).to_owned())], 1u64)],
    )?;
    families.gauge("provost_world_id", "The number of the world in use", world.id.0)?;
    families.gauge(
        "provost_world_timestamp_seconds",
        "When the world in use was validated",
        world.time.0,
    )?;
    families.gauge(
        "provost_validation_duration_seconds",
        "How long its validation took",
        world.validation_duration.as_secs_f64(),
    )?;
    if let Some(due) = served.due() {
        families.gauge(
            "provost_next_expiry_timestamp_seconds",
            "When the next item expires or becomes valid",
            due.0,
        )?;
    }
    let family = |name: &str| vec![("family", name.to_owned())];
    families.gauges(
        "provost_vrps",
        "Different VRPs in use",
        [(family("ipv4"), count(summary.vrps.ipv4)), (family("ipv6"), count(summary.vrps.ipv6))],
    )?;
    families.gauge("provost_aspas", "ASPA objects in use", count(summary.aspas))?;
    families.gauge("provost_router_keys", "Router keys in use", count(summary.router_keys))
}

fn trust_anchors(families: &mut Families<'_>, served: &Served) -> fmt::Result {
    let anchors: Vec<(&TrustAnchorRecord, &TrustAnchorSummary)> =
        served.world().trust_anchors.iter().zip(&served.summary().trust_anchors).collect();
    let named = |record: &TrustAnchorRecord| ("trust_anchor", record.name.clone());
    families.gauges(
        "provost_trust_anchor_up",
        "Whether the trust anchor is valid",
        anchors.iter().map(|(record, _)| {
            (vec![named(record)], u64::from(record.status == TrustAnchorStatus::Valid))
        }),
    )?;
    families.gauges(
        "provost_trust_anchor_fetched_timestamp_seconds",
        "When the trust anchor's certificate was fetched last",
        anchors
            .iter()
            .filter_map(|(record, _)| Some((vec![named(record)], record.fetch.last_success?.0))),
    )?;
    families.gauges(
        "provost_trust_anchor_vrps",
        "Different VRPs in use, by trust anchor",
        anchors.iter().flat_map(|(record, summary)| {
            [("ipv4", summary.vrps.ipv4), ("ipv6", summary.vrps.ipv6)].map(|(family, vrps)| {
                (vec![named(record), ("family", family.to_owned())], count(vrps))
            })
        }),
    )?;
    families.gauges(
        "provost_points",
        "Publication points, by which of their data are in use",
        anchors.iter().flat_map(|(record, summary)| {
            words::POINT_STATUSES.map(words::point_status).map(|status| {
                let points = summary.points.get(status).copied().unwrap_or(0);
                (vec![named(record), ("status", status.to_owned())], points)
            })
        }),
    )?;
    families.gauges(
        "provost_objects",
        "Valid objects, by type",
        anchors.iter().flat_map(|(record, summary)| {
            summary.objects.iter().map(|(kind, objects)| {
                (vec![named(record), ("type", kind.as_str().to_owned())], *objects)
            })
        }),
    )?;
    families.gauges(
        "provost_findings",
        "Rules that were found to be broken, by reason",
        anchors.iter().flat_map(|(record, summary)| {
            let left_out =
                (summary.findings_left_out > 0).then_some(("not-kept", summary.findings_left_out));
            let findings = summary.findings.iter().map(|(reason, n)| (reason.code(), *n));
            findings.chain(left_out).map(|(reason, findings)| {
                (vec![named(record), ("reason", reason.to_owned())], findings)
            })
        }),
    )
}

fn repositories(families: &mut Families<'_>, served: &Served) -> fmt::Result {
    families.gauges(
        "provost_repositories",
        "Repositories, by state",
        served.summary().repositories.iter().map(|(state, repositories)| {
            (vec![("state", words::repository_state(*state).to_owned())], count(*repositories))
        }),
    )?;
    let all = &served.world().repositories;
    let listed = || all.iter().take(MAX_REPOSITORY_SERIES);
    let named = |status: &RepositoryStatus| vec![("repository", status.id.to_string())];
    let since = |time: Option<Timestamp>| time.map(|time| time.0);
    families.gauge(
        "provost_repositories_without_series",
        "Repositories that are too many to have series of their own",
        count(all.len().saturating_sub(MAX_REPOSITORY_SERIES)),
    )?;
    families.gauges(
        "provost_repository_up",
        "Whether the last attempt succeeded",
        listed().map(|status| (named(status), u64::from(status.state == RepositoryState::Current))),
    )?;
    families.gauges(
        "provost_repository_updated_timestamp_seconds",
        "When the repository was last found or brought up to date",
        listed().filter_map(|status| Some((named(status), since(status.last_success)?))),
    )?;
    families.gauges(
        "provost_repository_attempt_duration_seconds",
        "How long the last attempt took",
        listed().filter_map(|status| Some((named(status), status.duration?.as_secs_f64()))),
    )?;
    families.gauges(
        "provost_repository_objects",
        "Objects in the repository",
        listed().map(|status| (named(status), status.objects)),
    )?;
    families.gauges(
        "provost_repository_serial",
        "The RRDP serial",
        listed().filter_map(|status| Some((named(status), status.serial?))),
    )
}

impl Numbers {
    fn http(&self, families: &mut Families<'_>) -> fmt::Result {
        let counters = &self.0.counters;
        families.counter(
            "provost_http_connections",
            "Connections that were accepted",
            counters.connections(),
        )?;
        families.gauge(
            "provost_http_open_connections",
            "Connections that are open",
            counters.open_connections(),
        )?;
        families.counter(
            "provost_http_accept_errors",
            "Connections that could not be accepted",
            counters.accept_errors(),
        )?;
        families.counter(
            "provost_http_panics",
            "Requests that met a defect of the program",
            counters.panics(),
        )?;
        let kind = prometheus_client::metrics::MetricType::Counter;
        let help = "Requests that were answered, by status code";
        let name = "provost_http_requests";
        let mut family = families.0.encode_descriptor(name, help, None, kind)?;
        for (code, answers) in counters.answers() {
            let labels = vec![("code", code.to_string())];
            ConstCounter::new(answers).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

pub(super) fn count(items: usize) -> u64 {
    u64::try_from(items).unwrap_or(u64::MAX)
}
