//! Where the operator's exceptions change a view: filters first, then assertions.
//!
//! Source: RFC 8416, sections 3.3, 3.4 and 4.1. The world and what is kept of it never change.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Item, ItemSource, View};
use crate::model::{Aspa, Route, RouterKey, Vrp};
use crate::origin::{Index, Validity, Verdict};
use crate::payload::{Exceptions, Rule, RuleId};

/// The exceptions of a view, and what their filters took out of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Local {
    exceptions: Arc<Exceptions>,
    filtered: Vec<FilteredVrp>,
    /// The VRPs of `filtered`, and their index: their positions are the same.
    vrps: Vec<Vrp>,
    index: Index,
    filtered_aspas: Vec<(Item<Aspa>, RuleId)>,
    filtered_router_keys: Vec<(Item<RouterKey>, RuleId)>,
}

/// A VRP that a filter took out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FilteredVrp {
    /// The VRP.
    pub vrp: Vrp,
    /// Where it came from.
    pub sources: Vec<ItemSource>,
    /// The filter.
    pub rule: RuleId,
}

/// What the operator's exceptions did to one answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LocalEffect {
    /// The verdict without them.
    pub without: Validity,
    /// The covering VRPs that filters took out.
    pub filtered: Vec<(Vrp, RuleId)>,
    /// The covering VRPs that assertions give.
    pub asserted: Vec<(Vrp, RuleId)>,
}

impl View {
    /// Applies `exceptions`, once: what a filter matches is gone, and then what is asserted comes.
    ///
    /// Filters take out nothing that an assertion gives (RFC 8416, section 4.1).
    pub fn except(mut self, exceptions: &Arc<Exceptions>) -> View {
        if exceptions.is_empty() {
            return self;
        }
        let mut local = Local { exceptions: Arc::clone(exceptions), ..Local::default() };
        self.except_vrps(&mut local);
        let aspas = std::mem::take(&mut self.aspas);
        self.aspas =
            sift(aspas, &mut local.filtered_aspas, |aspa| exceptions.filter_of_aspa(aspa.customer));
        self.aspas.extend(exceptions.aspas().iter().map(|(aspa, rule)| asserted(aspa, *rule)));
        self.aspas.sort_by(|left, right| left.payload.cmp(&right.payload));
        let keys = std::mem::take(&mut self.router_keys);
        self.router_keys =
            sift(keys, &mut local.filtered_router_keys, |key| exceptions.filter_of_router_key(key));
        let keys = exceptions.router_keys().iter();
        self.router_keys.extend(keys.map(|(key, rule)| asserted(key, *rule)));
        self.router_keys.sort_by(|left, right| left.payload.cmp(&right.payload));
        self.local = local;
        self
    }

    fn except_vrps(&mut self, local: &mut Local) {
        let exceptions = Arc::clone(&local.exceptions);
        for (position, vrp) in self.vrps().iter().enumerate() {
            if let Some(rule) = exceptions.filter_of_vrp(vrp) {
                let sources = self.vrp_sources(position).collect();
                local.filtered.push(FilteredVrp { vrp: *vrp, sources, rule });
                local.vrps.push(*vrp);
            }
        }
        local.index = Index::build(&local.vrps);
        let is_kept = |vrp: &Vrp| local.vrps.binary_search(vrp).is_err();
        let added = exceptions.vrps().iter();
        self.set_vrps(is_kept, added.map(|(vrp, rule)| (*vrp, ItemSource::exception(*rule))));
    }

    /// Returns the exceptions that were applied.
    pub fn exceptions(&self) -> &Exceptions {
        &self.local.exceptions
    }

    /// Returns the rule that a source names.
    pub fn exception(&self, source: ItemSource) -> Option<&Rule> {
        self.local.exceptions.get(source.exception?)
    }

    /// Returns the VRPs that filters took out, sorted.
    pub fn filtered_vrps(&self) -> &[FilteredVrp] {
        &self.local.filtered
    }

    /// Returns the ASPAs that filters took out.
    pub fn filtered_aspas(&self) -> &[(Item<Aspa>, RuleId)] {
        &self.local.filtered_aspas
    }

    /// Returns the router keys that filters took out.
    pub fn filtered_router_keys(&self) -> &[(Item<RouterKey>, RuleId)] {
        &self.local.filtered_router_keys
    }

    /// Returns what exceptions did to the verdict on `route`; `None` if they had no part in it.
    pub(super) fn local_effect(&self, route: Route, verdict: &Verdict) -> Option<LocalEffect> {
        let local = &self.local;
        if local.exceptions.is_empty() {
            return None;
        }
        let mut without = BTreeSet::new();
        let mut asserted = Vec::new();
        for covering in &verdict.covering {
            let mut sources = self.vrp_sources(covering.position);
            asserted.extend(sources.clone().filter_map(|s| Some((covering.vrp, s.exception?))));
            if sources.any(|source| source.exception.is_none()) {
                without.insert(covering.vrp);
            }
        }
        let positions = local.index.covering(route.prefix).flat_map(|cover| cover.positions);
        let filtered: Vec<(Vrp, RuleId)> = positions
            .filter_map(|position| local.filtered.get(position))
            .map(|filtered| (filtered.vrp, filtered.rule))
            .collect();
        if filtered.is_empty() && asserted.is_empty() {
            return None;
        }
        without.extend(filtered.iter().map(|(vrp, _)| *vrp));
        let without: Vec<Vrp> = without.into_iter().collect();
        let without = Validity::of(&Index::build(&without), route);
        Some(LocalEffect { without, filtered, asserted })
    }
}

impl ItemSource {
    /// Makes the source of what an assertion gives: it never expires.
    fn exception(rule: RuleId) -> Self {
        ItemSource { trust_anchor: None, object: None, exception: Some(rule), expires: None }
    }
}

fn asserted<T: Clone>(payload: &T, rule: RuleId) -> Item<T> {
    Item { payload: payload.clone(), source: ItemSource::exception(rule) }
}

/// Returns what no filter takes out; the rest goes to `filtered`.
fn sift<T>(
    items: Vec<Item<T>>,
    filtered: &mut Vec<(Item<T>, RuleId)>,
    filter: impl Fn(&T) -> Option<RuleId>,
) -> Vec<Item<T>> {
    let keep = |item: Item<T>| match filter(&item.payload) {
        None => Some(item),
        Some(rule) => {
            filtered.push((item, rule));
            None
        }
    };
    items.into_iter().filter_map(keep).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::fixture::{NOW, world};
    use super::super::{Freshness, World};
    use super::*;
    use crate::model::{Asn, Origin, Timestamp};
    use crate::origin::InvalidReason;
    use crate::payload::SlurmFile;
    use crate::validate::TrustAnchorStatus;

    pub(in crate::world) fn exceptions(prefix_filters: &str, assertions: &str) -> Arc<Exceptions> {
        let text = format!(
            r#"{{ "slurmVersion": 2,
            "validationOutputFilters": {{ "prefixFilters": [{prefix_filters}],
              "bgpsecFilters": [ {{ "asn": 64497 }} ], "aspaFilters": [ {{ "customerAsn": 64496 }} ] }},
            "locallyAddedAssertions": {{ "prefixAssertions": [{assertions}],
              "bgpsecAssertions": [],
              "aspaAssertions": [ {{ "customerAsn": 64496, "providerAsns": [64511] }} ] }} }}"#
        );
        let file = SlurmFile::parse(text.as_bytes()).unwrap();
        Arc::new(Exceptions::new(vec![("local.json".to_owned(), file)]).unwrap())
    }

    fn view(world: World, exceptions: &Arc<Exceptions>) -> View {
        View::of_world(Arc::new(world), NOW).except(exceptions)
    }

    fn texts(view: &View) -> Vec<String> {
        view.vrps().iter().map(Vrp::to_string).collect()
    }

    fn route(prefix: &str, asn: u32) -> Route {
        Route { prefix: prefix.parse().unwrap(), origin: Origin::As(Asn(asn)) }
    }

    const MAX_AGE: Duration = Duration::from_secs(7200);

    const OURS: &str = r#"{ "asn": 64500, "prefix": "198.51.100.0/24", "comment": "ours" }"#;
    const WHOLE: &str = r#"{ "prefix": "192.0.2.0/24", "comment": "attacked" }"#;

    #[test]
    fn filters_take_out_and_then_assertions_come() {
        let both = format!(r#"{OURS}, {{ "asn": 64496, "prefix": "192.0.2.0/24" }}"#);
        let view = view(world(), &exceptions(WHOLE, &both));
        assert_eq!(
            texts(&view),
            [
                // The filter does not take out what the operator asserts.
                "192.0.2.0/24-24 AS64496",
                "198.51.100.0/22-24 AS64497",
                "198.51.100.0/24-24 AS64500",
                "203.0.113.0/24-24 AS64499",
                "2001:db8::/32-48 AS64496",
            ]
        );
        assert!(view.object_uri(view.vrp_sources(0).next().unwrap()).is_none());
        let rule = view.exception(view.vrp_sources(0).next().unwrap()).unwrap();
        assert_eq!(rule.kind.to_string(), "assertion 192.0.2.0/24 up to /24 AS64496");
        let filtered: Vec<_> = view.filtered_vrps().iter().map(|f| f.vrp.to_string()).collect();
        assert_eq!(filtered, ["192.0.2.0/24-24 AS64496", "192.0.2.128/25-25 AS0"]);
        assert_eq!(view.filtered_vrps()[0].sources.len(), 2);
        assert!(view.router_keys().is_empty());
        assert_eq!(view.filtered_router_keys().len(), 1);
        let providers: Vec<_> = view.aspas().iter().map(|a| &a.payload.providers).collect();
        assert_eq!(providers, [&vec![Asn(64511)]]);
        assert_eq!(view.filtered_aspas().len(), 1);
    }

    #[test]
    fn no_exceptions_change_nothing() {
        let plain = View::of_world(Arc::new(world()), NOW);
        let same = view(world(), &Arc::default());
        assert_eq!(same.vrps(), plain.vrps());
        assert_eq!(same.answer(route("192.0.2.0/24", 1), NOW, MAX_AGE).local, None);
    }

    #[test]
    fn an_answer_says_which_exceptions_changed_it_and_what_it_would_be() {
        let view = view(world(), &exceptions(WHOLE, OURS));
        let answer = |prefix, asn| view.answer(route(prefix, asn), NOW, MAX_AGE);

        let gone = answer("192.0.2.0/24", 64496);
        assert_eq!(gone.verdict.validity, Validity::NotFound);
        let local = gone.local.unwrap();
        assert_eq!((local.without, local.filtered.len()), (Validity::Valid, 1));

        let new = answer("198.51.100.0/24", 64500);
        assert_eq!((new.verdict.validity, &new.freshness), (Validity::Valid, &Freshness::Fresh));
        assert_eq!(new.as_of, Some(NOW), "an exception does not age");
        let local = new.local.unwrap();
        assert_eq!(local.without, Validity::Invalid(InvalidReason::OriginAs));
        let rule = view.exceptions().get(local.asserted[0].1).unwrap();
        assert_eq!((&*rule.file, rule.comment.as_deref()), ("local.json", Some("ours")));

        // Exceptions that are elsewhere are not named.
        assert_eq!(answer("203.0.113.0/24", 64499).local, None);
    }

    #[test]
    fn assertions_alone_are_no_data_to_say_unknown_from() {
        let mut empty = world();
        for anchor in &mut empty.trust_anchors {
            anchor.status = TrustAnchorStatus::Missing;
        }
        empty.vrps.edit(|rows| rows.clear());
        empty.objects.clear();
        empty.points.clear();
        empty.aspas.clear();
        empty.router_keys.clear();
        let view = view(empty, &exceptions("", OURS));
        assert!(!view.has_data());
        let answer = view.answer(route("10.0.0.0/8", 1), NOW, MAX_AGE);
        assert_eq!(answer.freshness, Freshness::NoData);
    }

    #[test]
    fn expiry_goes_on_beneath_exceptions() {
        let last = super::super::fixture::hours(24);
        let gone = Timestamp(last.0 + 1);
        let view = View::of_world(Arc::new(world()), gone).except(&exceptions(WHOLE, OURS));
        assert_eq!(texts(&view), ["198.51.100.0/24-24 AS64500"]);
        assert!(view.filtered_vrps().is_empty());
    }

    #[test]
    fn every_payload_format_takes_what_is_left_and_names_the_exception() {
        use crate::output::{Format, Selection};
        let view = view(world(), &exceptions(WHOLE, OURS));
        let text = |format: Format| {
            let mut bytes = Vec::new();
            format.write(&view, &Selection::default(), &mut bytes).unwrap();
            String::from_utf8(bytes).unwrap()
        };
        let csv = text(Format::Csv);
        assert!(csv.contains("AS64500,198.51.100.0/24,24,N/A"), "{csv}");
        assert!(!csv.contains("192.0.2."), "{csv}");
        let json = text(Format::JsonExt);
        let shown =
            r#""source": [ { "type": "exception", "path": "local.json", "comment": "ours" }"#;
        assert!(json.contains(shown), "{json}");
    }
}
