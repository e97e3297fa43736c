//! One attempt at an RRDP repository: notification, then deltas or the snapshot.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::FetchError;
use super::budget::Budget;
use super::document::{
    DocumentError, Expected, Transfer, read_delta, read_notification, read_snapshot,
};
use super::error::{FetchErrorKind, Stage};
use super::fetcher::{Held, Outcome, blocking};
use super::filter::Refused;
use super::headroom::{Limited, saw};
use super::http::HttpClient;
use super::limits::{DELTA_BYTES, NOTIFICATION_BYTES, SNAPSHOT_BYTES};
use super::plan::{DeltaRef, FileRef, Notification, Plan, SnapshotReason, delta_hashes, plan};
use super::report::{Done, Drops};
use super::spool::{Spooled, no_room, spool};
use super::stop::Stop;
use crate::model::HttpsUri;
use crate::store::{Attempt, MapChange, RrdpState, Staging, Store, Validators};

/// What an attempt works with.
pub(super) struct Rrdp<'a> {
    pub(super) http: &'a HttpClient,
    pub(super) store: &'a Store,
    pub(super) budget: &'a Budget,
    pub(super) attempt: &'a Attempt,
    pub(super) notify: &'a HttpsUri,
    pub(super) spool_dir: PathBuf,
    pub(super) stop: Stop,
}

impl Rrdp<'_> {
    /// Brings the repository up to date; nothing is committed yet.
    pub(super) async fn fetch(&self) -> Result<Outcome, FetchError> {
        let before = &self.attempt.before;
        let held = before.rrdp.as_ref();
        // A damaged cache wants an answer in any case (THREATS A26).
        let conditions = held.filter(|_| !before.refetch).map(|held| held.validators.clone());
        let conditions = conditions.unwrap_or_default();
        let stage = Stage::Notification;
        let reply =
            self.http.get_if_changed(self.notify, stage, &conditions, NOTIFICATION_BYTES).await?;
        let Some(body) = reply else { return Ok(self.unchanged(held.cloned())) };
        let mut share = self.budget.memory.share(self.attempt.rank);
        let (bytes, validators) = body.collect(&mut share).await?;
        let size = bytes.len() as u64;
        saw(Limited::Notification, size);
        let place = self.budget.parsers.place(size).await;
        let read = blocking(stage, self.notify, move || read_notification(&bytes));
        let notification = read.await?.map_err(|error| fault(stage, self.notify, &error))?;
        drop((place, share));
        saw(Limited::DeltaList, notification.deltas.len() as u64);
        self.check_origins(&notification)?;
        let mut outcome = match plan(&notification, held, before.refetch) {
            Plan::Unchanged => self.unchanged(None),
            Plan::Snapshot(reason) => self.snapshot(&notification, reason).await?,
            Plan::Deltas(deltas) => match self.deltas(&notification, deltas).await {
                Ok(outcome) => outcome,
                // Our own trouble would meet the snapshot, too.
                Err(error) if matches!(error.kind, FetchErrorKind::Store(_)) => return Err(error),
                Err(error) => {
                    tracing::info!(repository = %self.notify, error = %error, "delta failed");
                    self.snapshot(&notification, SnapshotReason::DeltaFailed).await?
                }
            },
        };
        outcome.bytes += size;
        outcome.rrdp = Some(state(&notification, validators));
        Ok(outcome)
    }

    fn unchanged(&self, rrdp: Option<RrdpState>) -> Outcome {
        Outcome {
            staging: self.stage(),
            change: MapChange::Unchanged,
            rrdp,
            bytes: 0,
            done: Done::Unchanged,
            drops: Drops::default(),
            held: Held::default(),
        }
    }

    fn stage(&self) -> Staging {
        self.store.stage_within(self.budget.room(self.attempt.rank))
    }

    /// Source: RFC 9674, section 2. One foreign URI spoils the notification (THREATS A21, A22).
    fn check_origins(&self, notification: &Notification) -> Result<(), FetchError> {
        let deltas = notification.deltas.iter().map(|delta| &delta.file);
        let mut files = std::iter::once(&notification.snapshot).chain(deltas);
        match files.find(|file| !file.uri.same_origin(self.notify)) {
            None => Ok(()),
            Some(file) => {
                let detail = format!("names a file of another origin (RFC 9674): {}", file.uri);
                let kind = FetchErrorKind::Refused;
                Err(FetchError::new(Stage::Notification, self.notify, kind, detail))
            }
        }
    }

    fn transfer(&self) -> Transfer {
        Transfer {
            staging: self.stage(),
            drops: Drops::default(),
            changes: BTreeMap::new(),
            names: 0,
            bytes: 0,
        }
    }

    async fn download(
        &self,
        file: &FileRef,
        stage: Stage,
        limit: u64,
    ) -> Result<Spooled, FetchError> {
        let body = self.http.get(&file.uri, stage, limit).await?;
        let share = self.budget.transfers.share(self.attempt.rank);
        spool(body, file, stage, &self.spool_dir, share).await
    }

    async fn snapshot(
        &self,
        notification: &Notification,
        reason: SnapshotReason,
    ) -> Result<Outcome, FetchError> {
        let file = &notification.snapshot;
        let spooled = self.download(file, Stage::Snapshot, SNAPSHOT_BYTES).await?;
        let size = spooled.size;
        let place = self.budget.parsers.place(size).await;
        let expected = expected(notification, notification.serial);
        let (mut transfer, stop) = (self.transfer(), self.stop.clone());
        let read = blocking(Stage::Snapshot, &file.uri, move || {
            let map = read_snapshot(&spooled.file, &expected, &mut transfer, stop)?;
            Ok((map, transfer))
        });
        let read = read.await?;
        let (map, transfer) = read.map_err(|error| fault(Stage::Snapshot, &file.uri, &error))?;
        Ok(Outcome {
            staging: transfer.staging,
            change: MapChange::Replace(map),
            rrdp: None,
            bytes: size,
            done: Done::Snapshot(reason),
            drops: transfer.drops,
            held: Held { _place: place, _memory: None },
        })
    }

    async fn deltas(
        &self,
        notification: &Notification,
        deltas: Vec<DeltaRef>,
    ) -> Result<Outcome, FetchError> {
        let mut transfer = self.transfer();
        let mut memory = self.budget.memory.share(self.attempt.rank);
        for delta in &deltas {
            let limit = DELTA_BYTES.saturating_sub(transfer.bytes);
            let spooled = self.download(&delta.file, Stage::Delta, limit).await?;
            transfer.bytes += spooled.size;
            let place = self.budget.parsers.place(spooled.size).await;
            let (expected, stop) = (expected(notification, delta.serial), self.stop.clone());
            let (store, attempt) = (self.store.clone(), self.attempt.clone());
            let read = blocking(Stage::Delta, &delta.file.uri, move || {
                let map = store.open_map(&attempt)?;
                read_delta(&spooled.file, &expected, &map, &mut transfer, stop)?;
                // What waits for the next delta waits on disk.
                transfer.staging.flush()?;
                Ok(transfer)
            });
            let read = read.await?;
            transfer = read.map_err(|error| fault(Stage::Delta, &delta.file.uri, &error))?;
            drop(place);
            let held = memory.set(transfer.names);
            held.map_err(|error| no_room(Stage::Delta, &delta.file.uri, &error))?;
        }
        Ok(Outcome {
            staging: transfer.staging,
            change: MapChange::Apply(transfer.changes),
            rrdp: None,
            bytes: transfer.bytes,
            done: Done::Deltas(deltas.len()),
            drops: transfer.drops,
            held: Held { _place: None, _memory: Some(memory) },
        })
    }
}

fn expected(notification: &Notification, serial: u64) -> Expected {
    Expected { session: notification.session.clone(), serial }
}

fn state(notification: &Notification, validators: Validators) -> RrdpState {
    RrdpState {
        session: notification.session.clone(),
        serial: notification.serial,
        snapshot: notification.snapshot.hash,
        deltas: delta_hashes(notification),
        validators,
    }
}

fn fault(stage: Stage, uri: &HttpsUri, error: &DocumentError) -> FetchError {
    let kind = match error {
        DocumentError::Store(error) => return FetchError::store(stage, uri, error),
        DocumentError::Session { .. } => FetchErrorKind::Session,
        DocumentError::Refused(Refused::TooLarge)
        | DocumentError::TooManyObjects
        | DocumentError::TooManyNames => FetchErrorKind::TooLarge,
        DocumentError::Refused(Refused::Stopped) => FetchErrorKind::Timeout,
        _ => FetchErrorKind::Format,
    };
    FetchError::new(stage, uri, kind, error)
}
