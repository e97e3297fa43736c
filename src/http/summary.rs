//! The numbers of a view that status and metrics both show, counted once.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::Family;
use crate::output::words;
use crate::validate::{ObjectKind, Reason};
use crate::world::{RepositoryState, View, World};

/// The numbers of a view.
#[derive(Clone, Debug, Default)]
pub(super) struct Summary {
    /// Different VRPs.
    pub vrps: Vrps,
    pub aspas: usize,
    pub router_keys: usize,
    /// One for each trust anchor, in the world's order.
    pub trust_anchors: Vec<TrustAnchorSummary>,
    /// One for each state, in the order in which states are listed.
    pub repositories: Vec<(RepositoryState, usize)>,
}

/// VRPs by address family.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Vrps {
    pub ipv4: usize,
    pub ipv6: usize,
}

/// The numbers of one trust anchor.
#[derive(Clone, Debug, Default)]
pub(super) struct TrustAnchorSummary {
    /// Different VRPs that at least one of its objects gives.
    pub vrps: Vrps,
    /// By the word for the status; every status is there.
    pub points: BTreeMap<&'static str, u64>,
    pub objects: BTreeMap<ObjectKind, u64>,
    pub findings: BTreeMap<Reason, u64>,
    /// Findings that were counted and not kept.
    pub findings_left_out: u64,
}

impl Vrps {
    fn add(&mut self, family: Family) {
        match family {
            Family::V4 => self.ipv4 += 1,
            Family::V6 => self.ipv6 += 1,
        }
    }
}

impl Summary {
    pub fn of(view: &View, world: &World) -> Summary {
        let mut summary = Summary {
            aspas: view.aspas().len(),
            router_keys: view.router_keys().len(),
            trust_anchors: world.trust_anchors.iter().map(|_| TrustAnchorSummary::new()).collect(),
            repositories: words::REPOSITORY_STATES
                .map(|state| {
                    let repositories = world.repositories.iter();
                    (state, repositories.filter(|status| status.state == state).count())
                })
                .to_vec(),
            ..Summary::default()
        };
        summary.count_vrps(view);
        for (record, anchor) in world.trust_anchors.iter().zip(&mut summary.trust_anchors) {
            for finding in &record.findings {
                *anchor.findings.entry(finding.reason).or_default() += 1;
            }
        }
        for point in &world.points {
            let anchor = summary.trust_anchors.get_mut(usize::from(point.trust_anchor));
            let Some(anchor) = anchor else { continue };
            *anchor.points.entry(words::point_status(point.status)).or_default() += 1;
            for (kind, count) in &point.counts {
                *anchor.objects.entry(*kind).or_default() += u64::from(*count);
            }
            for finding in &point.findings {
                *anchor.findings.entry(finding.reason).or_default() += 1;
            }
            anchor.findings_left_out += u64::from(point.findings_left_out);
        }
        summary
    }

    fn count_vrps(&mut self, view: &View) {
        for (position, vrp) in view.vrps().iter().enumerate() {
            let family = vrp.prefix.family();
            self.vrps.add(family);
            let mut sources = view.vrp_sources(position);
            let (first, second) = (sources.next(), sources.next());
            let Some(second) = second else {
                // Nearly every VRP; each view is counted before it is served.
                let anchor = first.and_then(|source| source.trust_anchor);
                let anchor = anchor.and_then(|at| self.trust_anchors.get_mut(usize::from(at)));
                anchor.into_iter().for_each(|anchor| anchor.vrps.add(family));
                continue;
            };
            let all = first.into_iter().chain([second]).chain(sources);
            let anchors: BTreeSet<u16> = all.filter_map(|source| source.trust_anchor).collect();
            for at in anchors {
                if let Some(anchor) = self.trust_anchors.get_mut(usize::from(at)) {
                    anchor.vrps.add(family);
                }
            }
        }
    }
}

impl TrustAnchorSummary {
    fn new() -> Self {
        let points = words::POINT_STATUSES.map(|status| (words::point_status(status), 0));
        TrustAnchorSummary { points: BTreeMap::from(points), ..TrustAnchorSummary::default() }
    }
}
