//! Writes a body to an unnamed temporary file while hashing it, before anything parses it.

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::path::Path;

use aws_lc_rs::digest;
use tokio::io::{AsyncWriteExt, BufWriter};

use super::FetchError;
use super::error::{FetchErrorKind, Stage};
use super::http::Body;
use super::plan::FileRef;
use crate::model::ObjectHash;
use crate::store::StoreErrorKind;

/// Spools `body`, checks its hash, and returns the file, ready to be read, and its size.
pub(super) async fn spool(
    mut body: Body,
    file: &FileRef,
    stage: Stage,
    directory: &Path,
) -> Result<(File, u64), FetchError> {
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
        size += piece.len() as u64;
        writer.write_all(&piece).await.map_err(local)?;
    }
    writer.flush().await.map_err(local)?;
    if ObjectHash::from_slice(context.finish().as_ref()) != Some(file.hash) {
        let detail = "the file does not fit the hash that the notification gives";
        return Err(FetchError::new(stage, &file.uri, FetchErrorKind::Hash, detail));
    }
    let mut spooled = writer.into_inner().into_std().await;
    spooled.seek(SeekFrom::Start(0)).map_err(local)?;
    Ok((spooled, size))
}
