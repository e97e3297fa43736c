//! Imports a tree of files: as rsync leaves it, or rpki-client's cache.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::FetchError;
use super::error::{FetchErrorKind, Stage};
use super::limits::TRUST_ANCHOR_BYTES;
use super::report::{DropReason, Drops};
use super::rsync::{ImportError, import_file};
use super::stop::Stop;
use super::trust_anchor::check_key;
use super::walk::{Found, read_object, walk};
use crate::model::{ObjectUri, RepositoryId, RsyncModule, Timestamp};
use crate::object::{Tal, TalUri};
use crate::store::{MapChange, Store, Success};
use crate::world::RepositoryStatus;

/// What was imported from a tree.
#[derive(Clone, Debug, Default)]
pub struct TreeReport {
    /// Every module that was found.
    pub modules: Vec<RepositoryStatus>,
    /// The names of the trust anchors whose certificate was found.
    pub trust_anchors: Vec<String>,
    /// Files that are no objects: names that no URI can have, links, doubles.
    pub drops: Drops,
}

type Files = BTreeMap<RsyncModule, BTreeMap<ObjectUri, PathBuf>>;

/// Imports everything below `directory` as if it had been fetched by rsync at `now`.
///
/// A file is at `HOST/MODULE/PATH`; in rpki-client's cache also at `.rsync/HOST/MODULE/PATH` or
/// `.rrdp/HASH/HOST/MODULE/PATH`, where what lies outside has been validated and comes first.
/// A trust anchor's certificate is at the path of one of its rsync URIs, else it is any file
/// `ta/NAME/*.cer`; it must have the locator's key. Blocks; for a thread of its own.
pub fn import_tree(
    directory: &Path,
    store: &Store,
    tals: &[Tal],
    now: Timestamp,
) -> Result<TreeReport, FetchError> {
    import(directory, store, tals, now).map_err(|error| error.at(Stage::Tree, directory.display()))
}

fn import(
    directory: &Path,
    store: &Store,
    tals: &[Tal],
    now: Timestamp,
) -> Result<TreeReport, ImportError> {
    let mut report = TreeReport::default();
    let (found, _) = walk(directory, &Stop::default(), &mut report.drops)?;
    let (files, certificates) = sort(found, &mut report.drops);
    for tal in tals {
        match find_certificate(tal, &files, &certificates)? {
            Some((uri, bytes)) => {
                store.save_trust_anchor(&tal.name, &uri, &bytes, now)?;
                report.trust_anchors.push(tal.name.clone());
            }
            None => {
                let error = "no certificate with the locator's key in the tree";
                store.fail_trust_anchor(&tal.name, error, now)?;
            }
        }
    }
    for (module, files) in files {
        let status = import_module(store, module, files, now, &mut report.drops)?;
        report.modules.push(status);
    }
    Ok(report)
}

/// Sorts what was found into modules and `ta/NAME/*.cer`.
fn sort(found: Vec<Found>, drops: &mut Drops) -> (Files, BTreeMap<String, Vec<PathBuf>>) {
    let (mut files, mut certificates) = (Files::new(), BTreeMap::<_, Vec<_>>::new());
    let mut ranked: Vec<_> = found.into_iter().map(|file| (rank(&file.name), file)).collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    for (_, file) in ranked {
        if let Some((name, _)) = file.name.strip_prefix("ta/").and_then(|n| n.split_once('/')) {
            certificates.entry(name.to_owned()).or_default().push(file.path);
            continue;
        }
        match format!("rsync://{}", place(&file.name)).parse::<ObjectUri>() {
            Err(_) => drops.add(&file.name, DropReason::Uri),
            Ok(uri) => {
                let module = files.entry(uri.module()).or_default();
                // The same object often lies in two places; only the first counts.
                module.entry(uri).or_insert(file.path);
            }
        }
    }
    (files, certificates)
}

/// Ranks the parts of rpki-client's cache: what was validated first.
fn rank(name: &str) -> u8 {
    match name {
        _ if name.starts_with(".rrdp/") => 2,
        _ if name.starts_with(".rsync/") => 1,
        _ => 0,
    }
}

/// Returns the part `HOST/MODULE/PATH` of a name.
fn place(name: &str) -> &str {
    if let Some(rest) = name.strip_prefix(".rrdp/") {
        rest.split_once('/').map_or("", |(_, place)| place)
    } else {
        name.strip_prefix(".rsync/").unwrap_or(name)
    }
}

type Certificate = Option<(String, bytes::Bytes)>;

fn find_certificate(
    tal: &Tal,
    files: &Files,
    certificates: &BTreeMap<String, Vec<PathBuf>>,
) -> Result<Certificate, ImportError> {
    let by_uri = tal.uris.iter().filter_map(|uri| match uri {
        TalUri::Rsync(uri) => Some((uri.as_str(), files.get(&uri.module())?.get(uri)?)),
        TalUri::Https(_) => None,
    });
    let first = tal.uris.first().map_or("", |uri| uri.as_str());
    let by_name = certificates.get(&tal.name).into_iter().flatten().map(|path| (first, path));
    for (uri, path) in by_uri.chain(by_name) {
        let Some(bytes) = read_object(path)? else { continue };
        let bytes = bytes::Bytes::from(bytes);
        if bytes.len() as u64 <= TRUST_ANCHOR_BYTES && check_key(&bytes, &tal.spki).is_ok() {
            return Ok(Some((uri.to_owned(), bytes)));
        }
    }
    Ok(None)
}

fn import_module(
    store: &Store,
    module: RsyncModule,
    files: BTreeMap<ObjectUri, PathBuf>,
    now: Timestamp,
    drops: &mut Drops,
) -> Result<RepositoryStatus, ImportError> {
    let clock = Instant::now();
    let attempt = store.begin(&RepositoryId::Rsync(module), now)?;
    let (mut staging, mut map) = (store.stage(), BTreeMap::new());
    for (uri, path) in files {
        import_file(&mut staging, &mut map, uri, &path, drops)?;
    }
    let success = Success {
        finished: now,
        duration: clock.elapsed(),
        // Files change only when someone imports them again.
        next_attempt: Timestamp::MAX,
        bytes: 0,
        rrdp: None,
    };
    Ok(staging.commit(&attempt, &MapChange::Replace(map), &success)?.status)
}

/// Records that the repository `id`, which a certificate names, is not in the tree.
pub fn record_absent(store: &Store, id: &RepositoryId, now: Timestamp) -> Result<(), FetchError> {
    let fault = |error| FetchError::store(Stage::Tree, id, &error);
    let attempt = store.begin(id, now).map_err(fault)?;
    let error = FetchError::new(Stage::Tree, id, FetchErrorKind::Unreachable, "not in the tree");
    let text = error.to_string();
    store.fail(&attempt, &text, Duration::ZERO, Timestamp::MAX).map_err(fault)?;
    Ok(())
}
