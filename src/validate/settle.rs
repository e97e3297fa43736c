//! What can be decided only when every point is known: caps on payload, and unsafe VRPs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::finding::Rejection;
use super::{
    Payload, PayloadObject, PointOutcome, PointStatus, Policy, Reason, TrustAnchorOutcome,
    UnsafeVrps,
};
use crate::model::{Asn, ResourceSet, Vrp};

/// Leaves out the payload that the policy does not want; `points` are in the order of the walk.
///
/// A function of what was found alone, so that two runs agree on what is left out. What is remembered
/// of a point is its outcome before this.
pub(super) fn settle(
    trust_anchors: &mut [TrustAnchorOutcome],
    points: &mut [Arc<PointOutcome>],
    policy: &Policy,
) {
    settle_unsafe(points, policy.unsafe_vrps);
    cap_vrps(trust_anchors, points, policy.max_vrps_per_trust_anchor);
    cap_providers(points, policy.max_providers_per_customer);
}

fn vrp_count(object: &PayloadObject) -> usize {
    match &object.payload {
        Payload::Roa(vrps) => vrps.len(),
        _ => 0,
    }
}

/// Leaves out the VRPs of the points that would lead their trust anchor above `limit`.
fn cap_vrps(
    trust_anchors: &mut [TrustAnchorOutcome],
    points: &mut [Arc<PointOutcome>],
    limit: usize,
) {
    for (index, outcome) in trust_anchors.iter_mut().enumerate() {
        let (mut count, mut left_out) = (0usize, 0usize);
        for point in points.iter_mut().filter(|point| point.trust_anchor == index) {
            let vrps: usize = point.objects.iter().map(|object| vrp_count(object)).sum();
            if count.saturating_add(vrps) <= limit {
                count = count.saturating_add(vrps);
            } else {
                left_out = left_out.saturating_add(1);
                let point = Arc::make_mut(point);
                point.objects.retain(|object| !matches!(object.payload, Payload::Roa(_)));
            }
        }
        if left_out > 0 {
            let detail = format!("the VRPs of {left_out} CAs beyond the limit of {limit}");
            let rejection = Rejection::new(Reason::TrustAnchorTooManyVrps, detail);
            outcome.findings.push(rejection.into_finding(&outcome.name, None));
        }
    }
}

/// Leaves out all ASPAs of customers with more than `limit` providers, under all trust anchors.
fn cap_providers(points: &mut [Arc<PointOutcome>], limit: usize) {
    let mut sums: BTreeMap<Asn, usize> = BTreeMap::new();
    let aspas = |points: &[Arc<PointOutcome>]| -> Vec<crate::model::Aspa> {
        let objects = points.iter().flat_map(|point| &point.objects);
        let aspas = objects.filter_map(|object| match &object.payload {
            Payload::Aspa(aspa) => Some(aspa.clone()),
            _ => None,
        });
        aspas.collect()
    };
    let all = aspas(points);
    for aspa in &all {
        let sum = sums.entry(aspa.customer).or_default();
        *sum = sum.saturating_add(aspa.providers.len());
    }
    // The union is made only where the sum is too large.
    sums.retain(|customer, sum| {
        let of_customer = all.iter().filter(|aspa| aspa.customer == *customer);
        *sum > limit && {
            let union: BTreeSet<Asn> = of_customer.flat_map(|a| a.providers.clone()).collect();
            *sum = union.len();
            *sum > limit
        }
    });
    if sums.is_empty() {
        return;
    }
    for point in points {
        let is_capped = |object: &Arc<PayloadObject>| match &object.payload {
            Payload::Aspa(aspa) => sums.contains_key(&aspa.customer),
            _ => false,
        };
        if !point.objects.iter().any(is_capped) {
            continue;
        }
        let point = Arc::make_mut(point);
        let mut found = Vec::new();
        point.objects.retain(|object| match &object.payload {
            Payload::Aspa(aspa) => match sums.get(&aspa.customer) {
                Some(count) => {
                    let detail = format!("{count} providers of {}, not {limit}", aspa.customer);
                    let rejection = Rejection::new(Reason::AspaTooManyProviders, detail);
                    found.push(rejection.into_finding(object.uri.as_str(), Some(object.hash)));
                    false
                }
                None => true,
            },
            _ => true,
        });
        add_findings(point, found);
    }
}

/// Names or leaves out the VRPs that overlap the resources of points without valid data.
fn settle_unsafe(points: &mut [Arc<PointOutcome>], policy: UnsafeVrps) {
    if policy == UnsafeVrps::Accept {
        return;
    }
    let failed = || points.iter().filter(|point| point.status == PointStatus::Failed);
    let rejected = ResourceSet::new(
        failed().flat_map(|point| point.resources.v4().iter().copied()),
        failed().flat_map(|point| point.resources.v6().iter().copied()),
        [],
    );
    if rejected.is_empty() {
        return;
    }
    let is_unsafe = |vrp: &Vrp| rejected.intersects_prefix(vrp.prefix);
    for point in points {
        let is_touched = |object: &Arc<PayloadObject>| match &object.payload {
            Payload::Roa(vrps) => vrps.iter().any(is_unsafe),
            _ => false,
        };
        if !point.objects.iter().any(is_touched) {
            continue;
        }
        let point = Arc::make_mut(point);
        let mut found = Vec::new();
        for object in point.objects.iter_mut().filter(|object| is_touched(object)) {
            let Payload::Roa(vrps) = &object.payload else { continue };
            let Some(first) = vrps.iter().find(|vrp| is_unsafe(vrp)) else { continue };
            let count = vrps.iter().filter(|vrp| is_unsafe(vrp)).count();
            let prefix = ResourceSet::from_prefixes([first.prefix]);
            let detail = format!(
                "{count} of {} VRPs; {first} overlaps {} of a CA without valid data",
                vrps.len(),
                rejected.intersection(&prefix),
            );
            let rejection = Rejection::new(Reason::RoaUnsafeVrps, detail);
            found.push(rejection.into_finding(object.uri.as_str(), Some(object.hash)));
            if policy == UnsafeVrps::Reject
                && let Payload::Roa(vrps) = &mut Arc::make_mut(object).payload
            {
                vrps.retain(|vrp| !is_unsafe(vrp));
            }
        }
        point.objects.retain(|object| match &object.payload {
            Payload::Roa(vrps) => !vrps.is_empty(),
            _ => true,
        });
        add_findings(point, found);
    }
}

/// Adds findings, and keeps the worst first.
fn add_findings(point: &mut PointOutcome, found: Vec<super::Finding>) {
    if !found.is_empty() {
        point.findings.extend(found);
        point.findings.sort_by_key(|finding| finding.reason.effect());
    }
}
