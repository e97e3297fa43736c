//! Pages of a sorted list: a cursor names the last item that was given, so that a page goes on
//! where the one before ended even when the list has changed in between.

use std::fmt::Display;
use std::str::FromStr;

use crate::http::limits::{DEFAULT_PAGE, MAX_PAGE};
use crate::http::problem::Problem;
use crate::http::query::Parameters;

/// Which page of a list is asked for.
pub(super) struct Page<K> {
    pub limit: usize,
    /// The last item of the page before: how many items with the same key came before it, and
    /// its key.
    after: Option<(usize, K)>,
}

impl<K> Page<K> {
    /// Reads `limit` and `cursor`; `key` reads the part of a cursor behind the colon.
    pub fn read(
        parameters: &Parameters,
        key: impl FnOnce(&str) -> Option<K>,
    ) -> Result<Self, Problem> {
        let limit = parameters.count("limit")?.unwrap_or(DEFAULT_PAGE);
        if !(1..=MAX_PAGE).contains(&limit) {
            return Err(Problem::parameter(format!("parameter limit is not 1 to {MAX_PAGE}")));
        }
        let after = match parameters.get("cursor") {
            None => None,
            Some(text) => Some(read(text, key).ok_or_else(|| {
                Problem::parameter("parameter cursor is none that was given out")
                    .hint("take next_cursor of the page before as it is, or leave it out")
            })?),
        };
        Ok(Page { limit, after })
    }

    /// Returns where the page begins in `list`, which is sorted by `key`.
    pub fn start<T>(&self, list: &[T], key: impl Fn(&T) -> K) -> usize
    where
        K: Ord,
    {
        let Some((before, last)) = &self.after else { return 0 };
        let first = list.partition_point(|item| key(item) < *last);
        let end = list.partition_point(|item| key(item) <= *last);
        first.saturating_add(*before).saturating_add(1).min(end)
    }
}

fn read<K>(text: &str, key: impl FnOnce(&str) -> Option<K>) -> Option<(usize, K)> {
    let (before, rest) = text.split_once(':')?;
    Some((before.parse().ok()?, key(rest)?))
}

/// Returns the cursor behind the item at `position` of `list`, which is sorted by `key`.
pub(super) fn cursor<T, K: Ord>(
    list: &[T],
    position: usize,
    key: impl Fn(&T) -> K,
    text: impl Display,
) -> String {
    let first = list.get(position).map(&key);
    let first = first.map_or(0, |wanted| list.partition_point(|item| key(item) < wanted));
    format!("{}:{text}", position.saturating_sub(first))
}

/// Collects the positions of one page, and says which of them is the last if more follow.
pub(super) fn collect(
    positions: impl Iterator<Item = usize>,
    limit: usize,
) -> (Vec<usize>, Option<usize>) {
    let mut page: Vec<usize> = positions.take(limit.saturating_add(1)).collect();
    if page.len() <= limit {
        return (page, None);
    }
    page.truncate(limit);
    let last = page.last().copied();
    (page, last)
}

/// Reads the parts of a key that stand between colons.
pub(super) fn parts<A: FromStr, B: FromStr>(text: &str) -> Option<(A, B)> {
    let (a, b) = text.rsplit_once(':')?;
    Some((a.parse().ok()?, b.parse().ok()?))
}
