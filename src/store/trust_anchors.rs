//! The trust anchors' certificates, and how fetching them went.

use bytes::Bytes;
use rusqlite::params;

use super::db::{Store, bump_generation};
use super::error::StoreError;
use super::objects::{Row, Stored};
use super::{objects, schema};
use crate::model::Timestamp;
use crate::world::TrustAnchorFetch;

impl Store {
    /// Keeps the certificate of the trust anchor `name`, which was fetched from `uri`.
    pub fn save_trust_anchor(
        &self,
        name: &str,
        uri: &str,
        certificate: &Bytes,
        fetched: Timestamp,
    ) -> Result<(), StoreError> {
        let hash = crate::model::ObjectHash::of(certificate);
        self.write(|transaction| {
            let object = objects::insert(transaction, &hash, certificate)?;
            transaction.execute(
                "INSERT INTO trust_anchors VALUES (?1, ?2, ?3, ?4, ?4, NULL)
                 ON CONFLICT (name) DO UPDATE SET uri = excluded.uri, object = excluded.object,
                     last_success = excluded.last_success,
                     last_attempt = excluded.last_attempt, error = NULL",
                params![name, uri, object, fetched.0],
            )?;
            Ok(bump_generation(transaction)?)
        })
    }

    /// Returns the certificate of the trust anchor `name` that is kept.
    pub fn trust_anchor_certificate(&self, name: &str) -> Result<Option<Bytes>, StoreError> {
        let connection = schema::open_reader(self.path())?;
        let hash = connection.query_row(
            "SELECT sha256 FROM trust_anchors JOIN objects ON objects.id = object
             WHERE name = ?1",
            [name],
            |row| row.get(0).map(crate::model::ObjectHash),
        );
        match hash {
            Err(rusqlite::Error::QueryReturnedNoRows) => Ok(None),
            Err(error) => Err(self.error(&error)),
            Ok(hash) => match Row::read(&connection, &hash).map(|row| row.verify(&hash)) {
                Ok(Stored::Good(bytes)) => Ok(Some(bytes)),
                // One that is damaged is as good as none: what is fetched replaces it.
                Ok(Stored::Absent | Stored::Damaged) => Ok(None),
                Err(error) => Err(self.error(&error)),
            },
        }
    }

    /// Records that no certificate could be fetched; the one that is kept stays.
    pub fn fail_trust_anchor(
        &self,
        name: &str,
        error: &str,
        attempted: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction.execute(
                "INSERT INTO trust_anchors VALUES (?1, NULL, NULL, NULL, ?2, ?3)
                 ON CONFLICT (name) DO UPDATE SET last_attempt = excluded.last_attempt,
                     error = excluded.error",
                params![name, attempted.0, error],
            )?;
            Ok(bump_generation(transaction)?)
        })
    }

    /// Returns how fetching the trust anchor `name` went; the default if it was never tried.
    pub fn trust_anchor_fetch(&self, name: &str) -> Result<TrustAnchorFetch, StoreError> {
        let connection = schema::open_reader(self.path())?;
        let read = connection.query_row(
            "SELECT uri, last_success, last_attempt, error FROM trust_anchors WHERE name = ?1",
            [name],
            |row| {
                let time = |index| -> rusqlite::Result<_> {
                    Ok(row.get::<_, Option<i64>>(index)?.map(Timestamp))
                };
                Ok(TrustAnchorFetch {
                    uri: row.get(0)?,
                    last_success: time(1)?,
                    last_attempt: time(2)?,
                    error: row.get(3)?,
                })
            },
        );
        match read {
            Err(rusqlite::Error::QueryReturnedNoRows) => Ok(TrustAnchorFetch::default()),
            other => other.map_err(|error| self.error(&error)),
        }
    }
}
