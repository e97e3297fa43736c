//! How much the cache may grow, and who meets the end of it first.

use std::path::Path;

use rusqlite::Transaction;

use super::db::WriteError;

/// How many repositories the room beyond the common half is really for: in 2026 there are about
/// a hundred in all, of which the first few dozen hold nearly everything.
const SENIORS: u64 = 32;

/// How far the cache may grow for one repository.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Room {
    /// How many bytes the cache may have when the repository's objects are in.
    pub cache_bytes: u64,
    /// How many bytes of the disk stay free.
    pub reserve: u64,
}

/// Returns how far a repository may fill a common budget, by how many were known before it.
///
/// Whoever came later meets the end earlier: half of the budget is for everybody, the rest is less
/// and less for later ones. So newcomers, however many, leave room to those that were there.
pub fn allowance(budget: u64, rank: u64) -> u64 {
    let half = budget / 2;
    let weight = u128::from(SENIORS);
    let more = u128::from(budget - half) * weight / (weight + u128::from(rank));
    half.saturating_add(u64::try_from(more).unwrap_or(0))
}

/// Returns how many bytes are free on the disk of `path` for this process; nothing if unknown.
pub fn free_bytes(path: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(path).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Returns how many bytes of the file are in use.
pub(super) fn used_bytes(transaction: &Transaction<'_>) -> rusqlite::Result<u64> {
    let number = |name: &str| {
        let value = transaction.pragma_query_value(None, name, |row| row.get::<_, i64>(0))?;
        Ok::<_, rusqlite::Error>(u64::try_from(value).unwrap_or(0))
    };
    let pages = number("page_count")?.saturating_sub(number("freelist_count")?);
    Ok(pages.saturating_mul(number("page_size")?))
}

/// Refuses what made the cache grow beyond `room`; what makes it no larger is never refused.
pub(super) fn check(
    transaction: &Transaction<'_>,
    room: Room,
    used_before: u64,
    path: &Path,
) -> Result<(), WriteError> {
    let used = used_bytes(transaction)?;
    if used <= used_before {
        return Ok(());
    }
    if used > room.cache_bytes {
        let limit = room.cache_bytes;
        return Err(WriteError::Full(format!(
            "the cache has {used_before} bytes, and this repository may fill it to {limit}"
        )));
    }
    match free_bytes(path) {
        Some(free) if free < room.reserve => Err(WriteError::Full(format!(
            "the disk has {free} bytes left, and {} are kept for the state and the worlds",
            room.reserve
        ))),
        // A disk that does not tell is left to its own errors.
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Access, Store, StoreErrorKind};
    use crate::world::Purpose;

    #[test]
    fn later_repositories_meet_the_end_of_a_budget_earlier() {
        let of_budget = |rank| allowance(1_000, rank);
        assert_eq!([0, 8, 32, 96, 992].map(of_budget), [1_000, 900, 750, 625, 515]);
        assert_eq!(allowance(u64::MAX, 0), u64::MAX);
        assert!(allowance(1_000, u64::MAX) >= 500);
        assert_eq!(allowance(0, 5), 0);
    }

    #[test]
    fn l20_a_cache_that_is_full_for_newcomers_still_takes_what_it_has_and_what_elders_bring() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cache.sqlite");
        let store = Store::open(&path, Purpose::Lab, Access::Write).unwrap();
        let put = |rank, seeds: std::ops::Range<u32>| {
            let cache_bytes = allowance(4_000_000, rank);
            let mut staging = store.stage_within(Room { cache_bytes, reserve: 0 });
            for seed in seeds {
                staging.put(seed.to_be_bytes().repeat(5_000).into()).unwrap();
            }
            staging.flush().map_err(|error| error.kind)
        };
        assert_eq!(put(1_000, 0..50), Ok(()));
        assert_eq!(put(1_000, 50..150), Err(StoreErrorKind::Full), "beyond the common half");
        assert_eq!(put(0, 50..150), Ok(()), "who was first has more room");
        assert_eq!(put(1_000, 0..150), Ok(()), "what is there already costs nothing");
        assert_eq!(put(0, 150..300), Err(StoreErrorKind::Full), "the end for everybody");
    }

    #[test]
    fn l02_the_last_bytes_of_the_disk_are_kept_for_what_must_be_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cache.sqlite");
        let store = Store::open(&path, Purpose::Lab, Access::Write).unwrap();
        let room = |reserve| Room { cache_bytes: u64::MAX, reserve };
        let mut staging = store.stage_within(room(u64::MAX));
        staging.put(vec![1; 100_000].into()).unwrap();
        let error = staging.flush().unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Full);
        assert!(error.to_string().contains("the disk has"), "{error}");
    }
}
