//! A whole table of routes in one pass over the index.

use super::{Cursor, Index, Validity};
use crate::model::Route;

/// Judges routes one after the other; fast where they ascend, right in any order.
#[derive(Clone, Debug)]
pub struct Pass<'a> {
    cursor: Cursor<'a>,
}

impl<'a> Pass<'a> {
    /// Begins a pass.
    pub fn new(index: &'a Index) -> Self {
        Pass { cursor: index.cursor() }
    }

    /// Judges the next route.
    pub fn judge(&mut self, route: Route) -> Validity {
        Validity::from_covering(self.cursor.covering(route.prefix), route)
    }
}

/// Judges every route; the results are in the order of `routes`.
///
/// Routes that do not ascend are looked up one by one: sorting them first costs more than it
/// saves (measured over 606,000 real IPv4 routes: 112 against 71 ns a route).
pub fn judge_all(index: &Index, routes: &[Route]) -> Vec<Validity> {
    if routes.is_sorted_by_key(|route| route.prefix) {
        let mut pass = Pass::new(index);
        return routes.iter().map(|route| pass.judge(*route)).collect();
    }
    routes.iter().map(|route| Validity::of(index, *route)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::index::tests::{any_prefix, any_vrps};
    use super::*;
    use crate::model::{Asn, Origin};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_table_equals_single_lookups(
            vrps in any_vrps(),
            routes in prop::collection::vec((any_prefix(), 0u32..4), 0..100),
            sorted: bool,
        ) {
            let index = Index::build(&vrps);
            let mut routes: Vec<Route> = routes
                .into_iter()
                .map(|(prefix, asn)| Route { prefix, origin: Origin::As(Asn(asn)) })
                .collect();
            if sorted {
                routes.sort_unstable();
            }
            let single: Vec<_> = routes.iter().map(|route| Validity::of(&index, *route)).collect();
            prop_assert_eq!(judge_all(&index, &routes), single);
        }
    }
}
