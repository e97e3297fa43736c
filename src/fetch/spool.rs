//! Writes a body to an unnamed temporary file while hashing it, before anything parses it.

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::path::Path;

use aws_lc_rs::digest;
use tokio::io::{AsyncWriteExt, BufWriter};

use super::FetchError;
use super::budget::{NoRoom, Share};
use super::error::{FetchErrorKind, Stage};
use super::headroom::{Limited, saw};
use super::http::Body;
use super::plan::FileRef;
use crate::model::ObjectHash;
use crate::store::StoreErrorKind;

/// A document on disk, ready to be read; it goes, and its share with it, when this is dropped.
#[derive(Debug)]
pub(super) struct Spooled {
    pub(super) file: File,
    pub(super) size: u64,
    _share: Share,
}

/// Spools `body` as far as `share` has room, and checks its hash.
pub(super) async fn spool(
    mut body: Body,
    file: &FileRef,
    stage: Stage,
    directory: &Path,
    mut share: Share,
) -> Result<Spooled, FetchError> {
    let local = |error: std::io::Error| {
        let kind = FetchErrorKind::Store(StoreErrorKind::Io);
        FetchError::new(stage, &file.uri, kind, format!("temporary file: {error}"))
    };
    let spooled = tempfile::tempfile_in(directory).map_err(local)?;
    let mut writer = BufWriter::with_capacity(262_144, tokio::fs::File::from_std(spooled));
    let mut context = digest::Context::new(&digest::SHA256);
    let mut size = 0;
    while let Some(piece) = body.next().await? {
        context.update(&piece);
        share.add(piece.len() as u64).map_err(|error| no_room(stage, &file.uri, &error))?;
        size += piece.len() as u64;
        writer.write_all(&piece).await.map_err(local)?;
    }
    writer.flush().await.map_err(local)?;
    saw(if stage == Stage::Delta { Limited::Delta } else { Limited::Snapshot }, size);
    if ObjectHash::from_slice(context.finish().as_ref()) != Some(file.hash) {
        let detail = "the file does not fit the hash that the notification gives";
        return Err(FetchError::new(stage, &file.uri, FetchErrorKind::Hash, detail));
    }
    let mut spooled = writer.into_inner().into_std().await;
    spooled.seek(SeekFrom::Start(0)).map_err(local)?;
    Ok(Spooled { file: spooled, size, _share: share })
}

/// Makes the error of an attempt that finds no room.
pub(super) fn no_room(stage: Stage, uri: impl std::fmt::Display, error: &NoRoom) -> FetchError {
    FetchError::new(stage, uri, FetchErrorKind::Store(StoreErrorKind::Full), error)
}
