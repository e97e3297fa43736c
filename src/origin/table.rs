//! A whole table of routes in one pass over the index.

use std::net::IpAddr;

use super::{Cursor, Index, Validity};
use crate::model::{Prefix, Route};

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
/// Routes that do not ascend are judged in ascending order first: sorting costs less than what
/// the memory costs that a scattered search waits for.
pub fn judge_all(index: &Index, routes: &[Route]) -> Vec<Validity> {
    let mut pass = Pass::new(index);
    if routes.is_sorted_by_key(|route| route.prefix) {
        return routes.iter().map(|route| pass.judge(*route)).collect();
    }
    let mut order: Vec<(u64, u32)> =
        (0..u32::MAX).zip(routes).map(|(at, route)| (sort_key(route.prefix), at)).collect();
    order.sort_unstable();
    // A list of more than 4 billion routes would keep this value at its end; none fits memory.
    let mut results = vec![Validity::NotFound; routes.len()];
    for (_, at) in order {
        let at = at as usize;
        if let (Some(result), Some(route)) = (results.get_mut(at), routes.get(at)) {
            *result = pass.judge(*route);
        }
    }
    results
}

/// Returns a number that grows (not strictly) with the address, for both families at once.
fn sort_key(prefix: Prefix) -> u64 {
    match prefix.address() {
        IpAddr::V4(address) => u64::from(u32::from(address)),
        IpAddr::V6(address) => (u128::from(address) >> 64) as u64,
    }
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
