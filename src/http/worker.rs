//! What is known about the worker: crashes, sandbox, quarantine, how near each limit is.

use serde::Serialize;

use super::json::time;
use crate::model::Timestamp;

/// The worker as its own records tell, for `/v1/status` and `/metrics`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct WorkerReport {
    /// When it was started last.
    pub started: Option<Timestamp>,
    /// How much of its sandbox the kernel enforces: `full`, `partial` or `none`.
    pub sandbox: String,
    /// How many workers ended without saying goodbye.
    pub crashes: u64,
    /// When that was noticed last.
    pub last_crash: Option<Timestamp>,
    /// What is not touched for now, because workers died of it, each with the end of that.
    pub quarantined: Vec<(String, Timestamp)>,
    /// What has a limit, the largest seen since the start, and the limit.
    pub limits: Vec<(String, u64, u64)>,
}

/// How many units in quarantine, and limits, are listed: the worker writes them, and it reads what
/// strangers publish.
pub(super) const LISTED: usize = 100;

/// The worker in `/v1/status`.
#[derive(Debug, Serialize)]
pub(super) struct WorkerBody {
    started: Option<String>,
    sandbox: String,
    crashes: u64,
    last_crash: Option<String>,
    quarantined: Vec<QuarantinedBody>,
    limits: Vec<LimitBody>,
}

#[derive(Debug, Serialize)]
struct QuarantinedBody {
    unit: String,
    until: String,
}

#[derive(Debug, Serialize)]
struct LimitBody {
    limit: String,
    most: u64,
    allowed: u64,
}

impl WorkerBody {
    pub(super) fn of(report: &WorkerReport) -> Self {
        let quarantined = report.quarantined.iter().take(LISTED);
        let limits = report.limits.iter().take(LISTED);
        WorkerBody {
            started: report.started.map(time),
            sandbox: report.sandbox.clone(),
            crashes: report.crashes,
            last_crash: report.last_crash.map(time),
            quarantined: quarantined
                .map(|(unit, until)| QuarantinedBody { unit: unit.clone(), until: time(*until) })
                .collect(),
            limits: limits
                .map(|(limit, most, allowed)| LimitBody {
                    limit: limit.clone(),
                    most: *most,
                    allowed: *allowed,
                })
                .collect(),
        }
    }
}
