//! What stands since the last validation, and which points something may have changed for.

use std::collections::HashSet;
use std::sync::Arc;

use aws_lc_rs::digest;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde::{Deserialize, Serialize};

use super::db::{Store, bump_generation};
use super::error::StoreError;
use super::memos::{decode, write_memo};
use super::points::{read_point, write_last_good};
use super::select::{Known, Transports, patience};
use super::snapshot::Snapshot;
use super::{changes, memos};
use crate::model::{ObjectHash, PointId, RepositoryId, TimeWindow, Timestamp};
use crate::object::Tal;
use crate::validate::{
    ChangedDirectories, LastGood, PointMemo, Policy, Recollection, Revision, SourceError, Sums,
    basis,
};
use crate::world::RepositoryState;

/// What a validation found about everything together; true until something changes.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// The trust anchors, and which repositories can be read: see [`Snapshot::circumstances`].
    pub circumstances: ObjectHash,
    /// In which time the result stands.
    pub window: TimeWindow,
    /// The repositories that the CAs below each trust anchor name, in the order of the tree.
    pub named: Vec<(String, Vec<RepositoryId>)>,
    /// For each trust anchor.
    pub sums: Vec<Sums>,
    /// At most so many providers are in all ASPAs of one customer.
    pub providers: usize,
    /// After this second only a walk over everything tells the result: the last good state of a
    /// point that was not reached ends, or the time of a next key.
    pub walk_after: Timestamp,
}

/// What the cache holds of the last validation.
#[derive(Clone, Debug)]
pub struct Stood {
    /// The result as a whole.
    pub standing: Standing,
    /// The generation of the cache that it was made from.
    pub generation: i64,
    /// Its name, the same in the world that was made of it.
    pub stamp: ObjectHash,
}

/// Returns the name of what is remembered now.
pub(super) fn stamp(connection: &Connection) -> rusqlite::Result<ObjectHash> {
    let sql = "SELECT nonce, version FROM meta JOIN memory USING (only)";
    let (nonce, version): (String, i64) =
        connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(ObjectHash::of(format!("provost stamp {nonce} {version}").as_bytes()))
}

/// Records what stands from now on, and returns its name.
pub(super) fn write(
    transaction: &Transaction<'_>,
    generation: Option<i64>,
    standing: Option<&Standing>,
) -> rusqlite::Result<ObjectHash> {
    // What cannot be encoded is not there: the next run walks over everything.
    let standing = standing.and_then(|standing| postcard::to_stdvec(standing).ok());
    transaction.execute(
        "UPDATE memory SET generation = ?1, standing = ?2, version = version + 1",
        params![generation, standing],
    )?;
    if let Some(generation) = generation {
        changes::forget(transaction, generation)?;
    }
    bump_generation(transaction)?;
    stamp(transaction)
}

impl Store {
    /// Writes what differs from the last validation, and the whole result; returns its name.
    ///
    /// `make` makes the result of the time up to which every remembered outcome stands.
    pub fn save_revision(
        &self,
        revision: &Revision,
        generation: i64,
        make: impl FnOnce(Timestamp) -> Standing,
    ) -> Result<(ObjectHash, Standing), StoreError> {
        let memos = revision.judged.iter().map(|judged| (judged.memo.id(), &judged.memo));
        let rows: Result<Vec<_>, _> =
            memos.map(|(id, memo)| Ok((id, memos::Row::of(memo)?))).collect();
        let rows = rows.map_err(|error: postcard::Error| {
            StoreError::new(self.path(), super::StoreErrorKind::Io, error.to_string())
        })?;
        self.write(|transaction| {
            for (id, row) in &rows {
                write_memo(transaction, id, row)?;
            }
            for judged in &revision.judged {
                let (before, after) = &judged.last_good;
                if before != after {
                    write_last_good(transaction, judged.memo.id(), after.as_deref())?;
                }
            }
            let until: Option<i64> =
                transaction.query_row("SELECT min(until) FROM memos", [], |row| row.get(0))?;
            let standing = make(until.map_or(Timestamp::MAX, Timestamp));
            let stamp = write(transaction, Some(generation), Some(&standing))?;
            Ok((stamp, standing))
        })
    }

    /// Tells whether any point has a last good state: whether this cache was ever validated.
    pub fn has_points(&self) -> Result<bool, StoreError> {
        let connection = super::schema::open_reader(self.path())?;
        let sql = "SELECT EXISTS (SELECT 1 FROM points)";
        connection.query_row(sql, [], |row| row.get(0)).map_err(|error| self.error(&error))
    }
}

/// What a repository is good for, as far as the choice between repositories asks.
fn class(id: &RepositoryId, known: &Known, now: Timestamp) -> u8 {
    let is_stale = known.failing_since.is_some_and(|since| now.since(since) > patience(id, since));
    match known.state {
        RepositoryState::Pending => 0,
        RepositoryState::Unavailable => 1,
        RepositoryState::Failing if is_stale => 3,
        RepositoryState::Current | RepositoryState::Failing => 2,
    }
}

impl Snapshot {
    /// Returns what stands since the last validation by these rules and `policy`.
    pub fn stood(&self, policy: &Policy) -> Result<Option<Stood>, SourceError> {
        let reader = self.reader()?;
        let read = || -> rusqlite::Result<_> {
            let sql = "SELECT basis, generation, standing FROM memory";
            let row = reader.query_row(sql, [], |row| {
                let standing: Option<Vec<u8>> = row.get(2)?;
                Ok((ObjectHash(row.get(0)?), row.get::<_, Option<i64>>(1)?, standing))
            });
            let Some((known, Some(generation), Some(standing))) = row.optional()? else {
                return Ok(None);
            };
            let standing = postcard::from_bytes(&standing).ok();
            let Some(standing) = standing.filter(|_| known == basis(policy)) else {
                return Ok(None);
            };
            Ok(Some(Stood { standing, generation, stamp: stamp(&reader)? }))
        };
        read().map_err(|error| self.unreadable(&error))
    }

    /// Returns a digest of what decides, beside objects, policy and time, about the whole result:
    /// the locators, the trust anchors' certificates, the transports, and which repositories can
    /// be read.
    pub fn circumstances(&self, tals: &[Tal]) -> Result<ObjectHash, SourceError> {
        let mut context = digest::Context::new(&digest::SHA256);
        let mut add = |part: &[u8]| {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        };
        let Transports { rrdp, rsync, fallback } = self.transports();
        add(&[u8::from(rrdp), u8::from(rsync)]);
        add(fallback.as_str().as_bytes());
        for tal in tals {
            add(tal.name.as_bytes());
            add(&tal.spki);
            add(&tal.uris.len().to_be_bytes());
            tal.uris.iter().for_each(|uri| add(uri.as_str().as_bytes()));
            let certificate = self.trust_anchor_hash(&tal.name)?;
            add(certificate.as_ref().map_or(&[], |hash| &hash.0));
        }
        let mut known: Vec<_> = self.known().iter().collect();
        known.sort_unstable_by_key(|(id, _)| *id);
        for (id, known) in known {
            // One that waits for its first fetch is as one that nobody has heard of.
            let class = class(id, known, self.now());
            if class > 0 {
                add(id.as_str().as_bytes());
                add(&[class]);
            }
        }
        let digest = context.finish();
        Ok(ObjectHash::from_slice(digest.as_ref()).unwrap_or(ObjectHash([0; 32])))
    }

    /// Returns the points that may come out otherwise now, with all that are above them.
    pub fn touched(&self, changed: &ChangedDirectories) -> Result<HashSet<PointId>, SourceError> {
        let reader = self.reader()?;
        let read = || -> rusqlite::Result<HashSet<PointId>> {
            let id = |row: &rusqlite::Row<'_>| row.get(0).map(PointId);
            let mut touched: HashSet<PointId> = HashSet::new();
            let sql = "SELECT id FROM memos WHERE until < ?1 UNION ALL
                       SELECT id FROM memos WHERE settled = 0";
            for row in reader.prepare_cached(sql)?.query_map([self.now().0], id)? {
                touched.insert(row?);
            }
            let mut find = reader.prepare_cached("SELECT id FROM memos WHERE directory = ?1")?;
            for directory in changed.directories() {
                for row in find.query_map([directory.as_str()], id)? {
                    touched.insert(row?);
                }
            }
            let mut open: Vec<PointId> = touched.iter().copied().collect();
            let mut above = reader.prepare_cached("SELECT parent FROM memos WHERE id = ?1")?;
            while let Some(point) = open.pop() {
                let parent = above.query_row([point.0], |row| row.get(0)).optional()?.flatten();
                if let Some(parent) = parent.map(PointId)
                    && touched.insert(parent)
                {
                    open.push(parent);
                }
            }
            Ok(touched)
        };
        read().map_err(|error| self.unreadable(&error))
    }
}

impl Recollection for Snapshot {
    fn memo(&self, id: &PointId) -> Result<Option<Arc<PointMemo>>, SourceError> {
        let row = {
            let reader = self.reader()?;
            let read = || -> rusqlite::Result<_> {
                let sql = "SELECT sha256, memo FROM memos WHERE id = ?1";
                let mut find = reader.prepare_cached(sql)?;
                let row = find.query_row([id.0], |row| {
                    Ok((*id, ObjectHash(row.get(0)?), row.get::<_, Vec<u8>>(1)?))
                });
                row.optional()
            };
            read().map_err(|error| self.unreadable(&error))?
        };
        let Some(row) = row else { return Ok(None) };
        match decode(&row) {
            Some(memo) => Ok(Some(Arc::new(memo))),
            None => Err(SourceError(format!("what is remembered of {id} is damaged"))),
        }
    }

    fn last_good(&self, id: &PointId) -> Result<Option<Arc<LastGood>>, SourceError> {
        let reader = self.reader()?;
        let read = || -> rusqlite::Result<_> {
            let mut find = reader.prepare_cached("SELECT * FROM points WHERE id = ?1")?;
            find.query_row([id.0], |row| Ok(read_point(row)?.1)).optional()
        };
        read().map_err(|error| self.unreadable(&error))
    }
}
