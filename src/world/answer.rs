//! An answer: a verdict that also says how far it can be trusted.

use std::time::Duration;

use super::freshness::{Age, Aged};
use super::{
    DataSource, Freshness, Gap, ItemSource, LocalEffect, PointRecord, Purpose, View, ViewSource,
    World,
};
use crate::model::{Prefix, Route, Timestamp};
use crate::origin::{Fit, Validity, Verdict};
use crate::validate::TrustAnchorStatus;

/// The answer to "is this route valid?"; never a bare state.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer {
    /// The route that was asked for.
    pub route: Route,
    /// The verdict; positions in it are positions in `View::vrps`.
    pub verdict: Verdict,
    /// How far it can be trusted.
    pub freshness: Freshness,
    /// When the oldest source that the answer rests on was last brought up to date.
    ///
    /// `None` if that is not known.
    pub as_of: Option<Timestamp>,
    /// What the operator's exceptions did to it; `None` if they had no part in it.
    pub local: Option<LocalEffect>,
}

impl View {
    /// Answers for `route` at `now`; data older than `max_age` count as stale.
    ///
    /// Source: RFC 6811, section 2, for the verdict; the freshness is ours.
    pub fn answer(&self, route: Route, now: Timestamp, max_age: Duration) -> Answer {
        let verdict = Verdict::of(&self.index, self.vrps(), route);
        let age = self.age(&verdict, now);
        let known = age.map(|age| age.time).filter(|time| *time != Timestamp::MIN);
        let freshness = match age {
            None => Freshness::NoData,
            Some(age) => self
                .gap(&verdict, route.prefix)
                .map(Freshness::Incomplete)
                .or_else(|| self.stale(age, now, max_age))
                .unwrap_or(Freshness::Fresh),
        };
        let local = self.local_effect(route, &verdict);
        Answer { route, verdict, freshness, as_of: known, local }
    }

    /// Returns the age of the oldest data that the verdict rests on; `None` if there are none.
    ///
    /// A valid route rests on its best match. An invalid one rests on every VRP that covers it,
    /// and one that is not found on every trust anchor: a newer state of each could match it.
    fn age(&self, verdict: &Verdict, now: Timestamp) -> Option<Age> {
        let Some(world) = &self.world else {
            let ViewSource::File { generated, .. } = self.source else { return None };
            let time = generated.unwrap_or(Timestamp::MIN);
            return self.had_vrps.then_some(Age { time, of: Aged::File });
        };
        let newest_of = |position: usize| {
            let sources = self.vrp_sources(position);
            sources.filter_map(|source| self.source_age(world, source, now)).max()
        };
        let covering = verdict.covering.iter();
        match verdict.validity {
            Validity::Valid => covering
                .filter(|covering| covering.fit == Fit::Matched)
                .filter_map(|covering| newest_of(covering.position))
                .max(),
            Validity::Invalid(_) => {
                covering.filter_map(|covering| newest_of(covering.position)).min()
            }
            Validity::NotFound => self.oldest_anchor,
        }
    }

    fn source_age(&self, world: &World, source: ItemSource, now: Timestamp) -> Option<Age> {
        if source.exception.is_some() {
            // What the operator says holds now.
            return Some(Age { time: now, of: Aged::Exception });
        }
        let object = world.objects.get(source.object? as usize)?;
        self.chains.get(object.point as usize).map(|chain| chain.age)
    }

    fn stale(&self, age: Age, now: Timestamp, max_age: Duration) -> Option<Freshness> {
        // What an archive says does not age.
        let now = match self.source {
            ViewSource::World { purpose: Purpose::Archive { at }, .. } => at,
            _ => now,
        };
        let known = age.time != Timestamp::MIN;
        let elapsed = now.since(age.time);
        (!known || elapsed > max_age).then(|| Freshness::Stale {
            source: self.data_source(age.of),
            age: known.then_some(elapsed),
        })
    }

    fn data_source(&self, of: Aged) -> DataSource {
        match (of, &self.source, &self.world) {
            (Aged::Repository(index), _, Some(world)) => {
                let repository = world.repositories.get(index as usize);
                DataSource::Repository(repository.map(|r| r.id.to_string()).unwrap_or_default())
            }
            (Aged::TrustAnchor(index), _, _) => {
                let name = self.trust_anchors.get(usize::from(index));
                DataSource::TrustAnchor(name.cloned().unwrap_or_default())
            }
            (_, ViewSource::File { name, .. }, _) => DataSource::File(name.clone()),
            _ => DataSource::File(String::new()),
        }
    }

    /// Returns what is missing that could cover a route that is not found.
    fn gap(&self, verdict: &Verdict, prefix: Prefix) -> Option<Gap> {
        let world = self.world.as_ref()?;
        if verdict.validity != Validity::NotFound {
            return None;
        }
        let (points, together) = &self.unproven;
        if together.contains_prefix(prefix) {
            // The last one is the deepest: children come after parents.
            let point = points
                .iter()
                .rev()
                .filter_map(|index| world.points.get(*index as usize))
                .find(|point| point.unproven.contains_prefix(prefix));
            if let Some(point) = point {
                return Some(self.point_gap(point));
            }
        }
        let missing =
            world.trust_anchors.iter().find(|ta| ta.status != TrustAnchorStatus::Valid)?;
        Some(Gap::TrustAnchor {
            name: missing.name.clone(),
            status: missing.status,
            why: missing
                .findings
                .first()
                .map(|finding| finding.detail.clone())
                .or_else(|| missing.fetch.error.clone()),
        })
    }

    fn point_gap(&self, point: &PointRecord) -> Gap {
        let name = self.trust_anchors.get(usize::from(point.trust_anchor));
        Gap::Point {
            id: point.id,
            manifest: point.manifest_uri.clone(),
            trust_anchor: name.cloned().unwrap_or_default(),
            status: point.status,
            broken: point.findings.first().map(|finding| (finding.object.clone(), finding.reason)),
            why: point.findings.first().map(|finding| finding.detail.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::fixture::{NOW, finding, hours, world};
    use super::*;
    use crate::model::{Asn, Origin, ResourceSet};
    use crate::payload::VrpFile;
    use crate::validate::PointStatus;

    const MAX_AGE: Duration = Duration::from_secs(7200);

    fn route(prefix: &str, asn: u32) -> Route {
        Route { prefix: prefix.parse().unwrap(), origin: Origin::As(Asn(asn)) }
    }

    fn answer(world: World, prefix: &str, asn: u32) -> Answer {
        View::of_world(Arc::new(world), NOW).answer(route(prefix, asn), NOW, MAX_AGE)
    }

    fn stale_repository(name: &str) -> DataSource {
        DataSource::Repository(format!("https://{name}.example/notify.xml"))
    }

    #[test]
    fn an_answer_is_as_fresh_as_its_chain() {
        let fresh = answer(world(), "192.0.2.0/24", 64496);
        assert_eq!(fresh.verdict.validity, Validity::Valid);
        assert_eq!(fresh.freshness, Freshness::Fresh);
        // The repository of `right` has failed for 25 hours; nothing else rests on it.
        let stale = answer(world(), "198.51.100.0/24", 64497);
        assert_eq!(stale.verdict.validity, Validity::Valid);
        let age = Some(Duration::from_secs(90_000));
        assert_eq!(stale.freshness, Freshness::Stale { source: stale_repository("right"), age });
        assert_eq!(stale.as_of, Some(Timestamp(NOW.0 - 90_000)));
        let view = View::of_world(Arc::new(world()), NOW);
        let patient = view.answer(stale.route, NOW, Duration::from_secs(90_000));
        assert_eq!(patient.freshness, Freshness::Fresh, "exactly the maximal age is not above it");
    }

    #[test]
    fn an_old_ancestor_makes_the_answer_stale() {
        let mut world = world();
        world.repositories[0].last_success = Some(NOW.minus(2 * MAX_AGE));
        let found = answer(world.clone(), "2001:db8::/32", 64496).freshness;
        let age = Some(2 * MAX_AGE);
        assert_eq!(found, Freshness::Stale { source: stale_repository("alpha"), age });
        world.trust_anchors[0].fetch.last_success = Some(NOW.minus(3 * MAX_AGE));
        let found = answer(world, "2001:db8::/32", 64496).freshness;
        let source = DataSource::TrustAnchor("alpha".to_owned());
        assert_eq!(found, Freshness::Stale { source, age: Some(3 * MAX_AGE) });
    }

    #[test]
    fn one_fresh_source_of_a_match_is_enough() {
        let mut world = world();
        world.repositories[1].last_success = Some(NOW.minus(2 * MAX_AGE));
        // `left` is old, but `beta` says the same.
        assert_eq!(answer(world.clone(), "192.0.2.0/24", 64496).freshness, Freshness::Fresh);
        world.repositories[4].last_success = Some(NOW.minus(2 * MAX_AGE));
        let found = answer(world, "192.0.2.0/24", 64496).freshness;
        assert!(matches!(found, Freshness::Stale { .. }), "{found:?}");
    }

    #[test]
    fn an_invalid_route_rests_on_everything_that_covers_it() {
        let mut world = world();
        world.repositories[2].last_success = Some(NOW.minus(2 * MAX_AGE));
        let found = answer(world, "192.0.2.128/25", 64499);
        assert!(matches!(found.verdict.validity, Validity::Invalid(_)));
        let age = Some(2 * MAX_AGE);
        assert_eq!(found.freshness, Freshness::Stale { source: stale_repository("leaf"), age });
    }

    #[test]
    fn not_found_rests_on_every_trust_anchor() {
        let mut world = world();
        assert_eq!(answer(world.clone(), "10.0.0.0/8", 1).freshness, Freshness::Fresh);
        world.repositories[4].last_success = Some(NOW.minus(2 * MAX_AGE));
        let found = answer(world, "10.0.0.0/8", 1);
        assert_eq!(found.verdict.validity, Validity::NotFound);
        let age = Some(2 * MAX_AGE);
        assert_eq!(found.freshness, Freshness::Stale { source: stale_repository("beta"), age });
    }

    #[test]
    fn a_dead_worker_makes_everything_stale() {
        let view = View::of_world(Arc::new(world()), hours(3));
        for (prefix, asn) in [("192.0.2.0/24", 64496), ("192.0.2.0/24", 1), ("10.0.0.0/8", 1)] {
            let found = view.answer(route(prefix, asn), hours(3), MAX_AGE).freshness;
            assert!(matches!(found, Freshness::Stale { .. }), "{prefix} AS{asn}: {found:?}");
        }
    }

    fn with_failed_points() -> World {
        let mut world = world();
        let addresses = |text: &str| ResourceSet::from_prefixes([text.parse().unwrap()]);
        world.points[1].status = PointStatus::LastGood;
        world.points[1].unproven = addresses("198.51.0.0/16");
        world.points[1].findings.clear();
        world.points[2].status = PointStatus::Failed;
        world.points[2].unproven = addresses("198.51.7.0/24");
        world.points[2].findings = vec![finding("stale since Monday")];
        world
    }

    #[test]
    fn not_found_inside_what_is_missing_is_incomplete_and_names_it() {
        let world = with_failed_points();
        let found = answer(world.clone(), "198.51.7.0/25", 1).freshness;
        let expected = Gap::Point {
            id: world.points[2].id,
            manifest: world.points[2].manifest_uri.clone(),
            trust_anchor: "alpha".to_owned(),
            status: PointStatus::Failed,
            broken: world.points[2].findings.first().map(|f| (f.object.clone(), f.reason)),
            why: Some("stale since Monday".to_owned()),
        };
        assert_eq!(found, Freshness::Incomplete(expected));
        let found = answer(world.clone(), "198.51.8.0/24", 1).freshness;
        let Freshness::Incomplete(Gap::Point { id, why: None, .. }) = found else {
            panic!("{found:?}")
        };
        assert_eq!(id, world.points[1].id);
        // A ROA of the point could not cover more than the point's resources.
        assert_eq!(answer(world.clone(), "198.50.0.0/15", 1).freshness, Freshness::Fresh);
        // What a VRP covers is not unknown.
        let found = answer(world, "198.51.100.0/22", 64497).freshness;
        assert!(matches!(found, Freshness::Stale { .. }), "{found:?}");
    }

    #[test]
    fn k02_a_missing_trust_anchor_leaves_not_found_incomplete() {
        let mut world = world();
        world.trust_anchors[1].status = TrustAnchorStatus::Missing;
        world.trust_anchors[1].fetch.error = Some("connection refused".to_owned());
        let expected = Gap::TrustAnchor {
            name: "beta".to_owned(),
            status: TrustAnchorStatus::Missing,
            why: Some("connection refused".to_owned()),
        };
        let found = answer(world.clone(), "10.0.0.0/8", 1).freshness;
        assert_eq!(found, Freshness::Incomplete(expected));
        assert_eq!(answer(world.clone(), "192.0.2.0/24", 64496).freshness, Freshness::Fresh);
        world.trust_anchors[0].status = TrustAnchorStatus::Rejected;
        world.points.clear();
        world.objects.clear();
        world.vrps.edit(|rows| rows.clear());
        assert_eq!(answer(world, "10.0.0.0/8", 1).freshness, Freshness::NoData);
    }

    #[test]
    fn an_archive_does_not_age() {
        let archive = World { purpose: Purpose::Archive { at: NOW }, ..world() };
        let view = View::of_world(Arc::new(archive), hours(10_000));
        let found = view.answer(route("192.0.2.0/24", 64496), hours(10_000), MAX_AGE);
        assert_eq!(found.freshness, Freshness::Fresh);
    }

    #[test]
    fn a_vrp_file_is_as_old_as_it_says() {
        let ask = |json: &str| {
            let file = VrpFile::parse(json.as_bytes()).unwrap();
            let view = View::of_vrp_file(file, "x.json", None);
            view.answer(route("192.0.2.0/24", 1), NOW, MAX_AGE)
        };
        let roas = r#""roas": [{ "asn": 1, "prefix": "192.0.2.0/24" }]"#;
        let source = DataSource::File("x.json".to_owned());
        let old = format!(r#"{{ "metadata": {{ "generated": {} }}, {roas} }}"#, NOW.0 - 7201);
        let age = Some(Duration::from_secs(7201));
        assert_eq!(ask(&old).freshness, Freshness::Stale { source: source.clone(), age });
        let new = format!(r#"{{ "metadata": {{ "generated": {} }}, {roas} }}"#, NOW.0 - 7200);
        assert_eq!(ask(&new).freshness, Freshness::Fresh);
        let timeless = ask(&format!("{{ {roas} }}"));
        assert_eq!(timeless.freshness, Freshness::Stale { source, age: None });
        assert_eq!(timeless.as_of, None);
        // rpki-client writes such a file when no trust anchor could be fetched.
        assert_eq!(ask(r#"{ "roas": [] }"#).freshness, Freshness::NoData);
    }
}
